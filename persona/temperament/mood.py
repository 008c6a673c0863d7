"""Mood and signals of a message: for service and escalation, never for the type."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from persona.temperament.lexicon import negated, union
from persona.temperament.normalise import Normal, Normaliser
from persona.temperament.types import Mood, Signal


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

    def read(self, normal: Normal, own: str, doc: Any, typed: str) -> tuple[Mood, tuple[Signal, ...]]:
        """Return mood and signals of a message.

        Args:
            normal: the message in normal form.
            own: its text without quoted and pasted parts.
            doc: the spaCy document of the normal form.
            typed: the message as typed, for the words of the signals.
        """
        mood = Mood.CALM
        for name, pattern, negatable in self._moods:
            if any(not (negatable and negated(doc, m.start())) for m in pattern.finditer(own)):
                mood = name
                break
        found = []
        for signal, pattern in self._signals:
            for match in pattern.finditer(own):
                if match.start() < match.end() and not negated(doc, match.start()):
                    start, end = normal.source(*match.span())
                    found.append(Signal(signal, typed[start:end], start, end))
                    break
        return mood, tuple(found)
