"""Answers from the shop's rules: which statements a style tells, in which order, and how they are set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from persona.strategy import Layout, PolicyRule
from persona.wording.facts import FactText

CONCLUSION = "conclusion"
_CIRCLED = "①②③④⑤⑥"


@dataclass(frozen=True)
class Clauses:
    """What is told of the statements that hold; in a text it prints as a whole, as the style sets it.

    Attributes:
        rows: the statements told, in order; each has ``part``, ``text`` and ``core``.
        rule: how they are set.
        more: they are what a first answer left out, not the answer itself.
        held: all statements that hold, in the same order.
    """

    rows: tuple[Mapping[str, Any], ...]
    rule: PolicyRule
    more: bool = False
    held: tuple[Mapping[str, Any], ...] = ()

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        return iter(self.rows)

    def __str__(self) -> str:
        if self.rule.layout is Layout.FLOWING:
            return "".join(row["text"] for row in self.rows)
        if self.rule.layout is Layout.LINES:
            return "\n".join(self._label(row["part"]) + row["text"] for row in self.rows)
        return "\n".join(self._numbered())

    def laid_out(self) -> FactText:
        """Return the whole text."""
        return FactText(str(self))

    def _numbered(self) -> Iterator[str]:
        groups = [
            (part, "".join(row["text"] for row in rows))
            for part, rows in groupby(self.rows, key=lambda row: str(row["part"]))
        ]
        points = sum(part != CONCLUSION for part, _ in groups)
        numbers = iter(_CIRCLED)
        for part, text in groups:
            number = next(numbers) + " " if part != CONCLUSION and points > 1 else ""
            yield f"{number}{self._label(part)}{text}"

    def _label(self, part: str) -> str:
        label = self.rule.labels.get(part)
        return f"{label}：" if label else ""


def arrange(rows: Sequence[Mapping[str, Any]], rule: PolicyRule, *, untold: bool = False) -> Clauses:
    """Select and order the statements that hold, as a style tells them.

    Args:
        rows: all that hold, in the rule's own order.
        rule: the style's.
        untold: it was told before: what the style left out then, else the conclusion alone.
    """
    ordered = sorted(rows, key=lambda row: rule.parts.index(row["part"]))
    details = [row for row in ordered if not _always(row)]
    if not untold:
        rows = tuple(row for row in ordered if rule.details or _always(row))
        return Clauses(rows, rule, held=tuple(ordered))
    if details and not rule.details:
        return Clauses(tuple(details), rule, more=True)
    conclusion = [row for row in ordered if row["part"] == CONCLUSION]
    return Clauses(tuple(conclusion or ordered[:1]), rule)


def card(title: str, clauses: Clauses, names: Mapping[str, str]) -> dict[str, Any] | None:
    """Return the card of a policy with all that holds, None where the text tells it all.

    Args:
        title: what the rule is called.
        clauses: what the text tells.
        names: of the parts.
    """
    if len(clauses.held) <= len(clauses.rows):
        return None
    told = {id(row) for row in clauses.rows}
    rows = [
        {"part": row["part"], "label": names[row["part"]], "text": row["text"], "told": id(row) in told}
        for row in clauses.held
    ]
    return {"type": "card", "card": "policy", "data": {"title": title, "rule": title, "clauses": rows}}


def _always(row: Mapping[str, Any]) -> bool:
    return bool(row["core"]) or row["part"] == CONCLUSION
