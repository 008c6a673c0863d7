"""What the shop says of an order's invoice, and who may be told: shared by asking and by the form."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from actions.base import TurnContext, option
from actions.escalating import refuse
from actions.order_choice import Fits, authority, own_orders
from actions.shop.models import Order
from actions.shop.service_models import Invoice, InvoiceState, InvoiceTerms
from actions.write_form import names
from persona.privacy.masking import mask

_LOOKED_AT = 8  # orders whose terms are asked for to find the one with an invoice


async def terms_of(turn: TurnContext, number: str) -> InvoiceTerms:
    """Return the invoice terms of an order that the sender may see."""
    return await turn.shop.invoice_terms(number, customer_id=authority(turn.identity, number))


def is_owner(turn: TurnContext, order: Order) -> bool:
    """Whether the sender has logged in as the order's customer; verification alone shows no title."""
    return turn.identity.customer_id is not None and order.order_number not in turn.identity.orders


def shown_title(turn: TurnContext, order: Order, invoice: Invoice) -> dict[str, Any]:
    """Return what may be shown of the title on file: to the owner alone, the address masked."""
    if not is_owner(turn, order):
        return {}
    facts = {"title": invoice.title.name}
    return facts | ({"email": mask(invoice.title.email)} if invoice.title.email else {})


def refuse_invoice(turn: TurnContext, order: Order, rule: str, deadline: datetime | None) -> None:
    """Say by which rule no invoice can be had or changed, and until when it could."""
    number = order.order_number
    facts = names(order) | {"rule": rule} | ({"deadline": deadline} if deadline else {})
    steps = [option("ask_order_status", order_number=number), option("ask_human")]
    turn.say("utter_invoice_refused", facts, steps)
    if rule == "too_late":
        refuse(turn, "invoice", number)


def tell_current(turn: TurnContext, order: Order, terms: InvoiceTerms) -> None:
    """Say where the invoice stands that there is."""
    invoice = terms.current
    assert invoice is not None  # noqa: S101  (the callers have looked)
    number = order.order_number
    facts = (
        names(order) | {"kind": invoice.kind, "amount": invoice.amount} | shown_title(turn, order, invoice)
    )
    change = [option("change_invoice", order_number=number)] if terms.allowed else []
    if invoice.state is InvoiceState.REQUESTED:
        turn.say(
            "utter_invoice_pending", facts | {"issue_by": invoice.issue_by}, [*change, option("ask_human")]
        )
    elif invoice.state is InvoiceState.ISSUED:
        facts |= {"issued_at": invoice.issued_at or invoice.issue_by}
        facts |= {"invoice": invoice.invoice_number} if invoice.invoice_number else {}
        turn.say("utter_invoice_issued", facts, [*change, option("ask_human")])
    elif terms.allowed:
        steps = [option("request_invoice", order_number=number), option("ask_human")]
        turn.say("utter_invoice_reversed", facts | {"left": terms.amount}, steps)
    else:
        turn.say("utter_invoice_reversed", facts, [option("ask_human")])


async def with_invoice(turn: TurnContext) -> tuple[Fits, Fits]:
    """Return which of the newest orders have an invoice that counts, and which have one at all."""
    orders = [o for o in await own_orders(turn) if o.paid_at is not None][:_LOOKED_AT]
    found: Sequence[InvoiceTerms] = await asyncio.gather(*(terms_of(turn, o.order_number) for o in orders))
    had = {o.order_number: terms.current for o, terms in zip(orders, found, strict=True) if terms.current}
    counts = {number for number, one in had.items() if one.state is not InvoiceState.REVERSED}
    return (lambda order: order.order_number in counts), (lambda order: order.order_number in had)
