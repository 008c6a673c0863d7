"""How each style is served, as frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from fnmatch import fnmatchcase


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


#: Parts of an answer from the shop's rules, named as in ``actions.shop.policy_models.Part``.
PARTS = ("conclusion", "condition", "step", "deadline", "fee", "exception")


class Layout(str, Enum):
    """How the parts of an answer from the shop's rules are set."""

    LINES = "lines"  # each statement on a line of its own
    NUMBERED = "numbered"  # the conclusion, then one numbered line for each part
    FLOWING = "flowing"  # one paragraph


@dataclass(frozen=True)
class PolicyRule:
    """How answers from the shop's rules are told; what every shopper needs is told in any case.

    Attributes:
        parts: all of :data:`PARTS`, in the order in which they are told.
        details: whether what is not needed by everybody is told too.
        layout: how they are set.
        labels: part -> the word before it; a part without one has none.
    """

    parts: tuple[str, ...]
    details: bool
    layout: Layout
    labels: Mapping[str, str]


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


class Shape(str, Enum):
    """How round the corners of the chat page are."""

    SQUARE = "square"
    SOFT = "soft"
    ROUND = "round"


class Details(str, Enum):
    """Whether tables, figures and clauses stand open or are folded until they are asked for."""

    OPEN = "open"
    FOLDED = "folded"


class Pictures(str, Enum):
    """How large pictures of goods are."""

    LARGE = "large"
    SMALL = "small"


class Motion(str, Enum):
    """How much the page moves; none of it where the shopper's device asks for less."""

    STILL = "still"
    CALM = "calm"
    PLAYFUL = "playful"


@dataclass(frozen=True)
class Widget:
    """How the chat page arranges what it shows; what is said, offered or allowed is the same in all.

    Attributes:
        details: see :class:`Details`.
        pictures: see :class:`Pictures`.
        shortcuts: a bar with the top actions, one tap away.
        arrivals: new goods are shown unasked.
        motion: see :class:`Motion`.
    """

    details: Details
    pictures: Pictures
    shortcuts: bool
    arrivals: bool
    motion: Motion


@dataclass(frozen=True)
class Theme:
    """The look of the chat page for one style."""

    light: Palette
    dark: Palette
    density: Density
    shape: Shape
    widget: Widget


@dataclass(frozen=True)
class Manner:
    """How a shopper is told of this style, who never reads the name of a type (Chinese).

    Attributes:
        name: of the choice.
        line: what it means, beside the name.
        how: the same within a sentence: "现在回答得…".
    """

    name: str
    line: str
    how: str


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
        policy: how answers from the shop's rules are told.
        again: openings of an answer that has to be repeated word for word.
        extras: kinds of extra facts that are told, most welcome first; others are left out.
        when_upset: the style whose texts are used while the shopper is angry, complaining or worried.
        forbidden: words that spoil this style.
        theme: the look of the chat page.
        manner: how a shopper is told of it.
        advice: for human agents.
    """

    style: Style
    name: str
    chars: int
    emoji: EmojiRule
    options: OptionRule
    recommendations: int
    policy: PolicyRule
    again: tuple[str, ...]
    extras: tuple[str, ...]
    when_upset: Style
    forbidden: tuple[str, ...]
    theme: Theme
    manner: Manner
    advice: Advice


#: Why somebody is served as she is -> the gaps that the sentence may have.
MANNER_LINES: Mapping[str, tuple[str, ...]] = {
    "off": (),  # personalisation is off
    "unknown": (),  # no style shows
    "chosen": ("name", "how"),  # she chose it
    "overruled": ("name", "how"),  # she chose another one, and speaks otherwise since
    "agent": ("how",),  # an agent said so
    "words": ("how",),  # by how she speaks
    "history": ("how",),  # by what she has bought and asked before
    "same": (),  # what is the same whatever the style, put at the end
    "refused": (),  # why she cannot choose while personalisation is off
}


@dataclass(frozen=True)
class Common:
    """What holds for all styles.

    Attributes:
        forbidden: word -> what to write instead (Chinese, for writers).
        upset_moods: moods in which nobody jokes and no emoji is shown.
        latin: words in Latin letters that may appear in Chinese text.
        title_chars: at most so many characters in the title of a next step.
        may_repeat: patterns of responses that may be said twice in the same words: questions, greetings,
            notices, apologies.
        manner: sentences that say how a shopper is served, and why, by :data:`MANNER_LINES`.
    """

    forbidden: Mapping[str, str]
    upset_moods: frozenset[str]
    latin: frozenset[str]
    title_chars: int
    may_repeat: tuple[str, ...] = ()
    manner: Mapping[str, str] = field(default_factory=dict)

    def repeats(self, response: str) -> bool:
        """Say whether a response may be said again in the same words."""
        return any(fnmatchcase(response, pattern) for pattern in self.may_repeat)


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
