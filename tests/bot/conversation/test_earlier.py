"""What a customer's earlier conversations left enters the next one: the belief, and a person's correction."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import pytest
import pytest_asyncio
import sqlalchemy as sa

from bot.conversation.privacy import erase_customer
from bot.conversation.schema import shoppers
from tests.bot.conversation.desk_harness import NOON, Clock, Desk
from tests.bot.conversation.harness import Front, Shopper, token
from tests.bot.conversation.rasa_stub import RasaStub


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest_asyncio.fixture
async def made(url: str, rasa: RasaStub, clock: Clock) -> AsyncIterator[Front]:
    async with Front(url, rasa.port, clock=clock) as front:
        yield front


async def correct(shopper: Shopper, label: str, key: str = "k1") -> None:
    hands = Desk(shopper.front).hands
    await hands.correct(shopper.conversation_id, by="shopper", label=label, key=key)


async def earlier(front: Front, rasa: RasaStub, customer: str = "u1") -> dict[str, Any] | None:
    """What Rasa is told of the past when the customer opens a conversation."""
    await front.open(customer)
    told: dict[str, Any] | None = rasa.calls[-1].get("earlier")
    return told


async def test_the_last_correction_of_any_conversation_counts(
    made: Front, rasa: RasaStub, clock: Clock
) -> None:
    one, two = await made.open("u1"), await made.open("u1")
    await correct(two, "lively")
    clock.pass_by(hours=1)
    await correct(one, "perfect")
    await correct(one, "peace", "k2")
    clock.pass_by(days=3)
    told = await earlier(made, rasa)
    assert told is not None and told["corrected"] == "peace"
    assert (datetime.fromisoformat(told["corrected_at"]) - NOON).total_seconds() == 3600
    assert told["belief"]["served"] == "peace" and told["at"] == told["corrected_at"]
    assert await earlier(made, rasa, "u2") is None


async def test_a_correction_made_before_the_login_counts_and_needs_no_belief(
    made: Front, rasa: RasaStub
) -> None:
    shopper = await made.open()
    await correct(shopper, "none")
    path = f"/api/v1/conversations/{shopper.conversation_id}/identify"
    headers = {**shopper.headers, "Authorization": f"Bearer {token('u1', made._clock)}"}
    assert (await made.request("POST", path, headers=headers)).status == 200
    # The one of this very conversation stands in its belief already.
    assert rasa.calls[-1]["event"] == "identified" and "earlier" not in rasa.calls[-1]
    assert rasa.calls[-1]["belief"]["corrected"] == [0.0] * 4
    database = made.conversations._store.database
    await database.write(lambda c: c.execute(shoppers.update().values(belief=sa.null(), belief_at=None)))
    told = await earlier(made, rasa)
    assert told is not None and set(told) == {"corrected", "corrected_at"}
    assert told["corrected"] == "none"


async def test_off_forgets_it_and_on_does_not_bring_it_back(made: Front, rasa: RasaStub) -> None:
    shopper = await made.open("u1")
    await correct(shopper, "peace")
    path = f"/api/v1/conversations/{shopper.conversation_id}/personalisation"
    await made.request("PUT", path, json={"on": False}, headers=shopper.headers)
    assert await earlier(made, rasa) is None
    await made.request("PUT", path, json={"on": True}, headers=shopper.headers)
    assert await earlier(made, rasa) is None


async def test_erasure_takes_it_along(made: Front, rasa: RasaStub) -> None:
    shopper = await made.open("u1")
    await correct(shopper, "peace")
    await made.conversations._store.database.write(lambda c: erase_customer(c, "u1"))
    assert await earlier(made, rasa) is None
