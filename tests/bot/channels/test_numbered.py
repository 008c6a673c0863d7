"""A typed number is the choice that was offered last, and only that."""

from __future__ import annotations

from typing import Any

import pytest

from bot.channels.base import Button, Limits
from bot.channels.numbered import Offer, chosen, first_number, offer, score

PLAIN = Limits(text=600)
THREE = Offer((Button("b1", "查物流"), Button("b2", "催一下"), Button("b3", "改地址")))
MANY = Offer(tuple(Button(f"b{at}", f"第{at}项") for at in range(1, 13)))


@pytest.mark.parametrize(
    "typed",
    ["2", "２", "二", "②", "2️⃣", "2。", "2.", " 2 ", "第二个", "第2个", "选2", "我选第二个", "选二", "2号",
     "回复2", "2吧", "(2)", "【2】", "⑵", "⒉", "2 催一下", "2、催一下", "选项2", "第二项。"],
)  # fmt: skip
def test_a_number_in_any_writing_is_the_choice(typed: str) -> None:
    assert chosen(typed, THREE) == Button("b2", "催一下")


@pytest.mark.parametrize(
    "typed",
    ["3 个", "3个", "2 件退货", "4", "0", "02", "第九个", "22", "1.5", "2 改地址", "两个", "我要2个", "2026",
     "", "1 2", "2-3", "第二个到了吗", "一下", "倒数第二个", "-1", "2元", "½", "Ⅱ", "二二"],
)  # fmt: skip
def test_other_words_stay_words(typed: str) -> None:
    assert chosen(typed, THREE) is None
    assert chosen("2", Offer()) is None


def test_a_form_may_wait_for_digits() -> None:
    assert chosen("12", MANY) == Button("b12", "第12项")
    assert chosen("12", MANY, form_open=True) is None
    assert chosen("2", MANY, form_open=True) == Button("b2", "第2项")
    assert chosen("十二", MANY) == Button("b12", "第12项")


def test_beside_a_list_of_things_the_second_one_is_a_thing() -> None:
    listed = Offer(THREE.choices, listed=True)
    assert chosen("第二个", listed) is None and chosen("②", listed) is None
    assert chosen("2", listed) == Button("b2", "催一下")


def said(kind: str, reply_to: str | None, author: str = "bot", *titles: str, **more: Any) -> dict[str, Any]:
    """Return a message of the record."""
    message = {"type": kind, "author": author, "in_reply_to": reply_to, "text": "好的", **more}
    if titles:
        message["buttons"] = [{"id": f"b-{title}", "title": title} for title in titles]
    return message


def test_the_messages_of_one_answer_count_on() -> None:
    notice = said("notice", None, "system", "关闭个性化")
    greeting = said("buttons", None, "bot", "查物流", "我的订单")
    assert first_number([], notice, PLAIN) == 1
    assert first_number([notice], greeting, PLAIN) == 2
    assert [one.title for one in offer([notice, greeting], PLAIN).choices] == [
        "关闭个性化",
        "查物流",
        "我的订单",
    ]
    hers = said("text", None, "shopper")
    answer = said("buttons", "m1", "bot", "催一下")
    assert first_number([notice, greeting, hers], answer, PLAIN) == 1
    assert [one.id for one in offer([notice, greeting, hers, answer], PLAIN).choices] == ["b-催一下"]


def test_what_closes_an_offer() -> None:
    asked = said("buttons", "m1", "bot", "查物流", "催一下")
    for open_after in (
        said("text", None, "shopper"),
        said("notice", "m2", "system"),
        said("card", "m1", "bot", card="order", data={}),
    ):
        assert len(offer([asked, open_after], PLAIN).choices) == 2, open_after
    for closes in (
        said("text", "m2"),
        said("text", None, "agent"),
        said("rating", "m1", "system"),
    ):
        assert offer([asked, closes], PLAIN) == Offer(), closes
    later = said("buttons", "m2", "bot", "改地址")
    assert [one.id for one in offer([asked, later], PLAIN).choices] == ["b-改地址"]
    assert offer([asked], Limits(text=600, buttons=3)) == Offer(), "real buttons are tapped"
    assert offer([said("card", "m1", "bot", card="products", data={}), asked], PLAIN).listed


@pytest.mark.parametrize(
    ("typed", "figure"),
    [("5", 5), ("５", 5), ("五", 5), ("⑤", 5), ("5️⃣", 5), ("5分", 5), ("五星", 5), ("5 颗星", 5),
     ("打5分", 5), ("给4分吧", 4), ("我给3分", 3),
     ("我打4分。", 4), ("回复1", 1), (" 2 ", 2), ("两分", 2), ("两星吧", 2),
     ("给您打5分", 5), ("评个5分", 5),
     ("4。", 4), ("(3)", 3), ("1分!", 1), ("5分，谢谢", 5), ("5分 谢谢您", 5)],
)  # fmt: skip
def test_a_figure_in_any_writing_is_a_score(typed: str, figure: int) -> None:
    assert score(typed) == figure


@pytest.mark.parametrize(
    "typed",
    ["0", "6", "12", "10分", "55", "5个", "5号", "5件", "5元", "5天", "5点",
     "5分钟", "5分货", "5.5", "5-4", "4,5",
     "第5个", "选5", "给5", "打5折", "打5", "两", "俩", "-1", "05", "½", "⑥", "⑩",
     "۵", "٤", "५", "五五", "十", "五毛",
     "5 退货", "5分，给我退款", "1 查物流", "5分不可能",
     "给5个", "买5", "五星红旗", "满意", "", "分", "Ⅴ"],
)  # fmt: skip
def test_what_may_be_anything_else_is_no_score(typed: str) -> None:
    assert score(typed) is None
