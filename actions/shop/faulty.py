"""A test aid of demo mode: makes the shop slow or dead on demand, while it runs.

The switch is the text of the file ``<data>/shop-fault`` (read at every call), else of the variable
``ZHIXIN_SHOP_FAULT``; words separated by commas:

* ``delay=4``: answer that many seconds later;
* ``down``: do nothing and raise :class:`ShopUnavailableError`;
* ``lost``: do it, then lose the answer (:class:`ShopTimeoutError`), as a broken connection would.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from actions.shop.errors import ShopTimeoutError, ShopUnavailableError
from actions.shop.gateway import ShopGateway
from actions.shop.models import (
    Address,
    AfterSale,
    AfterSaleKind,
    AfterSaleResult,
    ChangeResult,
    Customer,
    CustomerHistory,
    Order,
    Product,
    ProductMatch,
    ReturnTerms,
    Review,
    ServiceHours,
)

T = TypeVar("T")


@dataclass(frozen=True)
class Fault:
    """What goes wrong with a call."""

    delay_s: float = 0.0
    down: bool = False
    lost: bool = False

    @classmethod
    def read(cls, text: str) -> Fault:
        """Read the switch; ValueError for a word that is none."""
        delay, down, lost = 0.0, False, False
        for word in filter(None, (part.strip() for part in text.split(","))):
            name, _, value = word.partition("=")
            if name == "delay":
                delay = float(value)
            elif word == "down":
                down = True
            elif word == "lost":
                lost = True
            else:
                raise ValueError(f"unknown fault {word!r}: delay=<seconds>, down or lost")
        return cls(delay, down, lost)


class FaultyShop:
    """A gateway that passes every call on, through the fault that is switched on."""

    def __init__(self, shop: ShopGateway, switch: Path, default: str = "") -> None:
        self._shop = shop
        self._switch = switch
        self._default = Fault.read(default)

    def _fault(self) -> Fault:
        try:
            return Fault.read(self._switch.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return self._default

    async def _through(self, call: Callable[[], Awaitable[T]]) -> T:
        fault = self._fault()
        if fault.delay_s:
            await asyncio.sleep(fault.delay_s)
        if fault.down:
            raise ShopUnavailableError("the shop is switched off")
        result = await call()
        if fault.lost:
            raise ShopTimeoutError("the answer of the shop is lost")
        return result

    async def customer(self, customer_id: str) -> Customer:
        """See the protocol."""
        return await self._through(lambda: self._shop.customer(customer_id))

    async def history(self, customer_id: str) -> CustomerHistory:
        """See the protocol."""
        return await self._through(lambda: self._shop.history(customer_id))

    async def orders(self, customer_id: str, *, limit: int = 20) -> Sequence[Order]:
        """See the protocol."""
        return await self._through(lambda: self._shop.orders(customer_id, limit=limit))

    async def order(self, order_number: str, *, customer_id: str | None) -> Order:
        """See the protocol."""
        return await self._through(lambda: self._shop.order(order_number, customer_id=customer_id))

    async def verify_order(self, order_number: str, phone_tail: str, *, source: str) -> bool:
        """See the protocol."""
        return await self._through(lambda: self._shop.verify_order(order_number, phone_tail, source=source))

    async def cancel_order(self, order_number: str, *, customer_id: str | None, key: str) -> ChangeResult:
        """See the protocol."""
        return await self._through(
            lambda: self._shop.cancel_order(order_number, customer_id=customer_id, key=key)
        )

    async def change_address(
        self, order_number: str, address: Address, *, customer_id: str | None, key: str
    ) -> ChangeResult:
        """See the protocol."""
        return await self._through(
            lambda: self._shop.change_address(order_number, address, customer_id=customer_id, key=key)
        )

    async def urge(self, order_number: str, *, customer_id: str | None, key: str) -> ChangeResult:
        """See the protocol."""
        return await self._through(lambda: self._shop.urge(order_number, customer_id=customer_id, key=key))

    async def return_terms(self, order_number: str, *, customer_id: str | None) -> ReturnTerms:
        """See the protocol."""
        return await self._through(lambda: self._shop.return_terms(order_number, customer_id=customer_id))

    async def request_after_sale(
        self, order_number: str, kind: AfterSaleKind, reason: str, *, customer_id: str | None, key: str
    ) -> AfterSaleResult:
        """See the protocol."""
        return await self._through(
            lambda: self._shop.request_after_sale(
                order_number, kind, reason, customer_id=customer_id, key=key
            )
        )

    async def after_sales(self, customer_id: str) -> Sequence[AfterSale]:
        """See the protocol."""
        return await self._through(lambda: self._shop.after_sales(customer_id))

    async def after_sale_of_order(self, order_number: str, *, customer_id: str | None) -> AfterSale | None:
        """See the protocol."""
        return await self._through(
            lambda: self._shop.after_sale_of_order(order_number, customer_id=customer_id)
        )

    async def product(self, product_id: str) -> Product:
        """See the protocol."""
        return await self._through(lambda: self._shop.product(product_id))

    async def find_products(self, words: str, *, limit: int = 5) -> Sequence[ProductMatch]:
        """See the protocol."""
        return await self._through(lambda: self._shop.find_products(words, limit=limit))

    async def recommend(
        self, *, customer_id: str | None, words: str = "", limit: int = 5
    ) -> Sequence[tuple[Product, str]]:
        """See the protocol."""
        return await self._through(
            lambda: self._shop.recommend(customer_id=customer_id, words=words, limit=limit)
        )

    async def reviews(self, product_id: str, *, limit: int = 3) -> Sequence[Review]:
        """See the protocol."""
        return await self._through(lambda: self._shop.reviews(product_id, limit=limit))

    async def service_hours(self) -> ServiceHours:
        """See the protocol."""
        return await self._through(self._shop.service_hours)

    async def now(self) -> datetime:
        """See the protocol."""
        return await self._shop.now()

    async def close(self) -> None:
        """See the protocol."""
        await self._shop.close()
