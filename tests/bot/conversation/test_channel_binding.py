"""A channel's user becomes a customer, and ceases to be: what is shared then, and what never leaks."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from bot.app.customers import erase_in_record
from bot.app.front import shanghai_now
from bot.channels.platforms.signed import Settings
from bot.conversation import rows
from bot.conversation.channel_schema import channel_links
from bot.conversation.database import make_engine
from bot.conversation.links import set_conversation
from bot.conversation.opening import Opening
from bot.conversation.privacy import erase_customer, export_customer
from tests.bot.conversation.desk_harness import Desk
from tests.bot.conversation.harness import Answer, Front, token, until, vault
from tests.bot.conversation.rasa_stub import RasaStub, answer
from tests.bot.conversation.test_signed_channel import receiver, write  # noqa: F401  # a fixture
from tests.fakes.signed import KEY, Receiver
from tests.support import postgres

LOGIN = "https://shop.example/login"


class Clock:
    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> Any:
        return shanghai_now() + self.ahead


def front_at(url: str, rasa: RasaStub, receiver: Receiver, clock: Any = shanghai_now) -> Front:  # noqa: F811
    settings = Settings(keys=(KEY,), url=receiver.url, buttons=8)
    more: dict[str, Any] = {"public_url": "https://chat.shop.example", "bind_url": LOGIN}
    return Front(url, rasa.port, clock=clock, channels={"signed": settings}, **more)


async def ticket(front: Front, receiver: Receiver, user: str, number: int) -> str:  # noqa: F811
    await write(front, user, number, "绑定")
    await until(lambda: any("/channels/bind?t=" in text for text in receiver.texts(user)))
    found = re.search(r"/channels/bind\?t=(\S+)", receiver.texts(user)[-1])
    assert found is not None
    return found[1]


async def bind(front: Front, given: str, customer: str) -> Answer:
    headers = {"Authorization": f"Bearer {token(customer)}"}
    return await front.request("POST", "/channels/bind", json={"ticket": given}, headers=headers)


async def test_a_bound_user_is_her_customer_on_every_channel(
    url: str,
    rasa: RasaStub,
    receiver: Receiver,  # noqa: F811
) -> None:
    async with front_at(url, rasa, receiver) as front:
        await write(front, "w1", 1, "你好")
        await until(lambda: "答：你好" in receiver.texts("w1"))
        given = await ticket(front, receiver, "w1", 2)
        led = await front.session.get(front.url(f"/channels/bind?t={given}"), allow_redirects=False)
        assert (led.status, led.headers["Location"]) == (303, f"{LOGIN}?ticket={given}")
        assert (await bind(front, given[:-1] + "x", "u1")).status == 404
        assert (await front.request("POST", "/channels/bind", json={"ticket": given})).status == 401
        assert (await bind(front, given, "u1")).json == {"bound": True, "repeated": False}
        assert (await bind(front, given, "u1")).json == {"bound": True, "repeated": True}
        assert (await bind(front, given, "u2")).status == 409
        await until(lambda: "答：identified" in receiver.texts("w1"))

        headers = {"Authorization": f"Bearer {token('u1')}"}
        web = await front.request("POST", "/api/v1/conversations", json={"resume": True}, headers=headers)
        seen = await front.request(
            "GET",
            f"/api/v1/conversations/{web.json['conversation_id']}/messages",
            headers={"X-Conversation-Secret": web.json["secret"]},
        )
        said = [one.get("text") for one in seen.json["messages"]]
        assert web.json["resumed"] and "你好" in said

        count = len(receiver.of("w1"))
        body = {"conversation_id": web.json["conversation_id"], "message_id": "web1", "text": "在网页问"}
        asked = await front.request(
            "POST", "/api/v1/chat", json=body, headers={"X-Conversation-Secret": web.json["secret"]}
        )
        assert asked.json["replies"][0]["text"] == "答：在网页问"
        await write(front, "w1", 3, "在微信问")
        await until(lambda: "答：在微信问" in receiver.texts("w1"))
        assert len(receiver.of("w1")) == count + 1  # what was asked on the page is answered there

        await write(front, "w1", 4, "解绑")
        await until(lambda: any("utter_unbound" in text for text in receiver.texts("w1")))
        calls = len(rasa.calls)
        await write(front, "w1", 5, "我的订单")
        await until(lambda: "答：我的订单" in receiver.texts("w1"))
        assert rasa.calls[calls]["conversation_id"] != web.json["conversation_id"]

        engine = make_engine(url)
        try:
            with engine.connect() as connection:
                copy = export_customer(connection, vault(), "u1")
            with engine.connect().execution_options(writes=True) as connection, connection.begin():
                erase_customer(connection, "u1")
            with engine.connect() as connection:
                assert export_customer(connection, vault(), "u1")["bindings"] == []
        finally:
            engine.dispose()
        assert [one["act"] for one in copy["bindings"]] == ["bound", "merged", "unbound"]


async def test_an_old_ticket_binds_nobody_and_a_customer_is_erased_with_her_links(
    url: str,
    rasa: RasaStub,
    receiver: Receiver,  # noqa: F811
) -> None:
    clock = Clock()
    async with front_at(url, rasa, receiver, clock) as front:
        await write(front, "w1", 1, "你好")
        await until(lambda: "答：你好" in receiver.texts("w1"))
        old = await ticket(front, receiver, "w1", 2)
        clock.ahead = timedelta(minutes=4)
        assert (await bind(front, old, "u1")).status == 200
        second = await ticket(front, receiver, "w2", 1)
        clock.ahead = timedelta(minutes=14, seconds=1)
        headers = {"Authorization": f"Bearer {token('u1', clock)}"}
        late = await front.request("POST", "/channels/bind", json={"ticket": second}, headers=headers)
        assert late.status == 404
        engine = make_engine(url)
        try:
            with engine.connect() as connection:
                copy = export_customer(connection, vault(), "u1")
            with engine.connect().execution_options(writes=True) as connection, connection.begin():
                erase_customer(connection, "u1")
            with engine.connect() as connection:
                left = connection.exec_driver_sql("SELECT count(*) FROM channel_links").scalar()
        finally:
            engine.dispose()
        assert copy["conversations"][0]["written_from"][0]["user"] == "w1"
        assert left == 1  # w2, who is nobody's


async def test_with_an_agent_she_stays_where_the_agent_speaks_with_her(
    url: str,
    rasa: RasaStub,
    receiver: Receiver,  # noqa: F811
) -> None:
    async with front_at(url, rasa, receiver) as front:
        await write(front, "w1", 1, "你好")
        await until(lambda: "答：你好" in receiver.texts("w1"))
        assert (await bind(front, await ticket(front, receiver, "w1", 2), "u1")).status == 200
        await until(lambda: "答：identified" in receiver.texts("w1"))
        here = rasa.calls[-1]["conversation_id"]
        desk = Desk(front)
        agent = await desk.hire("小周")
        page = await front.open("u1")  # an older tab, which she goes on with in between
        await desk.hands.take_over(here, agent)
        await desk.hands.reply(here, agent, key="k1", text="请问是哪一单？")
        await until(lambda: "请问是哪一单？" in receiver.texts("w1"))
        assert (await page.say("这个多少钱"))[-1]["text"] == "答：这个多少钱"
        calls = len(rasa.calls)
        await write(front, "w1", 3, "昨天那单")
        await desk.hands.reply(here, agent, key="k2", text="查到了。")
        await until(lambda: "查到了。" in receiver.texts("w1"))
        assert len(rasa.calls) == calls, "the agent answers, not the bot"


async def test_a_number_chooses_only_from_what_was_offered_there(
    url: str,
    rasa: RasaStub,
    receiver: Receiver,  # noqa: F811
) -> None:
    def offer(*titles: str) -> list[dict[str, Any]]:
        return [{"text": "选", "buttons": [{"title": one, "payload": f"/{one}"} for one in titles]}]

    said = {"售后": offer("退款", "换货"), "取消订单": offer("确认取消", "不取消")}
    rasa.script = lambda turn: answer(turn, said.get(str(turn.get("text"))))
    settings = Settings(keys=(KEY,), url=receiver.url, buttons=0)
    more: dict[str, Any] = {"public_url": "https://chat.shop.example", "bind_url": LOGIN}
    async with Front(url, rasa.port, channels={"signed": settings}, **more) as front:
        await write(front, "w1", 1, "你好")
        await until(lambda: "答：你好" in receiver.texts("w1"))
        assert (await bind(front, await ticket(front, receiver, "w1", 2), "u1")).status == 200
        await until(lambda: "答：identified" in receiver.texts("w1"))
        await write(front, "w1", 3, "售后")
        await until(lambda: "换货" in receiver.texts("w1")[-1])
        headers = {"Authorization": f"Bearer {token('u1')}"}
        web = await front.request("POST", "/api/v1/conversations", json={"resume": True}, headers=headers)
        body = {"conversation_id": web.json["conversation_id"], "message_id": "web1", "text": "取消订单"}
        secret = {"X-Conversation-Secret": web.json["secret"]}
        asked = await front.request("POST", "/api/v1/chat", json=body, headers=secret)
        assert [one["title"] for one in asked.json["replies"][0]["buttons"]] == ["确认取消", "不取消"]
        await write(front, "w1", 4, "1")
        await until(lambda: "答：/退款" in receiver.texts("w1"))
        assert all(call.get("payload") != "/确认取消" for call in rasa.calls)


async def test_what_was_undone_is_not_bound_again_by_its_old_ticket(
    url: str,
    rasa: RasaStub,
    receiver: Receiver,  # noqa: F811
) -> None:
    clock = Clock()
    async with front_at(url, rasa, receiver, clock) as front:
        old = await ticket(front, receiver, "w1", 1)
        assert (await bind(front, old, "u1")).status == 200
        assert (await bind(front, old, "u1")).json == {"bound": True, "repeated": True}
        clock.ahead = timedelta(minutes=1)
        await write(front, "w1", 2, "解绑")
        await until(lambda: any("utter_unbound" in text for text in receiver.texts("w1")))
        for customer in ("u1", "u2"):
            assert (await bind(front, old, customer)).status == 404
        led = await front.session.get(front.url(f"/channels/bind?t={old}"), allow_redirects=False)
        assert led.status == 404
        seen = len(receiver.texts("w1"))
        await write(front, "w1", 3, "绑定")
        await until(lambda: any("/channels/bind?t=" in text for text in receiver.texts("w1")[seen:]))
        found = re.search(r"/channels/bind\?t=(\S+)", receiver.texts("w1")[-1])
        assert found is not None
        assert (await bind(front, found[1], "u2")).json == {"bound": True, "repeated": False}


@pytest.mark.service
async def test_who_writes_while_she_is_erased_stands_in_nobodys_way_and_leaves_nothing(
    rasa: RasaStub,
    receiver: Receiver,  # noqa: F811
    caplog: pytest.LogCaptureFixture,
) -> None:
    """What takes her message holds her link, and goes on to her conversation and to a new one."""
    with postgres.database("record") as url:
        async with front_at(url, rasa, receiver) as front:
            given = await ticket(front, receiver, "w1", 1)
            assert (await bind(front, given, "u1")).status == 200
            await until(lambda: "答：identified" in receiver.texts("w1"))
            writing = front.conversations._store.writing
        engine = make_engine(url)
        try:
            with engine.connect() as connection:
                with connection.begin():
                    hers = channel_links.c.customer_id == "u1"
                    link = connection.execute(select(channel_links).where(hers).with_for_update()).one()
                    erasing = asyncio.create_task(asyncio.to_thread(erase_in_record, url, vault(), "u1"))

                    while not await asyncio.to_thread(postgres.waiting, url):
                        assert not erasing.done()
                        await asyncio.sleep(0.02)
                    row = connection.execute(rows.LOCKED_CONVERSATION, {"cid": link.conversation_id}).one()
                    new = {"channel": "signed", "customer_id": "u1", "net": ""}
                    opened = Opening(writing, **new, key=None, notice=None)(connection)
                    set_conversation(connection, link, opened.conversation_id, 0)
                ids, _ = await asyncio.wait_for(erasing, 60)
                assert not [one for one in caplog.records if one.name == "bot.conversation.postgres"]
                assert set(ids) == {row.id, opened.conversation_id}
                assert connection.execute(select(func.count()).select_from(channel_links)).scalar() == 0
                assert export_customer(connection, vault(), "u1")["conversations"] == []
        finally:
            engine.dispose()
