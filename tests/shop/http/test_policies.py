"""Policies over HTTP: the same as with the shop itself, kept for a moment, never overtaken."""

from __future__ import annotations

from dataclasses import replace

import pytest

from actions.shop.conformance.run import check
from actions.shop.errors import (
    KeyReusedError,
    NotFoundError,
    NotOfferedError,
    RuleError,
    ShopGarbledError,
    ShopTimeoutError,
)
from actions.shop.http_auth import ApiKey
from actions.shop.policy_cache import MAX_AGE_S
from actions.shop.policy_models import Clause, Part, Policy, Tone
from tests.shop.http.conftest import KEY, Stage
from tests.support.shop import NOW

FEE = Policy(
    "return_fee",
    "退货运费",
    (
        Clause(Part.CONCLUSION, "运费我们出。", tone=Tone.YES, states=("delivered",), when=("!late",)),
        Clause(Part.CONCLUSION, "寄回运费由您承担。", tone=Tone.NO),
        Clause(Part.FEE, "生鲜不用寄回。", core=False, categories=("food",)),
    ),
)
AREA = Policy("delivery_area", "配送范围", (Clause(Part.CONCLUSION, "全国都送。"),))


@pytest.fixture(autouse=True)
def _two_delivered(monkeypatch: pytest.MonkeyPatch) -> None:
    """These two policies alone are delivered."""
    delivered = {policy.topic: policy for policy in (FEE, AREA)}
    monkeypatch.setattr("actions.shop.sql_policies.delivered_topics", lambda: delivered)


async def test_they_read_the_same_and_not_with_every_message(stage: Stage) -> None:
    assert list(await stage.shop.policies()) == [AREA, FEE]
    assert await stage.shop.policy("return_fee") == FEE
    assert stage.reference.calls["policies"] == 1
    assert stage.reference.calls["policy"] == 0  # the list has said it
    await stage.sql.change_policy(replace(FEE, title="甲"), by="wang", key="k")
    stage.seconds.now += MAX_AGE_S
    assert (await stage.shop.policy("return_fee")).title == "甲"
    for topic in ("nothing", "", "..", "a/b"):
        with pytest.raises(NotFoundError):
            await stage.shop.policy(topic)


async def test_a_change_is_done_once_and_heard_at_once(stage: Stage) -> None:
    assert await stage.shop.policy("return_fee") == FEE
    changed = replace(FEE, title="谁出运费", clauses=FEE.clauses[1:])
    first = await stage.shop.change_policy(changed, by="wang", key="k")
    assert first.policy == replace(changed, version=2, changed_at=NOW, changed_by="wang")
    assert await stage.shop.policy("return_fee") == first.policy
    again = await stage.shop.change_policy(changed, by="wang", key="k")
    assert (again.policy, first.repeated, again.repeated) == (first.policy, False, True)
    assert list(await stage.shop.earlier_policies("return_fee")) == [FEE]
    with pytest.raises(KeyReusedError):
        await stage.shop.change_policy(replace(changed, title="乙"), by="wang", key="k")


@pytest.mark.parametrize(
    ("policy", "rule"),
    [(replace(FEE, version=7), "changed_meanwhile"), (replace(FEE, clauses=()), "invalid_policy")],
)
async def test_the_rule_is_named(stage: Stage, policy: Policy, rule: str) -> None:
    with pytest.raises(RuleError) as caught:
        await stage.shop.change_policy(policy, by="wang", key="k")
    assert caught.value.rule == rule


async def test_an_answer_about_another_topic_never_passes(stage: Stage) -> None:
    stage.faults("spoil=topic:text,only=policy;spoil=policy.topic:text,only=change_policy")
    with pytest.raises(ShopGarbledError):
        await stage.shop.policy("return_fee")
    with pytest.raises(ShopTimeoutError):
        await stage.shop.change_policy(replace(FEE, title="甲"), by="wang", key="k")


async def test_a_backend_may_do_without(stage: Stage) -> None:
    stage.faults("status=501,only=policies|policy|earlier_policies|change_policy")
    for call in (stage.shop.policies(), stage.shop.policy("return_fee")):
        with pytest.raises(NotOfferedError):
            await call
    report = await check(stage.url, ApiKey(KEY), customer_id="u1008", write=True, now=NOW)
    assert report.good
    assert "policies" in report.not_offered


async def test_the_check_names_the_clause_that_cannot_be_told(stage: Stage) -> None:
    report = await check(stage.url, ApiKey(KEY), customer_id="u1008", write=True, now=NOW)
    assert report.good
    assert {"policies", "policy", "earlier_policies", "change_policy"} <= set(report.checked)
    assert stage.reference.calls["change_policy"] == 2
    assert await stage.sql.policy("return_fee") == FEE  # nothing was written
    stage.faults("spoil=items.1.clauses.0.when.0:text,only=policies")
    report = await check(stage.url, ApiKey(KEY), customer_id="u1008", now=NOW)
    (found, other) = sorted(report.findings, key=lambda finding: finding.operation)
    assert (found.operation, found.path) == ("policies", "items[1].clauses[0].when")
    assert other.operation == "policy"  # which says something else than the list now
