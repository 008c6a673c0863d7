"""What each operation of the contract asks of a gateway."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from actions.shop.errors import ShopGarbledError
from actions.shop.gateway import ShopGateway
from actions.shop.http_operations import (
    MAX_LIMIT,
    MAX_TERMS,
    Moment,
    OrderRequest,
    OrderTerms,
    OwnerVerification,
    Recommendation,
    Told,
    Verification,
)
from actions.shop.policy_models import Policy, PolicyResult

_LONGEST_TAIL = 16
_LONGEST_PHONE = 32
_DEFAULT_LIMIT = {"orders": 20, "late_orders": 100, "reviews": 3}


@dataclass(frozen=True)
class Incoming:
    """One call as it came: names of the path, query, decoded body, idempotency key ("" for reads)."""

    names: Mapping[str, str]
    query: Mapping[str, str]
    body: Any
    key: str

    @property
    def order(self) -> str:
        """The order's number of the path."""
        return self.names["order_number"]

    @property
    def product(self) -> str:
        """The product's id of the path."""
        return self.names["product_id"]

    @property
    def customer(self) -> str:
        """The customer's id of the path."""
        return self.names["customer_id"]

    @property
    def own(self) -> dict[str, Any]:
        """Whose order it is, from the query."""
        return {"customer_id": self.query.get("customer_id")}

    @property
    def write(self) -> dict[str, Any]:
        """Whose order is written to, and under which key."""
        return {"customer_id": self.body.customer_id, "key": self.key}

    def limit(self, operation: str) -> int:
        """Return how many are asked for.

        Raises:
            ShopGarbledError: it is no number of 1 to 200.
        """
        text = self.query.get("limit", str(_DEFAULT_LIMIT[operation]))
        if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= MAX_LIMIT:
            raise ShopGarbledError(f"1 to {MAX_LIMIT} is wanted", "limit")
        return int(text)


Handler = Callable[[ShopGateway, Incoming], Awaitable[Any]]


async def _now(shop: ShopGateway, _call: Incoming) -> Moment:
    return Moment(await shop.now())


async def _verify(shop: ShopGateway, call: Incoming) -> Verification:
    if len(call.body.phone_tail) > _LONGEST_TAIL:
        raise ShopGarbledError(f"at most {_LONGEST_TAIL} characters are wanted", "phone_tail")
    return Verification(await shop.verify_order(call.order, call.body.phone_tail, source=call.body.source))


async def _verify_owner(shop: ShopGateway, call: Incoming) -> OwnerVerification:
    if len(call.body.phone) > _LONGEST_PHONE:
        raise ShopGarbledError(f"at most {_LONGEST_PHONE} characters are wanted", "phone")
    number = call.order if call.body.phone else ""
    return OwnerVerification(await shop.verify_owner(number, call.body.phone, source=call.body.source))


async def _terms_of(shop: ShopGateway, call: Incoming) -> list[OrderTerms]:
    numbers = [number for number in call.query.get("order_numbers", "").split(",") if number]
    if not 1 <= len(numbers) <= MAX_TERMS:
        raise ShopGarbledError(f"1 to {MAX_TERMS} numbers are wanted", "order_numbers")
    found = await shop.return_terms_of(numbers, **call.own)
    return [OrderTerms(number, terms) for number, terms in found.items()]


async def _request_of(shop: ShopGateway, call: Incoming) -> OrderRequest:
    return OrderRequest(await shop.after_sale_of_order(call.order, **call.own))


async def _recommend(shop: ShopGateway, call: Incoming) -> list[Recommendation]:
    body = call.body
    picks = await shop.recommend(customer_id=body.customer_id, words=body.words, limit=_checked(body.limit))
    return [Recommendation(product, reason) for product, reason in picks]


async def _told(shop: ShopGateway, call: Incoming) -> Told:
    await shop.told_stock(call.product, call.customer, key=call.key)
    return Told(True)


async def _change_policy(shop: ShopGateway, call: Incoming) -> PolicyResult:
    body = call.body
    policy = Policy(call.names["topic"], body.title, body.clauses, body.version)
    return await shop.change_policy(policy, by=body.by, key=call.key)


def _checked(limit: int) -> int:
    if not 1 <= limit <= MAX_LIMIT:
        raise ShopGarbledError(f"1 to {MAX_LIMIT} is wanted", "limit")
    return limit


HANDLERS: dict[str, Handler] = {
    "now": _now,
    "service_hours": lambda s, c: s.service_hours(),
    "customer": lambda s, c: s.customer(c.customer),
    "history": lambda s, c: s.history(c.customer),
    "orders": lambda s, c: s.orders(c.customer, limit=c.limit("orders")),
    "after_sales": lambda s, c: s.after_sales(c.customer),
    "coupons": lambda s, c: s.coupons(c.customer),
    "order": lambda s, c: s.order(c.order, **c.own),
    "verify_order": _verify,
    "verify_owner": _verify_owner,
    "cancel_order": lambda s, c: s.cancel_order(c.order, **c.write),
    "change_address": lambda s, c: s.change_address(c.order, c.body.address, **c.write),
    "urge": lambda s, c: s.urge(c.order, **c.write),
    "note_order": lambda s, c: s.note_order(c.order, c.body.note, **c.write),
    "return_terms": lambda s, c: s.return_terms(c.order, **c.own),
    "return_terms_of": _terms_of,
    "request_after_sale": lambda s, c: s.request_after_sale(c.order, c.body.kind, c.body.reason, **c.write),
    "after_sale_of_order": _request_of,
    "withdraw_after_sale": lambda s, c: s.withdraw_after_sale(c.names["request_number"], **c.write),
    "invoice_terms": lambda s, c: s.invoice_terms(c.order, **c.own),
    "request_invoice": lambda s, c: s.request_invoice(c.order, c.body.kind, c.body.title, **c.write),
    "price_protection": lambda s, c: s.price_protection(c.order, **c.own),
    "claim_price_protection": lambda s, c: s.claim_price_protection(c.order, **c.write),
    "warranties": lambda s, c: s.warranties(c.order, **c.own),
    "request_repair": lambda s, c: s.request_repair(c.order, c.body.product_id, c.body.fault, **c.write),
    "delivery_slots": lambda s, c: s.delivery_slots(c.order, **c.own),
    "choose_slot": lambda s, c: s.choose_slot(c.order, c.body.slot_id, **c.write),
    "payment": lambda s, c: s.payment(c.order, **c.own),
    "late_orders": lambda s, c: s.late_orders(limit=c.limit("late_orders")),
    "product": lambda s, c: s.product(c.product),
    "find_products": lambda s, c: s.find_products(c.body.words, limit=_checked(c.body.limit)),
    "recommend": _recommend,
    "reviews": lambda s, c: s.reviews(c.product, limit=c.limit("reviews")),
    "watch_stock": lambda s, c: s.watch_stock(c.product, sku_id=c.body.sku_id, **c.write),
    "stock_watchers": lambda s, c: s.stock_watchers(c.product),
    "told_stock": _told,
    "note_preference": lambda s, c: s.note_preference(c.body.customer_id, c.product, c.body.kind, key=c.key),
    "policies": lambda s, c: s.policies(),
    "policy": lambda s, c: s.policy(c.names["topic"]),
    "earlier_policies": lambda s, c: s.earlier_policies(c.names["topic"]),
    "change_policy": _change_policy,
    "promotions": lambda s, c: s.promotions(product_id=c.query.get("product_id")),
    "claim_coupon": lambda s, c: s.claim_coupon(c.names["promotion_id"], **c.write),
}
