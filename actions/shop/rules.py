"""The shop's rules as pure functions on dataclasses: what may be done with an order, until when, who pays.

The codes that :class:`~actions.shop.errors.RuleError` and :class:`~actions.shop.models.ReturnTerms` carry
are listed in :data:`RULES`; their words live in YAML.

Sources: Law on the Protection of Consumer Rights and Interests, art. 25 (seven days without a reason, counted
from the day after delivery; not for fresh or custom-made goods) and art. 24 (quality); the 三包 rules give
15 days for an exchange. The rest are the demo shop's own promises.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from actions.shop.columns import SHANGHAI
from actions.shop.errors import RuleError
from actions.shop.models import (
    NOTE_LENGTH,
    RETURN_REASONS,
    Address,
    AfterSale,
    AfterSaleKind,
    AfterSaleState,
    Fault,
    Order,
    OrderState,
    Refund,
    ReturnTerms,
)

REVIEW_HOURS = 24
CHECK_HOURS = 48
REFUND_DAYS = (1, 3)
QUALITY_DAYS = 15
FRESH_HOURS = 48
NOT_RECEIVED_DAYS = 7
URGE_AGAIN_AFTER = timedelta(hours=1)

#: Reasons about the goods themselves: they count after the seven days and for fresh food too.
QUALITY_REASONS = ("quality", "damaged", "wrong_item", "missing_parts", "not_as_described")
_AT_HOME_REASONS = ("no_reason", "wrong_size", *QUALITY_REASONS)
_IN_TRANSIT_REASONS = ("changed_mind", "no_reason", "late", "not_received")
_BEFORE_DISPATCH_REASONS = ("changed_mind", "no_reason", "wrong_size", "late")

#: Every rule code with its meaning.
RULES: dict[str, str] = {
    # why a write is refused
    "not_paid": "the order is not paid",
    "already_shipped": "the parcel is on its way: refuse it or return it",
    "already_delivered": "the parcel is delivered: it can be returned by the return terms",
    "already_cancelled": "the order is cancelled",
    "already_refunding": "a refund is under way",
    "already_refunded": "the money is back",
    "order_closed": "the order is cancelled or refunded",
    "urged_recently": "urged less than an hour ago, and passed on then",
    "address_incomplete": "consignee, phone, city and street are needed",
    "note_too_long": "a note has at most 100 characters",
    "already_open": "a request for this order is open",
    "already_received": "the goods are back with us and are being checked",
    "refund_started": "the refund is approved: the money is on its way",
    "already_done": "the request is settled",
    "already_closed": "the request was rejected, or withdrawn before",
    "unknown_reason": "not a reason code",
    "reason_not_accepted": "this reason does not hold at this stage, see ReturnTerms.reasons",
    "kind_not_offered": "this kind of request is not offered now, see ReturnTerms.kinds",
    # clauses of return terms, allowed
    "refund_before_dispatch": "not dispatched: full refund at once",
    "refuse_in_transit": "on its way: refuse the parcel, goods and freight are refunded",
    "refund_late": "on its way and later than promised: refund without waiting for the parcel",
    "seven_days": "seven days without a reason, from the day after delivery",
    "quality_fifteen_days": "quality problems only: return or exchange within 15 days",
    "custom_made": "custom-made: quality problems only, within 15 days",
    "not_resalable": "not returnable once delivered (hygiene): quality problems only, within 15 days",
    "fresh_48_hours": "fresh food: refund for damage or quality within 48 hours, with a picture",
    "warranty": "quality problems only: exchange under the warranty",
    # clauses of return terms, not allowed
    "too_late": "every deadline has passed",
}


@dataclass(frozen=True)
class ItemTerms:
    """What the terms of one order line depend on."""

    returnable_days: int
    warranty_months: int
    fresh: bool
    custom_made: bool


def effective_state(state: OrderState, pay_by: datetime | None, now: datetime) -> OrderState:
    """Return the state as it stands now: an unpaid order lapses at `pay_by` without anybody's doing."""
    if state is OrderState.UNPAID and pay_by is not None and pay_by <= now:
        return OrderState.CANCELLED
    return state


def cancelled_state(order: Order) -> OrderState:
    """Return the state after cancelling; a paid order starts its refund.

    Raises:
        RuleError: the order is dispatched, closed or already being refunded.
    """
    if order.state is OrderState.UNPAID:
        return OrderState.CANCELLED
    if order.state is OrderState.PAID:
        return OrderState.REFUNDING
    raise RuleError(_WHY_NOT_CANCEL[order.state])


_WHY_NOT_CANCEL = {
    OrderState.SHIPPED: "already_shipped",
    OrderState.EXCEPTION: "already_shipped",
    OrderState.DELIVERED: "already_delivered",
    OrderState.REFUNDING: "already_refunding",
    OrderState.REFUNDED: "already_refunded",
    OrderState.CANCELLED: "already_cancelled",
}


def coupon_comes_back(state: OrderState) -> bool:
    """Say whether ending an order in this state gives its coupon back, with its old last day.

    Only what is not dispatched is undone as a whole; a return or a refund later is worth what was paid, and
    the coupon stays used.
    """
    return state in (OrderState.UNPAID, OrderState.PAID)


