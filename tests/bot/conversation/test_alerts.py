"""Groups of agents are told of each hand-over, and once of who waits too long; never anything of the shopper.

The robots' forms: https://open.dingtalk.com/document/robots/customize-robot-security-settings and
https://open.feishu.cn/document/client-docs/bot-v3/add-custom-bot; the signatures' inputs are the documents'
own, their values were published by implementations that computed them independently.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
import pytest_asyncio
import yaml
from aiohttp import web
from aiohttp.test_utils import TestServer
from sqlalchemy import select

from bot.app import checks
from bot.app.events import ShopEvents
from bot.conversation import alerts
from bot.conversation.alerts import GroupKind, GroupRobot, dingtalk_sign, feishu_sign
from bot.conversation.events_schema import webhook_outbox
from bot.conversation.outbox_rows import ALERTED_FOR
from tests.bot.conversation.desk_harness import NOON, Clock, Desk, Hours
from tests.bot.conversation.harness import QUICK, Front, until
from tests.bot.conversation.rasa_stub import RasaStub, answer

WISH = {"type": "directive", "directive": "request_human", "reason": "退款", "live": True}
DINGTALK, FEISHU = "/robot/send?access_token=abc", "/open-apis/bot/v2/hook/abc"


@dataclass
class Groups:
    """A group of DingTalk and one of Feishu: their robots check signatures and keep what they are told."""

    dingtalk: list[str] = field(default_factory=list)
    feishu: list[str] = field(default_factory=list)
    answers: list[dict[str, Any]] = field(default_factory=list)
    calls: int = 0
    server: TestServer | None = None

    async def __aenter__(self) -> Groups:
        app = web.Application()
        app.router.add_post("/robot/send", self._dingtalk)
        app.router.add_post("/open-apis/bot/v2/hook/abc", self._feishu)
        self.server = TestServer(app, host="127.0.0.1")
        await self.server.start_server()
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self.server is not None
        await self.server.close()

    @property
    def urls(self) -> tuple[str, str]:
        assert self.server is not None
        origin = str(self.server.make_url("")).rstrip("/")
        return f"{origin}{DINGTALK}#SEC1", f"{origin}{FEISHU}#key2"

    async def _dingtalk(self, request: web.Request) -> web.Response:
        self.calls += 1
        if self.answers:
            return web.json_response(self.answers.pop(0))
        query = request.query
        if query["sign"] != dingtalk_sign(query["timestamp"], "SEC1"):
            return web.json_response({"errcode": 310000, "errmsg": "sign not match"})
        said = await request.json()
        assert said["msgtype"] == "text"
        self.dingtalk.append(said["text"]["content"])
        return web.json_response({"errcode": 0, "errmsg": "ok"})

    async def _feishu(self, request: web.Request) -> web.Response:
        said = await request.json()
        if said["sign"] != feishu_sign(said["timestamp"], "key2"):
            return web.json_response({"code": 19021, "msg": "sign match fail"})
        self.feishu.append(said["content"]["text"])
        return web.json_response({"StatusCode": 0, "StatusMessage": "success", "code": 0})


@pytest_asyncio.fixture
async def groups() -> AsyncIterator[Groups]:
    async with Groups() as made:
        yield made


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest_asyncio.fixture
async def front(url: str, rasa: RasaStub, clock: Clock, groups: Groups) -> AsyncIterator[Front]:
    async with Front(
        url,
        rasa.port,
        clock=clock,
        duty=Hours(),
        patience=replace(QUICK, sweep=3600.0),
        alert_urls=groups.urls,
        public_url="https://chat.shop.example",
    ) as made:
        await beside(made).alerts.close()  # the tests look by hand
        yield made


def beside(front: Front) -> ShopEvents:
    found: Any = front.conversations.beside
    return found if isinstance(found, ShopEvents) else found.events


async def rows(front: Front) -> list[Any]:
    database = front.conversations._store.database
    return await database.read(
        lambda c: list(c.execute(select(webhook_outbox).order_by(webhook_outbox.c.id)))
    )


async def until_rows(front: Front, condition: Callable[[list[Any]], bool]) -> None:
    """Wait until the outbox is as wanted; the time limit only ends a test that has failed."""

    async def poll() -> None:
        while not condition(await rows(front)):
            beside(front)._webhooks.wake()
            await asyncio.sleep(0.02)

    await asyncio.wait_for(poll(), 20)


async def wants_a_person(front: Front, rasa: RasaStub) -> str:
    shopper = await front.open("u1001")
    rasa.script = lambda request: answer(request, [{"custom": WISH}])
    await shopper.say("我叫王小明，电话 13800138000，我要人工")
    return shopper.conversation_id


async def test_a_hand_over_is_told_at_once_and_a_long_wait_once(
    front: Front, rasa: RasaStub, groups: Groups, clock: Clock
) -> None:
    desk = Desk(front)
    agent = await desk.hire("小林", most=1)
    cid = await wants_a_person(front, rasa)
    await until(lambda: len(groups.dingtalk) == len(groups.feishu) == 1)
    link = f"接待：https://chat.shop.example/desk/c/{cid}"
    assert groups.dingtalk == groups.feishu == [f"【知心】有会话要人工处理：顾客要求人工（12:00）\n{link}"]

    watch = beside(front).alerts
    clock.pass_by(minutes=2, seconds=59)
    assert await watch.look() == 0
    clock.pass_by(minutes=1)
    assert await watch.look() == 1
    assert await watch.look() == 0  # once, whoever looks
    beside(front)._webhooks.wake()
    await until(lambda: len(groups.dingtalk) == len(groups.feishu) == 2)
    assert groups.feishu[1] == f"【知心】有顾客等人工已超过 3 分钟：顾客要求人工（12:00起）\n{link}"
    clock.pass_by(minutes=30)
    assert await watch.look() == 0

    for row in await rows(front):
        assert row.address in (1001, 1002)
        body = json.loads(row.body)
        assert set(body) == {"delivery_id", "kind", "at", "conversation_id", "data"}
        assert set(body["data"]) <= {"escalation_id", "reason", "live", "minutes", "since"}
    # The next hand-over of the conversation is a new one; what an agent takes over at once is no wait.
    await desk.hands.take_over(cid, agent)
    await desk.hands.hand_back(cid, agent, outcome="solved")
    assert await watch.look() == 0 and len(await rows(front)) == 4


async def test_who_is_looked_after_is_no_alert(
    front: Front, rasa: RasaStub, groups: Groups, clock: Clock
) -> None:
    desk = Desk(front)
    agent = await desk.hire("小林")
    taken = await wants_a_person(front, rasa)
    await desk.hands.take_over(taken, agent)
    stepped_in = (await front.open("u1002")).conversation_id
    await desk.hands.take_over(stepped_in, agent)
    clock.pass_by(minutes=10)
    assert await beside(front).alerts.look() == 0
    assert {json.loads(row.body)["conversation_id"] for row in await rows(front)} == {taken}


@pytest.mark.parametrize("too_fast", [130101, 410100])
async def test_a_robot_that_does_not_take_it_is_tried_again_in_order(
    front: Front, rasa: RasaStub, groups: Groups, clock: Clock, too_fast: int
) -> None:
    groups.answers = [
        {"errcode": 310000, "errmsg": "sign not match"},
        {"errcode": too_fast, "errmsg": "too fast"},
    ]
    await Desk(front).hire("小林")
    await wants_a_person(front, rasa)
    await until(lambda: groups.calls == 1)
    await until(lambda: len(groups.feishu) == 1)  # the other group waits for nobody
    await until_rows(front, lambda found: found[0].tries == 1)  # noted, before the clock goes on
    clock.pass_by(minutes=4)
    assert await beside(front).alerts.look() == 1
    beside(front)._webhooks.wake()
    await until(lambda: groups.calls == 2)
    await until(lambda: len(groups.feishu) == 2)
    assert not groups.dingtalk

    await until_rows(
        front, lambda found: next(r.trouble for r in found if r.address == 1001) == f"dingtalk_{too_fast}"
    )
    first, *_ = (row for row in await rows(front) if row.address == 1001)
    assert (first.due_at - clock.now).total_seconds() >= 600
    clock.pass_by(minutes=11)
    beside(front)._webhooks.wake()
    await until(lambda: len(groups.dingtalk) == 2)
    assert "要人工处理" in groups.dingtalk[0] and "已超过" in groups.dingtalk[1]


async def test_an_old_alert_is_given_up(front: Front, rasa: RasaStub, groups: Groups, clock: Clock) -> None:
    groups.answers = [{"errcode": -1}] * 9
    await Desk(front).hire("小林")
    await wants_a_person(front, rasa)
    await until_rows(front, lambda found: found[0].tries == 1)
    clock.now += ALERTED_FOR
    beside(front)._webhooks.wake()

    await until_rows(front, lambda found: any((r.state, r.address) == ("aside", 1001) for r in found))


@pytest.mark.parametrize(
    ("secret", "stamp", "value"),
    [
        ("this is secret", "1577262236757", "hmPWwU+7lVdm3ZZz0r9tSfx0L4Q26jWOZr9+Gs6EZQM="),
        ("this is a secret", "1577262236757", "DJrE6qdyVGCQz9z5r2MDuNcNAhwYnuAkyj13cx169CA="),
    ],
)
def test_dingtalks_signature(secret: str, stamp: str, value: str) -> None:
    assert dingtalk_sign(stamp, secret) == value


def test_feishus_signature_has_its_text_as_the_key() -> None:
    assert feishu_sign("1599360473", "demo") == "l1N0gAcBjdwBvGm1xMjOF0XSyaLRpR7tuO5dHfhAYc8="
    assert feishu_sign("1599360473", "demo-secret") == "3/MaVZ8JLIy4TUG+7KSFJqvUkTKd+HWY8g+56DZWq8s="


def test_addresses_are_understood_and_never_shown() -> None:
    robot = GroupRobot.parse("https://oapi.dingtalk.com/robot/send?access_token=hidden#SEChidden")
    assert (robot.kind, robot.secret) == (GroupKind.DINGTALK, "SEChidden") and "hidden" not in repr(robot)
    address, body = robot.request("x", NOON)
    assert parse_qs(address.partition("?")[2])["sign"] == [dingtalk_sign("1795406400000", "SEChidden")]
    assert body == {"msgtype": "text", "text": {"content": "x"}}
    plain = GroupRobot.parse("https://open.feishu.cn/open-apis/bot/v2/hook/hidden")
    assert plain.request("x", NOON)[1] == {"msg_type": "text", "content": {"text": "x"}}
    for wrong in (
        "http://oapi.dingtalk.com/robot/send?access_token=hidden",
        "https://oapi.dingtalk.com/robot/send?hidden",
        "https://example.com/hidden",
        "hidden",
        "",
    ):
        with pytest.raises(ValueError) as caught:
            GroupRobot.parse(wrong)
        assert "hidden" not in str(caught.value)
        if wrong:
            with pytest.raises(ValueError):
                checks._groups(wrong)


def test_the_words_name_every_reason_as_the_desk_does() -> None:
    labels = Path(alerts.__file__).parents[1] / "desk" / "labels.yml"
    desk = yaml.safe_load(labels.read_text(encoding="utf-8"))
    assert alerts.words()["reasons"] == desk["reason"]
    later = {
        "kind": "escalated",
        "at": NOON.isoformat(),
        "conversation_id": "c_1",
        "data": {"reason": "safety", "live": False},
    }
    assert alerts.message(later, "").startswith("【知心】有会话留给人工：人身安全（12:00）")
    assert alerts.message(later, "").endswith("\n会话 c_1")
