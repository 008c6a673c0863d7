"""Accounts of the desk: who may log in, with which role, and the sessions of their browsers."""

from __future__ import annotations

import hashlib
import re
import secrets
import string
import unicodedata
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.engine import Connection, Row
from sqlalchemy.exc import IntegrityError

from bot.conversation import passwords as rules
from bot.conversation.account_errors import (
    BadAccountError,
    LastAdminError,
    LockedOutError,
    LoginRefusedError,
    LoginTakenError,
    NoSuchAgentError,
)
from bot.conversation.database import Database
from bot.conversation.desk_schema import agent_sessions, agents
from bot.conversation.desk_types import Agent, Presence, Role
from bot.conversation.lockout import Lockout
from bot.conversation.passwords import Passwords
from persona.privacy.vault import Vault

_a, _s = agents.c, agent_sessions.c

#: Conversations at a time of a new account.
MOST = 5
#: A page that showed a sign of life within this time is there.
HERE = timedelta(minutes=1)
_LOGIN = re.compile(r"[a-z0-9][a-z0-9._@-]{1,63}")
_LONGEST_NAME = 32
_TOUCH = timedelta(minutes=1)
_ID_ALPHABET = string.ascii_lowercase + string.digits
_AGENT_COLUMNS = (_a.id, _a.login, _a.name, _a.role, _a.presence, _a.most, _a.active, _a.seen_at)


@dataclass(frozen=True)
class SessionLimits:
    """How long a login lasts: `idle` without a request, `longest` in any case."""

    idle: timedelta = timedelta(hours=12)
    longest: timedelta = timedelta(hours=24)


@dataclass(frozen=True)
class Session:
    """A logged-in browser.

    Attributes:
        token_hash: SHA-256 of the cookie's token, in hex; the token itself is nowhere stored.
        csrf: what every write must carry.
    """

    token_hash: str
    csrf: str
    agent: Agent
    created_at: datetime
    seen_at: datetime


@dataclass(frozen=True)
class Account:
    """An account as administrators see it; `seen_at` is the last sign of life, `sessions` the open ones."""

    agent: Agent
    created_at: datetime
    seen_at: datetime | None
    sessions: int


def hash_token(token: str) -> str:
    """Return what is stored of a session's token: 256 random bits need no slow hash."""
    return hashlib.sha256(token.encode()).hexdigest()


