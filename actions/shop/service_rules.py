"""The rules of the services around an order, as pure functions: invoices, prices, warranty, slots, payment.

The codes are listed in :data:`SERVICE_RULES`; their words live in YAML.

Sources: an invoice is owed with every sale (Law on the Protection of Consumer Rights and Interests, art. 22;
Measures for the Administration of Invoices, art. 18); special ones are not issued for food, clothing and
cosmetics sold at retail (Provisions on the Use of Special VAT Invoices, art. 10). Price protection, delivery
times and the rest are promises as large shops of the market make them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from actions.shop.columns import SHANGHAI
from actions.shop.errors import RuleError
from actions.shop.models import MemberLevel, Order, OrderState
from actions.shop.rules import REFUND_DAYS, add_months, end_of_day
from actions.shop.service_models import (
    Invoice,
    InvoiceKind,
    InvoiceState,
    InvoiceTerms,
    InvoiceTitle,
    PaymentOutcome,
    PriceDrop,
    PriceProtection,
    Promotion,
    PromotionKind,
    Warranty,
)

NOTHING = Decimal("0.00")

ANNOUNCED_WITHIN = timedelta(days=7)

ISSUE_HOURS = 24
ISSUE_PAPER_HOURS = 72  # paper and special invoices
INVOICE_MONTHS = 12
#: Categories for which no special invoice may be issued at retail.
NO_SPECIAL = frozenset({"food", "clothing", "beauty"})

#: Days from payment on for which a price is protected, by category; fresh food is not protected at all.
PROTECTED_DAYS: Mapping[str, int] = {"phone": 7, "appliance": 7}
PROTECTED_DAYS_ELSE = 15

REPAIR_DAYS = (5, 10)
#: Categories for which a repair for money is offered once the warranty is over.
REPAIRABLE = frozenset({"phone", "appliance"})

CONFIRM_MINUTES = 24 * 60  # a bank's answer that does not come at once comes with the day's reconciliation

LATE_FOR = timedelta(days=14)

#: Every rule code of the services with its meaning; those of orders and returns are in ``rules.RULES``.
SERVICE_RULES: dict[str, str] = {
    "not_paid": "the order is not paid",
    "order_closed": "the order is cancelled, refunded or being refunded",
    "too_late": "the deadline has passed",
    # promotions
    "not_running": "it has not begun, or is over",
    "level_too_low": "it is for a higher membership level",
    "claimed": "had already: one coupon to a customer, one payment for a fall in price",
    # invoices
    "can_request": "an invoice can be asked for",
    "can_change": "there is one, and its title may be changed",
    "kind_not_offered": "this kind of invoice is not offered for these goods",
    "title_incomplete": "the name is missing, or the tax number of a special invoice, or one is malformed",
    # price protection
    "price_dropped": "the price fell within the protected days: the difference is given back",
    "no_drop": "the price is not lower than what was paid",
    "not_covered": "these goods have no price protection",
    # warranty and repair
    "covered": "under warranty",
    "expired": "the warranty is over",
    "no_warranty": "none beyond the law's",
    "not_delivered": "not delivered yet, or given back",
    "already_open": "a request for this order is open",
    "no_repair": "neither covered nor repaired for money",
    # delivery times
    "open": "a delivery time can be chosen",
    "already_delivered": "the parcel is delivered",
    "out_for_delivery": "the parcel is with the courier already",
    "not_offered": "this carrier or district has no delivery times",
    "slot_gone": "this time can no longer be chosen",
}

_CLOSED = frozenset({OrderState.CANCELLED, OrderState.REFUNDED, OrderState.REFUNDING})
_LEVELS = tuple(MemberLevel)
_TAX_NUMBER = re.compile(r"[0-9A-Z]{15,20}")
_EMAIL = re.compile(r"[^@\s\x00-\x1f]{1,64}@[^@\s\x00-\x1f.]+(\.[^@\s\x00-\x1f.]+)+")
_LONGEST_NAME = 100
_LONGEST_EMAIL = 120


# -- promotions ------------------------------------------------------------------------------------


def holds_for(promotion: Promotion, product_id: str, category: str) -> bool:
    """Say whether an offer holds for a product."""
    if promotion.product_ids:
        return product_id in promotion.product_ids
    return promotion.scope in ("all", category)


def check_claim(promotion: Promotion, level: MemberLevel, now: datetime, *, claimed: bool) -> None:
    """Allow a customer to take a coupon.

    Raises:
        RuleError: it does not run, is for others, or she has had it.
    """
    if not promotion.starts_at <= now < promotion.ends_at or promotion.kind is not PromotionKind.COUPON:
        raise RuleError("not_running")
    if promotion.level is not None and _LEVELS.index(level) < _LEVELS.index(promotion.level):
        raise RuleError("level_too_low")
    if claimed:
        raise RuleError("claimed")


# -- invoices --------------------------------------------------------------------------------------


def invoice_terms(
    order: Order, categories: Iterable[str], refunded: Decimal, current: Invoice | None, now: datetime
) -> InvoiceTerms:
    """Say whether an invoice can be had at `now`.

    Args:
        order: the order as it stands.
        categories: of its goods.
        refunded: what was given back of its total.
        current: the newest invoice, if there is one.
        now: the shop's time.
    """
    deadline = end_of_day(add_months(order.paid_at, INVOICE_MONTHS), 0) if order.paid_at else None
    kinds = [InvoiceKind.ELECTRONIC, InvoiceKind.PAPER]
    if not NO_SPECIAL & set(categories):
        kinds.append(InvoiceKind.SPECIAL)
    if order.state in _CLOSED:
        rule = "order_closed"
    elif order.state is OrderState.UNPAID:
        rule = "not_paid"
    elif deadline is not None and now > deadline:
        rule = "too_late"
    else:
        had = current is not None and current.state is not InvoiceState.REVERSED
        rule = "can_change" if had else "can_request"
    allowed = rule in ("can_request", "can_change")
    return InvoiceTerms(
        allowed=allowed,
        rule=rule,
        kinds=tuple(kinds) if allowed else (),
        amount=max(order.total - refunded, NOTHING),
        issue_hours=ISSUE_HOURS,
        deadline=deadline,
        current=current,
    )


def clean_title(title: InvoiceTitle) -> InvoiceTitle:
    """Return the title without stray blanks; a tax number in capitals."""
    tax_number = "".join((title.tax_number or "").split()).upper()
    return InvoiceTitle(title.name.strip(), tax_number or None, (title.email or "").strip() or None)


def check_invoice(terms: InvoiceTerms, kind: InvoiceKind, title: InvoiceTitle) -> None:
    """Allow an invoice of `kind` made out to `title` (cleaned).

    Raises:
        RuleError: the terms' rule, ``kind_not_offered`` or ``title_incomplete``; the detail names the field.
    """
    if not terms.allowed:
        raise RuleError(terms.rule)
    if kind not in terms.kinds:
        raise RuleError("kind_not_offered", kind.value)
    if not 0 < len(title.name) <= _LONGEST_NAME or "\0" in title.name:
        raise RuleError("title_incomplete", "name")
    if title.tax_number is None:
        if kind is InvoiceKind.SPECIAL:
            raise RuleError("title_incomplete", "tax_number")
    elif not _TAX_NUMBER.fullmatch(title.tax_number):
        raise RuleError("title_incomplete", "tax_number")
    if title.email is not None and (len(title.email) > _LONGEST_EMAIL or not _EMAIL.fullmatch(title.email)):
        raise RuleError("title_incomplete", "email")


def issue_by(kind: InvoiceKind, now: datetime) -> datetime:
    """Return when an invoice asked for at `now` is issued at the latest."""
    hours = ISSUE_HOURS if kind is InvoiceKind.ELECTRONIC else ISSUE_PAPER_HOURS
    return now + timedelta(hours=hours)


# -- price protection ------------------------------------------------------------------------------


@dataclass(frozen=True)
class PricedLine:
    """What the price protection of one order line depends on."""

    line: int
    product_id: str
    short_name: str
    quantity: int
    paid: Decimal  # unit price at purchase
    now: Decimal | None  # unit price now; None: no longer sold
    category: str
    fresh: bool
    evened_to: Decimal | None = None  # lowest unit price down to which it was evened out before


def protected_days(category: str, *, fresh: bool) -> int:
    """Return for how many days from payment on a price is protected; 0: not at all."""
    return 0 if fresh else PROTECTED_DAYS.get(category, PROTECTED_DAYS_ELSE)


def drop_of(line: PricedLine, paid_at: datetime, now: datetime) -> PriceDrop | None:
    """Return the fall in price of a line that is still to be given back, or None.

    What was given back before counts as paid less: a second fall is given back from there on only.
    """
    days = protected_days(line.category, fresh=line.fresh)
    if not days or now > end_of_day(paid_at, days) or line.now is None:
        return None
    paid = line.paid if line.evened_to is None else min(line.paid, line.evened_to)
    if line.now >= paid:
        return None
    return PriceDrop(
        product_id=line.product_id,
        short_name=line.short_name,
        quantity=line.quantity,
        paid=paid,
        now=line.now,
        difference=(paid - line.now) * line.quantity,
    )


def price_protection(
    order: Order, lines: Sequence[PricedLine], claimed: Decimal, now: datetime
) -> PriceProtection:
    """Say what is given back for `order` at `now`. Each line has its days; the order's are the longest."""
    days = max((protected_days(line.category, fresh=line.fresh) for line in lines), default=0)
    paid_at = order.paid_at
    deadline = end_of_day(paid_at, days) if paid_at is not None and days else None
    drops: tuple[PriceDrop, ...] = ()
    if order.state in _CLOSED:
        rule = "order_closed"
    elif paid_at is None or order.state is OrderState.UNPAID:
        rule = "not_paid"
    elif not days:
        rule = "not_covered"
    elif deadline is not None and now > deadline:
        rule = "too_late"
    else:
        drops = tuple(drop for line in lines if (drop := drop_of(line, paid_at, now)) is not None)
        evened = any(line.evened_to is not None and line.evened_to < line.paid for line in lines)
        rule = "price_dropped" if drops else "claimed" if evened else "no_drop"
    return PriceProtection(
        allowed=bool(drops),
        rule=rule,
        days=days,
        deadline=deadline,
        drops=drops,
        amount=sum((drop.difference for drop in drops), NOTHING),
        claimed=claimed,
        refund_days=REFUND_DAYS,
    )


