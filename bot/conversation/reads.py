"""What clients read from the record: messages after a point, the answers to one message, the reading."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.engine import Connection

from bot.conversation import past, rows, words
from bot.conversation.database import Database
from bot.conversation.keys import check_secret
from bot.conversation.queueing import NOWHERE, Whereabouts
from bot.conversation.schema import conversations, messages
from bot.conversation.types import Owner, State
from persona.privacy.vault import Vault

_c, _m = conversations.c, messages.c

#: Messages that one request returns at most.
PAGE = 200


@dataclass(frozen=True)
class Page:
    """Messages of a conversation, ascending; `more` where the page was cut; `style` is the dress of the page.

    Attributes:
        queue: ``{"position", "minutes"}`` while the conversation waits for a person.
        agent: ``{"name"}`` of the agent who answers.
    """

    owner: Owner
    messages: tuple[Mapping[str, Any], ...]
    more: bool = False
    style: str = "neutral"
    queue: Mapping[str, int] | None = None
    agent: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Standing:
    """Who answers a conversation now, and how its page is dressed; see :class:`Page`."""

    owner: Owner
    style: str
    queue: Mapping[str, int] | None = None
    agent: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Progress:
    """How far the answer to one message is."""

    owner: Owner
    answered: bool
    replies: tuple[Mapping[str, Any], ...]


class Reader:
    """Reads the record; changes nothing.

    Args:
        database: the record.
        vault: opens what is sealed.
        where: returns where a conversation stands that the bot does not answer.
    """

    def __init__(
        self,
        database: Database,
        vault: Vault,
        where: Callable[[Connection, str, Owner], Whereabouts] = lambda *_: NOWHERE,
    ) -> None:
        self._database = database
        self._vault = vault
        self._where = where

    async def whereabouts(self, conversation_id: str, owner: Owner) -> Whereabouts:
        """Return where a conversation stands; costs nothing while the bot answers."""
        if owner not in {Owner.WAITING, Owner.HUMAN}:
            return NOWHERE
        return await self._database.read(lambda c: self._where(c, conversation_id, owner))

    async def standing(self, conversation_id: str, owner: Owner | None = None) -> Standing:
        """Return where a conversation stands; `owner` counts as who answers where it is given."""

        def work(connection: Connection) -> Standing:
            row = connection.execute(rows.CONVERSATION, {"cid": conversation_id}).first()
            if row is None:  # erased meanwhile
                return Standing(owner or Owner.CLOSED, "neutral")
            answers = owner or Owner(row.owner)
            where = self._where(connection, conversation_id, answers)
            return Standing(answers, row.dress, where.queue, where.agent)

        return await self._database.read(work)

    async def earlier(self, conversation_id: str, secret: str, before: str | None) -> past.PastPage:
        """Return a page of the customer's earlier conversations; see :func:`bot.conversation.past.page`.

        Raises:
            AccessDeniedError: unknown conversation or wrong secret.
            CursorInvalidError: the cursor is none of this conversation's.
        """

        def work(connection: Connection) -> past.PastPage:
            row = connection.execute(rows.CONVERSATION, {"cid": conversation_id}).first()
            return past.page(connection, self._vault, check_secret(connection, row, secret), before)

        return await self._database.read(work)

    async def authorise(self, conversation_id: str, secret: str) -> Owner:
        """Return the owner; AccessDeniedError for an unknown conversation or a wrong secret."""

        def work(connection: Connection) -> Owner:
            row = connection.execute(rows.CONVERSATION, {"cid": conversation_id}).first()
            return Owner(check_secret(connection, row, secret).owner)

        return await self._database.read(work)

    async def messages(self, conversation_id: str, secret: str | None, after: int) -> Page:
        """Return the messages with a greater `seq` than `after`, at most :data:`PAGE`.

        Args:
            conversation_id: the conversation.
            secret: None only where the caller has been authorised before.
            after: 0 for all.

        Raises:
            AccessDeniedError: unknown conversation or wrong secret.
        """

        def work(connection: Connection) -> Page:
            row = connection.execute(rows.CONVERSATION, {"cid": conversation_id}).first()
            if row is None or secret is not None:
                row = check_secret(connection, row, secret or "")
            found = connection.execute(
                rows.MESSAGES_AFTER, {"cid": conversation_id, "after": after, "count": PAGE + 1}
            ).all()
            seen = tuple(rows.row_view(self._vault, conversation_id, r) for r in found[:PAGE])
            owner = Owner(row.owner)
            where = self._where(connection, conversation_id, owner)
            return Page(owner, seen, len(found) > PAGE, row.dress, where.queue, where.agent)

        return await self._database.read(work)

    async def progress(self, conversation_id: str, message_id: str) -> Progress:
        """Return what has been said to a message so far."""

        def work(connection: Connection) -> Progress:
            ids = {"cid": conversation_id, "mid": message_id}
            row = connection.execute(rows.CONVERSATION, {"cid": conversation_id}).first()
            message = connection.execute(rows.BY_MESSAGE_ID, ids).first()
            if row is None or message is None:  # erased meanwhile
                return Progress(Owner.CLOSED, answered=True, replies=())
            found = connection.execute(rows.REPLIES_TO, ids).all()
            return Progress(
                Owner(row.owner),
                message.state == State.ANSWERED.value,
                tuple(rows.row_view(self._vault, conversation_id, r) for r in found),
            )

        return await self._database.read(work)

    async def settled(self, conversation_id: str, message_id: str) -> bool:
        """Return whether nobody need wait any longer: the message is answered, gone, or apologised for."""

        def work(connection: Connection) -> bool:
            ids = {"cid": conversation_id, "mid": message_id}
            message = connection.execute(rows.BY_MESSAGE_ID, ids).first()
            if message is None or message.state == State.ANSWERED.value:
                return True
            return connection.execute(rows.SAID, {**ids, "code": words.APOLOGY}).first() is not None

        return await self._database.read(work)

    async def heads(self, conversation_ids: Sequence[str]) -> Mapping[str, int]:
        """Return the next `seq` of conversations, to see whether something is new."""

        def work(connection: Connection) -> Mapping[str, int]:
            found = connection.execute(select(_c.id, _c.next_seq).where(_c.id.in_(conversation_ids)))
            return {row.id: row.next_seq for row in found}

        return await self._database.read(work)

    async def reading(self, conversation_id: str, secret: str) -> Mapping[str, Any]:
        """Return the belief and the last reading of a conversation, for the demo's explanation.

        Raises:
            AccessDeniedError: unknown conversation or wrong secret.
        """

        def work(connection: Connection) -> Mapping[str, Any]:
            found = connection.execute(rows.CONVERSATION, {"cid": conversation_id}).first()
            row = check_secret(connection, found, secret)
            last = connection.execute(
                select(_m.seq, _m.reading, _m.intent, _m.channel_message_id)
                .where(_m.conversation_id == conversation_id, _m.state == State.ANSWERED.value)
                .where(_m.reading.is_not(None))
                .order_by(_m.seq.desc())
                .limit(1)
            ).first()
            reading = None
            if last is not None:
                context = rows.reading_context(conversation_id, last.seq)
                reading = json.loads(self._vault.open(last.reading, context))
            return {
                "personalisation": row.personalisation,
                "style": row.style,
                "belief": row.belief,
                "reading": reading,
                "intent": None if last is None else last.intent,
                "message_id": None if last is None else rows.public_id(last.channel_message_id),
            }

        return await self._database.read(work)
