"""The codec alone: whatever a dataclass holds comes back, and whatever JSON holds is read or refused."""

from __future__ import annotations

from dataclasses import fields
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actions.shop.contract.document import operations
from actions.shop.errors import ShopGarbledError
from actions.shop.http_operations import OPERATIONS
from actions.shop.http_wire import SCORES, SHANGHAI, decode, dumps, encode, loads, moment
from actions.shop.models import Address, Coupon, Customer, Order, Product

KINDS = [operation.answer for operation in OPERATIONS.values()]
_TEXT = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=6)
_BEGIN = datetime(2026, 11, 20, 14, 30, tzinfo=SHANGHAI)
_PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    str: _TEXT,
    bool: st.booleans(),
    int: st.integers(-(2**53), 2**53),
    float: st.floats(0, 1),
    Decimal: st.integers(0, 10**9).map(lambda cents: Decimal(cents) / 100),
    date: st.dates(),
    datetime: st.integers(-(10**15), 10**15).map(lambda micros: _BEGIN + timedelta(microseconds=micros)),
}


def values(kind: Any) -> st.SearchStrategy[Any]:
    """Return small values of a type."""
    if kind in _PLAIN:
        return _PLAIN[kind]
    parts = get_args(kind)
    if get_origin(kind) in (Union, UnionType):
        return st.none() | values(next(part for part in parts if part is not type(None)))
    if get_origin(kind) is tuple:
        if parts[1:] == (Ellipsis,):
            return st.lists(values(parts[0]), max_size=1).map(tuple)
        return st.tuples(*map(values, parts))
    if issubclass(kind, Enum):
        return st.sampled_from(kind)
    hints = get_type_hints(kind)
    scored = {field.name: Decimal("4.8") for field in fields(kind) if (kind, field.name) in SCORES}
    return st.builds(
        kind, **{name: st.just(scored[name]) if name in scored else values(hints[name]) for name in hints}
    )


@pytest.mark.parametrize("kind", KINDS, ids=list(OPERATIONS))
def test_whatever_a_dataclass_holds_comes_back(kind: Any) -> None:
    @settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
    @given(values(kind))
    def check(value: Any) -> None:
        assert decode(kind, loads(dumps(value))) == value

    check()


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(KINDS), _JSON)
def test_whatever_json_holds_is_read_or_refused(kind: Any, value: Any) -> None:
    try:
        found = decode(kind, value)
    except ShopGarbledError:
        return
    assert decode(kind, encode(found)) == found


@pytest.mark.parametrize(
    "amount", [89, 89.0, "89.005", "-1.00", "1e5", "NaN", "８９.00", " 89.00", "", None, True]
)
def test_what_is_no_money_is_refused(amount: object) -> None:
    coupon = {"coupon_id": "c", "amount": amount, "minimum": "1.00", "scope": "all"}
    with pytest.raises(ShopGarbledError) as caught:
        decode(Coupon, {**coupon, "valid_until": "2026-11-20T14:30:00Z"})
    assert caught.value.path == "amount"


def test_a_whole_number_may_have_a_point() -> None:
    found = decode(int, 5.0)
    assert found == 5 and type(found) is int
    for number in (5.5, 2.0**60, float("inf"), True, "5"):
        with pytest.raises(ShopGarbledError):
            decode(int, number)


@pytest.mark.parametrize(("text", "value"), [("89", "89.00"), ("89.5", "89.50"), ("0.05", "0.05")])
def test_money_with_fewer_places_is_read_and_put_right(text: str, value: str) -> None:
    assert str(decode(Decimal, text)) == value


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-20T14:30:00+08:00",
        "2026-11-20t06:30:00z",
        "2026-11-20T06:30:00.000Z",
        "2026-11-20T06:30:00.0000000Z",
        "2026-11-19T22:30:00-08:00",
    ],
)
def test_a_moment_of_any_offset_is_the_shops_time(text: str) -> None:
    found = moment(text)
    assert found.isoformat() == "2026-11-20T14:30:00+08:00"


@pytest.mark.parametrize(
    "text",
    [
        *("2026-11-20T14:30:00", "2026-11-20", "2026-11-20 14:30:00+08:00", "1763620200", "", 5, None),
        *("2026-11-20T14:30:00+0800", "2026-13-20T14:30:00Z", "2026-11-20T25:30:00Z"),
        "2026-11-20T14:30:00+99:00",
    ],
)
def test_what_is_no_moment_is_refused(text: object) -> None:
    with pytest.raises(ShopGarbledError):
        moment(text)


def test_scores_keep_their_places_and_money_gets_two() -> None:
    coupon = Coupon("c", Decimal("89"), Decimal("100.5"), "all", moment("2026-11-20T14:30:00Z"))
    assert (encode(coupon)["amount"], encode(coupon)["minimum"]) == ("89.00", "100.50")
    assert str(decode(Product, _product()).rating) == "4.8"
    assert encode(decode(Product, _product()))["rating"] == "4.8"


def _product() -> dict[str, Any]:
    examples = operations()["product"]["responses"]["200"]["content"]["application/json"]["examples"]
    value: dict[str, Any] = examples["usual"]["value"]
    return value


def test_an_address_may_lack_what_has_a_default() -> None:
    parts = dict.fromkeys(("address_id", "consignee", "phone", "province", "city", "district", "street"), "x")
    assert decode(Address, parts).is_default is False
    with pytest.raises(ShopGarbledError, match="is_default"):
        decode(Address, {**parts, "is_default": None})


def test_where_something_is_wrong_is_said_wholly() -> None:
    with pytest.raises(ShopGarbledError) as caught:
        decode(tuple[Order, ...], [{}], "items")
    assert caught.value.path == "items[0].order_number"
    with pytest.raises(ShopGarbledError) as caught:
        decode(Customer, {"customer_id": "u", "name": "n", "phone": "1", "level": "platinum"})
    assert caught.value.path == "level"
