"""Messages of the record as parts: within every limit, with nothing lost, and good to read."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from actions.cards import aftersale_card, order_card, shipment_card
from actions.recommend import products_card
from actions.shop.cards import comparison_card
from actions.shop.sql import SqlShop
from bot.channels.base import ButtonsPart, CardPart, Limits, Part, PicturePart, TextPart, Unit
from bot.channels.cutting import cut, size
from bot.channels.numbered import by_number
from bot.channels.phrases import phrases
from bot.channels.rendering import House, parts
from persona.wording.cards import CardTexts
from tests.support.shop import demo_shop

CARDS = CardTexts.load()
HOUSE = House(CARDS.say, "https://shop.example", "/goods?id={product_id}")
PLAIN = Limits(text=600)
_MORE = "内容太长"

# -- cutting ------------------------------------------------------------------------------------------------

_WRITTEN = st.text(
    st.sampled_from("订单已发货，。！？；：、“”（）… \n")
    | st.sampled_from("0189.:-Az月日元")
    | st.characters(),
    max_size=300,
)


@given(_WRITTEN, st.integers(4, 90), st.sampled_from(Unit))
@example("好" * 50 + "🇨🇳👨\u200d👩\u200d👧e\u0301" * 20, 31, Unit.BYTES)
def test_pieces_fit_and_are_the_text(text: str, most: int, unit: Unit) -> None:
    pieces = cut(text, most, unit)
    assert "".join(pieces) == text
    assert all(piece and size(piece, unit) <= most for piece in pieces)


WHOLE = (
    "202611200001", "SF1234567890", "11月24日（周二） 18:00", "2026年11月24日", "1,299.50 元", "89 元",
    "¥89.00", "https://shop.example/goods?id=p101&from=chat", "09:00–12:00", "3 天", "4.8",
    "👨\u200d👩\u200d👧", "🇨🇳", "👍🏽", "e\u0301",
)  # fmt: skip


@given(
    st.lists(st.sampled_from([*WHOLE, "您的包裹，", "已经发出。", "预计送到", "\n"]), max_size=40),
    st.integers(60, 120),
)
def test_what_belongs_together_is_never_cut(words: list[str], most: int) -> None:
    pieces = cut(" ".join(words), most, Unit.CHARACTERS)
    told = [word for word in words if word in WHOLE]
    for word in set(told):
        assert sum(piece.count(word) for piece in pieces) == " ".join(words).count(word)


def test_cuts_stand_at_sentence_ends_else_at_commas() -> None:
    text = "包裹已从杭州发出。预计明天送到！您在家吗？" * 3
    assert all(piece[-1] in "。！？" for piece in cut(text, 25, Unit.CHARACTERS))
    assert cut("他说：“好的。”然后挂了电话", 8, Unit.CHARACTERS)[0] == "他说：“好的。”"
    assert cut("没有句号的长句，只有逗号，一直说", 14, Unit.CHARACTERS)[0] == "没有句号的长句，只有逗号，"
    assert cut("一二三四五六七八", 9, Unit.BYTES) == ("一二三", "四五六", "七八")


# -- any message --------------------------------------------------------------------------------------------

_TEXT = st.text(st.sampled_from("已发货，预计送达。\n 12月89元") | st.characters(), max_size=1500)
_BUTTONS = st.lists(
    st.fixed_dictionaries(
        {"id": st.from_regex(r"[A-Za-z0-9_-]{1,12}", fullmatch=True), "title": st.text(max_size=30)}
    ),
    min_size=1,
    max_size=12,
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_NAMES = (
    "items",
    "trace",
    "products",
    "rows",
    "clauses",
    "coupons",
    "number",
    "total",
    "picture",
    "product_id",
)
_DATA = st.dictionaries(st.sampled_from(_NAMES) | st.text(max_size=8), _JSON, max_size=6)
_KINDS = ("order", "shipment", "products", "comparison", "aftersale", "policy", "coupons", "hologram")


def _message(kind: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {
            "type": st.just(kind),
            "author": st.sampled_from(["bot", "agent", "system"]),
            "text": _TEXT,
            **fields,
        }
    )


MESSAGES = st.one_of(
    _message("text"),
    _message("notice"),
    _message("notice", buttons=_BUTTONS),
    _message("buttons", buttons=_BUTTONS),
    _message("card", card=st.sampled_from(_KINDS), data=_DATA),
    _message("card", card=st.sampled_from(_KINDS), data=_DATA, buttons=_BUTTONS),
    _message(
        "picture",
        url=st.just("/pictures/abc.jpg") | st.text(max_size=30),
        width=st.just(1),
        height=st.just(1),
    ),
    _message("rating", dimensions=st.just([]), comment_label=st.just(""), by_number=_TEXT),
)
LIMITS = st.builds(
    Limits,
    text=st.integers(120, 2048),
    unit=st.sampled_from(Unit),
    texts=st.integers(1, 6),
    buttons=st.integers(0, 8),
    button_title=st.integers(4, 20),
    cards=st.frozensets(st.sampled_from(_KINDS)),
    card_rows=st.integers(1, 8),
    pictures=st.booleans(),
    links=st.booleans(),
)


def words_of(part: Part) -> str:
    """Return all words of a part."""
    if isinstance(part, CardPart):
        return "\n".join([part.title, *(f"{row.title} {row.text}" for row in part.rows), part.text])
    return part.text


def squeezed(text: str) -> str:
    """Return a text without white space."""
    return re.sub(r"\s", "", text)


@given(MESSAGES, LIMITS)
def test_any_message_becomes_parts_within_the_limits(message: dict[str, Any], limits: Limits) -> None:
    made = parts(message, limits, HOUSE)
    assert len(made) <= limits.texts
    for part in made:
        if not isinstance(part, PicturePart):
            assert size(part.text, limits.unit) <= limits.text and (
                part.text.strip() or isinstance(part, CardPart)
            )
        if isinstance(part, ButtonsPart | CardPart):
            assert len(part.buttons) <= limits.buttons
            assert all(len(button.title) <= limits.button_title for button in part.buttons)
        if isinstance(part, CardPart):
            assert part.card in limits.cards and 0 < len(part.rows) <= limits.card_rows
    said = "".join(map(words_of, made))
    if message["type"] in {"text", "buttons", "notice"} and _MORE not in said:
        choices = message.get("buttons", [])
        assert squeezed(said).startswith(squeezed(message["text"])) or not squeezed(message["text"])
        own = [button.title for part in made if isinstance(part, ButtonsPart) for button in part.buttons]
        for choice in choices:
            assert choice["title"] in own or squeezed(choice["title"]) in squeezed(said)


def test_what_is_too_long_says_so_and_keeps_its_choices() -> None:
    buttons = [{"id": "b1", "title": "查物流"}, {"id": "b2", "title": "催一下"}]
    long = {"type": "buttons", "author": "bot", "text": "这一步要等一天。" * 200, "buttons": buttons}
    first, *_, last = parts(long, Limits(text=200, texts=3), HOUSE)
    assert isinstance(first, TextPart) and first.text.endswith("。")
    assert last.text.endswith(phrases()["too_long"] + "\n\n回复数字：1 查物流 2 催一下")  # type: ignore[union-attr]
    (*_, native) = parts(long, Limits(text=200, texts=3, buttons=2), HOUSE)
    assert isinstance(native, ButtonsPart) and [b.id for b in native.buttons] == ["b1", "b2"]


def test_her_own_messages_are_not_sent_back() -> None:
    assert parts({"type": "text", "author": "shopper", "text": "在吗"}, PLAIN, HOUSE) == ()


def test_a_question_for_a_rating_says_how_to_answer_it_here() -> None:
    asked = {"type": "rating", "author": "system", "text": "打个分吧", "dimensions": [], "comment_label": ""}
    assert parts({**asked, "by_number": "回复 1–5"}, Limits(text=600), House()) == (TextPart("回复 1–5"),)
    assert parts(asked, Limits(text=600), House()) == (TextPart("打个分吧"),), "of an older record"


def test_pictures_are_sent_by_their_whole_address_or_told() -> None:
    message = {"type": "picture", "author": "agent", "url": "/pictures/k3.jpg", "text": "小林发来的图片"}
    whole = "https://shop.example/pictures/k3.jpg"
    (sent,) = parts(message, Limits(text=600, pictures=True), HOUSE)
    assert sent == PicturePart(address=whole, text="小林发来的图片")
    assert parts(message, PLAIN, HOUSE) == (TextPart(f"小林发来的图片\n图片：{whole}"),)
    nowhere = House(CARDS.say)
    assert parts(message, Limits(text=600, pictures=True), nowhere) == (
        TextPart("小林发来的图片\n（这里显示不了图片）"),
    )


# -- cards of the shop --------------------------------------------------------------------------------------


@pytest.fixture
def shop(tmp_path: Path) -> SqlShop:
    return demo_shop(tmp_path)[0]


async def real_cards(shop: SqlShop) -> list[tuple[str, dict[str, Any]]]:
    """Return cards of the demo shop in every state."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for number in range(1, 26):
        customer = f"u10{number:02}"
        for order in await shop.orders(customer):
            found[("order", order.state)] = order_card(order)
            if order.shipment:
                found[("shipment", order.state)] = shipment_card(order, order.shipment)
        for request in await shop.after_sales(customer):
            found[("aftersale", f"{request.state}{request.kind}")] = aftersale_card(request, None)
    picks = await shop.recommend(customer_id="u1001", limit=5)
    found[("products", "")] = products_card(picks)
    rows = [{"label": "续航", "values": ["30 小时", "8 小时"], "differs": True}]
    found[("comparison", "")] = comparison_card([product for product, _ in picks[:2]], rows)
    await shop.close()
    return [(kind, json.loads(json.dumps(data))) for (kind, _), data in found.items()]


