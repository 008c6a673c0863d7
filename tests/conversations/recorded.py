"""What stands in the record of a conversation: what each message was answered with, and who is asked for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.engine import Connection

from bot.app.settings import Settings
from bot.conversation import caring
from bot.conversation.database import make_engine
from bot.conversation.desk_schema import escalations
from bot.conversation.rows import TOLD, body_context, reading_context
from bot.conversation.schema import conversations, messages, service_requests
from persona.privacy.vault import Vault

_m = messages.c


@dataclass(frozen=True)
class Told:
    """One text of the bot: its response, what it was made of, how it reads."""

    response: str
    facts: Mapping[str, Any]
    text: str
    mood: str


@dataclass(frozen=True)
class Answered:
    """All that came back to one message."""

    intent: str
    told: tuple[Told, ...]
    notices: tuple[str, ...]
    offers: tuple[str, ...]
    cards: tuple[str, ...]

    @property
    def says(self) -> tuple[str, ...]:
        """The responses in their order; the front's own lines stand before the bot's."""
        return (*self.notices, *(told.response for told in self.told))

    @property
    def text(self) -> str:
        """All that the bot said."""
        return "\n".join(told.text for told in self.told)


class CaseRecord:
    """Reads the record of a running stack."""

    def __init__(self, settings: Settings) -> None:
        self._engine = make_engine(settings.record_url)
        self._vault = Vault.from_text(settings.data_keys)

    def close(self) -> None:
        """Release the file."""
        self._engine.dispose()

    def answers(self, cid: str) -> dict[str, Answered]:
        """Return what each message of the shopper was answered with, by the id it was sent under."""
        with self._engine.connect() as connection:
            rows = connection.execute(
                select(messages).where(_m.conversation_id == cid, _m.audience == "all").order_by(_m.seq)
            ).all()
        found, mood = {}, ""
        for own in rows:
            if own.author != "shopper" or own.channel_message_id is None:
                continue
            if own.reading:  # a tap is not read: the mood before it goes on
                reading = json.loads(self._vault.open(own.reading, reading_context(cid, own.seq)))
                mood = str(reading["mood"])
            replies = [row for row in rows if row.in_reply_to == own.channel_message_id]
            found[str(own.channel_message_id)] = self._answered(cid, own, replies, mood)
        return found

    def state(self, cid: str) -> dict[str, Any]:
        """Return what else stands there: requests, escalations, who answers, who needs care, the style."""
        with self._engine.connect() as connection:
            row = connection.execute(select(conversations).where(conversations.c.id == cid)).one()
            return {
                "style": row.style,
                "owner": row.owner,
                "care": list(caring.opened(self._vault, cid, row.care)),
                "requests": _column(connection, service_requests, "kind", cid),
                "escalations": _column(connection, escalations, "reason", cid),
            }

    def _answered(self, cid: str, own: Any, replies: list[Any], mood: str) -> Answered:
        told, notices, offers, cards = [], [], [], []
        for row in replies:
            body = json.loads(self._vault.open(row.body, body_context(cid, row.seq)))
            if made := body.get(TOLD):  # of a card, the words it comes with
                told.append(Told(str(made["response"]), made["facts"], str(body["text"]), mood))
            if row.kind == "card" and body["card"] != "policy":  # what is left to unfold is the style's
                cards.append(str(body["card"]))
            elif row.kind != "card" and not made:
                notices.append(str(row.code or row.kind))
            offers += [str(button["title"]) for button in body.get("buttons", ())]
        intent = str((own.intent or {}).get("name") or "")
        return Answered(intent, tuple(told), tuple(notices), tuple(offers), tuple(cards))


def _column(connection: Connection, table: Any, name: str, cid: str) -> list[str]:
    found = connection.execute(
        select(table.c[name]).where(table.c.conversation_id == cid).order_by(table.c.id)
    )
    return [str(row[0]) for row in found]
