"""The rules of the services around an order, from tables and from invented orders."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actions.shop import service_rules as rules
from actions.shop import slot_rules
from actions.shop.errors import RuleError
from actions.shop.models import RETURN_REASONS, AfterSaleKind, Fault, MemberLevel, OrderState
from actions.shop.rules import ItemTerms, refund_amount, return_terms
from actions.shop.service_models import (
    Invoice,
    InvoiceKind,
    InvoiceState,
    InvoiceTerms,
    InvoiceTitle,
    PaymentOutcome,
    Promotion,
    PromotionKind,
)
from tests.shop.orders import moment, order_of
from tests.support.shop import NOW

CLOSED = (OrderState.CANCELLED, OrderState.REFUNDED, OrderState.REFUNDING)


# -- promotions


PROMOTION = Promotion(
    "m1", "满减", PromotionKind.COUPON, "all", (), NOW - timedelta(days=1), NOW + timedelta(days=1),
    Decimal(99), Decimal(10), None, None, with_coupons=True, level=MemberLevel.GOLD,
)  # fmt: skip


@pytest.mark.parametrize(
    ("scope", "products", "holds"),
    [
        ("all", (), True),
        ("phone", (), True),
        ("food", (), False),
        ("phone", ("p1",), True),
        ("phone", ("p2",), False),
        ("food", ("p1",), True),  # the products named decide
    ],
)
def test_a_promotion_holds_for_what_it_names(scope: str, products: tuple[str, ...], holds: bool) -> None:
    assert rules.holds_for(replace(PROMOTION, scope=scope, product_ids=products), "p1", "phone") is holds


@pytest.mark.parametrize(
    ("change", "level", "at", "claimed", "rule"),
    [
        ({}, MemberLevel.GOLD, NOW, False, None),
        ({}, MemberLevel.DIAMOND, NOW, False, None),
        ({}, MemberLevel.SILVER, NOW, False, "level_too_low"),
        ({"level": None}, MemberLevel.ORDINARY, NOW, False, None),
        ({}, MemberLevel.GOLD, NOW, True, "claimed"),
        ({}, MemberLevel.GOLD, PROMOTION.starts_at, False, None),
        ({}, MemberLevel.GOLD, PROMOTION.starts_at - timedelta(seconds=1), False, "not_running"),
        ({}, MemberLevel.GOLD, PROMOTION.ends_at, False, "not_running"),
        ({"kind": PromotionKind.REDUCTION}, MemberLevel.GOLD, NOW, False, "not_running"),
    ],
)
def test_who_may_claim_a_coupon(
    change: dict[str, Any], level: MemberLevel, at: datetime, claimed: bool, rule: str | None
) -> None:
    promotion = replace(PROMOTION, **change)
    if rule is None:
        rules.check_claim(promotion, level, at, claimed=claimed)
        return
    with pytest.raises(RuleError) as refused:
        rules.check_claim(promotion, level, at, claimed=claimed)
    assert refused.value.rule == rule


# -- invoices


INVOICE = Invoice(
    "202611170001", InvoiceKind.ELECTRONIC, InvoiceState.ISSUED, InvoiceTitle("林静"), Decimal(103),
    NOW, NOW, NOW, "26332000000000000001",
)  # fmt: skip


@pytest.mark.parametrize(
    ("state", "current", "rule"),
    [
        (OrderState.UNPAID, None, "not_paid"),
        (OrderState.PAID, None, "can_request"),
        (OrderState.SHIPPED, None, "can_request"),
        (OrderState.EXCEPTION, None, "can_request"),
        (OrderState.DELIVERED, None, "can_request"),
        (OrderState.DELIVERED, INVOICE, "can_change"),
        (OrderState.DELIVERED, replace(INVOICE, state=InvoiceState.REQUESTED), "can_change"),
        (OrderState.DELIVERED, replace(INVOICE, state=InvoiceState.REVERSED), "can_request"),
        *((state, None, "order_closed") for state in CLOSED),
        *((state, INVOICE, "order_closed") for state in CLOSED),
    ],
)
def test_invoice_terms_by_state(state: OrderState, current: Invoice | None, rule: str) -> None:
    terms = rules.invoice_terms(order_of(state), ["phone"], Decimal(0), current, NOW)
    assert (terms.rule, terms.allowed, terms.current) == (rule, rule.startswith("can_"), current)
    assert bool(terms.kinds) == terms.allowed


def test_an_invoice_can_be_had_for_a_year_from_payment() -> None:
    order = order_of(OrderState.DELIVERED, paid=moment("2025-11-20 09:00"))
    last = moment("2026-11-20 23:59:59")
    assert rules.invoice_terms(order, [], Decimal(0), None, last).deadline == last
    assert rules.invoice_terms(order, [], Decimal(0), None, last).rule == "can_request"
    over = rules.invoice_terms(order, [], Decimal(0), INVOICE, last + timedelta(seconds=1))
    assert (over.rule, over.allowed) == ("too_late", False)
    leap = order_of(OrderState.DELIVERED, paid=moment("2024-02-29 09:00"))
    assert rules.invoice_terms(leap, [], Decimal(0), None, NOW).deadline == moment("2025-02-28 23:59:59")


@pytest.mark.parametrize(
    ("categories", "special"),
    [(["phone"], True), (["appliance", "baby"], True), (["phone", "food"], False), (["clothing"], False)],
)
def test_no_special_invoice_for_what_people_eat_and_wear(categories: list[str], special: bool) -> None:
    terms = rules.invoice_terms(order_of(OrderState.PAID), categories, Decimal(0), None, NOW)
    assert (InvoiceKind.SPECIAL in terms.kinds) is special
    assert {InvoiceKind.ELECTRONIC, InvoiceKind.PAPER} <= set(terms.kinds)


def test_what_went_back_is_not_invoiced() -> None:
    order = order_of(OrderState.DELIVERED)
    assert rules.invoice_terms(order, [], Decimal("3.50"), None, NOW).amount == Decimal("99.50")
    assert rules.invoice_terms(order, [], Decimal(500), None, NOW).amount == Decimal(0)


def _terms(*kinds: InvoiceKind) -> InvoiceTerms:
    return InvoiceTerms(True, "can_request", kinds, Decimal(103), 24, NOW, None)


TAX = "91330106MA2CABCD1X"


@pytest.mark.parametrize(
    ("kind", "title", "problem"),
    [
        (InvoiceKind.ELECTRONIC, InvoiceTitle("林静"), None),
        (InvoiceKind.ELECTRONIC, InvoiceTitle("云汀纺织有限公司", TAX, "a.b@c.example"), None),
        (InvoiceKind.ELECTRONIC, InvoiceTitle("云汀纺织有限公司", " 91330106ma2cabcd1x "), None),
        (InvoiceKind.SPECIAL, InvoiceTitle("云汀纺织有限公司", TAX), None),
        (InvoiceKind.SPECIAL, InvoiceTitle("云汀纺织有限公司"), "title_incomplete: tax_number"),
        (InvoiceKind.SPECIAL, InvoiceTitle("云汀纺织有限公司", "  "), "title_incomplete: tax_number"),
        (InvoiceKind.ELECTRONIC, InvoiceTitle("云汀", "123"), "title_incomplete: tax_number"),
        (
            InvoiceKind.ELECTRONIC,
            InvoiceTitle("云汀", "９１３３０１０６ＭＡ２ＣＡＢＣＤ１Ｘ"),
            "title_incomplete: tax_number",
        ),
        (InvoiceKind.ELECTRONIC, InvoiceTitle(" "), "title_incomplete: name"),
        (InvoiceKind.ELECTRONIC, InvoiceTitle("林" * 101), "title_incomplete: name"),
        (InvoiceKind.ELECTRONIC, InvoiceTitle("林\0静"), "title_incomplete: name"),
        (InvoiceKind.ELECTRONIC, InvoiceTitle("林静", None, "no address"), "title_incomplete: email"),
        (InvoiceKind.ELECTRONIC, InvoiceTitle("林静", None, "a@b"), "title_incomplete: email"),
        (
            InvoiceKind.ELECTRONIC,
            InvoiceTitle("林静", None, "a@b.c\r\nBcc: x@y.z"),
            "title_incomplete: email",
        ),
        (InvoiceKind.PAPER, InvoiceTitle("林静"), "kind_not_offered: paper"),
    ],
)
def test_titles(kind: InvoiceKind, title: InvoiceTitle, problem: str | None) -> None:
    terms = _terms(InvoiceKind.ELECTRONIC, InvoiceKind.SPECIAL)
    cleaned = rules.clean_title(title)
    assert rules.clean_title(cleaned) == cleaned
    if problem is None:
        rules.check_invoice(terms, kind, cleaned)
        return
    with pytest.raises(RuleError, match=re.escape(problem)) as refused:
        rules.check_invoice(terms, kind, cleaned)
    assert title.name not in str(refused.value) or not title.name.strip()


def test_a_refused_invoice_says_the_terms_rule() -> None:
    terms = replace(_terms(InvoiceKind.ELECTRONIC), allowed=False, rule="too_late")
    with pytest.raises(RuleError, match=r"^too_late$"):
        rules.check_invoice(terms, InvoiceKind.ELECTRONIC, InvoiceTitle("林静"))


def test_promises_of_issue() -> None:
    assert rules.issue_by(InvoiceKind.ELECTRONIC, NOW) == NOW + timedelta(hours=24)
    assert rules.issue_by(InvoiceKind.PAPER, NOW) == rules.issue_by(InvoiceKind.SPECIAL, NOW)
    assert rules.issue_by(InvoiceKind.PAPER, NOW) > NOW + timedelta(hours=24)


# -- price protection


PAID = moment("2026-11-10 20:00")
LINE = rules.PricedLine(0, "p1", "针织衫", 2, Decimal("199.00"), Decimal("179.00"), "clothing", fresh=False)
DELIVERED = order_of(OrderState.DELIVERED, paid=PAID)


@pytest.mark.parametrize(
    ("category", "fresh", "days"),
    [
        ("phone", False, 7),
        ("appliance", False, 7),
        ("clothing", False, 15),
        ("food", False, 15),
        ("food", True, 0),
    ],
)
def test_days_by_category(category: str, fresh: bool, days: int) -> None:
    assert rules.protected_days(category, fresh=fresh) == days
    order = order_of(OrderState.PAID, paid=PAID)
    line = replace(LINE, category=category, fresh=fresh)
    found = rules.price_protection(order, [line], Decimal(0), PAID)
    if not days:
        assert (found.rule, found.deadline, found.amount) == ("not_covered", None, Decimal(0))
        return
    assert found.deadline is not None
    assert found.deadline.date() == PAID.date() + timedelta(days=days)
    assert rules.price_protection(order, [line], Decimal(0), found.deadline).rule == "price_dropped"
    late = rules.price_protection(order, [line], Decimal(0), found.deadline + timedelta(seconds=1))
    assert (late.rule, late.drops, late.amount, late.days) == ("too_late", (), Decimal(0), days)


@pytest.mark.parametrize(
    ("state", "rule"),
    [
        (OrderState.UNPAID, "not_paid"),
        (OrderState.PAID, "price_dropped"),
        (OrderState.SHIPPED, "price_dropped"),
        (OrderState.EXCEPTION, "price_dropped"),
        (OrderState.DELIVERED, "price_dropped"),
        *((state, "order_closed") for state in CLOSED),
    ],
)
def test_price_protection_by_state(state: OrderState, rule: str) -> None:
    found = rules.price_protection(order_of(state, paid=PAID), [LINE], Decimal(0), NOW)
    assert (found.rule, found.allowed) == (rule, rule == "price_dropped")
    assert found.amount == (Decimal("40.00") if found.allowed else 0)


@pytest.mark.parametrize(
    ("change", "rule", "paid", "amount"),
    [
        ({}, "price_dropped", Decimal("199.00"), Decimal("40.00")),
        ({"now": Decimal("199.00")}, "no_drop", None, 0),
        ({"now": Decimal("229.00")}, "no_drop", None, 0),
        ({"now": None}, "no_drop", None, 0),
        ({"evened_to": Decimal("179.00")}, "claimed", None, 0),
        ({"evened_to": Decimal("179.00"), "now": Decimal("189.00")}, "claimed", None, 0),  # risen again
        (
            {"evened_to": Decimal("189.00")},
            "price_dropped",
            Decimal("189.00"),
            Decimal("20.00"),
        ),  # a second fall
    ],
)
def test_falls_that_count(
    change: dict[str, Any], rule: str, paid: Decimal | None, amount: Decimal | int
) -> None:
    found = rules.price_protection(DELIVERED, [replace(LINE, **change)], Decimal("7.00"), NOW)
    assert (found.rule, found.amount, found.claimed) == (rule, amount, Decimal("7.00"))
    assert [drop.paid for drop in found.drops] == ([] if paid is None else [paid])


def test_each_line_has_its_own_days() -> None:
    phone = replace(LINE, line=1, product_id="p2", category="phone")
    found = rules.price_protection(DELIVERED, [LINE, phone], Decimal(0), NOW)  # ten days after payment
    assert (found.days, [drop.product_id for drop in found.drops]) == (15, ["p1"])
    early = rules.price_protection(DELIVERED, [LINE, phone], Decimal(0), PAID)
    assert (len(early.drops), early.amount) == (2, Decimal("80.00"))


PRICES = st.integers(min_value=1, max_value=1_000_000).map(lambda fen: Decimal(fen) / 100)


@given(st.lists(PRICES, min_size=1, max_size=8), PRICES, st.integers(min_value=1, max_value=9))
def test_however_often_it_is_claimed_no_more_comes_back_than_the_deepest_fall(
    prices: list[Decimal], paid: Decimal, quantity: int
) -> None:
    line, total = replace(LINE, paid=paid, quantity=quantity), Decimal(0)
    for price in prices:
        found = rules.price_protection(DELIVERED, [replace(line, now=price)], total, NOW)
        assert found.amount == sum(d.difference for d in found.drops)
        assert all(d.difference == (d.paid - d.now) * d.quantity > 0 for d in found.drops)
        if found.allowed:
            total += found.amount
            line = replace(line, evened_to=price)
    assert total == max(paid - min(prices), Decimal(0)) * quantity


# -- warranty


@pytest.mark.parametrize(
    ("state", "months", "category", "now", "rule", "paid_repair"),
    [
        (OrderState.DELIVERED, 12, "phone", "2026-11-20 23:59:59", "covered", False),
        (OrderState.DELIVERED, 12, "phone", "2026-11-21 00:00:00", "expired", True),
        (OrderState.DELIVERED, 12, "clothing", "2026-11-21 00:00:00", "expired", False),
        (OrderState.DELIVERED, 0, "clothing", "2025-11-21 00:00:00", "no_warranty", False),
        (OrderState.DELIVERED, 0, "appliance", "2025-11-21 00:00:00", "no_warranty", True),
        (OrderState.REFUNDING, 12, "phone", "2025-12-01 00:00:00", "covered", False),
        (OrderState.REFUNDED, 12, "phone", "2025-12-01 00:00:00", "not_delivered", False),
    ],
)
def test_warranty(
    state: OrderState, months: int, category: str, now: str, rule: str, paid_repair: bool
) -> None:
    order = order_of(state, delivered=moment("2025-11-20 18:00"))
    line = rules.GuaranteedLine("p1", "降噪耳机", category, months, "保修")
    found = rules.warranty(order, line, moment(now))
    assert (found.rule, found.covered, found.paid_repair) == (rule, rule == "covered", paid_repair)
    if rule in ("covered", "expired"):
        assert found.until == moment("2026-11-20 23:59:59")
    else:
        assert found.until is None


@pytest.mark.parametrize(
    "state", [OrderState.UNPAID, OrderState.PAID, OrderState.SHIPPED, OrderState.CANCELLED]
)
def test_no_warranty_before_delivery(state: OrderState) -> None:
    line = rules.GuaranteedLine("p1", "降噪耳机", "phone", 12, "保修")
    assert rules.warranty(order_of(state), line, NOW).rule == "not_delivered"


def test_repairs() -> None:
    order = order_of(OrderState.DELIVERED, delivered=NOW - timedelta(days=40))
    phone = rules.GuaranteedLine("p1", "降噪耳机", "phone", 12, "保修")
    covered = rules.warranty(order, phone, NOW)
    assert rules.check_repair(covered, open_request=False) == "broken"
    old = rules.warranty(order, replace(phone, months=1), NOW)
    assert rules.check_repair(old, open_request=False) == "worn"
    shirt = rules.warranty(order, replace(phone, category="clothing", months=0), NOW)
    there = rules.warranty(order_of(OrderState.SHIPPED), phone, NOW)
    for found, asked, rule in (
        (covered, True, "already_open"),
        (shirt, False, "no_repair"),
        (there, False, "not_delivered"),
    ):
        with pytest.raises(RuleError) as refused:
            rules.check_repair(found, open_request=asked)
        assert refused.value.rule == rule
    for fault in Fault:
        assert refund_amount(order, AfterSaleKind.REPAIR, fault) == 0


# -- refunds of the return terms


NORMAL = ItemTerms(returnable_days=7, warranty_months=12, fresh=False, custom_made=False)
FRESH = ItemTerms(returnable_days=0, warranty_months=0, fresh=True, custom_made=False)


@pytest.mark.parametrize("state", list(OrderState))
@pytest.mark.parametrize("item", [NORMAL, FRESH])
@pytest.mark.parametrize("days", [1, 5, 9, 20, 500])
def test_terms_name_the_refund_of_everything_that_can_be_asked_for(
    state: OrderState, item: ItemTerms, days: int
) -> None:
    order = order_of(state, delivered=NOW - timedelta(days=days) if state is OrderState.DELIVERED else None)
    terms = return_terms(order, [item], NOW, open_request=False)
    faults = {RETURN_REASONS[reason] for reason in terms.reasons}
    for kind in terms.kinds:
        for fault in faults:
            assert terms.refund(kind, fault) == refund_amount(order, kind, fault)
    never_came = state is OrderState.DELIVERED and days <= 7
    named = {(refund.kind, refund.fault) for refund in terms.refunds}
    assert ((AfterSaleKind.REFUND, Fault.SHOP) in named) == (
        never_came or (AfterSaleKind.REFUND in terms.kinds and Fault.SHOP in faults)
    )
    assert len(named) == len(terms.refunds)
    assert return_terms(order, [item], NOW, open_request=True).refunds == ()


# -- payment and stock


@pytest.mark.parametrize(
    ("outcome", "minutes", "expected"),
    [
        (PaymentOutcome.PENDING, rules.CONFIRM_MINUTES - 1, PaymentOutcome.PENDING),
        (PaymentOutcome.PENDING, rules.CONFIRM_MINUTES, PaymentOutcome.RETURNED),
        (PaymentOutcome.FAILED, 10**6, PaymentOutcome.FAILED),
        (PaymentOutcome.SUCCEEDED, 10**6, PaymentOutcome.SUCCEEDED),
    ],
)
def test_a_payment_that_nobody_confirms_goes_back(
    outcome: PaymentOutcome, minutes: int, expected: PaymentOutcome
) -> None:
    found, return_by = rules.effective_outcome(outcome, NOW, None, NOW + timedelta(minutes=minutes))
    assert found is expected
    assert (return_by is not None) == (expected is PaymentOutcome.RETURNED)


def test_a_date_that_has_passed_is_no_expectation() -> None:
    today = NOW.date()
    past, next_week = today - timedelta(days=1), today + timedelta(days=7)
    assert rules.expected_stock([None, past], NOW) is None
    assert rules.expected_stock([next_week, None, past], NOW) == next_week
    assert rules.expected_stock([next_week, today], NOW) == date(2026, 11, 20)


def test_every_code_that_is_used_is_listed() -> None:
    source = "".join(Path(str(m.__file__)).read_text(encoding="utf-8") for m in (rules, slot_rules))
    used = set(re.findall(r'RuleError\("(\w+)"', source)) | set(re.findall(r'rule = "(\w+)"', source))
    assert used
    assert used <= set(rules.SERVICE_RULES)
