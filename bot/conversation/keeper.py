"""Carries out what :mod:`bot.conversation.tending` plans, each step a transaction of its own."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.engine import Connection, Row

from bot.conversation import queueing, words
from bot.conversation.database import Database
from bot.conversation.desk_schema import agents, desk_marks, escalations
from bot.conversation.desk_types import Outcome, Presence
from bot.conversation.entry import Entry
from bot.conversation.handing import Handing
from bot.conversation.listening import NotReadyError
from bot.conversation.queueing import HELD, WAITING
from bot.conversation.schema import conversations
from bot.conversation.tending import Act, Case, Scene, Step, plan
from bot.conversation.types import Owner, Work
from bot.conversation.writing import Writing

logger = logging.getLogger(__name__)

_c, _e = conversations.c, escalations.c

#: How often the shop is asked for its hours, and again for what it did not answer.
REFRESH = timedelta(seconds=30)


class Keeper:
    """Tends the queue of one record; several fronts may.

    Args:
        database: the record.
        writing: the parts of transactions of this process.
        handing: the transitions.
        after: told of each conversation that was changed, with work that the record has given us.
    """

    def __init__(
        self,
        database: Database,
        writing: Writing,
        handing: Handing,
        after: Callable[[str, Work | None], None],
    ) -> None:
        self._database = database
        self._writing = writing
        self._handing = handing
        self._after = after
        self._refreshed: datetime | None = None
        self._asked: dict[str, datetime] = {}  # customer -> when the shop did not say the level
        self._shown: dict[str, object] = {}  # conversation -> the place that its shopper was shown last

    async def tend(self) -> None:
        """Look once; do what is to be done."""
        await self._refresh()
        scene, self._handing.attendance.people = await self._database.read(self._look)
        if not scene.cases:
            self._shown.clear()
            return
        self._handing.listener.prepare()
        if await self._levels(scene):
            scene = await self._database.read(self._scene)
        done = False
        for step in plan(scene, self._handing.rules):
            done = await self._do(step) or done
        if done:
            await self._database.flush()
            scene = await self._database.read(self._scene)
        self._show(scene)

    # -- the picture ------------------------------------------------------------------------------------

    async def _refresh(self) -> None:
        now = self._writing.now()
        if self._refreshed is not None and now - self._refreshed < REFRESH:
            return
        self._refreshed = now
        try:
            await self._handing.duty.refresh()
        except Exception as exc:
            logger.warning("the service hours could not be read, the last known ones hold: %s", exc)

    def _look(self, connection: Connection) -> tuple[Scene, bool]:
        """Return the queue, and whether anybody is at the desk: looked for with an empty queue, too."""
        now = self._writing.now()
        return self._scene(connection), queueing.attended(connection, now, self._handing.rules)

    def _scene(self, connection: Connection) -> Scene:
        now = self._writing.now()
        found = connection.execute(
            select(
                escalations,
                _c.owner.label("owner"),
                _c.customer_id.label("customer_id"),
                _c.escalated_at.label("since"),
                desk_marks.c.snoozed_until.label("snoozed_until"),
            )
            .select_from(
                escalations.join(conversations, _c.id == _e.conversation_id).outerjoin(
                    desk_marks, desk_marks.c.conversation_id == _e.conversation_id
                )
            )
            .where(_e.state.in_([HELD, WAITING]), _c.owner.in_([Owner.WAITING.value, Owner.HUMAN.value]))
        ).all()
        return Scene(
            now=now,
            service=self._handing.duty.at(now),
            staff=queueing.staff(connection, now, self._handing.rules) if found else (),
            cases=tuple(map(_case, found)),
        )

    async def _levels(self, scene: Scene) -> bool:
        """Ask the shop for levels that are not known yet; return whether a place has changed."""
        changed = False
        for case in scene.cases:
            customer = case.customer_id
            if case.owner is not Owner.WAITING or case.level is not None or customer is None:
                continue
            if scene.now - self._asked.get(customer, scene.now - REFRESH) < REFRESH:
                continue
            try:
                level = await self._handing.duty.level(customer)
            except Exception as exc:
                self._asked[customer] = scene.now
                logger.warning("a membership level could not be read yet: %s", exc)
                continue
            self._asked.pop(customer, None)
            await self._database.write(partial(self._rise, case=case, level=level))
            changed = True
        return changed

    def _rise(self, connection: Connection, case: Case, level: str) -> None:
        start = self._handing.rules.level_start.get(level, timedelta(0))
        connection.execute(
            escalations.update()
            .where(_e.id == case.escalation_id, _e.level.is_(None))
            .values(level=level, place_at=case.place_at - start)
        )

    def _show(self, scene: Scene) -> None:
        """Wake the pages of shoppers whose place has changed without a word to them."""
        waiting = sorted(
            (case for case in scene.cases if case.owner is Owner.WAITING),
            key=lambda case: (case.rank, case.place_at, case.escalation_id),
        )
        duty = tuple((agent.most, agent.room) for agent in scene.staff if agent.takes)
        shown: dict[str, object] = {
            case.conversation_id: (place, duty) for place, case in enumerate(waiting, start=1)
        }
        for cid, place in shown.items():
            if self._shown.get(cid) != place:
                self._after(cid, None)
        self._shown = shown

    # -- steps ------------------------------------------------------------------------------------------

    async def _do(self, step: Step) -> bool:
        """Carry out a step where it is still called for; return whether it was."""
        while True:
            try:
                done, work = await self._database.write(lambda c: self._transaction(c, step))
                break
            except NotReadyError:
                await self._handing.listener.wait()
            except Exception:  # one that fails must not hold up the others
                logger.exception("step %s could not be done", step.act.value)
                return False
        if done:
            self._after(step.case.conversation_id, work)
        return done

    def _transaction(self, connection: Connection, step: Step) -> tuple[bool, Work | None]:
        case = step.case
        entry = Entry.of(connection, self._writing, case.conversation_id)
        found = queueing.open_escalation(connection, case.conversation_id)
        if entry is None or found is None or not _same(entry, found, case):
            return False, None
        acts: dict[Act, Callable[[Entry, Row, Step], bool]] = {
            Act.ROUTE: self._route,
            Act.TELL_AGAIN: self._tell,
            Act.TELL_NOBODY: self._tell,
            Act.AFTER_HOURS: self._to_bot,
            Act.DESERTED: self._to_bot,
            Act.REMIND: self._remind,
            Act.IDLE: self._take_back,
            Act.GONE: self._take_back,
        }
        done = acts[step.act](entry, found, step)
        return done, entry.save() if done else None

    def _route(self, entry: Entry, found: Row, step: Step) -> bool:
        agent = entry.connection.execute(
            select(agents)
            .where(
                agents.c.id == step.agent_id,
                agents.c.active.is_(True),
                agents.c.presence == Presence.ONLINE.value,
            )
            .with_for_update()
        ).first()
        if agent is None:
            return False
        load = entry.connection.execute(
            select(func.count()).select_from(escalations).where(_e.agent_id == agent.id, _e.state == HELD)
        ).scalar_one()
        if load >= agent.most:
            return False
        self._handing.hold(entry, found, agent, by="system", reason="routed")
        return True

    def _tell(self, entry: Entry, found: Row, _step: Step) -> bool:
        self._handing.tell_standing(entry, found.id, response=words.QUEUE_STILL)
        return True

    def _to_bot(self, entry: Entry, found: Row, step: Step) -> bool:
        """Give the shopper the bot to talk to meanwhile; the escalation keeps its place in the queue."""
        self._handing.to_bot(
            entry,
            found,
            by="system",
            reason=step.act.value,
            settled=Outcome.FOLLOW_UP,
            order=found.order_number,
        )
        self._handing.tell_noted(entry)
        return True

    def _remind(self, entry: Entry, found: Row, _step: Step) -> bool:
        entry.connection.execute(escalations.update().where(_e.id == found.id).values(nudged_at=entry.now))
        return True

    def _take_back(self, entry: Entry, found: Row, step: Step) -> bool:
        """Put a conversation to the front of the queue; who let it lie takes no more until back."""
        away: dict[str, Any] = {"presence": Presence.AWAY.value, "presence_at": entry.now}
        entry.connection.execute(agents.update().where(agents.c.id == found.agent_id).values(**away))
        self._handing.to_queue(entry, found, by="system", reason=f"agent_{step.act.value}", first=True)
        self._handing.say(entry, words.QUEUE_REASSIGNED)
        return True


def _case(row: Row) -> Case:
    return Case(
        escalation_id=row.id,
        conversation_id=row.conversation_id,
        owner=Owner(row.owner),
        rank=row.rank,
        place_at=row.place_at,
        since=row.since or row.opened_at,
        agent_id=row.agent_id,
        wanted_agent_id=row.wanted_agent_id,
        left_agent_id=row.left_agent_id,
        held_at=row.held_at,
        waits_since=row.waits_since,
        told_at=row.told_at,
        nobody_at=row.nobody_at,
        nudged_at=row.nudged_at,
        snoozed_until=row.snoozed_until,
        level=row.level,
        customer_id=row.customer_id,
    )


def _same(entry: Entry, found: Row, case: Case) -> bool:
    """Return whether a case is still as it was seen: nobody has acted on it since."""
    return (
        found.id == case.escalation_id
        and entry.owner is case.owner
        and found.agent_id == case.agent_id
        and found.waits_since == case.waits_since
        and found.told_at == case.told_at
        and found.nobody_at == case.nobody_at
        and found.nudged_at == case.nudged_at
    )
