"""The words that clauses of policies may use: gaps, flags, parts, states, categories, with what they mean.

They are data, ``policy_terms.yml``: the table of docs/architecture.md "Policies" with a Chinese explanation
and a sample of each, as the desk shows them to the manager.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

#: Stands for topics that no delivered file holds.
OTHER_GROUP = "other"


@dataclass(frozen=True)
class Term:
    """A gap or a flag.

    Attributes:
        name: as clauses write it.
        means: what it is, in Chinese.
        source: the Chinese name of where it comes from ("订单").
        order: known only where an order is at hand.
        sample: a value as it is read; "" for a flag.
    """

    name: str
    means: str
    source: str
    order: bool
    sample: str = ""


@dataclass(frozen=True)
class Terms:
    """Everything that ``policy_terms.yml`` says.

    Attributes:
        gaps, flags: by name, in the table's order.
        parts, tones, states, categories, groups: code → Chinese name, in the order in which they are shown.
        fields: field of a clause or policy → Chinese name.
        problems, file_problems: what can be wrong → Chinese sentence with gaps.
        avoid: words that delivered policies do not use.
        avoided: the sentence that says so.
    """

    gaps: Mapping[str, Term]
    flags: Mapping[str, Term]
    parts: Mapping[str, str]
    tones: Mapping[str, str]
    states: Mapping[str, str]
    categories: Mapping[str, str]
    groups: Mapping[str, str]
    fields: Mapping[str, str]
    problems: Mapping[str, str]
    file_problems: Mapping[str, str]
    avoid: tuple[str, ...]
    avoided: str


@lru_cache(maxsize=1)
def terms() -> Terms:
    """Return the terms, read once per process."""
    path = Path(__file__).with_name("policy_terms.yml")
    data: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    gaps: dict[str, Term] = {}
    flags: dict[str, Term] = {}
    for source in data["sources"].values():
        order = bool(source.get("order", False))
        for name, value in source["values"].items():
            _add(gaps, Term(name, value["means"], source["name"], order, value["sample"]))
        for name, means in source.get("flags", {}).items():
            _add(flags, Term(name, means, source["name"], order))
    return Terms(
        gaps=gaps,
        flags=flags,
        **{name: dict(data[name]) for name in _TABLES},
        avoid=tuple(data["words"]["avoid"]),
        avoided=data["words"]["said"],
    )


_TABLES = (
    "parts",
    "tones",
    "states",
    "categories",
    "groups",
    "fields",
    "problems",
    "file_problems",
)


def _add(found: dict[str, Term], term: Term) -> None:
    """Note a term; what a source without an order has as well is known without one."""
    if term.name not in found or (found[term.name].order and not term.order):
        found[term.name] = term
