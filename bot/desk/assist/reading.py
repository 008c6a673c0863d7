"""What the engine reads in a conversation, for people: the type, how sure, why, its course, the evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from bot.conversation.desk_types import DeskConversation, DeskMessage
from bot.desk.assist.labels import data, label
from bot.desk.assist.talk import is_shopper, words_of
from persona.temperament.explain import cue_label, explain
from persona.temperament.types import Evidence

_TYPES = ("power", "perfect", "peace", "lively")
#: Evidence that speaks of the message as a whole and marks no words.
_WHOLE = ("style", "classifier")


@dataclass(frozen=True)
class Mark:
    """One piece of evidence: the type it speaks for, what it is called, its weight in nats."""

    type: str
    type_label: str
    label: str
    weight: float


@dataclass(frozen=True)
class Segment:
    """A stretch of a message; the texts of all segments in order are the message.

    Attributes:
        text: the words.
        marks: the evidence on them, the weightiest first; empty for plain words.
    """

    text: str
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True)
class MessageReading:
    """One message of the shopper: its words with their evidence, and what the whole of it shows."""

    segments: tuple[Segment, ...]
    whole: tuple[Mark, ...]
    mood: str
    mood_label: str


@dataclass(frozen=True)
class CoursePoint:
    """The belief after one message of the shopper: a probability for each type, and what was served."""

    seq: int
    at: datetime
    power: float
    perfect: float
    peace: float
    lively: float
    served: str | None


@dataclass(frozen=True)
class SignalSeen:
    """A signal for service: its code, its Chinese name, the words and the message."""

    name: str
    label: str
    text: str
    seq: int


@dataclass(frozen=True)
class ReadingView:
    """All of it.

    Attributes:
        style: the type served now, or ``neutral``.
        probability: of that type after the last message; None where none is served or a person said so.
        sure: how sure that is, in words.
        secondary: a second type that is close, or None.
        sentence: why, in one Chinese sentence.
        words: why, by what she said; "" for nothing.
        history: why, by what she bought before; "" for nothing.
        mood: of the last message that was read, or None.
        history_marks: the evidence of her history.
        messages: by `seq` of the shopper's messages that were read.
        corrected: the label that a person gave last, or None.
    """

    style: str
    style_label: str
    probability: float | None
    sure: str
    secondary: str | None
    secondary_label: str
    sentence: str
    words: str
    history: str
    mood: str | None
    mood_label: str
    signals: tuple[SignalSeen, ...]
    course: tuple[CoursePoint, ...]
    history_marks: tuple[Mark, ...]
    messages: Mapping[int, MessageReading]
    corrected: str | None
    personalisation: bool

    def chart(self) -> list[dict[str, Any]]:
        """Return the course as plain JSON for a chart."""
        return [{**asdict(point), "at": point.at.isoformat()} for point in self.course]


def reading_view(conversation: DeskConversation) -> ReadingView:
    """Return what was read; with personalisation off there is nothing but the style ``neutral``."""
    read = [m for m in conversation.messages if is_shopper(m) and m.reading is not None]
    last: Mapping[str, Any] = read[-1].reading or {} if read else {}
    style = conversation.style
    corrected = conversation.correction if conversation.personalisation else None
    by_person = corrected is not None and (corrected if corrected != "none" else "neutral") == style
    chances = last.get("probabilities") or {}
    probability = (
        None if style == "neutral" or last.get("temperament") != style else _float(chances.get(style))
    )
    why = explain([*(m.reading or {} for m in read), _now(style, by_person)])
    secondary = last.get("secondary") if last.get("temperament") == style else None
    mood = conversation.mood
    return ReadingView(
        style=style,
        style_label=label("style", style),
        probability=probability,
        sure=_sure(conversation, probability, by_person),
        secondary=secondary,
        secondary_label=label("style", secondary) if secondary else "",
        sentence=why.sentence,
        words=why.words,
        history=why.history,
        mood=mood,
        mood_label=label("mood", mood) if mood else "",
        signals=tuple(signal for message in read for signal in _signals(message)),
        course=tuple(point for message in read if (point := _point(message))),
        history_marks=tuple(_mark(e) for m in read for e in _evidence(m) if e.cue.startswith("history:")),
        messages=message_readings(conversation),
        corrected=corrected,
        personalisation=conversation.personalisation,
    )


def message_readings(conversation: DeskConversation) -> Mapping[int, MessageReading]:
    """Return what was read in each of the shopper's messages, by `seq`."""
    read = (m for m in conversation.messages if is_shopper(m) and m.reading is not None)
    return {message.seq: _message(message) for message in read}


