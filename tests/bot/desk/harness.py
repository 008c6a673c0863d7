"""A whole desk on a real record, with browsers that log in; time stands still until a test moves it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import aiohttp
from argon2 import PasswordHasher
from multidict import CIMultiDictProxy

from bot.app.desk import DESK
from bot.conversation.audit import AuditEntry
from bot.conversation.desk_types import Agent, Role
from bot.conversation.passwords import Passwords
from bot.conversation.schema import SHANGHAI
from bot.desk.parts import PARTS, DeskParts
from tests.bot.conversation.harness import Front

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=SHANGHAI)
#: Real argon2id with the least work, so that hundreds of logins take seconds.
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
PASSWORD = "溪边有三只灰鹭-2026"
ACCEPT = {"Accept": "text/html,application/xhtml+xml"}


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
    headers: CIMultiDictProxy[str]
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
    """The desk of a whole front, with the stand-in for Rasa behind it.

    The front believes `X-Forwarded-For` and `X-Forwarded-Proto` of this machine, so browsers can come from
    anywhere: ``desk.browser(**{"X-Forwarded-For": "203.0.113.7"})``.
    """

    def __init__(self, url: str, rasa_port: int, *, clock: Any = None, **changes: Any) -> None:
        self.clock = clock or Clock()
        changes = {"trusted_proxies": ("127.0.0.0/8",), **changes}
        self.front = Front(url, rasa_port, clock=self.clock, passwords=Passwords(CHEAP), **changes)
        self.parts: DeskParts = self.front.app[DESK][PARTS]
        self.accounts = self.parts.accounts
        self.audit = self.parts.audit
        self.vault = self.parts.vault
        self.hub = self.parts.hub
        self.handover = self.parts.handover
        self.reader = self.parts.reader
        self.database = self.accounts._database
        self._browsers: list[aiohttp.ClientSession] = []

    async def __aenter__(self) -> Desk:
        await self.front.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        for session in self._browsers:
            await session.close()
        await self.front.__aexit__()

    @property
    def origin(self) -> str:
        return self.front.url("")

    def browser(self, **extra: str) -> Browser:
        """Return a browser that nobody has logged in with; `extra` headers go with each request."""
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
