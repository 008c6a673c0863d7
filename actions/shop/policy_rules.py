"""What a policy must keep to, whoever wrote it: a file, a manager at the desk or a caller of the gateway."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from actions.shop.policy_models import GAP, NO_ORDER, Case, Clause, Part, Policy, holds
from actions.shop.policy_terms import terms

#: Why a change of a policy is refused.
POLICY_RULES: dict[str, str] = {
    "changed_meanwhile": "somebody else has changed it since it was read: look at it and change it anew",
    "invalid_policy": "it breaks a rule that policies keep to, see the description of Policy",
}

MAX_TOPIC = 40
MAX_TITLE = 16
MAX_TEXT = 160
MAX_CLAUSES = 30

_TOPIC = re.compile(r"[a-z][a-z0-9_]{0,39}", re.ASCII)
_CATEGORY = re.compile(r"[a-z0-9][a-z0-9_.-]{0,31}", re.ASCII | re.IGNORECASE)
_ENDS = "。？！；…”）"


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a policy.

    Attributes:
        field: ``title``, ``topic``, ``clauses``, or a field of the clause.
        message: a Chinese sentence for who wrote it.
        clause: position of the clause (0 is the first), or None for the whole policy.
    """

    field: str
    message: str
    clause: int | None = None

    def __str__(self) -> str:
        said = terms()
        where = said.fields[self.field]
        if self.clause is not None:
            where = f"{said.problems['clause'].format(number=self.clause + 1)}·{where}"
        return f"{where}：{self.message}"


def validate(policy: Policy, *, categories: Collection[str] | None = None) -> list[Problem]:
    """Return what is wrong with a policy, in its order; empty where it is sound.

    Args:
        policy: as it was written.
        categories: the codes that exist; None where only their form can be judged (a shop's own catalogue).
    """
    found = [*_of_the_whole(policy)]
    for at, clause in enumerate(policy.clauses):
        found += [Problem(field, message, at) for field, message in _of_clause(clause, categories)]
        found += _beside_earlier(policy.clauses, at)
    return found


def _say(name: str, /, **gaps: object) -> str:
    return terms().problems[name].format(**gaps)


def _of_the_whole(policy: Policy) -> Iterator[Problem]:
    if not _TOPIC.fullmatch(policy.topic):
        yield Problem("topic", _say("topic_form"))
    if not policy.title.strip():
        yield Problem("title", _say("title_empty"))
    elif message := _wrong_line(policy.title):
        yield Problem("title", message)
    if len(policy.title) > MAX_TITLE:
        yield Problem("title", _say("title_long", most=MAX_TITLE, length=len(policy.title)))
    if len(policy.clauses) > MAX_CLAUSES:
        yield Problem("clauses", _say("too_many", most=MAX_CLAUSES, length=len(policy.clauses)))
    conclusions = [clause for clause in policy.clauses if clause.part is Part.CONCLUSION]
    if not conclusions:
        yield Problem("clauses", _say("no_conclusion"))
    elif not any(is_general(clause) for clause in conclusions):
        yield Problem("clauses", _say("no_general"))


def is_general(clause: Clause) -> bool:
    """Say whether a clause holds where nothing at all is known: no order, no goods, no flags."""
    return not clause.when and holds(clause, Case())


def _wrong_line(text: str) -> str | None:
    if not text.isprintable():
        return _say("unprintable")
    return _say("spaces") if text != text.strip() else None


def _of_clause(clause: Clause, categories: Collection[str] | None) -> Iterator[tuple[str, str]]:
    if not clause.text.strip():
        yield "text", _say("text_empty")
    else:
        yield from (("text", message) for message in _of_text(clause.text))
    for state in clause.states:
        if state not in terms().states:
            yield "states", _say("state_unknown", name=state)
    for category in clause.categories:
        if not _CATEGORY.fullmatch(category) or (categories is not None and category not in categories):
            yield "categories", _say("category_unknown", name=category)
    for field, codes in (("states", clause.states), ("categories", clause.categories)):
        yield from ((field, _say("twice", name=code)) for code in _doubled(codes))
    yield from (("when", message) for message in _of_flags(clause.when))
    if clause.states == (NO_ORDER,):
        yield from _never(clause)


def _doubled(codes: tuple[str, ...]) -> list[str]:
    return [code for code in dict.fromkeys(codes) if codes.count(code) > 1]


def _of_flags(when: tuple[str, ...]) -> Iterator[str]:
    flags = tuple(flag.removeprefix("!") for flag in when)
    for flag in dict.fromkeys(flags):
        if flag not in terms().flags:
            yield _say("flag_unknown", name=flag)
    yield from (_say("flag_twice", name=flag) for flag in _doubled(flags))


def _of_text(text: str) -> Iterator[str]:
    if message := _wrong_line(text):
        yield message
    if len(text) > MAX_TEXT:
        yield _say("text_long", most=MAX_TEXT, length=len(text))
    if text.rstrip()[-1] not in _ENDS:
        yield _say("text_end")
    if re.search(r"[{}]", GAP.sub("", text)):
        yield _say("gap_form", example="{return_until}")
    for gap in dict.fromkeys(GAP.findall(text)):
        if gap not in terms().gaps:
            yield _say("gap_unknown", name=gap)


def _never(clause: Clause) -> Iterator[tuple[str, str]]:
    """Say what of an order a clause asks for that speaks only where there is none."""
    for gap in clause.gaps:
        if gap in terms().gaps and terms().gaps[gap].order:
            yield "text", _say("never", name=gap)
    for flag in clause.when:
        if flag in terms().flags and terms().flags[flag].order:
            yield "when", _say("never", name=flag)


def _beside_earlier(clauses: tuple[Clause, ...], at: int) -> Iterator[Problem]:
    """Say what an earlier clause makes of this one: it stands there already, or is never reached."""
    clause = clauses[at]
    for number, earlier in enumerate(clauses[:at], start=1):
        if earlier == clause:
            yield Problem("text", _say("same", number=number), at)
            return
        both_conclude = earlier.part is clause.part is Part.CONCLUSION
        if both_conclude and _covers(earlier, clause):
            yield Problem("part", _say("shadowed", number=number), at)
            return


def _covers(earlier: Clause, later: Clause) -> bool:
    """Say whether the earlier clause surely holds wherever the later one does."""
    return (
        _wider(earlier.states, later.states)
        and _wider(earlier.categories, later.categories)
        and set(earlier.when) <= set(later.when)
        and set(earlier.gaps) <= set(later.gaps)
    )


def _wider(earlier: tuple[str, ...], later: tuple[str, ...]) -> bool:
    return not earlier or (bool(later) and set(later) <= set(earlier))
