"""Looks after the queue: gives out what waits, tells those who wait, takes back what lies idle.

:func:`plan` says what is to be done, from a picture of the queue, without touching anything. Each step is
then one transaction that looks again whether it is still called for, so that several fronts may tend one
queue, and a step that was done is not done again after a restart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from enum import Enum

from bot.conversation.duty import ServiceTime
from bot.conversation.escalation import Rules
from bot.conversation.queueing import OnDuty
from bot.conversation.types import Owner


@dataclass(frozen=True)
class Case:
    """An open hand-over as the plan sees it.

    Attributes:
        since: since when the conversation waits, where it does.
        held_at: since when an agent has it, or had it last.
        waits_since: the oldest message of the shopper that no person has answered.
        left_agent_id: who gave it back last.
        snoozed_until: until when the agent has put it aside.
    """

    escalation_id: int
    conversation_id: str
    owner: Owner
    rank: int
    place_at: datetime
    since: datetime
    agent_id: str | None = None
    wanted_agent_id: str | None = None
    left_agent_id: str | None = None
    held_at: datetime | None = None
    waits_since: datetime | None = None
    told_at: datetime | None = None
    nobody_at: datetime | None = None
    nudged_at: datetime | None = None
    snoozed_until: datetime | None = None
    level: str | None = None
    customer_id: str | None = None


class Act(str, Enum):
    """What can be done about a hand-over."""

    ROUTE = "route"  # give it to an agent
    TELL_AGAIN = "tell_again"  # how long it still takes
    TELL_NOBODY = "tell_nobody"  # that nobody is on duty
    AFTER_HOURS = "after_hours"  # back to the bot, by when an answer follows
    DESERTED = "deserted"  # back to the bot, for nobody came back to the desk
    REMIND = "remind"  # the agent, of a shopper who waits
    IDLE = "idle"  # take it from an agent who does not answer
    GONE = "gone"  # take it from an agent whose page is closed


@dataclass(frozen=True)
class Step:
    """One thing to be done, about the case as it was seen."""

    act: Act
    case: Case
    agent_id: str | None = None


@dataclass(frozen=True)
class Scene:
    """The queue at one moment."""

    now: datetime
    service: ServiceTime
    staff: tuple[OnDuty, ...]
    cases: tuple[Case, ...]


_NEVER = datetime.min.replace(tzinfo=timezone.utc)


def plan(scene: Scene, rules: Rules) -> tuple[Step, ...]:
    """Return what is to be done now, in order."""
    steps = [step for case in scene.cases if (step := _held(scene, case, rules)) is not None]
    waiting = sorted(
        (case for case in scene.cases if case.owner is Owner.WAITING),
        key=lambda case: (case.rank, case.place_at, case.escalation_id),
    )
    staff = {agent.agent_id: agent for agent in scene.staff}
    for case in waiting:
        agent = _choose(scene.now, case, tuple(staff.values()), rules)
        if agent is not None:
            staff[agent.agent_id] = replace(agent, load=agent.load + 1, routed_at=scene.now)
            steps.append(Step(Act.ROUTE, case, agent.agent_id))
        elif not scene.service.open_now:
            steps.append(Step(Act.AFTER_HOURS, case))
        elif (told := _told(scene, case, rules)) is not None:
            steps.append(Step(told, case))
    return tuple(steps)


def _held(scene: Scene, case: Case, rules: Rules) -> Step | None:
    if case.owner is not Owner.HUMAN:
        return None
    agent = next((a for a in scene.staff if a.agent_id == case.agent_id), None)
    if agent is None or agent.seen_at is None or agent.seen_at <= scene.now - rules.gone:
        # Who has just been given it may not have a page open yet.
        fresh = case.held_at is not None and case.held_at > scene.now - rules.gone
        return None if fresh else Step(Act.GONE, case)
    snoozed = case.snoozed_until is not None and case.snoozed_until > scene.now
    if case.waits_since is None or snoozed:
        return None
    waits = scene.now - max(filter(None, (case.waits_since, case.held_at, case.snoozed_until)))
    if case.nudged_at is None:
        return Step(Act.REMIND, case) if waits >= rules.remind else None
    # However late the reminder came, the agent has the time that was promised after it.
    late = waits >= rules.reassign and scene.now - case.nudged_at >= rules.reassign - rules.remind
    return Step(Act.IDLE, case) if late else None


def _choose(now: datetime, case: Case, staff: Sequence[OnDuty], rules: Rules) -> OnDuty | None:
    """Return who gets a case: whom it was passed to, else the least loaded, among them the longest idle."""
    wanted = next((agent for agent in staff if agent.agent_id == case.wanted_agent_id), None)
    if wanted is not None and wanted.room:
        return wanted
    patient = now - case.since < rules.wanted
    if wanted is not None and patient:
        return None
    free = [agent for agent in staff if agent.room and not (patient and agent.agent_id == case.left_agent_id)]
    if not free:
        return None
    return min(free, key=lambda agent: (agent.load, agent.routed_at or _NEVER, agent.agent_id))


def _told(scene: Scene, case: Case, rules: Rules) -> Act | None:
    if not any(agent.there for agent in scene.staff):
        if case.nobody_at is None:
            return Act.TELL_NOBODY
        # Who told it may have seen people come and go again since.
        since = max([case.nobody_at, *(agent.left_at for agent in scene.staff if agent.left_at is not None)])
        return Act.DESERTED if since <= scene.now - rules.nobody else None
    passed = [step for step in rules.tell_again if case.since + step <= scene.now]
    if passed and (case.told_at is None or case.told_at < case.since + passed[-1]):
        return Act.TELL_AGAIN
    return None
