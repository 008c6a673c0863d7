"""What the shop's answers give for the gaps and flags of its policies: ready to read, never personal data.

One function for each source of the table in docs/architecture.md "Policies". What is not known is left out:
a clause that speaks of it does not hold.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from actions.labels import label
from actions.shop.models import (
    AfterSale,
    AfterSaleKind,
    AfterSaleState,
    Customer,
    Order,
    OrderState,
    Product,
    ReturnTerms,
    ServiceHours,
)
from actions.shop.service_models import (
    InvoiceState,
    InvoiceTerms,
    Payment,
    PaymentOutcome,
    PriceProtection,
    Promotion,
    PromotionKind,
    Warranty,
)
from persona.wording import filters

#: Requests that still go on.
OPEN_REQUESTS = frozenset({AfterSaleState.SUBMITTED, AfterSaleState.APPROVED, AfterSaleState.RECEIVED})
_ENGRAVABLE, _GIFT_BOX = "可刻字", "礼盒"  # tags of the catalogue
_DAY = timedelta(days=1)
_PRICE_FLAGS = {
    "price_dropped": "price_dropped",
    "no_drop": "price_no_drop",
    "too_late": "price_over",
    "claimed": "price_given",
    "not_covered": "price_not_covered",
}
_WARRANTY_FLAGS = {"covered": "in_warranty", "expired": "warranty_over", "no_warranty": "no_warranty"}


@dataclass(frozen=True)
class Known:
    """Values by gap, and flags."""

    values: Mapping[str, str] = field(default_factory=dict)
    flags: frozenset[str] = frozenset()

    def __or__(self, other: Known) -> Known:
        """Return both; the other's values win."""
        return Known({**self.values, **other.values}, self.flags | other.flags)


def _known(values: Mapping[str, Any], flags: Mapping[str, object] | None = None) -> Known:
    """Leave out what is not known and flags that are not set; a line break would break a sentence."""
    texts = {name: " ".join(str(value).split()) for name, value in values.items() if value not in (None, "")}
    return Known(texts, frozenset(name for name, is_set in (flags or {}).items() if is_set))


def _shown(show: Any, value: Any) -> str | None:
    return None if value is None else str(show(value))


def of_hours(hours: ServiceHours) -> Known:
    """Return when people answer; around the clock nothing opens or closes."""
    all_day = hours.opens == hours.closes
    values = {
        "hours": "全天 24 小时" if all_day else f"每天 {hours.opens}–{hours.closes}",
        "opens": None if all_day else hours.opens,
        "closes": None if all_day else hours.closes,
        "answer_minutes": hours.answer_minutes,
    }
    return _known(values, {"all_day": all_day})


def of_order(order: Order, now: datetime) -> Known:
    """Return what an order says of itself."""
    parcel, cause = order.shipment, order.cancel_cause
    values: dict[str, Any] = {
        "product": order.items[0].short_name if order.items else None,
        "order_tail": filters.tail(order.order_number),
        "state": label("order_state", order.state),
        "placed_at": filters.moment(order.placed_at),
        "paid_at": _shown(filters.moment, order.paid_at),
        "pay_by": _shown(filters.deadline, order.pay_by),
        "ship_by": _shown(filters.deadline, order.ship_by),
        "cancelled_at": _shown(filters.moment, order.cancelled_at),
        "cancel_cause": label("cancel_cause", cause) if cause else None,
        "payment_method": order.payment_method if order.paid_at is not None else None,
        "total": filters.money(order.total),
        "freight": filters.money(order.freight),
        "note": order.note,
        "pieces": sum(item.quantity for item in order.items) or None,
    }
    if order.slot_starts_at is not None and order.slot_ends_at is not None:
        values["slot"] = filters.period((order.slot_starts_at, order.slot_ends_at))
    if parcel is not None:
        last = parcel.trace[-1] if parcel.trace else None
        values |= {
            "shipped_at": filters.moment(parcel.shipped_at),
            "promised_by": filters.deadline(parcel.promised_by),
            "expected_by": filters.deadline(parcel.expected_by),
            "delivered_at": _shown(filters.moment, parcel.delivered_at),
            "carrier": parcel.carrier,
            "last_at": filters.moment(last.at) if last else None,
            "last_place": last.place if last else None,
            "last_step": last.text.rstrip("。") if last else None,
        }
    flags = {
        "late": is_late(order, now),
        "express": order.express,
        "urged": order.urged_at,
        "engraved": any(item.engraving for item in order.items),
        "troubled": order.state is OrderState.EXCEPTION or (parcel is not None and parcel.exception),
        "has_slot": order.slot_starts_at,
        "has_note": order.note,
        "several_items": len({item.product_id for item in order.items}) > 1,
        "cancelled_by_shopper": cause == "shopper",
        "cancelled_unpaid": cause == "unpaid",
        "cancelled_by_shop": cause not in (None, "shopper", "unpaid"),
    }
    return _known(values, flags)


