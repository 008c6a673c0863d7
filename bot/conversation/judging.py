"""Looks at each answer that is stored: does the conversation go to a person now?"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.engine import Connection, Row

from bot.conversation import queueing, rows, words
from bot.conversation.desk_schema import escalations
from bot.conversation.desk_types import Reason, Wish
from bot.conversation.entry import Entry
from bot.conversation.escalation import Decision, Said, Situation, decide, worth_looking
from bot.conversation.handing import Handing
from bot.conversation.schema import messages
from bot.conversation.types import Answer, Author, Kind, Owner, Pending, State, Trouble
from bot.conversation.writing import Writing

_m, _e = messages.c, escalations.c

_DETAIL = 300


@dataclass(frozen=True)
class Verdict:
    """What follows from an answer.

    Attributes:
        wish: why and what about.
        live: the conversation waits from now on; else (out of hours, or with nobody at the desk) the bot
            goes on and the desk answers later.
        by: who brought it about: ``shopper``, ``bot`` or ``system``.
        offer: the shopper is only asked whether a person is wanted.
        told: the bot's own words have said what follows.
    """

    wish: Wish
    live: bool
    by: str
    offer: bool = False
    told: bool = False


class Judging:
    """Judges answers in the transaction that stores them.

    Where personalisation is off, the message at hand is judged by what the turn says of its mood and signals.
    None of that is kept, so of the messages before it only the trouble with their answers is known: what
    takes two messages of a mood (anger) does not come about there, what takes one (safety, a threat) does.

    Args:
        handing: the transitions.
        writing: the parts of transactions.
    """

    def __init__(self, handing: Handing, writing: Writing) -> None:
        self._handing = handing
        self._writing = writing

    def judge(self, connection: Connection, row: Row, message: Pending, answer: Answer) -> Verdict | None:
        """Return what follows from an answer to a message of a conversation that the bot owns, or None."""
        if message.kind is Kind.EVENT:
            return None
        said = _said(answer.reading, answer.trouble)
        if answer.reading is None and answer.shown is not None:
            said = Said(answer.shown.mood, answer.shown.signals, answer.trouble)
        if answer.wish is None and not worth_looking(said):
            return None
        situation = Situation(
            recent=(said, *self._before(connection, row.id, message.seq)),
            wish=answer.wish,
            rested=self._rested(connection, row.id),
        )
        decision = decide(situation, self._handing.rules)
        if decision is None:
            return None
        return self._verdict(connection, row.id, message, answer.wish, decision)

    def _verdict(
        self,
        connection: Connection,
        cid: str,
        message: Pending,
        wish: Wish | None,
        decision: Decision,
    ) -> Verdict | None:
        asked = wish is not None and decision.reason in {wish.reason, Reason.THREAT}
        by = _opener(decision.reason if wish is None else wish.reason, asked=asked)
        if wish is not None and asked:
            wish = replace(wish, reason=decision.reason)
        else:
            text = str(message.content.get("text") or message.content.get("title") or "")
            wish = Wish(decision.reason, detail=text[:_DETAIL] or None, level=wish.level if wish else None)
        now = self._writing.now()
        live = self._handing.duty.at(now).open_now if wish.live is None else wish.live
        # What the bot was told of the desk may be a second old.
        live = live and queueing.attended(connection, now, self._handing.rules)
        if decision.offer:
            if self._offered_lately(connection, cid):
                return None
            return Verdict(wish, live=False, by="system", offer=True)
        known = queueing.open_escalation(connection, cid)
        if known is not None and not live and not asked and decision.reason is not Reason.SAFETY:
            return None  # it waits for people already, and the shopper knows
        return Verdict(wish, live=live, by=by, told=asked and wish.live is live)

    def carry_out(self, entry: Entry, verdict: Verdict, message: Pending) -> None:
        """Do what was judged, and tell the shopper."""
        to = message.message_id
        if verdict.offer:
            self._handing.say(entry, words.QUEUE_OFFER, in_reply_to=to)
            return
        escalation_id = self._handing.open(
            entry, verdict.wish, by=verdict.by, seq=message.seq, live=verdict.live
        )
        if entry.owner is Owner.WAITING:
            self._handing.tell_standing(entry, escalation_id, response=words.QUEUE_JOINED, in_reply_to=to)
        elif not verdict.told:
            self._handing.tell_noted(entry, promised=verdict.wish.answer_by, in_reply_to=to)

    def _before(self, connection: Connection, conversation_id: str, seq: int) -> list[Said]:
        rules = self._handing.rules
        count = max(rules.anger[1], rules.misunderstandings, rules.failures, 2) - 1
        found = connection.execute(
            select(_m.seq, _m.reading, _m.trouble)
            .where(
                _m.conversation_id == conversation_id,
                _m.seq < seq,
                _m.author == Author.SHOPPER.value,
                _m.state == State.ANSWERED.value,
            )
            .order_by(_m.seq.desc())
            .limit(count)
        ).all()
        vault = self._writing.vault
        past = []
        for row in found:
            reading = None
            if row.reading is not None:
                context = rows.reading_context(conversation_id, row.seq)
                reading = json.loads(vault.open(row.reading, context))
            past.append(_said(reading, None if row.trouble is None else Trouble(row.trouble)))
        return past

    def _rested(self, connection: Connection, conversation_id: str) -> Mapping[Reason, int]:
        """Return the shopper's messages since the last hand-over of each reason ended."""
        ended = connection.execute(
            select(_e.reason, func.max(_e.ended_at).label("at"))
            .where(_e.conversation_id == conversation_id, _e.ended_at.is_not(None))
            .group_by(_e.reason)
        ).all()
        return {
            Reason(row.reason): int(
                connection.execute(
                    select(func.count())
                    .select_from(messages)
                    .where(
                        _m.conversation_id == conversation_id,
                        _m.author == Author.SHOPPER.value,
                        _m.at > row.at,
                    )
                ).scalar_one()
            )
            for row in ended
        }

    def _offered_lately(self, connection: Connection, conversation_id: str) -> bool:
        """Return whether a person was offered within the messages for which a reason rests."""
        last = connection.execute(
            select(func.max(_m.seq)).where(
                _m.conversation_id == conversation_id, _m.code == words.QUEUE_OFFER
            )
        ).scalar()
        if last is None:
            return False
        since = connection.execute(
            select(func.count())
            .select_from(messages)
            .where(
                _m.conversation_id == conversation_id,
                _m.author == Author.SHOPPER.value,
                _m.seq > last,
            )
        ).scalar_one()
        return int(since) < self._handing.rules.rest_messages


def _said(reading: Mapping[str, Any] | None, trouble: Trouble | None) -> Said:
    if reading is None:
        return Said(trouble=trouble)
    signals = reading.get("signals") or ()
    names = frozenset(str(s.get("name")) for s in signals if isinstance(s, dict))
    mood = reading.get("mood")
    return Said(mood if isinstance(mood, str) else None, names, trouble)


#: What shoppers ask for themselves.
_ASKED_FOR = frozenset({Reason.CUSTOMER_REQUEST, Reason.COMPLAINT, Reason.DISPUTE})


def _opener(reason: Reason, *, asked: bool) -> str:
    if not asked:
        return "system"
    return "shopper" if reason in _ASKED_FOR else "bot"
