"""The facts of a case under the names that ``persona/wording/desk/facts.yml`` declares."""

from __future__ import annotations

from typing import Any

from actions.shop.models import AfterSaleKind, AfterSaleState, Order, OrderState, Product, ReturnTerms
from actions.shop.rules import NOT_RECEIVED_DAYS, end_of_day
from actions.shop.service_models import InvoiceKind, InvoiceState, InvoiceTerms, PriceProtection
from bot.conversation.desk_types import DeskConversation
from bot.desk.assist.case import MOVING, Case
from persona.privacy.masking import mask

_OPEN = (AfterSaleState.SUBMITTED, AfterSaleState.APPROVED, AfterSaleState.RECEIVED)


def facts_of(case: Case, conversation: DeskConversation, agent: str | None = None) -> dict[str, Any]:
    """Return what is known now; what is not known, or no longer true, is not in it.

    Args:
        case: the shop's facts.
        conversation: for open requests (by when an answer was promised, the masked contact).
        agent: the name of the agent who speaks.
    """
    facts: dict[str, Any] = {"agent": agent} if agent else {}
    facts |= _promised(case, conversation)
    order = case.order
    if order is not None:
        facts |= _order(order) | _parcel(case, order) | _terms(case.terms_of(order)) | _request(case, order)
        facts |= _warranty(case.product, order)
        facts |= _invoice(case.invoice) | _price(case.price)
    return {name: value for name, value in facts.items() if value is not None}


def _promised(case: Case, conversation: DeskConversation) -> dict[str, Any]:
    waiting = [r for r in conversation.requests if r.done_at is None]
    times = [r.answer_by for r in waiting if r.answer_by is not None and r.answer_by > case.now]
    contact = next((r.contact for r in waiting if r.contact), None)
    return {"answer_by": min(times, default=None), "contact": mask(contact) if contact else None}


def _order(order: Order) -> dict[str, Any]:
    return {
        "items": [item.short_name for item in order.items] or None,
        "number": order.order_number,
        "total": order.total,
        "method": order.payment_method or None,
        "pay_by": order.pay_by if order.state is OrderState.UNPAID else None,
        "ship_by": order.ship_by if order.state is OrderState.PAID else None,
        "urged_at": order.urged_at if order.state in (OrderState.PAID, *MOVING) else None,
    }


def _parcel(case: Case, order: Order) -> dict[str, Any]:
    shipment = order.shipment
    if shipment is None:
        return {}
    moving = order.state in MOVING
    last = shipment.trace[-1] if moving and shipment.trace else None
    claim_by = end_of_day(shipment.delivered_at, NOT_RECEIVED_DAYS) if shipment.delivered_at else None
    return {
        "carrier": shipment.carrier,
        "tracking_number": shipment.tracking_number,
        "expected_by": shipment.expected_by if moving else None,
        "promised_by": shipment.promised_by if moving else None,
        "cause": shipment.exception if moving else None,
        "place": last.place if last else None,
        "last_at": last.at if last else None,
        "delivered_at": shipment.delivered_at,
        "claim_by": claim_by if claim_by and claim_by >= case.now else None,
    }


def _terms(terms: ReturnTerms | None) -> dict[str, Any]:
    if terms is None:
        return {}
    return {
        "rule": terms.rule,
        "deadline": terms.deadline,
        "review_hours": terms.review_hours if terms.allowed else None,
        "check_hours": terms.check_hours if terms.allowed else None,
        "days": terms.refund_days[1] if terms.allowed else None,
    }


def _request(case: Case, order: Order) -> dict[str, Any]:
    request = case.request_of(order)
    if request is None:
        return {}
    under_way = request.state in _OPEN
    return {
        "request": request.request_number,
        "kind": request.kind.value,
        "refund": request.refund_amount if request.kind is not AfterSaleKind.EXCHANGE else None,
        "review_by": request.review_by if request.state is AfterSaleState.SUBMITTED else None,
        "refund_by": request.refund_by if under_way else None,
        "return_address": request.return_address if request.state is AfterSaleState.APPROVED else None,
        "payer": request.fault.value if request.state is AfterSaleState.APPROVED else None,
    }


def _warranty(product: Product | None, order: Order) -> dict[str, Any]:
    if product is None or product.warranty_months <= 0 or len(order.items) != 1:
        return {}
    terms = product.warranty_terms.rstrip("。")
    return {"warranty_months": product.warranty_months, "warranty_terms": terms or None}


def _invoice(terms: InvoiceTerms | None) -> dict[str, Any]:
    """Return how the invoice stands; its title stays where it is shown on purpose."""
    if terms is None:
        return {}
    facts: dict[str, Any] = {}
    if terms.rule == "can_request":
        facts = {"invoice_amount": terms.amount, "invoice_until": terms.deadline}
        facts["invoice_hours"] = terms.issue_hours if InvoiceKind.ELECTRONIC in terms.kinds else None
    current = terms.current
    if current is not None and current.state is not InvoiceState.REVERSED:
        waits = current.state is InvoiceState.REQUESTED
        facts |= {
            "invoice_kind": current.kind.value,
            "invoice_sum": current.amount,
            "invoice_by": current.issue_by if waits else None,
            "invoice_issued": current.issued_at,
        }
    return facts


def _price(protection: PriceProtection | None) -> dict[str, Any]:
    if protection is None or protection.rule not in ("price_dropped", "no_drop"):
        return {}
    fell = protection.allowed
    return {
        "price_until": protection.deadline,
        "price_days": protection.days,
        "price_back": protection.amount if fell else None,
        "price_refund_days": protection.refund_days[1] if fell else None,
        "price_same": None if fell else protection.rule,
    }
