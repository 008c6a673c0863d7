"""What is not wanted is left out of the next recommendation, which comes at once."""

from __future__ import annotations

from decimal import Decimal

import pytest

from actions.preference import BoughtAlready, DislikeProduct
from actions.recommend import Recommend, ShowMore
from actions.shop.errors import NotOfferedError
from actions.shop.models import PreferenceKind
from actions.shop.sql import SqlShop
from tests.support.stage import Scene, Stage, broken

WHO = "u1006"


def ids(scene: Scene) -> list[str]:
    return [p["product_id"] for card in scene.cards for p in card["data"]["products"]]


@pytest.mark.parametrize("style", ["neutral", "power", "perfect", "peace", "lively"])
async def test_a_dislike_is_kept_for_good_and_the_next_comes_at_once(shop: SqlShop, style: str) -> None:
    stage = Stage(shop, WHO, slots={"temperament": style})
    first = ids(await stage.play(Recommend(), "有什么推荐"))
    scene = await stage.play(DislikeProduct(), "不喜欢这个")
    assert scene.responses == ["utter_disliked"]
    assert scene.facts["for_good"] is True
    assert ids(scene)
    assert first[0] not in ids(scene)
    noted = (await shop.history(WHO)).preferences
    assert [(one.product_id, one.kind) for one in noted] == [(first[0], PreferenceKind.DISLIKED)]
    later = await Stage(shop, WHO, slots={"temperament": style}).play(Recommend(), "有什么推荐")
    assert first[0] not in ids(later)
    assert "以后" in scene.worded(style).text


@pytest.mark.parametrize("who", [None, WHO])
async def test_a_stranger_and_who_is_not_to_be_known_leave_no_trace(shop: SqlShop, who: str | None) -> None:
    stage = Stage(shop, who, slots={"personalisation": False})
    first = ids(await stage.play(Recommend(), "有什么推荐"))
    scene = await stage.play(DislikeProduct(), "不喜欢这个")
    assert scene.facts["for_good"] is False
    seen = ids(scene)
    for _ in range(20):
        more = await stage.play(ShowMore(), "换一批")
        seen += ids(more)
        if more.responses == ["utter_recommend_end"]:
            break
    assert first[0] not in seen
    assert (await shop.history(WHO)).preferences == ()


@pytest.mark.parametrize("text", ["这个我买过了", "这些我都买过了", "家里有了"])
async def test_what_she_has_is_noted_as_such(shop: SqlShop, text: str) -> None:
    stage = Stage(shop, WHO, slots={"temperament": "lively"})
    first = ids(await stage.play(Recommend(), "有什么推荐"))
    scene = await stage.play(BoughtAlready(), text)
    assert scene.responses == ["utter_owned"]
    gone = first if "些" in text else first[:1]
    assert not set(gone) & set(ids(scene))
    noted = (await shop.history(WHO)).preferences
    assert {one.product_id for one in noted} == set(gone)
    assert {one.kind for one in noted} == {PreferenceKind.OWNED}


async def test_the_second_of_those_shown(shop: SqlShop) -> None:
    stage = Stage(shop, WHO, slots={"temperament": "lively"})
    first = ids(await stage.play(Recommend(), "有什么推荐"))
    scene = await stage.play(DislikeProduct(), "第二个不要再出现")
    assert (await shop.history(WHO)).preferences[0].product_id == first[1]
    assert first[1] not in ids(scene)


async def test_colour_brand_kind_and_price(shop: SqlShop) -> None:
    async def after(text: str, product_id: str, **entities: str) -> tuple[Scene, list[str]]:
        stage = Stage(shop, slots={"temperament": "lively", "product_id": product_id})
        scene = await stage.play(DislikeProduct(), text, entities=entities)
        seen = ids(scene)
        for _ in range(20):
            more = await stage.play(ShowMore(), "换一批")
            if not ids(more):
                break
            seen += ids(more)
        return scene, seen

    _, brand = await after("不喜欢这个牌子", "p501")
    assert all([(await shop.product(pid)).brand != "花隐" for pid in brand])
    scene, cheaper = await after("太贵了不要", "p105")
    assert all([(await shop.product(pid)).price < Decimal(1099) for pid in cheaper])
    assert "这个价位" in scene.worded("neutral").text
    _, phones = await after("别推荐手机了", "p103", product="手机")
    assert not {"p103", "p104"} & set(phones)
    stage = Stage(shop, slots={"product_id": "p206"})
    colour = await stage.play(DislikeProduct(), "不要白色的")
    assert stage.slots["unwanted"] == ["colour:白"]
    assert "白" in colour.worded("power").text


async def test_no_more_of_what_she_bought(shop: SqlShop) -> None:
    stage = Stage(shop, WHO, slots={"temperament": "lively"})
    await stage.play(Recommend(), "有什么推荐")
    scene = await stage.play(BoughtAlready(), "怎么老推我买过的")
    bought = {item.product_id for order in await shop.orders(WHO) for item in order.items}
    assert {f"product:{one}" for one in bought} == set(stage.slots["unwanted"])
    assert not bought & set(ids(scene))


async def test_a_backend_that_notes_nothing_is_respected_in_the_conversation(shop: SqlShop) -> None:
    stage = Stage(shop, WHO)
    first = ids(await stage.play(Recommend(), "有什么推荐"))
    with broken(shop, "note_preference", NotOfferedError("no")):
        scene = await stage.play(DislikeProduct(), "不喜欢这个")
    assert scene.facts["for_good"] is False
    assert first[0] not in ids(scene)


async def test_what_is_meant_is_asked_where_nothing_was_shown(shop: SqlShop) -> None:
    scene = await Stage(shop).play(DislikeProduct(), "不喜欢")
    assert scene.responses == ["utter_disliked_what"]
    scene = await Stage(shop).play(BoughtAlready(), "买过了")
    assert scene.responses == ["utter_owned_what"]
    gone = await Stage(shop).play(DislikeProduct(), entities={"product_id": "p999"}, intent="dislike_product")
    assert gone.responses == ["utter_disliked_what"]
