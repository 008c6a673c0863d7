# ruff: noqa: E501  (a row of a table stays one line)
"""What people type is read as they mean it."""

from __future__ import annotations

import pytest

from actions import parsing
from actions.parsing import AddressParts
from actions.shop.models import RETURN_REASONS


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("202611200001", ["202611200001"]),
        ("订单号：２０２６１１２００００１", ["202611200001"]),
        ("2026 1120 0001 到哪了", ["202611200001"]),
        ("单号2026-1120-0001", ["202611200001"]),
        ("202611200001和202611200002", ["202611200001", "202611200002"]),
        ("202611200001 202611200001", ["202611200001"]),
        ("13812345678", []),
        ("2026112000011", []),
        ("运单号 SF1234567890123", []),
        ("", []),
    ],
)
def test_order_numbers(text: str, numbers: list[str]) -> None:
    assert parsing.order_numbers(text) == numbers


@pytest.mark.parametrize(
    ("text", "phone", "tail"),
    [
        ("13812345678", "13812345678", "5678"),
        ("138 1234 5678", "13812345678", "5678"),
        ("+86 138-1234-5678", "13812345678", "5678"),
        ("尾号5678", None, "5678"),
        ("５６７８", None, "5678"),
        ("后四位是 5 6 7 8", None, "5678"),
        ("五六七八", None, "5678"),
        ("幺零八六", None, "1086"),
        ("202611200001 5678", None, "5678"),
        ("12345", None, None),
        ("202611200001", None, None),
        ("不知道", None, None),
    ],
)
def test_phones(text: str, phone: str | None, tail: str | None) -> None:
    assert parsing.phone(text) == phone
    assert parsing.phone_tail(text) == tail


@pytest.mark.parametrize(
    ("text", "count", "index"),
    [
        ("第二个", 3, 1),
        ("第2单", 3, 1),
        ("第２个吧", 3, 1),
        ("第十二个", 15, 11),
        ("第二十个", 20, 19),
        ("2", 3, 1),
        ("二", 3, 1),
        ("选3", 3, 2),
        ("要两个", 3, 1),
        ("倒数第二个", 3, 1),
        ("倒数第一", 3, 2),
        ("最后一个", 3, 2),
        ("最后那单", 3, 2),
        ("最近那单", 3, 0),
        ("刚买的那个", 3, 0),
        ("上面那个", 3, 0),
        ("下面那个", 2, 1),
        ("下面那个", 3, None),
        ("中间那个", 3, 1),
        ("中间那个", 4, None),
        ("第五个", 3, None),
        ("第零个", 3, None),
        ("9", 3, None),
        ("买了2个都没到", 3, None),
        ("耳机那个", 3, None),
        ("第一个", 0, None),
    ],
)
def test_ordinals(text: str, count: int, index: int | None) -> None:
    assert parsing.ordinal(text, count) == index


NAMES = ["降噪蓝牙耳机 Pro 黑色", "纯棉长袖T恤 白色", "儿童保温杯 500ml", "蓝牙音箱 白色"]


@pytest.mark.parametrize(
    ("text", "indices"),
    [
        ("耳机那个", [0]),
        ("就是那个保温杯", [2]),
        ("t恤", [1]),
        ("蓝牙的", [0, 3]),
        ("蓝牙音箱", [3]),
        ("洗衣机", []),
        ("那个订单的快递", []),
        ("", []),
    ],
)
def test_products_in_words(text: str, indices: list[int]) -> None:
    assert parsing.match_words(text, NAMES) == indices


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("穿着太小了", "wrong_size"),
        ("尺码不合适", "wrong_size"),
        ("充不进电，坏的", "quality"),
        ("质量太差了", "quality"),
        ("收到就碎了", "damaged"),
        ("颜色发错了", "wrong_item"),
        ("少了一个充电头", "missing_parts"),
        ("跟图片完全不一样", "not_as_described"),
        ("等太久了", "late"),
        ("我根本没收到", "not_received"),
        ("拍错了", "changed_mind"),
        ("不喜欢", "no_reason"),
        ("七天无理由", "no_reason"),
        ("今天天气不错", None),
    ],
)
def test_reasons(text: str, code: str | None) -> None:
    assert parsing.reason(text) == code


