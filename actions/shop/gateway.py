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

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from actions.shop.models import (
    Address,
    AfterSale,
    AfterSaleKind,
    AfterSaleResult,
    ChangeResult,
    Coupon,
    Customer,
    CustomerHistory,
    Order,
    PreferenceKind,
    Product,
    ProductMatch,
    ReturnTerms,
    Review,
    ServiceHours,
)
from actions.shop.policy_models import Policy, PolicyResult
from actions.shop.service_models import (
    CouponResult,
    InvoiceKind,
    InvoiceResult,
    InvoiceTerms,
    InvoiceTitle,
    LateOrder,
    Payment,
    PreferenceResult,
    PriceProtection,
    PriceProtectionResult,
    Promotion,
    RepairResult,
    ShopEvent,
    SlotOffer,
    SlotResult,
    StockWatch,
    Warranty,
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

    async def verify_owner(self, order_number: str, phone: str, *, source: str) -> str | None:
        """Return the id of the order's owner where `phone` is the whole mobile number of her account.

        That is not the recipient's: a gift goes to somebody else, and a parcel's label shows that one.
        Failures count together with those of :meth:`verify_order`; after 5 the answer is None, also for
        unknown orders. With both texts empty nothing is asked and nothing counts: the answer is None, or
        NotOfferedError where this backend does without.
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

    async def note_order(
        self, order_number: str, note: str, *, customer_id: str | None, key: str
    ) -> ChangeResult:
        """Set the note for those who pack the order; "" takes it off. It replaces the one before.

        RuleError: ``already_shipped``, ``order_closed``, ``note_too_long`` (more than 100 characters).
        """

    async def return_terms(self, order_number: str, *, customer_id: str | None) -> ReturnTerms:
        """Say what may be asked for this order now, by the shop's rules and the order's dates."""

    async def return_terms_of(
        self, order_numbers: Sequence[str], *, customer_id: str | None
    ) -> Mapping[str, ReturnTerms]:
        """Return the terms of several orders in one call (at most 50), by number.

        Orders of others are left out.
        """

    async def request_after_sale(
        self, order_number: str, kind: AfterSaleKind, reason: str, *, customer_id: str | None, key: str
    ) -> AfterSaleResult:
        """Open a request by the order's :meth:`return_terms`.

        A delivered parcel that nobody received (reason ``not_received``) may be refunded within seven days
        although the terms offer no refund for goods at home.

        RuleError: ``already_open``, ``unknown_reason``, ``kind_not_offered`` (not among the terms' kinds),
        ``reason_not_accepted`` (not among their reasons), or the terms' own rule where nothing is allowed.
        """

    async def withdraw_after_sale(
        self, request_number: str, *, customer_id: str | None, key: str
    ) -> AfterSaleResult:
        """Take a request back; its order is then as if nothing had been asked.

        `customer_id` None is only for a request about an order that the caller has proven by verification.
        NotFoundError for a request of somebody else.

        RuleError: ``already_received`` (the goods are back with the shop), ``refund_started`` (the money is
        on its way), ``already_done``, ``already_closed`` (rejected or withdrawn).
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

    async def coupons(self, customer_id: str) -> Sequence[Coupon]:
        """Return the customer's coupons that are not used and not over, the first to lapse first."""

    async def promotions(self, *, product_id: str | None = None) -> Sequence[Promotion]:
        """Return what runs now, or begins within a week.

        Of one product, all that holds for it. First to end first.
        """

    async def claim_coupon(self, promotion_id: str, *, customer_id: str, key: str) -> CouponResult:
        """Give the customer the coupon of a COUPON promotion.

        RuleError: ``not_running``, ``level_too_low``, ``claimed`` (one to a customer). NotFoundError if
        unknown.
        """

    async def invoice_terms(self, order_number: str, *, customer_id: str | None) -> InvoiceTerms:
        """Say whether an invoice can be had for this order now, and what there is already."""

    async def request_invoice(
        self, order_number: str, kind: InvoiceKind, title: InvoiceTitle, *, customer_id: str | None, key: str
    ) -> InvoiceResult:
        """Ask for the invoice, or change kind and title where the terms allow it (the old one is reversed).

        RuleError: the terms' own rule, ``kind_not_offered``, ``title_incomplete`` (a special one without
        tax number).
        """

    async def price_protection(self, order_number: str, *, customer_id: str | None) -> PriceProtection:
        """Say whether the price of what was bought fell, and what is given back."""

    async def claim_price_protection(
        self, order_number: str, *, customer_id: str | None, key: str
    ) -> PriceProtectionResult:
        """Give the difference back; RuleError: the protection's own rule."""

    async def warranties(self, order_number: str, *, customer_id: str | None) -> Sequence[Warranty]:
        """Return the warranty of each line of the order."""

    async def request_repair(
        self, order_number: str, product_id: str, fault: str, *, customer_id: str | None, key: str
    ) -> RepairResult:
        """Open a repair, an after-sales request of kind REPAIR, for one line.

        `fault` is the shopper's description.

        RuleError: ``already_open``, ``not_delivered``, ``no_repair`` (neither covered nor for money).
        """

    async def delivery_slots(self, order_number: str, *, customer_id: str | None) -> SlotOffer:
        """Return the delivery times that can be chosen for this order."""

    async def choose_slot(
        self, order_number: str, slot_id: str, *, customer_id: str | None, key: str
    ) -> SlotResult:
        """Book a delivery time; RuleError: the offer's own rule, or ``slot_gone``."""

    async def payment(self, order_number: str, *, customer_id: str | None) -> Payment:
        """Return how paying this order went."""

    async def watch_stock(
        self, product_id: str, *, sku_id: str | None, customer_id: str, key: str
    ) -> StockWatch:
        """Note that the customer wants to be told when it is to be had again. NotFoundError if unknown."""

    async def stock_watchers(self, product_id: str) -> Sequence[str]:
        """Return the customers who wait for a product that is to be had now.

        They are told once, see :meth:`told_stock`.
        """

    async def told_stock(self, product_id: str, customer_id: str, *, key: str) -> None:
        """Note that the customer was told; the watch is over."""

    async def note_preference(
        self, customer_id: str, product_id: str, kind: PreferenceKind, *, key: str
    ) -> PreferenceResult:
        """Note that the customer does not want to be shown a product; her last word on it counts.

        From the next answer on :meth:`recommend` leaves it out, and puts what is like it last. NotFoundError
        if customer or product is unknown.
        """

    async def late_orders(self, *, limit: int = 100) -> Sequence[LateOrder]:
        """Return parcels on their way that miss their promise, oldest promise first.

        Also those that will miss it by what the carrier says; not those promised more than 14 days ago.
        """

    async def take(self, event: ShopEvent) -> bool:
        """Take over what happened, where the shop's data are our own copy; say whether it was news.

        A backend that is asked over HTTP knows it already and returns False.
        """

    async def erase_customer(self, customer_id: str) -> bool:
        """Erase name, phone, addresses, reviews and browsing of a customer; say whether she was known.

        A backend that keeps its customers itself raises NotOfferedError: the shop does it in its own system.
        """

    async def reviews(self, product_id: str, *, limit: int = 3) -> Sequence[Review]:
        """Return the newest good reviews of a product, anonymous."""

    async def service_hours(self) -> ServiceHours:
        """Return when people answer."""

    async def policies(self) -> Sequence[Policy]:
        """Return all that the shop says of its rules, by topic; at most five seconds old."""

    async def policy(self, topic: str) -> Policy:
        """Return the rules of one topic, at most five seconds old; NotFoundError if there are none."""

    async def earlier_policies(self, topic: str) -> Sequence[Policy]:
        """Return what a policy was before each change, the last first (at most 50); NotFoundError."""

    async def change_policy(self, policy: Policy, *, by: str, key: str) -> PolicyResult:
        """Put a policy in the place of the one with its topic and version; what was there is kept.

        `by` is the login of who does it. The result's version is one more. NotFoundError for a topic that the
        shop has not: nobody would ask for it.

        RuleError: ``changed_meanwhile`` (the stored version is another one), ``invalid_policy`` (see
        :func:`~actions.shop.policy_rules.validate`).
        """

    async def now(self) -> datetime:
        """Return the shop's time (aware): deadlines are judged by it."""

    async def close(self) -> None:
        """Release connections."""
