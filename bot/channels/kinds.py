"""What becomes of each kind of message: words for the bot, or a line of the front where nothing can be read.

========================  ==============================================================================
text, menu                her words, or the button that she tapped
voice                     the words that the platform recognised; without them she is asked to type
picture                   stored like any picture of hers; where it is not to be had, she is asked again
location                  a line: no address is made of a point on a map, she is asked for it in words
subscribe                 a conversation is opened and greeted
unsubscribe, gone         nothing is said: she is not written to until she writes
unsupported               a line that asks for words, with a way to a person
========================  ==============================================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.channels.base import Heard, HeardKind
from bot.channels.numbered import score
from bot.channels.phrases import phrases
from bot.conversation import words
from bot.conversation.links import BindingWords
from bot.conversation.typed_rating import LOW, RatingWords
from bot.conversation.types import OutReply

#: Code points of a text; the API has the same limit.
LONGEST_TEXT = 1000
_LONGEST_PLACE = 60

#: What is said to a message in which there is nothing that can be read.
_WITHOUT = {
    HeardKind.TEXT: words.EMPTY,
    HeardKind.VOICE: words.VOICE_UNHEARD,
    HeardKind.PICTURE: words.PICTURE_NOT_HERE,
    HeardKind.UNSUPPORTED: words.KIND_UNSUPPORTED,
}
_IN_WORDS = frozenset({HeardKind.TEXT, HeardKind.VOICE, HeardKind.MENU})


@dataclass(frozen=True)
class Line:
    """A line of the front: its response and facts, spoken in the style of the conversation."""

    response: str
    facts: Mapping[str, Any] = field(default_factory=dict)

    def spoken(self, lines: words.Lines, style: str = "neutral") -> OutReply:
        """Return it as a notice."""
        return lines.notice(self.response, style, self.facts)


def said_to(heard: Heard) -> Line | None:
    """Return the line that answers instead of the bot; None where the bot answers, or nobody."""
    text = heard.text.strip()
    if heard.kind is HeardKind.LOCATION:
        place = " ".join(text.split())[:_LONGEST_PLACE]
        return Line(words.LOCATION_UNREAD, {"place": place} if place else {})
    if heard.kind in _IN_WORDS and len(text) > LONGEST_TEXT:
        return Line(words.TOO_LONG, {"limit": LONGEST_TEXT})
    there: object = heard.media if heard.kind is HeardKind.PICTURE else text or heard.data.get("button")
    if heard.kind is HeardKind.UNSUPPORTED:
        there = None  # whatever words it carries, they are not hers
    response = None if there else _WITHOUT.get(heard.kind)
    return None if response is None else Line(response)


def words_of(heard: Heard) -> str:
    """Return what she said, in words; "" for nothing."""
    return heard.text.strip() if heard.kind in _IN_WORDS else ""


def rating_words(lines: words.Lines) -> RatingWords:
    """Return what a typed rating is, and what is said to it.

    Args:
        lines: the front's own.
    """
    return RatingWords(
        score=score,
        thanks=lambda figure, style: lines.notice(words.RATED_LOW if figure <= LOW else words.RATED, style),
    )


def binding_words(lines: words.Lines, address: str) -> BindingWords:
    """Return what is said of a binding, and which words ask for it: ``phrases.yml``.

    Args:
        lines: the front's own.
        address: where a ticket is taken; empty where it cannot be.
    """
    known = phrases()
    return BindingWords(
        bind=frozenset(known["bind"].split()),
        unbind=frozenset(known["unbind"].split()),
        address=address,
        invitation=lambda link, style: lines.notice(words.BIND_LINK, style, {"address": link}),
        unbound=lambda style: lines.notice(words.UNBOUND, style),
    )
