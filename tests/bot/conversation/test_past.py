"""What was said in earlier conversations: page by page, to the customer alone."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from bot.conversation.past import PAST_PAGE
from bot.conversation.types import Audience, Kind, OutReply, Owner
from tests.bot.conversation.desk_harness import Clock, Desk
from tests.bot.conversation.harness import Answer, Front, Shopper, shanghai_now, token
from tests.bot.conversation.rasa_stub import RasaStub, answer
from tests.bot.conversation.test_identity import grant

PATH = "/api/v1/conversations"


async def ask(shopper: Shopper, before: str | None = None, secret: str | None = None) -> Answer:
    query = "" if before is None else f"?before={quote(before)}"
    headers = {"X-Conversation-Secret": secret} if secret else shopper.headers
    path = f"{PATH}/{shopper.conversation_id}/earlier{query}"
    return await shopper.front.request("GET", path, headers=headers)


async def pages(shopper: Shopper) -> list[list[dict[str, Any]]]:
    found, before = [], None
    while True:
        got = await ask(shopper, before)
        assert got.status == 200, got.json
        found.append(got.json["messages"])
        before = got.json["before"]
        if before is None:
            return found


async def identify(shopper: Shopper, customer_id: str) -> None:
    headers = {**shopper.headers, "Authorization": f"Bearer {token(customer_id, shopper.front._clock)}"}
    path = f"{PATH}/{shopper.conversation_id}/identify"
    assert (await shopper.front.request("POST", path, headers=headers)).status == 200


async def test_pages_of_earlier_conversations(url: str, rasa: RasaStub) -> None:
    clock = Clock(shanghai_now())
    async with Front(url, rasa.port, clock=clock) as front:
        hers = []
        for talk in range(4):
            rasa.script = lambda request: answer(
                request,
                [{"text": f"答 {request.get('text')}", "buttons": [{"title": "催一下", "payload": "/urge"}]}],
            )
            shopper = await front.open("u1001")
            for line in range(14):
                await shopper.say(f"她{talk}-{line}")
            hers.append(shopper)
            other = await front.open("u1002")
            await other.say(f"别人{talk}")
            stranger = await front.open()
            await stranger.say(f"路人{talk}")
            clock.pass_by(minutes=1)
        await hers[0].say("她0-后来")  # goes on after the others were opened
        now = await front.open("u1001")
        await now.say("现在的")
        got = await pages(now)
        assert [len(page) for page in got[:-1]] == [PAST_PAGE] * (len(got) - 1) and len(got) == 3
        read = [message for page in reversed(got) for message in page]
        expected = []
        for shopper in hers:
            expected += [(shopper.conversation_id, m["seq"], m["text"]) for m in await shopper.messages()]
        assert [(m["conversation"], m["seq"], m["text"]) for m in read] == expected
        assert all("buttons" not in message for message in read)
        assert {"text", "notice"} == {message["type"] for message in read}
        assert {m["author"] for m in read} == {"bot", "system", "shopper"}
        # What is asked for in an older one is only what came before it.
        assert {m["conversation"] for page in await pages(hers[1]) for m in page} == {hers[0].conversation_id}
        assert await pages(hers[0]) == [[]]
        # Every other way in gives nothing, or nothing of hers.
        assert "她" not in str(await pages(other)) and "别人" in str(await pages(other))
        assert await pages(stranger) == [[]]
        cursor = (await ask(now)).json["before"]
        assert hers[2].conversation_id not in cursor
        for shopper, before in (
            (other, cursor),  # made for another conversation
            (hers[3], cursor),
            (now, cursor[:-3] + "AAA"),
            (now, "k1:x"),
            (now, "半"),
            (now, "x" * 600),
        ):
            refused = await ask(shopper, before)
            assert (refused.status, refused.json["error"]["code"]) == (422, "invalid_parameter"), before
        assert (await ask(now, secret="wrong")).status == 404
        assert (await ask(now, secret=other.secret)).status == 404


async def test_what_is_no_part_of_it(front: Front) -> None:
    old = await front.open("u1001")
    await old.say("还在吗")
    desk = Desk(front)
    agent = await desk.hire("小林")
    await desk.hands.take_over(old.conversation_id, agent)
    await desk.hands.note(old.conversation_id, agent, key="k_1", text="悄悄话")
    await desk.hands.reply(old.conversation_id, agent, key="k_2", text="我来看看")
    store = front.conversations._store
    await store.database.write(
        lambda c: store.writing.insert_replies(
            c,
            old.conversation_id,
            [OutReply(Kind.TEXT, "没有说出口")],
            first_seq=900,
            in_reply_to="m_1",
            now=store.now(),
            audience=Audience.DESK,
        )
    )
    await store.change_owner(old.conversation_id, Owner.CLOSED, by="system", reason="test")
    now = await front.open("u1001")
    (read,) = await pages(now)
    texts = [message["text"] for message in read]
    assert "我来看看" in texts and "还在吗" in texts
    assert not {"悄悄话", "没有说出口"} & set(texts)
    assert {m["type"] for m in read} <= {"text", "notice"}
    (agents,) = [m for m in read if m["text"] == "我来看看"]
    assert agents["agent"] == {"name": "小林"} and agents["conversation"] == old.conversation_id


async def test_a_login_opens_it_and_nothing_less(front: Front, rasa: RasaStub) -> None:
    for customer in ("u1001", "u1002"):
        await (await front.open(customer)).say(f"我是{customer}")
    stranger = await front.open()
    proof = grant(stranger.conversation_id, "m_9", at=shanghai_now())
    rasa.script = lambda request: answer(
        request, [{"custom": {"type": "directive", "directive": "verified", "grant": proof}}]
    )
    await stranger.post(text="订单号", message_id="m_9")
    rasa.script = answer
    assert await pages(stranger) == [[]]
    await identify(stranger, "u1001")
    assert "我是u1001" in str(await pages(stranger)) and "u1002" not in str(await pages(stranger))


@pytest.mark.parametrize("query", ["?after=1", "?before=", "?before=a&x=1"])
async def test_what_no_page_is_asked_by(front: Front, query: str) -> None:
    shopper = await front.open("u1001")
    path = f"{PATH}/{shopper.conversation_id}/earlier{query}"
    got = await front.request("GET", path, headers=shopper.headers)
    assert (got.status, got.json["error"]["code"]) == (422, "invalid_parameter")
