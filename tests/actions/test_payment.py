"""Paying: every answer comes from the order's own attempts, in all styles alike."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from actions.aftersale import AskAfterSaleProgress
from actions.payment import (
    ExplainAmount,
    ExplainFailure,
    ExplainTwice,
    FindPayment,
    PaymentAction,
    TellMethods,
    TellPayBy,
    named_method,
)
from actions.shop.errors import ShopTimeoutError
from actions.shop.models import Order, OrderState
from actions.shop.service_models import Payment, PaymentAttempt, PaymentOutcome
from actions.shop.sql import SqlShop
from tests.support.shop import NOW, Clock
from tests.support.stage import Scene, Stage, broken, wording

#: 顾客: her unpaid order failed twice; is not confirmed yet; was paid after a failure; was paid twice.
FAILED, PENDING, PAID, TWICE = "u1003", "u1018", "u1023", "u1030"


async def unpaid(shop: SqlShop, customer: str) -> Order:
    return next(o for o in await shop.orders(customer) if o.state is OrderState.UNPAID)


async def ask(shop: SqlShop, action: PaymentAction | TellMethods, customer: str | None, text: str) -> Scene:
    intent = getattr(action, "intent", "ask_payment_methods")
    return await Stage(shop, customer).play(action, text, intent=intent)


def with_attempts(shop: SqlShop, *attempts: PaymentAttempt, **more: Any) -> None:
    """Let the shop tell other attempts for every order."""

    async def payment(number: str, *, customer_id: str | None) -> Payment:
        found = await SqlShop.payment(shop, number, customer_id=customer_id)
        return replace(found, attempts=attempts, **more)

    shop.payment = payment  # type: ignore[method-assign]


def attempt(outcome: PaymentOutcome, amount: str = "59.00", **more: Any) -> PaymentAttempt:
    return PaymentAttempt(NOW - timedelta(hours=1), "银行卡", Decimal(amount), outcome, **more)


# --- it does not work ---------------------------------------------------------------------------------


async def test_why_it_failed_and_what_helps(shop: SqlShop) -> None:
    order = await unpaid(shop, FAILED)
    scene = await ask(shop, ExplainFailure(), FAILED, "付不了款")
    assert scene.responses == ["utter_payment_failed"]
    assert scene.facts["cause"] == "insufficient_funds"  # the newest attempt decides
    assert "微信支付" not in scene.facts["methods"]
    for style, text in scene.texts().items():
        assert "账户余额不足" in text, style
        assert "充值后再付" in text, style
        assert f"{order.total:.2f}".rstrip("0").rstrip(".") in text, style
        assert "11月22日 23:36" in text, style


@pytest.mark.parametrize(
    "cause", ["limit_exceeded", "bank_declined", "cancelled_by_payer", "risk_check", "expired"]
)
async def test_every_cause_has_words_and_help(shop: SqlShop, cause: str) -> None:
    with_attempts(shop, attempt(PaymentOutcome.FAILED, cause=cause))
    scene = await ask(shop, ExplainFailure(), FAILED, "付款失败")
    labels = wording().catalogue.labels
    for style, text in scene.texts().items():
        assert labels["payment_cause"][cause] in text, style
        assert labels["payment_help"][cause] in text, style


async def test_no_attempt_reached_the_shop(shop: SqlShop) -> None:
    with_attempts(shop)
    for action in (ExplainFailure(), FindPayment()):
        scene = await ask(shop, action, FAILED, "付了钱没反应")
        assert scene.responses == ["utter_payment_none"]
        assert all("人工" in text for text in scene.texts().values())


async def test_the_bank_has_not_confirmed_it(shop: SqlShop) -> None:
    for action in (FindPayment(), ExplainFailure(), TellPayBy()):
        scene = await ask(shop, action, PENDING, "付了钱还显示待付款")
        assert scene.responses == ["utter_payment_pending"]
        assert scene.facts["confirm_by"].startswith("2026-11-20T22:52")
        for style, text in scene.texts().items():
            assert "11月20日 22:52" in text, style
            assert "退回" in text, style


async def test_a_day_later_it_goes_back(shop: SqlShop, clock: Clock) -> None:
    clock.forward(hours=20)
    scene = await ask(shop, FindPayment(), PENDING, "我付过了")
    assert scene.responses == ["utter_payment_returned"]
    assert "return_by" in scene.facts
    assert all("退" in text for text in scene.texts().values())


async def test_it_has_arrived(shop: SqlShop) -> None:
    order = (await shop.orders(PAID))[0]
    scene = await ask(shop, FindPayment(), PAID, "付款成功了没有")
    assert scene.responses == ["utter_payment_done"]
    assert (scene.facts["amount"], scene.facts["method"]) == (str(order.total), "微信支付")


async def test_a_lapsed_order_is_paid_no_more(shop: SqlShop) -> None:
    order = await unpaid(shop, FAILED)
    await shop.cancel_order(order.order_number, customer_id=FAILED, key="k")
    with_attempts(shop)
    scene = await Stage(shop, FAILED).play(
        ExplainFailure(), f"{order.order_number}付不了", intent="report_payment_failed"
    )
    assert scene.responses == ["utter_payment_closed"]


# --- until when, how, how much ------------------------------------------------------------------------


async def test_until_when(shop: SqlShop) -> None:
    scene = await ask(shop, TellPayBy(), FAILED, "最晚几点付")
    assert scene.responses == ["utter_pay_by"]
    assert all("11月22日 23:36" in text for text in scene.texts().values())
    nothing = await ask(shop, TellPayBy(), "u1006", "最晚几点付")
    assert nothing.responses == ["utter_nothing_to_pay"]
    paid = await ask(shop, TellPayBy(), PAID, "我的单还能付吗")
    assert paid.responses == ["utter_payment_done"]


@pytest.mark.parametrize(
    ("text", "method", "offered"),
    [
        ("能用花呗吗", "花呗", True),
        ("微信能付不", "微信支付", True),
        ("信用卡可以吗", "银行卡", True),
        ("可以货到付款吗", "货到付款", False),
        ("支持白条不", "白条", False),
    ],
)
async def test_a_method_that_is_named(shop: SqlShop, text: str, method: str, offered: bool) -> None:
    scene = await ask(shop, TellMethods(), FAILED, text)
    assert scene.responses == ["utter_payment_methods"]
    assert (scene.facts["asked"], scene.facts["offered"]) == (method, offered)
    for style, said in scene.texts().items():
        assert method in said, style
        assert ("不" in said.split("。")[0]) is not offered or style == "perfect", style


async def test_methods_in_general(shop: SqlShop) -> None:
    scene = await ask(shop, TellMethods(), "u1006", "怎么付款")
    assert scene.facts == {"methods": ["微信支付", "支付宝", "银行卡", "花呗"]}
    for nobody in (None, "u1021"):
        assert (await ask(shop, TellMethods(), nobody, "怎么付款")).responses == [
            "utter_payment_methods_on_page"
        ]


def test_methods_are_read_from_words() -> None:
    assert named_method("花唄可以嗎") == "花呗"
    assert named_method("刷卡") == "银行卡"
    assert named_method("怎么付款") is None


async def test_what_the_sum_is_made_of(shop: SqlShop) -> None:
    order = await unpaid(shop, FAILED)
    scene = await Stage(shop, FAILED).play(
        ExplainAmount(),
        "金额不对",
        intent="report_wrong_amount",
        entities={"order_number": order.order_number},
    )
    assert scene.responses == ["utter_payment_breakdown"]
    parts = {key: Decimal(scene.facts[key]) for key in ("total", "goods", "freight", "discount")}
    assert parts["total"] == parts["goods"] + parts["freight"] - parts["discount"]


async def test_another_sum_than_the_order_says(shop: SqlShop) -> None:
    with_attempts(shop, attempt(PaymentOutcome.SUCCEEDED, "1.00"))
    scene = await ask(shop, ExplainAmount(), PAID, "扣的钱不对")
    assert scene.responses == ["utter_payment_mismatch"]
    assert scene.options == ["ask_human"]


# --- twice --------------------------------------------------------------------------------------------


async def test_the_second_sum_is_back(shop: SqlShop) -> None:
    order = (await shop.orders(TWICE))[0]
    scene = await ask(shop, ExplainTwice(), TWICE, "扣了我两次钱")
    assert scene.responses == ["utter_payment_twice"]
    assert (scene.facts["method"], scene.facts["back_method"]) == ("花呗", "支付宝")
    assert scene.facts["back"] == str(order.total)
    for style, text in scene.texts().items():
        assert "支付宝" in text, style
        assert "到账" in text, style


async def test_who_asks_for_the_money_hears_of_the_second_payment(shop: SqlShop) -> None:
    number = (await shop.orders(TWICE))[0].order_number
    scene = await Stage(shop, TWICE).play(
        AskAfterSaleProgress(), f"{number}的钱什么时候退", intent="ask_aftersale_progress"
    )
    assert scene.responses == ["utter_payment_twice"]
    with_attempts(shop, *(await shop.payment(number, customer_id=TWICE)).attempts[-1:])
    scene = await Stage(shop, TWICE).play(
        AskAfterSaleProgress(), f"{number}的钱什么时候退", intent="ask_aftersale_progress"
    )
    assert scene.responses == ["utter_no_aftersale_for_order"]


async def test_the_order_that_was_paid_twice_is_found_among_many(shop: SqlShop) -> None:
    order = (await shop.orders(FAILED))[3]

    async def payment(number: str, *, customer_id: str | None) -> Payment:
        found = await SqlShop.payment(shop, number, customer_id=customer_id)
        back = attempt(PaymentOutcome.RETURNED, return_by=NOW + timedelta(days=3))
        return replace(found, attempts=(*found.attempts, back)) if number == order.order_number else found

    shop.payment = payment  # type: ignore[method-assign]
    scene = await ask(shop, ExplainTwice(), FAILED, "重复扣款了")
    assert scene.responses == ["utter_payment_twice"]
    assert scene.facts["number"] == order.order_number


async def test_two_that_went_through_go_to_a_person(shop: SqlShop) -> None:
    with_attempts(shop, attempt(PaymentOutcome.SUCCEEDED), attempt(PaymentOutcome.PENDING))
    scene = await ask(shop, ExplainTwice(), PAID, "扣了两次")
    assert scene.responses == ["utter_payment_twice_open"]
    assert scene.facts["count"] == 2
    assert scene.options == ["ask_human"]


async def test_only_one_is_known(shop: SqlShop) -> None:
    scene = await ask(shop, ExplainTwice(), PAID, "扣了两次钱")
    assert scene.responses == ["utter_payment_once"]


# --- whose order --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "action", [ExplainFailure(), FindPayment(), ExplainTwice(), ExplainAmount(), TellPayBy()]
)
async def test_orders_of_others_and_strangers(shop: SqlShop, action: PaymentAction) -> None:
    theirs = await unpaid(shop, FAILED)
    scene = await ask(shop, action, TWICE, f"{theirs.order_number}怎么回事")
    assert scene.responses == ["utter_not_found"]
    stranger = await ask(shop, action, None, "怎么回事")
    assert not stranger.said
    assert stranger.slots["pending_task"] == action.intent
    proven = await Stage(shop, orders=[theirs.order_number]).play(action, "怎么回事", intent=action.intent)
    assert proven.responses[0].startswith(("utter_pay", "utter_payment"))


async def test_a_shop_that_is_down(shop: SqlShop) -> None:
    with broken(shop, "payment", ShopTimeoutError("slow")):
        scene = await ask(shop, ExplainFailure(), FAILED, "付不了")
    assert scene.responses == ["utter_shop_unavailable"]
