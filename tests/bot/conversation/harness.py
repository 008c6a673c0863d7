"""A whole front on a free port against the stand-in for Rasa, with a client that speaks its API."""

from __future__ import annotations

import asyncio
import functools
import itertools
import json
import sqlite3
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp.test_utils import TestServer

from bot.app.front import compose, shanghai_now
from bot.app.front_settings import FrontSettings
from bot.channels.limits import Rate, RateLimits
from bot.channels.serving import Defences, GuardedRunner
from bot.channels.tokens import Tokens, parse_keys
from bot.conversation.duty import Duty
from bot.conversation.listening import Heard, Line, Listener, Read
from bot.conversation.migrate import upgrade
from bot.conversation.passwords import Passwords
from bot.conversation.service import Conversations
from bot.conversation.worker import Patience
from persona.privacy.vault import Vault
from persona.temperament.types import Belief, Temperament
from tests.bot.conversation.rasa_stub import RasaStub

DATA_KEYS = "k1=" + "A" * 43
ASSERTION_KEY = "assertion-key-for-tests-0123456789abcdef"
TOKEN_KEYS = "new=" + "n" * 40 + ",old=" + "o" * 40
OPEN_LIMITS = RateLimits(*[Rate(1e5, 1e5)] * 5)
QUICK = Patience(looking=0.15, apology=0.4, first_retry=0.02, longest_retry=0.1, most_broken=4, sweep=0.1)
#: On a channel all that is said is delivered: a slow machine must not add waiting lines to what is counted.
PATIENT = replace(QUICK, looking=20.0, apology=40.0)


@dataclass(frozen=True)
class Button:
    title: str
    payload: str


@dataclass(frozen=True)
class Utterance:
    text: str
    buttons: tuple[Button, ...] = ()


QUEUE_BUTTONS = (
    Button("不等了", "front:cancel_wait"),
    Button("回电给我", "front:call_back"),
    Button("继续等", "front:keep_waiting"),
)


class Speaker:
    """Says the name of the response and its facts, so that tests see which line was spoken."""

    def say(
        self, response: str, facts: Mapping[str, Any], style: str, options: Sequence[Any] = ()
    ) -> Utterance:
        text = f"{response}/{style}" + "".join(f" {k}={v}" for k, v in facts.items())
        if options:
            steps = (Button(o["id"], f"/{o['id']}{json.dumps(o['args'])}") for o in options)
            return Utterance(text, tuple(steps))
        buttons = {
            "utter_apology": (Button("找人工", "/ask_human"),),
            "utter_privacy_notice": (Button("关闭", "/personalisation_off"),),
            "utter_queue_joined": QUEUE_BUTTONS,
            "utter_queue_nobody": QUEUE_BUTTONS,
            "utter_queue_still": QUEUE_BUTTONS,
        }
        return Utterance(text, buttons.get(response, ()))


def small_engine() -> Read:
    """An engine that reads in a moment: the mood and signals of single words, and a turn more of belief."""

    def read(text: str, belief: Mapping[str, Any] | None, before: Sequence[Line], at: float) -> Heard:
        known = Belief.from_json(belief) if belief else Belief(prior=(-1.4, -1.4, -1.4, -1.4))
        after = replace(known, turns=known.turns + 1, served=Temperament.PERFECT)
        signals = [{"name": name, "text": word} for word, name in SIGNALS.items() if word in text]
        mood = "angry" if "气" in text else "calm"
        reading = {
            "temperament": "perfect",
            "mood": mood,
            "signals": signals,
            "evidence": [],
            "before": [line.text for line in before],
        }
        names = frozenset(signal["name"] for signal in signals)
        return Heard(reading, after.to_json(), "perfect", mood, names)

    return read


SIGNALS = {"冒烟": "safety", "12315": "threat", "算了": "giving_up"}


def settings_for(url: str, rasa_port: int, **changes: Any) -> FrontSettings:
    made = FrontSettings(
        record_url=url,
        data_keys=DATA_KEYS,
        assertion_key=ASSERTION_KEY,
        rasa_secret="s" * 40,
        token_keys=TOKEN_KEYS,
        demo=True,
        rasa_port=rasa_port,
        action_port=rasa_port,
        limits=OPEN_LIMITS,
    )
    return replace(made, **changes)


def token(customer_id: str, clock: Callable[[], datetime] = shanghai_now) -> str:
    return Tokens(parse_keys(TOKEN_KEYS), "zhixin", "zhixin-shoppers", clock).sign(customer_id)[0]


def vault() -> Vault:
    return Vault.from_text(DATA_KEYS)


