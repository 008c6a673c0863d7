"""Who proves in the chat which customer she is writes as that customer from then on, and nobody else does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from bot.app.front import shanghai_now
from bot.conversation.assertion import Assertions
from bot.conversation.binding import came_by_link, link_of
from bot.conversation.database import make_engine
from bot.conversation.errors import AssertionInvalidError
from bot.conversation.link_memory import prefix
from bot.conversation.schema import SHANGHAI
from bot.conversation.types import Conversation, Kind, Owner, Pending, Work
from tests.bot.conversation.harness import ASSERTION_KEY, token, until
from tests.bot.conversation.rasa_stub import RasaStub, answer
from tests.bot.conversation.test_channel_binding import bind, front_at, ticket
from tests.bot.conversation.test_identity import NOW, grant, read
from tests.bot.conversation.test_signed_channel import front_at as plain_front_at
from tests.bot.conversation.test_signed_channel import receiver, write  # noqa: F401  # a fixture
from tests.fakes.signed import Receiver

PROVES = "13800001234"


def proving(customer_id: str, **changes: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Return a bot that believes whoever sends the number."""

    def script(request: dict[str, Any]) -> dict[str, Any]:
        if request.get("text") != PROVES:
            return answer(request)
        more: dict[str, Any] = {
            "orders": None,
            "customer": customer_id,
            "at": datetime.now(SHANGHAI),
            **changes,
        }
        made = grant(more.pop("cid", request["conversation_id"]), request["message_id"], **more)
        directive = {"type": "directive", "directive": "bound", "grant": made}
        return answer(request, [{"custom": directive}, {"text": "绑好了"}])

    return script


def queried(url: str, query: str) -> list[tuple[Any, ...]]:
    engine = make_engine(url)
    try:
        with engine.connect() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(query)]
    finally:
        engine.dispose()


def recorded(url: str) -> list[tuple[Any, ...]]:
    return queried(url, "SELECT act, how, customer_id FROM channel_bindings ORDER BY id")


async def test_a_number_that_fits_binds_her_and_shares_what_is_the_customers(
    url: str,
    rasa: RasaStub,
    receiver: Receiver,  # noqa: F811
) -> None:
    rasa.script = proving("u1")
    async with plain_front_at(url, rasa, receiver) as front:  # no page to log in: 绑定 is for the bot
        page = await front.open("u1")  # what she says on the page leaves a belief
        await page.say("在网页说过")
        await write(front, "w1", 1, "绑定")
        await until(lambda: "答：绑定" in receiver.texts("w1"))
        stranger = rasa.calls[-1]
        assert "sub" not in read(stranger)
        assert "earlier" not in stranger and not stranger["history_wanted"]
        assert read(stranger)["link"] is True

        await write(front, "w1", 2, PROVES)
        await until(lambda: "绑好了" in receiver.texts("w1"))
        assert recorded(url) == [("bound", "verified", "u1"), ("merged", "verified", "u1")]
        await write(front, "w1", 3, "我的订单")
        await until(lambda: "答：我的订单" in receiver.texts("w1"))
        customer = rasa.calls[-1]
        assert customer["conversation_id"] == stranger["conversation_id"]  # what she said came along
        assert (read(customer)["sub"], read(customer)["link"]) == ("u1", True)
        assert customer["history_wanted"]
        assert customer["earlier"]["belief"]["served"] == "power"  # of the page

        headers = {"Authorization": f"Bearer {token('u1')}"}
        web = await front.request("POST", "/api/v1/conversations", json={"resume": True}, headers=headers)
        assert (web.json["resumed"], web.json["conversation_id"]) == (True, customer["conversation_id"])
        await write(front, "w2", 1, "我的订单")  # somebody else on the same channel
        await until(lambda: "答：我的订单" in receiver.texts("w2"))
        assert "sub" not in read(rasa.calls[-1])
        assert rasa.calls[-1]["conversation_id"] != customer["conversation_id"]

        await write(front, "w1", 4, "解绑")
        await until(lambda: any("utter_unbound" in text for text in receiver.texts("w1")))
        await write(front, "w1", 5, "还在吗")
        await until(lambda: "答：还在吗" in receiver.texts("w1"))
        assert "sub" not in read(rasa.calls[-1])
        assert recorded(url)[-1] == ("unbound", "chat", "u1")