#: Dates that are told in no state, or only while they can still be kept.
_PASSING = {"shipped_at", "created_at", "promised_by", "expected_by", "review_by", "refund_by", "goods_total"}

#: Cards whose goods are told with their price; of a parcel they are told by name.
_PRICED = {"order", "products", "comparison"}


def facts(value: Any, key: str = "") -> list[str]:
    """Return the prices, moments and numbers of a card as they must be told."""
    if isinstance(value, Mapping):
        return [fact for name, one in value.items() for fact in facts(one, name)]
    if isinstance(value, list):
        return [fact for one in value for fact in facts(one)]
    if not isinstance(value, str) or key in _PASSING:
        return []
    if key.endswith(("price", "total", "amount", "freight", "discount")) and float(value):
        return [f"{value.removesuffix('.00')} 元"]
    if found := re.fullmatch(r"\d{4}-(\d\d)-(\d\d)T(\d\d:\d\d).*", value):
        return [f"{int(found[1])}月{int(found[2])}日 {found[3]}"]
    return [value] if key.endswith("number") else []


@pytest.mark.parametrize(
    "limits",
    [
        Limits(text=2048, unit=Unit.BYTES, texts=3),
        Limits(text=200, texts=5),
        Limits(text=600, texts=5, buttons=3, cards=frozenset(_KINDS), card_rows=4),
        Limits(text=600, texts=5, links=False),
    ],
)
async def test_no_price_date_or_number_of_a_card_is_lost(shop: SqlShop, limits: Limits) -> None:
    cards = await real_cards(shop)
    assert len(cards) > 20
    for kind, data in cards:
        message = {"type": "card", "author": "bot", "card": kind, "data": data, "text": CARDS.say(kind, data)}
        made = parts({**message, "buttons": [{"id": "b", "title": "催一下"}]}, limits, HOUSE)
        said = "\n".join(words_of(part) for part in made)
        told = facts(data if kind in _PRICED else {**data, "items": []})
        assert [fact for fact in told if fact not in said] == [], (kind, said)
        assert all(item["short_name"] in said for item in data.get("items", []))
        assert _MORE not in said
        assert any(getattr(part, "buttons", ()) for part in made) or "催一下" in said
        if kind in limits.cards:
            assert any(isinstance(part, CardPart) for part in made)