def check_address_change(order: Order, address: Address) -> None:
    """Allow a new address until dispatch.

    Raises:
        RuleError: dispatched, closed, or the address lacks a part that a courier needs.
    """
    if order.state not in {OrderState.UNPAID, OrderState.PAID}:
        rule = _WHY_NOT_CANCEL[order.state]
        raise RuleError("order_closed" if rule == "already_cancelled" else rule)
    parts = (address.consignee, address.phone, address.city, address.street)
    if not all(part.strip() for part in parts):
        raise RuleError("address_incomplete")


def check_urge(order: Order, now: datetime) -> None:
    """Allow urging while something can still be hurried, once an hour.

    Raises:
        RuleError: nothing is on its way, or it was urged less than an hour ago.
    """
    if order.state is OrderState.UNPAID:
        raise RuleError("not_paid")
    if order.state is OrderState.DELIVERED:
        raise RuleError("already_delivered")
    if order.state not in {OrderState.PAID, OrderState.SHIPPED, OrderState.EXCEPTION}:
        raise RuleError("order_closed")
    if order.urged_at is not None and now - order.urged_at < URGE_AGAIN_AFTER:
        raise RuleError("urged_recently")


def check_note(order: Order, note: str) -> None:
    """Allow a note for those who pack the order, until dispatch.

    Raises:
        RuleError: dispatched, closed, or the note is too long for the slip.
    """
    if order.state in _OVER:
        raise RuleError("order_closed")
    if order.state not in {OrderState.UNPAID, OrderState.PAID}:
        raise RuleError("already_shipped")
    if len(note) > NOTE_LENGTH:
        raise RuleError("note_too_long")


_OVER = {OrderState.CANCELLED, OrderState.REFUNDING, OrderState.REFUNDED}


def check_withdrawal(request: AfterSale) -> None:
    """Allow to take a request back while nothing has been done about it that cannot be undone.

    An approved return only waits for the parcel; an approved refund has gone to the bank, and where it was
    a cancellation the goods are back on the shelf.

    Raises:
        RuleError: the goods are here, the money is on its way, or the request has ended.
    """
    if request.state is AfterSaleState.APPROVED and request.kind is AfterSaleKind.REFUND:
        raise RuleError("refund_started")
    rule = _WHY_NOT_WITHDRAW.get(request.state)
    if rule is not None:
        raise RuleError(rule)


_WHY_NOT_WITHDRAW = {
    AfterSaleState.RECEIVED: "already_received",
    AfterSaleState.DONE: "already_done",
    AfterSaleState.REJECTED: "already_closed",
    AfterSaleState.WITHDRAWN: "already_closed",
}


def state_without_request(order: Order) -> OrderState:
    """Return the state that an order has again once its request is withdrawn."""
    parcel = order.shipment
    if order.state is not OrderState.REFUNDING or parcel is None:
        return order.state
    if parcel.delivered_at is not None:
        return OrderState.DELIVERED
    return OrderState.EXCEPTION if parcel.exception else OrderState.SHIPPED


def return_terms(
    order: Order, items: Sequence[ItemTerms], now: datetime, *, open_request: bool
) -> ReturnTerms:
    """Say what may be asked for `order` at `now`. The strictest item decides for the whole order."""
    terms = _clause(order, items, now, open_request=open_request)
    returns = coupon_comes_back(order.state)
    return replace(terms, refunds=_refunds(order, terms, now), coupon_returns=returns)


def _refunds(order: Order, terms: ReturnTerms, now: datetime) -> tuple[Refund, ...]:
    """Return what goes back for each kind and fault that can be asked for."""
    faults = [fault for fault in Fault if any(RETURN_REASONS[reason] is fault for reason in terms.reasons)]
    asked = [(kind, fault) for kind in terms.kinds for fault in faults]
    never_came = (AfterSaleKind.REFUND, RETURN_REASONS["not_received"])
    if never_came not in asked and may_say_not_received(order, terms, now):
        asked.append(never_came)
    return tuple(Refund(kind, fault, refund_amount(order, kind, fault)) for kind, fault in asked)


def may_say_not_received(order: Order, terms: ReturnTerms, now: datetime) -> bool:
    """Say whether a delivered parcel that nobody received may be refunded, whatever else the terms allow."""
    delivered = order.shipment.delivered_at if order.shipment else None
    return (
        order.state is OrderState.DELIVERED
        and terms.rule != "already_open"
        and delivered is not None
        and now <= end_of_day(delivered, NOT_RECEIVED_DAYS)
    )


