"""Late parcels are told before anybody asks, once for each promise; what is back in stock likewise."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from bot.conversation import reachable
from bot.conversation.reachable import ChannelTraits
from tests.bot.conversation.desk_harness import Desk
from tests.bot.conversation.events_harness import LATE, ON_TIME, Told, open_told
from tests.bot.conversation.harness import Front, Shopper, until
from tests.bot.conversation.rasa_stub import RasaStub

LINE = "utter_parcel_late_notice"
BACK = "utter_restocked"
DELAY = {"expected_by": "2026-11-27T18:00:00+08:00"}
SOLD_OUT = "p304"


@pytest_asyncio.fixture
async def told(url: str, rasa: RasaStub, tmp_path: Path) -> AsyncIterator[Told]:
    made = open_told(url, rasa.port, tmp_path)
    async with made.front:
        await until(lambda: "late_orders" in made.shop.asked)  # the first look, with nobody there
        yield made


async def told_within(told: Told, shopper: Shopper, line: str = LINE) -> list[dict[str, Any]]:
    """The notices, once there is one."""

    async def poll() -> list[dict[str, Any]]:
        while not (found := await told.notices(shopper, line)):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        return found

    return await asyncio.wait_for(poll(), 20)


async def test_the_watch_tells_her_in_the_conversation_that_she_is_in(told: Told) -> None:
    shopper = await told.front.open(ON_TIME[0])
    await told.watch()
    assert await told.notices(shopper, LINE) == []
    told.clock.forward(days=3)  # the promise passes, and no event said so
    await told.watch()
    (notice,) = await told.notices(shopper, LINE)
    assert "promised_by=2026-11-22T20:00:00+08:00" in notice["text"]
    assert [b["title"] for b in notice["buttons"]] == ["urge_shipment", "request_refund", "ask_human"]
    await told.watch()
    assert len(await told.notices(shopper, LINE)) == 1


async def test_event_and_watch_tell_the_same_promise_once_and_a_new_one_again(told: Told) -> None:
    shopper = await told.front.open(ON_TIME[0])
    await told.tell("delayed", ON_TIME, data=DELAY)
    assert len(await told.notices(shopper, LINE)) == 1
    await told.watch()
    await told.tell("delayed", ON_TIME, data={"expected_by": "2026-11-29T18:00:00+08:00"})
    assert len(await told.notices(shopper, LINE)) == 1
    parcel = {"carrier": "顺丰速运", "tracking_number": "SF2", "promised_by": "2026-11-28T18:00:00+08:00"}
    told.clock.forward(minutes=1)
    await told.tell("shipped", ON_TIME, data=parcel)  # sent anew, promised anew
    await told.tell("delayed", ON_TIME, data={"expected_by": "2026-11-30T18:00:00+08:00"})
    assert len(await told.notices(shopper, LINE)) == 2


async def test_who_has_no_conversation_hears_it_with_her_next_one(told: Told) -> None:
    await told.watch()
    assert await told.notices_in("waiting") == 3
    shopper = await told.front.open(LATE[0])
    assert len(await told_within(told, shopper)) == 1
    texts = [m["text"] for m in await shopper.messages()]
    assert texts.index("答：opened") < next(i for i, t in enumerate(texts) if t.startswith(LINE))
    another = await told.front.open(LATE[0])
    await told.watch()
    assert await told.notices(another, LINE) == []


async def test_who_logs_in_later_hears_it_then(told: Told) -> None:
    await told.watch()
    anonymous = await told.front.open()
    await told.watch()
    assert await told.notices(anonymous, LINE) == []
    path = f"/api/v1/conversations/{anonymous.conversation_id}/identify"
    headers = {**anonymous.headers, "Authorization": f"Bearer {token_of(told)}"}
    assert (await told.front.request("POST", path, headers=headers)).status == 200
    assert len(await told_within(told, anonymous)) == 1


def token_of(told: Told) -> str:
    from tests.bot.conversation.harness import token

    return token(LATE[0], told.clock)


async def test_what_is_late_no_more_is_not_told(told: Told) -> None:
    await told.watch()
    await told.tell("delivered", LATE)
    shopper = await told.front.open(LATE[0])
    await told.watch()
    assert await told.notices(shopper, LINE) == []


async def test_what_was_mended_unheard_is_not_told(told: Told) -> None:
    await told.tell("delayed", ON_TIME, data=DELAY)
    assert await told.notices_in("waiting") == 4
    told.clock.forward(minutes=1)
    await told.tell("delayed", ON_TIME, data={"expected_by": "2026-11-22T12:00:00+08:00"})
    shopper = await told.front.open(ON_TIME[0])
    await until_waiting(told, 3)
    assert await told.notices(shopper, LINE) == []
    told.clock.forward(minutes=1)
    await told.tell("delayed", ON_TIME, data=DELAY)  # late again, by the same promise
    assert len(await told.notices(shopper, LINE)) == 1


async def until_waiting(told: Told, count: int) -> None:
    async def poll() -> None:
        while await told.notices_in("waiting") != count:  # noqa: ASYNC110
            await asyncio.sleep(0.02)

    await asyncio.wait_for(poll(), 20)


async def test_an_old_conversation_is_not_written_into(told: Told) -> None:
    shopper = await told.front.open(ON_TIME[0])
    told.clock.forward(days=8)
    await told.watch()
    assert await told.notices(shopper, LINE) == []
    await shopper.say("在吗")
    await told.watch()
    assert len(await told.notices(shopper, LINE)) == 1


async def test_a_closed_conversation_is_not_written_into(told: Told) -> None:
    desk = Desk(told.front)
    agent = await desk.hire("小林", role="supervisor")
    shopper = await told.front.open(ON_TIME[0])
    await desk.hands.close(shopper.conversation_id, agent, outcome="solved")
    await told.tell("delayed", ON_TIME, data=DELAY)
    assert await told.notices(shopper, LINE) == []
    assert await told.notices_in("waiting") == 4


async def test_a_channel_that_cannot_push_is_not_written_into(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    shopper = await told.front.open(ON_TIME[0])
    monkeypatch.setattr(reachable, "CHANNELS", {"web": ChannelTraits(can_push=False)})
    await told.tell("delayed", ON_TIME, data=DELAY)
    assert await told.notices(shopper, LINE) == []


async def test_who_waits_for_a_person_is_not_interrupted(told: Told) -> None:
    desk = Desk(told.front)
    agent = await desk.hire("小林")
    shopper = await told.front.open(ON_TIME[0])
    await desk.hands.take_over(shopper.conversation_id, agent)
    await told.tell("delayed", ON_TIME, data=DELAY)
    assert await told.notices(shopper, LINE) == []
    note = (await desk.see(shopper.conversation_id, agent)).messages[-1]
    assert "11月22日 20:00" in note.content["text"] and "11月27日 18:00" in note.content["text"]
    await told.watch()
    assert sum(m.kind.value == "note" for m in (await desk.see(shopper.conversation_id, agent)).messages) == 1


async def test_many_fronts_watch_and_one_tells(url: str, rasa: RasaStub, tmp_path: Path) -> None:
    told = open_told(url, rasa.port, tmp_path)
    async with told.front:
        shopper = await told.front.open(ON_TIME[0])
        told.clock.forward(days=3)
        others = [Front(url, rasa.port, clock=told.clock, shop=told.shop) for _ in range(2)]
        async with others[0], others[1]:
            told.clock.forward(minutes=2)
            beside: list[Any] = [front.conversations.beside for front in (told.front, *others)]
            looked = await asyncio.gather(*(one.watch.look_if_due() for one in beside))
            assert sum(looked) <= 1  # a loop of theirs may have been sooner
            await asyncio.gather(*(one.watch.look() for one in beside))
            assert len(await told.notices(shopper, LINE)) == 1
    async with Front(url, rasa.port, clock=told.clock, shop=told.shop) as again:  # and after a restart
        told.clock.forward(minutes=2)
        await again.conversations.beside.watch.look()  # type: ignore[union-attr]
        shopper.front = again
        assert len([m for m in await shopper.messages() if m["text"].startswith(LINE)]) == 1


async def test_the_shop_away_is_asked_again_quietly(told: Told, caplog: pytest.LogCaptureFixture) -> None:
    shopper = await told.front.open(ON_TIME[0])
    told.shop.away = True
    told.clock.forward(days=3)
    await told.watch()
    assert not [r for r in caplog.records if r.levelname in {"ERROR", "WARNING"} and "late" in r.message]
    told.shop.away = False
    await told.watch()
    assert len(await told.notices(shopper, LINE)) == 1


async def sell_out(told: Told) -> None:
    await told.tell("restocked", product_id=SOLD_OUT, data={"stock": 0, "sku_id": f"{SOLD_OUT}-03"})


async def want(told: Told, customer_id: str) -> None:
    sku = f"{SOLD_OUT}-03"
    watch = await told.shop.watch_stock(SOLD_OUT, sku_id=sku, customer_id=customer_id, key=f"w-{customer_id}")
    assert not watch.in_stock


async def restock(told: Told, stock: int = 9) -> None:
    told.clock.forward(minutes=1)
    await told.tell("restocked", product_id=SOLD_OUT, data={"stock": stock, "sku_id": f"{SOLD_OUT}-03"})


async def test_who_waited_for_goods_is_told_once_and_the_wish_is_settled(told: Told) -> None:
    await sell_out(told)
    for customer in ("u1006", "u1003"):
        await want(told, customer)
    here = await told.front.open("u1006")
    await restock(told)
    (notice,) = await told.notices(here, BACK)
    assert "product=" in notice["text"] and notice["buttons"]
    assert list(await told.shop.stock_watchers(SOLD_OUT)) == ["u1003"]
    await restock(told)
    assert len(await told.notices(here, BACK)) == 1
    later = await told.front.open("u1003")
    assert len(await told_within(told, later, BACK)) == 1
    await told.watch()
    assert list(await told.shop.stock_watchers(SOLD_OUT)) == []


async def test_goods_that_are_gone_again_are_not_announced(told: Told) -> None:
    await sell_out(told)
    await want(told, "u1003")
    await restock(told)
    await restock(told, 0)
    shopper = await told.front.open("u1003")
    await told.watch()
    assert await told.notices(shopper, BACK) == []


async def test_the_shop_hears_later_that_somebody_was_told(told: Told) -> None:
    await sell_out(told)
    await want(told, "u1006")
    here = await told.front.open("u1006")

    async def fail(name: str) -> None:
        if name == "told_stock":
            told.shop.away = True

    told.shop.before = fail
    told.clock.forward(minutes=1)
    event = told.event("restocked", product_id=SOLD_OUT, data={"stock": 9, "sku_id": f"{SOLD_OUT}-03"})
    assert (await told.post(event)).status == 202
    assert len(await told_within(told, here, BACK)) == 1
    await until(lambda: told.shop.away)
    told.shop.before, told.shop.away = None, False
    await told.watch()
    assert list(await told.shop.stock_watchers(SOLD_OUT)) == []
    assert len(await told.notices(here, BACK)) == 1