class Accounts:
    """Logins, roles and sessions. Changes of role, name and state hold from the next request on.

    Args:
        database: the record's.
        vault: makes the blind hashes of the lock-out.
        clock: returns the present as an aware datetime.
        passwords: hashes; tests pass cheaper parameters.
        limits: how long sessions last.
        lockout: slows down guessing.
    """

    def __init__(
        self,
        database: Database,
        vault: Vault,
        clock: Callable[[], datetime],
        *,
        passwords: Passwords | None = None,
        limits: SessionLimits | None = None,
        lockout: Lockout | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._passwords = passwords or Passwords()
        self._limits = limits or SessionLimits()
        self._lockout = lockout or Lockout(vault)

    @property
    def limits(self) -> SessionLimits:
        """How long sessions last."""
        return self._limits

    def close(self) -> None:
        """End the threads that hash."""
        self._passwords.close()

    # --- accounts ------------------------------------------------------------------------------------------

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
            return _agent(connection.execute(_one(agent_id)).one(), now)

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
            select(*_AGENT_COLUMNS, _a.created_at, count.c.sessions)
            .select_from(agents.outerjoin(count, count.c.agent_id == _a.id))
            .order_by(_a.login)
        )

        def work(connection: Connection) -> tuple[Account, ...]:
            return tuple(
                Account(_agent(row, now), row.created_at, row.seen_at, row.sessions or 0)
                for row in connection.execute(query)
            )

        return await self._database.read(work)

    async def agent(self, agent_id: str) -> Agent:
        """Return one account; NoSuchAgentError where there is none."""
        return await self._database.read(lambda connection: self._found(connection, _a.id == agent_id))

    async def by_login(self, login: str) -> Agent:
        """Return the account of a login; NoSuchAgentError where there is none."""
        wanted = _plain(login).lower()
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

    # --- sessions ------------------------------------------------------------------------------------------

    async def log_in(self, login: str, password: str, net: str) -> tuple[str, Session]:
        """Check a password and open a session.

        Args:
            login: as typed.
            password: as typed.
            net: blind hash of the network address.

        Returns:
            The token for the browser, and the session.

        Raises:
            LoginRefusedError: wrong login, wrong password or a disabled account.
            LockedOutError: too many were wrong; with the time to wait.
            LoginBusyError: too many logins are being checked.
        """
        login = _plain(login).lower()[:200]
        row = await self._attempt(login, password, net)
        return await self._database.write(lambda connection: self._open(connection, row, login, net))

    async def change_password(self, session: Session, old: str, new: str, net: str) -> tuple[str, Session]:
        """Change one's own password: all sessions end and a new one is opened for this browser.

        Raises:
            LoginRefusedError: the old password is wrong.
            LockedOutError: it was wrong too often.
            WeakPasswordError: the new one is not good enough.
        """
        agent = session.agent
        rules.check(new, agent.login, agent.name)
        row = await self._attempt(agent.login, old, net)
        hashed = await self._passwords.hash(new)

        def work(connection: Connection) -> tuple[str, Session]:
            opened = self._open(connection, row, agent.login, net)
            self._change(connection, agent.agent_id, password_hash=hashed)
            own = _s.agent_id == agent.agent_id
            connection.execute(delete(agent_sessions).where(own, _s.token_hash != opened[1].token_hash))
            return opened

        return await self._database.write(work)

    async def session(self, token: str, *, touch: bool = True) -> Session | None:
        """Return the session of a token, None where it has ended or its account is disabled.

        Args:
            token: of the cookie.
            touch: this request is the agent's own doing, so the idle time begins anew.
        """
        hashed, now = hash_token(token), self._clock()
        found = await self._database.read(lambda connection: connection.execute(_session(hashed)).first())
        if found is None or not self._holds(found, now):
            return None
        if touch and now - found.session_seen_at >= _TOUCH:
            await self._database.write(
                lambda connection: connection.execute(
                    agent_sessions.update().where(_s.token_hash == hashed).values(seen_at=now)
                )
            )
        return Session(hashed, found.csrf, _agent(found, now), found.created_at, found.session_seen_at)

    async def alive(self, token_hashes: Collection[str]) -> frozenset[str]:
        """Return those of the sessions that still hold, in one look."""
        wanted, now = list(token_hashes), self._clock()

        def work(connection: Connection) -> frozenset[str]:
            query = (
                select(_s.token_hash)
                .join(agents, _a.id == _s.agent_id)
                .where(_s.token_hash.in_(wanted), _a.active)
                .where(_s.expires_at > now, _s.seen_at > now - self._limits.idle)
            )
            return frozenset(connection.execute(query).scalars())

        return await self._database.read(work) if wanted else frozenset()

    async def presences(self) -> Mapping[str, Presence]:
        """Return the presence of all active agents; whose pages are closed is away."""
        now = self._clock()

        def work(connection: Connection) -> Mapping[str, Presence]:
            found = connection.execute(select(_a.id, _a.presence, _a.seen_at).where(_a.active))
            return {
                row.id: Presence(row.presence) if _here(row.seen_at, now) else Presence.AWAY for row in found
            }

        return await self._database.read(work)

    async def log_out(self, session: Session) -> None:
        """End one session."""
        await self._database.write(
            lambda connection: connection.execute(
                delete(agent_sessions).where(_s.token_hash == session.token_hash)
            )
        )

    async def log_out_everywhere(self, agent_id: str) -> int:
        """End all sessions of an account; return how many there were."""
        return await self._database.write(
            lambda connection: int(
                connection.execute(delete(agent_sessions).where(_s.agent_id == agent_id)).rowcount
            )
        )

    # --- inside --------------------------------------------------------------------------------------------

    async def _attempt(self, login: str, password: str, net: str) -> Row:
        """Return the account's row if the password fits; the attempt is counted before it is looked at."""
        now = self._clock()

        def count(connection: Connection) -> tuple[timedelta | None, Row | None]:
            wait = self._lockout.charge(connection, login, net, now)
            query = select(*_AGENT_COLUMNS, _a.password_hash).where(_a.login == login)
            return wait, None if wait else connection.execute(query).first()

        wait, row = await self._database.write(count)
        if wait is not None:
            raise LockedOutError(wait.total_seconds())
        fits, renewed = await self._passwords.verify(None if row is None else row.password_hash, password)
        if row is None or not fits or not row.active:
            raise LoginRefusedError("login and password do not fit")
        if renewed is not None:
            await self._database.write(
                lambda connection: connection.execute(
                    agents.update()
                    .where(_a.id == row.id, _a.password_hash == row.password_hash)
                    .values(password_hash=renewed)
                )
            )
        return row

    def _open(self, connection: Connection, row: Row, login: str, net: str) -> tuple[str, Session]:
        now = self._clock()
        agent = connection.execute(_one(row.id)).first()
        if agent is None or not agent.active:  # disabled while the password was being checked
            raise LoginRefusedError("login and password do not fit")
        self._lockout.forgive(connection, login, net, now)
        self._lockout.tidy(connection, now)
        idle = now - self._limits.idle
        connection.execute(delete(agent_sessions).where((_s.expires_at <= now) | (_s.seen_at <= idle)))
        token, csrf = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        values = {"created_at": now, "seen_at": now, "expires_at": now + self._limits.longest, "net": net}
        connection.execute(
            agent_sessions.insert().values(token_hash=hash_token(token), agent_id=row.id, csrf=csrf, **values)
        )
        return token, Session(hash_token(token), csrf, _agent(agent, now), now, now)

    def _holds(self, row: Row, now: datetime) -> bool:
        return bool(row.active) and row.expires_at > now and row.session_seen_at > now - self._limits.idle

    def _found(self, connection: Connection, condition: Any) -> Agent:
        row = connection.execute(select(*_AGENT_COLUMNS).where(condition)).first()
        if row is None:
            raise NoSuchAgentError("there is no such account")
        return _agent(row, self._clock())

    def _change(self, connection: Connection, agent_id: str, **values: Any) -> None:
        if connection.execute(agents.update().where(_a.id == agent_id).values(**values)).rowcount == 0:
            raise NoSuchAgentError("there is no such account")

    def _keep_an_admin(self, connection: Connection, agent_id: str) -> None:
        query = select(_a.id).where(_a.role == Role.ADMIN.value, _a.active).with_for_update()
        admins = set(connection.execute(query).scalars())
        if admins == {agent_id}:
            raise LastAdminError("this is the only active administrator: make another one first")