# -- warranty --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class GuaranteedLine:
    """What the warranty of one order line depends on."""

    product_id: str
    short_name: str
    category: str
    months: int
    terms: str


def warranty(order: Order, line: GuaranteedLine, now: datetime) -> Warranty:
    """Return the warranty of one line at `now`, counted from delivery."""
    delivered = order.shipment.delivered_at if order.shipment else None
    until = None
    if delivered is None or order.state in (OrderState.CANCELLED, OrderState.REFUNDED):
        rule = "not_delivered"
    elif line.months <= 0:
        rule = "no_warranty"
    else:
        until = end_of_day(add_months(delivered, line.months), 0)
        rule = "covered" if now <= until else "expired"
    return Warranty(
        product_id=line.product_id,
        short_name=line.short_name,
        covered=rule == "covered",
        rule=rule,
        months=max(line.months, 0),
        until=until,
        terms=line.terms,
        repair_days=REPAIR_DAYS,
        paid_repair=rule in ("expired", "no_warranty") and line.category in REPAIRABLE,
    )


def check_repair(found: Warranty, *, open_request: bool) -> str:
    """Allow a repair and return its reason: ``broken`` under warranty, ``worn`` for money.

    Raises:
        RuleError: a request is open, the goods are not with her, or nobody repairs them.
    """
    if open_request:
        raise RuleError("already_open")
    if found.rule == "not_delivered":
        raise RuleError("not_delivered")
    if found.covered:
        return "broken"
    if found.paid_repair:
        return "worn"
    raise RuleError("no_repair")


# -- payment and stock -----------------------------------------------------------------------------


def effective_outcome(
    outcome: PaymentOutcome, at: datetime, return_by: datetime | None, now: datetime
) -> tuple[PaymentOutcome, datetime | None]:
    """Return what became of an attempt as it stands now, and when its money is back.

    One that the bank did not confirm in time goes back without anybody's doing.
    """
    confirmed_by = at + timedelta(minutes=CONFIRM_MINUTES)
    if outcome is PaymentOutcome.PENDING and now >= confirmed_by:
        return PaymentOutcome.RETURNED, end_of_day(confirmed_by, REFUND_DAYS[1])
    return outcome, return_by


def expected_stock(dates: Iterable[date | None], now: datetime) -> date | None:
    """Return the first day on which something is expected; a day that has passed says nothing."""
    today = now.astimezone(SHANGHAI).date()
    return min((day for day in dates if day is not None and day >= today), default=None)
