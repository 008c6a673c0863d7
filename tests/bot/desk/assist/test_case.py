"""The order at hand is the one that is talked of; nothing of anybody else's is read."""

from __future__ import annotations

from typing import Any

from actions.shop.errors import ShopTimeoutError
from actions.shop.sql import SqlShop
from bot.conversation.desk_types import Reason
from bot.desk.assist.case import gather, order_at_hand
from bot.desk.assist.helper import Assist
from persona.wording import Wording
from tests.bot.desk.assist.talks import Talk
from tests.support.shop import NOW


async def numbers(shop: SqlShop, customer: str) -> list[str]:
    return [o.order_number for o in await shop.orders(customer)]


async def at_hand(shop: SqlShop, talk: Talk, **changes: Any) -> str | None:
    found = (await gather(shop, talk.made(**changes), NOW)).order
    return found.order_number if found else None


async def test_the_last_mention_wins(shop: SqlShop) -> None:
    first, second, third, *_ = await numbers(shop, "u1006")
    talk = Talk("u1006").shopper(f"订单 {first[:4]} {first[4:8]} {first[8:]} 呢")
    assert await at_hand(shop, talk) == first
    talk.taps("查物流", f'/track_shipment{{"order_number": "{second}"}}', "track_shipment")
    assert await at_hand(shop, talk) == second
    talk.card("order", number=third)
    assert await at_hand(shop, talk) == third
    talk.bot("utter_order_shipped", number=first, items=["x"])
    assert await at_hand(shop, talk) == first
    talk.bot("utter_order_list", orders=[{"number": second}], count=1)  # a list is about none of them
    talk.shopper("有几单？")
    assert await at_hand(shop, talk) == first


async def test_somebody_elses_number_counts_for_nothing(shop: SqlShop) -> None:
    theirs = (await numbers(shop, "u1007"))[0]
    assert await at_hand(shop, Talk("u1006").shopper(f"{theirs} 是谁的")) is None
    assert await at_hand(shop, Talk().shopper(f"{theirs} 是我的")) is None


async def test_escalation_request_verification_and_the_only_order(shop: SqlShop) -> None:
    hers = await numbers(shop, "u1006")
    talk = Talk("u1006").shopper("找人工").escalated(Reason.COMPLAINT, order_number=hers[1])
    assert await at_hand(shop, talk) == hers[1]
    assert await at_hand(shop, Talk("u1006").shopper("在吗")) is None  # several: nobody guesses
    assert await at_hand(shop, Talk("u1023").shopper("在吗")) == (await numbers(shop, "u1023"))[0]
    verified = (await numbers(shop, "u1007"))[0]
    assert await at_hand(shop, Talk().shopper("核验好了"), orders=(verified,)) == verified


async def test_a_verified_order_brings_its_request_and_no_other_orders(shop: SqlShop) -> None:
    number = (await numbers(shop, "u1007"))[0]
    case = await gather(shop, Talk().shopper("在吗").made(orders=(number, "999999999999")), NOW)
    assert [o.order_number for o in case.orders] == [number]
    assert case.customer is None
    assert case.request_of(case.order) is not None
    assert case.complete


def test_no_orders_no_order() -> None:
    assert order_at_hand(Talk().shopper("202611200001").made(), []) is None


async def test_a_shop_that_is_away_is_asked_once_and_said_so(wording: Wording) -> None:
    asked: list[str] = []

    class Away:
        def __getattr__(self, name: str) -> Any:
            async def refuse(*_: Any, **__: Any) -> Any:
                asked.append(name)
                raise ShopTimeoutError

            return refuse

    helped = await Assist(Away(), lambda: NOW, wording).help(Talk("u1006").shopper("在吗").made(), "小陈")  # type: ignore[arg-type]
    assert asked == ["now"]
    assert not helped.brief.complete
    assert len(helped.suggestions) == 3
    assert helped.rules is None
