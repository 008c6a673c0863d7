"""The services around an order in the embedded shop, each handed on to the module of its theme."""

from __future__ import annotations

from collections.abc import Sequence

from actions.shop import offers, stock
from actions.shop.invoices import judge_invoice, request_invoice
from actions.shop.lateness import load_late_orders
from actions.shop.loading import known_form
from actions.shop.models import Coupon, PreferenceKind
from actions.shop.payments import load_payment
from actions.shop.preferences import note_preference
from actions.shop.price_claims import claim_price, judge_price
from actions.shop.repairs import judge_warranties, request_repair
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
from actions.shop.slots import choose_slot, judge_slots
from actions.shop.sql_base import SqlBase
from actions.shop.taking import take


class ServiceMethods(SqlBase):
    """Offers, invoices, prices, repairs, delivery times, payments, stock and news."""

    async def coupons(self, customer_id: str) -> Sequence[Coupon]:
        """See the protocol. An unknown customer has no coupons."""
        if not known_form(customer_id):
            return ()
        return await self._read(lambda session: offers.load_coupons(session, self._clock(), customer_id))

    async def promotions(self, *, product_id: str | None = None) -> Sequence[Promotion]:
        """See the protocol."""
        return await self._read(lambda session: offers.load_promotions(session, self._clock(), product_id))

    async def claim_coupon(self, promotion_id: str, *, customer_id: str, key: str) -> CouponResult:
        """See the protocol."""
        return await self._change_for(
            customer_id, key, lambda write: offers.claim_coupon(write, promotion_id)
        )

    async def invoice_terms(self, order_number: str, *, customer_id: str | None) -> InvoiceTerms:
        """See the protocol."""
        return await self._of_order(order_number, customer_id, judge_invoice)

    async def request_invoice(
        self, order_number: str, kind: InvoiceKind, title: InvoiceTitle, *, customer_id: str | None, key: str
    ) -> InvoiceResult:
        """See the protocol."""
        return await self._change(
            order_number, customer_id, key, lambda write: request_invoice(write, kind, title)
        )

    async def price_protection(self, order_number: str, *, customer_id: str | None) -> PriceProtection:
        """See the protocol."""
        return await self._of_order(order_number, customer_id, judge_price)

    async def claim_price_protection(
        self, order_number: str, *, customer_id: str | None, key: str
    ) -> PriceProtectionResult:
        """See the protocol."""
        return await self._change(order_number, customer_id, key, claim_price)

    async def warranties(self, order_number: str, *, customer_id: str | None) -> Sequence[Warranty]:
        """See the protocol."""
        return await self._of_order(order_number, customer_id, judge_warranties)

    async def request_repair(
        self, order_number: str, product_id: str, fault: str, *, customer_id: str | None, key: str
    ) -> RepairResult:
        """See the protocol. NotFoundError too where the order has no such line."""
        return await self._change(
            order_number, customer_id, key, lambda write: request_repair(write, product_id, fault)
        )

    async def delivery_slots(self, order_number: str, *, customer_id: str | None) -> SlotOffer:
        """See the protocol."""
        return await self._of_order(order_number, customer_id, judge_slots)

    async def choose_slot(
        self, order_number: str, slot_id: str, *, customer_id: str | None, key: str
    ) -> SlotResult:
        """See the protocol."""
        return await self._change(order_number, customer_id, key, lambda write: choose_slot(write, slot_id))

    async def payment(self, order_number: str, *, customer_id: str | None) -> Payment:
        """See the protocol."""
        return await self._of_order(order_number, customer_id, load_payment)

    async def watch_stock(
        self, product_id: str, *, sku_id: str | None, customer_id: str, key: str
    ) -> StockWatch:
        """See the protocol."""
        return await self._change_for(
            customer_id, key, lambda write: stock.watch_stock(write, product_id, sku_id)
        )

    async def stock_watchers(self, product_id: str) -> Sequence[str]:
        """See the protocol."""
        return await self._read(lambda session: stock.watchers(session, product_id))

    async def told_stock(self, product_id: str, customer_id: str, *, key: str) -> None:
        """See the protocol."""
        await self._change_for(customer_id, key, lambda write: stock.told(write, product_id))

    async def note_preference(
        self, customer_id: str, product_id: str, kind: PreferenceKind, *, key: str
    ) -> PreferenceResult:
        """See the protocol."""
        return await self._change_for(
            customer_id, key, lambda write: note_preference(write, product_id, kind)
        )

    async def late_orders(self, *, limit: int = 100) -> Sequence[LateOrder]:
        """See the protocol."""
        return await self._read(lambda session: load_late_orders(session, self._clock(), limit))

    async def take(self, event: ShopEvent) -> bool:
        """See the protocol. What each kind's data are, says :mod:`actions.shop.taking`."""
        return await self._write(lambda session: take(session, self._vault, self._clock(), event))
