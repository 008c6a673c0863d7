"""How each style is served, as frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum


class Style(str, Enum):
    """The five ways to speak: the four temperaments and the neutral one for "not known"."""

    NEUTRAL = "neutral"
    POWER = "power"  # 力量型
    PERFECT = "perfect"  # 完美型
    PEACE = "peace"  # 和平型
    LIVELY = "lively"  # 活泼型


class Density(str, Enum):
    """How tightly the chat page is set."""

    COMPACT = "compact"
    NORMAL = "normal"
    ROOMY = "roomy"


@dataclass(frozen=True)
class EmojiRule:
    """Emoji in a reply that may have any.

    Attributes:
        min: at least so many; 0 for most styles.
        max: at most so many.
        allowed: the emoji that fit the style; empty where `max` is 0.
    """

    min: int
    max: int
    allowed: tuple[str, ...]


@dataclass(frozen=True)
class OptionRule:
    """Which next steps are offered, and in which order.

    Attributes:
        steps: at most so many of kind ``step``; choices are never cut.
        first: ids that come first, in this order, where the caller offers them.
    """

    steps: int
    first: tuple[str, ...]


@dataclass(frozen=True)
class Palette:
    """Colours of the chat page, each ``#rrggbb``; `on_x` is the text colour on `x`."""

    page: str
    surface: str
    text: str
    muted: str
    line: str
    accent: str
    on_accent: str
    mine: str
    on_mine: str
    theirs: str
    on_theirs: str


@dataclass(frozen=True)
class Theme:
    """The look of the chat page for one style."""

    light: Palette
    dark: Palette
    density: Density


@dataclass(frozen=True)
class Advice:
    """What a human agent is told about serving this style (Chinese).

    Attributes:
        summary: one sentence.
        do: what works.
        avoid: what does not.
        opening: a first sentence the agent may adapt.
    """

    summary: str
    do: tuple[str, ...]
    avoid: tuple[str, ...]
    opening: str


@dataclass(frozen=True)
class Strategy:
    """Everything that one style says about a reply.

    Attributes:
        style: the style.
        name: its Chinese name.
        chars: at most so many characters beside the facts (white space not counted).
        emoji: the rule for emoji.
        options: the rule for next steps.
        recommendations: at most so many rows of a list that is cut by recommendations.
        extras: kinds of extra facts that are told, most welcome first; others are left out.
        when_upset: the style whose texts are used while the shopper is angry, complaining or worried.
        forbidden: words that spoil this style.
        theme: the look of the chat page.
        advice: for human agents.
    """

    style: Style
    name: str
    chars: int
    emoji: EmojiRule
    options: OptionRule
    recommendations: int
    extras: tuple[str, ...]
    when_upset: Style
    forbidden: tuple[str, ...]
    theme: Theme
    advice: Advice


@dataclass(frozen=True)
class Common:
    """What holds for all styles.

    Attributes:
        forbidden: word -> what to write instead (Chinese, for writers).
        upset_moods: moods in which nobody jokes and no emoji is shown.
        latin: words in Latin letters that may appear in Chinese text.
        title_chars: at most so many characters in the title of a next step.
    """

    forbidden: Mapping[str, str]
    upset_moods: frozenset[str]
    latin: frozenset[str]
    title_chars: int


@dataclass(frozen=True)
class Strategies:
    """The strategies of all five styles and what they share."""

    styles: Mapping[Style, Strategy]
    common: Common

    def of(self, style: Style | str | None) -> Strategy:
        """Return the strategy of a style; None and unknown names serve neutral."""
        try:
            return self.styles[Style(style)] if style else self.styles[Style.NEUTRAL]
        except ValueError:
            return self.styles[Style.NEUTRAL]

    def is_upset(self, mood: str | None) -> bool:
        """Say whether a mood forbids jokes and emoji."""
        return mood in self.common.upset_moods
