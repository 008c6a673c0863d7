"""Notes on orders: what a message wants to have noted; summed up, written once, told to the owner alone."""

from __future__ import annotations

import pytest

from actions.order_note import OrderNoteForm, note_in
from actions.shop.models import NOTE_LENGTH, Order, OrderState
from actions.shop.sql import SqlShop
from persona.strategy import Style
from tests.shop.helpers import order_in
from tests.support.forms import FormStage
from tests.support.stage import Stage

WISH = "放门口"


async def note_of(shop: SqlShop, order: Order) -> str | None:
    return (await shop.order(order.order_number, customer_id=None)).note


def form_of(shop: SqlShop, order: Order, **more: object) -> FormStage:
    return FormStage(Stage(shop, customer_id=order.customer_id, **more), OrderNoteForm())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("备注一下要红色的", "要红色的"),
        ("麻烦写上放门口", "放门口"),
        ("给订单加个备注 送货前打电话", "送货前打电话"),
        ("订单202611190001备注放门口", "放门口"),
        ("帮我备注下，发顺丰谢谢", "发顺丰"),
        ("能不能帮我备注不要小票吗", "不要小票"),
        ("备注写错了，改成放驿站", "放驿站"),
        ("放门口，帮我备注一下", "放门口"),
        ("把要红色的备注上", "要红色的"),
        ("我想加个备注", None),
        ("下单忘了备注了", None),
        ("在哪里写备注", None),
        ("备注能写多少个字", None),
    ],
)
def test_what_a_message_wants_to_have_noted(text: str, note: str | None) -> None:
    assert note_in(text) == note


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("不要香菜", "不要香菜"),
        ("放门口行吗", "放门口"),
        ("好的，写包两层", "包两层"),
        ("202611190001", None),
        ("我要备注", None),
    ],
)
def test_asked_for_it_all_that_is_said_is_the_note(text: str, note: str | None) -> None:
    assert note_in(text, asked=True) == note


async def test_said_at_once_it_is_summed_up_then_noted(shop: SqlShop) -> None:
    order = await order_in(shop, OrderState.PAID)
    form = form_of(shop, order)
    summary = await form.open(f"{order.order_number}备注一下{WISH}", intent="add_order_note")
    assert summary.responses == ["utter_note_confirm"]
    assert (summary.facts["note"], summary.facts["replaces"]) == (WISH, False)
    assert summary.options == ["confirm_write", "leave"]
    assert await note_of(shop, order) is None
    done = await form.confirm()
    assert done.responses == ["utter_note_taken"]
    assert await note_of(shop, order) == WISH
    assert form.waits_for is None
    assert form.stage.slots["order_note"] is None


async def test_asked_for_the_words_any_statement_is_one(shop: SqlShop) -> None:
    order = await order_in(shop, OrderState.PAID)
    form = form_of(shop, order)
    asked = await form.open(intent="add_order_note", entities={"order_number": order.order_number})
    assert asked.responses == ["utter_note_wanted"]
    for text, intent in (("快递到哪了", "track_shipment"), ("备注有什么用？", "ask_help")):
        assert not (await form.say(text, intent=intent)).said
    summary = await form.say("送到了放鞋柜上就行", intent="wish_drop_off")
    assert summary.facts["note"] == "送到了放鞋柜上"
    changed = await form.say("备注改成交给门卫", intent="add_order_note")
    assert changed.facts["note"] == "交给门卫"
    assert (await form.say("确认", intent="affirm")).responses == ["utter_note_taken"]
    assert await note_of(shop, order) == "交给门卫"


async def test_what_is_noted_names_no_order(shop: SqlShop) -> None:
    """The words of a note are neither a product that she has bought nor a day on which she did."""
    form = FormStage(Stage(shop, customer_id="u1001"), OrderNoteForm())
    said = {"product": "保温杯"}
    summary = await form.open("备注送个保温杯，昨天忘了说", intent="add_order_note", entities=said)
    assert summary.responses == ["utter_note_confirm"]


