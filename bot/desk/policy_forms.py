"""The form of a policy: read what a manager typed, change its clauses about, say what stands where.

A form always gives a policy, however wrong its texts are: what is wrong is said beside the field, and nothing
that was typed is lost.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from aiohttp import web
from multidict import MultiMapping

from actions.shop.policy_models import Case, Clause, Part, Policy, Tone
from actions.shop.policy_rules import MAX_CLAUSES, Problem, validate
from actions.shop.policy_terms import terms

_LONGEST = 1000
_NUMBER = re.compile(r"[0-9]{1,9}", re.ASCII)
_BETWEEN = re.compile(r"[\s,，、;；]+")
_NEW = Clause(Part.CONDITION, "")


@dataclass(frozen=True)
class Fields:
    """The fields of a form that was sent; 400 for what no form of ours sends."""

    given: MultiMapping[object]

    def text(self, name: str) -> str:
        """Return a field as text, without the blanks around it; "" where it is missing."""
        value = self.given.get(name, "")
        if not isinstance(value, str) or len(value) > _LONGEST or "\0" in value:
            raise web.HTTPBadRequest
        return value.strip()

    def number(self, name: str, most: int = 2**31 - 1) -> int:
        """Return a field as a whole number; 0 where it is missing."""
        text = self.text(name)
        if text and (not _NUMBER.fullmatch(text) or int(text) > most):
            raise web.HTTPBadRequest
        return int(text or 0)

    def several(self, name: str) -> list[str]:
        """Return all values of a field that may be chosen several times."""
        values = self.given.getall(name, [])
        if len(values) > 100:
            raise web.HTTPBadRequest
        return [v for v in values if isinstance(v, str) and 0 < len(v) <= 64 and "\0" not in v]


def read_policy(fields: Fields, topic: str) -> Policy:
    """Return the policy of a form."""
    count = fields.number("count", MAX_CLAUSES + 1)
    clauses = tuple(_clause(fields, f"{at}.") for at in range(count))
    return Policy(topic, fields.text("title"), clauses, max(fields.number("version"), 1))


def _clause(fields: Fields, at: str) -> Clause:
    try:
        part, tone = Part(fields.text(at + "part")), Tone(fields.text(at + "tone") or "info")
    except ValueError as exc:
        raise web.HTTPBadRequest from exc
    more = [code for code in _BETWEEN.split(fields.text(at + "more")) if code]
    return Clause(
        part,
        fields.text(at + "text"),
        core=bool(fields.text(at + "core")),
        tone=tone if part is Part.CONCLUSION else Tone.INFO,
        categories=tuple(dict.fromkeys([*fields.several(at + "categories"), *more])),
        states=tuple(fields.several(at + "states")),
        when=tuple(flag for flag in _BETWEEN.split(fields.text(at + "when")) if flag),
    )


def moved(policy: Policy, act: str) -> Policy:
    """Return a policy with its clauses changed about: ``add``, ``remove:<n>``, ``up:<n>``, ``down:<n>``."""
    name, _, which = act.partition(":")
    clauses = list(policy.clauses)
    if name == "add" and len(clauses) < MAX_CLAUSES:
        clauses.append(_NEW)
    at = int(which) if _NUMBER.fullmatch(which) else -1
    if 0 <= at < len(clauses):
        if name == "remove":
            del clauses[at]
        to = {"up": at - 1, "down": at + 1}.get(name, -1)
        if 0 <= to < len(clauses):
            clauses[at], clauses[to] = clauses[to], clauses[at]
    return replace(policy, clauses=tuple(clauses))


class Wrong:
    """What is wrong with a policy, by the field beside which it is said."""

    def __init__(self, problems: Iterable[Problem] = ()) -> None:
        self._found: dict[tuple[int | None, str], list[str]] = defaultdict(list)
        for problem in problems:
            self._found[problem.clause, problem.field].append(problem.message)

    @classmethod
    def of(cls, policy: Policy) -> Wrong:
        """Look at a policy."""
        return cls(validate(policy))

    def __bool__(self) -> bool:
        return bool(self._found)

    def __len__(self) -> int:
        return sum(len(messages) for messages in self._found.values())

    def at(self, field: str, clause: int | None = None) -> Sequence[str]:
        """Return what is said beside a field."""
        return self._found.get((clause, field), ())


def conditions(clause: Clause) -> list[str]:
    """Return in Chinese under which conditions a clause is told; empty where it always is."""
    said = terms()
    found = []
    for codes, names in ((clause.states, said.states), (clause.categories, said.categories)):
        if codes:
            found.append("或".join(names.get(code, code) for code in codes))
    return found + [flag_name(flag) for flag in clause.when]


def flag_name(flag: str) -> str:
    """Return what a flag, or ``!flag``, means."""
    known = terms().flags.get(flag.removeprefix("!"))
    name = flag.removeprefix("!") if known is None else known.means
    return f"非“{name}”" if flag.startswith("!") else name


def categories_of(policy: Policy) -> dict[str, str]:
    """Return the categories that can be ticked: those with a name, and others that the policy uses."""
    used = dict.fromkeys(code for clause in policy.clauses for code in clause.categories)
    return {**terms().categories, **{code: code for code in used if code not in terms().categories}}


def flags_of(policy: Policy) -> list[str]:
    """Return the flags that a policy looks at."""
    return list(dict.fromkeys(flag.removeprefix("!") for clause in policy.clauses for flag in clause.when))


def sample_case(fields: Fields, policy: Policy) -> Case:
    """Return the case that the preview is made for: what was chosen, with the samples of all gaps."""
    said = terms()
    state = fields.text("case.state")
    if state not in said.states:
        states = [one for clause in policy.clauses for one in clause.states if one != "none"]
        state = states[0] if states else "none"
    values = {name: term.sample for name, term in said.gaps.items() if state != "none" or not term.order}
    if "state" in values:
        values["state"] = said.states[state]
    category = fields.text("case.category") or None
    return Case(state, category, values, frozenset(fields.several("case.when")))


@dataclass(frozen=True)
class Change:
    """One version of a policy beside the one before it.

    Attributes:
        policy: the version.
        current: it holds now.
        title_before: its former name, where that was changed.
        added, removed: clauses that came and went; a changed one did both.
        moved: the same clauses stand in another order.
    """

    policy: Policy
    current: bool
    title_before: str = ""
    added: tuple[Clause, ...] = ()
    removed: tuple[Clause, ...] = ()
    moved: bool = False


def changes(current: Policy, earlier: Sequence[Policy]) -> list[Change]:
    """Return the versions of a policy, the present one first, each with what it changed."""
    versions = [current, *earlier]
    found = []
    for at, policy in enumerate(versions):
        if at + 1 == len(versions):
            found.append(Change(policy, at == 0))
            continue
        before = versions[at + 1]
        added = tuple(clause for clause in policy.clauses if clause not in before.clauses)
        removed = tuple(clause for clause in before.clauses if clause not in policy.clauses)
        other_order = not added and not removed and policy.clauses != before.clauses
        title = before.title if before.title != policy.title else ""
        found.append(Change(policy, at == 0, title, added, removed, other_order))
    return found


def found_by(policies: Iterable[Policy], search: str) -> list[Policy]:
    """Return the policies that hold all words of a search, in title, topic or texts."""
    wanted = search.casefold().split()

    def whole(policy: Policy) -> str:
        return "\n".join([policy.topic, policy.title, *(c.text for c in policy.clauses)]).casefold()

    return [policy for policy in policies if all(one in whole(policy) for one in wanted)]


def by_group(policies: Iterable[Policy], group_of: Mapping[str, str]) -> dict[str, list[Policy]]:
    """Return policies by their group's Chinese name, groups in the order of the terms."""
    names = terms().groups
    found: dict[str, list[Policy]] = {name: [] for name in names.values()}
    for policy in policies:
        found[names[group_of.get(policy.topic, "other")]].append(policy)
    return {name: group for name, group in found.items() if group}
