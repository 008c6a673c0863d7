"""Policies over HTTP: what the shop's own backend allows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from actions.shop.errors import ShopGarbledError, ShopTimeoutError
from actions.shop.http_operations import PolicyBody
from actions.shop.http_transport import Transport
from actions.shop.policy_cache import PolicyCache
from actions.shop.policy_models import Policy, PolicyResult


class PolicyMethods(ABC):
    """The policies of :class:`~actions.shop.http.HttpShop`.

    They are taken as they are told: a clause with a gap or a flag that nobody knows does not hold, and harms
    nobody. ``zhixin shop check`` names it.
    """

    transport: Transport

    @abstractmethod
    async def _ask(
        self, name: str, names: Any, query: Any = None, *, body: Any = None, key: Any = None
    ) -> Any:
        """Make the call of an operation."""

    @cached_property
    def policy_cache(self) -> PolicyCache:
        """What was told a moment ago."""
        return PolicyCache(self._ask_policies, self._ask_policy, self.transport.clock)

    async def policies(self) -> Sequence[Policy]:
        """See the protocol."""
        return await self.policy_cache.policies()

    async def policy(self, topic: str) -> Policy:
        """See the protocol."""
        return await self.policy_cache.policy(topic)

    async def earlier_policies(self, topic: str) -> Sequence[Policy]:
        """See the protocol. NotOfferedError where the backend keeps none."""
        found: tuple[Policy, ...] = await self._ask("earlier_policies", {"topic": topic})
        for at, policy in enumerate(found):
            _same(policy, topic, f"items[{at}].topic")
        return found

    async def change_policy(self, policy: Policy, *, by: str, key: str) -> PolicyResult:
        """See the protocol."""
        body = PolicyBody(policy.title, policy.clauses, policy.version, by)
        try:
            found: PolicyResult = await self._ask(
                "change_policy", {"topic": policy.topic}, body=body, key=key
            )
        finally:  # also where it failed: somebody else may have changed it
            self.policy_cache.forget()
        if found.policy.topic != policy.topic:
            raise ShopTimeoutError("the answer to a write is about another policy: its outcome is not known")
        return found

    async def _ask_policies(self) -> Sequence[Policy]:
        found: tuple[Policy, ...] = await self._ask("policies", {})
        return found

    async def _ask_policy(self, topic: str) -> Policy:
        found: Policy = await self._ask("policy", {"topic": topic})
        _same(found, topic, "topic")
        return found


def _same(found: Policy, topic: str, path: str) -> None:
    if found.topic != topic:
        raise ShopGarbledError("the answer is about another one than was asked for", path)