async def test_an_earlier_note_is_replaced_or_gone_on_with_and_she_is_told(shop: SqlShop) -> None:
    order = await order_in(shop, OrderState.PAID)
    await shop.note_order(order.order_number, "包两层", customer_id=None, key="n")
    number = {"order_number": order.order_number}
    replaced = await form_of(shop, order).open(f"备注{WISH}", intent="add_order_note", entities=number)
    assert (replaced.facts["note"], replaced.facts["replaces"]) == (WISH, True)
    assert all("替换" in text for text in replaced.texts().values())
    added = await form_of(shop, order).open(f"再备注一下{WISH}", intent="add_order_note", entities=number)
    assert (added.facts["note"], added.facts["replaces"]) == (f"包两层；{WISH}", False)


async def test_who_only_verified_the_order_does_not_hear_what_was_noted(shop: SqlShop) -> None:
    order = await order_in(shop, OrderState.PAID)
    await shop.note_order(order.order_number, "门锁密码找物业", customer_id=None, key="n")
    form = FormStage(Stage(shop, orders=[order.order_number]), OrderNoteForm())
    summary = await form.open(f"再备注一下{WISH}", intent="add_order_note")
    assert (summary.facts["note"], summary.facts["replaces"]) == (WISH, True)
    assert not any("密码" in text for text in summary.texts().values())


@pytest.mark.parametrize(
    ("state", "response"),
    [
        (OrderState.SHIPPED, "utter_note_shipped"),
        (OrderState.EXCEPTION, "utter_note_shipped"),
        (OrderState.DELIVERED, "utter_note_over"),
        (OrderState.CANCELLED, "utter_note_over"),
    ],
)
async def test_too_late_is_said_before_anything_is_asked(
    shop: SqlShop, state: OrderState, response: str
) -> None:
    order = await order_in(shop, state)
    form = form_of(shop, order)
    scene = await form.open(intent="add_order_note", entities={"order_number": order.order_number})
    assert scene.responses == [response]
    assert form.waits_for is None


async def test_a_note_too_long_is_asked_for_again(shop: SqlShop) -> None:
    order = await order_in(shop, OrderState.PAID)
    form = form_of(shop, order)
    await form.open(intent="add_order_note", entities={"order_number": order.order_number})
    scene = await form.say("很长" * NOTE_LENGTH, intent="nlu_fallback")
    assert (scene.responses, form.waits_for) == (["utter_note_too_long"], "order_note")
    assert (await form.say(WISH, intent="nlu_fallback")).responses == ["utter_note_confirm"]


async def test_nothing_is_noted_after_all(shop: SqlShop) -> None:
    order = await order_in(shop, OrderState.PAID)
    form = form_of(shop, order)
    await form.open(intent="add_order_note", entities={"order_number": order.order_number})
    assert (await form.say("不用了", intent="deny")).responses == ["utter_note_left"]
    assert await note_of(shop, order) is None


async def test_her_words_are_shown_as_they_are_and_run_nothing(shop: SqlShop) -> None:
    order = await order_in(shop, OrderState.PAID)
    form = form_of(shop, order)
    words = "{{ 7*7 }}<b>{% if x %}"
    number = {"order_number": order.order_number}
    summary = await form.open(f"备注：{words}", intent="add_order_note", entities=number)
    assert all(words in summary.worded(style.value).text for style in Style)


async def test_somebody_elses_order_is_not_found(shop: SqlShop) -> None:
    order = await order_in(shop, OrderState.PAID)
    other = "u1001" if order.customer_id != "u1001" else "u1003"
    form = FormStage(Stage(shop, customer_id=other), OrderNoteForm())
    scene = await form.open(f"{order.order_number}备注{WISH}", intent="add_order_note")
    assert scene.responses == ["utter_not_found"]


async def test_how_notes_are_made_is_answered_from_the_rules(shop: SqlShop) -> None:
    order = await order_in(shop, OrderState.PAID)
    await shop.note_order(order.order_number, "门锁密码找物业", customer_id=None, key="n")
    number = {"order_number": order.order_number}
    for stage in (Stage(shop, customer_id=order.customer_id), Stage(shop, orders=[order.order_number])):
        form = FormStage(stage, OrderNoteForm())
        scene = await form.open("备注能写多少个字？", intent="add_order_note", entities=number)
        assert scene.responses[0].startswith("utter_policy_")
        assert form.waits_for is None
        told = str(scene.facts["clauses"])
        assert "100" in told
        assert ("密码" in told) is (stage.customer_id is not None)  # her note is told to its owner alone