async def test_whoever_switched_personalisation_off_has_it_off_here(
    url: str,
    rasa: RasaStub,
    receiver: Receiver,  # noqa: F811
) -> None:
    rasa.script = proving("u1")
    async with plain_front_at(url, rasa, receiver) as front:
        page = await front.open("u1")
        path = f"/api/v1/conversations/{page.conversation_id}/personalisation"
        await front.request("PUT", path, json={"on": False}, headers=page.headers)
        await write(front, "w1", 1, PROVES)
        await until(lambda: "绑好了" in receiver.texts("w1"))
        await write(front, "w1", 2, "我的订单")
        await until(lambda: "答：我的订单" in receiver.texts("w1"))
        assert rasa.calls[-1]["personalisation"] is False
    assert queried(url, "SELECT count(*) FROM conversations WHERE belief IS NOT NULL") == [(0,)]


@pytest.mark.parametrize(
    "changes",
    [{"key": "x" * 40}, {"cid": "c_other"}, {"customer": ""}, {"customer": 5}, {"orders": ["202611200001"]}],
)
async def test_a_proof_that_is_none_binds_nobody_and_is_not_called_a_success(
    url: str,
    rasa: RasaStub,
    receiver: Receiver,  # noqa: F811
    changes: dict[str, Any],
) -> None:
    rasa.script = proving("u1", **changes)
    async with plain_front_at(url, rasa, receiver) as front:
        await write(front, "w1", 1, PROVES)
        await until(lambda: any("utter_bind_refused" in text for text in receiver.texts("w1")))
        await write(front, "w1", 2, "我的订单")
        await until(lambda: "答：我的订单" in receiver.texts("w1"))
        assert "绑好了" not in receiver.texts("w1")
        assert "sub" not in read(rasa.calls[-1])
    assert recorded(url) == []


async def test_who_was_bound_to_another_meanwhile_stays_so(
    url: str,
    rasa: RasaStub,
    receiver: Receiver,  # noqa: F811
) -> None:
    async with front_at(url, rasa, receiver) as front:
        given = await ticket(front, receiver, "w1", 1)
        rasa.script = proving("u1")
        rasa.gate.clear()
        count = len(rasa.calls)
        await write(front, "w1", 2, PROVES)
        await until(lambda: len(rasa.calls) > count)
        assert (await bind(front, given, "u2")).status == 200  # while the bot thinks
        rasa.gate.set()
        await until(lambda: any("utter_bind_refused" in text for text in receiver.texts("w1")))
        await write(front, "w1", 3, "我的订单")
        await until(lambda: "答：我的订单" in receiver.texts("w1"))
        assert "绑好了" not in receiver.texts("w1")
        assert read(rasa.calls[-1])["sub"] == "u2"
    assert recorded(url) == [("bound", "link", "u2"), ("merged", "link", "u2")]


async def test_a_ticket_for_the_same_customer_meanwhile_is_no_conflict(
    url: str,
    rasa: RasaStub,
    receiver: Receiver,  # noqa: F811
) -> None:
    async with front_at(url, rasa, receiver) as front:
        given = await ticket(front, receiver, "w1", 1)
        rasa.script = proving("u1")
        rasa.gate.clear()
        count = len(rasa.calls)
        await write(front, "w1", 2, PROVES)
        await until(lambda: len(rasa.calls) > count)
        assert (await bind(front, given, "u1")).status == 200
        rasa.gate.set()
        await until(lambda: "绑好了" in receiver.texts("w1"))
    assert recorded(url) == [("bound", "link", "u1"), ("merged", "link", "u1")]