def is_late(order: Order, now: datetime) -> bool:
    """Say whether an order missed what was promised, or will by what the carrier says."""
    parcel = order.shipment
    if parcel is None:
        return order.state is OrderState.PAID and order.ship_by is not None and order.ship_by < now
    if parcel.delivered_at is not None:
        return parcel.delivered_at > parcel.promised_by
    moving = order.state in (OrderState.SHIPPED, OrderState.EXCEPTION)
    return moving and max(parcel.expected_by, now) > parcel.promised_by


def of_product(product: Product) -> Known:
    """Return what the catalogue says of a product."""
    fee, in_stock = product.installation_fee, any(sku.stock > 0 for sku in product.skus)
    values = {
        "product": product.short_name,
        "price": filters.money(product.price),
        "contents": filters.join_zh(product.contents),
        "usage": "；".join(step.rstrip("。；") for step in product.usage),
        "shelf_life": _shown(filters.shelf_life, product.shelf_life_days),
        "produced_on": _shown(filters.full_day, product.produced_on),
        "seller": product.seller or label("seller", "own"),
        "installation_fee": _shown(filters.money, fee or None),
        "certificates": filters.join_zh(product.certificates),
        "warranty_months": product.warranty_months or None,
        "returnable_days": product.returnable_days or None,
    }
    flags = {
        "own": product.seller is None,
        "third_party": product.seller is not None,
        "in_stock": in_stock,
        "sold_out": not in_stock,
        "installs": fee is not None,
        "installs_free": fee is not None and not fee,
        "perishable": product.category == "food" and product.returnable_days <= 0,
        "engravable": _ENGRAVABLE in product.tags,
        "cold_chain": product.cold_chain,
        "gift_box": product.gift_box or _GIFT_BOX in product.tags,
    }
    return _known(values, flags)


def of_return(terms: ReturnTerms) -> Known:
    """Return what the rules say about sending an order back."""
    values = {
        "return_until": _shown(filters.deadline, terms.deadline),
        "return_rule": label("return_rule", terms.rule),
        "review_hours": terms.review_hours,
        "check_hours": terms.check_hours,
        "refund_days": filters.workdays(terms.refund_days),
    }
    return _known(values, {"returnable": terms.allowed, "no_reason": terms.rule == "seven_days"})


def newest_request(requests: Sequence[AfterSale]) -> AfterSale | None:
    """Return the request that is meant where no order is: the only open one, else the newest."""
    still_open = [request for request in requests if request.state in OPEN_REQUESTS]
    if len(still_open) > 1:
        return None
    return next(iter(still_open or requests), None)


def review_is_late(request: AfterSale, now: datetime) -> bool:
    """Say whether a request should have been decided on by now."""
    return request.state is AfterSaleState.SUBMITTED and request.review_by < now


def of_request(request: AfterSale | None, now: datetime) -> Known:
    """Return where an after-sales request stands; a review that is overdue has no time to promise."""
    if request is None:
        return Known()
    state, last = request.state, request.steps[-1] if request.steps else None
    late = review_is_late(request, now)
    values = {
        "request_number": request.request_number,
        "request_kind": label("aftersale_kind", request.kind),
        "request_state": label("aftersale_state", state),
        "requested_at": filters.moment(request.created_at),
        "review_by": None if late else filters.deadline(request.review_by),
        "refund_amount": filters.money(request.refund_amount) if request.refund_amount else None,
        "refund_by": _shown(filters.deadline, request.refund_by),
        "return_address": request.return_address,
        "request_step": last.text.rstrip("。") if last else None,
        "request_step_at": filters.moment(last.at) if last else None,
    }
    flags: dict[str, object] = {"has_request": state in OPEN_REQUESTS, "review_late": late}
    flags |= {f"request_{one.value}": state is one for one in AfterSaleState}
    flags |= {f"is_{kind.value}": request.kind is kind for kind in AfterSaleKind}
    return _known(values, flags)


