"""Checks of policies: that they can be told, that topics are there once, that nobody is overtaken."""

from __future__ import annotations

import secrets

from actions.shop.conformance.caller import Caller, Said
from actions.shop.errors import ShopGarbledError
from actions.shop.http_operations import PolicyBody
from actions.shop.http_wire import decode
from actions.shop.policy_models import Policy
from actions.shop.policy_rules import validate

#: A topic that no shop has.
NO_TOPIC = "zhixin_no_such_topic"

_MOST_READ = 3


async def check_policies(caller: Caller) -> None:
    """See that every policy can be told, and that one and many say the same."""
    said = await caller.good("policies")
    if said is None:
        return
    told = _told(caller, said)
    topics = [policy.topic for policy in told.values()]
    for topic in sorted({topic for topic in topics if topics.count(topic) > 1}):
        caller.wrong(said, "items", "each topic once", f'"{topic}" {topics.count(topic)} times')
    for at, policy in list(told.items())[:_MOST_READ]:
        names = {"topic": policy.topic}
        one = await caller.good("policy", names)
        if one is not None and one.value != said.items[at]:
            caller.wrong(one, "", "what the list says of this topic", "something else")
        await _check_earlier(caller, policy)
    for operation in ("policy", "earlier_policies"):
        unknown = await caller.ask(operation, {"topic": NO_TOPIC})
        if unknown.status == 501:
            _not_offered(caller, operation)
        else:
            caller.refused(unknown, (404,), "a topic that does not exist", "not_found")


def _told(caller: Caller, said: Said) -> dict[int, Policy]:
    """Return the policies that can be read, by their place; name what is wrong with each."""
    found = _read(said)
    for at, policy in found.items():
        for problem in validate(policy):
            where = problem.field if problem.clause is None else f"clauses[{problem.clause}].{problem.field}"
            wanted = f"a policy that can be told ({policy.topic})"
            caller.wrong(said, f"items[{at}].{where}", wanted, problem.message)
    return found


def _read(said: Said) -> dict[int, Policy]:
    found: dict[int, Policy] = {}
    for at, item in enumerate(said.items):
        try:
            found[at] = decode(Policy, item)
        except ShopGarbledError:
            continue  # told already, by the schema
    return found


async def _check_earlier(caller: Caller, policy: Policy) -> None:
    said = await caller.good("earlier_policies", {"topic": policy.topic})
    if said is None:
        return
    versions = [item.get("version", 1) for item in said.items if isinstance(item, dict)]
    if versions != sorted(versions, reverse=True) or any(v >= policy.version for v in versions):
        caller.wrong(said, "items[].version", "versions before the present one, the last first", "others")


async def check_policy_writes(caller: Caller) -> None:
    """See that a policy that somebody else has changed is not overwritten; nothing is written."""
    said = await caller.ask("policies")
    if said.status != 200:
        return
    told = _read(said)
    for topic, policy in ((NO_TOPIC, None), *((policy.topic, policy) for policy in list(told.values())[:1])):
        body = PolicyBody("题", (), 1, "zhixin-check")
        if policy is not None:
            body = PolicyBody(policy.title, policy.clauses, policy.version + 1000, "zhixin-check")
        key = f"zhixin-check:{secrets.token_hex(8)}"
        answer = await caller.ask("change_policy", {"topic": topic}, body=body, key=key)
        if answer.status == 501:
            _not_offered(caller, "change_policy")
        elif policy is None:
            caller.refused(answer, (404,), "a topic that does not exist", "not_found")
        else:
            caller.refused(answer, (409,), "a version that is not the stored one", "rule")
            rule = answer.at("error", "rule")
            if answer.status == 409 and rule != "changed_meanwhile":
                caller.wrong(answer, "error.rule", "changed_meanwhile", f'"{rule}"')


def _not_offered(caller: Caller, operation: str) -> None:
    if operation not in caller.report.not_offered:
        caller.report.not_offered.append(operation)
