"""An agent's browser as the desk's bench drives it: cookie, CSRF token, live connection."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Mapping
from html import unescape
from typing import Any

import aiohttp

from bot.app.output import CommandError

_TOKEN = re.compile(r'name="csrf(?:-token)?" (?:content|value)="([^"]*)"')
_AGENT = re.compile(r'data-agent="([^"]*)"')
_PAGE = {"Accept": "text/html"}


class AgentBrowser:
    """One agent at one front.

    Args:
        session: a client session of its own, whose cookie jar keeps cookies of bare addresses.
        url: the front's address.
    """

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        """Keep where to go; nobody is logged in yet."""
        self._session = session
        self._url = url
        self._csrf = ""
        self.agent_id = ""

    async def log_in(self, login: str, password: str) -> None:
        """Fill in the form of the login page.

        Raises:
            CommandError: the desk refuses.
        """
        form = await self.get("/desk/login")
        fields = {"csrf": _token(form), "login": login, "password": password}
        status, text = await self._send("/desk/login", fields)
        if status != 303:
            raise CommandError(f"the desk refused the bench's agent: {status} {text[:200]}")
        page = await self.get("/desk/account")
        self._csrf = _token(page)
        found = _AGENT.search(page)
        self.agent_id = found[1] if found else ""

    async def get(self, path: str, *, background: bool = False) -> str:
        """Return a page, read to its end; `background` as a page does that refreshes itself.

        Raises:
            CommandError: it is not served.
        """
        headers = {"HX-Request": "true", "X-Desk-Background": "1"} if background else _PAGE
        async with self._session.get(self._url + path, headers=headers) as response:
            text = await response.text()
            if response.status != 200:
                raise CommandError(f"{path} was answered with {response.status}: {text[:200]}")
            return text

    async def post(self, path: str, fields: Mapping[str, str], *, background: bool = False) -> str:
        """Send a form as the pages' scripts do.

        Raises:
            CommandError: it is refused.
        """
        headers = {"X-CSRF-Token": self._csrf, "HX-Request": "true"}
        if background:
            headers["X-Desk-Background"] = "1"
        status, text = await self._send(path, fields, headers)
        if status >= 400:
            raise CommandError(f"{path} was answered with {status}: {text[:200]}")
        return text

    async def _send(
        self, path: str, fields: Mapping[str, str], headers: Mapping[str, str] | None = None
    ) -> tuple[int, str]:
        sent = {**_PAGE, "Origin": self._url, **(headers or {})}
        async with self._session.post(
            self._url + path, data=fields, headers=sent, allow_redirects=False
        ) as response:
            return response.status, await response.text()

    async def live(self) -> AsyncIterator[tuple[str, Any]]:
        """Yield name and data of each event until the connection ends."""
        forever = aiohttp.ClientTimeout(total=None, sock_read=60)
        headers = {"Accept": "text/event-stream"}
        async with self._session.get(self._url + "/desk/live", headers=headers, timeout=forever) as response:
            if response.status != 200:
                raise CommandError(f"the live connection was answered with {response.status}")
            name = ""
            async for raw in response.content:
                field, _, value = raw.decode().rstrip("\r\n").partition(": ")
                if field == "event":
                    name = value
                elif field == "data":
                    yield name, json.loads(value)


def session() -> aiohttp.ClientSession:
    """Return a session for one :class:`AgentBrowser`; close it by `async with`."""
    return aiohttp.ClientSession(
        cookie_jar=aiohttp.CookieJar(unsafe=True),
        timeout=aiohttp.ClientTimeout(total=60),
        connector=aiohttp.TCPConnector(limit=6),  # as a browser has to one host
    )


def _token(page: str) -> str:
    found = _TOKEN.search(page)
    if found is None:
        raise CommandError("a page of the desk carries no token")
    return unescape(found[1])
