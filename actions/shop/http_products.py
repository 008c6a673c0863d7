"""What a customer wants of a product, over HTTP: to be told of it, or not to be shown it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from actions.shop.errors import ShopTimeoutError
from actions.shop.http_operations import PreferenceBody, WatchBody
from actions.shop.models import PreferenceKind
from actions.shop.service_models import PreferenceResult, StockWatch


class ProductMethods(ABC):
    """What :class:`~actions.shop.http.HttpShop` notes of a customer and a product."""

    @abstractmethod
    async def _ask(
        self, name: str, names: Any, query: Any = None, *, body: Any = None, key: Any = None
    ) -> Any:
        """Make the call of an operation."""

    @abstractmethod
    async def _listed(self, name: str, names: Any, query: Any = None) -> Any:
        """Return a list; of what is not known it is empty."""

    async def watch_stock(
        self, product_id: str, *, sku_id: str | None, customer_id: str, key: str
    ) -> StockWatch:
        """See the protocol."""
        names = {"product_id": product_id}
        body = WatchBody(customer_id, sku_id)
        found: StockWatch = await self._ask("watch_stock", names, body=body, key=key)
        return found

    async def stock_watchers(self, product_id: str) -> Sequence[str]:
        """See the protocol."""
        found: Sequence[str] = await self._listed("stock_watchers", {"product_id": product_id})
        return found

    async def told_stock(self, product_id: str, customer_id: str, *, key: str) -> None:
        """See the protocol."""
        names = {"product_id": product_id, "customer_id": customer_id}
        await self._ask("told_stock", names, key=key)

    async def note_preference(
        self, customer_id: str, product_id: str, kind: PreferenceKind, *, key: str
    ) -> PreferenceResult:
        """See the protocol."""
        body = PreferenceBody(customer_id, kind)
        found: PreferenceResult = await self._ask(
            "note_preference", {"product_id": product_id}, body=body, key=key
        )
        if found.preference.product_id != product_id:
            raise ShopTimeoutError(
                "the answer to a write is about another product: what was done is not known"
            )
        return found
