"""``kill -9`` of each process in the middle of a write: nothing accepted is lost, answered or done twice."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections.abc import Iterator

import pytest

from bot.app.client import FrontUnreachableError
from tests.stack.harness import Shopper, Stack, until

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def battered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack of this module's own: its customers' orders are untouched by other tests."""
    with Stack(tmp_path_factory.mktemp("kills") / "data") as running:
        yield running


def answers_to(shopper: Shopper, message_id: str) -> list[str]:
    """What was answered to one message: the bot's own words, or else the apology, a notice with a way on.

    While a dead process comes back the shopper may be told that it takes longer; that is no answer.
    """
    said = [m for m in shopper.messages() if m.get("in_reply_to") == message_id]
    words = [str(m["text"]) for m in said if m["type"] in {"text", "buttons"}]
    return words or [str(m["text"]) for m in said if m["type"] == "notice" and m.get("buttons")]


def say_quietly(shopper: Shopper, text: str, message_id: str) -> threading.Thread:
    """Say something in the background; the connection may break."""

    def run() -> None:
        with contextlib.suppress(FrontUnreachableError):
            shopper.say(text, message_id)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


def refunds_of(stack: Stack, order_number: str) -> int:
    """How many refund requests the shop's own database holds for an order."""
    with contextlib.closing(sqlite3.connect(stack.settings.data_dir / "shop.db")) as shop:
        row = shop.execute("SELECT count(*) FROM after_sales WHERE order_number = ?", (order_number,))
        return int(row.fetchone()[0])


@pytest.mark.parametrize(
    ("victim", "moment", "customer"),
    [
        ("front", 0.15, "u1015"),
        ("front", 1.3, "u1017"),
        ("rasa", 0.15, "u1023"),
        ("rasa", 1.3, "u1008"),
        ("actions", 0.15, "u1012"),
        ("actions", 1.3, "u1001"),
    ],
)
def test_a_confirmed_cancellation_happens_once(
    battered: Stack, victim: str, moment: float, customer: str
) -> None:
    shopper = battered.shopper(customer)
    asked = shopper.say("取消订单")
    assert "确认" in asked.buttons, asked.text
    number = battered.shopper(customer).opening.cards[-1]["data"]["number"]
    before = refunds_of(battered, number)
    message_id = f"kill_{victim}_{moment}"
    battered.fault("delay=1")
    writer = say_quietly(shopper, "确认", message_id)
    time.sleep(moment)
    battered.kill(victim)
    battered.fault("")
    battered.start(victim)
    writer.join(40)
    back = battered.returning(shopper)
    until(lambda: answers_to(back, message_id), 40)
    time.sleep(5)  # what follows an apology, or a second answer, would come now
    assert len(answers_to(back, message_id)) == 1, answers_to(back, message_id)
    # Where the shop itself was killed the one answer may be the apology: asking again settles it, once.
    if "确认" in back.say("取消订单").buttons:
        assert victim == "actions"
        back.say("确认")
    assert refunds_of(battered, number) - before == 1


def test_messages_in_flight_are_answered_after_the_front_is_killed(battered: Stack) -> None:
    shoppers = [battered.shopper(customer) for customer in ("u1002", "u1006", "u1011")]
    battered.fault("delay=1")
    writers = [say_quietly(s, "快递到哪了", f"flight_{i}") for i, s in enumerate(shoppers)]
    time.sleep(0.5)
    battered.kill("front")
    battered.fault("")
    battered.start("front")
    for writer in writers:
        writer.join(40)
    for i, shopper in enumerate(shoppers):
        back = battered.returning(shopper)
        until(lambda back=back, i=i: answers_to(back, f"flight_{i}"), 40)
        assert len(answers_to(back, f"flight_{i}")) == 1
        assert "积分" in back.say("我有多少积分").said
