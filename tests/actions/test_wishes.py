"""What people say of bodies, budgets, colours and those they care for."""

from __future__ import annotations

from decimal import Decimal

import pytest

from actions import wishes
from actions.cancel import CancelForm
from actions.policy import AnswerPolicy
from actions.privacy import PersonalisationOff
from actions.product import ProductSpec
from actions.shop.models import OrderState, Sku
from actions.shop.sql import SqlShop
from actions.smalltalk import Chat, Share
from actions.wishes import Body
from tests.shop.helpers import order_in
from tests.support.forms import FormStage
from tests.support.stage import Stage

WOMEN = (
    ("尺码", "身高", "体重", "胸围"),
    ("S", "155–160 厘米", "42–50 千克", "92 厘米"),
    ("M", "160–165 厘米", "50–57 千克", "96 厘米"),
    ("L", "165–170 厘米", "57–64 千克", "100 厘米"),
)
SHOES = (("鞋码", "脚长"), ("40", "245–250 毫米"), ("41", "250–255 毫米"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("身高170体重130穿什么码", Body(170, 65)),
        ("160 100斤穿啥码", Body(160, 50)),
        ("178/75kg拿什么码", Body(178, 75)),
        ("一米六五 110斤 M还是L", Body(165, 55)),
        ("1米68，52公斤", Body(168, 52)),
        ("我１７５，１４０斤", Body(175, 70)),
        ("165cm 48kg", Body(165, 48)),
        ("我妈160，120斤，穿多大", Body(160, 60)),
        ("200斤能穿不", Body(None, 100)),
        ("脚长25厘米穿几码", Body(foot=250)),
        ("脚长24.5cm", Body(foot=245)),
        ("平时穿L，这个要选什么", Body()),
        ("第2个 13812345678", Body()),
        ("256GB的多少钱", Body()),
        ("", Body()),
    ],
)
def test_bodies_are_read_as_people_type_them(text: str, expected: Body) -> None:
    assert wishes.body(text) == expected


@pytest.mark.parametrize(
    ("who", "size"),
    [
        (Body(162, 52), "M"),
        (Body(162, 60), "L"),  # the heavier decides
        (Body(168, 52), "L"),  # the taller decides
        (Body(None, 45), "S"),
        (Body(185, 90), None),  # outside the table nothing is guessed
        (Body(), None),
    ],
)
def test_the_size_follows_the_table(who: Body, size: str | None) -> None:
    assert wishes.fitting_size(WOMEN, who) == size


def test_a_size_that_is_sold_out_is_not_advised() -> None:
    assert wishes.fitting_size(WOMEN, Body(162, 52), among=["S", "L"]) is None
    assert wishes.fitting_size(SHOES, Body(foot=250)) == "40"
    assert wishes.fitting_size((), Body(162, 52)) is None


@pytest.mark.parametrize(
    ("text", "most"),
    [
        ("一千以内的耳机", Decimal(1000)),
        ("预算2000的手机", Decimal(2000)),
        ("500左右", Decimal(600)),
        ("两百块以下", Decimal(200)),
        ("不超过300元", Decimal(300)),
        ("三千块钱以内", Decimal(3000)),
        ("推荐个手机", None),
        ("内衣有推荐吗", None),
        ("以内", None),
    ],
)
def test_budgets(text: str, most: Decimal | None) -> None:
    assert wishes.budget(text) == most


@pytest.mark.parametrize(
    ("text", "group"),
    [
        ("孕妇能用吗", "pregnant"),
        ("給寶寶用的", "infant"),
        ("送爸妈", "elder"),
        ("我对酒精过敏", "allergy"),
        ("我怀孕了，给宝宝买", "pregnant"),
        ("多少钱", None),
    ],
)
def test_who_needs_care(text: str, group: str | None) -> None:
    assert wishes.care(text) == group


def sku(colour: str | None, size: str | None) -> Sku:
    label = " / ".join(part for part in (colour, size) if part)
    return Sku(sku_id=label, label=label, size=size, colour=colour, price=Decimal(1), stock=1)


