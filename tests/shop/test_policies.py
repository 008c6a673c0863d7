"""The shop's own rules in its tables: delivered, changed by one at a time, kept as they were."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy.orm import Session

from actions.shop.database import downgrade, upgrade
from actions.shop.errors import KeyReusedError, NotFoundError, RuleError
from actions.shop.policy_book import deliver, differs, load_policies
from actions.shop.policy_cache import MAX_AGE_S, PolicyCache
from actions.shop.policy_models import Clause, Part, Policy, Tone
from actions.shop.sql import SqlShop
from tests.support.shop import VAULT, Clock

FEE = Policy(
    "return_fee",
    "退货运费",
    (
        Clause(
            Part.CONCLUSION,
            "寄回运费由我们承担。",
            True,
            Tone.YES,
            ("food",),
            ("delivered",),
            ("returnable",),
        ),
        Clause(Part.CONCLUSION, "寄回运费由您承担。", tone=Tone.NO),
        Clause(Part.DEADLINE, "最晚 {return_until} 前申请。", core=False, states=("delivered",)),
    ),
)
AREA = Policy("delivery_area", "配送范围", (Clause(Part.CONCLUSION, "全国都送。"),))


def put(shop: SqlShop, *policies: Policy) -> None:
    """Let the shop's tables hold what a version of the software delivers."""
    with Session(shop.engine, future=True) as session, session.begin():
        deliver(session, policies)


def stored(shop: SqlShop) -> dict[str, Policy]:
    with Session(shop.engine, future=True) as session:
        return {policy.topic: policy for policy in load_policies(session)}


@pytest.fixture(autouse=True)
def _two_delivered(monkeypatch: pytest.MonkeyPatch) -> None:
    """These two policies alone are delivered."""
    delivered = {policy.topic: policy for policy in (FEE, AREA)}
    monkeypatch.setattr("actions.shop.sql_policies.delivered_topics", lambda: delivered)


async def test_they_are_delivered_with_the_first_question(shop: SqlShop) -> None:
    assert list(await shop.policies()) == [AREA, FEE]
    assert await shop.policy("return_fee") == FEE
    for topic in ("nothing", "", "x" * 500, "返回", "a\0b"):
        with pytest.raises(NotFoundError):
            await shop.policy(topic)


async def test_a_change_is_kept_with_who_and_when_and_what_was_before(shop: SqlShop, clock: Clock) -> None:
    await shop.policies()
    changed = replace(FEE, title="谁出运费", clauses=FEE.clauses[1:])
    result = await shop.change_policy(changed, by="wang", key="k1")
    assert result.policy == replace(changed, version=2, changed_at=clock.now, changed_by="wang")
    assert not result.repeated
    assert await shop.policy("return_fee") == result.policy
    clock.forward(hours=1)
    back = await shop.change_policy(replace(FEE, version=2), by="li", key="k2")
    assert list(await shop.earlier_policies("return_fee")) == [result.policy, FEE]
    assert back.policy.clauses == FEE.clauses and back.policy.version == 3
    with pytest.raises(NotFoundError):
        await shop.earlier_policies("nothing")


async def test_the_second_of_two_changes_is_refused_and_nothing_is_lost(shop: SqlShop) -> None:
    first = await shop.change_policy(replace(FEE, title="甲"), by="wang", key="a")
    with pytest.raises(RuleError) as caught:
        await shop.change_policy(replace(FEE, title="乙"), by="li", key="b")
    assert caught.value.rule == "changed_meanwhile"
    assert await shop.policy("return_fee") == first.policy
    assert list(await shop.earlier_policies("return_fee")) == [FEE]


async def test_a_key_is_one_change(shop: SqlShop) -> None:
    changed = replace(FEE, title="甲")
    first = await shop.change_policy(changed, by="wang", key="k")
    await shop.change_policy(replace(FEE, title="乙", version=2), by="li", key="other")
    again = await shop.change_policy(changed, by="wang", key="k")
    assert (again.policy, again.repeated) == (first.policy, True)
    assert (await shop.policy("return_fee")).title == "乙"
    with pytest.raises(KeyReusedError):
        await shop.change_policy(replace(FEE, title="丙", version=3), by="wang", key="k")


