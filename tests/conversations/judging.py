"""Holds the five runs of a case to what it demands, and to each other."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from itertools import combinations
from typing import Any

from persona.strategy import Strategy
from persona.wording.check import check_said
from persona.wording.engine import Wording
from tests.conversations.cases import Case, Turn
from tests.conversations.playing import Run
from tests.conversations.recorded import Answered, Told

#: Five runs take seconds, so moments that count from now are the same within this.
_NOW = timedelta(minutes=10)
#: Numbers of requests are drawn by lot.
_NUMBER = re.compile(r"[A-Z]{1,3}\d{6,}")
_CLOCK = re.compile(r"\d{1,2}:\d{2}")
_ANYTHING = "*"
#: What stands in the record where a case does not say.
_NOTHING: dict[str, Any] = {"requests": [], "escalations": [], "care": [], "owner": "BOT"}


class Judge:
    """Finds what is wrong with the runs of a case; each finding names style, turn, expected and got.

    Args:
        wording: the project's words.
    """

    def __init__(self, wording: Wording) -> None:
        self._wording = wording

    def findings(self, case: Case, runs: list[Run], names: Mapping[str, Any]) -> list[str]:
        """Return all findings, as lines."""
        found = []
        for run in runs:
            found += [f"[{run.style}] {line}" for line in _demands(case, run, names)]
            for number, answered in enumerate(run.answers, start=1):
                for told in answered.told:
                    found += [f"[{run.style}] turn {number}: {line}" for line in self._words(run.style, told)]
        for number in range(len(case.turns)):
            where = f"turn {number + 1} «{case.turns[number].say or case.turns[number].tap}»"
            answers = {run.style: run.answers[number] for run in runs}
            found += [f"{where}: {line}" for line in self._alike(answers)]
        first, *others = runs
        for run in others:
            if not same(run.changes, first.changes):
                found.append(f"[{run.style}] outcome {run.changes}, in {first.style} {first.changes}")
        return found

    def _spoken(self, style: str, told: Told) -> Strategy:
        """Return the strategy whose text is spoken: to the upset nobody jokes."""
        strategies = self._wording.strategies
        strategy = strategies.of(style)
        return strategies.of(strategy.when_upset) if strategies.is_upset(told.mood) else strategy

    def _words(self, style: str, told: Told) -> Iterator[str]:
        upset = self._wording.strategies.is_upset(told.mood)
        spoken = self._spoken(style, told)
        for violation in check_said(
            self._wording.catalogue, told.response, told.facts, spoken, told.text, upset
        ):
            yield f"{told.response}: {violation.rule}: {violation.message}"

    def _alike(self, answers: Mapping[str, Answered]) -> Iterator[str]:
        """Yield where two styles tell other facts, or the same in the same words."""
        for (style, mine), (other, theirs) in combinations(answers.items(), 2):
            if mine.says != theirs.says:
                continue  # one of them is not what the case demands, which is said elsewhere
            for one, two in zip(mine.told, theirs.told, strict=True):
                if not same(*self._comparable(one, two)):
                    yield f"{one.response}: {style} tells {one.facts}, {other} {two.facts}"
                apart = self._spoken(style, one).style is not self._spoken(other, two).style
                if apart and one.facts and one.text == two.text and not _only_a_rule(one):
                    yield f"{one.response}: {style} and {other} say the same: {one.text}"

    def _comparable(self, one: Told, two: Told) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the facts of both; of rows that the strategy cuts, as many as both were given."""
        mine, theirs = dict(one.facts), dict(two.facts)
        for name, fact in self._wording.catalogue.responses[one.response].facts.items():
            if fact.type == "rows" and fact.cut and mine.get(name) and theirs.get(name):
                shared = min(len(mine[name]), len(theirs[name]))
                mine[name], theirs[name] = mine[name][:shared], theirs[name][:shared]
        return mine, theirs


