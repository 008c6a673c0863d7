"""Praise: thanked for in every style, noted once for the shop, nobody called."""

from __future__ import annotations

import pytest

from actions.praise import TakePraise, is_doubtful, subject_of
from actions.shop.errors import ShopTimeoutError
from actions.shop.sql import SqlShop
from bot.conversation.assertion import Assertions
from bot.conversation.directives import read_directives
from bot.conversation.types import RequestKind
from tests.support.shop import NOW
from tests.support.stage import Stage, broken


@pytest.mark.parametrize(
    ("text", "subject"),
    [
        ("快递小哥人真好，帮我送上楼了", "courier"),
        ("刚才的客服小陈帮了我大忙", "agent"),
        ("给客服小姐姐点赞，快递也快", "courier"),
        ("人工客服态度特别好", "agent"),
        ("安装师傅活儿干得漂亮", "agent"),
        ("你们店真良心", "shop"),
        ("", "shop"),
    ],
)
def test_whom_it_is_for(text: str, subject: str) -> None:
    assert subject_of(text) == subject


@pytest.mark.parametrize(
    ("intent", "text"),
    [("praise_goods", "东西很好，很喜欢"), ("praise_service", "快递小哥人真好")],
)
async def test_thanked_for_and_noted_in_her_words(shop: SqlShop, intent: str, text: str) -> None:
    for stage in (Stage(shop), Stage(shop, customer_id="u1006")):
        scene = await stage.play(TakePraise(), text, intent=intent)
        assert scene.responses == [f"utter_{intent}"]
        assert "ask_human" not in scene.options
        (directive,) = scene.directives
        assert (directive["directive"], directive["reason"]) == ("praise", text)
        for worded in scene.texts().values():
            assert "转给店里" in worded
        assert "晒" not in scene.worded("power").text


async def test_each_is_noted_once_however_often_it_is_said(shop: SqlShop) -> None:
    stage = Stage(shop, customer_id="u1006")
    noted = []
    for text in ("快递员真好", "快递小哥太棒了", "客服也好", "快递给力"):
        noted.append(len((await stage.play(TakePraise(), text, intent="praise_service")).directives))
    assert noted == [1, 0, 1, 0]


async def test_the_order_talked_of_or_named_goes_with_it(shop: SqlShop) -> None:
    order = (await shop.orders("u1006"))[0]
    stage = Stage(shop, customer_id="u1006")
    named = await stage.play(TakePraise(), f"{order.items[0].short_name}真好用", intent="praise_goods")
    (directive,) = named.directives
    if directive["order_number"] is not None:
        assert directive["order_number"] in {o.order_number for o in await shop.orders("u1006")}
        assert order.items[0].short_name in named.facts["items"]
    # What was talked of last is not what she likes: nobody is told that her charger suits her.
    other = Stage(shop, customer_id="u1006", slots={"order_number": order.order_number})
    plain = await other.play(TakePraise(), "太好看了爱了爱了", intent="praise_goods")
    assert "items" not in plain.facts


async def test_thanks_need_no_shop(shop: SqlShop) -> None:
    with broken(shop, "orders", ShopTimeoutError("slow")):
        scene = await Stage(shop, customer_id="u1006").play(TakePraise(), "东西真好", intent="praise_goods")
    assert scene.responses == ["utter_praise_goods"]
    assert scene.directives


async def test_the_front_notes_it_without_contact_or_promise(shop: SqlShop) -> None:
    scene = await Stage(shop).play(TakePraise(), "快递小哥人真好", intent="praise_service")
    more = {"contact": "13800001111", "answer_by": "2026-11-24T20:00:00+08:00"}
    forged = [{**directive, **more} for directive in scene.directives]
    effects = read_directives(
        forged, Assertions("k" * 32, lambda: NOW), conversation_id="c_1", message_id="m_1", replayed=False
    )
    (request,) = effects.requests
    assert (request.kind, request.contact, request.answer_by) == (RequestKind.PRAISE, None, None)
    assert effects.wish is None
    assert not effects.malformed


@pytest.mark.parametrize(
    ("text", "doubtful"),
    [
        ("东西质量太差了", True),
        ("服务真好，等了半个月才到", True),
        ("快递员真行啊", True),
        ("客服一点也不耐心", True),
        ("质量不差，挺好", False),
        ("用了一年没坏，好东西", False),
        ("没有问题，很喜欢", False),
        ("东西没毛病，给好评", False),
        ("差点错过这么好的东西", False),
        ("水果好甜，孩子爱吃", False),
    ],
)
async def test_what_only_resembles_praise_is_not_thanked_for(
    shop: SqlShop, text: str, doubtful: bool
) -> None:
    assert is_doubtful(text) is doubtful
    scene = await Stage(shop).play(TakePraise(), text, intent="praise_goods")
    assert scene.responses == (["utter_praise_doubtful"] if doubtful else ["utter_praise_goods"])
    assert bool(scene.directives) is not doubtful


def test_no_training_sentence_of_praise_is_doubtful() -> None:
    from tests.test_guards import examples

    for intent in ("praise_goods", "praise_service"):
        assert [text for text in examples()[intent] if is_doubtful(text)] == []
