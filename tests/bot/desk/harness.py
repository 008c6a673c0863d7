"""A whole desk on a real record, with browsers that log in; time stands still until a test moves it."""

from __future__ import annotations

import functools
import re
import sqlite3
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer
from argon2 import PasswordHasher

from bot.conversation.accounts import Accounts, SessionLimits
from bot.conversation.audit import Audit, AuditEntry
from bot.conversation.changes import Changes
from bot.conversation.database import Database
from bot.conversation.desk_types import Agent, Presence, Role
from bot.conversation.hub import Hub
from bot.conversation.migrate import upgrade
from bot.conversation.passwords import Passwords
from bot.conversation.schema import SHANGHAI
from bot.desk.app import make_desk
from bot.desk.parts import DeskParts
from bot.desk.transport import SecureCookies, Transport
from persona.privacy.vault import Vault

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=SHANGHAI)
#: Real argon2id with the least work, so that hundreds of logins take seconds.
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
PASSWORD = "溪边有三只灰鹭-2026"
ACCEPT = {"Accept": "text/html,application/xhtml+xml"}


@functools.cache
def _template() -> bytes:
    """An empty record, migrated once for all tests."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "record.db"
        upgrade(f"sqlite:///{path}")
        with sqlite3.connect(path) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return path.read_bytes()


def empty_record(folder: Path) -> str:
    """Make a record with its tables; return its URL."""
    path = folder / "record.db"
    path.write_bytes(_template())
    return f"sqlite:///{path}"


class Clock:
    """The present, moved by tests."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **spans: float) -> None:
        self.now += timedelta(**spans)


@dataclass
class Page:
    """What a browser got."""

    status: int
    text: str
    headers: Mapping[str, str]
    cookies: Mapping[str, Any]

    @property
    def csrf(self) -> str:
        """The token that the page carries, in its head or its first form."""
        found = re.search(r'name="csrf-token" content="([^"]*)"', self.text) or re.search(
            r'name="csrf" value="([^"]*)"', self.text
        )
        return found[1] if found else ""


@dataclass
class Browser:
    """A browser with its cookies; writes carry what its pages would send."""

    desk: Desk
    session: aiohttp.ClientSession
    csrf: str = ""
    extra: dict[str, str] = field(default_factory=dict)

    async def get(self, path: str, **headers: str) -> Page:
        return await self.request("GET", path, headers={**ACCEPT, **headers})

    async def post(
        self, path: str, data: Mapping[str, Any] | None = None, *, csrf: str | None = None, **headers: str
    ) -> Page:
        sent = {**ACCEPT, "Origin": self.desk.origin, **headers}
        token = self.csrf if csrf is None else csrf
        return await self.request("POST", path, data={"csrf": token, **(data or {})}, headers=sent)

    async def request(self, method: str, path: str, **options: Any) -> Page:
        headers = {**self.extra, **options.pop("headers", {})}
        url = self.desk.origin + path
        async with self.session.request(
            method, url, headers=headers, allow_redirects=False, **options
        ) as got:
            return Page(got.status, await got.text(), got.headers, got.cookies)

    async def log_in(self, login: str, password: str = PASSWORD, **data: str) -> Page:
        """Fill in the login form as it is served."""
        form = await self.get("/desk/login")
        got = await self.post("/desk/login", {"login": login, "password": password, **data}, csrf=form.csrf)
        if got.status == 303:
            self.csrf = (await self.get("/desk/account")).csrf
        return got


class Desk:
    """The desk of this process; `parts` of a test may be exchanged before it starts."""

    def __init__(
        self,
        url: str,
        *,
        limits: SessionLimits | None = None,
        cookies: SecureCookies = SecureCookies.AUTO,
        loopback_demo: bool = True,
    ) -> None:
        self.clock = Clock()
        self.database = Database(url)
        self.vault = Vault.from_text("k1=" + "A" * 43)
        self.hub = Hub()
        passwords = Passwords(CHEAP)
        self.accounts = Accounts(
            self.database, self.vault, self.clock, passwords=passwords, limits=limits or SessionLimits()
        )
        self.audit = Audit(self.database, self.clock)
        self.parts = DeskParts(
            handover=Presences(self.database),  # type: ignore[arg-type]
            reader=Nothing(),  # type: ignore[arg-type]
            accounts=self.accounts,
            audit=self.audit,
            shop=None,
            vault=self.vault,
            clock=self.clock,
            transport=Transport(
                scheme=lambda request: request.headers.get("X-Forwarded-Proto", request.scheme),
                cookies=cookies,
                loopback_demo=loopback_demo,
            ),
            changes=Changes(self.database),
            hub=self.hub,
            net=lambda request: self.vault.blind(request.headers.get("X-Test-Address", "10.0.0.1"), "net"),
        )
        self.app = make_desk(self.parts)
        outer = web.Application()
        outer.add_subapp("/desk", self.app)
        self.server = TestServer(outer, host="127.0.0.1")
        self._browsers: list[aiohttp.ClientSession] = []

    async def __aenter__(self) -> Desk:
        await self.server.start_server()
        return self

    async def __aexit__(self, *_: object) -> None:
        for session in self._browsers:
            await session.close()
        await self.server.close()
        await self.database.close()

    @property
    def origin(self) -> str:
        return str(self.server.make_url("/")).rstrip("/")

    def browser(self, **extra: str) -> Browser:
        """Return a browser that nobody has logged in with."""
        jar = aiohttp.CookieJar(unsafe=True)
        session = aiohttp.ClientSession(cookie_jar=jar, timeout=aiohttp.ClientTimeout(total=20))
        self._browsers.append(session)
        return Browser(self, session, extra=extra)

    async def add(self, login: str, role: Role = Role.AGENT, name: str = "") -> Agent:
        return await self.accounts.add(login, name or f"客服{login}", role, PASSWORD)

    async def logged_in(self, login: str, role: Role = Role.AGENT, name: str = "") -> Browser:
        """Make an account and return a browser that is logged in with it."""
        await self.add(login, role, name)
        browser = self.browser()
        got = await browser.log_in(login)
        assert got.status == 303, got.text
        return browser

    async def log(self) -> list[AuditEntry]:
        """The audit log, the oldest line first."""
        return list(reversed(await self.audit.read()))


class Presences:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def set_presence(self, agent_id: str, presence: Presence) -> None:
        from bot.conversation.desk_schema import agents

        await self._database.write(
            lambda c: c.execute(
                agents.update().where(agents.c.id == agent_id).values(presence=Presence(presence).value)
            )
        )

    async def sign_of_life(self, agent_id: str) -> None:
        pass


class Nothing:
    async def counts(self, agent_id: str) -> Mapping[str, int]:
        return {}
