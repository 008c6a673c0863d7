"""The WebSocket: who may connect, what is pushed, what is refused."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import jsonschema
import pytest

from bot.channels.openapi_schemas import SCHEMAS
from bot.channels.socket import TOO_LATE, UNAUTHORISED, Socket
from bot.conversation.types import Owner
from tests.bot.conversation.desk_harness import Desk
from tests.bot.conversation.harness import QUICK, Front, Shopper
from tests.bot.conversation.rasa_stub import BELIEF, RasaStub, answer

FRAME = {"$ref": "#/components/schemas/ServerFrame", "components": {"schemas": SCHEMAS}}


class Connection:
    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def send(self, **frame: Any) -> None:
        await self.socket.send_json(frame)

    async def next(self) -> dict[str, Any]:
        frame: dict[str, Any] = await asyncio.wait_for(self.socket.receive_json(), 10)
        return frame

    async def closed(self) -> int | None:
        while True:
            message = await asyncio.wait_for(self.socket.receive(), 10)
            if message.type is aiohttp.WSMsgType.CLOSE:
                return int(message.data)
            if message.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSING):
                return self.socket.close_code


def serving(front: Front) -> Socket:
    """Return the route's object."""
    routes = front.server.app.router.routes()
    (socket,) = {
        route.handler.__self__
        for route in routes
        if isinstance(getattr(route.handler, "__self__", None), Socket)
    }
    return socket


async def connect(front: Front, **options: Any) -> Connection:
    return Connection(await front.session.ws_connect(front.url("/api/v1/ws"), **options))


async def enter(front: Front, shopper: Shopper, *, owner: str = "BOT", **more: Any) -> Connection:
    connection = await connect(front)
    await connection.send(type="auth", conversation_id=shopper.conversation_id, secret=shopper.secret, **more)
    assert (await connection.next()) == {
        "type": "ready",
        "conversation_id": shopper.conversation_id,
        "owner": owner,
    }
    return connection


@pytest.fixture
async def shopper(front: Front, rasa: RasaStub) -> Shopper:
    rasa.script = lambda request: answer(request, belief=None)
    return await front.open()


async def test_all_messages_are_sent_and_new_ones_pushed(front: Front, shopper: Shopper) -> None:
    connection = await enter(front, shopper)
    old = [await connection.next() for _ in range(2)]
    assert [f["message"]["type"] for f in old] == ["notice", "text"]
    await connection.send(type="message", message_id="m_1", text="在吗")
    frames = [await connection.next() for _ in range(3)]
    accepted = next(f for f in frames if f["type"] == "accepted")
    assert accepted["message_id"] == "m_1" and accepted["repeated"] is False
    pushed = [f["message"] for f in frames if f["type"] == "message"]
    assert [(m["author"], m["text"]) for m in pushed] == [("shopper", "在吗"), ("bot", "答：在吗")]
    assert pushed == (await shopper.messages())[-2:]


async def test_replay_after_a_point_and_messages_of_another_connection(
    front: Front, shopper: Shopper
) -> None:
    seen = (await shopper.messages())[-1]["seq"]
    await shopper.say("一")
    connection = await enter(front, shopper, after=seen)
    assert [(await connection.next())["message"]["text"] for _ in range(2)] == ["一", "答：一"]
    await shopper.say("二")  # by REST
    assert [(await connection.next())["message"]["text"] for _ in range(2)] == ["二", "答：二"]


async def test_what_another_front_records_is_pushed(rasa: RasaStub, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'record.db'}"
    patience = replace(QUICK, looking=20.0, apology=30.0)
    async with (
        Front(url, rasa.port, patience=patience) as first,
        Front(url, rasa.port, patience=patience) as second,
    ):
        rasa.script = lambda request: answer(request, belief=None)
        shopper = await first.open()
        seen = (await shopper.messages())[-1]["seq"]
        connection = await enter(second, shopper, after=seen)
        await shopper.say("在吗")
        assert [(await connection.next())["message"]["text"] for _ in range(2)] == ["在吗", "答：在吗"]