def _only_a_rule(told: Told) -> bool:
    """Say whether a text is one statement of the shop's rules and nothing else: that is told alike."""
    return any(told.text == clause["text"] for clause in told.facts.get("clauses") or ())


def _demands(case: Case, run: Run, names: Mapping[str, Any]) -> Iterator[str]:
    for number, (turn, answered) in enumerate(zip(case.turns, run.answers, strict=True), start=1):
        where = f"turn {number} «{turn.say or turn.tap}» ({answered.intent})"
        for line in _turn(turn, answered, names):
            yield f"{where}: {line}"
    wanted = filled(case.outcome or {}, names)
    if set(wanted) != set(run.changes):
        yield f"outcome: expected {sorted(wanted)}, got {run.changes}"
    for row, values in wanted.items():
        got = run.changes.get(row)
        if got is None:
            continue
        odd = {name for name in got if name not in values} if got.get("") != "new" else set()
        if odd or not fits(values, got):
            yield f"outcome of {row}: expected {values}, got {got}"
    record = {**_NOTHING, **(case.record or {}), "style": run.style}
    if record != run.record:
        yield f"record: expected {record}, got {run.record}"


def _turn(turn: Turn, answered: Answered, names: Mapping[str, Any]) -> Iterator[str]:
    if answered.says != turn.says:
        yield f"expected {list(turn.says)}, got {list(answered.says)}: {answered.text}"
        return
    told: dict[str, Any] = {}
    for text in answered.told:
        told.update(text.facts)
    for name, value in filled(dict(turn.facts or {}), names).items():
        if not fits(value, told.get(name)):
            yield f"fact {name}: expected {value!r}, got {told.get(name)!r}"
    for words in filled(list(turn.tells), names):
        if words not in answered.text:
            yield f"does not tell {words!r}: {answered.text}"
    for title in filled(list(turn.offers), names):
        if title not in answered.offers:
            yield f"does not offer {title!r} but {list(answered.offers)}"
    if turn.cards is not None and turn.cards != answered.cards:
        yield f"expected cards {list(turn.cards)}, got {list(answered.cards)}"


def filled(value: Any, names: Mapping[str, Any]) -> Any:
    """Return what a case demands with the shop's own values in place of `{…}`."""
    if isinstance(value, str):
        return value.format_map(names)
    if isinstance(value, dict):
        return {str(filled(name, names)): filled(part, names) for name, part in value.items()}
    if isinstance(value, list):
        return [filled(part, names) for part in value]
    return value


def fits(wanted: Any, got: Any) -> bool:
    """Say whether a value is what a case demands; `*` is any, of an object only what is named counts."""
    if wanted == _ANYTHING:
        return got is not None
    if isinstance(wanted, Mapping):
        return isinstance(got, Mapping) and all(fits(value, got.get(name)) for name, value in wanted.items())
    if isinstance(wanted, list):
        alike = isinstance(got, list) and len(got) == len(wanted)
        return alike and all(fits(one, other) for one, other in zip(wanted, got, strict=True))
    return bool(_typed(wanted) == _typed(got))


def same(one: Any, other: Any) -> bool:
    """Say whether two styles told or wrote the same; what counts from now may be seconds apart."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same(value, other[name]) for name, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(same(a, b) for a, b in zip(one, other, strict=True))
    mine, theirs = _typed(one), _typed(other)
    if isinstance(mine, datetime) and isinstance(theirs, datetime):
        return abs(mine - theirs) < _NOW
    if isinstance(mine, str) and isinstance(theirs, str) and mine != theirs:
        return _timeless(mine) == _timeless(theirs)
    return bool(mine == theirs)


def _timeless(text: str) -> str:
    return _CLOCK.sub("0:00", _NUMBER.sub("#", text))


def _typed(value: Any) -> Any:
    """Return a moment or an amount for a text that is one."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return value
    try:
        return Decimal(str(value))
    except InvalidOperation:
        pass
    try:
        return datetime.fromisoformat(str(value))
    except ValueError:
        return value
