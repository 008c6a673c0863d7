"""The real three processes, with a shop's backend over HTTP behind them: slow, lossy, sick, dead."""

from __future__ import annotations

import json
import re
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import closing

import pytest

from actions.shop.seed.demo import demo_customers
from bot.app import children
from persona.telemetry import tracing
from tests.stack.backend import KEY, Backend
from tests.stack.harness import SPECS, Shopper, Stack, until

pytestmark = pytest.mark.stack

REFUNDS = "SELECT count(*) FROM after_sales WHERE order_number = ?"
WRITES = "SELECT count(*) FROM writes"
AWAY = re.compile("连不上|没有响应")
NOT_KNOWN = re.compile("还不确定")


@pytest.fixture(scope="module")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    with Backend(tmp_path_factory.mktemp("backend") / "reference.db") as running:
        yield running


@pytest.fixture(scope="module")
def _with_backend(backend: Backend, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("http_shop") / "data"
    rates = dict.fromkeys(("rate_address", "rate_opening"), "1000/9000")
    with Stack(folder, log_format="json", **rates, **backend.settings) as running:
        yield running


@pytest.fixture
def stack(_with_backend: Stack, backend: Backend) -> Iterator[Stack]:
    """The module's stack, with a backend that is well before and after."""
    yield _with_backend
    backend.live()
    backend.fault("")
    until(lambda: found_again(_with_backend), 40)


def found_again(stack: Stack) -> bool:
    """Say whether the stack asks the backend, and is answered; a new shopper each time, for nobody nags."""
    return bool(stack.shopper("u1002").say("我的快递到哪了").cards)


def to_cancel(stack: Stack, customer: str) -> tuple[Shopper, str]:
    """Let a shopper ask to cancel the order she is greeted with; return it up to the confirmation."""
    shopper = stack.shopper(customer)
    number = str(shopper.opening.cards[-1]["data"]["number"])
    assert "确认" in shopper.say("取消订单").buttons, shopper.last.text
    return shopper, number


def test_the_status_of_an_order_is_the_backends(stack: Stack, backend: Backend) -> None:
    answer = stack.shopper("u1002").say("我的快递到哪了")
    tracking = answer.cards[-1]["data"]["tracking_number"]
    owner = (
        "SELECT count(*) FROM shipments JOIN orders USING (order_number) "
        "WHERE tracking_number = ? AND customer_id = 'u1002'"
    )
    assert backend.count(owner, tracking) == 1
    assert not (stack.settings.data_dir / "shop.db").exists(), "the stack keeps no shop of its own"


def test_a_confirmed_cancellation_is_one_write(stack: Stack, backend: Backend) -> None:
    shopper, number = to_cancel(stack, "u1015")
    written, began = backend.count(WRITES), len(backend.heard)
    assert backend.count(REFUNDS, number) == 0, "nothing is done before it is confirmed"
    assert "已取消" in shopper.tap("确认").said
    assert backend.count(REFUNDS, number) == 1
    assert backend.count(WRITES) == written + 1
    keyed = [heard for heard in backend.heard[began:] if heard.key]
    assert [(heard.method, heard.path) for heard in keyed] == [("POST", f"/v1/orders/{number}/cancellation")]


def test_an_answer_lost_once_is_not_noticed_and_done_once(stack: Stack, backend: Backend) -> None:
    shopper, number = to_cancel(stack, "u1017")
    written, asked = backend.count(WRITES), backend.calls["cancel_order"]
    began = len(backend.heard)
    backend.fault("lost,only=cancel_order,times=1")
    assert "已取消" in shopper.tap("确认").said
    assert backend.calls["cancel_order"] == asked + 2, "it was asked again"
    assert len({heard.key for heard in backend.heard[began:] if heard.key}) == 1, "under the same key"
    assert backend.count(WRITES) == written + 1
    assert backend.count(REFUNDS, number) == 1


def test_answers_lost_again_and_again_leave_a_way_to_make_sure(stack: Stack, backend: Backend) -> None:
    shopper, number = to_cancel(stack, "u1023")
    written = backend.count(WRITES)
    began = len(backend.heard)
    backend.fault("lost,only=cancel_order,times=2")
    unsure = shopper.tap("确认")
    assert NOT_KNOWN.search(unsure.said), "neither done nor failed is claimed where neither is known"
    assert "已取消" in shopper.tap("再确认一次").said
    assert len({heard.key for heard in backend.heard[began:] if heard.key}) == 1, "still the same key"
    assert backend.count(WRITES) == written + 1
    assert backend.count(REFUNDS, number) == 1


def test_a_slow_backend_is_waited_for(stack: Stack, backend: Backend) -> None:
    asking = stack.shopper("u1002")
    shopper, number = to_cancel(stack, "u1008")
    asked = backend.calls.total()
    backend.fault("slow=1.5")
    assert asking.say("我的快递到哪了").cards
    assert backend.calls.total() > asked
    assert "已取消" in shopper.tap("确认").said
    assert backend.count(REFUNDS, number) == 1


@pytest.mark.parametrize("fault", ["status=500", "garbage", "half", "html", "spoil=items.*.total:number"])
def test_a_sick_backend_is_named_and_nothing_is_made_up(stack: Stack, backend: Backend, fault: str) -> None:
    shopper = stack.shopper("u1002")
    backend.fault(f"{fault},only=orders")
    answer = shopper.say("我的快递到哪了")
    assert AWAY.search(answer.said) and not answer.cards, answer.text
    assert "再试一次" in answer.buttons
    backend.fault("")
    until(lambda: found_again(stack), 40)
    assert shopper.tap("再试一次").cards


def test_a_dead_backend_is_said_so_and_found_again(stack: Stack, backend: Backend) -> None:
    shopper = stack.shopper("u1006")
    backend.die()
    answer = shopper.say("我有多少积分")
    assert AWAY.search(answer.said) and "再试一次" in answer.buttons, answer.text
    arriving = stack.shopper("u1011")
    assert arriving.opening.text and not arriving.opening.cards, "a conversation opens without the shop"
    backend.live()
    until(lambda: found_again(stack), 40)
    assert re.search(r"\d+ ?积分", shopper.tap("再试一次").said), shopper.last.text


def test_a_confirmation_to_a_dead_backend_is_settled_once_it_lives(stack: Stack, backend: Backend) -> None:
    shopper, number = to_cancel(stack, "u1012")
    written = backend.count(WRITES)
    backend.die()
    assert NOT_KNOWN.search(shopper.tap("确认").said), shopper.last.text
    assert backend.count(WRITES) == written
    backend.live()
    until(lambda: found_again(stack), 40)
    assert "已取消" in shopper.tap("再确认一次").said
    assert backend.count(WRITES) == written + 1
    assert backend.count(REFUNDS, number) == 1


def test_the_trace_of_a_message_arrives_in_the_backend(stack: Stack, backend: Backend) -> None:
    shopper, message_id = stack.shopper("u1002"), f"trace_{uuid.uuid4().hex}"
    began = len(backend.heard)
    shopper.say("我的快递到哪了", message_id)
    trace_id = tracing.of_message(shopper.session.conversation_id, message_id).trace_id
    mine = [heard for heard in backend.heard[began:] if heard.trace_id == trace_id]
    assert any(heard.path == "/v1/customers/u1002/orders" for heard in mine), backend.heard[began:]
    log = children.log_path(SPECS["actions"], stack.settings).read_text("utf-8")
    told = [json.loads(line) for line in log.splitlines() if trace_id in line]
    assert any(line["message"] == "shop call" for line in told), "and the log names the same"


def test_no_log_holds_the_shops_key_or_what_the_backend_knows(stack: Stack, backend: Backend) -> None:
    """Runs last: all that went wrong before stands in these logs."""
    wrong_key = stack.shopper("u1002")
    backend.fault("deny")
    assert AWAY.search(wrong_key.say("我的快递到哪了").said)
    logs = "".join(
        path.read_text("utf-8") for path in stack.settings.logs_dir.iterdir() if path.suffix == ".log"
    )
    assert "does not let us in" in logs and "the shop did not do" in logs, "the faults were logged"
    assert KEY not in logs
    names = {customer.display_name for customer in demo_customers() if len(customer.display_name) > 2}
    assert names and not [name for name in names if name in logs]
    with closing(sqlite3.connect(stack.settings.data_dir / "record.db")) as record:
        assert KEY not in "\n".join(record.iterdump()), "nor does the record"
