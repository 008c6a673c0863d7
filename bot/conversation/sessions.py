"""Sessions of the desk: logging in, staying logged in, logging out."""

from __future__ import annotations

import hashlib
import secrets
import unicodedata
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.engine import Connection, Row

from bot.conversation import passwords as rules
from bot.conversation.account_errors import LockedOutError, LoginRefusedError, NoSuchAgentError
from bot.conversation.database import Database
from bot.conversation.desk_schema import agent_sessions, agents
from bot.conversation.desk_types import Agent, Presence, Role
from bot.conversation.lockout import Lockout
from bot.conversation.passwords import Passwords
from persona.privacy.vault import Vault

_a, _s = agents.c, agent_sessions.c

#: A page that showed a sign of life within this time is there.
HERE = timedelta(minutes=1)
#: What :func:`to_agent` needs of a row.
AGENT_COLUMNS = (_a.id, _a.login, _a.name, _a.role, _a.presence, _a.most, _a.active, _a.seen_at)
_TOUCH = timedelta(minutes=1)


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


def hash_token(token: str) -> str:
    """Return what is stored of a session's token: 256 random bits need no slow hash."""
    return hashlib.sha256(token.encode()).hexdigest()


@dataclass(frozen=True)
class _Proven:
    """A password that was right; `renewed` is its hash with the parameters of today where that differs."""

    agent_id: str
    password_hash: str
    renewed: str | None


class Sessions:
    """Logs in and out.

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
        login = plain(login).lower()[:200].replace("\0", "?")  # PostgreSQL knows no NUL
        proven = await self._attempt(login, password, net)
        return await self._database.write(lambda connection: self._open(connection, proven, login, net))

    async def change_password(self, session: Session, old: str, new: str, net: str) -> tuple[str, Session]:
        """Change one's own password: all sessions end and a new one is opened for this browser.

        Raises:
            LoginRefusedError: the old password is wrong.
            LockedOutError: it was wrong too often.
            WeakPasswordError: the new one is not good enough.
        """
        agent = session.agent
        rules.check(new, agent.login, agent.name)
        proven = await self._attempt(agent.login, old, net)
        hashed = await self._passwords.hash(new)

        def work(connection: Connection) -> tuple[str, Session]:
            opened = self._open(connection, proven, agent.login, net)
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
        return Session(hashed, found.csrf, to_agent(found, now), found.created_at, found.session_seen_at)

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

    async def _attempt(self, login: str, password: str, net: str) -> _Proven:
        """Return what was proven; the attempt is counted before the password is looked at."""
        now = self._clock()

        def count(connection: Connection) -> tuple[timedelta | None, Row | None]:
            wait = self._lockout.charge(connection, login, net, now)
            query = select(*AGENT_COLUMNS, _a.password_hash).where(_a.login == login)
            return wait, None if wait else connection.execute(query).first()

        wait, row = await self._database.write(count)
        if wait is not None:
            raise LockedOutError(wait.total_seconds())
        fits, renewed = await self._passwords.verify(None if row is None else row.password_hash, password)
        if row is None or not fits or not row.active:
            raise LoginRefusedError("login and password do not fit")
        return _Proven(row.id, row.password_hash, renewed)

    def _open(self, connection: Connection, proven: _Proven, login: str, net: str) -> tuple[str, Session]:
        now = self._clock()
        query = one(proven.agent_id).add_columns(_a.password_hash).with_for_update()
        agent = connection.execute(query).first()
        # Disabled, or given another password, while this one was being checked?
        if agent is None or not agent.active or agent.password_hash != proven.password_hash:
            raise LoginRefusedError("login and password do not fit")
        if proven.renewed is not None:
            self._change(connection, proven.agent_id, password_hash=proven.renewed)
        self._lockout.forgive(connection, login, net, now)
        self._lockout.tidy(connection, now)
        idle = now - self._limits.idle
        connection.execute(delete(agent_sessions).where((_s.expires_at <= now) | (_s.seen_at <= idle)))
        token, csrf = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        values = {"created_at": now, "seen_at": now, "expires_at": now + self._limits.longest, "net": net}
        connection.execute(
            agent_sessions.insert().values(
                token_hash=hash_token(token), agent_id=agent.id, csrf=csrf, **values
            )
        )
        return token, Session(hash_token(token), csrf, to_agent(agent, now), now, now)

    def _holds(self, row: Row, now: datetime) -> bool:
        return bool(row.active) and row.expires_at > now and row.session_seen_at > now - self._limits.idle

    def _change(self, connection: Connection, agent_id: str, **values: Any) -> None:
        if connection.execute(agents.update().where(_a.id == agent_id).values(**values)).rowcount == 0:
            raise NoSuchAgentError("there is no such account")


def plain(text: str) -> str:
    """Return a text as it is compared: full-width characters of an input method are the plain ones."""
    return unicodedata.normalize("NFKC", text).strip()


def one(agent_id: str) -> Any:
    """Return the query for one account."""
    return select(*AGENT_COLUMNS).where(_a.id == agent_id)


def _session(hashed: str) -> Any:
    session = (_s.csrf, _s.created_at, _s.expires_at, _s.seen_at.label("session_seen_at"))
    return select(*AGENT_COLUMNS, *session).join(agents, _a.id == _s.agent_id).where(_s.token_hash == hashed)


def is_here(seen_at: datetime | None, now: datetime) -> bool:
    """Say whether a page of an agent showed a sign of life of late."""
    return seen_at is not None and now - seen_at < HERE


def to_agent(row: Row, now: datetime) -> Agent:
    """Return an account from its row; how much it holds is told by the queue."""
    return Agent(
        agent_id=row.id,
        login=row.login,
        name=row.name,
        role=Role(row.role),
        presence=Presence(row.presence),
        most=row.most,
        active=bool(row.active),
        here=is_here(row.seen_at, now),
    )