def of_price(protection: PriceProtection, now: datetime) -> Known:
    """Return whether a fallen price is made good."""
    left = (protection.deadline - now) / _DAY if protection.deadline is not None else 0
    values = {
        "price_until": _shown(filters.deadline, protection.deadline),
        "price_days": filters.days(protection.days) if protection.days else None,
        "price_days_left": filters.days(math.ceil(left)) if left > 0 else None,
        "price_difference": filters.money(protection.amount) if protection.amount else None,
        "price_claimed": filters.money(protection.claimed) if protection.claimed else None,
    }
    flag = _PRICE_FLAGS.get(protection.rule)
    return _known(values, {flag: True} if flag else {})


def of_invoice(terms: InvoiceTerms) -> Known:
    """Return whether an invoice can be had, and what there is; never its title."""
    current = terms.current
    if current is not None and current.state is InvoiceState.REVERSED:
        current = None
    values = {
        "invoice_kinds": filters.join_zh(label("invoice_kind", kind) for kind in terms.kinds),
        "invoice_hours": terms.issue_hours,
        "invoice_until": _shown(_year_deadline, terms.deadline),
        "invoice_kind": label("invoice_kind", current.kind) if current else None,
        "invoice_issue_by": filters.deadline(current.issue_by) if current else None,
    }
    flags = {
        "invoice_possible": terms.allowed,
        "invoice_requested": current is not None and current.state is InvoiceState.REQUESTED,
        "invoice_issued": current is not None and current.state is InvoiceState.ISSUED,
        "invoice_too_late": terms.rule == "too_late",
    }
    return _known(values, flags)


def _year_deadline(moment: datetime) -> str:
    """Return a last moment that may lie in another year: 2027年11月19日 24:00."""
    shown = filters.deadline(moment)
    day = moment - _DAY if shown.endswith("24:00") and (moment.hour, moment.minute) == (0, 0) else moment
    return f"{filters.full_day(day)} {shown.rpartition(' ')[2]}"


def of_payment(payment: Payment, order: Order) -> Known:
    """Return how paying an order went."""
    newest = payment.attempts[0].outcome if payment.attempts else None
    paid = order.paid_at is not None
    values = {
        "methods": filters.join_zh(payment.methods),
        "due": filters.money(payment.due) if payment.due else None,
        "confirm_minutes": payment.confirm_minutes,
    }
    flags = {
        "paid": paid,
        "payment_pending": not paid and newest is PaymentOutcome.PENDING,
        "payment_failed": not paid and newest is PaymentOutcome.FAILED,
    }
    return _known(values, flags)


def of_warranty(lines: Sequence[Warranty], product_id: str | None) -> Known:
    """Return the warranty of one product of an order, else of its first line."""
    line = next((line for line in lines if line.product_id == product_id), next(iter(lines), None))
    if line is None:
        return Known()
    values = {
        "warranty_until": _shown(filters.full_day, line.until),
        "warranty_months": line.months or None,
        "repair_days": line.repair_days[1],
    }
    flag = _WARRANTY_FLAGS.get(line.rule)
    return _known(values, {flag: True} if flag else {})


def of_promotions(promotions: Iterable[Promotion], now: datetime) -> Known:
    """Return what runs now."""
    running = [one for one in promotions if one.starts_at <= now < one.ends_at]
    gifts = [one.gift for one in running if one.kind is PromotionKind.GIFT and one.gift]
    values = {
        "promotions": filters.join_zh(one.title for one in running),
        "gifts": filters.join_zh(dict.fromkeys(gifts)),
        "coupons_to_claim": filters.join_zh(one.title for one in running if one.kind is PromotionKind.COUPON),
    }
    return _known(values, {"has_promotions": running, "has_gifts": gifts})


def of_customer(customer: Customer) -> Known:
    """Return what level she has, and how many points; nothing that says who she is."""
    return _known({"level": label("member_level", customer.level), "points": customer.points})
