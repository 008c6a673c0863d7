"""Labelled queries, and which intents are right for which label.

Data are lines ``label<TAB>text``. The map (YAML) says for each label which intents answer it, or that the
bot is not meant to::

    退款到哪儿: [ask_refund_destination]
    商家入驻条件: out_of_scope
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import yaml

OUT_OF_SCOPE = "out_of_scope"
#: Intents that mean "not understood", or "not our matter".
REFUSALS = frozenset({"nlu_fallback", OUT_OF_SCOPE})


class QueryError(Exception):
    """Data or map cannot be used; the text says which line or label, and why."""


@dataclass(frozen=True)
class Query:
    """One labelled query."""

    label: str
    text: str


@dataclass(frozen=True)
class IntentMap:
    """Label -> intents that are right for it; empty: the bot should say that this is not its matter."""

    accepted: Mapping[str, frozenset[str]]

    def right(self, label: str, intent: str) -> bool:
        """Return whether `intent` is a right answer to a query of `label`."""
        accepted = self.accepted[label]
        return intent in (accepted or REFUSALS)

    def in_scope(self, label: str) -> bool:
        """Return whether the bot is meant to answer queries of `label`."""
        return bool(self.accepted[label])


def read_queries(path: Path) -> list[Query]:
    """Read the data; empty lines are skipped.

    Raises:
        QueryError: the file cannot be read, or a line has no label or no text.
    """
    try:
        lines = path.read_text("utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as exc:
        raise QueryError(f"{path} cannot be read: {exc}") from exc
    found = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        label, tab, text = line.partition("\t")
        if not tab or not label.strip() or not text.strip():
            raise QueryError(f"{path}:{number}: `label<TAB>text` is wanted")
        found.append(Query(label.strip(), text.strip()))
    if not found:
        raise QueryError(f"{path} holds no queries")
    return found


def read_map(path: Path, known: Collection[str]) -> IntentMap:
    """Read the map.

    Args:
        path: the YAML file.
        known: the intents that the bot has.

    Raises:
        QueryError: names all that is wrong: unknown intents, and labels with different right answers that
            share one, for then a guess at either would count as right for both.
    """
    try:
        raw = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as exc:
        raise QueryError(f"{path} cannot be read: {exc}") from exc
    if not isinstance(raw, dict) or not raw:
        raise QueryError(f"{path}: labels with their intents are wanted")
    accepted: dict[str, frozenset[str]] = {}
    problems = []
    for label, value in raw.items():
        intents = [] if value == OUT_OF_SCOPE else [value] if isinstance(value, str) else value
        if not isinstance(intents, list) or not all(isinstance(intent, str) for intent in intents):
            problems.append(f"{label}: a list of intents or {OUT_OF_SCOPE} is wanted")
            continue
        if value != OUT_OF_SCOPE and not intents:
            problems.append(f"{label}: no intent; write {OUT_OF_SCOPE} where that is meant")
        problems += [f"{label}: there is no intent {intent}" for intent in intents if intent not in known]
        accepted[str(label)] = frozenset(intents)
    for (one, left), (other, right) in combinations(accepted.items(), 2):
        if left != right and left & right:
            problems.append(f"{one} and {other} have different answers and share {', '.join(left & right)}")
    if problems:
        raise QueryError(f"{path}:\n" + "\n".join(f"  - {problem}" for problem in problems))
    return IntentMap(accepted)


def check_labels(queries: Collection[Query], intents: IntentMap, where: Path) -> None:
    """Check that the map knows every label of the data.

    Raises:
        QueryError: names those that it does not know.
    """
    unknown = sorted({query.label for query in queries} - set(intents.accepted))
    if unknown:
        raise QueryError(f"{where} says nothing of: {', '.join(unknown)}")