@dataclass
class Answer:
    status: int
    json: Any
    headers: Mapping[str, str]


@dataclass
class Shopper:
    """One conversation as its shopper's program sees it."""

    front: Front
    conversation_id: str
    secret: str
    opening: list[dict[str, Any]]
    _ids: Any = field(default_factory=lambda: itertools.count(1))

    @property
    def headers(self) -> dict[str, str]:
        return {"X-Conversation-Secret": self.secret}

    async def post(self, **body: Any) -> Answer:
        whole = {"conversation_id": self.conversation_id, "message_id": f"m_{next(self._ids)}", **body}
        return await self.front.request("POST", "/api/v1/chat", json=whole, headers=self.headers)

    async def say(self, text: str, message_id: str | None = None) -> list[dict[str, Any]]:
        more = {} if message_id is None else {"message_id": message_id}
        got = await self.post(text=text, **more)
        assert got.status == 200, got.json
        replies: list[dict[str, Any]] = got.json["replies"]
        return replies

    async def messages(self, after: int = 0) -> list[dict[str, Any]]:
        path = f"/api/v1/conversations/{self.conversation_id}/messages?after={after}"
        got = await self.front.request("GET", path, headers=self.headers)
        assert got.status == 200, got.json
        messages: list[dict[str, Any]] = got.json["messages"]
        return messages


@functools.cache
def _template() -> bytes:
    """An empty record, migrated once for all tests."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "record.db"
        upgrade(f"sqlite:///{path}")
        with sqlite3.connect(path) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return path.read_bytes()


def _migrated(url: str) -> None:
    path = Path(url.removeprefix("sqlite:///"))
    if not url.startswith("sqlite"):
        upgrade(url)
    elif not path.exists():
        path.write_bytes(_template())


class _Server(TestServer):
    """The test server with the defences of the real one."""

    defences: Defences | None = None

    async def _make_runner(self, **options: Any) -> GuardedRunner:
        return GuardedRunner(self.app, self.defences, **options)


class Front:
    """A front of this process; several may share a record."""

    def __init__(
        self,
        url: str,
        rasa_port: int,
        *,
        patience: Patience | None = None,
        clock: Callable[[], datetime] = shanghai_now,
        duty: Duty | None = None,
        listener: Listener | None = None,
        passwords: Passwords | None = None,
        speaker: Any = None,
        shop: Any = None,
        defences: Defences | None = None,
        port: int | None = None,
        **changes: Any,
    ) -> None:
        _migrated(url)
        self._clock = clock
        self.settings = settings_for(url, rasa_port, **changes)
        self.conversations: Conversations
        app, self.conversations = compose(
            self.settings,
            speaker or Speaker(),
            patience=patience or (PATIENT if changes.get("channels") else QUICK),
            clock=clock,
            duty=duty,
            listener=listener or Listener(small_engine),
            passwords=passwords,
            shop=shop,
        )
        self.app = app
        self.server = _Server(app, host="127.0.0.1", port=port)
        self.server.defences = defences
        self.session: aiohttp.ClientSession

    async def __aenter__(self) -> Front:
        await self.server.start_server()
        await self.conversations.start()
        self.session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.session.close()
        await self.server.close()
        await self.conversations.close()

    def url(self, path: str) -> str:
        return str(self.server.make_url("/")).rstrip("/") + path

    async def request(self, method: str, path: str, **options: Any) -> Answer:
        async with self.session.request(method, self.url(path), **options) as got:
            raw = await got.read()
            return Answer(got.status, json.loads(raw) if raw else None, got.headers)

    async def open(self, customer_id: str | None = None, **headers: str) -> Shopper:
        if customer_id is not None:
            headers["Authorization"] = f"Bearer {token(customer_id, self._clock)}"
        got = await self.request("POST", "/api/v1/conversations", json={}, headers=headers)
        assert got.status == 201, got.json
        return Shopper(self, got.json["conversation_id"], got.json["secret"], got.json["replies"])


async def until(condition: Callable[[], Any], seconds: float = 20) -> None:
    """Wait until the condition holds; the time limit only ends a test that has failed."""

    async def poll() -> None:
        while not condition():  # noqa: ASYNC110  # what is waited for happens in other processes too
            await asyncio.sleep(0.02)

    await asyncio.wait_for(poll(), seconds)


def rows(path: Path, query: str, *values: Any) -> list[Any]:
    """Look into the record's file behind the front's back."""
    with sqlite3.connect(path) as connection:
        return connection.execute(query, values).fetchall()


__all__ = ["Front", "RasaStub", "Shopper", "Speaker", "rows", "settings_for", "token", "until", "vault"]
