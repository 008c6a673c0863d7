"""Messages as the transcript shows them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.conversation.desk_types import DeskConversation, DeskMessage
from bot.conversation.types import Audience, Author, Kind
from bot.desk.assist.labels import group, label
from bot.desk.pieces import Mark, Piece, pieces

_WEEK = "一二三四五六日"
#: Cards that have a template; others are shown by their words.
CARDS = frozenset({"order", "shipment", "aftersale", "products"})


@dataclass(frozen=True)
class Bubble:
    """One message.

    Attributes:
        side: ``shopper``, ``bot``, ``agent``, ``system`` or ``note``: the look.
        author: who said it, Chinese or a name.
        day: of a new day the separator before the message, else "".
        held_back: what the shopper never saw: an answer of the bot that came when a person had taken over, a
            question for a rating that could not be brought.
        intent: ``查物流 93%``, or "".
        sure: the intent was understood well.
        personal: something in it is masked.
        rating: the agent's opinion of a bot's answer, None for none.
        version: changes whenever the look changes.
        key: a digest of all that the look is made of.
    """

    message: DeskMessage
    side: str
    author: str
    day: str
    pieces: tuple[Piece, ...]
    held_back: bool
    intent: str
    sure: bool
    personal: bool
    rating: bool | None
    revealed: bool
    card: str
    version: str
    key: bytes


Marks = Callable[[DeskMessage], Sequence[Mark]]


def bubbles(
    conversation: DeskConversation,
    names: Mapping[str, str],
    marks: Marks,
    now: datetime,
    *,
    after: int = 0,
    before: int | None = None,
    last: int | None = None,
    revealed: int | None = None,
) -> tuple[Bubble, ...]:
    """Return messages of a conversation as they are shown.

    Args:
        conversation: the whole of it.
        names: of agents, by id.
        marks: the highlighted places of a shopper's message.
        now: the present, for today and yesterday.
        after: only those with a greater number.
        before: only those with a smaller one.
        last: at most so many, the newest.
        revealed: the number of a message whose personal data are shown.
    """
    made: list[tuple[DeskMessage, bool]] = []
    for message in conversation.messages:
        if message.kind is not Kind.EVENT:
            made.append((message, not made or made[-1][0].at.date() != message.at.date()))
    wanted = [m for m in made if m[0].seq > after and (before is None or m[0].seq < before)]
    if last is not None:
        wanted = wanted[-last:]
    return tuple(
        _bubble(
            message,
            day_label(message.at, now) if new_day else "",
            conversation,
            names,
            marks,
            revealed=message.seq == revealed,
        )
        for message, new_day in wanted
    )


def _bubble(
    message: DeskMessage,
    day: str,
    conversation: DeskConversation,
    names: Mapping[str, str],
    marks: Marks,
    *,
    revealed: bool,
) -> Bubble:
    own = message.author is Author.SHOPPER
    # What stands for a shopper's picture in words is not shown beside it.
    text = "" if own and message.kind is Kind.PICTURE else str(message.content.get("text") or "")
    typed = own and message.kind is Kind.TEXT
    cut = pieces(text, marks(message) if typed else (), revealed=revealed)
    intent, sure = _intent(message)
    rating = conversation.ratings.get(message.seq)
    card = str(message.content.get("card") or "")
    author = _author(message, names)
    made_of = (conversation.conversation_id, message.seq, message.at, message.message_id, message.content)
    look = repr((*made_of, author, message.author, message.audience, message.kind, day, cut, intent, rating))
    key = hashlib.blake2s(f"{look}{sure}{revealed}".encode("utf-8", "replace")).digest()
    return Bubble(
        message=message,
        side="note" if message.kind is Kind.NOTE else message.author.value,
        author=author,
        day=day,
        pieces=cut,
        held_back=message.audience is Audience.DESK and message.kind is not Kind.NOTE,
        intent=intent,
        sure=sure,
        personal=any(piece.masked for piece in cut),
        rating=rating,
        revealed=revealed,
        card=card if card in CARDS and isinstance(message.content.get("data"), Mapping) else "",
        version=key[:6].hex(),
        key=key,
    )


def _author(message: DeskMessage, names: Mapping[str, str]) -> str:
    if message.agent_id is not None:
        said: Any = message.content.get("agent")
        known = said.get("name") if isinstance(said, Mapping) else None
        return str(names.get(message.agent_id) or known or label("author", Author.AGENT))
    return label("author", message.author)


def _intent(message: DeskMessage) -> tuple[str, bool]:
    if not message.intent:
        return "", True
    name = str(message.intent.get("name") or "")
    words = group("wish").get(name) or group("intent").get(name) or name
    confidence = message.intent.get("confidence")
    if not isinstance(confidence, (int, float)) or message.kind is not Kind.TEXT:
        return words, True  # a tapped button is no guess
    return f"{words} {confidence:.0%}", confidence >= 0.6


def day_label(at: datetime, now: datetime) -> str:
    """Return a day as a separator says it: 今天, 昨天, 11月20日 周五; with the year of another year."""
    day, today = at.date(), now.date()
    gap = (today - day).days
    if gap in (0, 1):
        return ("今天", "昨天")[gap]
    year = f"{day.year}年" if day.year != today.year else ""
    return f"{year}{day.month}月{day.day}日 周{_WEEK[day.weekday()]}"
