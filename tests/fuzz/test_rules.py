"""The shop's rules hold for orders that no table thought of; none of them is told how a shopper speaks."""

from __future__ import annotations

import inspect
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actions.shop import rules, service_rules, slot_rules
from actions.shop.columns import SHANGHAI
from actions.shop.errors import RuleError
from actions.shop.models import RETURN_REASONS, Address, AfterSaleKind, Fault, Order, OrderState, Shipment
from actions.shop.rules import ItemTerms
from tests.fuzz.pace import MESSY, pace

NOW = datetime(2026, 11, 22, 12, tzinfo=SHANGHAI)
ADDRESS = Address("a1", "林静", "13900001234", "浙江省", "杭州市", "西湖区", "新桥路 1 号")
MONEY = st.decimals(Decimal(0), Decimal(100_000), places=2)
_DAY = datetime(2024, 1, 1, tzinfo=SHANGHAI)
MOMENTS = st.integers(0, 4 * 365 * 86_400).map(lambda seconds: _DAY + timedelta(seconds=seconds))
ITEMS = st.lists(
    st.builds(
        ItemTerms,
        returnable_days=st.integers(-1, 60),
        warranty_months=st.integers(0, 60),
        fresh=st.booleans(),
        custom_made=st.booleans(),
    ),
    max_size=4,
)


@st.composite
def orders(draw: st.DrawFn) -> Order:
    goods, freight = draw(MONEY), draw(MONEY)
    discount = draw(st.decimals(Decimal(0), goods, places=2))
    placed = draw(MOMENTS)
    shipped = placed + timedelta(hours=draw(st.integers(0, 200)))
    delivered = draw(st.one_of(st.none(), st.integers(0, 500).map(lambda h: shipped + timedelta(hours=h))))
    shipment = draw(
        st.one_of(
            st.none(),
            st.just(Shipment("迅达快递", "ZX1", shipped, shipped, shipped, delivered, None, ())),
        )
    )
    return Order(
        order_number="202611170001", customer_id="u1", state=draw(st.sampled_from(OrderState)),
        placed_at=placed,
        paid_at=placed, cancelled_at=None, ship_by=None, items=(), goods_total=goods, freight=freight,
        discount=discount, total=goods + freight - discount, payment_method="支付宝", express=False,
        address=ADDRESS, shipment=shipment, urged_at=draw(st.one_of(st.none(), MOMENTS)),
    )  # fmt: skip


@pace(200)
@given(order=orders(), items=ITEMS, now=MOMENTS, open_request=st.booleans())
def test_return_terms(order: Order, items: list[ItemTerms], now: datetime, open_request: bool) -> None:
    terms = rules.return_terms(order, items, now, open_request=open_request)
    assert terms.allowed is bool(terms.kinds)
    # With a request open they are what would hold without it.
    assert terms.allowed is bool(terms.reasons) or terms.rule == "already_open"
    assert terms.rule in rules.RULES and set(terms.reasons) <= set(RETURN_REASONS)
    if terms.allowed and terms.deadline is not None:
        assert now <= terms.deadline
    for refund in terms.refunds:
        assert Decimal(0) <= refund.amount <= order.total
    # What the terms say and what a request is judged by is the same.
    for kind in AfterSaleKind:
        for reason in RETURN_REASONS:
            try:
                fault = rules.check_request(order, terms, kind, reason, now)
            except RuleError as error:
                assert error.rule in rules.RULES
                assert not (kind in terms.kinds and reason in terms.reasons) or reason == "not_received"
            else:
                assert fault is RETURN_REASONS[reason]
                assert (kind, fault) in {(r.kind, r.fault) for r in terms.refunds}


@pace(150)
@given(order=orders(), items=ITEMS, now=MOMENTS, later=st.integers(0, 10_000))
def test_what_has_passed_does_not_come_back(
    order: Order, items: list[ItemTerms], now: datetime, later: int
) -> None:
    before = rules.return_terms(order, items, now, open_request=False)
    after = rules.return_terms(order, items, now + timedelta(hours=later), open_request=False)
    assert before.allowed or not after.allowed
    if order.state is OrderState.DELIVERED and after.allowed:
        assert set(after.kinds) <= set(before.kinds)
        assert set(after.reasons) <= set(before.reasons)


@pace(100)
@given(order=orders(), items=ITEMS, now=MOMENTS, stricter=ITEMS)
def test_a_further_item_makes_nothing_easier(
    order: Order, items: list[ItemTerms], now: datetime, stricter: list[ItemTerms]
) -> None:
    """Where all are of the same sort: the shortest time counts."""
    plain = [replace(item, fresh=False, custom_made=False) for item in [*items, *stricter]]
    few = [item for item in plain[: len(items)] if item.returnable_days > 0]
    many = [item for item in plain if item.returnable_days > 0]
    one = rules.return_terms(order, few, now, open_request=False)
    other = rules.return_terms(order, many, now, open_request=False)
    if few and order.state is OrderState.DELIVERED:
        assert one.allowed or not other.allowed


@pace(120)
@given(order=orders(), kind=st.sampled_from(AfterSaleKind), fault=st.sampled_from(Fault))
def test_never_more_than_was_paid(order: Order, kind: AfterSaleKind, fault: Fault) -> None:
    amount = rules.refund_amount(order, kind, fault)
    assert Decimal(0) <= amount <= order.total and amount == amount.quantize(Decimal("0.01"))
    assert rules.refund_amount(order, kind, Fault.SHOPPER) <= rules.refund_amount(order, kind, Fault.SHOP)


@pace(100)
@given(order=orders(), now=MOMENTS, part=MESSY)
def test_writes_are_allowed_or_refused_by_a_rule(order: Order, now: datetime, part: str) -> None:
    address = replace(ADDRESS, street=part)
    for check in (
        lambda: rules.cancelled_state(order),
        lambda: rules.check_urge(order, now),
        lambda: rules.check_address_change(order, address),
    ):
        try:
            check()
        except RuleError as error:
            assert error.rule in rules.RULES
    if order.state is OrderState.PAID and not part.strip():
        with pytest.raises(RuleError):
            rules.check_address_change(order, address)


@pace(120)
@given(moment=MOMENTS, months=st.integers(0, 120), days=st.integers(0, 400))
def test_days_and_months(moment: datetime, months: int, days: int) -> None:
    later = rules.add_months(moment, months)
    assert later >= moment and later.day <= moment.day
    assert later <= rules.add_months(moment, months + 1)
    end = rules.end_of_day(moment, days)
    assert end >= moment.replace(microsecond=0) and (end.hour, end.minute, end.second) == (23, 59, 59)
    assert rules.end_of_day(moment, days + 1) - end == timedelta(days=1)


STYLE = ("style", "temperament", "mood", "belief", "reading", "personalisation", "signals", "text", "words")


@pytest.mark.parametrize("module", [rules, service_rules, slot_rules])
def test_no_rule_is_told_how_somebody_speaks(module: object) -> None:
    """Neither by an argument nor by an import: who is served how has no part in what is allowed."""
    found = [f for _, f in inspect.getmembers(module, inspect.isfunction)]
    assert found
    for function in found:
        for name, parameter in inspect.signature(function).parameters.items():
            told = f"{name} {parameter.annotation}".lower()
            assert not any(word in told for word in STYLE), f"{function.__qualname__}({name})"
    source = inspect.getsource(module)  # type: ignore[arg-type]
    assert "persona" not in source and "temperament" not in source
