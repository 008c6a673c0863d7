"""The bench's peer: what it learns from, how it is talked to, how its figures are laid beside ours."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp
import jwt
import pytest
import yaml
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.app.bench.measure import Figures, Plan, measure
from bot.app.bench.peer import model
from bot.app.bench.peer.compare import table
from bot.app.bench.peer.stack import PeerDriver
from bot.app.bench.script import VISIT
from bot.app.output import CommandError
from bot.app.settings import PROJECT_ROOT
from bot.conversation.assertion import Assertions
from bot.conversation.schema import SHANGHAI

KEY = "k" * 32


class RestChannel:
    """A server that answers as Rasa's REST channel does, and remembers what it was sent."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        self.answer: list[dict[str, str]] = [{"recipient_id": "x", "text": "您好"}]

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/webhook", self._webhook)
        return app

    async def _webhook(self, request: web.Request) -> web.Response:
        self.got.append(await request.json())
        return web.json_response(self.answer)


@pytest.fixture
async def rest() -> AsyncIterator[tuple[RestChannel, PeerDriver]]:
    channel = RestChannel()
    async with TestServer(channel.app()) as server, aiohttp.ClientSession() as session:
        assertions = Assertions(KEY, lambda: datetime.now(SHANGHAI))
        yield channel, PeerDriver(session, str(server.make_url("/webhook")), assertions, ["u1", "u2"])


async def test_each_message_carries_who_writes_signed_for_its_conversation(
    rest: tuple[RestChannel, PeerDriver],
) -> None:
    channel, driver = rest
    assert len(await driver.converse(VISIT[:2])) == 2
    await driver.converse(VISIT[:1])
    said = [
        (
            call["sender"],
            call["message"],
            jwt.decode(call["metadata"]["assertion"], KEY, ["HS256"], audience="zhixin-actions"),
        )
        for call in channel.got
    ]
    assert [(text, claims["sub"]) for _, text, claims in said] == [
        (VISIT[0].text, "u1"),
        (VISIT[1].text, "u1"),
        (VISIT[0].text, "u2"),
    ]
    assert all(claims["cid"] == sender for sender, _, claims in said)
    assert said[0][0] == said[1][0] != said[2][0]


async def test_a_peer_that_says_nothing_is_not_measured(rest: tuple[RestChannel, PeerDriver]) -> None:
    channel, driver = rest
    channel.answer = []
    with pytest.raises(CommandError, match="did not answer"):
        await driver.converse(VISIT[:1])


async def test_the_plan_of_our_stack_measures_the_peer(rest: tuple[RestChannel, PeerDriver]) -> None:
    channel, driver = rest
    plan = Plan(alone=1, crowd=(2, 1), long=1, warm=0, turns=24)
    figures = await measure(driver, {}, plan, None)
    assert len(channel.got) == len(VISIT) * 3 + 24
    assert figures.p95_ms >= figures.p50_ms > 0


def test_stories_are_made_of_rules_that_a_message_begins(tmp_path: Path) -> None:
    file = tmp_path / "rules.yml"
    file.write_text(
        """
version: "3.1"
rules:
  - rule: one
    steps: [{intent: greet}, {action: utter_greet}]
  - rule: in a form
    condition: [{active_loop: a_form}]
    steps: [{intent: stop}, {action: action_stop}]
  - rule: two
    steps: [{intent: thank}, {action: utter_welcome}]
  - rule: a form
    steps: [{intent: cancel_order}, {action: cancel_form}, {active_loop: cancel_form}]
""",
        "utf-8",
    )
    told = [list(story["steps"]) for story in model.stories([file])["stories"]]
    greet = [{"intent": "greet"}, {"action": "utter_greet"}]
    thank = [{"intent": "thank"}, {"action": "utter_welcome"}]
    assert told == [greet, thank, greet + thank]


def test_the_peer_has_parts_of_rasa_alone() -> None:
    config = yaml.safe_load((model.HERE / "config.yml").read_text("utf-8"))
    parts = [part["name"] for part in config["pipeline"] + config["policies"]]
    assert not [part for part in parts if "." in part]
    endpoints = yaml.safe_load((model.HERE / "endpoints.yml").read_text("utf-8"))
    assert endpoints["tracker_store"]["type"] == "SQL"
    assert len(model.stories(sorted((PROJECT_ROOT / "bot/rules").glob("*.yml")))["stories"]) > 50


def test_figures_stand_side_by_side_and_what_was_not_measured_is_a_dash() -> None:
    ours: dict[str, Any] = dict.fromkeys(Figures.__dataclass_fields__, 10.04)
    theirs = ours | {"rss_mb": {"rasa": 1000.4, "actions": 100.0}, "first_message_ms": None}
    rows = list(table(ours | {"rss_mb": {"rasa": 90.0}}, theirs, late_turn=38))
    assert "| memory, RSS of all processes | 90.0 | 1100 | MB |" in rows
    assert "| first message | 10.0 | – | ms |" in rows
    assert "| turn 38 | 10.0 | 10.0 | ms |" in rows
