"""Answers from the shop's rules: which order, what is known of it, what is told, and what if asked again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from actions import policy_case
from actions.confirm import Choose
from actions.policy import AnswerPolicy
from actions.policy_topics import TopicError, read_topics
from actions.shop.errors import NotFoundError, NotOfferedError, ShopUnavailableError
from actions.shop.models import Order, OrderState
from actions.shop.policy_models import Clause, Part, Policy, Tone
from actions.shop.sql import SqlShop
from actions.verify import VerifyForm
from persona.strategy import PARTS, Style
from tests.support.forms import FormStage
from tests.support.stage import Scene, Stage, broken, wording

#: 顾客: one order lately delivered among old ones; a paid and an unpaid one; one on its way; two refunding.
DELIVERED, PAID, SHIPPED = "u1003", "u1003", "u1001"
CONCLUSION, DEADLINE, FEE, STEP = Part.CONCLUSION, Part.DEADLINE, Part.FEE, Part.STEP

POLICY = Policy(
    "return_fee",
    "退货运费",
    (
        Clause(
            CONCLUSION,
            "{product}还能退，寄回运费由您承担。",
            tone=Tone.YES,
            states=("delivered",),
            when=("returnable",),
        ),
        Clause(CONCLUSION, "{product}已经发出，拒收不收运费。", states=("shipped",)),
        Clause(CONCLUSION, "没有质量问题的，寄回运费由您承担。", states=("none",)),
        Clause(DEADLINE, "最晚 {return_until} 前申请。", states=("delivered",), when=("returnable",)),
        Clause(STEP, "在订单页提交申请。", core=False),
        Clause(FEE, "有运费险的，按保单赔付。", core=False),
    ),
)
TOPICS = """
ask_return_fee: {topic: return_fee, order: if_clear, fits: [delivered], needs: [return, warranty],
  options: [request_return, ask_human]}