SKUS = [sku(colour, size) for colour in ("雾黑", "奶茶色") for size in ("L", "XL")]
PHONES = [sku("深海蓝", "12GB+256GB"), sku("深海蓝", "16GB+512GB"), sku("月岩灰", "12GB+256GB")]


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("黑色L有吗", ["雾黑 / L"]),
        ("奶茶色的还有吗", ["奶茶色 / L", "奶茶色 / XL"]),
        ("XL断货了吗", ["雾黑 / XL", "奶茶色 / XL"]),
        ("红色有吗", []),
        ("有货吗", []),
    ],
)
def test_variants_are_found_by_colour_and_whole_size(text: str, labels: list[str]) -> None:
    assert [s.label for s in wishes.skus_meant(text, SKUS)] == labels


def test_memory_is_named_by_its_larger_half() -> None:
    assert [s.label for s in wishes.skus_meant("512G的多少钱", PHONES)] == ["深海蓝 / 16GB+512GB"]
    assert [s.label for s in wishes.skus_meant("蓝色256g", PHONES)] == ["深海蓝 / 12GB+256GB"]


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("我怀孕了，给我妈也买一件", ["pregnant", "elder"]),
        ("孩子才6个月大，对牛奶过敏", ["allergy", "infant"]),
        ("保修12个月吗", []),
        ("布娃娃有货吗", []),
    ],
)
def test_all_who_need_care(text: str, codes: list[str]) -> None:
    assert wishes.cares(text) == codes


async def test_who_needs_care_is_told_the_desk_each_time_and_the_shopper_once(shop: SqlShop) -> None:
    stage = Stage(shop)
    product = {"product_id": "p503"}
    first = await stage.play(ProductSpec(), "孕妇能用吗", entities=product)
    assert first.facts["care"] == "pregnant"
    assert [d["who"] for d in first.directives if d["directive"] == "care"] == ["pregnant"]
    again = await stage.play(ProductSpec(), "孕妇真的能用吗", entities=product)
    assert "care" not in again.facts
    assert [d["who"] for d in again.directives] == ["pregnant"]
    other = await stage.play(ProductSpec(), "我还过敏", entities=product)
    assert other.facts["care"] == "allergy"


async def test_what_was_mentioned_earlier_is_thought_of_where_it_fits(shop: SqlShop) -> None:
    stage = Stage(shop)
    await stage.play(Chat(), "我家里有老人", intent="chitchat")
    scene = await stage.play(ProductSpec(), "参数", entities={"product_id": "p503"})
    assert scene.facts["care"] == "elder"


async def test_a_loss_is_no_matter_of_care(shop: SqlShop) -> None:
    stage = Stage(shop)
    scene = await stage.play(Share(), "奶奶走了", intent="share_low")
    assert (scene.directives, stage.slots.get("care_heard")) == ([], None)


async def test_without_personalisation_it_is_heard_and_not_remembered(shop: SqlShop) -> None:
    stage = Stage(shop, slots={"personalisation": False})
    scene = await stage.play(ProductSpec(), "孕妇能用吗", entities={"product_id": "p503"})
    assert scene.facts["care"] == "pregnant"
    assert [d["who"] for d in scene.directives] == ["pregnant"]
    assert not {"care_heard", "care_told"} & set(scene.slots)
    await stage.play(PersonalisationOff(), "关闭个性化", intent="personalisation_off")
    assert stage.slots["care_heard"] is None


async def test_a_form_leaves_a_message_of_another_topic_untouched(shop: SqlShop) -> None:
    order = await order_in(shop, OrderState.PAID)
    form = FormStage(Stage(shop, customer_id=order.customer_id), CancelForm())
    await form.open(intent="cancel_order", entities={"order_number": order.order_number})
    scene = await form.say("孕妇能用吗", intent="ask_product_spec")
    assert (scene.messages, scene.events) == ([], [])


async def test_an_answer_from_the_rules_thinks_of_her_once(shop: SqlShop) -> None:
    stage = Stage(shop)
    first = await stage.play(AnswerPolicy(), "我怀孕了，能货到付款吗", intent="ask_cash_on_delivery")
    assert first.responses[-1] == "utter_care"
    again = await stage.play(AnswerPolicy(), "孕妇也能开电子发票吗", intent="ask_e_invoice")
    assert "utter_care" not in again.responses
