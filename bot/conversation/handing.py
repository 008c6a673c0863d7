"""The transitions of the hand-over. Each runs inside the caller's transaction on a locked conversation."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.engine import Row

from bot.conversation import dress, privacy, queueing, rows, words
from bot.conversation.asking import Asking, AskingRules
from bot.conversation.attendance import Attendance
from bot.conversation.desk_schema import agents, desk_marks, escalations
from bot.conversation.desk_types import EscalationState, Outcome, Reason, Wish
from bot.conversation.duty import Duty
from bot.conversation.entry import Entry
from bot.conversation.escalation import SAFETY, Rules, place
from bot.conversation.listening import Heard, Listener
from bot.conversation.outbox import Happening
from bot.conversation.queueing import Standing
from bot.conversation.schema import messages, service_requests
from bot.conversation.types import Answer, Kind, OutReply, Owner, State
from bot.conversation.words import Lines
from persona.telemetry import metrics

logger = logging.getLogger(__name__)

_e, _m = escalations.c, messages.c


class Handing:
    """Opens, gives, takes back and ends hand-overs.

    Args:
        lines: the front's own words.
        listener: reads messages that no bot answers.
        duty: the service hours.
        rules: the figures of ``escalation.yml``.
        asking: the figures of ``asking.yml``.

    Attributes:
        asking: asks for ratings.
        attendance: whether anybody is at the desk, as last looked.
    """

    def __init__(
        self,
        lines: Lines,
        listener: Listener,
        duty: Duty,
        rules: Rules,
        asking: AskingRules | None = None,
    ) -> None:
        self.lines = lines
        self.listener = listener
        self.duty = duty
        self.rules = rules
        self.asking = Asking(lines, asking or AskingRules.load())
        self.attendance = Attendance()

    # -- words ------------------------------------------------------------------------------------------

    def say(
        self,
        entry: Entry,
        response: str,
        facts: Mapping[str, Any] | None = None,
        *,
        in_reply_to: str | None = None,
    ) -> None:
        """Say a line of the queue in the served style. What cannot be spoken stops no hand-over."""
        try:
            notice = self.lines.notice(response, entry.style, facts)
        except Exception:
            logger.exception("the line %s could not be spoken", response)
            return
        entry.say(notice, in_reply_to=in_reply_to)

    def said_first(self, wish: Wish, answer: Answer, style: str) -> tuple[OutReply, ...]:
        """Return what is read before the bot's own words: where somebody may be hurt, that this comes first.

        Answers to some intents say it themselves, and better (`careful_intents` of ``escalation.yml``),
        unless nothing came of the answer, or a form took the message for something else.
        """
        if wish.reason is not Reason.SAFETY or self._is_careful(answer):
            return ()
        try:
            return (self.lines.notice(words.SAFETY_FIRST, style),)
        except Exception:
            logger.exception("the line %s could not be spoken", words.SAFETY_FIRST)
            return ()

    def _is_careful(self, answer: Answer) -> bool:
        careful = self.rules.careful_intents.get(str((answer.intent or {}).get("name")))
        if careful is None or answer.trouble is not None:
            return False
        return any(str((r.told or {}).get("response", "")).startswith(careful) for r in answer.replies)

    def tell_standing(
        self, entry: Entry, escalation_id: int, *, response: str, in_reply_to: str | None = None
    ) -> Standing | None:
        """Tell a waiting shopper the place and the time, or that nobody is at the desk."""
        escalation = entry.connection.execute(select(escalations).where(_e.id == escalation_id)).one()
        now = entry.now
        found = queueing.standing(entry.connection, escalation, now, self.rules)
        told: dict[str, Any] = {"told_at": now, "nobody_at": None}
        if found.duty:
            self.say(entry, response, found.facts(), in_reply_to=in_reply_to)
        else:
            by = self.duty.at(now).answer_by
            facts = {} if by is None else {"answer_by": by.isoformat()}
            self.say(entry, words.QUEUE_NOBODY, facts, in_reply_to=in_reply_to)
            told["nobody_at"] = now
        self._update(entry, escalation_id, **told)
        return found

    def tell_noted(
        self, entry: Entry, *, promised: datetime | None = None, in_reply_to: str | None = None
    ) -> None:
        """Tell whom nobody can take over now that the desk answers later, and by when.

        Args:
            entry: the conversation, owned by the bot, with an open escalation.
            promised: the answer time that was told already; else that of now.
            in_reply_to: the message that led to it.
        """
        service = self.duty.at(entry.now)
        by = promised or service.answer_by
        facts = {} if by is None else {"answer_by": by.isoformat()}
        closed = by is not None and not service.open_now
        self.say(
            entry, words.QUEUE_AFTER_HOURS if closed else words.QUEUE_NOTED, facts, in_reply_to=in_reply_to
        )

    # -- transitions ------------------------------------------------------------------------------------

    def open(self, entry: Entry, wish: Wish, *, by: str, seq: int, live: bool) -> int:
        """Open the hand-over, or go on with the open one; with `live` the conversation waits from now on.

        Args:
            entry: the conversation, owned by the bot.
            wish: why, and what about.
            by: who opens it: ``shopper``, ``bot``, ``system`` or ``agent:<id>``.
            seq: the message that led to it; 0 for none.
            live: within the service hours, with somebody at the desk.

        Returns:
            The id of the escalation.
        """
        known = queueing.open_escalation(entry.connection, entry.cid)
        if known is None:
            escalation_id = self._insert(entry, wish, by=by, seq=seq)
            entry.tell_others(
                Happening.ESCALATED,
                escalation_id=escalation_id,
                reason=wish.reason.value,
                by=by,
                live=live,
                order_number=wish.order_number,
            )
        else:
            escalation_id = known.id
            self._join(entry, known, wish)
        if live:
            self._wait(entry, by=by, reason=wish.reason.value)
        else:
            self.listener.prepare()
        return escalation_id

    def _wait(self, entry: Entry, *, by: str, reason: str) -> None:
        """BOT or HUMAN → WAITING."""
        entry.move(Owner.WAITING, by=by, reason=reason)
        entry.set(escalated_at=entry.now, handed_seq=entry.next_seq - 1)
        self.listener.prepare()
        self.settle_pending(entry)

    def _insert(self, entry: Entry, wish: Wish, *, by: str, seq: int) -> int:
        rank, place_at = place(wish.reason, entry.now, wish.level, self.rules)
        detail = None
        if wish.detail:
            detail = entry.writing.vault.seal(wish.detail, detail_context(entry.cid))
        values = {
            "conversation_id": entry.cid,
            "reason": wish.reason.value,
            "rank": rank,
            "place_at": place_at,
            "state": EscalationState.WAITING.value,
            "opened_at": entry.now,
            "opened_by": by,
            "seq": seq,
            "detail": detail,
            "order_number": wish.order_number,
            "level": wish.level,
            # What an agent opens by stepping in is owed no answer yet.
            "waits_since": None if wish.reason is Reason.AGENT else entry.now,
        }
        done = entry.connection.execute(escalations.insert().values(**values))
        entry.count(metrics.ESCALATIONS.labels(wish.reason.value))
        return int(done.inserted_primary_key[0])

    def _join(self, entry: Entry, known: Row, wish: Wish) -> None:
        """Add to the open escalation what it did not know; danger brings it to the front."""
        values: dict[str, Any] = {"waits_since": known.waits_since or entry.now}
        if wish.detail and not known.detail:
            values["detail"] = entry.writing.vault.seal(wish.detail, detail_context(entry.cid))
        if wish.order_number and not known.order_number:
            values["order_number"] = wish.order_number
        if wish.reason is Reason.SAFETY:
            values |= {"reason": Reason.SAFETY.value, "rank": 0}
        self._update(entry, known.id, **values)

    def hold(self, entry: Entry, escalation: Row, agent: Row, *, by: str, reason: str) -> None:
        """WAITING → HUMAN: `agent` has the conversation, and the shopper hears who."""
        entry.move(Owner.HUMAN, by=by, reason=reason)
        self._update(
            entry,
            escalation.id,
            state=EscalationState.HELD.value,
            agent_id=agent.id,
            wanted_agent_id=None,
            held_at=entry.now,
            nudged_at=None,
        )
        entry.connection.execute(agents.update().where(agents.c.id == agent.id).values(routed_at=entry.now))
        again = escalation.held_at is not None
        self.say(entry, words.QUEUE_COLLEAGUE if again else words.QUEUE_AGENT, {"agent": agent.name})

    def to_queue(
        self, entry: Entry, escalation: Row, *, by: str, reason: str, wanted: str | None = None, first: bool
    ) -> None:
        """HUMAN → WAITING: back into the queue, for a colleague or for anyone; with `first` to its front."""
        self._wait(entry, by=by, reason=reason)
        place_at = escalation.place_at
        if first:
            place_at = min(place_at, queueing.front_place(entry.connection, escalation.rank, entry.now))
        self._update(
            entry,
            escalation.id,
            state=EscalationState.WAITING.value,
            agent_id=None,
            left_agent_id=escalation.agent_id,
            wanted_agent_id=wanted,
            place_at=place_at,
            nudged_at=None,
            told_at=entry.now,
            nobody_at=None,
        )

    def end(
        self, entry: Entry, escalation: Row, *, by: str, outcome: Outcome, order_number: str | None = None
    ) -> None:
        """End the hand-over with its outcome."""
        values: dict[str, Any] = {
            "state": EscalationState.ENDED.value,
            "ended_at": entry.now,
            "ended_by": by,
            "outcome": outcome.value,
            "waits_since": None,
            "wanted_agent_id": None,
        }
        if order_number is not None:
            values["order_number"] = order_number
        self._update(entry, escalation.id, **values)
        if outcome in {Outcome.SOLVED, Outcome.SPAM}:  # nobody waits for a call any more
            requests = service_requests.c
            entry.connection.execute(
                service_requests.update()
                .where(requests.conversation_id == entry.cid, requests.done_at.is_(None))
                .values(done_at=entry.now)
            )

    def to_bot(
        self, entry: Entry, escalation: Row, *, by: str, reason: str, settled: Outcome, order: str | None
    ) -> None:
        """WAITING or HUMAN → BOT: Rasa hears of it before any later message."""
        entry.move(Owner.BOT, by=by, reason=reason)
        entry.count(metrics.HAND_BACKS.labels(metrics.HAND_BACK_BY.of(by.partition(":")[0])))
        told = {"outcome": settled.value, "order_number": order, "by": by}
        if by.startswith("agent:"):
            told |= {"by": "agent", "agent": escalation.agent_name}
        entry.event("handed_back", f"{escalation.id}-{entry.next_seq}", {"settled": told})
        entry.tell_others(
            Happening.HANDED_BACK,
            escalation_id=escalation.id,
            reason=reason,
            by=by,
            outcome=settled.value,
            order_number=order,
        )

    def close(self, entry: Entry, escalation: Row | None, *, by: str, outcome: Outcome) -> None:
        """Any owner → CLOSED."""
        reason = f"closed:{outcome.value}"
        entry.set(handed_seq=entry.next_seq - 1)
        entry.move(Owner.CLOSED, by=by, reason=reason)
        self.settle_pending(entry)
        if escalation is not None:
            self.end(entry, escalation, by=by, outcome=outcome)
        entry.tell_others(
            Happening.CLOSED,
            escalation_id=None if escalation is None else escalation.id,
            by=by,
            outcome=outcome.value,
        )

    # -- messages that no bot answers -------------------------------------------------------------------

    def settle_pending(self, entry: Entry, *, orphaned: bool = False) -> None:
        """Give the messages that wait for the bot to the person: they are answered for the record.

        A turn that is under way keeps its message until its answer has come, which is not said.

        Args:
            entry: the conversation.
            orphaned: no task of this process works on it, although the lease may bear our name.
        """
        if not entry.pending:
            return
        found = entry.connection.execute(
            select(_m.seq, _m.kind, _m.body, _m.at)
            .where(_m.conversation_id == entry.cid, _m.state == State.ACCEPTED.value)
            .order_by(_m.seq)
        ).all()
        under_way = not entry.writing.free(entry.row, entry.now)
        if orphaned and entry.row.lease_holder == entry.writing.holder:
            under_way = False
        for row in found[1:] if under_way else found:
            entry.connection.execute(
                messages.update()
                .where(_m.conversation_id == entry.cid, _m.seq == row.seq)
                .values(state=State.ANSWERED.value)
            )
            entry.pending -= 1
            if row.kind == Kind.TEXT.value:
                text = rows.opened(entry.writing.vault, entry.cid, row)["text"]
                self.hear(entry, row.seq, text, row.at)
        if not under_way:
            entry.set(lease_holder=None, lease_until=None)

    def hear(self, entry: Entry, seq: int, text: str, at: datetime) -> Heard | None:
        """Read a stored message of the shopper and let the belief go on; None where nothing may be read.

        Raises:
            NotReadyError: the engine is still being loaded.
        """
        if not entry.row.personalisation:
            return None
        heard = self.listener.hear(text, entry.belief, entry.lines_before(seq), at.timestamp())
        if heard is None:
            return None
        sealed = entry.writing.vault.seal(rows.dump(heard.reading), rows.reading_context(entry.cid, seq))
        entry.connection.execute(
            messages.update().where(_m.conversation_id == entry.cid, _m.seq == seq).values(reading=sealed)
        )
        entry.belief, entry.style = heard.belief, heard.style
        entry.dress = dress.dressed(entry.dress, heard.belief)
        entry.set(belief=dict(heard.belief), style=heard.style, dress=entry.dress, mood=heard.mood)
        if entry.row.customer_id is not None:
            privacy.keep_belief(entry.connection, entry.row.customer_id, heard.belief, entry.now)
        return heard

    def received(self, entry: Entry, escalation: Row | None, heard: Heard | None) -> None:
        """Note that the shopper has written to the person or the queue; danger goes before all others."""
        if escalation is None:
            return
        wake(entry)
        values: dict[str, Any] = {}
        if escalation.waits_since is None:
            values["waits_since"] = entry.now
        if heard is not None and SAFETY in heard.signals and escalation.rank != 0:
            values |= {"reason": Reason.SAFETY.value, "rank": 0}
        if values:
            self._update(entry, escalation.id, **values)

    def _update(self, entry: Entry, escalation_id: int, **values: Any) -> None:
        entry.connection.execute(escalations.update().where(_e.id == escalation_id).values(**values))


def wake(entry: Entry) -> None:
    """End a snooze: something has happened in the conversation."""
    entry.connection.execute(
        desk_marks.update()
        .where(desk_marks.c.conversation_id == entry.cid, desk_marks.c.snoozed_until.is_not(None))
        .values(snoozed_until=None)
    )


def detail_context(conversation_id: str) -> str:
    """Return what binds a sealed detail of an escalation to its place."""
    return f"escalations.detail/{conversation_id}"