ask_this_order: {topic: return_fee, order: ask, fits: [paid, shipped], options: [track_shipment]}
ask_in_the_box: {topic: return_fee, product: true, options: [ask_product]}
ask_how_long: {topic: return_fee, order: if_clear, product: true}
ask_nowhere: {topic: nowhere}
"""


@pytest.fixture
def rules(shop: SqlShop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Policy], None]:
    """Give the shop one policy, and four questions that it answers; returns how to change it."""
    path = tmp_path / "test_rules.yml"
    path.write_text(TOPICS, encoding="utf-8")
    found = read_topics([path], wording().catalogue.options)
    monkeypatch.setattr("actions.policy.topics", lambda: found)
    monkeypatch.setattr("actions.questions.topics", lambda: found)
    held = {POLICY.topic: POLICY}

    async def policy(topic: str) -> Policy:
        if topic not in held:
            raise NotFoundError("no such policy")
        return held[topic]

    monkeypatch.setattr(shop, "policy", policy, raising=False)

    def change(changed: Policy) -> None:
        held[changed.topic] = changed

    return change


async def ask(
    shop: SqlShop,
    customer: str | None,
    text: str = "退货运费谁出",
    intent: str = "ask_return_fee",
    **more: Any,
) -> Scene:
    return await Stage(shop, customer).play(AnswerPolicy(), text, intent=intent, **more)


async def order_in(shop: SqlShop, customer: str, state: OrderState) -> Order:
    return next(o for o in await shop.orders(customer) if o.state is state)


# --- the entries --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entry", "wrong"),
    [
        ("ask_x: {topic: x, speed: 3}", "unknown key speed"),
        ("ask_x: {topic: x, order: maybe}", "unknown order maybe"),
        ("ask_x: {topic: x, order: ask, needs: [weather]}", "unknown need weather"),
        ("ask_x: {topic: x, order: ask, fits: [lost]}", "unknown state lost"),
        ("ask_x: {topic: x, options: [fly]}", "unknown option fly"),
        ("ask_x: {topic: x, needs: [return]}", "order is no"),
        ("ask_x: {order: ask}", "topic is missing"),
        ("ask_x: {topic: x, product: si}", "true or false"),
        ("ask_x: {topic: x, options: ask_human}", "list of names"),
        ("ask_x: [topic]", "must be like"),
    ],
)
def test_an_entry_that_says_something_unknown_names_its_file(tmp_path: Path, entry: str, wrong: str) -> None:
    path = tmp_path / "odd_rules.yml"
    path.write_text(entry, encoding="utf-8")
    with pytest.raises(TopicError, match=wrong) as caught:
        read_topics([path], {"ask_human"})
    assert str(caught.value).startswith("odd_rules.yml: ")


def test_a_bare_no_and_an_entry_in_two_files(tmp_path: Path) -> None:
    path, second = tmp_path / "a_rules.yml", tmp_path / "b_rules.yml"
    path.write_text("ask_x: {topic: x, order: no}", encoding="utf-8")
    second.write_text("ask_x: {topic: y}", encoding="utf-8")
    assert read_topics([path], ())["ask_x"].order.value == "no"
    with pytest.raises(TopicError, match=r"already in a_rules\.yml"):
        read_topics([path, second], ())


def test_parts_are_named_alike_in_both_rooms() -> None:
    assert [part.value for part in Part] == list(PARTS)


# --- which order --------------------------------------------------------------------------------------


async def test_the_only_recent_one_that_fits_is_meant_and_its_own_date_told(
    shop: SqlShop, rules: object
) -> None:
    order = await order_in(shop, DELIVERED, OrderState.DELIVERED)
    scene = await ask(shop, DELIVERED)
    assert scene.responses == ["utter_policy_yes"]
    assert scene.facts["cited"] is True
    assert scene.slots["order_number"] == order.order_number
    for style, text in scene.texts().items():
        assert f"{order.items[0].short_name}还能退，寄回运费由您承担。" in text, style
        assert "最晚 11月25日 24:00 前申请。" in text, style
        assert "退货运费" in text, style


async def test_details_are_told_where_the_style_tells_all_in_its_own_order(
    shop: SqlShop, rules: object
) -> None:
    texts = (await ask(shop, DELIVERED)).texts()
    for style in Style:
        assert ("按保单赔付" in texts[style.value]) == (style is Style.PERFECT)
    perfect = texts["perfect"]
    assert perfect.index("① 步骤：") < perfect.index("② 时限：") < perfect.index("③ 费用：")
    assert texts["power"].splitlines()[0].endswith("由您承担。")


async def test_a_named_order_counts_whatever_its_state(shop: SqlShop, rules: object) -> None:
    order = await order_in(shop, SHIPPED, OrderState.SHIPPED)
    scene = await ask(shop, SHIPPED, f"{order.order_number} 退货运费谁出")
    assert scene.responses == ["utter_policy_info"]
    assert "拒收不收运费" in scene.facts["clauses"][0]["text"]


async def test_an_order_that_the_policy_says_nothing_of_gets_what_holds_in_general(
    shop: SqlShop, rules: object
) -> None:
    order = await order_in(shop, PAID, OrderState.PAID)
    scene = await ask(shop, PAID, f"{order.order_number} 退货运费谁出")
    assert scene.facts["cited"] is False
    assert scene.facts["clauses"][0]["text"].startswith("没有质量问题的")
    assert scene.slots["order_number"] == order.order_number  # it is talked of nevertheless


async def test_old_orders_are_choices_never_cut(
    shop: SqlShop, rules: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policy_case, "_LATELY", policy_case.timedelta(0))
    stage = Stage(shop, DELIVERED)
    scene = await stage.play(AnswerPolicy(), "退货运费谁出", intent="ask_return_fee")
    assert scene.facts["cited"] is False
    assert scene.facts["which"] is True
    for style in Style:
        titles = [b.payload for b in scene.worded(style.value).buttons]
        assert sum(p.startswith('/ask_return_fee{"order_number"') for p in titles) == 5, style
    chosen = await stage.play(Choose(), "第一个", intent="choose")
    assert chosen.responses == ["utter_policy_yes"]
    assert chosen.slots["order_number"] == scene.slots["offered_orders"][0]


async def test_ask_asks_with_the_question_on_every_choice(shop: SqlShop, rules: object) -> None:
    first = await order_in(shop, DELIVERED, OrderState.DELIVERED)
    scene = await ask(shop, "u1008", "什么时候", "ask_this_order")
    assert scene.responses == ["utter_which_order"]
    assert all(o["args"]["intent"] == "ask_this_order" for o in scene.said[0]["options"])
    assert scene.slots["offered_intent"] == "ask_this_order"
    assert first.order_number not in str(scene.messages)


async def test_a_stranger_gets_the_general_answer_and_may_verify(shop: SqlShop, rules: object) -> None:
    scene = await ask(shop, None, "202611200001 什么时候", "ask_this_order")
    assert scene.responses == ["utter_policy_info"]
    assert scene.facts["cited"] is False
    assert scene.options[0] == "verify_me"
    assert (scene.slots["pending_task"], scene.slots["verify_order"]) == ("ask_this_order", "202611200001")
    assert not await ask_options(shop, None, "ask_return_fee") & {"verify_me"}


async def test_after_the_verification_the_question_is_answered_for_that_order(
    shop: SqlShop, rules: object
) -> None:
    order = await order_in(shop, SHIPPED, OrderState.SHIPPED)
    stage = Stage(shop)
    await stage.play(AnswerPolicy(), f"{order.order_number} 什么时候", intent="ask_this_order")
    form = FormStage(stage, VerifyForm())
    await form.open("", intent="verify_me")
    done = await form.say(order.address.phone[-4:], intent="give_phone_tail")
    assert done.responses == ["utter_policy_info"]
    assert done.facts["cited"] is True
    assert stage.slots["pending_task"] is None


async def ask_options(shop: SqlShop, customer: str | None, intent: str) -> set[str]:
    return set((await ask(shop, customer, intent=intent)).options)


async def test_nobody_hears_of_another_ones_order(shop: SqlShop, rules: object) -> None:
    other = await order_in(shop, SHIPPED, OrderState.SHIPPED)
    for intent in ("ask_return_fee", "ask_this_order"):
        scene = await ask(shop, DELIVERED, f"{other.order_number} 运费", intent)
        assert scene.responses == ["utter_not_found"]
        stranger = await ask(shop, None, f"{other.order_number} 运费", intent)
        assert stranger.facts["cited"] is False
        assert other.items[0].short_name not in str(stranger.messages)


async def test_a_verified_order_is_answered_for(shop: SqlShop, rules: object) -> None:
    order = await order_in(shop, SHIPPED, OrderState.SHIPPED)
    stage = Stage(shop, None, [order.order_number])
    scene = await stage.play(AnswerPolicy(), "运费", intent="ask_this_order")
    assert scene.facts["cited"] is True


async def test_a_product_named_is_what_the_next_steps_are_about(shop: SqlShop, rules: object) -> None:
    scene = await ask(shop, None, "轻量跑鞋有什么", "ask_in_the_box", entities={"product": "轻量跑鞋"})
    assert scene.facts["cited"] is False
    assert scene.said[0]["options"][0]["args"] == {"product_id": scene.slots["product_id"]}


async def test_goods_talked_of_count_more_than_an_order_that_is_only_likely(
    shop: SqlShop, rules: object
) -> None:
    order = await order_in(shop, SHIPPED, OrderState.SHIPPED)
    other = (await shop.find_products("破壁机"))[0].product
    talk = Dialogue(shop, SHIPPED)
    talk.stage.slots["product_id"] = other.product_id
    talk.events.append({"event": "slot", "name": "product_id", "value": other.product_id})
    scene = await talk.ask("ask_how_long", "保质期多久")
    assert scene.facts["cited"] is False
    assert scene.facts["which"] is False
    assert scene.slots["product_id"] == other.product_id
    named = await talk.ask("ask_how_long", f"{order.order_number} 这单呢")
    assert named.facts["cited"] is True


async def test_several_products_are_choices_with_the_general_answer(shop: SqlShop, rules: object) -> None:
    scene = await ask(shop, None, "耳机盒子里有什么", "ask_in_the_box", entities={"product": "耳机"})
    assert scene.facts["which"] is True
    assert scene.options.count("choose_product") == len(scene.slots["offered_products"]) > 1


async def test_a_product_is_chosen_in_words_where_products_were_offered(shop: SqlShop, rules: object) -> None:
    talk = Dialogue(shop, SHIPPED)
    products = [match.product for match in await shop.find_products("耳机")]
    talk.stage.slots |= {
        "offered_products": [product.product_id for product in products[:2]],
        "offered_orders": None,
        "offered_intent": "ask_how_long",
    }
    talk.events.append({"event": "slot", "name": "offered_products", "value": ["x"]})
    talk.events.append({"event": "user", "message_id": "m_1"})
    scene = await talk.stage.play(Choose(), "第二个", intent="choose", events=talk.events)
    assert scene.facts["cited"] is False
    assert scene.slots["product_id"] == products[1].product_id


async def test_what_the_shop_says_nothing_about(shop: SqlShop, rules: object) -> None:
    for intent in ("ask_nowhere", "ask_unheard_of"):
        scene = await ask(shop, DELIVERED, intent=intent)
        assert scene.responses == ["utter_not_offered"]
        assert scene.options == ["ask_human"]


async def test_a_policy_that_has_no_answer_for_anybody(
    shop: SqlShop, rules: Callable[[Policy], None]
) -> None:
    rules(Policy("return_fee", "退货运费", (Clause(CONCLUSION, "可以。", when=("has_gifts",)),)))
    assert (await ask(shop, DELIVERED)).responses == ["utter_not_offered"]


async def test_what_this_shop_does_not_know_is_left_out(shop: SqlShop, rules: object) -> None:
    with broken(shop, "return_terms", NotOfferedError("no returns here")):
        scene = await ask(shop, DELIVERED)
    assert scene.facts["clauses"][0]["text"].startswith("没有质量问题的")


async def test_a_shop_that_is_away(shop: SqlShop, rules: object) -> None:
    with broken(shop, "return_terms", ShopUnavailableError("away")):
        scene = await ask(shop, DELIVERED)
    assert scene.responses == ["utter_shop_unavailable"]


# --- asked again --------------------------------------------------------------------------------------


class Dialogue:
    """Messages of one shopper, kept as Rasa's tracker keeps them."""

    def __init__(self, shop: SqlShop, customer: str | None) -> None:
        self.stage = Stage(shop, customer)
        self.events: list[Mapping[str, Any]] = []

    async def ask(self, intent: str = "ask_return_fee", text: str = "退货运费谁出") -> Scene:
        self.events.append({"event": "user", "message_id": f"m_{self.stage._count + 1}"})
        scene = await self.stage.play(AnswerPolicy(), text, intent=intent, events=self.events)
        self.events += scene.events
        return scene

    def others(self, count: int) -> None:
        for index in range(count):
            self.events.append({"event": "user", "message_id": f"other_{len(self.events)}_{index}"})