def test_each_card_reads_well() -> None:
    products = [
        {
            "product_id": "p1/0",
            "name": "轻量跑鞋",
            "price": "399.00",
            "rating": "4.8",
            "picture": "/g/p1.jpg",
        },
        {
            "product_id": "p2",
            "name": "短袖",
            "price": "39.90",
            "rating": "4.7",
            "picture": "/g/p2.svg",
            "stock": 0,
        },
    ]
    card = {"type": "card", "author": "bot", "card": "products", "data": {"products": products}, "text": ""}
    steps = [{"id": "b1", "title": "换一批"}, {"id": "b2", "title": "对比这几款"}]
    (said,) = parts({**card, "buttons": steps}, PLAIN, HOUSE)
    assert said.text == (  # type: ignore[union-attr]
        "① 轻量跑鞋，399 元，评分 4.8\nhttps://shop.example/goods?id=p1%2F0\n"
        "② 短袖，39.90 元，评分 4.7，缺货\nhttps://shop.example/goods?id=p2\n\n"
        "回复数字：1 换一批 2 对比这几款"
    )
    (drawn,) = parts(card, Limits(text=600, cards=frozenset({"products"})), HOUSE)
    assert isinstance(drawn, CardPart)
    assert [(row.title, row.text, row.picture) for row in drawn.rows] == [
        ("轻量跑鞋", "399 元，评分 4.8", "https://shop.example/g/p1.jpg"),
        ("短袖", "39.90 元，评分 4.7，缺货", ""),
    ]


