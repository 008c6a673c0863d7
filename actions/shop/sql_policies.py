"""Policies of the embedded shop; their rows are read and written by :mod:`actions.shop.policy_book`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from actions.shop import policy_book
from actions.shop.policy_cache import PolicyCache
from actions.shop.policy_file import delivered_topics, delivered_whole
from actions.shop.policy_models import Policy, PolicyResult
from actions.shop.sql_base import SqlBase
from actions.shop.transaction import Transaction
from persona.privacy.vault import Vault


class PolicyMethods(SqlBase):
    """What the shop allows. The delivered policies come in with the first question of a process."""

    def __init__(self, url: str, vault: Vault, clock: Callable[[], datetime]) -> None:
        super().__init__(url, vault, clock)
        self.policy_cache = PolicyCache(self._read_policies, self._read_policy)
        self._delivered = False

    async def policies(self) -> Sequence[Policy]:
        """See the protocol."""
        return await self.policy_cache.policies()

    async def policy(self, topic: str) -> Policy:
        """See the protocol."""
        return await self.policy_cache.policy(topic)

    async def earlier_policies(self, topic: str) -> Sequence[Policy]:
        """See the protocol."""
        await self._deliver()
        return await self._read(lambda session: policy_book.load_earlier(session, topic))

    async def change_policy(self, policy: Policy, *, by: str, key: str) -> PolicyResult:
        """See the protocol."""
        await self._deliver()
        try:
            return await self._write(
                lambda session: policy_book.change_policy(
                    Transaction(session, self._vault, self._clock(), key), policy, by
                )
            )
        finally:  # also where it failed: somebody else may have changed it
            self.policy_cache.forget()

    async def _read_policies(self) -> Sequence[Policy]:
        await self._deliver()
        return await self._read(policy_book.load_policies)

    async def _read_policy(self, topic: str) -> Policy:
        await self._deliver()
        return await self._read(lambda session: policy_book.load_policy(session, topic))

    async def _deliver(self) -> None:
        """Bring what this version of the software delivers, once in a process."""
        if self._delivered:
            return
        new, whole = list(delivered_topics().values()), delivered_whole()
        if policy_book.differs(await self._read(policy_book.load_policies), new, whole=whole):
            await self._write(lambda session: policy_book.deliver(session, new, whole=whole))
        self._delivered = True
