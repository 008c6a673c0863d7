"""The cue lexicon: what a service manager writes in YAML, compiled and matched in a message."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from persona.temperament.normalise import Normaliser
from persona.temperament.types import TYPES, Temperament

_FIELDS = {"id", "says", "weight", "words", "patterns", "whole", "after", "unless", "negatable"}

#: Words that turn a cue off when one of the two tokens before it is one of them.
NEGATIONS = frozenset(
    [
        "不",
        "没",
        "没有",
        "别",
        "不用",
        "不要",
        "不必",
        "无需",
        "未",
        "并非",
        "不是",
        "不会",
        "不太",
        "从不",
        "不想",
        "没必要",
        "不需要",
        "没那么",
        "不算",
    ]
)


class LexiconError(ValueError):
    """A lexicon file does not say what a lexicon must say; the message names file and cue."""


@dataclass(frozen=True)
class Cue:
    """One cue of the lexicon.

    Attributes:
        id: ``<type>.<name>``, unique.
        type: the type it speaks for.
        says: what it means, in Chinese, for the explanation to agents.
        weight: log-likelihood ratio in nats of one clear occurrence, for `type` against the others.
        words: matched where they begin and end at word boundaries.
        patterns: regular expressions over the normal form, matched anywhere.
        whole: counts only where it covers the whole message.
        after: kind of the agent's last message it needs (``refusal``), or None.
        unless: a pattern that cancels a hit it overlaps.
        negatable: whether a negation before it cancels it.
    """

    id: str
    type: Temperament
    says: str
    weight: float
    words: re.Pattern[str] | None
    patterns: re.Pattern[str] | None
    whole: bool = False
    after: str | None = None
    unless: re.Pattern[str] | None = None
    negatable: bool = True


@dataclass(frozen=True)
class Hit:
    """A cue found in the normal form, at [start, end)."""

    cue: Cue
    start: int
    end: int


def union(sources: Sequence[str], normaliser: Normaliser, where: str) -> re.Pattern[str] | None:
    """Compile `sources` into one pattern; ``{joy}`` stands for the group of emoji of that name."""
    if not sources:
        return None
    emoji = re.compile("|".join(r"\{" + re.escape(name) + r"\}" for name in normaliser.groups) or r"(?!)")
    ready = [emoji.sub(lambda m: normaliser.groups[m.group()[1:-1]], source) for source in sources]
    try:
        return re.compile("|".join(f"(?:{source})" for source in ready))
    except re.error as exc:
        raise LexiconError(f"{where}: not a regular expression: {exc}") from exc


class Lexicon:
    """All cues, ready to match."""

    def __init__(self, cues: Sequence[Cue], agent: Mapping[str, re.Pattern[str]]) -> None:
        self.cues = tuple(cues)
        self.by_id = {cue.id: cue for cue in cues}
        self._agent = dict(agent)

    @classmethod
    def load(cls, folder: Path, normaliser: Normaliser) -> Lexicon:
        """Read ``<type>.yml`` for each type and ``agent.yml`` in `folder`; LexiconError where wrong."""
        cues: list[Cue] = []
        for kind in TYPES:
            path = folder / f"{kind.value}.yml"
            data = yaml.safe_load(path.read_text("utf-8"))
            if data.get("type") != kind.value:
                raise LexiconError(f"{path.name}: type must be {kind.value}")
            cues.extend(_cue(entry, kind, normaliser, path.name) for entry in data["cues"])
        if len({cue.id for cue in cues}) != len(cues):
            raise LexiconError("two cues have the same id")
        kinds: dict[str, list[str]] = yaml.safe_load((folder / "agent.yml").read_text("utf-8"))
        agent = {k: p for k, v in kinds.items() if (p := union(v, normaliser, f"agent.yml: {k}"))}
        return cls(cues, agent)

    def kinds_of_reply(self, agent_text: str) -> frozenset[str]:
        """Return the kinds of the agent's message (normal form): refusal, closing; empty for none."""
        return frozenset(kind for kind, pattern in self._agent.items() if pattern.search(agent_text))

    def find(self, doc: Any, kinds: frozenset[str], foreign: Sequence[tuple[int, int]] = ()) -> list[Hit]:
        """Find the cues in a spaCy `doc` of the normal form.

        Args:
            doc: the document; its text is the normal form.
            kinds: the kinds of the agent's last message.
            foreign: spans that are not the shopper's own words; hits that touch them do not count.
        """
        text: str = doc.text
        hits: list[Hit] = []
        for cue in self.cues:
            if cue.after is not None and cue.after not in kinds:
                continue
            for start, end in _spans(cue, text, doc):
                if any(start < stop and begin < end for begin, stop in foreign):
                    continue
                if cue.unless is not None and _overlaps(cue.unless, text, start, end):
                    continue
                if cue.negatable and negated(doc, start):
                    continue
                hits.append(Hit(cue, start, end))
        return _longest(hits)


