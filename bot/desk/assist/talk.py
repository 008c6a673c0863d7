"""What was asked in a conversation, in the shopper's order; shared by the brief and the suggestions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from bot.conversation.desk_types import DeskConversation, DeskMessage
from bot.conversation.types import Audience, Author, Kind
from bot.desk.assist.labels import data, group, label
from persona.privacy.masking import mask

_QUOTE = 40


@dataclass(frozen=True)
class Asked:
    """One wish of the shopper.

    Attributes:
        seq: of the message.
        at: when.
        intent: code of the wish.
        label: its Chinese name.
        quote: her words, personal data masked, at most 40 characters; "" for a tapped button.
        guessed: told by key words because nobody understood the message for the bot (a person answers).
    """

    seq: int
    at: datetime
    intent: str
    label: str
    quote: str
    guessed: bool = False


def is_shopper(message: DeskMessage) -> bool:
    """Say whether the shopper wrote or tapped it."""
    return message.author is Author.SHOPPER and message.kind is not Kind.EVENT


def words_of(message: DeskMessage) -> str:
    """Return what stands in the bubble: typed text or the title of the tapped button."""
    return str(message.content.get("text") or message.content.get("title") or "")


def answers(message: DeskMessage) -> bool:
    """Say whether the message is an answer that the shopper read: of the bot or of an agent, no notice."""
    return message.author in (Author.BOT, Author.AGENT) and message.audience is Audience.ALL


def quote(text: str, most: int = _QUOTE) -> str:
    """Return words as they may be quoted: one line, personal data masked, cut."""
    line = mask(" ".join(text.split()))
    return line if len(line) <= most else line[: most - 1] + "…"


def wishes(conversation: DeskConversation) -> tuple[Asked, ...]:
    """Return what she asked for, oldest first; a wish repeated at once counts once.

    Messages without an intent (a person answers, so nobody reads for the bot) are told by the key words of
    ``wishes.yml``; where none is found they are no wish.
    """
    found: list[Asked] = []
    names = group("wish")
    for message in conversation.messages:
        if not is_shopper(message):
            continue
        text = words_of(message)
        intent = str((message.intent or {}).get("name") or "")
        guessed = False
        if message.intent is None:
            intent, guessed = guess(text) or "", True
        if intent not in names or (found and found[-1].intent == intent):
            continue
        typed = quote(text) if message.kind is Kind.TEXT else ""
        found.append(Asked(message.seq, message.at, intent, label("wish", intent), typed, guessed))
    return tuple(found)


def guess(text: str) -> str | None:
    """Return the wish that a text names by key words, or None; the first that fits in the file's order."""
    return next((intent for intent, pattern in _patterns() if pattern.search(text)), None)


@cache
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((str(intent), re.compile(source)) for intent, source in data("wishes.yml").items())
