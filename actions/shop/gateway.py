"""The one door between the actions and a shop: a protocol that any backend can implement.

Every method may raise :class:`~actions.shop.errors.ShopUnavailableError`. Methods that take a
`customer_id` return only what belongs to that customer; an order of somebody else is a
:class:`~actions.shop.errors.NotFoundError`, the same as an order that does not exist.

Writes take a `key` (idempotency key, at most 200 characters, made of conversation, message and
action). The same key with the same arguments returns the first outcome with ``repeated=True`` and
changes nothing; with other arguments it is a :class:`~actions.shop.errors.KeyReusedError`. The key
is stored in the same transaction as the write.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

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


class ShopGateway(Protocol):
    """What the assistant needs from a shop."""

    async def customer(self, customer_id: str) -> Customer:
        """Return the master data; NotFoundError if unknown."""

    async def history(self, customer_id: str) -> CustomerHistory:
        """Return the last year's record that the temperament's prior is read from.

        Empty for a new customer; NotFoundError for an unknown one.
        """

    async def orders(self, customer_id: str, *, limit: int = 20) -> Sequence[Order]:
        """Return the newest orders of a customer, newest first."""

    async def order(self, order_number: str, *, customer_id: str | None) -> Order:
        """Return one order.

        `customer_id` None is only for an order that the caller has proven by verification.
        """

    async def verify_order(self, order_number: str, phone_tail: str, *, source: str) -> bool:
        """Say whether the digits are the last four of the order's phone.

        Failures count per order and per `source` (a keyed hash of the network address) over all
        conversations: after 5 in an hour for either, the answer is False whatever is given, also
        for unknown orders, so that nothing can be learned from the answer or its timing.
        """

    async def cancel_order(self, order_number: str, *, customer_id: str | None, key: str) -> ChangeResult:
        """Cancel an order that is not dispatched; RuleError ``already_shipped`` etc. otherwise."""

    async def change_address(
        self, order_number: str, address: Address, *, customer_id: str | None, key: str
    ) -> ChangeResult:
        """Set the delivery address of an order that is not dispatched; RuleError otherwise."""

    async def urge(self, order_number: str, *, customer_id: str | None, key: str) -> ChangeResult:
        """Record that the shopper urges a dispatch or a parcel; sets `urged_at`.

        RuleError if pointless: ``not_paid``, ``already_delivered``, ``order_closed``, or ``urged_recently``
        (less than an hour ago).
        """

    async def return_terms(self, order_number: str, *, customer_id: str | None) -> ReturnTerms:
        """Say what may be asked for this order now, by the shop's rules and the order's dates."""

    async def request_after_sale(
        self, order_number: str, kind: AfterSaleKind, reason: str, *, customer_id: str | None, key: str
    ) -> AfterSaleResult:
        """Open a request by the order's :meth:`return_terms`.

        A delivered parcel that nobody received (reason ``not_received``) may be refunded within seven days
        although the terms offer no refund for goods at home.

        RuleError: ``already_open``, ``unknown_reason``, ``kind_not_offered`` (not among the terms' kinds),
        ``reason_not_accepted`` (not among their reasons), or the terms' own rule where nothing is allowed.
        """

    async def after_sales(self, customer_id: str) -> Sequence[AfterSale]:
        """Return the customer's requests, newest first."""

    async def after_sale_of_order(self, order_number: str, *, customer_id: str | None) -> AfterSale | None:
        """Return the newest request of one order, or None."""

    async def product(self, product_id: str) -> Product:
        """Return one product; NotFoundError if unknown."""

    async def find_products(self, words: str, *, limit: int = 5) -> Sequence[ProductMatch]:
        """Find products by a shopper's own words (name, alias, brand, category), best first."""

    async def recommend(
        self, *, customer_id: str | None, words: str = "", limit: int = 5
    ) -> Sequence[tuple[Product, str]]:
        """Recommend products in stock, each with a reason code.

        Reasons: ``bought_category``, ``browsed``, ``hot``, ``new``, ``asked`` (fits the words).
        """

    async def reviews(self, product_id: str, *, limit: int = 3) -> Sequence[Review]:
        """Return the newest good reviews of a product, anonymous."""

    async def service_hours(self) -> ServiceHours:
        """Return when people answer."""

    async def now(self) -> datetime:
        """Return the shop's time (aware): deadlines are judged by it."""

    async def close(self) -> None:
        """Release connections."""
