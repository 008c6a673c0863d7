"""Drafts: good ones pass, each kind of slip is named with its place; promises are held against facts."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actions.shop.models import Order, OrderState
from actions.shop.sql import SqlShop
from bot.desk.assist.case import Case, gather
from bot.desk.assist.draft import DraftWarning, Severity, check_draft
from persona.strategy import Style, load_strategies
from persona.wording import Wording
from persona.wording.check import samples
from persona.wording.desk_words import DeskWords
from persona.wording.engine import tidy
from persona.wording.filters import moment, short_day
from tests.bot.desk.assist.talks import Talk, order_under
from tests.support.shop import NOW

STRATEGIES = load_strategies()


def codes(found: tuple[DraftWarning, ...]) -> set[str]:
    return {warning.code for warning in found}


GOOD = [
    ("power", "能退。今天 18:00 前我提交，3 个工作日到账。您回一声就办。"),
    (
        "perfect",
        "可以退。依据：七天无理由，11月26日 24:00 前提交。退款 3 个工作日内原路到账，进度在订单页可查。",
    ),
    ("peace", "东西保持完好就行，11月26日前申请都来得及，您想好了跟我说。"),
    ("lively", "收到啦📦 明天 18:00 前给您准信，还想看看新款也可以喊我～"),
    ("neutral", "订单取消后，返还的优惠券会回到您的账户。"),
    ("neutral", "已核对您的订单，11月24日 18:00 前送到。"),
    (None, "您好，我看到您的问题了，正在核对。"),
]


@pytest.mark.parametrize(("style", "text"), GOOD)
def test_good_replies_pass(words: DeskWords, style: str | None, text: str) -> None:
    assert check_draft(text, style, None, None, words.strategies) == ()


BAD = [
    ("power", "感谢您的耐心等待，首先我们看到了您的问题，呢这边需要跟您说明一下情况", "style_power"),
    ("power", "我们先来看看整件事情的来龙去脉，" * 6, "too_long"),
    ("perfect", "大概下周能到", "style_perfect"),
    ("perfect", "过几天会有结果", "vague"),
    ("perfect", "我们会处理好的", "no_figure"),
    ("peace", "请您马上确认，否则订单作废", "pushing"),
    ("lively", "烦请知悉，我司将予以处理", "stiff"),
    ("lively", "好呀😄😊🎉✨", "emoji_too_many"),
    ("neutral", "好的😊", "emoji_none"),
    ("neutral", "我们尽快处理", "forbidden"),
    ("neutral", "你先等等", "forbidden"),
    ("neutral", "这是您自己没看清楚吧", "blame_shopper"),
    ("neutral", "这是快递公司的责任，跟我们没有关系", "blame_others"),
    ("neutral", "万分抱歉，祝您生活愉快", "servile"),
    ("neutral", "给您补偿 20 元", "compensation"),
    ("neutral", "送您一张优惠券吧", "compensation"),
    ("neutral", "退一赔三没问题", "compensation"),
    ("neutral", "我保证明天一定到", "guarantee"),
    ("neutral", "请寄到 〔退货地址〕", "gap"),
    ("neutral", "打 １３８ ００１３ ８０００ 找我", "phone"),
    ("neutral", "证件号 33010219900521123X", "id_card"),
    ("neutral", "卡号 6222021234567890123", "bank_card"),
]


@pytest.mark.parametrize(("style", "text", "code"), BAD)
def test_each_slip_is_named_where_it_stands(words: DeskWords, style: str, text: str, code: str) -> None:
    found = check_draft(text, style, None, None, words.strategies)
    assert code in codes(found), found
    warning = next(w for w in found if w.code == code)
    assert 0 <= warning.start < warning.end <= len(text)
    assert warning.message
    assert "{" not in warning.message


def test_the_perfect_shoppers_warning_is_the_promised_one(words: DeskWords) -> None:
    [warning, *_] = check_draft("应该没问题", "perfect", None, None, words.strategies)
    assert warning.message.startswith("完美型客户：请给出具体时间和依据")
    assert (warning.start, warning.end) == (0, 2)


def test_a_slip_of_one_style_is_none_in_another(words: DeskWords) -> None:
    text = "好嘞，东西这就给您安排，11月24日到～"
    assert check_draft(text, "lively", None, None, words.strategies) == ()
    assert check_draft(text, "lively", "angry", None, words.strategies) != ()
    assert "style_perfect" in codes(check_draft("大概 3 天", "perfect", None, None, words.strategies))
    assert "style_perfect" not in codes(check_draft("大概 3 天", "lively", None, None, words.strategies))


@pytest.mark.parametrize("text", ["哈哈，别急", "明天到～", "您冷静一下", "好的😊"])
def test_no_jokes_with_an_upset_shopper(words: DeskWords, text: str) -> None:
    found = check_draft(text, "lively", "angry", None, words.strategies)
    assert {"joke", "calm_down", "emoji_upset"} & codes(found)


def test_what_must_not_be_sent_comes_first(words: DeskWords) -> None:
    found = check_draft("万分抱歉，大概给您补偿 20 元", "perfect", None, None, words.strategies)
    assert found[0].severity is Severity.STOP
    order = [list(Severity).index(w.severity) for w in found]
    assert order == sorted(order)


def test_the_projects_own_words_raise_no_warning(wording: Wording, words: DeskWords) -> None:
    """All texts of the bot and of the desk, in their own style, from sample facts."""
    count, wrong = 0, []
    for catalogue in (wording.catalogue, words.catalogue()):
        for name, spec in catalogue.responses.items():
            for style in Style:
                for sample in samples(catalogue, spec, style):
                    count += 1
                    found = check_draft(tidy(sample.text), style, None, None, catalogue.strategies)
                    wrong += [(name, style.value, w.code, sample.text) for w in found]
    assert wrong == []
    assert count > 1500


@settings(max_examples=150)
@given(st.text(max_size=60), st.sampled_from([s.value for s in Style]), st.sampled_from([None, "angry", "x"]))
def test_no_draft_breaks_the_check(text: str, style: str, mood: str | None) -> None:
    for warning in check_draft(text, style, mood, Case(NOW), STRATEGIES):
        assert 0 <= warning.start < warning.end <= len(text)


# -- against facts ------------------------------------------------------------------------------------------


async def case_of(shop: SqlShop, customer: str, state: OrderState) -> tuple[Case, Order]:
    order = next(o for o in await shop.orders(customer) if o.state is state)
    case = await gather(shop, Talk(customer).shopper(order.order_number).made(), NOW)
    assert case.order is not None
    return case, case.order


async def test_no_earlier_arrival_than_expected(shop: SqlShop, words: DeskWords) -> None:
    case, order = await case_of(shop, "u1006", OrderState.SHIPPED)
    assert order.shipment is not None
    due = order.shipment.expected_by
    early, late = due - timedelta(days=1), due + timedelta(days=1)
    for text in (f"{short_day(early)}就到", "今天能到您手上", f"{moment(due - timedelta(hours=3))} 前送到"):
        found = check_draft(text, None, None, case, words.strategies)
        assert "arrives_early" in codes(found), text
        assert str(moment(due)) in next(w.message for w in found if w.code == "arrives_early")
    for text in (
        f"{moment(due)} 前送到",
        f"{short_day(late)}前送达",
        f"{short_day(early)}送不到，没有办成",
        f"原定{short_day(early)}送到",
        "今天给您查清楚",
    ):
        assert "arrives_early" not in codes(check_draft(text, None, None, case, words.strategies)), text


async def test_no_later_deadline_and_no_quicker_money(shop: SqlShop, words: DeskWords) -> None:
    case, order = await case_of(shop, "u1013", OrderState.DELIVERED)
    terms = case.terms_of(order)
    assert terms is not None
    assert terms.deadline is not None
    after = terms.deadline + timedelta(days=2)
    assert "deadline_late" in codes(
        check_draft(f"{short_day(after)}之前申请退货都行", None, None, case, words.strategies)
    )
    good = f"{short_day(terms.deadline)}前申请退货，质量问题运费我们出"
    assert codes(check_draft(good, None, None, case, words.strategies)) == set()
    assert "money_fast" in codes(check_draft("退款马上到账", None, None, case, words.strategies))
    assert "money_fast" not in codes(
        check_draft("我现在马上提交退款申请", None, None, case, words.strategies)
    )
    assert "shop_pays_all" in codes(check_draft("退回来运费我们出", None, None, case, words.strategies))


async def test_no_offer_that_the_rules_refuse(shop: SqlShop, words: DeskWords) -> None:
    moving, _ = await case_of(shop, "u1006", OrderState.SHIPPED)
    for text, code in (("可以取消的", "not_cancellable"), ("我帮您改地址", "not_addressable")):
        assert code in codes(check_draft(text, None, None, moving, words.strategies))
    for text in ("不能取消，可以拒收", "地址改不了，您可以请人代收"):
        assert codes(check_draft(text, None, None, moving, words.strategies)) == set(), text
    paid, _ = await case_of(shop, "u1017", OrderState.PAID)
    assert codes(check_draft("可以取消，也能改地址", None, None, paid, words.strategies)) == set()
    order = await order_under(shop, "u1006", "too_late")
    over = await gather(shop, Talk("u1006").shopper(order.order_number).made(), NOW)
    found = codes(check_draft("可以退货，也可以换货", None, None, over, words.strategies))
    assert {"not_returnable", "not_exchangeable"} <= found