async def test_asked_again_tells_what_was_left_out_then_the_conclusion(shop: SqlShop, rules: object) -> None:
    talk = Dialogue(shop, DELIVERED)
    first, second, third = await talk.ask(), await talk.ask(), await talk.ask()
    assert [s.responses for s in (first, second, third)] == [
        ["utter_policy_yes"],
        ["utter_policy_again"],
        ["utter_policy_again"],
    ]
    assert second.options == ["ask_human", "request_return"]
    told, last = second.texts(), third.texts()
    for style in Style:
        detailed = style is Style.PERFECT
        assert ("按保单赔付" in told[style.value]) != detailed
        assert ("寄回运费由您承担" in told[style.value]) == detailed
        assert "寄回运费由您承担" in last[style.value]
        assert "人工" in last[style.value]
        assert first.texts()[style.value] != told[style.value] != last[style.value] or detailed
        assert "/ask_human" in [b.payload for b in second.worded(style.value).buttons]


async def test_another_order_or_much_later_is_asked_anew(shop: SqlShop, rules: object) -> None:
    talk = Dialogue(shop, DELIVERED)
    await talk.ask()
    paid = await order_in(shop, DELIVERED, OrderState.PAID)
    assert (await talk.ask(text=f"{paid.order_number}呢")).responses == ["utter_policy_info"]
    talk.others(5)
    back = await talk.ask(text="投影仪那单退货运费")
    assert back.responses == ["utter_policy_yes"]
    talk.others(1)
    assert (await talk.ask(text="投影仪那单退货运费")).responses == ["utter_policy_again"]


async def test_what_has_changed_meanwhile_is_told_in_full(
    shop: SqlShop, rules: Callable[[Policy], None]
) -> None:
    talk = Dialogue(shop, DELIVERED)
    await talk.ask()
    rules(Policy("return_fee", "退货运费", (Clause(CONCLUSION, "现在都由我们承担。", tone=Tone.YES),)))
    scene = await talk.ask()
    assert scene.responses == ["utter_policy_yes"]
    assert "都由我们承担" in scene.texts()["neutral"]


async def test_a_turn_that_is_run_again_says_the_same(shop: SqlShop, rules: object) -> None:
    talk = Dialogue(shop, DELIVERED)
    first = await talk.ask()
    talk.stage._count -= 1
    again = await talk.stage.play(AnswerPolicy(), "退货运费谁出", intent="ask_return_fee", events=talk.events)
    assert again.responses == first.responses
    assert again.facts == first.facts
