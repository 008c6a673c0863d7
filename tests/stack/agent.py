"""An agent at the desk of a stack, over HTTP like a browser: cookie, CSRF token, Origin.

agent = AgentClient.hired(stack, "xiaolin", "小林")
agent.take(shopper.session.conversation_id)
agent.reply(cid, "您好", key="first-reply")
"""

from __future__ import annotations

import html
import http.client
import http.cookies
import json
import os
import re
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from typing import TypeVar
from urllib.parse import urlencode, urlsplit

from bot.app.client import FrontUnreachableError
from bot.app.settings import PROJECT_ROOT
from tests.stack.harness import Stack

T = TypeVar("T")

PASSWORD = "三只灰鹭在溪边-2026"
_ZHIXIN = (sys.executable, "-m", "bot.app.cli")
_TOKEN = re.compile(r'name="csrf(?:-token)?" (?:content|value)="([^"]*)"')


@dataclass(frozen=True)
class Got:
    """What the desk answered."""

    status: int
    text: str
    location: str


@dataclass(frozen=True)
class Line:
    """A message as the agent's page shows it."""

    seq: int
    side: str
    text: str


class AgentClient:
    """One logged-in agent; the session outlives the front's process, as a browser's does.

    Args:
        stack: whose front it is.
        login: the account.
    """

    def __init__(self, stack: Stack, login: str) -> None:
        self._stack = stack
        self._login = login
        self._cookies: dict[str, str] = {}
        self._csrf = ""

    @classmethod
    def hired(cls, stack: Stack, login: str, name: str, role: str = "agent") -> AgentClient:
        """Add an account by the command line and log in with it."""
        subprocess.run(
            [*_ZHIXIN, "agent", "add", login, "--name", name, "--role", role, "--password-stdin"],
            input=f"{PASSWORD}\n",
            text=True,
            check=True,
            capture_output=True,
            cwd=PROJECT_ROOT,
            env={**os.environ, **stack.env},
        )
        client = cls(stack, login)
        client.log_in()
        return client

    def log_in(self) -> None:
        """Fill in the login page's form."""
        form = self.get("/desk/login")
        fields = {"csrf": _token(form.text), "login": self._login, "password": PASSWORD}
        got = self._send("POST", "/desk/login", fields)
        assert got.status == 303, got
        self._csrf = _token(self.get("/desk/account").text)

    def get(self, path: str) -> Got:
        """Open a page."""
        return self._send("GET", path)

    def post(self, path: str, fields: Mapping[str, str] | None = None) -> Got:
        """Send a form as the pages' scripts do."""
        return self._send("POST", path, {"csrf": self._csrf, **(fields or {})}, script=True)

    # -- what agents do -----------------------------------------------------------------------------

    def take(self, cid: str) -> Got:
        """Take a conversation over."""
        return self.post(f"/desk/c/{cid}/take")

    def reply(self, cid: str, text: str, key: str | None = None) -> Got:
        """Say something to the shopper."""
        return self.post(f"/desk/c/{cid}/reply", {"text": text, "key": key or uuid.uuid4().hex})

    def back(self, cid: str, outcome: str = "solved") -> Got:
        """Give the conversation back to the bot."""
        return self.post(f"/desk/c/{cid}/back", {"outcome": outcome})

    def transcript(self, cid: str) -> list[Line]:
        """Read what the page shows of a conversation, in its order."""
        got = self._send("GET", f"/desk/c/{cid}/messages?after=0", script=True)
        assert got.status == 200, got
        return lines(json.loads(got.text)["html"])

    def queue(self, view: str = "waiting") -> str:
        """Return the rows of a list."""
        got = self._send("GET", f"/desk/queue?view={view}", script=True)
        assert got.status == 200, got
        return got.text

    @contextmanager
    def at_the_desk(self) -> Iterator[None]:
        """Hold a page's live connection open: the sign that somebody sits there."""
        connection = self._connection()
        try:
            connection.request(
                "GET", "/desk/live", headers={**self._headers(), "Accept": "text/event-stream"}
            )
            response = connection.getresponse()
            assert response.status == 200
            response.readline()  # something came: the connection is known to the desk
            yield
        finally:
            connection.close()

    # -- the wire -----------------------------------------------------------------------------------

    def _send(
        self, method: str, path: str, fields: Mapping[str, str] | None = None, *, script: bool = False
    ) -> Got:
        """Send one request over a connection of its own; none is repeated by itself.

        Raises:
            FrontUnreachableError: no answer came.
        """
        connection = self._connection()
        headers = {**self._headers(), "Accept": "*/*" if script else "text/html"}
        body = None
        if fields is not None:
            body = urlencode(fields)
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        if script:
            headers |= {"HX-Request": "true", "X-CSRF-Token": self._csrf}
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            text = response.read().decode()
        except (OSError, http.client.HTTPException) as exc:
            raise FrontUnreachableError(str(exc)) from exc
        finally:
            connection.close()
        for value in response.headers.get_all("Set-Cookie") or ():
            for name, morsel in http.cookies.SimpleCookie(value).items():
                self._cookies[name] = morsel.value
        return Got(response.status, text, response.headers.get("Location") or "")

    def _connection(self) -> http.client.HTTPConnection:
        parts = urlsplit(self._stack.url)
        return http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)

    def _headers(self) -> dict[str, str]:
        headers = {"Origin": self._stack.url}
        if self._cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        return headers


def _token(page: str) -> str:
    found = _TOKEN.search(page)
    assert found, page[:500]
    return html.unescape(found[1])


def surely(act: Callable[[], T], within_s: float = 30.0) -> T:
    """Do something until an answer comes, as a page's retry button does; the act carries its own key."""
    deadline = time.monotonic() + within_s
    while True:
        try:
            return act()
        except FrontUnreachableError:
            assert time.monotonic() < deadline, "the front never answered"
            time.sleep(0.2)


class _Transcript(HTMLParser):
    """Collects number, side and words of each message of a transcript."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[Line] = []
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        classes = (given.get("class") or "").split()
        if tag == "li" and classes[:1] == ["said"]:
            self.found.append(Line(int(given["data-seq"] or 0), classes[1], ""))
        self._inside = self._inside or (tag == "p" and "words" in classes)

    def handle_endtag(self, tag: str) -> None:
        self._inside = self._inside and tag != "p"

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.found[-1] = replace(self.found[-1], text=self.found[-1].text + data)


def lines(fragment: str) -> list[Line]:
    """Return the messages of a transcript's HTML."""
    parser = _Transcript()
    parser.feed(fragment)
    return parser.found
