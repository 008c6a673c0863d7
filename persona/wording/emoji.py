"""Find and remove emoji."""

from __future__ import annotations

import re

_BASE = (
    r"(?:[\U0001F1E6-\U0001F1FF]{2}"  # flags
    r"|[\U0001F000-\U0001F0FF\U0001F170-\U0001F1E5\U0001F200-\U0001F265\U0001F300-\U0001FAFF]"
    r"|[\u2600-\u2775\u2794-\u27BF\u2B05-\u2B07\u2B1B\u2B1C\u2B50\u2B55\u231A\u231B\u23E9-\u23FA\u3030\u303D]"
    r"|[0-9#*]\uFE0F?\u20E3)"
)
_MODIFIERS = r"[\uFE0F\u20E3\U0001F3FB-\U0001F3FF]*"
EMOJI = re.compile(f"{_BASE}{_MODIFIERS}(?:\u200d{_BASE}{_MODIFIERS})*")


def find_emoji(text: str) -> list[str]:
    """Return the emoji of a text in order; a joined sequence counts as one."""
    return EMOJI.findall(text)


def without_emoji(text: str) -> str:
    """Return the text without emoji and without the space that stood before one."""
    return re.sub(rf"[ \t]*{EMOJI.pattern}", "", text)
