"""The vocabulary of the temperament engine: types, evidence, belief, reading, history."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class Temperament(str, Enum):
    """The four types after Littauer's *Personality Plus*. "Not known" is ``None``, never a member."""

    POWER = "power"  # 力量型
    PERFECT = "perfect"  # 完美型
    PEACE = "peace"  # 和平型
    LIVELY = "lively"  # 活泼型


#: Fixed order of the types in every vector.
TYPES: tuple[Temperament, ...] = tuple(Temperament)


class Mood(str, Enum):
    """The momentary mood of a message; a signal for service, never for the type."""

    CALM = "calm"
    ANGRY = "angry"
    COMPLAINING = "complaining"
    HESITANT = "hesitant"
    CHEERFUL = "cheerful"
    WORRIED = "worried"


@dataclass(frozen=True)
class Evidence:
    """One thing that moved the belief.

    Attributes:
        cue: id of the cue (``lexicon:<id>``, ``style:<feature>``, ``classifier``, ``history:<feature>``,
            ``correction:<by>``).
        text: the words of the message that matched, verbatim; "" for history.
        start: offset of `text` in the message as typed, in Unicode code points; -1 for history.
        end: end offset (exclusive); -1 for history.
        type: the type it speaks for.
        weight: log-likelihood ratio in nats for `type` against the others; negative speaks against.
    """

    cue: str
    text: str
    start: int
    end: int
    type: Temperament
    weight: float

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form that `zhixin assess` prints."""
        return {
            "cue": self.cue,
            "text": self.text,
            "start": self.start,
            "end": self.end,
            "type": self.type.value,
            "weight": round(self.weight, 3),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Evidence:
        """Read the JSON form; ValueError, KeyError or TypeError where it is not one."""
        return cls(
            cue=str(data["cue"]),
            text=str(data["text"]),
            start=int(data["start"]),
            end=int(data["end"]),
            type=Temperament(data["type"]),
            weight=float(data["weight"]),
        )


@dataclass(frozen=True)
class Signal:
    """A signal for service: urgency, threat, safety, giving_up. Never counts for the type."""

    name: str
    text: str
    start: int
    end: int


@dataclass(frozen=True)
class Turn:
    """One message of a conversation as the engine sees it."""

    text: str
    who: str = "shopper"  # shopper | agent (the bot counts as agent)
    at: float | None = None  # seconds since the epoch, for pace


@dataclass(frozen=True)
class History:
    """The record that the prior takes. All figures are over the last year unless said otherwise.

    Every field is optional: 0 or None means "nothing known", never "the opposite". Shares are 0..1.
    """

    orders: int = 0
    express_share: float = 0.0  # orders with faster delivery paid
    new_arrival_share: float = 0.0  # orders of products listed under 30 days before
    same_brand_share: float = 0.0  # orders repeating a brand bought before
    custom_share: float = 0.0  # orders with engraving or other customisation
    coupon_share: float = 0.0  # orders with a coupon
    minutes_to_buy: float | None = None  # median minutes of browsing before an order
    returns: int = 0
    return_reasons: Mapping[str, int] = field(default_factory=dict)  # reason code -> count
    reviews: int = 0
    review_chars: float = 0.0  # mean length of a review
    review_figures: float = 0.0  # mean count of figures with a unit in a review
    review_emoji: float = 0.0  # mean count of emoji in a review
    review_pictures: float = 0.0  # mean count of pictures
    review_stars: float | None = None  # mean stars
    browses: int = 0
    detail_share: float = 0.0  # product pages with the parameter table opened
    compare_share: float = 0.0  # product pages seen in comparison
    urges: int = 0
    belief: Mapping[str, float] | None = None  # stored belief of earlier conversations, type -> probability
    belief_age_days: float | None = None  # its age
    corrected: str | None = None  # last correction by a person: a type's value, or "none" for no style
    correction_age_days: float | None = None  # its age

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> History:
        """Build from the documented JSON record; unknown or ill-typed fields raise ValueError."""
        fields = cls.__dataclass_fields__
        unknown = set(data) - set(fields)
        if unknown:
            raise ValueError(f"history has unknown fields: {', '.join(sorted(unknown))}")
        for name, value in data.items():
            if name in {"return_reasons", "belief"}:
                good = value is None or (
                    isinstance(value, Mapping)
                    and all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in value.values())
                )
            elif name == "corrected":
                good = value is None or value in {"none", *(kind.value for kind in TYPES)}
            else:
                good = value is None or (isinstance(value, (int, float)) and not isinstance(value, bool))
            if not good:
                raise ValueError(f"history field {name!r} has a wrong type: {type(value).__name__}")
        return cls(**{k: v for k, v in data.items() if v is not None})


@dataclass(frozen=True)
class Aside:
    """What a person's correction took out of a belief, kept so that the correction can be lifted again.

    Attributes:
        evidence: the evidence that was dropped (order of :data:`TYPES`); it fades like all evidence.
        turns: the messages that had counted.
        tone: the sums of the classifier so far.
    """

    evidence: tuple[float, float, float, float]
    turns: int = 0
    tone: tuple[float, ...] = ()


@dataclass(frozen=True)
class Belief:
    """What is believed of one shopper in one conversation, small enough to travel in each message.

    Attributes:
        prior: log-probabilities of the four types from history (order of :data:`TYPES`).
        evidence: accumulated, discounted log-likelihoods from wording, same order.
        turns: shopper messages that counted.
        served: the type served now, after hysteresis; None serves neutral.
        seen: short hashes of recent cues, so that repetition counts less.
        cued: the types for which a cue of the lexicon has spoken in this conversation, sorted by name.
        tone: running sums of the trained classifier (see `classifier.Tone`); empty before the first word.
        corrected: what a person's correction adds to the prior, same order; empty without one
            (see :mod:`persona.temperament.correction`).
        aside: what the correction took out; None without one.
    """

    prior: tuple[float, float, float, float]
    evidence: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    turns: int = 0
    served: Temperament | None = None
    seen: tuple[str, ...] = ()
    cued: tuple[Temperament, ...] = ()
    tone: tuple[float, ...] = ()
    corrected: tuple[float, ...] = ()
    aside: Aside | None = None

    def to_json(self) -> dict[str, Any]:
        """Return a compact JSON form; :meth:`from_json` reads it back."""
        data: dict[str, Any] = {
            "prior": [round(x, 4) for x in self.prior],
            "evidence": [round(x, 4) for x in self.evidence],
            "turns": self.turns,
            "served": self.served.value if self.served else None,
            "seen": list(self.seen),
            "cued": [kind.value for kind in self.cued],
            "tone": [round(x, 2) for x in self.tone],
        }
        if self.corrected:
            data["corrected"] = [round(x, 4) for x in self.corrected]
        if self.aside is not None:
            data["aside"] = {
                "evidence": [round(x, 4) for x in self.aside.evidence],
                "turns": self.aside.turns,
                "tone": [round(x, 2) for x in self.aside.tone],
            }
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Belief:
        """Read the JSON form; ValueError, KeyError or TypeError where it is not one."""
        prior, evidence = tuple(map(float, data["prior"])), tuple(map(float, data["evidence"]))
        if len(prior) != 4 or len(evidence) != 4:
            raise ValueError("a belief has four figures per vector")
        served, corrected = data.get("served"), tuple(map(float, data.get("corrected", ())))
        if len(corrected) not in (0, 4):
            raise ValueError("a belief has four figures per vector")
        tone, turns = tuple(map(float, data.get("tone", ()))), int(data.get("turns", 0))
        if turns < 0 or not all(map(math.isfinite, (*prior, *evidence, *corrected, *tone))):
            raise ValueError("a belief has finite figures, and no less than no turns")
        return cls(
            prior=prior,  # type: ignore[arg-type]
            evidence=evidence,  # type: ignore[arg-type]
            turns=turns,
            served=Temperament(served) if served else None,
            seen=tuple(str(s) for s in data.get("seen", ())),
            cued=tuple(Temperament(s) for s in data.get("cued", ())),
            tone=tone,
            corrected=corrected,
            aside=_aside(data.get("aside")),
        )


def _aside(data: Any) -> Aside | None:
    if data is None:
        return None
    evidence, tone = tuple(map(float, data["evidence"])), tuple(map(float, data.get("tone", ())))
    turns = int(data.get("turns", 0))
    if len(evidence) != 4 or turns < 0 or not all(map(math.isfinite, (*evidence, *tone))):
        raise ValueError("what a correction took out has four finite figures, and no less than no turns")
    return Aside(evidence, turns, tone)


@dataclass(frozen=True)
class Reading:
    """The outcome of reading one shopper message.

    Attributes:
        temperament: the type served after this message, or None.
        secondary: the second type where it is close, or None.
        probabilities: posterior over the four types; sums to 1.
        evidence: what this message (and, on the first one, history) added.
        mood: the mood of this message.
        signals: urgency, threat, safety, giving up.
        belief: the belief to carry into the next message.
        mood_words: the words that show the mood, verbatim; "" for calm.
    """

    temperament: Temperament | None
    secondary: Temperament | None
    probabilities: Mapping[Temperament, float]
    evidence: tuple[Evidence, ...]
    mood: Mood
    signals: tuple[Signal, ...]
    belief: Belief
    mood_words: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form that `zhixin assess` prints and the record stores (without the belief)."""
        return {
            "temperament": self.temperament.value if self.temperament else None,
            "secondary": self.secondary.value if self.secondary else None,
            "probabilities": {t.value: round(p, 4) for t, p in self.probabilities.items()},
            "evidence": [e.to_json() for e in self.evidence],
            "mood": self.mood.value,
            "mood_words": self.mood_words,
            "signals": [
                {"name": s.name, "text": s.text, "start": s.start, "end": s.end} for s in self.signals
            ],
        }