def negated(doc: Any, start: int) -> bool:
    """Return whether a negation stands before the character `start` of `doc`.

    In the two tokens before it, or at the head of the very token it lies in ("急" in "不着急").
    """
    for token in doc:
        if token.idx + len(token.text) > start:
            head = token.text[: start - token.idx]
            before = (doc[i].text for i in range(max(0, token.i - 2), token.i))
            return any(char in "不没别未" for char in head) or any(text in NEGATIONS for text in before)
    return False


def _spans(cue: Cue, text: str, doc: Any) -> list[tuple[int, int]]:
    if cue.whole:
        body = text.strip()
        if cue.patterns is None or not body or cue.patterns.fullmatch(body) is None:
            return []
        start = text.index(body)
        return [(start, start + len(body))]
    found: list[tuple[int, int]] = []
    if cue.patterns is not None:
        found += [m.span() for m in cue.patterns.finditer(text)]
    if cue.words is not None:
        # char_span is None where the hit would cut a word in two ("算了" in "打算了解").
        found += [m.span() for m in cue.words.finditer(text) if doc.char_span(*m.span()) is not None]
    trimmed = []
    for start, end in found:
        lead = len(text[start:end]) - len(text[start:end].lstrip(" ，,。!！"))
        if start + lead < end:
            trimmed.append((start + lead, end))
    return trimmed


def _overlaps(pattern: re.Pattern[str], text: str, start: int, end: int) -> bool:
    return any(m.start() < end and start < m.end() for m in pattern.finditer(text))


def _longest(hits: list[Hit]) -> list[Hit]:
    """Let no words count twice: drop a hit inside another of its type, or strictly inside any other.

    Of two cues of a type on the same words the one that stands first in the file counts.
    """
    kept: list[Hit] = []
    for hit in sorted(hits, key=lambda h: (h.start - h.end, h.start)):
        inside = any(
            k.start <= hit.start
            and hit.end <= k.end
            and (k.cue.type is hit.cue.type or k.end - k.start > hit.end - hit.start)
            for k in kept
        )
        if not inside:
            kept.append(hit)
    return sorted(kept, key=lambda h: (h.start, h.end, h.cue.id))


def _cue(entry: dict[str, Any], kind: Temperament, normaliser: Normaliser, file: str) -> Cue:
    name = str(entry.get("id", "?"))
    unknown = set(entry) - _FIELDS
    if unknown:
        raise LexiconError(f"{file}: {name}: unknown fields: {', '.join(sorted(unknown))}")
    if not {"id", "says", "weight"} <= set(entry) or not (entry.get("words") or entry.get("patterns")):
        raise LexiconError(f"{file}: {name}: needs id, says, weight, and words or patterns")
    words = sorted((normaliser(str(w)).text for w in entry.get("words", ())), key=len, reverse=True)
    return Cue(
        id=f"{kind.value}.{name}",
        type=kind,
        says=str(entry["says"]),
        weight=float(entry["weight"]),
        words=union([re.escape(w) for w in words], normaliser, f"{file}: {name}"),
        patterns=union([str(p) for p in entry.get("patterns", ())], normaliser, f"{file}: {name}"),
        whole=bool(entry.get("whole", False)),
        after=entry.get("after"),
        unless=union([str(entry["unless"])], normaliser, f"{file}: {name}") if entry.get("unless") else None,
        negatable=bool(entry.get("negatable", True)),
    )