async def test_a_page_binds_no_link_whatever_its_messages_are_called(
    url: str,
    rasa: RasaStub,
    receiver: Receiver,  # noqa: F811
) -> None:
    """A client chooses the ids of its messages; one that names another's link must not be that link's."""
    async with plain_front_at(url, rasa, receiver) as front:
        await write(front, "w1", 1, "你好")
        await until(lambda: "答：你好" in receiver.texts("w1"))
        ((link_id,),) = queried(url, "SELECT id FROM channel_links")
        rasa.script = proving("thief")
        page = await front.open()
        said = await page.say(PROVES, f"{prefix(link_id)}0123456789abcdef")
        assert [one["text"].partition("/")[0] for one in said] == ["utter_bind_refused"]
        assert read(rasa.calls[-1])["link"] is False
    assert recorded(url) == []
    assert queried(url, "SELECT customer_id FROM channel_links") == [(None,)]


async def test_failures_count_for_each_user_of_a_channel_apart(
    url: str,
    rasa: RasaStub,
    receiver: Receiver,  # noqa: F811
) -> None:
    """The platform's one address stands for them all: who guesses must not shut out everybody."""
    async with plain_front_at(url, rasa, receiver) as front:
        for user in ("w1", "w2"):
            for number in (1, 2):
                await write(front, user, number, f"问{number}")
            await until(lambda user=user: "答：问2" in receiver.texts(user))  # type: ignore[misc]
    nets = [read(call)["net"] for call in rasa.calls if "text" in call]
    assert len(set(nets)) == 2
    assert len(nets) == 4
    assert all(len(net) == 32 for net in nets)


async def test_with_a_page_to_log_in_the_word_alone_gives_the_link(
    url: str,
    rasa: RasaStub,
    receiver: Receiver,  # noqa: F811
) -> None:
    async with front_at(url, rasa, receiver) as front:
        given = await ticket(front, receiver, "w1", 1)
        assert not [call for call in rasa.calls if call.get("text") == "绑定"]
        await write(front, "w1", 2, "验证绑定")  # and this begins the verification
        await until(lambda: "答：验证绑定" in receiver.texts("w1"))
        assert (await bind(front, given, "u1")).status == 200
        await until(lambda: "答：identified" in receiver.texts("w1"))
        news = next(call for call in rasa.calls if call.get("event") == "identified")
        assert (read(news)["link"], read(news)["sub"]) == (True, "u1")  # so she hears to which account


def test_a_grant_proves_an_order_or_a_customer_never_both() -> None:
    assertions = Assertions(ASSERTION_KEY, lambda: NOW)
    ids = {"conversation_id": "c_1", "message_id": "m_1"}
    owner = grant("c_1", "m_1", orders=None, customer="u1")
    assert assertions.granted_customer(owner, **ids) == "u1"
    with pytest.raises(AssertionInvalidError):
        assertions.granted_orders(owner, **ids)
    with pytest.raises(AssertionInvalidError):
        assertions.granted_customer(grant("c_1", "m_1"), **ids)
    with pytest.raises(AssertionInvalidError):
        assertions.granted_customer(owner, conversation_id="c_1", message_id="m_2")


@pytest.mark.parametrize(
    ("channel", "customer", "message_id", "kind", "wanted"),
    [
        ("wechat", None, f"{prefix(7)}abc", Kind.TEXT, True),
        ("web", "u1", f"{prefix(7)}abc", Kind.TEXT, True),  # into the conversation that she began on the page
        ("web", None, f"{prefix(7)}abc", Kind.TEXT, False),
        ("wechat", "u1", "m_1", Kind.TEXT, False),  # on the page, in what she began on a channel
        ("web", "u1", "front.identified", Kind.EVENT, False),
    ],
)
def test_where_a_message_came_from(
    channel: str, customer: str | None, message_id: str, kind: Kind, wanted: bool
) -> None:
    conversation = Conversation("c_1", channel, customer, (), Owner.BOT, None, "neutral", True, None)
    message = Pending(message_id, 1, kind, {"text": "绑定"}, "", shanghai_now())
    assert came_by_link(Work(conversation, message)) is wanted
    assert link_of(prefix(7) + "abc") == 7
