"""Messages of agents: what may be said, the key that makes a repeat harmless, who is called to a note."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select

from bot.conversation import desk_rows, rows
from bot.conversation.desk_schema import mentions
from bot.conversation.desk_types import DeskMessage
from bot.conversation.entry import Entry
from bot.conversation.errors import KeyReusedError
from bot.conversation.schema import messages
from bot.conversation.types import FRONT_PREFIX, Kind, OutReply
from bot.conversation.words import Lines

#: What tells an agent's message from a shopper's: clients may not use the front's prefix.
KEY_PREFIX = f"{FRONT_PREFIX}desk-"

_KEY = re.compile(r"[\x21-\x7e]{1,60}")
_LONGEST = 4_000
_m = messages.c


def message_key(key: str) -> str:
    """Return the message id of a request's key; ValueError where it is malformed."""
    if not _KEY.fullmatch(key):
        raise ValueError("a key has 1 to 60 visible ASCII characters")
    return KEY_PREFIX + key


def reply_content(
    lines: Lines,
    text: str,
    card: str | None,
    data: Mapping[str, Any] | None,
    picture: Mapping[str, Any] | None,
) -> tuple[Kind, dict[str, Any]]:
    """Return kind and content of a reply; ValueError where there is nothing to say, or too much."""
    words = checked_text(text)
    if card is not None and picture is not None:
        raise ValueError("a reply is a card or a picture")
    if card is not None:
        reply = lines.with_card_text(OutReply(Kind.CARD, words, card=card, data=data or {}))
        content = {"text": reply.text, "card": card, "data": json.loads(json.dumps(dict(data or {})))}
        return Kind.CARD, content
    if picture is not None:
        width, height = picture.get("width"), picture.get("height")
        url = picture.get("url")
        if not isinstance(url, str) or not re.fullmatch(r"/[A-Za-z0-9][A-Za-z0-9/._-]{0,200}", url):
            raise ValueError("a picture lies on the front itself")
        if not all(type(side) is int and 1 <= side <= 20_000 for side in (width, height)):
            raise ValueError("a picture has a width and a height in pixels")
        return Kind.PICTURE, {"text": words, "url": url, "width": width, "height": height}
    if not words.strip():
        raise ValueError("a reply needs words")
    return Kind.TEXT, {"text": words}


def checked_text(text: str) -> str:
    """Return a text that can be stored; ValueError where it is endless or holds lone surrogates."""
    if len(text) > _LONGEST:
        raise ValueError(f"a text has at most {_LONGEST} characters")
    try:
        text.encode()
    except UnicodeEncodeError as exc:
        raise ValueError("a text holds a lone surrogate") from exc
    return text


def repeated(entry: Entry, agent_id: str, key: str, content: Mapping[str, Any]) -> DeskMessage | None:
    """Return the message that was stored under a key, None where there is none.

    Raises:
        KeyReusedError: the key was used by somebody else, or for other words.
    """
    row = entry.connection.execute(
        select(messages).where(_m.conversation_id == entry.cid, _m.channel_message_id == message_key(key))
    ).first()
    if row is None:
        return None
    known = rows.opened(entry.writing.vault, entry.cid, row)
    same = {k: v for k, v in known.items() if k != "agent"} == {
        k: v for k, v in content.items() if k != "agent"
    }
    if row.agent_id != agent_id or not same:
        raise KeyReusedError
    return desk_rows.to_message(entry.writing.vault, row)


def stored(entry: Entry, seq: int) -> DeskMessage:
    """Return a message of the conversation as the desk sees it."""
    row = entry.connection.execute(
        select(messages).where(_m.conversation_id == entry.cid, _m.seq == seq)
    ).one()
    return desk_rows.to_message(entry.writing.vault, row)


def mention(entry: Entry, seq: int, agent_ids: Sequence[str]) -> None:
    """Call agents to a note."""
    for agent_id in dict.fromkeys(agent_ids):
        entry.connection.execute(
            mentions.insert().values(conversation_id=entry.cid, seq=seq, agent_id=agent_id)
        )
