"""Every operation of the contract, once: the client, the reference backend and the check all read this table.

``contract/openapi.yml`` says the same to integrators, with meanings and examples; a test holds the two
together. Lists travel as ``{"items": […]}``. A write carries its key in the header ``Idempotency-Key``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

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
from actions.shop.policy_models import Clause, Policy, PolicyResult
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
    SlotOffer,
    SlotResult,
    StockWatch,
    Warranty,
)

KEY_HEADER = "Idempotency-Key"
API_KEY_HEADER = "X-Api-Key"

#: Most that one call asks for.
MAX_LIMIT = 200
MAX_TERMS = 50

_LONGEST_ID = 128


@dataclass(frozen=True)
class OwnBody:
    """Whose order is changed."""

    customer_id: str | None = None  # None: the order was proven by the digits of its phone


@dataclass(frozen=True)
class AddressBody:
    """A new delivery address."""

    address: Address
    customer_id: str | None = None


@dataclass(frozen=True)
class NoteBody:
    """A note for those who pack the order."""

    note: str  # at most 100 characters; "" takes it off
    customer_id: str | None = None


@dataclass(frozen=True)
class AfterSaleBody:
    """A request after the purchase."""

    kind: AfterSaleKind
    reason: str  # a code of the contract's AfterSaleReason
    customer_id: str | None = None


@dataclass(frozen=True)
class InvoiceBody:
    """A wish for an invoice, or for another title of it."""

    kind: InvoiceKind
    title: InvoiceTitle
    customer_id: str | None = None


@dataclass(frozen=True)
class RepairBody:
    """A wish for a repair."""

    product_id: str
    fault: str  # what is wrong, in the shopper's words
    customer_id: str | None = None


@dataclass(frozen=True)
class SlotBody:
    """A delivery time that was chosen."""

    slot_id: str
    customer_id: str | None = None


@dataclass(frozen=True)
class VerificationBody:
    """What somebody says who cannot log in."""

    phone_tail: str  # four digits
    source: str  # a keyed hash of the network address


@dataclass(frozen=True)
class OwnerVerificationBody:
    """What somebody says who wants to be known as the order's owner."""

    phone: str  # the whole mobile number; "" asks whether it can be asked
    source: str  # a keyed hash of where it was asked


@dataclass(frozen=True)
class SearchBody:
    """What a shopper looks for. Her own words travel in a body: addresses of calls are logged everywhere."""

    words: str
    limit: int = 5


@dataclass(frozen=True)
class RecommendBody:
    """For whom something is recommended."""

    customer_id: str | None = None
    words: str = ""
    limit: int = 5


@dataclass(frozen=True)
class ClaimBody:
    """Who claims a coupon."""

    customer_id: str


@dataclass(frozen=True)
class WatchBody:
    """Who waits for a product."""

    customer_id: str
    sku_id: str | None = None  # None: any variant


@dataclass(frozen=True)
class PreferenceBody:
    """Who does not want to be shown a product, and why."""

    customer_id: str
    kind: PreferenceKind


@dataclass(frozen=True)
class PolicyBody:
    """What a policy is to be."""

    title: str
    clauses: tuple[Clause, ...]
    version: int  # the one that was read
    by: str


@dataclass(frozen=True)
class Verification:
    """Whether the digits fit."""

    verified: bool


@dataclass(frozen=True)
class OwnerVerification:
    """Whose order it is, where the number is her account's."""

    customer_id: str | None


@dataclass(frozen=True)
class OrderTerms:
    """The return terms of one of several orders."""

    order_number: str
    terms: ReturnTerms


@dataclass(frozen=True)
class OrderRequest:
    """The newest after-sales request of an order, if there is one."""

    request: AfterSale | None


@dataclass(frozen=True)
class Recommendation:
    """A product and why it is shown: bought_category, browsed, hot, new or asked."""

    product: Product
    reason: str


@dataclass(frozen=True)
class Told:
    """That a shopper was told."""

    told: bool


@dataclass(frozen=True)
class Moment:
    """The shop's time."""

    now: datetime


@dataclass(frozen=True)
class Operation:
    """One call.

    Attributes:
        name: the gateway's method, also the ``operationId``.
        method: of HTTP.
        path: below the base address, with ``{names}``.
        answer: type of the answer; a tuple travels as ``{"items": […]}``.
        body: type of the body, or None.
        query: names of the parameters in the address.
        keyed: a write that carries an idempotency key.
        repeatable: a read, which may be asked again.
        core: every backend has it; others may answer 501.
    """

    name: str
    method: str
    path: str
    answer: Any
    body: Any = None
    query: tuple[str, ...] = ()
    keyed: bool = False
    repeatable: bool = True
    core: bool = False

    def address(self, **names: str) -> str | None:
        """Return the path with its names filled in, or None where one cannot be an identifier at all."""
        if not all(known_form(value) for value in names.values()):
            return None
        return re.sub(r"\{(\w+)\}", lambda found: quote(names[found[1]], safe=""), self.path)


def known_form(identifier: str) -> bool:
    """Say whether a text can be an identifier of a shop: no path of its own, nothing that cannot be read."""
    return 0 < len(identifier) <= _LONGEST_ID and identifier.isprintable() and identifier not in (".", "..")


