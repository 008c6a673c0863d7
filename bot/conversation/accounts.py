"""Accounts of the desk: who may log in, and with which role."""

from __future__ import annotations

import re
import secrets
import string
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from bot.conversation import passwords as rules
from bot.conversation.account_errors import (
    BadAccountError,
    LastAdminError,
    LoginTakenError,
    NoSuchAgentError,
)
from bot.conversation.desk_schema import agent_sessions, agents
from bot.conversation.desk_types import Agent, Presence, Role
from bot.conversation.sessions import (
    AGENT_COLUMNS,
    Session,
    SessionLimits,
    Sessions,
    hash_token,
    is_here,
    one,
    plain,
    to_agent,
)

__all__ = ["Account", "Accounts", "Session", "SessionLimits", "clean_login", "clean_name", "hash_token"]

_a, _s = agents.c, agent_sessions.c

#: Conversations at a time of a new account.
MOST = 5
_LOGIN = re.compile(r"[a-z0-9][a-z0-9._@-]{1,63}")
_LONGEST_NAME = 32
_ID_ALPHABET = string.ascii_lowercase + string.digits


@dataclass(frozen=True)
class Account:
    """An account as administrators see it; `seen_at` is the last sign of life, `sessions` the open ones."""

    agent: Agent
    created_at: datetime
    seen_at: datetime | None
    sessions: int


class Accounts(Sessions):
    """Accounts and their sessions. Changes of role, name and state hold from the next request on."""

    async def add(self, login: str, name: str, role: Role, password: str, *, most: int = MOST) -> Agent:
        """Make an account.

        Raises:
            BadAccountError: login or name are not of the form of accounts.
            LoginTakenError: there is one of this login.
            WeakPasswordError: with the reason.
        """
        login, name = clean_login(login), clean_name(name)
        rules.check(password, login, name)
        hashed = await self._passwords.hash(password)
        now = self._clock()
        agent_id = "a_" + "".join(secrets.choice(_ID_ALPHABET) for _ in range(12))
        row = {
            "id": agent_id,
            "login": login,
            "name": name,
            "role": role.value,
            "password_hash": hashed,
            "active": True,
            "presence": Presence.AWAY.value,
            "presence_at": now,
            "most": most,
            "created_at": now,
        }

        def work(connection: Connection) -> Agent:
            connection.execute(agents.insert().values(**row))
            return to_agent(connection.execute(one(agent_id)).one(), now)

        try:
            return await self._database.write(work)
        except IntegrityError as exc:
            raise LoginTakenError(f"there is an account {login!r} already") from exc

    async def accounts(self) -> tuple[Account, ...]:
        """Return all accounts in the order of their logins."""
        now = self._clock()
        count = (
            select(_s.agent_id, func.count().label("sessions"))
            .where(_s.expires_at > now, _s.seen_at > now - self._limits.idle)
            .group_by(_s.agent_id)
            .subquery()
        )
        query = (
            select(*AGENT_COLUMNS, _a.created_at, count.c.sessions)
            .select_from(agents.outerjoin(count, count.c.agent_id == _a.id))
            .order_by(_a.login)
        )

        def work(connection: Connection) -> tuple[Account, ...]:
            return tuple(
                Account(to_agent(row, now), row.created_at, row.seen_at, row.sessions or 0)
                for row in connection.execute(query)
            )

        return await self._database.read(work)

    async def agent(self, agent_id: str) -> Agent:
        """Return one account; NoSuchAgentError where there is none."""
        return await self._database.read(lambda connection: self._found(connection, _a.id == agent_id))

    async def by_login(self, login: str) -> Agent:
        """Return the account of a login; NoSuchAgentError where there is none."""
        wanted = plain(login).lower()
        return await self._database.read(lambda connection: self._found(connection, _a.login == wanted))

    async def rename(self, agent_id: str, name: str) -> None:
        """Change what colleagues and shoppers read."""
        name = clean_name(name)
        await self._database.write(lambda connection: self._change(connection, agent_id, name=name))

    async def set_role(self, agent_id: str, role: Role) -> None:
        """Change what the account may do; LastAdminError where nobody could manage accounts any more."""

        def work(connection: Connection) -> None:
            if role is not Role.ADMIN:
                self._keep_an_admin(connection, agent_id)
            self._change(connection, agent_id, role=role.value)

        await self._database.write(work)

    async def set_active(self, agent_id: str, active: bool) -> None:
        """Enable or disable an account; disabling ends its sessions in the same transaction."""

        def work(connection: Connection) -> None:
            if active:
                self._change(connection, agent_id, active=True)
                return
            self._keep_an_admin(connection, agent_id)
            away = {"presence": Presence.AWAY.value, "presence_at": self._clock()}
            self._change(connection, agent_id, active=False, **away)
            connection.execute(delete(agent_sessions).where(_s.agent_id == agent_id))

        await self._database.write(work)

    async def reset_password(self, agent_id: str, password: str) -> None:
        """Give an account a new password; its sessions end, and a lock-out of its login is lifted."""
        agent = await self.agent(agent_id)
        rules.check(password, agent.login, agent.name)
        hashed = await self._passwords.hash(password)

        def work(connection: Connection) -> None:
            self._change(connection, agent_id, password_hash=hashed)
            connection.execute(delete(agent_sessions).where(_s.agent_id == agent_id))
            self._lockout.forget(connection, agent.login)

        await self._database.write(work)

    async def presences(self) -> Mapping[str, Presence]:
        """Return the presence of all active agents; whose pages are closed is away."""
        now = self._clock()

        def work(connection: Connection) -> Mapping[str, Presence]:
            found = connection.execute(select(_a.id, _a.presence, _a.seen_at).where(_a.active))
            return {
                row.id: Presence(row.presence) if is_here(row.seen_at, now) else Presence.AWAY
                for row in found
            }

        return await self._database.read(work)

    def _found(self, connection: Connection, condition: Any) -> Agent:
        row = connection.execute(select(*AGENT_COLUMNS).where(condition)).first()
        if row is None:
            raise NoSuchAgentError("there is no such account")
        return to_agent(row, self._clock())

    def _keep_an_admin(self, connection: Connection, agent_id: str) -> None:
        query = select(_a.id).where(_a.role == Role.ADMIN.value, _a.active).with_for_update()
        admins = set(connection.execute(query).scalars())
        if admins == {agent_id}:
            raise LastAdminError("this is the only active administrator: make another one first")


def clean_login(login: str) -> str:
    """Return a login in lower case; BadAccountError unless it is 2 to 64 of ``a-z 0-9 . _ @ -``."""
    clean = plain(login).lower()
    if not _LOGIN.fullmatch(clean):
        raise BadAccountError("a login has 2 to 64 of the characters a-z 0-9 . _ @ - and begins with a-z 0-9")
    return clean


def clean_name(name: str) -> str:
    """Return a name; BadAccountError unless it has 1 to 32 visible characters."""
    clean = " ".join(plain(name).split())
    if not clean or len(clean) > _LONGEST_NAME or any(unicodedata.category(c)[0] == "C" for c in clean):
        raise BadAccountError(f"a name has 1 to {_LONGEST_NAME} visible characters")
    return clean
