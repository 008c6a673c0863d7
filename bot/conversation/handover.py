"""What agents do with conversations. Each call is one transaction, on the disk before it returns.

Errors are those of :mod:`bot.conversation.errors`; where one is raised nothing was changed. Repeating a call
that has succeeded changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bot.conversation import desk_messages, desk_rows, queueing, words
from bot.conversation.asking import IdleWatch
from bot.conversation.desk_schema import escalations
from bot.conversation.desk_types import DeskMessage, Escalation, Outcome, Reason, Role, Wish
from bot.conversation.entry import Entry
from bot.conversation.errors import (
    AccessDeniedError,
    AlreadyHeldError,
    ConversationClosedError,
    NotHeldError,
)
from bot.conversation.handing import wake
from bot.conversation.keeper import Keeper
from bot.conversation.marking import Marks
from bot.conversation.types import Audience, Kind, Owner

_e = escalations.c


class Handover(Marks):
    """The agents' hands on the record."""

    _keeper: Keeper | None = None
    _idle: IdleWatch | None = None

    # -- taking and giving back -------------------------------------------------------------------------

    async def take_over(self, cid: str, agent_id: str) -> Escalation:
        """Give the conversation to an agent, from the queue or from the bot.

        Raises:
            AlreadyHeldError: a colleague has it; `name` says who.
            ConversationClosedError: it is over.
            AccessDeniedError: no such conversation.
            UnknownAgentError: no such account.
        """

        def act(entry: Entry) -> Escalation:
            agent = self._agent(entry, agent_id)
            by = f"agent:{agent_id}"
            found = queueing.open_escalation(entry.connection, entry.cid)
            if entry.owner is Owner.CLOSED:
                raise ConversationClosedError
            if entry.owner is Owner.HUMAN and found is not None:
                if found.agent_id != agent_id:
                    raise AlreadyHeldError(found.agent_name or "")
                return desk_rows.to_escalation(self._writing.vault, found)
            if entry.owner is Owner.BOT:
                wish = Wish(Reason(found.reason) if found is not None else Reason.AGENT)
                self._handing.open(entry, wish, by=by, seq=entry.next_seq - 1, live=True)
                found = queueing.open_escalation(entry.connection, entry.cid)
            if found is None:
                raise AccessDeniedError  # cannot be: who waits has an open escalation
            self._handing.hold(entry, found, agent, by=by, reason="taken")
            held = queueing.open_escalation(entry.connection, entry.cid)
            return desk_rows.to_escalation(self._writing.vault, held)  # type: ignore[arg-type]

        return await self._run(cid, act)

    async def hand_back(
        self, cid: str, agent_id: str, *, outcome: Outcome | str, settled_order: str | None = None
    ) -> None:
        """Give the conversation back to the bot, which hears what was settled before the next message.

        Raises:
            NotHeldError: the agent does not have it.
            ValueError: no such outcome.
        """
        settled = Outcome(outcome)

        def act(entry: Entry) -> None:
            found = self._held(entry, agent_id)
            by = f"agent:{agent_id}"
            order = settled_order or found.order_number
            self._handing.end(entry, found, by=by, outcome=settled, order_number=settled_order)
            self._handing.to_bot(entry, found, by=by, reason="handed_back", settled=settled, order=order)
            self._handing.say(entry, words.QUEUE_BACK)

        await self._run(cid, act)

    async def close(self, cid: str, agent_id: str, *, outcome: Outcome | str) -> None:
        """End the conversation for good; supervisors may close any.

        Raises:
            NotHeldError: the agent does not have it and is no supervisor.
            ConversationClosedError: it is over already.
            ValueError: no such outcome.
        """
        settled = Outcome(outcome)

        def act(entry: Entry) -> None:
            agent = self._agent(entry, agent_id)
            found = queueing.open_escalation(entry.connection, entry.cid)
            holds = found is not None and entry.owner is Owner.HUMAN and found.agent_id == agent_id
            if not holds and agent.role == Role.AGENT.value:
                raise NotHeldError
            if entry.owner is Owner.CLOSED:
                raise ConversationClosedError
            self._handing.close(entry, found, by=f"agent:{agent_id}", outcome=settled)
            self._handing.say(entry, words.QUEUE_CLOSED)
            self._handing.asking.after_close(entry, settled)

        await self._run(cid, act)

    async def transfer(self, cid: str, agent_id: str, *, to: str | None) -> None:
        """Pass the conversation to a colleague, who gets it next, or back into the queue.

        Raises:
            NotHeldError: the agent does not have it and is no supervisor.
            UnknownAgentError: no such colleague.
        """

        def act(entry: Entry) -> None:
            found = self._held(entry, agent_id, supervisors=True)
            if to is not None:
                self._agent(entry, to)
                if to == found.agent_id:
                    return
            if entry.owner is not Owner.HUMAN:
                entry.connection.execute(
                    escalations.update().where(_e.id == found.id).values(wanted_agent_id=to)
                )
                return
            reason = "transferred" if to is not None else "returned"
            self._handing.to_queue(
                entry, found, by=f"agent:{agent_id}", reason=reason, wanted=to, first=to is not None
            )
            if to is None:
                self._handing.tell_standing(entry, found.id, response=words.QUEUE_JOINED)

        await self._run(cid, act)

    # -- writing ----------------------------------------------------------------------------------------

    async def reply(
        self,
        cid: str,
        agent_id: str,
        *,
        key: str,
        text: str = "",
        card: str | None = None,
        data: Mapping[str, Any] | None = None,
        picture: Mapping[str, Any] | None = None,
    ) -> DeskMessage:
        """Say something to the shopper: a text, a card, or a picture ``{"url", "width", "height"}``.

        Args:
            cid: the conversation.
            agent_id: who says it.
            key: of the request, 1 to 60 visible ASCII characters; a repeat returns what was stored.
            text: the words; with a card or picture the words beside it.
            card: name of the card.
            data: content of the card.
            picture: where the picture lies, on the front itself, and its size in pixels.

        Raises:
            NotHeldError: the agent does not have the conversation.
            KeyReusedError: the key was used for something else.
            ValueError: there is nothing to say, or a field is malformed.
        """
        kind, content = desk_messages.reply_content(self._handing.lines, text, card, data, picture)

        def act(entry: Entry) -> DeskMessage:
            agent = self._agent(entry, agent_id)
            whole = {**content, "agent": {"name": agent.name}}
            known = desk_messages.repeated(entry, agent_id, key, whole)
            if known is not None:
                return known
            found = self._held(entry, agent_id)
            seq = entry.write(whole, kind=kind, agent_id=agent_id, key=desk_messages.message_key(key))
            entry.set(last_at=entry.now)
            values: dict[str, Any] = {"waits_since": None, "nudged_at": None}
            if found.first_reply_at is None:
                values["first_reply_at"] = entry.now
            entry.connection.execute(escalations.update().where(_e.id == found.id).values(**values))
            wake(entry)
            return desk_messages.stored(entry, seq)

        return await self._run(cid, act)

    async def note(
        self, cid: str, agent_id: str, *, key: str, text: str, mentions: Sequence[str] = ()
    ) -> DeskMessage:
        """Write a note that only the desk sees, and call colleagues to it.

        Any agent may: a note is how one asks, or tells, the colleague who has the conversation.

        Raises:
            KeyReusedError: the key was used for something else.
            UnknownAgentError: a colleague who is mentioned is unknown.
            ValueError: there is nothing to say.
        """
        if not text.strip():
            raise ValueError("a note needs words")

        def act(entry: Entry) -> DeskMessage:
            agent = self._agent(entry, agent_id)
            content = {"text": text, "agent": {"name": agent.name}, "mentions": list(mentions)}
            known = desk_messages.repeated(entry, agent_id, key, content)
            if known is not None:
                return known
            for mentioned in mentions:
                self._agent(entry, mentioned)
            seq = entry.write(
                content,
                kind=Kind.NOTE,
                agent_id=agent_id,
                key=desk_messages.message_key(key),
                audience=Audience.DESK,
            )
            desk_messages.mention(entry, seq, mentions)
            return desk_messages.stored(entry, seq)

        return await self._run(cid, act)

    # -- the queue --------------------------------------------------------------------------------------

    async def tend(self) -> None:
        """Look after the queue once: routing, reminders, idle agents, hours, ratings; called every second."""
        if self._keeper is None:
            self._keeper = Keeper(self._database, self._writing, self._handing, self._after)
            self._idle = IdleWatch(self._database, self._writing, self._handing.asking, self._after)
        await self._keeper.tend()
        if self._idle is not None:
            await self._idle.look()
