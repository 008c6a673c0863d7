"""What a check found, for people and for machines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Finding:
    """One thing that breaks the contract.

    Attributes:
        operation: as in the contract.
        path: of the field in the answer; "" where it is about the whole answer.
        expected: what the contract says.
        got: what the backend did.
        call: method and address that showed it, without secrets.
    """

    operation: str
    path: str
    expected: str
    got: str
    call: str

    def __str__(self) -> str:
        """Return the finding as one sentence."""
        where = f"{self.operation}: {self.path}" if self.path else self.operation
        return f"{where}: expected {self.expected}, got {self.got} ({self.call})"


@dataclass
class Report:
    """What was checked and what was found.

    Attributes:
        url: the backend.
        checked: operations that answered, with the number of their checks.
        findings: what is wrong; the same field of one operation once.
        not_offered: operations that the backend does without.
        skipped: what could not be checked, with why.
    """

    url: str
    checked: dict[str, int] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    not_offered: list[str] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)

    @property
    def good(self) -> bool:
        """Whether nothing is wrong, and something was checked at all."""
        return not self.findings and bool(self.checked)

    def passed(self, operation: str) -> None:
        """Count one check of an operation."""
        self.checked[operation] = self.checked.get(operation, 0) + 1

    def add(self, finding: Finding) -> None:
        """Note what is wrong; of a list, one item tells enough."""
        place = (finding.operation, _general(finding.path), finding.expected)
        if all((f.operation, _general(f.path), f.expected) != place for f in self.findings):
            self.findings.append(finding)

    def lines(self) -> Iterator[str]:
        """Yield the report as text."""
        for finding in self.findings:
            yield f"✗ {finding}"
        for operation, why in self.skipped.items():
            yield f"- {operation}: not wholly checked, {why}"
        if self.not_offered:
            yield f"- not offered (501): {', '.join(sorted(self.not_offered))}"
        done = f"{sum(self.checked.values())} checks of {len(self.checked)} operations"
        yield f"{done}: " + (f"{len(self.findings)} wrong" if self.findings else "all as the contract says")

    def as_json(self) -> dict[str, Any]:
        """Return the report as JSON carries it."""
        return {
            "url": self.url,
            "good": self.good,
            "checked": self.checked,
            "findings": [vars(finding) for finding in self.findings],
            "not_offered": sorted(self.not_offered),
            "skipped": self.skipped,
        }


def _general(path: str) -> str:
    """Return a path without the numbers of items."""
    return "".join(part.partition("]")[2] if at else part for at, part in enumerate(path.split("[")))
