"""What agents note about conversations: marks, tags, ratings, corrections, what was read and done."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.engine import Connection, Row
from sqlalchemy.sql.schema import Table

from bot.conversation import privacy, queueing
from bot.conversation.correcting import corrected_belief
from bot.conversation.desk_messages import checked_text
from bot.conversation.desk_schema import (
    agents,
    answer_ratings,
    conversation_tags,
    corrections,
    desk_marks,
    desk_reads,
    mentions,
)
from bot.conversation.desk_types import Outcome, Presence
from bot.conversation.desk_writes import DeskWrites
from bot.conversation.dress import dressed
from bot.conversation.entry import Entry
from bot.conversation.errors import (
    AccessDeniedError,
    PersonalisationOffError,
    UnknownAgentError,
    UnknownMessageError,
    UnknownRequestError,
)
from bot.conversation.schema import conversations, messages, service_requests
from bot.conversation.types import Author, Owner

_LONGEST_TAG = 32
_LONGEST_KEY = 80
_MOST_TAGS = 20


def upsert(connection: Connection, table: Table, keys: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    """Change the row with these keys, or add it. The caller holds what the keys belong to locked."""
    where = [table.c[name] == value for name, value in keys.items()]
    if values:
        changed = connection.execute(table.update().where(*where).values(**values)).rowcount
    else:
        changed = connection.execute(select(table).where(*where)).first() is not None
    if not changed:
        connection.execute(table.insert().values(**keys, **values))


class Marks(DeskWrites):
    """The small writes of the desk."""

    async def snooze(self, cid: str, agent_id: str, *, until: datetime | None) -> None:
        """Put a conversation aside until a moment, or until the shopper writes; None takes it up again.

        Raises:
            NotHeldError: the agent does not have it.
        """

        def act(entry: Entry) -> None:
            self._held(entry, agent_id)
            upsert(entry.connection, desk_marks, {"conversation_id": entry.cid}, {"snoozed_until": until})

        await self._run(cid, act)

    async def tag(self, cid: str, agent_id: str, *, tag: str, on: bool) -> None:
        """Put a tag of 1 to 32 characters on the conversation, or take it off.

        Raises:
            NotHeldError: a colleague has the conversation.
            ValueError: no tag, or too many.
        """
        name = " ".join(checked_text(tag).split())
        if not 1 <= len(name) <= _LONGEST_TAG:
            raise ValueError(f"a tag has 1 to {_LONGEST_TAG} characters")

        def act(entry: Entry) -> None:
            self._may_mark(entry, agent_id)
            where = (conversation_tags.c.conversation_id == entry.cid, conversation_tags.c.tag == name)
            if not on:
                entry.connection.execute(conversation_tags.delete().where(*where))
                return
            own = entry.connection.execute(
                select(conversation_tags.c.tag).where(conversation_tags.c.conversation_id == entry.cid)
            ).scalars()
            there = set(own)
            if name in there:
                return
            if len(there) >= _MOST_TAGS:
                raise ValueError(f"a conversation has at most {_MOST_TAGS} tags")
            entry.connection.execute(
                conversation_tags.insert().values(
                    conversation_id=entry.cid, tag=name, agent_id=agent_id, at=entry.now
                )
            )

        await self._run(cid, act)

    async def flag(self, cid: str, agent_id: str, *, reason: str | None) -> None:
        """Mark the conversation for review, with a reason; None lifts the mark.

        Raises:
            NotHeldError: a colleague has the conversation.
        """

        def act(entry: Entry) -> None:
            self._may_mark(entry, agent_id)
            values: dict[str, Any] = {"flagged_at": None, "flagged_by": None, "flag_reason": None}
            if reason is not None:
                sealed = entry.writing.vault.seal(checked_text(reason), flag_context(entry.cid))
                values = {"flagged_at": entry.now, "flagged_by": agent_id, "flag_reason": sealed}
            upsert(entry.connection, desk_marks, {"conversation_id": entry.cid}, values)

        await self._run(cid, act)

    async def rate(self, cid: str, agent_id: str, *, seq: int, good: bool | None, comment: str = "") -> None:
        """Call an answer of the bot good or bad, with a comment; None takes the rating back.

        Raises:
            UnknownMessageError: `seq` is no answer of the bot.
            NotHeldError: a colleague has the conversation.
        """

        def act(entry: Entry) -> None:
            self._may_mark(entry, agent_id)
            author = entry.connection.execute(
                select(messages.c.author).where(
                    messages.c.conversation_id == entry.cid, messages.c.seq == seq
                )
            ).scalar()
            if author != Author.BOT.value:
                raise UnknownMessageError
            keys = {"conversation_id": entry.cid, "seq": seq, "agent_id": agent_id}
            if good is None:
                where = [answer_ratings.c[name] == value for name, value in keys.items()]
                entry.connection.execute(answer_ratings.delete().where(*where))
                return
            sealed = None
            if comment.strip():
                sealed = entry.writing.vault.seal(checked_text(comment), comment_context(entry.cid, seq))
            values = {"good": good, "comment": sealed, "at": entry.now}
            upsert(entry.connection, answer_ratings, keys, values)

        await self._run(cid, act)

    async def correct(self, cid: str, *, by: str, label: str, key: str) -> None:
        """Say how the shopper really is; served at once, and kept for later conversations.

        Args:
            cid: the conversation.
            by: ``agent:<id>`` or ``shopper``.
            label: ``power``, ``perfect``, ``peace``, ``lively`` or ``none``.
            key: of the request; a repeat changes nothing.

        Raises:
            PersonalisationOffError: nothing may be inferred about this shopper.
            NotHeldError: a colleague has the conversation.
            ValueError: no such label or corrector, or no key.
        """
        who = "shopper" if by == "shopper" else "agent"
        if who == "agent" and not by.startswith("agent:"):
            raise ValueError("a correction comes from agent:<id> or shopper")
        if not 1 <= len(key) <= _LONGEST_KEY:
            raise ValueError(f"a key has 1 to {_LONGEST_KEY} characters")
        corrected_belief(None, label, who)  # ValueError before anything is locked

        def act(entry: Entry) -> None:
            if who == "agent":
                self._may_mark(entry, by.removeprefix("agent:"))
            if not entry.row.personalisation:
                raise PersonalisationOffError
            known = select(corrections.c.id).where(
                corrections.c.conversation_id == entry.cid, corrections.c.key == key
            )
            if entry.connection.execute(known).first() is not None:
                return
            entry.connection.execute(
                corrections.insert().values(
                    conversation_id=entry.cid,
                    customer_id=entry.row.customer_id,
                    label=label,
                    before=entry.style,
                    corrected_by=by,
                    seq=entry.next_seq - 1,
                    key=key,
                    at=entry.now,
                )
            )
            belief, style = corrected_belief(entry.belief, label, who)
            entry.set(belief=belief, style=style, dress=dressed(entry.dress, belief))
            if entry.row.customer_id is not None:
                privacy.keep_belief(entry.connection, entry.row.customer_id, belief, entry.now)

        await self._run(cid, act)

    async def done(self, request_id: int, agent_id: str) -> None:
        """Note that a service request was done; the last one ends a hand-over that waited beside the bot.

        Raises:
            UnknownRequestError: no such request, or it was done before.
            NotHeldError: a colleague has the conversation.
        """
        table = service_requests

        def find(connection: Connection) -> str | None:
            query = select(table.c.conversation_id).where(table.c.id == request_id)
            found: str | None = connection.execute(query).scalar()
            return found

        cid = await self._database.read(find)
        if cid is None:
            raise UnknownRequestError

        def act(entry: Entry) -> None:
            self._may_mark(entry, agent_id)
            changed = entry.connection.execute(
                table.update()
                .where(table.c.id == request_id, table.c.done_at.is_(None))
                .values(done_at=entry.now)
            )
            if changed.rowcount == 0:
                raise UnknownRequestError
            left = select(table.c.id).where(table.c.conversation_id == entry.cid, table.c.done_at.is_(None))
            found = queueing.open_escalation(entry.connection, entry.cid)
            if (
                found is not None
                and entry.owner is Owner.BOT
                and entry.connection.execute(left).first() is None
            ):
                self._handing.end(entry, found, by=f"agent:{agent_id}", outcome=Outcome.CALL_BACK)

        await self._run(cid, act)

    async def seen(self, cid: str, agent_id: str, *, seq: int) -> None:
        """Note that an agent has the conversation open now and has read it up to a message.

        Raises:
            AccessDeniedError: no such conversation.
        """
        keys = {"conversation_id": cid, "agent_id": agent_id}

        def work(connection: Connection) -> bool:
            row = self._here(connection, cid, agent_id)
            known = connection.execute(
                select(desk_reads).where(*(desk_reads.c[n] == v for n, v in keys.items()))
            ).first()
            read = max(0 if known is None else known.seq, min(seq, row.next_seq - 1))
            now = self._writing.now()
            upsert(connection, desk_reads, keys, {"seq": read, "here_at": now})
            done = connection.execute(
                mentions.update()
                .where(
                    *(mentions.c[n] == v for n, v in keys.items()),
                    mentions.c.seq <= read,
                    mentions.c.read_at.is_(None),
                )
                .values(read_at=now)
            )
            return known is None or read != known.seq or done.rowcount > 0

        if await self._database.write(work):
            self._hub.publish(cid)

    def _here(self, connection: Connection, cid: str, agent_id: str) -> Row:
        row = connection.execute(
            select(conversations.c.next_seq).where(conversations.c.id == cid).with_for_update()
        ).first()
        if row is None:
            raise AccessDeniedError
        known = select(agents.c.id).where(agents.c.id == agent_id, agents.c.active.is_(True))
        if connection.execute(known).first() is None:
            raise UnknownAgentError
        return row

    # -- the agents themselves --------------------------------------------------------------------------

    async def set_presence(self, agent_id: str, presence: Presence | str) -> None:
        """Note whether an agent takes conversations; UnknownAgentError for no such account."""
        wanted = Presence(presence)
        now = self._writing.now()
        await self._agent_row(agent_id, presence=wanted.value, presence_at=now, seen_at=now)

    async def sign_of_life(self, agent_id: str) -> None:
        """Note that one of an agent's pages is open; UnknownAgentError for no such account."""
        self._handing.listener.prepare()
        await self._agent_row(agent_id, seen_at=self._writing.now())

    async def _agent_row(self, agent_id: str, **values: Any) -> None:
        def work(connection: Connection) -> bool:
            changed = connection.execute(
                agents.update().where(agents.c.id == agent_id, agents.c.active.is_(True)).values(**values)
            )
            if changed.rowcount == 0:
                raise UnknownAgentError
            return queueing.attended(connection, self._writing.now(), self._handing.rules)

        self._handing.attendance.people = await self._database.write(work)


def flag_context(conversation_id: str) -> str:
    """Return what binds a sealed reason of a flag to its place."""
    return f"desk_marks.flag_reason/{conversation_id}"


def comment_context(conversation_id: str, seq: int) -> str:
    """Return what binds a sealed comment of a rating to its place."""
    return f"answer_ratings.comment/{conversation_id}/{seq}"
