"""Binding by verification: what it takes, what it never tells, and where there is nothing to bind."""

from __future__ import annotations

import jwt
import pytest

from actions.binding import BindingForm, TellUnbinding
from actions.greeting import Identified
from actions.identity import ACTIONS, FRONT, identify
from actions.profile import ShowPoints
from actions.shop.errors import NotOfferedError, ShopUnavailableError
from actions.shop.models import Order, OrderState
from actions.shop.sql import SqlShop
from persona.privacy.masking import mask_phone
from tests.shop.helpers import order_in
from tests.support.forms import FormStage
from tests.support.stage import KEY, Scene, Stage, broken


@pytest.fixture
async def order(shop: SqlShop) -> Order:
    return await order_in(shop, OrderState.SHIPPED)


@pytest.fixture
async def phone(shop: SqlShop, order: Order) -> str:
    return (await shop.customer(order.customer_id)).phone


def form_of(shop: SqlShop, *, link: bool = True, **more: object) -> FormStage:
    return FormStage(Stage(shop, link=link, **more), BindingForm())  # type: ignore[arg-type]


def another(phone: str) -> str:
    return phone[:-1] + str((int(phone[-1]) + 1) % 10)


def claims_of(scene: Scene) -> dict[str, object]:
    (directive,) = scene.directives
    assert directive["directive"] == "bound"
    return dict(jwt.decode(directive["grant"], KEY, algorithms=["HS256"], audience=FRONT, issuer=ACTIONS))


async def test_number_then_phone_then_bound(shop: SqlShop, order: Order, phone: str) -> None:
    form = form_of(shop)
    assert (await form.open("绑定账号", intent="bind_account")).responses == ["utter_binding_ask_number"]
    asked = await form.say(f"订单号 {order.order_number}", intent="give_order_number")
    assert asked.responses == ["utter_binding_ask_phone"]
    done = await form.say(phone, intent="give_phone_tail")
    assert done.responses == ["utter_bound"]
    assert done.facts == {"phone": mask_phone(phone)}
    assert all(phone not in text and "解绑" in text for text in done.texts().values())
    claims = claims_of(done)
    assert claims["customer"] == order.customer_id
    assert claims["cid"] == form.stage.conversation
    assert claims["mid"] == "m_3"
    assert "orders" not in claims
    assert form.waits_for is None
    assert form.stage.slots["bind_order"] is None
    assert form.stage.slots["bind_phone"] is None