async def test_what_is_not_sound_or_not_there_is_refused(shop: SqlShop) -> None:
    with pytest.raises(RuleError) as caught:
        await shop.change_policy(replace(FEE, clauses=FEE.clauses[:1]), by="wang", key="k")
    assert caught.value.rule == "invalid_policy"
    with pytest.raises(NotFoundError):
        await shop.change_policy(replace(FEE, topic="nothing"), by="wang", key="k")
    for by in ("", "x" * 65, "a\nb"):
        with pytest.raises(ValueError, match="login"):
            await shop.change_policy(FEE, by=by, key="k")
    assert await shop.policy("return_fee") == FEE


async def test_an_upgrade_brings_what_is_new_and_leaves_what_was_changed(shop: SqlShop) -> None:
    changed = (await shop.change_policy(replace(FEE, title="甲"), by="wang", key="k")).policy
    fee = replace(FEE, title="新的说法")
    area = replace(AREA, title="新的范围")
    late = replace(AREA, topic="late_parcel")
    put(shop, fee, area, late)
    assert stored(shop) == {"return_fee": changed, "delivery_area": area, "late_parcel": late}
    put(shop, late)
    assert stored(shop) == {"return_fee": changed, "late_parcel": late}
    put(shop)
    assert len(stored(shop)) == 2
    with Session(shop.engine, future=True) as session, session.begin():
        deliver(session, [area], whole=False)  # a file could not be read: what it held stays
    assert set(stored(shop)) == {"return_fee", "late_parcel", "delivery_area"}
    assert not differs(list(stored(shop).values()), [area], whole=False)
    assert differs(list(stored(shop).values()), [area])


async def test_the_schema_goes_down_without_them_and_up_again(empty_url: str) -> None:
    upgrade(empty_url)
    shop = SqlShop(empty_url, VAULT, Clock())
    put(shop, FEE)
    await shop.change_policy(replace(await shop.policy("return_fee"), title="甲"), by="wang", key="k")
    await shop.close()
    downgrade(empty_url, "0002")
    upgrade(empty_url)
    shop = SqlShop(empty_url, VAULT, Clock())
    assert "return_fee" not in stored(shop)
    await shop.close()


class Shelf:
    """Counts how often it is read."""

    def __init__(self) -> None:
        self.reads = 0
        self.held = [FEE, AREA]

    async def all(self) -> list[Policy]:
        self.reads += 1
        return list(self.held)

    async def one(self, topic: str) -> Policy:
        self.reads += 1
        for policy in self.held:
            if policy.topic == topic:
                return policy
        raise NotFoundError("no such policy")


async def test_a_moment_later_nothing_is_read_again() -> None:
    shelf, seconds = Shelf(), Clock()

    def passed() -> float:
        return seconds.now.timestamp()

    cache = PolicyCache(shelf.all, shelf.one, passed)
    assert await cache.policy("return_fee") == FEE
    shelf.held[0] = replace(FEE, title="甲")
    seconds.forward(seconds=MAX_AGE_S - 0.1)
    assert await cache.policy("return_fee") == FEE and shelf.reads == 1
    seconds.forward(seconds=0.2)
    assert (await cache.policy("return_fee")).title == "甲"
    await cache.policies()
    await cache.policies()
    assert await cache.policy("delivery_area") == AREA and shelf.reads == 3
    shelf.held[1] = replace(AREA, title="乙")
    cache.forget()
    assert (await cache.policy("delivery_area")).title == "乙"
    for _ in range(2):
        with pytest.raises(NotFoundError):
            await cache.policy("nothing")


async def test_what_was_read_while_it_was_changed_is_not_remembered() -> None:
    shelf = Shelf()

    async def slow(topic: str) -> Policy:
        found = await shelf.one(topic)
        cache.forget()  # a change, made while this was on its way
        return found

    cache = PolicyCache(shelf.all, slow)
    await cache.policy("return_fee")
    await cache.policy("return_fee")
    assert shelf.reads == 2