def clean_login(login: str) -> str:
    """Return a login in lower case; BadAccountError unless it is 2 to 64 of ``a-z 0-9 . _ @ -``."""
    plain = _plain(login).lower()
    if not _LOGIN.fullmatch(plain):
        raise BadAccountError(
            "a login has 2 to 64 of the characters a-z 0-9 . _ @ - and begins with one of a-z 0-9"
        )
    return plain


def clean_name(name: str) -> str:
    """Return a name; BadAccountError unless it has 1 to 32 visible characters."""
    plain = " ".join(_plain(name).split())
    if not plain or len(plain) > _LONGEST_NAME or any(unicodedata.category(c)[0] == "C" for c in plain):
        raise BadAccountError(f"a name has 1 to {_LONGEST_NAME} visible characters")
    return plain


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip()


def _one(agent_id: str) -> Any:
    return select(*_AGENT_COLUMNS).where(_a.id == agent_id)


def _session(hashed: str) -> Any:
    session = (_s.csrf, _s.created_at, _s.expires_at, _s.seen_at.label("session_seen_at"))
    return select(*_AGENT_COLUMNS, *session).join(agents, _a.id == _s.agent_id).where(_s.token_hash == hashed)


def _here(seen_at: datetime | None, now: datetime) -> bool:
    return seen_at is not None and now - seen_at < HERE


def _agent(row: Row, now: datetime) -> Agent:
    return Agent(
        agent_id=row.id,
        login=row.login,
        name=row.name,
        role=Role(row.role),
        presence=Presence(row.presence),
        most=row.most,
        active=bool(row.active),
        here=_here(row.seen_at, now),
    )
