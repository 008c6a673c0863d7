"""Not the same words twice: chooses among variations by what was said lately, or says that it is the same."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

#: Shorter openings (您, 这) and ends (。) are no sign of a stamp.
_STAMP = 3


@dataclass(frozen=True)
class Candidate:
    """A variation as it would be said.

    Attributes:
        text: all of it.
        opening: the writer's words before the first fact.
        end: the writer's words after the last one.
    """

    text: str
    opening: str = ""
    end: str = ""

    def sounds_like(self, said: str) -> bool:
        """Say whether it opens or ends with the same words."""
        return (len(self.opening) >= _STAMP and said.startswith(self.opening)) or (
            len(self.end) >= _STAMP and said.endswith(self.end)
        )


def choose(candidates: Iterable[Candidate], said: Collection[str]) -> tuple[str, bool]:
    """Return the text to say, and whether it has been said word for word.

    Args:
        candidates: the variations, the first to be preferred.
        said: texts said lately.
    """
    first = fresh = ""
    for candidate in candidates:
        first = first or candidate.text
        if candidate.text in said:
            continue
        if not any(candidate.sounds_like(text) for text in said):
            return candidate.text, False
        fresh = fresh or candidate.text
    return (fresh, False) if fresh else (first, first in said)


def with_opening(text: str, openings: Sequence[str], salt: str, said: Collection[str]) -> str:
    """Return a text said before with an opening that says so, if possible one that was not used lately."""
    start = zlib.crc32(salt.encode("utf-8", "replace"))
    turned = [openings[(start + i) % len(openings)] for i in range(len(openings))]
    return next((o + text for o in turned if o + text not in said), turned[0] + text)
