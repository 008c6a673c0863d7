"""When a conversation goes to a person, who comes first, and how long it takes: pure functions.

None of them is told the shopper's temperament; a test holds their arguments to that. The figures are in
``escalation.yml``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from bot.conversation.desk_types import Reason, Wish
from bot.conversation.types import Trouble

PATH = Path(__file__).with_name("escalation.yml")

#: Moods and signals of :mod:`persona.temperament` that count here.
ANGRY = "angry"
SAFETY, THREAT, GIVING_UP = "safety", "threat", "giving_up"


@dataclass(frozen=True)
class Rules:
    """The figures of ``escalation.yml``; lengths of time are timedeltas.

    Attributes:
        anger: so many angry messages among so many.
        careful_intents: intents whose answers say themselves what comes first where somebody is in danger,
            and how those answers are named at the start; another, such as a form's question, does not count.
        rest_messages: messages of the shopper during which the same automatic reason rests.
        tell_again: how long after joining the shopper is told again, ascending.
        nobody: how long a shopper waits while nobody is at the desk.
        handling: assumed length of a hand-over while none is on record.
        sample: how many of the last hand-overs count.
        longest: the longest expected wait that is told.
    """

    anger: tuple[int, int]
    misunderstandings: int
    failures: int
    misunderstood_intents: frozenset[str]
    careful_intents: Mapping[str, str]
    rest_messages: int
    reason_start: Mapping[Reason, timedelta]
    level_start: Mapping[str, timedelta]
    tell_again: tuple[timedelta, ...]
    nobody: timedelta
    wanted: timedelta
    remind: timedelta
    reassign: timedelta
    gone: timedelta
    here: timedelta
    handling: timedelta
    sample: int
    longest: timedelta

    @classmethod
    def load(cls, path: Path = PATH) -> Rules:
        """Read and check the figures.

        Raises:
            ValueError: a figure is missing, unknown or out of range; the text names it.
        """
        try:
            data = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as exc:
            raise ValueError(f"{path.name} cannot be read: {exc}") from exc
        return cls.from_data(data)

    @classmethod
    def from_data(cls, data: Any) -> Rules:
        """Check parsed figures; see :meth:`load`."""
        whole = _section(data, "", ("when", "head_start_minutes", "waiting", "expected"))
        when = _section(
            whole["when"],
            "when",
            (
                "anger",
                "misunderstandings",
                "failures",
                "misunderstood_intents",
                "careful_intents",
                "rest_messages",
            ),
        )
        starts = _section(whole["head_start_minutes"], "head_start_minutes", ("reason", "level"))
        reasons = _section(starts["reason"], "head_start_minutes.reason", tuple(r.value for r in Reason))
        waiting = _section(
            whole["waiting"],
            "waiting",
            (
                "tell_again_minutes",
                "nobody_minutes",
                "wanted_minutes",
                "remind_agent_minutes",
                "reassign_minutes",
                "gone_minutes",
                "here_seconds",
            ),
        )
        expected = _section(whole["expected"], "expected", ("handling_minutes", "sample", "most_minutes"))
        anger = _section(when["anger"], "when.anger", ("times", "among"))
        times = _count(anger["times"], "when.anger.times")
        among = _count(anger["among"], "when.anger.among")
        if times > among:
            raise ValueError("when.anger.times is more than when.anger.among")
        again = tuple(
            _minutes(v, "waiting.tell_again_minutes")
            for v in _list(waiting["tell_again_minutes"], "waiting.tell_again_minutes")
        )
        if list(again) != sorted(set(again)):
            raise ValueError("waiting.tell_again_minutes must ascend")
        rules = cls(
            anger=(times, among),
            misunderstandings=_count(when["misunderstandings"], "when.misunderstandings"),
            failures=_count(when["failures"], "when.failures"),
            misunderstood_intents=frozenset(
                map(str, _list(when["misunderstood_intents"], "when.misunderstood_intents"))
            ),
            careful_intents={str(i): str(r) for i, r in dict(when["careful_intents"]).items()},
            rest_messages=_count(when["rest_messages"], "when.rest_messages"),
            reason_start={
                Reason(n): _minutes(v, f"head_start_minutes.reason.{n}", 0) for n, v in reasons.items()
            },
            level_start=_levels(starts["level"]),
            tell_again=again,
            nobody=_minutes(waiting["nobody_minutes"], "waiting.nobody_minutes"),
            wanted=_minutes(waiting["wanted_minutes"], "waiting.wanted_minutes"),
            remind=_minutes(waiting["remind_agent_minutes"], "waiting.remind_agent_minutes"),
            reassign=_minutes(waiting["reassign_minutes"], "waiting.reassign_minutes"),
            gone=_minutes(waiting["gone_minutes"], "waiting.gone_minutes"),
            here=_minutes(waiting["here_seconds"], "waiting.here_seconds") / 60,
            handling=_minutes(expected["handling_minutes"], "expected.handling_minutes"),
            sample=_count(expected["sample"], "expected.sample"),
            longest=_minutes(expected["most_minutes"], "expected.most_minutes"),
        )
        if rules.remind >= rules.reassign:
            raise ValueError("waiting.remind_agent_minutes must be less than waiting.reassign_minutes")
        return rules


@dataclass(frozen=True)
class Said:
    """What is known of one message of the shopper.

    Attributes:
        mood: :class:`persona.temperament.types.Mood` as text, None where nothing was read.
        signals: names of the signals that it carries.
        trouble: what went wrong with its answer, None where nothing did.
    """

    mood: str | None = None
    signals: frozenset[str] = frozenset()
    trouble: Trouble | None = None


@dataclass(frozen=True)
class Situation:
    """All that the decision may know.

    Attributes:
        recent: the shopper's last messages, newest first, the one just answered included.
        wish: the hand-over that a directive of the turn asks for, or None.
        rested: for each reason of an earlier hand-over of the conversation, the shopper's messages since it
            ended.
    """

    recent: tuple[Said, ...] = ()
    wish: Wish | None = None
    rested: Mapping[Reason, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Decision:
    """Hand over for `reason`; with `offer` the shopper is only asked whether that is wanted."""

    reason: Reason
    offer: bool = False


def decide(situation: Situation, rules: Rules) -> Decision | None:
    """Return whether and why the conversation goes to a person; None where it stays.

    The gravest reason wins: safety, what was asked for, a threat, anger, misunderstandings, failures. Giving
    up after trouble is offered a person.
    """
    if not situation.recent:
        return None if situation.wish is None else Decision(situation.wish.reason)
    last = situation.recent[0]
    if SAFETY in last.signals:
        return Decision(Reason.SAFETY)
    if situation.wish is not None:
        return Decision(_graver(situation.wish.reason, last))
    for reason in _automatic(situation.recent, rules):
        if situation.rested.get(reason, rules.rest_messages) >= rules.rest_messages:
            return Decision(reason)
    troubled = any(said.trouble is not None for said in situation.recent[:2])
    if GIVING_UP in last.signals and troubled:
        return Decision(_offered(situation.recent), offer=True)
    return None


def _graver(wished: Reason, last: Said) -> Reason:
    """Return the reason of a wish: a complaint that threatens is a threat, which comes first in the queue."""
    threatens = wished in {Reason.COMPLAINT, Reason.DISPUTE} and THREAT in last.signals
    return Reason.THREAT if threatens else wished


def worth_looking(last: Said) -> bool:
    """Return whether a message can lead anywhere, so that what was before it must be known."""
    return (
        last.trouble is not None
        or last.mood == ANGRY
        or not last.signals.isdisjoint({SAFETY, THREAT, GIVING_UP})
    )


def _automatic(recent: Sequence[Said], rules: Rules) -> list[Reason]:
    found = []
    last = recent[0]
    if THREAT in last.signals:
        found.append(Reason.THREAT)
    times, among = rules.anger
    if last.mood == ANGRY and sum(said.mood == ANGRY for said in recent[:among]) >= times:
        found.append(Reason.ANGER)
    if _run(recent, Trouble.MISUNDERSTOOD) >= rules.misunderstandings:
        found.append(Reason.REPEATED_MISUNDERSTANDING)
    if _run(recent, Trouble.FAILED) >= rules.failures:
        found.append(Reason.TOOL_FAILURE)
    return found


def _run(recent: Sequence[Said], trouble: Trouble) -> int:
    """Return how many of the newest messages met this trouble in a row."""
    count = 0
    for said in recent:
        if said.trouble is not trouble:
            break
        count += 1
    return count


def _offered(recent: Sequence[Said]) -> Reason:
    trouble = next(said.trouble for said in recent if said.trouble is not None)
    return Reason.TOOL_FAILURE if trouble is Trouble.FAILED else Reason.REPEATED_MISUNDERSTANDING


def place(reason: Reason, opened_at: datetime, level: str | None, rules: Rules) -> tuple[int, datetime]:
    """Return rank and place in the queue: lower ranks first, within a rank the earlier place.

    Args:
        reason: why it was handed over; safety has rank 0, all others 1.
        opened_at: since when it waits.
        level: published membership level; None and unknown ones have no head start.
        rules: the head starts.
    """
    start = rules.reason_start[reason] + rules.level_start.get(level or "", timedelta(0))
    return (0 if reason is Reason.SAFETY else 1), opened_at - start


def expected_minutes(*, position: int, free: int, slots: int, handling: timedelta, rules: Rules) -> int:
    """Return the expected wait in whole minutes, the same for everyone at that position.

    With ``s`` conversations that the agents on duty take at a time and a median length ``h`` of a hand-over,
    one ends every ``h / s`` minutes. Who stands within the free places is next (1 minute); who stands ``k``
    behind them waits for ``k`` to end: ``k · h / s``, rounded up (the mean of an M/M/s queue whose places are
    all taken; Erlang 1917). Bounded by 1 and ``expected.most_minutes``, which is also told where nobody is on
    duty.

    Args:
        position: 1 for the next one.
        free: places that the agents on duty have left.
        slots: places that they have.
        handling: median length of the last hand-overs.
        rules: the bound.

    Raises:
        ValueError: `position` is less than 1.
    """
    if position < 1:
        raise ValueError("a position counts from 1")
    longest = int(rules.longest.total_seconds() // 60)
    behind = position - max(0, free)
    if slots <= 0:
        return longest
    if behind <= 0:
        return 1
    return max(1, min(longest, math.ceil(behind * handling.total_seconds() / 60 / slots)))


def _section(data: Any, where: str, keys: tuple[str, ...]) -> Mapping[str, Any]:
    if not isinstance(data, dict):
        raise ValueError(f"{where or 'the file'} is no table")
    prefix = f"{where}." if where else ""
    for key in keys:
        if key not in data:
            raise ValueError(f"{prefix}{key} is missing")
    for key in data:
        if key not in keys:
            raise ValueError(f"{prefix}{key} is unknown")
    return data


def _list(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise ValueError(f"{where} is no list, or empty")
    return value


def _count(value: Any, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 1000:
        raise ValueError(f"{where} must be a whole number from 1 to 1000")
    return value


def _minutes(value: Any, where: str, least: float = 0.1) -> timedelta:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= 1440:
        raise ValueError(f"{where} must be a number from {least} to 1440")
    return timedelta(minutes=value)


def _levels(data: Any) -> Mapping[str, timedelta]:
    if not isinstance(data, dict) or not all(isinstance(name, str) for name in data):
        raise ValueError("head_start_minutes.level is no table")
    return {name: _minutes(v, f"head_start_minutes.level.{name}", 0) for name, v in data.items()}
