"""Agents at the desk of a front under test."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from bot.conversation.desk_schema import agents
from bot.conversation.desk_types import DeskConversation, Presence, QueueFilter, QueueRow, View
from bot.conversation.duty import ServiceTime
from bot.conversation.handover import Handover
from bot.conversation.schema import SHANGHAI
from tests.bot.conversation.harness import Front

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=SHANGHAI)  # a Monday


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, **span: float) -> None:
        self.now += timedelta(**span)


class Hours:
    """Service hours that a test opens and closes, and levels that it gives."""

    def __init__(self, *, open_now: bool = True, levels: dict[str, str] | None = None) -> None:
        self.open_now = open_now
        self.levels = levels or {}
        self.asked: list[str] = []
        self.away = False

    def at(self, now: datetime) -> ServiceTime:
        return ServiceTime(self.open_now, now + timedelta(hours=9))

    async def refresh(self) -> None:
        if self.away:
            raise ConnectionError("the shop is away")

    async def level(self, customer_id: str) -> str:
        if self.away:
            raise ConnectionError("the shop is away")
        self.asked.append(customer_id)
        return self.levels.get(customer_id, "")


@dataclass
class Desk:
    """What an agent does, at one front."""

    front: Front

    @property
    def hands(self) -> Handover:
        return self.front.conversations.handover

    async def hire(
        self, name: str, *, role: str = "agent", most: int = 3, presence: str = "busy", here: bool = True
    ) -> str:
        """Add an account; return its id. Who is busy is at the desk and is given nothing unasked."""
        database = self.front.conversations._store.database
        now = self.front.conversations._store.writing.now()

        def work(connection: Any) -> str:
            count = connection.execute(select(func.count()).select_from(agents)).scalar()
            agent_id = f"a_{count + 1:012d}"
            connection.execute(
                agents.insert().values(
                    id=agent_id,
                    login=f"login{count}",
                    name=name,
                    role=role,
                    password_hash="",
                    active=True,
                    presence=presence,
                    presence_at=now,
                    seen_at=now if here else None,
                    most=most,
                    created_at=now,
                )
            )
            return agent_id

        return await database.write(work)

    async def stay(self) -> None:
        """Let all who are not away show a sign of life, as their open pages do."""
        hands = self.front.conversations.handover
        for agent in await self.front.conversations.desk.agents():
            if agent.presence is not Presence.AWAY:
                await hands.sign_of_life(agent.agent_id)

    async def see(self, cid: str, agent_id: str = "a_000000000001") -> DeskConversation:
        found = await self.front.conversations.desk.conversation(cid, agent_id)
        assert found is not None
        return found

    async def queue(self, agent_id: str, view: View = View.WAITING, **more: Any) -> tuple[QueueRow, ...]:
        return await self.front.conversations.desk.queue(agent_id, QueueFilter(view, **more))

    async def owner(self, cid: str) -> str:
        return (await self.see(cid)).owner.value
