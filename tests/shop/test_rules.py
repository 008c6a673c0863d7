"""The shop's rules, from tables."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from actions.shop import rules
from actions.shop.columns import SHANGHAI
from actions.shop.errors import RuleError
from actions.shop.models import RETURN_REASONS, Address, AfterSaleKind, Fault, Order, OrderState, Shipment
from actions.shop.rules import ItemTerms

NOW = datetime(2026, 11, 20, 14, 30, tzinfo=SHANGHAI)
ADDRESS = Address("a1", "林静", "13900001234", "浙江省", "杭州市", "西湖区", "新桥路 1 号")
NORMAL = ItemTerms(returnable_days=7, warranty_months=12, fresh=False, custom_made=False)
FRESH = ItemTerms(returnable_days=0, warranty_months=0, fresh=True, custom_made=False)
ENGRAVED = replace(NORMAL, custom_made=True)
HYGIENE = replace(NORMAL, returnable_days=0, warranty_months=0)

REFUND, RETURN, EXCHANGE = AfterSaleKind.REFUND, AfterSaleKind.RETURN, AfterSaleKind.EXCHANGE


def order(state: OrderState, *, delivered: datetime | None = None, promised: datetime | None = None) -> Order:
    shipment = None
    if state not in {OrderState.UNPAID, OrderState.PAID, OrderState.CANCELLED}:
        promised = promised or NOW + timedelta(days=1)
        placed = NOW - timedelta(days=3)
        shipment = Shipment("迅达快递", "ZX1", placed, promised, promised, delivered, None, ())
    return Order(
        order_number="202611170001", customer_id="u1", state=state, placed_at=NOW - timedelta(days=3),
        paid_at=None, cancelled_at=None, ship_by=None, items=(), goods_total=Decimal(100), freight=Decimal(8),
        discount=Decimal(5), total=Decimal(103), payment_method="支付宝", express=False, address=ADDRESS,
        shipment=shipment,
    )  # fmt: skip


def at(day: int, clock: str, month: str = "2026-11") -> datetime:
    return datetime.fromisoformat(f"{month}-{day:02d}T{clock}+08:00")


BACK = (RETURN, EXCHANGE)


@pytest.mark.parametrize(
    ("items", "delivered", "now", "rule", "deadline", "kinds"),
    [
        ([NORMAL], at(13, "10:00:00"), at(20, "23:59:59"), "seven_days", at(20, "23:59:59"), BACK),
        ([NORMAL], at(13, "23:59:00"), at(14, "00:01:00"), "seven_days", at(20, "23:59:59"), BACK),
        ([NORMAL], at(13, "10:00:00"), at(21, "00:00:00"), "quality_fifteen_days", at(28, "23:59:59"), BACK),
        (
            [NORMAL],
            at(1, "10:00:00"),
            at(17, "00:00:00"),
            "warranty",
            at(1, "23:59:59", "2027-11"),
            (EXCHANGE,),
        ),
        (
            [ENGRAVED],
            at(19, "10:00:00"),
            at(20, "10:00:00"),
            "custom_made",
            at(4, "23:59:59", "2026-12"),
            BACK,
        ),
        (
            [HYGIENE],
            at(19, "10:00:00"),
            at(20, "10:00:00"),
            "not_resalable",
            at(4, "23:59:59", "2026-12"),
            BACK,
        ),
        ([HYGIENE], at(1, "10:00:00"), at(20, "10:00:00"), "too_late", at(16, "23:59:59"), ()),
        ([FRESH], at(18, "15:00:00"), at(20, "14:59:00"), "fresh_48_hours", at(20, "15:00:00"), (REFUND,)),
        ([FRESH], at(18, "15:00:00"), at(20, "15:01:00"), "too_late", at(20, "15:00:00"), ()),
        (
            [NORMAL, FRESH],
            at(18, "15:00:00"),
            at(19, "15:00:00"),
            "fresh_48_hours",
            at(20, "15:00:00"),
            (REFUND,),
        ),
        (
            [NORMAL, ENGRAVED],
            at(19, "15:00:00"),
            at(19, "16:00:00"),
            "custom_made",
            at(4, "23:59:59", "2026-12"),
            BACK,
        ),
    ],
)
def test_terms_after_delivery(
    items: list[ItemTerms],
    delivered: datetime,
    now: datetime,
    rule: str,
    deadline: datetime,
    kinds: tuple[AfterSaleKind, ...],
) -> None:
    terms = rules.return_terms(
        order(OrderState.DELIVERED, delivered=delivered), items, now, open_request=False
    )
    assert (terms.rule, terms.deadline, terms.kinds) == (rule, deadline, kinds)
    assert terms.allowed is bool(kinds)


@pytest.mark.parametrize(
    ("state", "promised", "rule", "allowed"),
    [
        (OrderState.UNPAID, None, "not_paid", False),
        (OrderState.PAID, None, "refund_before_dispatch", True),
        (OrderState.SHIPPED, NOW + timedelta(hours=1), "refuse_in_transit", True),
        (OrderState.SHIPPED, NOW - timedelta(hours=1), "refund_late", True),
        (OrderState.EXCEPTION, NOW + timedelta(hours=1), "refuse_in_transit", True),
        (OrderState.REFUNDING, None, "already_refunding", False),
        (OrderState.REFUNDED, None, "already_refunded", False),
        (OrderState.CANCELLED, None, "order_closed", False),
    ],
)
def test_terms_before_delivery(
    state: OrderState, promised: datetime | None, rule: str, allowed: bool
) -> None:
    terms = rules.return_terms(order(state, promised=promised), [NORMAL], NOW, open_request=False)
    assert (terms.rule, terms.allowed, terms.kinds) == (rule, allowed, (REFUND,) if allowed else ())


def test_an_open_request_forbids_another() -> None:
    delivered = order(OrderState.DELIVERED, delivered=NOW - timedelta(days=1))
    terms = rules.return_terms(delivered, [NORMAL], NOW, open_request=True)
    assert (terms.allowed, terms.rule) == (False, "already_open")


@pytest.mark.parametrize(
    ("days", "items", "kind", "reason", "outcome"),
    [
        (1, [NORMAL], RETURN, "no_reason", Fault.SHOPPER),
        (1, [NORMAL], EXCHANGE, "wrong_size", Fault.SHOPPER),
        (1, [NORMAL], RETURN, "quality", Fault.SHOP),
        (1, [NORMAL], REFUND, "quality", "kind_not_offered"),
        (1, [NORMAL], RETURN, "changed_mind", "reason_not_accepted"),
        (1, [NORMAL], RETURN, "because", "unknown_reason"),
        (10, [NORMAL], RETURN, "no_reason", "reason_not_accepted"),
        (10, [NORMAL], RETURN, "not_as_described", Fault.SHOP),
        (20, [NORMAL], RETURN, "quality", "kind_not_offered"),
        (20, [NORMAL], EXCHANGE, "quality", Fault.SHOP),
        (20, [HYGIENE], EXCHANGE, "quality", "too_late"),
        (1, [ENGRAVED], RETURN, "no_reason", "reason_not_accepted"),
        (1, [FRESH], REFUND, "damaged", Fault.SHOP),
        (1, [FRESH], RETURN, "damaged", "kind_not_offered"),
        (6, [NORMAL], REFUND, "not_received", Fault.SHOP),
        (6, [FRESH], REFUND, "not_received", Fault.SHOP),
        (9, [NORMAL], REFUND, "not_received", "too_late"),
        (1, [NORMAL], RETURN, "not_received", "kind_not_offered"),
    ],
)
def test_requests_after_delivery(
    days: int, items: list[ItemTerms], kind: AfterSaleKind, reason: str, outcome: Fault | str
) -> None:
    delivered = order(OrderState.DELIVERED, delivered=NOW - timedelta(days=days))
    terms = rules.return_terms(delivered, items, NOW, open_request=False)
    if isinstance(outcome, Fault):
        assert rules.check_request(delivered, terms, kind, reason, NOW) is outcome
    else:
        with pytest.raises(RuleError) as refused:
            rules.check_request(delivered, terms, kind, reason, NOW)
        assert refused.value.rule == outcome


@pytest.mark.parametrize(
    ("state", "kind", "fault", "amount"),
    [
        (OrderState.PAID, REFUND, Fault.SHOPPER, 103),
        (OrderState.SHIPPED, REFUND, Fault.SHOPPER, 103),
        (OrderState.DELIVERED, RETURN, Fault.SHOPPER, 95),
        (OrderState.DELIVERED, RETURN, Fault.SHOP, 103),
        (OrderState.DELIVERED, EXCHANGE, Fault.SHOP, 0),
    ],
)
def test_what_goes_back(state: OrderState, kind: AfterSaleKind, fault: Fault, amount: int) -> None:
    assert rules.refund_amount(order(state), kind, fault) == amount


@pytest.mark.parametrize(
    ("state", "urge", "address"),
    [
        (OrderState.UNPAID, "not_paid", None),
        (OrderState.PAID, None, None),
        (OrderState.SHIPPED, None, "already_shipped"),
        (OrderState.EXCEPTION, None, "already_shipped"),
        (OrderState.DELIVERED, "already_delivered", "already_delivered"),
        (OrderState.REFUNDING, "order_closed", "already_refunding"),
        (OrderState.REFUNDED, "order_closed", "already_refunded"),
        (OrderState.CANCELLED, "order_closed", "order_closed"),
    ],
)
def test_urging_and_moving(state: OrderState, urge: str | None, address: str | None) -> None:
    for rule, check in (
        (urge, lambda: rules.check_urge(order(state), NOW)),
        (address, lambda: rules.check_address_change(order(state), ADDRESS)),
    ):
        if rule is None:
            check()
        else:
            with pytest.raises(RuleError) as refused:
                check()
            assert refused.value.rule == rule


def test_urging_again_waits_an_hour() -> None:
    urged = replace(order(OrderState.SHIPPED), urged_at=NOW)
    with pytest.raises(RuleError) as refused:
        rules.check_urge(urged, NOW + timedelta(minutes=59))
    assert refused.value.rule == "urged_recently"
    rules.check_urge(urged, NOW + timedelta(minutes=60))


@pytest.mark.parametrize(
    ("start", "months", "end"),
    [
        ("2026-01-31", 1, "2026-02-28"),
        ("2024-02-29", 12, "2025-02-28"),
        ("2026-11-20", 24, "2028-11-20"),
        ("2026-12-31", 2, "2027-02-28"),
        ("2026-10-31", 2, "2026-12-31"),
    ],
)
def test_months(start: str, months: int, end: str) -> None:
    moment = datetime.fromisoformat(f"{start}T10:00:00+08:00")
    assert rules.add_months(moment, months).date().isoformat() == end


#: Reasons of repairs, which no return terms name.
REPAIRS = {"broken", "worn"}


def test_every_reason_holds_somewhere_and_every_code_is_listed() -> None:
    stages = [
        rules.return_terms(order(OrderState.PAID), [NORMAL], NOW, open_request=False),
        rules.return_terms(order(OrderState.SHIPPED), [NORMAL], NOW, open_request=False),
        rules.return_terms(order(OrderState.DELIVERED, delivered=NOW), [NORMAL], NOW, open_request=False),
    ]
    assert {reason for terms in stages for reason in terms.reasons} | REPAIRS == set(RETURN_REASONS)
    assert {terms.rule for terms in stages} <= set(rules.RULES)