def test_every_reason_of_the_shop_has_words() -> None:
    of_repairs = {"broken", "worn"}  # decided by the warranty, not by what she says
    assert {code for code, _ in parsing._reasons()} == set(RETURN_REASONS) - of_repairs


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (
            "改成浙江省杭州市西湖区文三路88号3栋502，收件人李雷，电话13800001111",
            ("浙江省", "杭州市", "西湖区", "文三路88号3栋502", "李雷", "13800001111"),
        ),
        ("上海浦东新区张杨路500号", ("上海市", "上海市", "浦东新区", "张杨路500号", None, None)),
        ("北京市海淀区中关村大街1号 张三 13800001111", ("北京市", "北京市", "海淀区", "中关村大街1号", "张三", "13800001111")),
        ("地址换成 广东深圳市南山区科技园路6号", ("广东省", "深圳市", "南山区", "科技园路6号", None, None)),
        ("不对，地址是成都市武侯区人民南路四段9号", (None, "成都市", "武侯区", "人民南路四段9号", None, None)),
        ("送到幸福小区3栋2单元502", (None, None, None, "幸福小区3栋2单元502", None, None)),
        ("张三收 13800001111", (None, None, None, None, "张三", "13800001111")),
        ("电话换成13800001111", (None, None, None, None, None, "13800001111")),
        ("收件人改成韩梅梅", (None, None, None, None, "韩梅梅", None)),
        ("新疆乌鲁木齐市天山区解放路2号", ("新疆维吾尔自治区", "乌鲁木齐市", "天山区", "解放路2号", None, None)),
        ("江苏省苏州市昆山市前进路８号", ("江苏省", "苏州市", "昆山市", "前进路8号", None, None)),
    ],
)  # fmt: skip
def test_addresses(text: str, parts: tuple[str | None, ...]) -> None:
    assert parsing.address(text) == AddressParts(*parts)


@pytest.mark.parametrize(
    "text", ["我要改地址", "地址写错了", "能改吗", "好的", "第二个", "什么时候到", "算了不改了"]
)
def test_no_address(text: str) -> None:
    assert not parsing.address(text)


def test_a_correction_completes_or_replaces() -> None:
    first = AddressParts("浙江省", "杭州市", "西湖区", "文三路88号", "李雷", "13800001111")
    assert AddressParts(phone="13900002222").over(first).street == "文三路88号"
    moved = AddressParts(city="成都市", district="武侯区").over(first)
    assert (moved.street, moved.province, moved.consignee) == (None, None, "李雷")
    assert AddressParts.from_json(first.to_json()) == first


@pytest.mark.parametrize(
    ("text", "yes"),
    [
        ("确认", True),
        ("是", True),
        ("好的，谢谢", True),
        ("嗯嗯 可以👌", True),
        ("对的确认取消", True),
        ("ＯＫ", True),
        ("行吧", True),
        ("好吗", False),
        ("可以吗？", False),
        ("确认一下什么时候退钱", False),
        ("好的但是地址不对", False),
        ("不好", False),
        ("不确认", False),
        ("是不是要等很久", False),
        ("", False),
    ],
)
def test_only_a_plain_yes_confirms(text: str, yes: bool) -> None:
    assert parsing.is_plain_yes(text) is yes


@pytest.mark.parametrize(
    ("text", "given_up"),
    [
        ("算了不投诉了", True),
        ("算了不用备注了", True),
        ("不撤了，还是继续退吧", True),
        ("不取消了", True),
        ("算了别退了吧", True),
        ("不取消了 我要改地址", True),
        ("不想退了", True),
        ("怎么不改了吗", False),
        ("取消订单", False),
        ("不能退吗", False),
        ("改地址", False),
    ],
)
def test_taking_back_what_was_begun(text: str, given_up: bool) -> None:
    assert parsing.gives_up(text) is given_up


@pytest.mark.parametrize("text", ["不对不对，是北京路982号", "北京路982号"])
def test_a_street_called_after_a_city_is_no_city(text: str) -> None:
    parts = parsing.address(text)
    assert (parts.province, parts.city, parts.street) == (None, None, "北京路982号")
    assert parsing.address("湖南道县道江镇1号").province == "湖南省"


@pytest.mark.parametrize(
    ("text", "street"),
    [
        ("改成杭州市西湖区文三路100号3幢201，请确认一下改了之后运费和时效有没有变化", "文三路100号3幢201"),
        ("改成杭州市西湖区文三路100号3幢201可以吗", "文三路100号3幢201"),
        ("麻烦改到杭州市西湖区文三路100号3幢201吧😊谢谢", "文三路100号3幢201"),
        ("寄到杭州市西湖区文三路100号。什么时候能到？", "文三路100号"),
        ("杭州市西湖区文三路100号，3幢201室，张三 13900001111", "文三路100号3幢201室"),
        ("地址写错了，应该是杭州市西湖区文三路100号，顺便问下几天能到", "文三路100号"),
        ("广州市天河区帮源路6号", "帮源路6号"),
        ("北京市海淀区请息路3号能不能今天发", "请息路3号"),
    ],
)
def test_an_address_ends_where_something_else_goes_on(text: str, street: str) -> None:
    found = parsing.address(text)
    assert found.street == street
    assert found.district
    assert found.city


def test_a_question_about_an_address_is_none() -> None:
    assert not parsing.address("请问改地址之后3号能到吗")
