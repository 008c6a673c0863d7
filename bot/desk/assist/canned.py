"""Canned replies: all of ``persona/wording/desk`` in the shopper's style, gaps left as 〔…〕."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from persona.strategy import Style
from persona.wording.desk_words import DeskWords


@dataclass(frozen=True)
class Canned:
    """One canned reply, worded.

    Attributes:
        id: of the reply in the catalogue.
        topic: what it belongs to.
        title: its name in the list.
        shortcut: ``/`` and letters.
        text: filled as far as facts are known.
        gaps: what the agent still has to fill in, as it stands in the text.
    """

    id: str
    topic: str
    title: str
    shortcut: str
    text: str
    gaps: tuple[str, ...]


def canned(
    words: DeskWords,
    facts: Mapping[str, Any],
    style: Style | str | None,
    mood: str | None = None,
    *,
    search: str = "",
) -> tuple[Canned, ...]:
    """Return the replies that fit what was typed, the closest first.

    Args:
        words: the catalogue.
        facts: see :func:`bot.desk.assist.facts.facts_of`.
        style: the shopper's; None and unknown serve neutral.
        mood: the shopper's.
        search: a shortcut (``/tk``: those that begin so) or words, all of which must stand in title, topic
            or text; "" gives all.
    """
    wanted = unicodedata.normalize("NFKC", search).casefold().split()
    made = []
    for reply in words.replies.values():
        filled = words.say(reply, facts, style, mood)
        entry = Canned(reply.id, reply.topic, reply.title, reply.shortcut, filled.text, filled.gaps)
        rank = _rank(entry, wanted)
        if rank is not None:
            made.append((rank, entry))
    return tuple(entry for _, entry in sorted(made, key=lambda pair: pair[0]))


def _rank(entry: Canned, wanted: list[str]) -> int | None:
    """Return how close an entry is, 0 closest; None where it does not fit."""
    if not wanted:
        return 0
    if wanted[0].startswith("/"):
        if len(wanted) > 1 or not entry.shortcut.startswith(wanted[0]):
            return None
        return len(entry.shortcut) - len(wanted[0])
    places = (entry.title.casefold(), entry.topic.casefold(), entry.text.casefold())
    if not all(any(word in place for place in places) for word in wanted):
        return None
    return next(n for n in range(3) if all(any(w in p for p in places[: n + 1]) for w in wanted))