def test_a_card_adds_only_what_its_text_has_not_told() -> None:
    clauses = [
        {"part": "conclusion", "label": "结论", "text": "七天内可以退。", "told": True},
        {"part": "fee", "label": "运费", "text": "无理由退货运费由您承担。", "told": False},
    ]
    policy = {"type": "card", "author": "bot", "card": "policy", "text": "七天内可以退。"}
    (said,) = parts({**policy, "data": {"title": "退货规则", "clauses": clauses}}, PLAIN, HOUSE)
    assert said == TextPart("七天内可以退。\n退货规则\n运费：无理由退货运费由您承担。")
    drawing = Limits(text=600, cards=frozenset({"policy"}))
    lead, drawn = parts({**policy, "data": {"title": "退货规则", "clauses": clauses}}, drawing, HOUSE)
    assert lead == TextPart("七天内可以退。") and isinstance(drawn, CardPart)
    assert [row.title for row in drawn.rows] == ["运费"] and len(drawn.data["clauses"]) == 2
    assert parts({**policy, "data": {"title": "退货规则", "clauses": clauses[:1]}}, drawing, HOUSE) == (lead,)
    coupon = {
        "title": "全场券", "amount": "50.00", "threshold": "399.00", "ends_at": "2026-12-15T23:59:59+08:00",
        "state": "usable", "scope": "全场",
    }  # fmt: skip
    card = {"type": "card", "author": "bot", "card": "coupons", "data": {"coupons": [coupon]}}
    told = "您有 1 张可用的优惠券：\n全场满 399 元减 50 元，12月15日（周二）前有效"
    assert parts({**card, "text": told}, PLAIN, HOUSE) == (TextPart(told),)
    (more,) = parts({**card, "text": "您有券可用。"}, PLAIN, HOUSE)
    assert more == TextPart("您有券可用。\n① 全场券，满 399 元减 50 元，全场可用，12月15日 24:00 前有效")


def test_choices_that_are_long_or_begin_with_figures_stand_on_lines() -> None:
    buttons = [{"id": "a", "title": "2 件"}, {"id": "b", "title": "11月24日（周二） 09:00–12:00"}]
    message = {"type": "buttons", "author": "bot", "text": "要几件？", "buttons": buttons}
    (said,) = parts(message, Limits(text=600, buttons=3, button_title=6), HOUSE, first=3)
    assert said == TextPart("要几件？\n\n回复数字选择：\n3. 2 件\n4. 11月24日（周二） 09:00–12:00")
    assert by_number((), PLAIN) is False
