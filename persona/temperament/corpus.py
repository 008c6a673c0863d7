"""The project's own conversations with labels, under ``nlu_data/temperament/corpus``."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2s
from pathlib import Path

import yaml

from persona.temperament.types import TYPES, Turn

#: The labels: the types and "none", where no style shows.
LABELS: tuple[str, ...] = (*(kind.value for kind in TYPES), "none")

#: One in so many conversations is held back from training.
HELD_BACK = 5


@dataclass(frozen=True)
class Labelled:
    """A conversation with its label.

    Attributes:
        id: made from its words, so that it stays when others are added.
        label: one of LABELS.
        scenario: what it is about.
        turns: what was said.
        held_back: kept from training, for measuring.
    """

    id: str
    label: str
    scenario: str
    turns: tuple[Turn, ...]
    held_back: bool


def load(folder: Path) -> list[Labelled]:
    """Read all conversations and single utterances, in a fixed order; ValueError where a file is wrong."""
    out: list[Labelled] = []
    for path in _files(folder):
        data = yaml.safe_load(path.read_text("utf-8"))
        if data.pop("scenario", None) != path.stem:
            raise ValueError(f"{path.name}: scenario must be {path.stem}")
        if unknown := set(data) - set(LABELS):
            raise ValueError(f"{path.name}: no such label: {', '.join(sorted(unknown))}")
        for label, entries in data.items():
            for lines in entries["conversations"]:
                out.append(_labelled(label, path.stem, [str(line) for line in lines]))
            out.extend(_labelled(label, path.stem, [str(line)]) for line in entries["utterances"])
    return out


def fingerprint(folder: Path) -> str:
    """Return the hash of the corpus's content."""
    digest = blake2s(digest_size=8)
    for path in _files(folder):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _files(folder: Path) -> list[Path]:
    """Return the files; each holds one errand in all styles side by side, so that no style owns an errand."""
    return sorted(folder.glob("*.yml"))


def _labelled(label: str, scenario: str, lines: list[str]) -> Labelled:
    turns = tuple(
        Turn(line[2:], "agent") if line.startswith("> ") else Turn(line, "shopper") for line in lines
    )
    number = int.from_bytes(blake2s("\n".join(lines).encode(), digest_size=5).digest(), "big")
    return Labelled(f"{label}-{number:010x}", label, scenario, turns, number % HELD_BACK == 0)
