"""The shop tells what happened: its own copy, the prior, the desk and the shopper hear of it, once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from actions.shop.service_models import EventKind
from bot.conversation.event_book import MOST_TRIES
from bot.conversation.events_schema import shop_events
from bot.conversation.shop_news import NewsKind
from tests.bot.conversation.desk_harness import Desk
from tests.bot.conversation.events_harness import LATE, ON_TIME, UNSENT, Told, open_told
from tests.bot.conversation.harness import until
from tests.bot.conversation.rasa_stub import RasaStub, answer

SHIPPED = "utter_parcel_shipped_notice"
DELIVERED = "utter_parcel_delivered_notice"
LATE_LINE = "utter_parcel_late_notice"
PARCEL = {"carrier": "顺丰速运", "tracking_number": "SF1", "promised_by": "2026-11-24T18:00:00+08:00"}


@pytest_asyncio.fixture
async def told(url: str, rasa: RasaStub, tmp_path: Path) -> AsyncIterator[Told]:
    made = open_told(url, rasa.port, tmp_path)
    async with made.front:
        yield made


def test_the_front_knows_the_kinds_that_the_shop_knows() -> None:
    assert {kind.value for kind in NewsKind} == {kind.value for kind in EventKind}


async def test_a_dispatch_reaches_shop_prior_desk_and_shopper(told: Told, rasa: RasaStub) -> None:
    customer, number = UNSENT
    shopper = await told.front.open(customer)
    await shopper.say("在吗")
    assert rasa.calls[-1]["history_wanted"] is False
    before = (await told.rows("SELECT changed_at FROM conversations"))[0][0]
    told.clock.forward(minutes=1)
    with told.front.conversations.watch(shopper.conversation_id) as news:
        news.clear()
        await told.tell("shipped", UNSENT, data=PARCEL)
        await asyncio.wait_for(news.wait(), 10)
    order = await told.shop.order(number, customer_id=customer)
    assert order.shipment.tracking_number == "SF1"
    (notice,) = await told.notices(shopper, SHIPPED)
    assert "carrier=顺丰速运" in notice["text"] and notice["in_reply_to"] is None
    assert (await told.rows("SELECT changed_at FROM conversations"))[0][0] > before
    # The button that the notice offers carries the order to the bot.
    await shopper.post(button=notice["buttons"][0]["id"])
    assert rasa.calls[-1]["payload"] == f'/track_shipment{{"order_number": "{number}"}}'
    assert rasa.calls[-1]["history_wanted"] is True
    await shopper.say("好")
    assert rasa.calls[-1]["history_wanted"] is False


async def test_the_same_event_again_says_nothing_again(told: Told) -> None:
    shopper = await told.front.open(UNSENT[0])
    event = told.event("shipped", UNSENT, data=PARCEL)
    assert (await told.post(event)).status == 202
    await told.settled()
    again = await told.post(event)
    assert (again.status, again.json["results"][0]["status"]) == (200, "repeated")
    await told.tell("shipped", UNSENT, data=PARCEL)  # another event of the same: one order, one notice
    assert len(await told.notices(shopper, SHIPPED)) == 1


async def test_events_of_one_customer_keep_their_order(told: Told, rasa: RasaStub) -> None:
    shopper = await told.front.open(UNSENT[0])
    batch = [
        told.event("shipped", UNSENT, data=PARCEL),
        told.event("delayed", UNSENT, data={"expected_by": "2026-12-01T18:00:00+08:00", "cause": "积压"}),
        told.event("delivered", UNSENT),
    ]
    assert (await told.post({"events": batch})).status == 202
    await told.settled()
    said = [m["text"].split("/")[0] for m in await shopper.messages() if m["type"] == "notice"][1:]
    assert said == [SHIPPED, LATE_LINE, DELIVERED]
    order = await told.shop.order(UNSENT[1], customer_id=UNSENT[0])
    assert order.state.value == "delivered"


async def test_the_shop_away_delays_events_without_losing_any(told: Told) -> None:
    shopper = await told.front.open(UNSENT[0])
    told.shop.away = True
    assert (await told.post(told.event("shipped", UNSENT, data=PARCEL))).status == 202
    await until(lambda: "take" in told.shop.asked)
    for _ in range(MOST_TRIES + 2):  # longer than a fault would be borne
        told.clock.forward(minutes=6)
        told.events.wake()
        told.shop.asked.clear()
        await until(lambda: "take" in told.shop.asked)
    assert await told.events_in("waiting") == 1
    told.shop.away = False
    told.clock.forward(minutes=6)
    told.events.wake()
    await told.settled()
    assert len(await told.notices(shopper, SHIPPED)) == 1


async def test_a_poisoned_event_goes_aside_and_blocks_nobody(
    told: Told, caplog: pytest.LogCaptureFixture
) -> None:
    shopper = await told.front.open(UNSENT[0])
    nobody = ("u1006", "999999999999")  # an order that the shop does not know
    poison = told.event("paid", nobody, data={"method": "密语银行"})
    assert (await told.post({"events": [poison, told.event("shipped", UNSENT, data=PARCEL)]})).status == 202
    await until_done(told, 1)
    assert len(await told.notices(shopper, SHIPPED)) == 1
    for _ in range(MOST_TRIES):
        told.clock.forward(minutes=2)
        told.events.wake()
        await asyncio.sleep(0.1)
    await told.settled()
    assert await told.events_in("aside") == 1
    assert "given up after" in caplog.text and "密语银行" not in caplog.text
    await told.tell("browsed", product_id="p101", customer_id="u1006", data={"seconds": 9})
    assert await told.events_in("done") == 2


async def until_done(told: Told, count: int) -> None:
    async def poll() -> None:
        while await told.events_in("done") < count:  # noqa: ASYNC110
            await asyncio.sleep(0.02)

    await asyncio.wait_for(poll(), 20)


async def test_two_fronts_share_the_work_and_each_event_counts_once(
    url: str, rasa: RasaStub, tmp_path: Path
) -> None:
    one = open_told(url, rasa.port, tmp_path)
    two = open_told(url, rasa.port, tmp_path, one.clock)
    async with one.front, two.front:
        shoppers = {who: await one.front.open(who[0]) for who in (UNSENT, ("u1015", "202611190806"))}
        batch = [one.event("shipped", who, data=PARCEL) for who in shoppers]
        same = [dict(event, event_id=f"x{event['event_id']}") for event in batch]
        got = await asyncio.gather(one.post({"events": batch}), two.post({"events": batch + same}))
        results = [result["status"] for answer in got for result in answer.json["results"]]
        assert sorted(results) == ["accepted"] * 4 + ["repeated"] * 2
        await one.settled()
        for shopper in shoppers.values():
            assert len(await one.notices(shopper, SHIPPED)) == 1
        assert await one.events_in("done") == 4


async def test_what_was_taken_by_a_process_that_stopped_is_taken_again(
    url: str, rasa: RasaStub, tmp_path: Path
) -> None:
    told = open_told(url, rasa.port, tmp_path)
    async with told.front:
        hanging = asyncio.Event()

        async def hang(name: str) -> None:
            if name == "take":
                await hanging.wait()

        told.shop.before = hang
        await told.front.open(UNSENT[0])
        await told.post(told.event("shipped", UNSENT, data=PARCEL))
        await until(lambda: "take" in told.shop.asked)
        await told.events._events.close(grace_s=0.05)
        holders = await told.rows("SELECT state, lease_holder FROM shop_events")
        assert holders == [("waiting", None)]


async def test_history_told_during_a_turn_is_read_again(told: Told, rasa: RasaStub) -> None:
    shopper = await told.front.open(UNSENT[0])
    await shopper.say("在吗")
    await told.tell("browsed", customer_id=UNSENT[0], product_id="p101", data={"seconds": 60})

    async def slow(request: dict[str, Any]) -> dict[str, Any]:
        told.clock.forward(seconds=1)
        await told.tell("browsed", customer_id=UNSENT[0], product_id="p206", data={"seconds": 30})
        return answer(request)

    rasa.script = slow
    await shopper.say("第一句")
    assert rasa.calls[-1]["history_wanted"] is True
    rasa.script = answer
    await shopper.say("第二句")
    assert rasa.calls[-1]["history_wanted"] is True
    await shopper.say("第三句")
    assert rasa.calls[-1]["history_wanted"] is False


async def test_what_she_said_here_does_not_enter_her_prior_twice(told: Told, rasa: RasaStub) -> None:
    first = await told.front.open("u1006")
    await first.say("上次的话")
    shopper = await told.front.open("u1006")
    given = rasa.calls[-1]["earlier"]
    assert given["belief"]["evidence"] == [0.5, 0, 0, 0]
    rasa.script = lambda request: answer(request, belief={**given["belief"], "evidence": [9, 0, 0, 0]})
    await shopper.say("这次的话")
    await told.tell("browsed", customer_id="u1006", product_id="p101", data={"seconds": 60})
    await shopper.say("还有")
    assert rasa.calls[-1]["history_wanted"] is True and rasa.calls[-1]["earlier"] == given


async def test_a_new_level_moves_a_waiting_customer_up(told: Told) -> None:
    desk = Desk(told.front)
    agent = await desk.hire("小林")
    shopper = await told.front.open("u1003")
    await desk.hands.take_over(shopper.conversation_id, agent)
    await desk.hands.transfer(shopper.conversation_id, agent, to=None)
    await told.rows("SELECT 1")
    database = told.front.conversations._store.database
    await database.write(lambda c: c.exec_driver_sql("UPDATE escalations SET level = 'ordinary'"))
    (before,) = await told.rows("SELECT place_at, level FROM escalations")
    await told.tell("profile_changed", customer_id="u1003", data={"level": "diamond"})
    (after,) = await told.rows("SELECT place_at, level FROM escalations")
    assert after[1] == "diamond" and before[0] - after[0] == 5 * 60_000


async def test_while_a_person_answers_the_desk_gets_a_note_and_the_shopper_nothing(told: Told) -> None:
    desk = Desk(told.front)
    agent = await desk.hire("小林")
    shopper = await told.front.open(UNSENT[0])
    await desk.hands.take_over(shopper.conversation_id, agent)
    seen = len(await shopper.messages())
    await told.tell("shipped", UNSENT, data=PARCEL)
    assert len(await shopper.messages()) == seen
    note = (await desk.see(shopper.conversation_id, agent)).messages[-1]
    assert note.kind.value == "note" and note.author.value == "system"
    assert UNSENT[1] in note.content["text"] and "还没有告诉顾客" in note.content["text"]


async def test_a_stale_dispatch_is_no_news(told: Told) -> None:
    shopper = await told.front.open(UNSENT[0])
    old = told.event("shipped", UNSENT, data=PARCEL)
    old["at"] = "2026-11-18T14:00:00+08:00"
    assert (await told.post(old)).status == 202
    await told.settled()
    assert await told.notices(shopper, SHIPPED) == []


async def test_nobody_hears_of_somebody_elses_order(told: Told) -> None:
    stranger = await told.front.open("u1001")
    lying = ("u1001", UNSENT[1])
    assert (await told.post(told.event("delivered", lying))).status == 202
    await until(lambda: told.shop.asked.count("take") >= 1)
    assert await told.notices(stranger, DELIVERED) == []


async def test_good_news_is_told_where_she_is_now_and_else_not_at_all(told: Told) -> None:
    shopper = await told.front.open(UNSENT[0])
    anonymous = await told.front.open()
    told.clock.forward(hours=25)
    await told.tell("shipped", UNSENT, data=PARCEL)
    assert await told.notices(shopper, SHIPPED) == []
    assert await told.notices(await told.front.open(UNSENT[0]), SHIPPED) == []
    assert await told.notices(anonymous, SHIPPED) == []
    assert await told.count(shop_events, state="done") == 1


async def test_an_oldest_waiting_event_is_known(told: Told) -> None:
    assert await told.events.book.oldest_waiting() is None
    told.shop.away = True
    at = told.clock()
    await told.post(told.event("delivered", ON_TIME))
    told.clock.forward(minutes=3)
    assert await told.events.book.oldest_waiting() == at


async def test_a_late_order_of_another_is_not_mixed_in(told: Told) -> None:
    late, other = await told.front.open(LATE[0]), await told.front.open(ON_TIME[0])
    await told.watch()
    assert len(await told.notices(late, LATE_LINE)) == 1
    assert await told.notices(other, LATE_LINE) == []