def segments(text: str, evidence: Sequence[Evidence]) -> tuple[Segment, ...]:
    """Cut a message at the edges of its evidence, so that no two segments overlap.

    Args:
        text: the message as typed.
        evidence: with offsets in `text`; what lies outside of it or is empty is left out.

    Returns:
        segments whose texts, joined, are `text`.
    """
    spans = [e for e in evidence if 0 <= e.start < e.end <= len(text)]
    edges = sorted({0, len(text), *(e.start for e in spans), *(e.end for e in spans)})
    found: list[Segment] = []
    for start, end in pairwise(edges):
        here = sorted((e for e in spans if e.start <= start and end <= e.end), key=lambda e: -abs(e.weight))
        segment = Segment(text[start:end], tuple(_mark(e) for e in here))
        if found and found[-1].marks == segment.marks:
            found[-1] = Segment(found[-1].text + segment.text, segment.marks)
        else:
            found.append(segment)
    return tuple(found)


def _message(message: DeskMessage) -> MessageReading:
    evidence = [e for e in _evidence(message) if not e.cue.startswith("history:")]
    whole = [e for e in evidence if e.cue.partition(":")[0] in _WHOLE]
    mood = str((message.reading or {}).get("mood") or "calm")
    return MessageReading(
        segments=segments(words_of(message), [e for e in evidence if e not in whole]),
        whole=tuple(_mark(e) for e in sorted(whole, key=lambda e: -abs(e.weight))),
        mood=mood,
        mood_label=label("mood", mood),
    )


def _mark(evidence: Evidence) -> Mark:
    kind = evidence.type.value
    return Mark(kind, label("style", kind), cue_label(evidence.cue), round(evidence.weight, 2))


def _evidence(message: DeskMessage) -> list[Evidence]:
    found = []
    for item in (message.reading or {}).get("evidence") or ():
        try:
            found.append(Evidence.from_json(item))
        except (KeyError, TypeError, ValueError):
            continue
    return found


def _point(message: DeskMessage) -> CoursePoint | None:
    reading = message.reading or {}
    chances = reading.get("probabilities") or {}
    if not all(_float(chances.get(kind)) is not None for kind in _TYPES):
        return None
    power, perfect, peace, lively = (float(chances[kind]) for kind in _TYPES)
    return CoursePoint(message.seq, message.at, power, perfect, peace, lively, reading.get("temperament"))


def _signals(message: DeskMessage) -> tuple[SignalSeen, ...]:
    found = (message.reading or {}).get("signals") or ()
    return tuple(
        SignalSeen(str(s["name"]), label("signal", str(s["name"])), str(s.get("text") or ""), message.seq)
        for s in found
        if isinstance(s, Mapping) and "name" in s
    )


def _now(style: str, by_person: bool) -> Mapping[str, Any]:
    """Return a reading that serves what is served now: a correction comes after the last message."""
    served = style if style in _TYPES else None
    told = {"cue": "correction:agent", "text": "", "start": -1, "end": -1, "type": served, "weight": 5.0}
    return {"temperament": served, "evidence": [told] if by_person and served else []}


def _sure(conversation: DeskConversation, probability: float | None, by_person: bool) -> str:
    texts = data("advice.yml")
    if not conversation.personalisation:
        return str(texts["personalisation_off"])
    if by_person:
        return str(texts["corrected"])
    if probability is None:
        return str(texts["unknown"])
    return next(str(words) for least, words in texts["sure"] if probability >= least)


def _float(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
