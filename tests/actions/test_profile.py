"""The account: told to its owner alone, masked, the same figures in every style."""

from __future__ import annotations

from datetime import timedelta

import pytest

from actions.profile import AccountAction, ShowAddresses, ShowMembership, ShowPoints
from actions.promotion import ShowCoupons
from actions.shop.models import MemberLevel
from actions.shop.sql import SqlShop
from bot.conversation.escalation import Rules
from tests.support.stage import Stage

ALL: tuple[type[AccountAction], ...] = (ShowMembership, ShowPoints, ShowAddresses, ShowCoupons)


@pytest.mark.parametrize("action", ALL)
async def test_a_stranger_learns_what_she_can_do_and_nothing_else(
    shop: SqlShop, action: type[AccountAction]
) -> None:
    order = (await shop.orders("u1006", limit=1))[0]
    for stage in (
        Stage(shop),
        Stage(shop, orders=[order.order_number]),  # a verified order opens no account
        Stage(shop, "u1006", lifetime_s=-60),
        Stage(shop, "u1006", signed_for="c_other"),
    ):
        scene = await stage.play(action(), "我有多少积分")
        assert scene.responses == ["utter_login_needed"]
        for text in scene.texts().values():
            assert "登录" in text
            assert "后四位" in text
            for secret in ("8105", "林静文", "文三西路"):
                assert secret not in text


async def test_points_are_the_same_in_every_style(shop: SqlShop) -> None:
    customer = await shop.customer("u1006")
    scene = await Stage(shop, "u1006").play(ShowPoints(), "积分多少")
    for text in scene.texts().values():
        assert str(customer.points) in text
    if customer.points_expiring:
        assert scene.responses == ["utter_points_expiring"]
        assert scene.facts["expiring"] == customer.points_expiring


async def test_level_is_told_by_its_name(shop: SqlShop) -> None:
    scene = await Stage(shop, "u1003").play(ShowMembership(), "我是什么会员")
    for text in scene.texts().values():
        assert "钻石会员" in text
        assert "会员会员" not in text


async def test_who_comes_first_to_a_person_is_told_as_published(shop: SqlShop) -> None:
    starts = Rules.load().level_start  # what the queue really gives
    seen = set()
    for number in range(1001, 1019):
        customer = await shop.customer(f"u{number}")
        scene = await Stage(shop, f"u{number}").play(ShowMembership(), "我是什么会员")
        for text in scene.texts().values():
            assert ("优先" in text) is (starts[customer.level.value] > timedelta(0))
        seen.add(customer.level)
    assert seen == set(MemberLevel)


async def test_addresses_show_the_place_and_hide_name_and_phone(shop: SqlShop) -> None:
    customer = await shop.customer("u1003")
    scene = await Stage(shop, "u1003").play(ShowAddresses(), "我的地址")
    assert scene.facts["count"] == len(customer.addresses)
    for text in scene.texts().values():
        assert "北京市朝阳区" in text
        assert "北京市北京市" not in text
        assert customer.phone not in text
        assert customer.name not in text
