"""Coupons and offers: what she has, why one does not count, what runs, and claiming once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import delete

from actions.promotion import (
    CheckCoupons,
    ClaimCoupon,
    ShowCoupons,
    TellCouponReturn,
    TellPromotions,
    TellStacking,
)
from actions.shop.errors import ShopTimeoutError
from actions.shop.models import OrderState, ReturnTerms
from actions.shop.service_schema import PromotionRow
from actions.shop.sql import SqlShop
from persona.wording.cards import CardTexts
from tests.shop.helpers import order_in
from tests.support.shop import NOW, Clock
from tests.support.stage import Scene, Stage, broken

GOLD, ORDINARY = "u1001", "u1023"


def no_offers(shop: SqlShop) -> None:
    with shop.engine.begin() as connection:
        connection.execute(delete(PromotionRow))


def offers_of(scene: Scene) -> dict[str, dict[str, object]]:
    return {row["title"]: row for row in scene.facts["offers"]}


# -- what she has ---------------------------------------------------------------------------------


async def test_her_coupons_the_first_to_lapse_first(shop: SqlShop) -> None:
    scene = await Stage(shop, customer_id=GOLD).play(ShowCoupons(), "我有优惠券吗", intent="ask_coupons")
    held = await shop.coupons(GOLD)
    assert scene.responses == ["utter_coupons"]
    assert [row["amount"] for row in scene.facts["coupons"]] == [str(c.amount) for c in held]
    assert scene.facts["count"] == len(held)
    for text in scene.texts().values():
        assert all(f"{c.amount:.0f} 元" in text and f"{c.minimum:.0f} 元" in text for c in held)


async def test_coupons_are_drawn_in_the_same_message(shop: SqlShop, clock: Clock) -> None:
    held = await shop.coupons(GOLD)
    clock.now = held[0].valid_until - timedelta(days=2)
    left = await shop.coupons(GOLD)
    scene = await Stage(shop, customer_id=GOLD).play(ShowCoupons(), "我的优惠券", intent="ask_coupons")
    (message,) = scene.messages
    assert message["custom"]["card"] == "coupons"
    rows = message["custom"]["data"]["coupons"]
    assert [(r["amount"], r["threshold"]) for r in rows] == [(str(c.amount), str(c.minimum)) for c in left]
    assert (rows[0]["state"], rows[0]["state_label"]) == ("ending", "快到期")
    assert all(row["scope"] and row["title"] for row in rows)
    assert CardTexts.load().say("coupons", message["custom"]["data"]).count("\n") == len(rows) - 1


async def test_only_coupons_that_can_be_used_now_are_listed(shop: SqlShop, clock: Clock) -> None:
    owners = [f"u10{n:02}" for n in range(1, 26)]
    histories = [await shop.history(owner) for owner in owners]
    owner = next(h for h in histories if any(not c.used and c.valid_until > clock.now for c in h.coupons))
    usable = [c for c in owner.coupons if not c.used and c.valid_until > clock.now]
    scene = await Stage(shop, owner.customer_id).play(ShowCoupons(), "我有券吗")
    assert scene.facts["count"] == len(usable)
    dates = [row["valid_until"] for row in scene.facts["coupons"]]
    assert dates == sorted(dates)
    clock.now = max(c.valid_until for c in owner.coupons) + timedelta(seconds=1)
    later = await Stage(shop, owner.customer_id).play(ShowCoupons(), "我有券吗")
    assert later.responses == ["utter_no_coupons"]


async def test_without_coupons_what_can_be_claimed_is_offered(shop: SqlShop, clock: Clock) -> None:
    clock.forward(days=400)
    scene = await Stage(shop, customer_id=GOLD).play(ShowCoupons(), "我的券", intent="ask_coupons")
    assert scene.responses == ["utter_no_coupons"]
    assert scene.options == ["claim_coupon", "ask_promotions"]


@pytest.mark.parametrize("action", [ShowCoupons, CheckCoupons, ClaimCoupon])
async def test_a_stranger_is_told_to_log_in_and_nothing_else(shop: SqlShop, action: type) -> None:
    order = await order_in(shop, OrderState.PAID)
    for stage in (Stage(shop), Stage(shop, orders=[order.order_number])):
        scene = await stage.play(action(), "领券", intent="claim_coupon")
        assert scene.responses == ["utter_login_needed"]
        assert scene.facts["what"] == "coupons"


# -- why a coupon does not count -------------------------------------------------------------------


async def test_each_coupon_is_judged_for_the_product_that_is_meant(shop: SqlShop) -> None:
    no_offers(shop)
    held = await shop.coupons(GOLD)
    phone = next(m.product for m in await shop.find_products("手机") if m.product.category == "phone")
    scene = await Stage(shop, customer_id=GOLD).play(
        CheckCoupons(), intent="ask_coupon_problem", entities={"product_id": phone.product_id}
    )
    assert scene.responses == ["utter_coupon_check"]
    rows = {(row["amount"], row["scope"]): row for row in scene.facts["coupons"]}
    for coupon in held:
        row = rows[str(coupon.amount), coupon.scope]
        if coupon.scope == "beauty":
            assert row["verdict"] == "other_goods"
        elif coupon.minimum > phone.price:
            assert (row["verdict"], row["short"]) == ("below_minimum", str(coupon.minimum - phone.price))
        else:
            assert row["verdict"] == "counts"


async def test_what_is_missing_to_the_minimum_is_told_in_yuan(shop: SqlShop) -> None:
    cheap = min(
        (m.product for m in await shop.find_products("饮料坚果零食咖啡", limit=10)), key=lambda p: p.price
    )
    no_offers(shop)
    coupon = next(c for c in await shop.coupons(GOLD) if c.scope == "all")
    assert cheap.price < coupon.minimum
    scene = await Stage(shop, customer_id=GOLD).play(
        CheckCoupons(), intent="ask_coupon_problem", entities={"product_id": cheap.product_id}
    )
    short = coupon.minimum - cheap.price
    row = next(r for r in scene.facts["coupons"] if r["scope"] == "all")
    assert (row["verdict"], Decimal(row["short"])) == ("below_minimum", short)
    plain = f"{short:.0f}" if short == short.to_integral() else f"{short:.2f}"
    assert all(f"还差 {plain} 元" in text for text in scene.texts().values())


async def test_an_offer_that_takes_no_coupons_is_named(shop: SqlShop) -> None:
    # 全场满 299 减 40 runs for everything and takes no coupons.
    dear = max((m.product for m in await shop.find_products("手机")), key=lambda p: p.price)
    scene = await Stage(shop, customer_id=GOLD).play(
        CheckCoupons(), intent="ask_coupon_problem", entities={"product_id": dear.product_id}
    )
    assert scene.facts["offer"] == "全场满 299 减 40"
    assert {row["verdict"] for row in scene.facts["coupons"]} <= {"not_with_offer", "other_goods"}
    assert all("全场满 299 减 40" in text for text in scene.texts().values())


async def test_without_a_product_the_three_conditions_are_told(shop: SqlShop) -> None:
    scene = await Stage(shop, customer_id=GOLD).play(
        CheckCoupons(), "券怎么用不了", intent="ask_coupon_problem"
    )
    assert scene.responses == ["utter_coupon_conditions"]


# -- what runs -------------------------------------------------------------------------------------


async def test_offers_of_the_whole_shop_are_told_to_everybody(shop: SqlShop) -> None:
    scene = await Stage(shop).play(TellPromotions(), "最近有什么活动", intent="ask_promotions")
    assert scene.responses == ["utter_promotions"]
    told = await shop.promotions()
    assert scene.facts["count"] + scene.facts["more"] == len(told)
    assert scene.facts["count"] == len(scene.facts["offers"])
    rows = offers_of(scene)
    assert rows["户外装备八五折"]["fold"] == "8.5"
    assert rows["户外装备八五折"]["scope"] == "selected"
    assert not any(row["announced"] for row in rows.values())  # six run now: they come first
    assert "换季服饰八折" not in rows  # over
    assert all("8.5 折" in text for text in scene.texts().values())


async def test_offers_of_one_product(shop: SqlShop) -> None:
    scene = await Stage(shop).play(TellPromotions(), intent="ask_promotions", entities={"product_id": "p304"})
    assert scene.responses == ["utter_promotions_product"]
    assert set(offers_of(scene)) == {p.title for p in await shop.promotions(product_id="p304")}
    assert scene.slots["product_id"] == "p304"


async def test_this_one_means_the_product_spoken_of_and_without_one_the_shop(shop: SqlShop) -> None:
    stage = Stage(shop, slots={"product_id": "p304"})
    meant = await stage.play(TellPromotions(), "这款有活动吗", intent="ask_promotions")
    whole = await stage.play(TellPromotions(), "店里最近有啥活动", intent="ask_promotions")
    assert meant.responses == ["utter_promotions_product"]
    assert whole.responses == ["utter_promotions"]


async def test_nothing_runs(shop: SqlShop) -> None:
    no_offers(shop)
    stage = Stage(shop)
    assert (await stage.play(TellPromotions(), "有活动吗", intent="ask_promotions")).responses == [
        "utter_no_promotions"
    ]
    one = await stage.play(TellPromotions(), intent="ask_promotions", entities={"product_id": "p304"})
    assert one.responses == ["utter_no_promotions_product"]
    free = await stage.play(TellStacking(), "能叠加吗", intent="ask_stacking")
    assert free.responses == ["utter_stacking_free"]


async def test_a_product_that_is_gone(shop: SqlShop) -> None:
    scene = await Stage(shop).play(TellPromotions(), intent="ask_promotions", entities={"product_id": "p999"})
    assert scene.responses == ["utter_which_product"]


async def test_what_combines_with_coupons(shop: SqlShop) -> None:
    scene = await Stage(shop).play(TellStacking(), "活动和券能叠加吗", intent="ask_stacking")
    rows = {row["title"]: row["with_coupons"] for row in scene.facts["offers"]}
    running = [p for p in await shop.promotions() if p.starts_at <= NOW]
    assert rows == {p.title: p.with_coupons for p in running}
    assert rows["全场满 299 减 40"] is False


# -- claiming --------------------------------------------------------------------------------------


async def test_several_can_be_had_so_which_is_asked_then_tapped(shop: SqlShop) -> None:
    before = {c.coupon_id for c in await shop.coupons(GOLD)}
    stage = Stage(shop, customer_id=GOLD)
    asked = await stage.play(ClaimCoupon(), "领券", intent="claim_coupon")
    assert asked.responses == ["utter_which_coupon"]
    assert asked.options == ["choose_coupon"] * 2
    assert {c.coupon_id for c in await shop.coupons(GOLD)} == before
    tapped = asked.said[0]["options"][0]["args"]
    done = await stage.play(
        ClaimCoupon(), intent="claim_coupon", entities={"promotion_id": tapped["promotion_id"]}
    )
    assert done.responses == ["utter_coupon_claimed"]
    (new,) = [c for c in await shop.coupons(GOLD) if c.coupon_id not in before]
    assert done.facts["amount"] == str(new.amount)
    assert done.facts["valid_until"] == new.valid_until.isoformat()


@pytest.mark.parametrize(
    ("text", "amount"), [("第二个", "60.00"), ("领30那张", "30.00"), ("要60的", "60.00")]
)
async def test_which_one_is_said_in_words(shop: SqlShop, text: str, amount: str) -> None:
    stage = Stage(shop, customer_id=GOLD)
    await stage.play(ClaimCoupon(), "领券", intent="claim_coupon")
    done = await stage.play(ClaimCoupon(), text, intent="claim_coupon")
    assert (done.responses, done.facts["amount"]) == (["utter_coupon_claimed"], amount)
    assert done.slots["offered_intent"] is None


async def test_one_to_a_customer_however_it_is_asked(shop: SqlShop) -> None:
    stage = Stage(shop, customer_id=GOLD)
    first = await stage.play(ClaimCoupon(), intent="claim_coupon", entities={"promotion_id": "m04"})
    held = await shop.coupons(GOLD)
    stage._count -= 1  # Rasa was killed before it kept the turn: the message comes again
    again = await stage.play(ClaimCoupon(), intent="claim_coupon", entities={"promotion_id": "m04"})
    assert again.messages == first.messages
    later = await stage.play(ClaimCoupon(), intent="claim_coupon", entities={"promotion_id": "m04"})
    assert (later.responses, later.facts["rule"]) == (["utter_coupon_refused"], "claimed")
    assert await shop.coupons(GOLD) == held


async def test_a_level_that_is_too_low_is_named_with_the_one_needed(shop: SqlShop) -> None:
    scene = await Stage(shop, customer_id=ORDINARY).play(
        ClaimCoupon(), intent="claim_coupon", entities={"promotion_id": "m05"}
    )
    assert scene.facts["rule"] == "level_too_low"
    assert all("金卡会员" in text and "普通会员" in text for text in scene.texts().values())


@pytest.mark.parametrize("promotion", ["m09", "m12", "m01", "nonsense"])
async def test_what_cannot_be_claimed_now(shop: SqlShop, promotion: str) -> None:
    held = await shop.coupons(GOLD)
    scene = await Stage(shop, customer_id=GOLD).play(
        ClaimCoupon(), intent="claim_coupon", entities={"promotion_id": promotion}
    )
    assert (scene.responses, scene.facts["rule"]) == (["utter_coupon_refused"], "not_running")
    assert await shop.coupons(GOLD) == held


async def test_nothing_to_claim(shop: SqlShop) -> None:
    no_offers(shop)
    scene = await Stage(shop, customer_id=GOLD).play(ClaimCoupon(), "领券", intent="claim_coupon")
    assert scene.responses == ["utter_no_coupon_to_claim"]


# -- after a refund --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "state", [OrderState.PAID, OrderState.UNPAID, OrderState.SHIPPED, OrderState.DELIVERED]
)
async def test_whether_a_coupon_comes_back_goes_by_dispatch(shop: SqlShop, state: OrderState) -> None:
    order = await order_in(shop, state)
    scene = await Stage(shop, customer_id=order.customer_id).play(
        TellCouponReturn(), f"{order.order_number} 取消了券退吗", intent="ask_coupon_return"
    )
    terms = await shop.return_terms(order.order_number, customer_id=None)
    assert scene.facts["back"] is terms.coupon_returns
    assert scene.facts["back"] is (state in (OrderState.PAID, OrderState.UNPAID))


async def test_the_rule_is_what_the_shop_does(shop: SqlShop) -> None:
    """What is said about a cancelled order is seen in the shop: the coupon is there again."""
    from actions.shop.schema import CouponRow, OrderRow
    from tests.shop.helpers import order_numbers

    (number, *_) = order_numbers(
        shop, OrderRow.coupon_id.isnot(None), OrderRow.state == OrderState.PAID.value
    )
    terms = await shop.return_terms(number, customer_id=None)
    await shop.cancel_order(number, customer_id=None, key="k")
    with shop.engine.connect() as connection:
        (row,) = connection.execute(
            CouponRow.__table__.select()
            .join(OrderRow.__table__, OrderRow.coupon_id == CouponRow.coupon_id)
            .where(OrderRow.order_number == number)
        ).all()
    assert (row.used, terms.coupon_returns) == (False, True)


async def test_somebody_elses_order_is_no_order(shop: SqlShop) -> None:
    order = await order_in(shop, OrderState.PAID)
    other = "u1001" if order.customer_id != "u1001" else "u1002"
    scene = await Stage(shop, customer_id=other).play(
        TellCouponReturn(), f"{order.order_number} 券退吗", intent="ask_coupon_return"
    )
    assert scene.responses == ["utter_not_found"]


async def test_a_shop_that_stalls_promises_nothing(shop: SqlShop) -> None:
    with broken(shop, "promotions", ShopTimeoutError("slow")):
        for action, intent in ((TellPromotions, "ask_promotions"), (ClaimCoupon, "claim_coupon")):
            scene = await Stage(shop, customer_id=GOLD).play(action(), "有活动吗", intent=intent)
            assert scene.responses == ["utter_shop_unavailable"]


async def test_a_shop_that_does_not_say_is_not_spoken_for(shop: SqlShop) -> None:
    order = await order_in(shop, OrderState.PAID)
    terms = await shop.return_terms(order.order_number, customer_id=None)

    async def silent(*_: object, **__: object) -> ReturnTerms:
        return replace(terms, coupon_returns=None)

    shop.return_terms = silent  # type: ignore[method-assign]
    scene = await Stage(shop, customer_id=order.customer_id).play(
        TellCouponReturn(), f"{order.order_number} 取消了券退吗", intent="ask_coupon_return"
    )
    assert "back" not in scene.facts
