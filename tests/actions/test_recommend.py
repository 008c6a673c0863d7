"""Recommendations: the same candidates in the same order, as many as the style shows, with their reasons."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from actions.recommend import NewArrivals, Recommend, ShowMore, ShowReviews
from actions.shop.sql import SqlShop
from tests.support.shop import Clock
from tests.support.stage import Stage


async def shown(shop: SqlShop, style: str) -> list[str]:
    scene = await Stage(shop, "u1006", slots={"temperament": style}).play(Recommend(), "有什么推荐")
    (card,) = scene.cards
    names = [product["name"] for product in card["data"]["products"]]
    assert names == [row["name"] for row in scene.facts["picks"]]
    return names


async def test_the_style_decides_how_many_never_which(shop: SqlShop) -> None:
    lists = {style: await shown(shop, style) for style in ("neutral", "power", "perfect", "peace", "lively")}
    longest = max(lists.values(), key=len)
    assert len(lists["power"]) == 1
    assert len(lists["lively"]) == 4
    for names in lists.values():
        assert names == longest[: len(names)]


async def test_reasons_are_given_in_words(shop: SqlShop) -> None:
    scene = await Stage(shop, "u1006", slots={"temperament": "lively"}).play(Recommend(), "有什么推荐")
    reasons = {row["reason"] for row in scene.facts["picks"]}
    assert reasons & {"browsed", "bought_category"}
    assert "因为您" in scene.worded("lively").text
    assert all(product["reason_label"] for product in scene.cards[0]["data"]["products"])


async def test_without_leave_nothing_of_hers_is_used(shop: SqlShop) -> None:
    stranger = await Stage(shop).play(Recommend(), "有什么推荐")
    off = await Stage(shop, "u1006", slots={"personalisation": False}).play(Recommend(), "有什么推荐")
    assert off.facts == stranger.facts
    assert {row["reason"] for row in off.facts["picks"]} <= {"hot", "new"}


async def test_words_and_budget_are_kept(shop: SqlShop) -> None:
    scene = await Stage(shop).play(Recommend(), "一千以内的耳机", entities={"product": "耳机"})
    assert scene.facts["picks"]
    for row in scene.facts["picks"]:
        assert "耳机" in row["name"]
        assert Decimal(row["price"]) <= 1000
    phones = await Stage(shop, slots={"temperament": "lively"}).play(
        Recommend(), "推荐个手机", entities={"product": "手机"}
    )
    assert all("手机" in row["name"] for row in phones.facts["picks"])


async def test_nothing_fitting_is_said_and_nothing_else_pushed(shop: SqlShop) -> None:
    scene = await Stage(shop).play(Recommend(), "想买个冰箱", entities={"product": "冰箱"})
    assert scene.responses == ["utter_recommend_none"]
    assert scene.cards == []
    cheap = await Stage(shop).play(Recommend(), "十块以内的手机", entities={"product": "手机"})
    assert cheap.responses == ["utter_recommend_none"]


async def test_more_goes_on_where_the_last_page_ended_until_the_end(shop: SqlShop) -> None:
    stage = Stage(shop)
    first = await stage.play(Recommend(), "有什么推荐")
    seen = [row["name"] for row in first.facts["picks"]]
    for _ in range(20):
        more = await stage.play(ShowMore(), "换一批")
        if more.responses == ["utter_recommend_end"]:
            break
        assert more.responses == ["utter_recommend_more"]
        names = [row["name"] for row in more.facts["picks"]]
        assert not set(names) & set(seen)
        seen += names
    else:
        raise AssertionError("never ends")
    assert stage.slots["recommend_shown"] is None
    again = await stage.play(ShowMore(), "还有吗")
    assert again.responses == ["utter_recommend"]


async def test_new_arrivals_are_new(shop: SqlShop, clock: Clock) -> None:
    scene = await Stage(shop).play(NewArrivals(), "有什么新品")
    dates = [row["listed_on"] for row in scene.facts["picks"]]
    assert dates == sorted(dates, reverse=True)
    assert min(dates) >= (clock.now.date() - timedelta(days=30)).isoformat()
    none = await Stage(shop).play(NewArrivals(), "手机出新的了吗", entities={"product": "手机"})
    assert none.responses == ["utter_no_new_arrivals"]
    for text in none.texts().values():
        assert "手机" in text


async def test_reviews_are_anonymous_and_counted(shop: SqlShop) -> None:
    histories = [await shop.history(f"u10{n:02}") for n in range(1, 21)]
    reviewed = next(r for h in histories for r in h.reviews if r.text and r.stars >= 4)
    product = await shop.product(reviewed.product_id)
    scene = await Stage(shop).play(ShowReviews(), entities={"product_id": product.product_id})
    assert scene.facts["rating"] == str(product.rating)
    assert scene.facts["quotes"]
    for text in scene.texts().values():
        assert str(product.review_count) in text
        assert scene.facts["quotes"][0] in text
        assert reviewed.order_number not in text
