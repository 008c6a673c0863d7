"""How an answer is stored: replies, reading, belief, requests, and who answers from then on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.engine import Connection, Row

from bot.conversation import caring, dress, privacy, rows
from bot.conversation.binding import VerifiedBinding
from bot.conversation.entry import Entry
from bot.conversation.errors import LeaseLostError
from bot.conversation.handing import Handing
from bot.conversation.judging import Judging, Verdict
from bot.conversation.lease import LEASE
from bot.conversation.schema import conversations
from bot.conversation.types import Answer, Answered, Audience, Kind, OutReply, Owner, Pending, Work
from bot.conversation.writing import Writing

_c = conversations.c

_LONGEST_MOOD = 12


class Answering:
    """Stores one answer, run as a transaction.

    Args:
        writing: the parts of transactions.
        handing: hands conversations over to people; None where none ever is.
        work: what was asked.
        answer: all that the turn brought.
    """

    def __init__(self, writing: Writing, handing: Handing | None, work: Work, answer: Answer) -> None:
        self._writing = writing
        self._handing = handing
        self._work = work
        self._answer = answer

    def __call__(self, connection: Connection) -> Answered:
        """Store the answer; then hand out the next message or end the lease.

        Raises:
            LeaseLostError: another process answers this message now, or the conversation was erased.
            NotReadyError: the temperament engine is still being loaded.
        """
        answer, message = self._answer, self._work.message
        cid = self._work.conversation.conversation_id
        binding = self._binding(connection)
        row = connection.execute(rows.LOCKED_CONVERSATION, {"cid": cid}).first()
        if row is None or row.lease_holder != self._writing.holder:
            raise LeaseLostError
        now = self._writing.now()
        # Switched off meanwhile, or by this very message: then nothing inferred is kept.
        infer = row.personalisation and answer.personalisation is not False
        self._mark(connection, cid, infer=infer)
        # A person has taken over while the turn ran: what it did counts, what it says is not said.
        late = row.owner != Owner.BOT.value or message.seq <= (row.handed_seq or 0)
        verdict = None
        if self._handing is not None and not late:
            verdict = Judging(self._handing, self._writing).judge(connection, row, message, answer)
        if binding is not None and (late or not binding.possible(row)):
            binding = None
        first = (
            ()
            if verdict is None or self._handing is None
            else self._handing.said_first(verdict.wish, answer, row.style)
        )
        replies = self._writing.insert_replies(
            connection,
            cid,
            self._not_said(connection, (*first, *self._replies(bound=binding is not None))),
            first_seq=row.next_seq,
            in_reply_to=message.message_id,
            now=now,
            audience=Audience.DESK if late else Audience.ALL,
        )
        self._writing.insert_requests(connection, row, answer.requests, now)
        follows = None
        if row.pending > 1 and row.owner == Owner.BOT.value and not (verdict and verdict.live):
            follows = rows.oldest_pending(connection, self._writing.vault, cid)
        values = {
            "cid": cid,
            "v_next_seq": row.next_seq + len(replies),
            "v_pending": row.pending - 1,
            "v_holder": self._writing.holder if follows else None,
            "v_until": now + LEASE if follows else None,
            "v_now": now,
            "v_orders": [*row.orders, *(n for n in answer.orders if n not in row.orders)],
            "v_form": row.form_open if answer.form_open is None else answer.form_open,
            **self._inferred(connection, row, now, infer=infer),
        }
        connection.execute(rows.KEEP_ANSWER, values)
        self._rare(connection, row, now)
        if binding is not None:
            binding.carry_out(row)
        if infer and answer.care:
            caring.keep(connection, self._writing.vault, cid, answer.care)
        if infer and answer.history_held and row.earlier is None:
            self._keep_earlier(connection)
        if infer and self._moved(row):
            self._hear_again(connection)
        said = () if late else replies
        if follows is None and verdict is None and not late:
            said = (*said, *self._ask_for_rating(connection))
        if verdict is None and follows is None:
            return Answered(said, Owner(row.owner), None)
        return self._go_on(connection, verdict, said, follows)

    def _binding(self, connection: Connection) -> VerifiedBinding | None:
        """Return the binding that the answer brings, its link locked."""
        proven = self._answer.proven
        if proven is None:
            return None
        message_id = self._work.message.message_id
        return VerifiedBinding(connection, self._writing, message_id, proven.customer_id)

    def _replies(self, *, bound: bool) -> tuple[OutReply, ...]:
        """Return what is said: where she could not be bound after all, she must not believe that she is."""
        proven = self._answer.proven
        return self._answer.replies if proven is None or bound else (proven.refused,)

    def _ask_for_rating(self, connection: Connection) -> tuple[Mapping[str, Any], ...]:
        """Ask for a rating where this answer was the last; return what was said."""
        if self._handing is None or not self._handing.asking.may_end(self._answer):
            return ()
        entry = Entry.of(connection, self._writing, self._work.conversation.conversation_id)
        if entry is None:
            return ()
        self._handing.asking.after_answer(entry, self._answer, in_reply_to=self._work.message.message_id)
        if entry.said:
            entry.save()
        return tuple(entry.said)

    def _mark(self, connection: Connection, cid: str, *, infer: bool) -> None:
        """Note that the message is answered, and what was understood; LeaseLostError where it was before."""
        answer, seq = self._answer, self._work.message.seq
        reading = None
        if infer and answer.reading is not None:
            context = rows.reading_context(cid, seq)
            reading = self._writing.vault.seal(rows.dump(answer.reading), context)
        marks = {
            "cid": cid,
            "own_seq": seq,
            "sealed_reading": reading,
            "own_intent": answer.intent,
            "own_trouble": None if answer.trouble is None else answer.trouble.value,
        }
        if connection.execute(rows.MARK_ANSWERED, marks).rowcount != 1:
            raise LeaseLostError

    def _not_said(self, connection: Connection, replies: tuple[OutReply, ...]) -> tuple[OutReply, ...]:
        """Leave out system lines that were said to this message while it waited: one apology is enough."""
        ids = {"cid": self._work.conversation.conversation_id, "mid": self._work.message.message_id}
        return tuple(
            reply
            for reply in replies
            if not reply.code or connection.execute(rows.SAID, {**ids, "code": reply.code}).first() is None
        )

    def _moved(self, row: Row) -> bool:
        """Return whether a message to a person was read, or a correction made, while the turn ran."""
        return bool(row.belief != self._work.conversation.belief)

    def _inferred(self, connection: Connection, row: Row, now: datetime, *, infer: bool) -> dict[str, Any]:
        """Return belief, style, mood and whose history is held after the turn; keep the customer's belief."""
        answer, held = self._answer, row.history_held_for
        if not infer or answer.belief is None or self._moved(row):
            kept = {"v_belief": row.belief, "v_style": row.style, "v_dress": row.dress}
            return {**kept, "v_mood": row.mood, "v_held": held}
        # What the shop has told while the turn ran is not in that history yet: it is asked for again.
        if answer.history_held and row.shop_at == self._work.conversation.shop_at:
            held = self._work.conversation.customer_id
        if row.customer_id is not None and answer.belief != row.belief:
            privacy.keep_belief(connection, row.customer_id, answer.belief, now)
        mood = None if answer.reading is None else answer.reading.get("mood")
        known = isinstance(mood, str) and len(mood) <= _LONGEST_MOOD
        return {
            "v_belief": dict(answer.belief),
            "v_style": answer.belief.get("served") or "neutral",
            "v_dress": dress.dressed(row.dress, answer.belief, said=self._said_before()),
            "v_mood": mood if known else row.mood,
            "v_held": held,
        }

    def _said_before(self) -> str | None:
        """Return what a person said of her in an earlier conversation, where this turn brought that."""
        said = (self._work.earlier or {}).get("corrected") if self._answer.history_held else None
        return None if said is None else str(said)

    def _hear_again(self, connection: Connection) -> None:
        """Read the message from where the belief is now: what the turn began with is old."""
        message = self._work.message
        if self._handing is None or message.kind is not Kind.TEXT or self._answer.belief is None:
            return
        entry = Entry.of(connection, self._writing, self._work.conversation.conversation_id)
        if entry is not None:
            self._handing.hear(entry, message.seq, str(message.content["text"]), message.at)
            entry.save()

    def _keep_earlier(self, connection: Connection) -> None:
        """Keep what earlier conversations gave the prior, for when the history is read again."""
        given = self._work.earlier or {}
        kept = {name: given[name] for name in ("belief", "at") if name in given}
        cid = self._work.conversation.conversation_id
        connection.execute(conversations.update().where(_c.id == cid).values(earlier=kept))

    def _rare(self, connection: Connection, row: Row, now: datetime) -> None:
        """Store what few turns bring."""
        if self._answer.said_goodbye:
            connection.execute(conversations.update().where(_c.id == row.id).values(goodbye_at=now))
        if self._answer.personalisation is not None:
            privacy.switch(connection, row.id, row.customer_id, on=self._answer.personalisation)

    def _go_on(
        self,
        connection: Connection,
        verdict: Verdict | None,
        said: tuple[Mapping[str, Any], ...],
        follows: Pending | None,
    ) -> Answered:
        """Hand over where that was judged; else return the next message to work on."""
        cid = self._work.conversation.conversation_id
        if verdict is not None and self._handing is not None:
            entry = Entry.of(connection, self._writing, cid)
            assert entry is not None  # noqa: S101  # locked above
            Judging(self._handing, self._writing).carry_out(entry, verdict, self._work.message)
            entry.save()
            said = (*said, *entry.said)
        fresh = connection.execute(rows.LOCKED_CONVERSATION, {"cid": cid}).one()
        owner = Owner(fresh.owner)
        if follows is None or owner is not Owner.BOT:
            return Answered(said, owner, None)
        return Answered(said, owner, rows.to_work(connection, rows.to_conversation(fresh), follows))