async def test_a_button_by_socket_and_a_repeated_message(
    front: Front, shopper: Shopper, rasa: RasaStub
) -> None:
    seen = (await shopper.messages())[-1]["seq"]
    connection = await enter(front, shopper, after=seen)
    button = shopper.opening[0]["buttons"][0]["id"]
    await connection.send(type="message", message_id="m_1", button=button)
    for _ in range(3):
        await connection.next()
    assert rasa.calls[-1]["payload"] == "/personalisation_off"
    await connection.send(type="message", message_id="m_1", button=button)
    assert (await connection.next())["repeated"] is True
    await connection.send(type="message", message_id="m_1", text="别的")
    refused = await connection.next()
    assert refused["error"]["code"] == "message_conflict" and refused["message_id"] == "m_1"


async def test_a_change_of_owner_is_told(front: Front, shopper: Shopper) -> None:
    connection = await enter(front, shopper, after=10**6)
    await front.conversations._store.change_owner(
        shopper.conversation_id, Owner.WAITING, by="bot", reason="x"
    )
    assert await connection.next() == {"type": "owner", "owner": "WAITING"}


async def test_who_answers_is_told_with_place_and_name(
    front: Front, shopper: Shopper, rasa: RasaStub
) -> None:
    desk = Desk(front)
    agent = await desk.hire("小陈", presence="busy")
    connection = await enter(front, shopper, after=10**6)
    wish = {"type": "directive", "directive": "request_human", "reason": "转人工", "live": True}
    rasa.script = lambda request: answer(request, [{"text": "转"}, {"custom": wish}], belief=None)
    await shopper.say("转人工")
    waiting = await connection.next()
    assert (waiting["type"], waiting["owner"], waiting["queue"]["position"]) == ("owner", "WAITING", 1)
    jsonschema.validate(waiting, FRAME)
    await desk.hands.take_over(shopper.conversation_id, agent)
    held = await connection.next()
    assert held == {"type": "owner", "owner": "HUMAN", "agent": {"name": "小陈"}}
    jsonschema.validate(held, FRAME)
    later = await enter(front, shopper, owner="HUMAN", after=10**6)
    assert await later.next() == held  # a page opened meanwhile learns the name too
    await desk.hands.hand_back(shopper.conversation_id, agent, outcome="solved")
    assert await connection.next() == {"type": "owner", "owner": "BOT"}


async def test_the_place_in_the_queue_is_told_again_when_it_moves(
    rasa: RasaStub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.conversation.service._HUB_POLL", 3600.0)  # no news: others move the queue
    wish = {"type": "directive", "directive": "request_human", "reason": "转人工", "live": True}
    rasa.script = lambda request: answer(request, [{"text": "转"}, {"custom": wish}], belief=None)
    async with Front(f"sqlite:///{tmp_path / 'record.db'}", rasa.port) as front:
        serving(front)._look_s = 0.05
        desk = Desk(front)
        agent = await desk.hire("小陈", presence="busy")
        first, second = await front.open(), await front.open()
        await first.say("转人工")
        await second.say("转人工")
        connection = await enter(front, second, owner="WAITING", after=10**6)
        assert (await connection.next())["queue"]["position"] == 2
        await desk.hands.take_over(first.conversation_id, agent)
        assert (await connection.next())["queue"]["position"] == 1


async def test_a_change_of_dress_is_told(front: Front, shopper: Shopper, rasa: RasaStub) -> None:
    rasa.script = answer
    await shopper.say("在吗")  # power is served, but not firm
    connection = await enter(front, shopper, after=10**6)
    rasa.script = lambda request: answer(request, belief={**BELIEF, "evidence": [9, 0, 0, 0]})
    await shopper.say("快点")
    assert await connection.next() == {"type": "style", "style": "power"}
    path = f"/api/v1/conversations/{shopper.conversation_id}/personalisation"
    await front.request("PUT", path, json={"on": False}, headers=shopper.headers)
    assert await connection.next() == {"type": "style", "style": "neutral"}


async def test_ping(front: Front, shopper: Shopper) -> None:
    connection = await enter(front, shopper, after=10**6)
    await connection.send(type="ping")
    assert await connection.next() == {"type": "pong"}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"secret": "wrong"}, "not_found"),
        ({"conversation_id": "c_unknown"}, "not_found"),
        ({"type": "message"}, "auth_expected"),
        ({"secret": 5}, "invalid_field"),
        ({"after": -1}, "invalid_field"),
        ({"after": True}, "invalid_field"),
        ({"token": "x"}, "unknown_field"),
    ],
)
async def test_wrong_authentication(
    front: Front, shopper: Shopper, changes: dict[str, Any], code: str
) -> None:
    connection = await connect(front)
    first = {"type": "auth", "conversation_id": shopper.conversation_id, "secret": shopper.secret, **changes}
    await connection.send(**first)
    assert (await connection.next())["error"]["code"] == code
    assert await connection.closed() == UNAUTHORISED


