"""The three processes with all their databases on a PostgreSQL server, killed, cut off and started again."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.stack.harness import Shopper, Stack, until
from tests.stack.test_kills import answers_to, say_quietly
from tests.support import postgres

pytestmark = [pytest.mark.stack, pytest.mark.service]


@pytest.fixture
def urls() -> Iterator[dict[str, str]]:
    """A database for each of the three."""
    with (
        postgres.database("record") as record,
        postgres.database("tracker") as tracker,
        postgres.database("shop") as shop,
    ):
        yield {"record_url": record, "tracker_url": tracker, "shop_url": shop}


def one(url: str, query: str) -> int:
    """Return the single number that a query gives."""
    engine = sa.create_engine(url)
    try:
        with engine.connect() as connection:
            return int(connection.execute(sa.text(query)).scalar_one())
    finally:
        engine.dispose()


def refunds(url: str, number: str) -> int:
    """How many refund requests the shop's own database holds for an order."""
    return one(url, f"SELECT count(*) FROM after_sales WHERE order_number = '{number}'")


def confirm(stack: Stack, shopper: Shopper, message_id: str) -> str:
    """Ask for the newest order to be cancelled and confirm it while the shop is slow; return its number."""
    asked = shopper.say("取消订单")
    assert "确认" in asked.buttons, asked.text
    stack.fault("delay=1")
    say_quietly(shopper, "确认", message_id)
    time.sleep(0.5)
    return str(shopper.opening.cards[-1]["data"]["number"])


def test_killed_cut_off_and_started_again(urls: dict[str, str], tmp_path: Path) -> None:
    with Stack(tmp_path / "data", **urls) as stack:
        assert not list((tmp_path / "data").glob("*.db"))
        shopper, other = stack.shopper("u1015"), stack.shopper("u1017")
        assert "积分" in shopper.say("我有多少积分").said

        # The front dies while a write is under way.
        number = confirm(stack, shopper, "pg_kill")
        before = refunds(urls["shop_url"], number)
        stack.kill("front")
        stack.fault("")
        stack.start("front")
        back = stack.returning(shopper)
        until(lambda: answers_to(back, "pg_kill"), 40)

        # Every connection to every database breaks while another write is under way.
        second = confirm(stack, stack.returning(other), "pg_cut")
        assert all(postgres.cut(url) >= 1 for url in urls.values())
        stack.fault("")
        again = stack.returning(other)
        until(lambda: answers_to(again, "pg_cut"), 40)

        for url in urls.values():
            postgres.cut(url)
        assert "积分" in stack.returning(shopper).say("我有多少积分").said  # the next call works
        time.sleep(2)  # a second answer would come now
        assert len(answers_to(back, "pg_kill")) == 1
        assert len(answers_to(again, "pg_cut")) == 1
        assert before <= 1 and refunds(urls["shop_url"], number) == 1
        # Where the shop itself was cut off the answer may be the apology: asking again settles it, once.
        if "确认" in again.say("取消订单").buttons:
            again.say("确认")
        assert refunds(urls["shop_url"], second) == 1
        said = back.messages()

    # Everything is stopped and started: what was said is there, and the bot knows where it was.
    with Stack(tmp_path / "data", **urls) as stack:
        back = stack.returning(shopper)
        assert back.messages() == said
        assert "积分" in back.say("我有多少积分").said
        trackers = one(urls["tracker_url"], "SELECT count(*) FROM tracker WHERE version > 3")
        assert trackers >= 2
