"""A real shop's backend: the gateway of :mod:`actions.shop.gateway` over HTTP, by ``contract/openapi.yml``.

What belongs to somebody else never passes: where a customer is named, an answer about another one is refused
here too, whatever the backend thought.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from actions.shop.errors import NotFoundError, NotOfferedError, ShopGarbledError, ShopTimeoutError
from actions.shop.http_changes import ChangeMethods
from actions.shop.http_operations import (
    MAX_LIMIT,
    MAX_TERMS,
    OPERATIONS,
    AddressBody,
    AfterSaleBody,
    ClaimBody,
    InvoiceBody,
    OwnBody,
    OwnerVerificationBody,
    RecommendBody,
    RepairBody,
    SearchBody,
    SlotBody,
    VerificationBody,
    known_form,
)
from actions.shop.http_policies import PolicyMethods
from actions.shop.http_products import ProductMethods
from actions.shop.http_time import ShopTime
from actions.shop.http_transport import Transport
from actions.shop.keys import MAX_KEY_LENGTH
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
    Product,
    ProductMatch,
    ReturnTerms,
    Review,
    ServiceHours,
)
from actions.shop.service_models import (
    CouponResult,
    InvoiceKind,
    InvoiceResult,
    InvoiceTerms,
    InvoiceTitle,
    LateOrder,
    Payment,
    PriceProtection,
    PriceProtectionResult,
    Promotion,
    RepairResult,
    ShopEvent,
    SlotOffer,
    SlotResult,
    Warranty,
)

#: Stands for an order number that can be none, so that the attempt counts with the shop all the same.
_NO_ORDER = "000000000000"
_LONGEST_PHONE = 32


class HttpShop(ChangeMethods, ProductMethods, PolicyMethods):
    """The shop behind a transport; see the protocol for the meaning of each method."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        self._time = ShopTime(self._ask_time, transport.clock)

    async def customer(self, customer_id: str) -> Customer:
        """See the protocol."""
        found: Customer = await self._ask("customer", {"customer_id": customer_id})
        _same(found.customer_id, customer_id, "customer_id")
        return found

    async def history(self, customer_id: str) -> CustomerHistory:
        """See the protocol."""
        found: CustomerHistory = await self._ask("history", {"customer_id": customer_id})
        _same(found.customer_id, customer_id, "customer_id")
        for at, order in enumerate(found.orders):
            _same(order.customer_id, customer_id, f"orders[{at}].customer_id")
        return found

    async def orders(self, customer_id: str, *, limit: int = 20) -> Sequence[Order]:
        """See the protocol. An unknown customer has no orders."""
        if limit < 1 or not known_form(customer_id):
            return ()
        found: tuple[Order, ...] = await self._listed(
            "orders", {"customer_id": customer_id}, {"limit": str(min(limit, MAX_LIMIT))}
        )
        for at, order in enumerate(found):
            _same(order.customer_id, customer_id, f"items[{at}].customer_id")
        return found[:limit]

    async def order(self, order_number: str, *, customer_id: str | None) -> Order:
        """See the protocol."""
        found: Order = await self._of_order("order", order_number, customer_id)
        _same(found.order_number, order_number, "order_number")
        if customer_id is not None:
            _same(found.customer_id, customer_id, "customer_id")
        return found

    async def verify_order(self, order_number: str, phone_tail: str, *, source: str) -> bool:
        """See the protocol."""
        number = order_number if known_form(order_number) else _NO_ORDER
        body = VerificationBody(phone_tail[:16], source)
        try:
            found = await self._ask("verify_order", {"order_number": number}, body=body)
        except NotFoundError:
            return False  # a backend that tells unknown orders apart: we do not
        return bool(found.verified) and number == order_number

    async def verify_owner(self, order_number: str, phone: str, *, source: str) -> str | None:
        """See the protocol."""
        number = order_number if known_form(order_number) else _NO_ORDER
        body = OwnerVerificationBody(phone[:_LONGEST_PHONE], source)
        try:
            found = await self._ask("verify_owner", {"order_number": number}, body=body)
        except NotFoundError:
            return None
        owner: str | None = found.customer_id
        if owner is not None and not known_form(owner):
            raise ShopGarbledError("an identifier is wanted", "customer_id")
        return owner if number == order_number else None

    async def cancel_order(self, order_number: str, *, customer_id: str | None, key: str) -> ChangeResult:
        """See the protocol."""
        return await self._change("cancel_order", order_number, OwnBody(customer_id), key)

    async def change_address(
        self, order_number: str, address: Address, *, customer_id: str | None, key: str
    ) -> ChangeResult:
        """See the protocol."""
        return await self._change("change_address", order_number, AddressBody(address, customer_id), key)

    async def urge(self, order_number: str, *, customer_id: str | None, key: str) -> ChangeResult:
        """See the protocol."""
        return await self._change("urge", order_number, OwnBody(customer_id), key)

    async def return_terms(self, order_number: str, *, customer_id: str | None) -> ReturnTerms:
        """See the protocol."""
        found: ReturnTerms = await self._of_order("return_terms", order_number, customer_id)
        return found

    async def return_terms_of(
        self, order_numbers: Sequence[str], *, customer_id: str | None
    ) -> Mapping[str, ReturnTerms]:
        """See the protocol."""
        numbers = [n for n in dict.fromkeys(order_numbers) if known_form(n) and "," not in n][:MAX_TERMS]
        if not numbers or (customer_id is not None and not known_form(customer_id)):
            return {}
        query = {"order_numbers": ",".join(numbers), **_owner(customer_id)}
        found = await self._ask("return_terms_of", {}, query)
        return {row.order_number: row.terms for row in found if row.order_number in numbers}

    async def request_after_sale(
        self, order_number: str, kind: AfterSaleKind, reason: str, *, customer_id: str | None, key: str
    ) -> AfterSaleResult:
        """See the protocol."""
        body = AfterSaleBody(kind, reason, customer_id)
        found: AfterSaleResult = await self._write("request_after_sale", order_number, body, key)
        return found

    async def after_sales(self, customer_id: str) -> Sequence[AfterSale]:
        """See the protocol. An unknown customer has none."""
        found: Sequence[AfterSale] = await self._listed("after_sales", {"customer_id": customer_id})
        return found

    async def after_sale_of_order(self, order_number: str, *, customer_id: str | None) -> AfterSale | None:
        """See the protocol."""
        found = await self._of_order("after_sale_of_order", order_number, customer_id)
        request: AfterSale | None = found.request
        if request is not None:
            _same(request.order_number, order_number, "request.order_number")
        return request

    async def product(self, product_id: str) -> Product:
        """See the protocol."""
        found: Product = await self._ask("product", {"product_id": product_id})
        _same(found.product_id, product_id, "product_id")
        return found

    async def find_products(self, words: str, *, limit: int = 5) -> Sequence[ProductMatch]:
        """See the protocol."""
        if limit < 1 or not words.strip():
            return ()
        found: tuple[ProductMatch, ...] = await self._ask(
            "find_products", {}, body=SearchBody(words, min(limit, MAX_LIMIT))
        )
        return found[:limit]

    async def recommend(
        self, *, customer_id: str | None, words: str = "", limit: int = 5
    ) -> Sequence[tuple[Product, str]]:
        """See the protocol."""
        if limit < 1:
            return ()
        body = RecommendBody(customer_id, words, min(limit, MAX_LIMIT))
        return [(row.product, row.reason) for row in (await self._ask("recommend", {}, body=body))[:limit]]

    async def coupons(self, customer_id: str) -> Sequence[Coupon]:
        """See the protocol."""
        found: Sequence[Coupon] = await self._listed("coupons", {"customer_id": customer_id})
        return found

    async def promotions(self, *, product_id: str | None = None) -> Sequence[Promotion]:
        """See the protocol."""
        query = {} if product_id is None else {"product_id": product_id}
        found: Sequence[Promotion] = await self._ask("promotions", {}, query)
        return found

    async def claim_coupon(self, promotion_id: str, *, customer_id: str, key: str) -> CouponResult:
        """See the protocol."""
        names = {"promotion_id": promotion_id}
        found: CouponResult = await self._ask("claim_coupon", names, body=ClaimBody(customer_id), key=key)
        return found

    async def invoice_terms(self, order_number: str, *, customer_id: str | None) -> InvoiceTerms:
        """See the protocol."""
        found: InvoiceTerms = await self._of_order("invoice_terms", order_number, customer_id)
        return found

    async def request_invoice(
        self, order_number: str, kind: InvoiceKind, title: InvoiceTitle, *, customer_id: str | None, key: str
    ) -> InvoiceResult:
        """See the protocol."""
        body = InvoiceBody(kind, title, customer_id)
        found: InvoiceResult = await self._write("request_invoice", order_number, body, key)
        return found

    async def price_protection(self, order_number: str, *, customer_id: str | None) -> PriceProtection:
        """See the protocol."""
        found: PriceProtection = await self._of_order("price_protection", order_number, customer_id)
        return found

    async def claim_price_protection(
        self, order_number: str, *, customer_id: str | None, key: str
    ) -> PriceProtectionResult:
        """See the protocol."""
        found: PriceProtectionResult = await self._write(
            "claim_price_protection", order_number, OwnBody(customer_id), key
        )
        return found

    async def warranties(self, order_number: str, *, customer_id: str | None) -> Sequence[Warranty]:
        """See the protocol."""
        found: Sequence[Warranty] = await self._of_order("warranties", order_number, customer_id)
        return found

    async def request_repair(
        self, order_number: str, product_id: str, fault: str, *, customer_id: str | None, key: str
    ) -> RepairResult:
        """See the protocol."""
        body = RepairBody(product_id, fault, customer_id)
        found: RepairResult = await self._write("request_repair", order_number, body, key)
        return found

    async def delivery_slots(self, order_number: str, *, customer_id: str | None) -> SlotOffer:
        """See the protocol."""
        found: SlotOffer = await self._of_order("delivery_slots", order_number, customer_id)
        return found

    async def choose_slot(
        self, order_number: str, slot_id: str, *, customer_id: str | None, key: str
    ) -> SlotResult:
        """See the protocol."""
        body = SlotBody(slot_id, customer_id)
        found: SlotResult = await self._write("choose_slot", order_number, body, key)
        return found

    async def payment(self, order_number: str, *, customer_id: str | None) -> Payment:
        """See the protocol."""
        found: Payment = await self._of_order("payment", order_number, customer_id)
        return found

    async def late_orders(self, *, limit: int = 100) -> Sequence[LateOrder]:
        """See the protocol."""
        if limit < 1:
            return ()
        query = {"limit": str(min(limit, MAX_LIMIT))}
        found: tuple[LateOrder, ...] = await self._listed("late_orders", {}, query)
        return found[:limit]

    async def take(self, event: ShopEvent) -> bool:
        """See the protocol: the shop that told it knows it."""
        return False

    async def erase_customer(self, customer_id: str) -> bool:
        """See the protocol: the shop keeps its customers, and erases them in its own system."""
        raise NotOfferedError("the shop keeps its customers itself: erase this one in the shop's own system")

    async def reviews(self, product_id: str, *, limit: int = 3) -> Sequence[Review]:
        """See the protocol."""
        if limit < 1:
            return ()
        query = {"limit": str(min(limit, MAX_LIMIT))}
        found: tuple[Review, ...] = await self._listed("reviews", {"product_id": product_id}, query)
        return found[:limit]

    async def service_hours(self) -> ServiceHours:
        """See the protocol."""
        found: ServiceHours = await self._ask("service_hours", {})
        return found

    async def now(self) -> datetime:
        """See the protocol. Counted on from the shop's last answer, see :class:`ShopTime`."""
        return await self._time.now()

    async def look(self) -> None:
        """Ask the shop whether it is there, now; for health checks, which a time counted on would deceive.

        Raises:
            ShopUnavailableError: it is not.
        """
        await self._time.measure()

    async def close(self) -> None:
        """See the protocol."""
        await self.transport.close()

    async def _ask_time(self) -> datetime:
        found: datetime = (await self._ask("now", {})).now
        return found

    async def _ask(
        self,
        name: str,
        names: Mapping[str, str],
        query: Mapping[str, str] | None = None,
        *,
        body: Any = None,
        key: str | None = None,
    ) -> Any:
        operation = OPERATIONS[name]
        path = operation.address(**names)
        if path is None:
            raise NotFoundError("this cannot be an identifier")
        if operation.keyed and (not key or len(key) > MAX_KEY_LENGTH or not known_key(key)):
            raise ValueError(f"an idempotency key has 1 to {MAX_KEY_LENGTH} characters")
        return await self.transport.ask(operation, path, query=query, body=body, key=key)

    async def _listed(
        self, name: str, names: Mapping[str, str], query: Mapping[str, str] | None = None
    ) -> Any:
        """Return a list; of what is not known it is empty."""
        try:
            return await self._ask(name, names, query)
        except NotFoundError:
            return ()

    async def _of_order(self, name: str, order_number: str, customer_id: str | None) -> Any:
        _check_owner(customer_id)
        return await self._ask(name, {"order_number": order_number}, _owner(customer_id))

    async def _write(self, name: str, order_number: str, body: Any, key: str) -> Any:
        _check_owner(body.customer_id)
        return await self._ask(name, {"order_number": order_number}, body=body, key=key)

    async def _change(self, name: str, order_number: str, body: Any, key: str) -> ChangeResult:
        found: ChangeResult = await self._write(name, order_number, body, key)
        if found.order.order_number != order_number:
            raise ShopTimeoutError("the answer to a write is about another order: what was done is not known")
        return found


def known_key(key: str) -> bool:
    """Say whether a key can be a header's value."""
    return key.isascii() and key.isprintable()


def _owner(customer_id: str | None) -> dict[str, str]:
    return {} if customer_id is None else {"customer_id": customer_id}


def _check_owner(customer_id: str | None) -> None:
    if customer_id is not None and not known_form(customer_id):
        raise NotFoundError("this cannot be a customer")


def _same(found: str, asked: str, path: str) -> None:
    if found != asked:
        raise ShopGarbledError("the answer is about another one than was asked for", path)