@pytest.mark.parametrize("data", ["{", "[]", '"x"', "\x00"])
async def test_a_first_frame_that_is_no_object(front: Front, data: str) -> None:
    connection = await connect(front)
    await connection.socket.send_str(data)
    assert (await connection.next())["error"]["code"] == "bad_json"
    assert await connection.closed() == UNAUTHORISED


async def test_whoever_says_nothing_is_sent_away(front: Front) -> None:
    serving(front)._auth_s = 0.05
    connection = await connect(front)
    assert await connection.closed() == TOO_LATE


@pytest.mark.parametrize(
    "frame",
    [
        {"type": "message", "text": "在吗"},
        {"type": "message", "message_id": "m", "text": ""},
        {"type": "message", "message_id": "m", "text": "字" * 1001},
        {"type": "message", "message_id": "m", "text": "a\ud800"},
        {"type": "message", "message_id": "m", "button": "b_unknown"},
        {"type": "message", "message_id": "m", "text": "a", "more": 1},
        {"type": "what"},
        {},
        {"type": "ping", "more": 1},
    ],
)
async def test_wrong_frames_are_refused_and_the_connection_goes_on(
    front: Front, shopper: Shopper, frame: dict[str, Any]
) -> None:
    before = await shopper.messages()
    connection = await enter(front, shopper, after=10**6)
    await connection.send(**frame)
    refused = await connection.next()
    assert refused["type"] == "error" and refused["error"]["code"] and refused["error"]["message"]
    await connection.send(type="ping")
    assert await connection.next() == {"type": "pong"}
    assert await shopper.messages() == before


async def test_a_peer_that_sends_nothing_but_nonsense_is_sent_away(front: Front, shopper: Shopper) -> None:
    connection = await enter(front, shopper, after=10**6)
    for _ in range(12):
        await connection.socket.send_bytes(b"\xff")
    assert await connection.closed() == aiohttp.WSCloseCode.POLICY_VIOLATION


async def test_pages_of_the_own_origin_may_connect_and_others_not(front: Front, shopper: Shopper) -> None:
    own = front.url("")
    connection = await connect(front, origin=own)
    await connection.send(type="auth", conversation_id=shopper.conversation_id, secret=shopper.secret)
    assert (await connection.next())["type"] == "ready"
    for origin in (
        "https://evil.example",
        "null",
        own.replace("127.0.0.1", "127.0.0.1.evil.example"),
        "file://",
    ):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await connect(front, origin=origin)
        assert refused.value.status == 403


async def test_allowed_origins_may_connect(rasa: RasaStub, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'record.db'}"
    async with Front(url, rasa.port, allowed_origins=("https://shop.example",)) as front:
        await connect(front, origin="https://shop.example")
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await connect(front, origin="https://shop.example.evil.example")


async def test_too_many_connections_of_one_conversation(front: Front, shopper: Shopper) -> None:
    kept = [await enter(front, shopper, after=10**6) for _ in range(8)]
    connection = await connect(front)
    await connection.send(type="auth", conversation_id=shopper.conversation_id, secret=shopper.secret)
    assert (await connection.next())["error"]["code"] == "too_many_sockets"
    await kept[0].socket.close()
    for _ in range(100):
        again = await connect(front)
        await again.send(
            type="auth", conversation_id=shopper.conversation_id, secret=shopper.secret, after=10**6
        )
        if (await again.next())["type"] == "ready":
            break
        await asyncio.sleep(0.01)
    else:
        pytest.fail("the place of a closed connection is not given back")


async def test_a_plain_request_is_told_to_upgrade(front: Front) -> None:
    got = await front.request("GET", "/api/v1/ws")
    assert (got.status, got.json["error"]["code"]) == (426, "upgrade_needed")