def _clause(order: Order, items: Sequence[ItemTerms], now: datetime, *, open_request: bool) -> ReturnTerms:
    if open_request:
        without = replace(order, state=state_without_request(order))
        then = _clause(without, items, now, open_request=False)
        return _terms("already_open", reasons=then.reasons, deadline=then.deadline)
    refused = {
        OrderState.UNPAID: "not_paid",
        OrderState.CANCELLED: "order_closed",
        OrderState.REFUNDING: "already_refunding",
        OrderState.REFUNDED: "already_refunded",
    }.get(order.state)
    if refused:
        return _terms(refused)
    if order.state is OrderState.PAID:
        return _terms("refund_before_dispatch", (AfterSaleKind.REFUND,), _BEFORE_DISPATCH_REASONS)
    if order.state in {OrderState.SHIPPED, OrderState.EXCEPTION}:
        late = order.shipment is not None and now > order.shipment.promised_by
        rule = "refund_late" if late else "refuse_in_transit"
        return _terms(rule, (AfterSaleKind.REFUND,), _IN_TRANSIT_REASONS)
    if order.shipment is None or order.shipment.delivered_at is None:
        return _terms("too_late")
    return _delivered_terms(order.shipment.delivered_at, items, now)


def _delivered_terms(delivered: datetime, items: Sequence[ItemTerms], now: datetime) -> ReturnTerms:
    back = (AfterSaleKind.RETURN, AfterSaleKind.EXCHANGE)
    clauses: list[ReturnTerms] = []
    if any(item.fresh for item in items):
        until = delivered + timedelta(hours=FRESH_HOURS)
        clauses.append(_terms("fresh_48_hours", (AfterSaleKind.REFUND,), QUALITY_REASONS, until))
    else:
        quality_until = end_of_day(delivered, QUALITY_DAYS)
        if any(item.custom_made for item in items):
            clauses.append(_terms("custom_made", back, QUALITY_REASONS, quality_until))
        elif any(item.returnable_days <= 0 for item in items):
            clauses.append(_terms("not_resalable", back, QUALITY_REASONS, quality_until))
        else:
            days = min((item.returnable_days for item in items), default=0)
            clauses.append(_terms("seven_days", back, _AT_HOME_REASONS, end_of_day(delivered, days)))
            clauses.append(_terms("quality_fifteen_days", back, QUALITY_REASONS, quality_until))
        months = min((item.warranty_months for item in items), default=0)
        if months > 0:
            until = end_of_day(add_months(delivered, months), 0)
            clauses.append(_terms("warranty", (AfterSaleKind.EXCHANGE,), QUALITY_REASONS, until))
    for clause in clauses:
        if clause.deadline is not None and now <= clause.deadline:
            return clause
    last = max((clause.deadline for clause in clauses if clause.deadline), default=None)
    return _terms("too_late", deadline=last)


def _terms(
    rule: str,
    kinds: tuple[AfterSaleKind, ...] = (),
    reasons: tuple[str, ...] = (),
    deadline: datetime | None = None,
) -> ReturnTerms:
    return ReturnTerms(
        allowed=bool(kinds),
        rule=rule,
        deadline=deadline,
        review_hours=REVIEW_HOURS,
        check_hours=CHECK_HOURS,
        refund_days=REFUND_DAYS,
        kinds=kinds,
        reasons=reasons,
    )


def check_request(order: Order, terms: ReturnTerms, kind: AfterSaleKind, reason: str, now: datetime) -> Fault:
    """Judge a request by the terms and say who pays for sending back.

    A delivered parcel that nobody received may be refunded within seven days whatever the terms say of
    goods at home: there is nothing to send back.

    Raises:
        RuleError: the terms allow nothing, or not this kind or reason.
    """
    if reason not in RETURN_REASONS:
        raise RuleError("unknown_reason", reason)
    if reason == "not_received" and order.state is OrderState.DELIVERED and terms.rule != "already_open":
        if kind is not AfterSaleKind.REFUND:
            raise RuleError("kind_not_offered")
        if not may_say_not_received(order, terms, now):
            raise RuleError("too_late")
        return RETURN_REASONS[reason]
    if not terms.allowed:
        raise RuleError(terms.rule)
    if kind not in terms.kinds:
        raise RuleError("kind_not_offered")
    if reason not in terms.reasons:
        raise RuleError("reason_not_accepted", reason)
    return RETURN_REASONS[reason]


def refund_amount(order: Order, kind: AfterSaleKind, fault: Fault) -> Decimal:
    """Return what goes back to the shopper.

    All of it until delivery (refusing is free) and where the shop is at fault; without the freight where a
    shopper sends goods back by choice; nothing for an exchange or a repair.
    """
    if kind in (AfterSaleKind.EXCHANGE, AfterSaleKind.REPAIR):
        return Decimal("0.00")
    if order.state is OrderState.DELIVERED and fault is Fault.SHOPPER:
        return max(order.total - order.freight, Decimal("0.00"))
    return order.total


def end_of_day(moment: datetime, days: int) -> datetime:
    """Return 23:59:59 (shop's time) of the day `days` after that of `moment`."""
    day = moment.astimezone(SHANGHAI).date() + timedelta(days=days)
    return datetime.combine(day, time(23, 59, 59), SHANGHAI)


def add_months(moment: datetime, months: int) -> datetime:
    """Return the same day `months` later, or the last day of a shorter month."""
    index = moment.year * 12 + moment.month - 1 + months
    year, month = divmod(index, 12)
    last = (date(year + (month == 11), (month + 1) % 12 + 1, 1) - timedelta(days=1)).day
    return moment.replace(year=year, month=month + 1, day=min(moment.day, last))
