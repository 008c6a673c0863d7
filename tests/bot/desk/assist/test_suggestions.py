"""Three replies, filled with real facts, that fit wish and state and promise nothing beyond the rules."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from actions.shop.models import Order, OrderState
from actions.shop.sql import SqlShop
from bot.conversation.desk_types import DeskConversation, Reason
from bot.desk.assist.case import Case, gather
from bot.desk.assist.draft import check_draft
from bot.desk.assist.labels import data
from bot.desk.assist.suggestions import Suggestion, suggest
from bot.desk.assist.talk import guess
from persona.strategy import Style
from persona.wording.desk_words import DeskWords
from persona.wording.emoji import find_emoji
from tests.bot.desk.assist.talks import Talk, order_under
from tests.support.shop import NOW

STYLES = [style.value for style in Style]
CUSTOMERS = [f"u10{n:02d}" for n in range(1, 26)]


async def order_in(shop: SqlShop, customer: str, state: OrderState) -> Order:
    return next(o for o in await shop.orders(customer) if o.state is state)


async def suggested(
    shop: SqlShop, words: DeskWords, made: DeskConversation
) -> tuple[tuple[Suggestion, ...], Case]:
    case = await gather(shop, made, NOW)
    return suggest(made, case, words, agent="小陈"), case


def ids(found: tuple[Suggestion, ...]) -> list[str]:
    return [suggestion.id for suggestion in found]


async def test_wish_and_state_choose_the_reply(shop: SqlShop, words: DeskWords) -> None:
    expected = [
        ("u1002", OrderState.EXCEPTION, "track_shipment", "parcel_exception"),
        ("u1006", OrderState.SHIPPED, "track_shipment", "parcel_moving"),
        ("u1017", OrderState.PAID, "cancel_order", "cancel_ok"),
        ("u1006", OrderState.SHIPPED, "cancel_order", "cancel_shipped"),
        ("u1017", OrderState.PAID, "change_address", "address_ok"),
        ("u1006", OrderState.SHIPPED, "change_address", "address_shipped"),
        ("u1006", OrderState.SHIPPED, "request_refund", "refuse_ok"),
        ("u1013", OrderState.DELIVERED, "request_return", "return_ok"),
        ("u1010", OrderState.REFUNDING, "ask_aftersale_progress", "request_received"),
        ("u1018", OrderState.UNPAID, "ask_order_status", "order_unpaid"),
    ]
    for customer, state, intent, reply in expected:
        order = await order_in(shop, customer, state)
        talk = Talk(customer).shopper(f"{order.order_number}", intent).agent("您好")
        found, _ = await suggested(shop, words, talk.made())
        assert reply in ids(found)[:2], (customer, state, intent, ids(found))
        text = next(s.text for s in found if s.id == reply)
        assert order.items[0].short_name in text


async def test_it_greets_until_an_agent_has_written(shop: SqlShop, words: DeskWords) -> None:
    talk = Talk("u1023").agent("上一次的客服").shopper("到哪了", "track_shipment")
    talk.escalated(Reason.CUSTOMER_REQUEST)
    found, _ = await suggested(shop, words, talk.made())
    assert found[0].id == "take_over"
    assert "小陈" in found[0].text
    upset, _ = await suggested(shop, words, talk.made(mood="angry"))
    assert upset[0].id == "take_over_upset"
    after, _ = await suggested(shop, words, talk.agent("您好，我来了").made())
    assert not {"take_over", "take_over_upset"} & set(ids(after))


async def test_no_order_is_asked_for(shop: SqlShop, words: DeskWords) -> None:
    found, _ = await suggested(shop, words, Talk().shopper("我的东西呢", "track_shipment").made())
    assert "ask_order" in ids(found)


async def test_the_reason_counts(shop: SqlShop, words: DeskWords) -> None:
    talk = Talk("u1023").shopper("冒烟了", "report_problem").escalated(Reason.SAFETY).agent("您好")
    found, _ = await suggested(shop, words, talk.made(mood="angry"))
    assert found[0].id == "safety"
    assert found[0].because == "升级原因：人身安全"


async def test_what_was_sent_is_not_suggested_again(shop: SqlShop, words: DeskWords) -> None:
    talk = Talk("u1023").shopper("发货了吗", "track_shipment").agent("您好")
    before, _ = await suggested(shop, words, talk.made())
    after, _ = await suggested(shop, words, talk.agent(before[0].text).made())
    assert before[0].text not in [s.text for s in after]
    assert len(after) == 3


async def test_style_changes_the_words_and_never_the_choice(shop: SqlShop, words: DeskWords) -> None:
    order = await order_in(shop, "u1013", OrderState.DELIVERED)
    talk = Talk("u1013").shopper(f"{order.order_number} 能退吗", "ask_return_policy").agent("您好")
    found = {style: (await suggested(shop, words, talk.made(style=style)))[0] for style in STYLES}
    assert len({tuple(ids(f)) for f in found.values()}) == 1
    assert len({f[0].text for f in found.values()}) == 5
    assert find_emoji(found["lively"][0].text)
    upset, _ = await suggested(shop, words, talk.made(style="lively", mood="angry"))
    assert not any(find_emoji(s.text) for s in upset)


@pytest.mark.parametrize("customer", CUSTOMERS)
async def test_every_customer_every_wish_three_sound_replies(
    shop: SqlShop, words: DeskWords, customer: str
) -> None:
    """Over orders of the whole demo shop: always three, no gap, no warning in the own style."""
    orders = (await shop.orders(customer))[:3]
    wishes = ("track_shipment", "request_refund", "cancel_order", "change_address", "report_problem", None)
    for order, wish in product([*orders, None], wishes):
        talk = Talk(customer).shopper(order.order_number if order else "在吗", wish)
        case = await gather(shop, talk.made(), NOW)
        for style, mood in (
            *((style, None) for style in STYLES),
            ("lively", "angry"),
            ("power", "complaining"),
        ):
            made = talk.made(style=style, mood=mood)
            found = suggest(made, case, words, agent="小陈")
            assert len(set(ids(found))) == 3
            for one in found:
                assert "〔" not in one.text
                assert check_draft(one.text, style, mood, case, words.strategies) == (), (one.id, one.text)


async def test_the_rules_are_never_overstepped(shop: SqlShop, words: DeskWords) -> None:
    """A delivered order whose deadlines are over gets no offer to send it back."""
    order = await order_under(shop, "u1006", "too_late")
    talk = Talk("u1006").shopper(f"{order.order_number} 我要退货", "request_return").agent("您好")
    found, _ = await suggested(shop, words, talk.made())
    assert found[0].id == "return_late"
    assert not {"return_ok", "return_quality", "refuse_ok", "warranty_exchange"} & set(ids(found))


async def test_a_fact_that_is_gone_is_not_told(shop: SqlShop, words: DeskWords) -> None:
    """Nobody may be told that a parcel can be claimed as lost when that time is over."""
    order = await order_in(shop, "u1013", OrderState.DELIVERED)
    talk = Talk("u1013").shopper(f"{order.order_number} 没收到", "track_shipment").agent("您好")
    case = await gather(shop, talk.made(), NOW)
    assert "parcel_delivered" in ids(suggest(talk.made(), case, words, agent="陈"))
    later = replace(case, now=NOW.replace(year=2027))
    assert "parcel_delivered" not in ids(suggest(talk.made(), later, words, agent="陈"))


def test_the_last_resorts_need_no_fact(words: DeskWords) -> None:
    for name in (*data("suggestions.yml")["greeting"], *data("suggestions.yml")["fallback"]):
        assert name in words.replies
    plain = [n for n in data("suggestions.yml")["fallback"] if not words.missing(words.replies[n], {})]
    assert len(plain) >= 3


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("钱什么时候到账啊", "ask_aftersale_progress"),
        ("能不能换一双大一码的", "request_exchange"),
        ("不要了，取消吧", "cancel_order"),
        ("地址填错了", "change_address"),
        ("地址写错了，改一下", "change_address"),
        ("快递到哪里了", "track_shipment"),
        ("怎么还不发货", "urge_shipment"),
        ("一打开屏幕就裂了", "report_problem"),
        ("给我回电吧", "ask_callback"),
        ("嗯嗯好的", None),
    ],
)
def test_key_words_stand_in_where_nobody_reads_for_the_bot(text: str, intent: str | None) -> None:
    assert guess(text) == intent