async def test_a_grant_for_the_front_opens_nothing_to_the_actions(
    shop: SqlShop, order: Order, phone: str
) -> None:
    form = form_of(shop)
    done = await form.open(f"绑定 {order.order_number} {phone}", intent="bind_account")
    grant = done.directives[0]["grant"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZHIXIN_ASSERTION_KEY", KEY)
        message = {"metadata": {"assertion": form.stage.assertion("m_1")}}
        found = identify(form.stage.conversation, message, grant)
    assert (found.customer_id, found.orders) == (None, frozenset())


@pytest.mark.parametrize("given", ["{0} {1}", "{1}，订单{0}", "订单号{0} 手机号 +86 {1}"])
async def test_all_in_one_message(shop: SqlShop, order: Order, phone: str, given: str) -> None:
    scene = await form_of(shop).open(given.format(order.order_number, phone), intent="bind_account")
    assert claims_of(scene)["customer"] == order.customer_id


async def test_phone_first_then_number(shop: SqlShop, order: Order, phone: str) -> None:
    form = form_of(shop)
    await form.open("绑定", intent="bind_account")
    assert (await form.say(phone, intent="give_contact")).responses == ["utter_binding_ask_number"]
    assert claims_of(await form.say(order.order_number, intent="give_order_number"))


async def test_the_last_four_digits_are_not_enough(shop: SqlShop, order: Order) -> None:
    form = form_of(shop)
    await form.open("绑定", intent="bind_account")
    await form.say(order.order_number, intent="give_order_number")
    for _ in range(6):  # and are no attempt
        scene = await form.say(order.address.phone[-4:], intent="give_phone_tail")
        assert scene.responses == ["utter_binding_phone_unclear"]
        assert not scene.directives


async def test_another_number_an_unknown_order_and_the_limit_get_the_same_answer(
    shop: SqlShop, order: Order, phone: str
) -> None:
    async def answer(number: str, given: str) -> Scene:
        form = form_of(shop)
        await form.open("绑定", intent="bind_account")
        await form.say(number, intent="give_order_number")
        scene = await form.say(given, intent="give_phone_tail")
        assert form.waits_for == "bind_phone"
        assert form.stage.slots["bind_phone"] is None
        return scene

    wrong = await answer(order.order_number, another(phone))
    unknown = await answer("202601010000", phone)
    assert wrong.messages == unknown.messages
    assert wrong.responses == ["utter_binding_failed"]
    for _ in range(4):  # other conversations, the same order
        await answer(order.order_number, another(phone))
    closed = await answer(order.order_number, phone)
    assert closed.messages == unknown.messages
    assert not closed.directives


async def test_after_a_failure_another_number_may_follow(shop: SqlShop, order: Order, phone: str) -> None:
    form = form_of(shop)
    await form.open("绑定", intent="bind_account")
    await form.say(order.order_number, intent="give_order_number")
    await form.say(another(phone), intent="give_phone_tail")
    assert claims_of(await form.say(f"不对，是{phone}", intent="deny"))


async def test_what_is_no_number_is_explained(shop: SqlShop, order: Order) -> None:
    form = form_of(shop)
    await form.open("绑定", intent="bind_account")
    assert (await form.say("SF12345", intent="nlu_fallback")).responses == ["utter_binding_number_unclear"]
    assert (await form.say("绑定", intent="bind_account")).responses == ["utter_binding_ask_number"]
    await form.say(order.order_number, intent="give_order_number")
    assert (await form.say("忘了", intent="nlu_fallback")).responses == ["utter_binding_phone_unclear"]


@pytest.mark.parametrize(("text", "intent"), [("算了", "stop"), ("不用了", "deny")])
async def test_it_can_be_left(shop: SqlShop, order: Order, text: str, intent: str) -> None:
    form = form_of(shop)
    await form.open(order.order_number, intent="bind_account")
    scene = await form.say(text, intent=intent)
    assert scene.responses == ["utter_binding_left"]
    assert form.waits_for is None
    assert form.stage.slots["bind_order"] is None


async def test_another_topic_is_let_through_and_the_form_goes_on(shop: SqlShop, order: Order) -> None:
    form = form_of(shop)
    await form.open(order.order_number, intent="bind_account")
    for text in ("你是机器人吗", "电话改成13800001234"):  # a number that answers something else is no attempt
        interrupted = await form.say(text, intent="change_address")
        assert not interrupted.events
        assert not interrupted.said
    resumed = await form.resume("你是机器人吗", intent="ask_robot")
    assert resumed.responses == ["utter_binding_ask_phone"]
    assert form.waits_for == "bind_phone"


async def test_on_the_page_she_logs_in(shop: SqlShop) -> None:
    form = form_of(shop, link=False)
    assert (await form.open("绑定", intent="bind_account")).responses == ["utter_binding_log_in"]
    assert form.waits_for is None
    form = form_of(shop, link=False, customer_id="u1001")
    assert (await form.open("绑定", intent="bind_account")).responses == ["utter_binding_logged_in"]


async def test_what_is_the_accounts_needs_a_binding_and_tells_nothing_before(
    shop: SqlShop, order: Order
) -> None:
    for stage in (Stage(shop, link=True), Stage(shop, link=True, orders=[order.order_number])):
        scene = await stage.play(ShowPoints(), "我有多少积分", intent="ask_points")
        assert (scene.responses, scene.facts) == (["utter_binding_needed"], {"what": "points"})
        assert scene.options[0] == "bind_account"


async def test_who_is_bound_hears_to_what_and_how_it_is_undone(shop: SqlShop) -> None:
    masked = mask_phone((await shop.customer("u1001")).phone)
    form = form_of(shop, customer_id="u1001")
    scene = await form.open("绑定", intent="bind_account")
    assert (scene.responses, scene.facts) == (["utter_binding_exists"], {"phone": masked})
    assert all(masked in text and "解绑" in text for text in scene.texts().values())
    assert form.waits_for is None
    with broken(shop, "customer", ShopUnavailableError("away")):
        scene = await form_of(shop, customer_id="u1001").open("绑定", intent="bind_account")
    assert (scene.responses, scene.facts) == (["utter_binding_exists"], {"phone": None})


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (NotOfferedError("501"), "utter_binding_not_offered"),
        (ShopUnavailableError("away"), "utter_shop_unavailable"),
        (RuntimeError("broken"), "utter_action_failed"),
    ],
)
async def test_a_shop_that_cannot_is_no_dead_end(
    shop: SqlShop, order: Order, error: Exception, said: str
) -> None:
    form = form_of(shop)
    with broken(shop, "verify_owner", error):
        scene = await form.open("绑定", intent="bind_account")  # nobody is asked for numbers in vain
    assert scene.responses == [said]
    assert form.waits_for is None
    await form.open(order.order_number, intent="bind_account")
    with broken(shop, "verify_owner", error):
        scene = await form.say("13800001234", intent="give_phone_tail")
    assert scene.responses == [said]
    assert form.waits_for is None
    assert form.stage.slots["bind_phone"] is None


async def test_how_a_binding_is_undone(shop: SqlShop) -> None:
    async def said(**more: object) -> list[str]:
        scene = await Stage(shop, **more).play(TellUnbinding(), "怎么解绑", intent="unbind_account")  # type: ignore[arg-type]
        return scene.responses

    assert await said(link=True, customer_id="u1001") == ["utter_binding_exists"]
    assert await said(link=True) == ["utter_binding_none"]
    assert await said(customer_id="u1001") == ["utter_unbinding_elsewhere"]


async def test_who_was_bound_by_her_ticket_hears_to_which_account(shop: SqlShop) -> None:
    masked = mask_phone((await shop.customer("u1001")).phone)
    scene = await Stage(shop, link=True, customer_id="u1001").play(Identified(), intent="identified")
    assert scene.responses == ["utter_bound"]
    assert scene.facts == {"phone": masked}
    assert [card["card"] for card in scene.cards] == ["order"]
    with broken(shop, "orders", ShopUnavailableError("away")):
        scene = await Stage(shop, link=True, customer_id="u1001").play(Identified(), intent="identified")
    assert scene.responses == ["utter_bound"]
    page = await Stage(shop, customer_id="u1001").play(Identified(), intent="identified")
    assert page.responses == ["utter_identified"]
