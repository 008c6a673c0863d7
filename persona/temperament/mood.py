"""Mood and signals of a message: for service and escalation, never for the type."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from persona.temperament.lexicon import union
from persona.temperament.normalise import Normal, Normaliser
from persona.temperament.types import Mood, Signal

#: A negation right before a word, with what may stand between ("没有要投诉", "不会给差评", "不是很担心").
#: Narrower than for cues, where a false alarm costs more: "不退货投诉你" is a threat.
_NEGATED = re.compile(
    r"(?:不|没|别|未|无|莫)(?:有|是|会|要|想|打算|准备|给|去|再|用|必|需|说|过|太|很|怎么|大|那么|特别|至于|着|觉得|真"
    r"|你们?|您|什么|任何)*$"
)

#: So many characters before a word are looked at.
_REACH = 8


def _negated(text: str, start: int) -> bool:
    return _NEGATED.search(text, max(0, start - _REACH), start) is not None


class MoodReader:
    """Finds the mood and the signals by the patterns of ``mood.yml``."""

    def __init__(
        self, moods: list[tuple[Mood, re.Pattern[str], bool]], signals: list[tuple[str, re.Pattern[str]]]
    ) -> None:
        self._moods = moods
        self._signals = signals

    @classmethod
    def load(cls, path: Path, normaliser: Normaliser) -> MoodReader:
        """Read the file; ValueError where a mood or a pattern is not one."""
        data = yaml.safe_load(path.read_text("utf-8"))
        moods = []
        for name, entry in data["moods"].items():
            if pattern := union([str(p) for p in entry["patterns"]], normaliser, f"mood.yml: {name}"):
                moods.append((Mood(name), pattern, bool(entry.get("negatable", True))))
        signals = []
        for name, sources in data["signals"].items():
            if pattern := union([str(p) for p in sources], normaliser, f"mood.yml: {name}"):
                signals.append((str(name), pattern))
        return cls(moods, signals)

    def read(self, normal: Normal, own: str, typed: str) -> tuple[Mood, str, tuple[Signal, ...]]:
        """Return the mood of a message, the words that show it ("" for calm), and the signals.

        Args:
            normal: the message in normal form.
            own: its text without quoted and pasted parts.
            typed: the message as typed, for the words of mood and signals.
        """
        mood, words = Mood.CALM, ""
        for name, pattern, negatable in self._moods:
            match = _first(pattern, own, negatable)
            if match is not None:
                start, end = normal.source(*match.span())
                mood, words = name, typed[start:end]
                break
        found = []
        for signal, pattern in self._signals:
            match = _first(pattern, own, negatable=True)
            if match is not None:
                start, end = normal.source(*match.span())
                found.append(Signal(signal, typed[start:end], start, end))
        return mood, words, tuple(found)


def _first(pattern: re.Pattern[str], own: str, negatable: bool) -> re.Match[str] | None:
    """The first hit that is not empty and not negated."""
    for match in pattern.finditer(own):
        if match.start() < match.end() and not (negatable and _negated(own, match.start())):
            return match
    return None