_OWN = ("customer_id",)
_ORDER = "/v1/orders/{order_number}"
_CUSTOMER = "/v1/customers/{customer_id}"
_PRODUCT = "/v1/products/{product_id}"
_POLICY = "/v1/policies/{topic}"


def _read(name: str, path: str, answer: Any, *query: str, core: bool = False) -> Operation:
    return Operation(name, "GET", path, answer, query=query, core=core)


def _write(name: str, path: str, answer: Any, body: Any, *, core: bool = False) -> Operation:
    return Operation(name, "POST", path, answer, body, keyed=True, repeatable=False, core=core)


_ALL = (
    _read("now", "/v1/now", Moment, core=True),
    _read("service_hours", "/v1/service-hours", ServiceHours, core=True),
    _read("customer", _CUSTOMER, Customer, core=True),
    _read("history", f"{_CUSTOMER}/history", CustomerHistory, core=True),
    _read("orders", f"{_CUSTOMER}/orders", tuple[Order, ...], "limit", core=True),
    _read("after_sales", f"{_CUSTOMER}/after-sales", tuple[AfterSale, ...], core=True),
    _read("coupons", f"{_CUSTOMER}/coupons", tuple[Coupon, ...]),
    _read("order", _ORDER, Order, *_OWN, core=True),
    Operation(
        "verify_order",
        "POST",
        f"{_ORDER}/verification",
        Verification,
        VerificationBody,
        repeatable=False,  # each attempt counts
        core=True,
    ),
    Operation(
        "verify_owner",
        "POST",
        f"{_ORDER}/owner-verification",
        OwnerVerification,
        OwnerVerificationBody,
        repeatable=False,  # each attempt counts
    ),
    _write("cancel_order", f"{_ORDER}/cancellation", ChangeResult, OwnBody, core=True),
    _write("change_address", f"{_ORDER}/address", ChangeResult, AddressBody, core=True),
    _write("urge", f"{_ORDER}/urges", ChangeResult, OwnBody, core=True),
    _write("note_order", f"{_ORDER}/note", ChangeResult, NoteBody),
    _read("return_terms", f"{_ORDER}/return-terms", ReturnTerms, *_OWN, core=True),
    _read("return_terms_of", "/v1/return-terms", tuple[OrderTerms, ...], "order_numbers", *_OWN, core=True),
    _write("request_after_sale", f"{_ORDER}/after-sales", AfterSaleResult, AfterSaleBody, core=True),
    _read("after_sale_of_order", f"{_ORDER}/after-sale", OrderRequest, *_OWN, core=True),
    _write("withdraw_after_sale", "/v1/after-sales/{request_number}/withdrawal", AfterSaleResult, OwnBody),
    _read("invoice_terms", f"{_ORDER}/invoice-terms", InvoiceTerms, *_OWN),
    _write("request_invoice", f"{_ORDER}/invoice", InvoiceResult, InvoiceBody),
    _read("price_protection", f"{_ORDER}/price-protection", PriceProtection, *_OWN),
    _write("claim_price_protection", f"{_ORDER}/price-protection", PriceProtectionResult, OwnBody),
    _read("warranties", f"{_ORDER}/warranties", tuple[Warranty, ...], *_OWN),
    _write("request_repair", f"{_ORDER}/repairs", RepairResult, RepairBody),
    _read("delivery_slots", f"{_ORDER}/delivery-slots", SlotOffer, *_OWN),
    _write("choose_slot", f"{_ORDER}/delivery-slot", SlotResult, SlotBody),
    _read("payment", f"{_ORDER}/payment", Payment, *_OWN),
    _read("late_orders", "/v1/late-orders", tuple[LateOrder, ...], "limit"),
    _read("product", _PRODUCT, Product, core=True),
    Operation(
        "find_products", "POST", "/v1/products/search", tuple[ProductMatch, ...], SearchBody, core=True
    ),
    Operation(
        "recommend",
        "POST",
        "/v1/products/recommendations",
        tuple[Recommendation, ...],
        RecommendBody,
        core=True,
    ),
    _read("reviews", f"{_PRODUCT}/reviews", tuple[Review, ...], "limit", core=True),
    _write("watch_stock", f"{_PRODUCT}/watches", StockWatch, WatchBody),
    _read("stock_watchers", f"{_PRODUCT}/watchers", tuple[str, ...]),
    _write("told_stock", f"{_PRODUCT}/watchers/{{customer_id}}/told", Told, None),
    _write("note_preference", f"{_PRODUCT}/preferences", PreferenceResult, PreferenceBody),
    _read("policies", "/v1/policies", tuple[Policy, ...]),
    _read("policy", _POLICY, Policy),
    _read("earlier_policies", f"{_POLICY}/versions", tuple[Policy, ...]),
    _write("change_policy", _POLICY, PolicyResult, PolicyBody),
    _read("promotions", "/v1/promotions", tuple[Promotion, ...], "product_id"),
    _write("claim_coupon", "/v1/promotions/{promotion_id}/claims", CouponResult, ClaimBody),
)

#: Operation by its name.
OPERATIONS: dict[str, Operation] = {operation.name: operation for operation in _ALL}
