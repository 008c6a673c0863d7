"""What she is looking at: it answers what names nothing, loses against what is named, and proves nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from actions.aftersale import AskReturnPolicy
from actions.base import ShopAction
from actions.cancel import CancelForm
from actions.logistics import TrackShipment
from actions.order import AskOrderStatus
from actions.policy import AnswerPolicy
from actions.product import ProductPrice, ProductSize, ProductSpec, ProductStock
from actions.promotion import TellPromotions
from actions.recommend import Recommend
from actions.shop.models import Order, OrderState
from actions.shop.sql import SqlShop
from tests.support.forms import all_orders
from tests.support.stage import Stage


def slot(name: str, value: Any) -> dict[str, Any]:
    return {"event": "slot", "name": name, "value": value}


def said(message_id: str, **looking_at: str) -> dict[str, Any]:
    """A message of hers, and what she was looking at with it."""
    metadata = {"looking_at": looking_at} if looking_at else {}
    return {"event": "user", "message_id": message_id, "metadata": metadata}


def on_page(shop: SqlShop, customer_id: str | None = None, **looking_at: str) -> Stage:
    return Stage(shop, customer_id, metadata={"looking_at": looking_at})


async def someone_with(shop: SqlShop, *states: OrderState) -> tuple[str, Mapping[OrderState, Order]]:
    """Return a customer with an order in each of `states`, and those orders."""
    theirs: dict[str, dict[OrderState, Order]] = {}
    for order in await all_orders(shop):
        theirs.setdefault(order.customer_id, {})[order.state] = order
    return next((who, orders) for who, orders in theirs.items() if set(states) <= set(orders))


# -- products -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "text"),
    [
        (ProductSpec(), "这个防水吗"),
        (ProductSpec(), "什么材质"),
        (ProductPrice(), "多少钱"),
        (ProductStock(), "有货吗"),
        (ProductSize(), "有没有大码"),
        (ProductPrice(), ""),  # a tapped step that names nothing
    ],
)
async def test_a_question_that_names_nothing_is_about_the_page(
    shop: SqlShop, action: ShopAction, text: str
) -> None:
    scene = await on_page(shop, product_id="p302").play(action, text)
    assert scene.facts["product"] == (await shop.product("p302")).name
    assert scene.slots["product_id"] == "p302"
    nowhere = await Stage(shop).play(action, text)
    assert nowhere.responses == ["utter_which_product"]


async def test_what_is_named_comes_before_the_page(shop: SqlShop) -> None:
    stage = on_page(shop, product_id="p302")
    named = await stage.play(ProductPrice(), "羽绒服多少钱", entities={"product": "羽绒服"})
    assert named.slots["product_id"] == "p301"
    for text, meant in (("这款冲锋衣多少钱", "p304"), ("防水的那款多少钱", "p304"), ("口红多少钱", "p505")):
        assert (await on_page(shop, product_id="p302").play(ProductPrice(), text)).slots[
            "product_id"
        ] == meant
    tapped = await stage.play(ProductPrice(), entities={"product_id": "p305"})
    assert tapped.slots["product_id"] == "p305"


async def test_another_thing_talked_of_on_this_page_goes_on_until_she_leaves_it(shop: SqlShop) -> None:
    events = [said("m_a", product_id="p302"), slot("product_id", "p301")]
    talked = {"product_id": "p301"}
    here = await on_page(shop, product_id="p302").play(ProductStock(), "有货吗", events=events, slots=talked)
    assert here.slots["product_id"] == "p301"
    gone_on = await on_page(shop, product_id="p305").play(
        ProductStock(), "有货吗", events=events, slots=talked
    )
    assert gone_on.slots["product_id"] == "p305"
    long_ago = [*events, *(said(f"m_{n}", product_id="p302") for n in "bcd")]
    later = await on_page(shop, product_id="p302").play(
        ProductStock(), "有货吗", events=long_ago, slots=talked
    )
    assert later.slots["product_id"] == "p302"


async def test_a_choice_just_offered_is_answered(shop: SqlShop) -> None:
    events = [said("m_a", product_id="p302"), slot("offered_products", ["p101", "p102"])]
    stage = on_page(shop, product_id="p302")
    scene = await stage.play(
        ProductPrice(), "第二个", events=events, slots={"offered_products": ["p101", "p102"]}
    )
    assert scene.slots["product_id"] == "p102"


@pytest.mark.parametrize("product_id", ["p999", "'; drop table products; --", "../../v1/orders", "0"])
async def test_a_product_that_is_not_for_sale_is_passed_over(shop: SqlShop, product_id: str) -> None:
    scene = await on_page(shop, product_id=product_id).play(ProductPrice(), "多少钱")
    assert scene.responses == ["utter_which_product"]


async def test_what_goes_with_it_is_of_its_department_and_no_other_of_its_kind(shop: SqlShop) -> None:
    phone = await shop.product("p104")
    scene = await on_page(shop, product_id="p104").play(Recommend(), "推荐搭配")
    shown = [await shop.product(one["product_id"]) for one in scene.cards[0]["data"]["products"]]
    assert shown and {one.category for one in shown} == {phone.category}
    assert not any(set(one.aliases) & set(phone.aliases) for one in shown)


async def test_what_she_looks_at_is_not_recommended_to_her(shop: SqlShop) -> None:
    first = (await Stage(shop).play(Recommend(), "有什么推荐")).slots["product_id"]
    scene = await on_page(shop, product_id=first).play(Recommend(), "有什么推荐")
    assert first not in str(scene.cards)


async def test_offers_are_those_of_the_product_unless_the_shop_is_asked(shop: SqlShop) -> None:
    stage = on_page(shop, product_id="p101")
    product = (await shop.product("p101")).name
    assert (await stage.play(TellPromotions(), "有优惠吗")).facts["product"] == product
    assert "product" not in (await stage.play(TellPromotions(), "店里有什么活动")).facts


async def test_on_an_orders_page_its_goods_are_meant_until_others_are_named(shop: SqlShop) -> None:
    who, orders = await someone_with(shop, OrderState.DELIVERED, OrderState.SHIPPED)
    order = next(o for o in orders.values() if len({item.product_id for item in o.items}) == 1)
    stage = on_page(shop, who, order_number=order.order_number)
    first = await stage.play(ProductPrice(), "多少钱")
    assert first.slots["product_id"] == order.items[0].product_id
    events = [said("m_a", order_number=order.order_number), slot("product_id", "p505")]
    named = await stage.play(ProductStock(), "有货吗", events=events, slots={"product_id": "p505"})
    assert named.slots["product_id"] == "p505"


# -- orders -------------------------------------------------------------------------------------------


async def test_the_order_on_whose_page_she_is_is_meant(shop: SqlShop) -> None:
    who, orders = await someone_with(shop, OrderState.DELIVERED, OrderState.SHIPPED)
    for order in (orders[OrderState.DELIVERED], orders[OrderState.SHIPPED]):
        stage = on_page(shop, who, order_id="ignored", order_number=order.order_number)
        for action, text in (
            (AskOrderStatus(), "到哪了"),
            (TrackShipment(), "到哪了"),
            (AskReturnPolicy(), "退货"),
        ):
            assert (await stage.play(action, text)).slots["order_number"] == order.order_number


async def test_a_number_or_goods_that_are_named_come_before_the_page(shop: SqlShop) -> None:
    who, orders = await someone_with(shop, OrderState.DELIVERED, OrderState.SHIPPED)
    page, other = orders[OrderState.DELIVERED], orders[OrderState.SHIPPED]
    stage = on_page(shop, who, order_number=page.order_number)
    named = await stage.play(AskOrderStatus(), f"{other.order_number}到哪了")
    assert named.slots["order_number"] == other.order_number
    goods = await stage.play(AskOrderStatus(), f"{other.items[0].short_name}到哪了")
    assert goods.slots["order_number"] == other.order_number
    events = [said("m_a", order_number=page.order_number), slot("order_number", other.order_number)]
    going_on = await stage.play(
        AskOrderStatus(), "到哪了", events=events, slots={"order_number": other.order_number}
    )
    assert going_on.slots["order_number"] == other.order_number


async def test_an_order_of_somebody_else_is_as_if_none_were_given(shop: SqlShop) -> None:
    orders = await all_orders(shop)
    foreign = next(o for o in orders if o.state is OrderState.SHIPPED)
    who = next(o.customer_id for o in orders if o.customer_id != foreign.customer_id)
    for customer_id in (who, None):
        for action, text in (
            (TrackShipment(), "到哪了"),
            (AskReturnPolicy(), "退货"),
            (CancelForm(), "取消"),
        ):
            on_it, without = [
                await Stage(shop, customer_id, metadata=metadata).play(action, text)
                for metadata in ({"looking_at": {"order_number": foreign.order_number}}, {})
            ]
            assert on_it.responses == without.responses
            assert foreign.order_number not in str(on_it.messages) + str(on_it.events)
            assert foreign.items[0].name not in str(on_it.messages)


async def test_a_verified_order_counts_and_a_write_still_asks(shop: SqlShop) -> None:
    order = next(o for o in await all_orders(shop) if o.state is OrderState.PAID)
    metadata = {"looking_at": {"order_number": order.order_number}}
    stage = Stage(shop, orders=[order.order_number], metadata=metadata)
    scene = await stage.play(
        CancelForm(),
        "取消订单",
        intent="cancel_order",
        events=[{"event": "active_loop", "name": "cancel_form"}],
    )
    assert scene.slots["order_number"] == order.order_number
    assert (await shop.order(order.order_number, customer_id=None)).state is OrderState.PAID


# -- policies -----------------------------------------------------------------------------------------


async def test_a_policy_is_told_for_the_category_of_what_she_looks_at(shop: SqlShop) -> None:
    fresh = await on_page(shop, product_id="p403").play(
        AnswerPolicy(), "退货运费谁出", intent="ask_return_fee"
    )
    plain = await Stage(shop).play(AnswerPolicy(), "退货运费谁出", intent="ask_return_fee")
    assert fresh.facts["clauses"] != plain.facts["clauses"]
    opened = await on_page(shop, product_id="p403").play(
        AnswerPolicy(), "拆了还能退吗", intent="ask_opened_return"
    )
    assert opened.slots["product_id"] == "p403"


async def test_a_policy_is_told_for_the_order_on_whose_page_she_is(shop: SqlShop) -> None:
    who, orders = await someone_with(shop, OrderState.DELIVERED, OrderState.SHIPPED)
    order = orders[OrderState.DELIVERED]
    scene = await on_page(shop, who, order_number=order.order_number).play(
        AnswerPolicy(), "运费谁出", intent="ask_return_fee"
    )
    assert scene.facts["cited"] is True
    assert scene.slots["order_number"] == order.order_number
