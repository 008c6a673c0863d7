"""How the desk writes: one transaction for each request, on the disk before it is answered."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.engine import Connection, Row

from bot.conversation import queueing
from bot.conversation.database import Database
from bot.conversation.desk_schema import agents
from bot.conversation.desk_types import Role
from bot.conversation.entry import Entry
from bot.conversation.errors import AccessDeniedError, NotHeldError, UnknownAgentError
from bot.conversation.handing import Handing
from bot.conversation.hub import Hub
from bot.conversation.listening import NotReadyError
from bot.conversation.types import Owner, Work
from bot.conversation.worker import Worker
from bot.conversation.writing import Writing

T = TypeVar("T")

_a = agents.c


class DeskWrites:
    """Runs what agents ask for as transactions, and knows who may.

    Args:
        database: the record.
        writing: the parts of transactions of this process.
        handing: the transitions.
        hub: tells watchers of this process.
        worker: answers messages of the conversations that the bot has.
    """

    def __init__(
        self,
        *,
        database: Database,
        writing: Writing,
        handing: Handing,
        hub: Hub,
        worker: Worker,
    ) -> None:
        self._database = database
        self._writing = writing
        self._handing = handing
        self._hub = hub
        self._worker = worker

    # -- transactions -----------------------------------------------------------------------------------

    async def _run(self, cid: str, act: Callable[[Entry], T]) -> T:
        """Lock a conversation, act, save, flush, tell; once more where the engine had to be loaded first."""
        while True:
            try:
                result, work = await self._database.write(lambda connection: self._once(connection, cid, act))
                break
            except NotReadyError:
                await self._handing.listener.wait()
        await self._database.flush()
        self._after(cid, work)
        return result

    def _once(self, connection: Connection, cid: str, act: Callable[[Entry], T]) -> tuple[T, Work | None]:
        entry = Entry.of(connection, self._writing, cid)
        if entry is None:
            raise AccessDeniedError
        result = act(entry)
        return result, entry.save()

    def _after(self, cid: str, work: Work | None) -> None:
        if work is not None:
            self._worker.take(work)
        self._worker.look_again(cid)
        self._hub.publish(cid)

    def _agent(self, entry: Entry, agent_id: str) -> Row:
        row = entry.connection.execute(select(agents).where(_a.id == agent_id, _a.active.is_(True))).first()
        if row is None:
            raise UnknownAgentError
        return row

    def _held(self, entry: Entry, agent_id: str, *, supervisors: bool = False) -> Row:
        """Return the escalation that the agent holds; NotHeldError where somebody else, or nobody, does.

        Args:
            entry: the conversation.
            agent_id: who asks.
            supervisors: supervisors and admins may do it to any open escalation.
        """
        agent = self._agent(entry, agent_id)
        found = queueing.open_escalation(entry.connection, entry.cid)
        if found is not None and entry.owner is Owner.HUMAN and found.agent_id == agent_id:
            return found
        if found is not None and supervisors and agent.role != Role.AGENT.value:
            return found
        raise NotHeldError

    def _may_mark(self, entry: Entry, agent_id: str) -> Row:
        """Return the agent's row; NotHeldError where a colleague has the conversation (supervisors may)."""
        agent = self._agent(entry, agent_id)
        if entry.owner is Owner.HUMAN and agent.role == Role.AGENT.value:
            found = queueing.open_escalation(entry.connection, entry.cid)
            if found is not None and found.agent_id != agent_id:
                raise NotHeldError
        return agent
