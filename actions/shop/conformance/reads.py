"""Checks that change nothing: shapes, whose things are, limits, order, what is not there, who may ask."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from actions.shop.conformance.caller import Caller, Said
from actions.shop.conformance.policies import check_policies
from actions.shop.errors import ShopGarbledError
from actions.shop.http_operations import OPERATIONS, RecommendBody, SearchBody
from actions.shop.http_wire import moment

#: Ids that no shop gives.
NO_ORDER = "zhixin-no-such-order"
NO_CUSTOMER = "zhixin-no-such-customer"
NO_PRODUCT = "zhixin-no-such-product"

_SERVICES = ("invoice_terms", "price_protection", "warranties", "delivery_slots", "payment")
_LARGEST_SKEW = timedelta(minutes=5)


@dataclass
class Subjects:
    """What the checks are made with.

    Attributes:
        customer_id: a customer of the shop, "" if unknown.
        order_numbers: orders of that customer.
        product_ids: products of the shop.
        orders: the orders as they were told.
    """

    customer_id: str = ""
    order_numbers: list[str] = field(default_factory=list)
    product_ids: list[str] = field(default_factory=list)
    orders: list[dict[str, Any]] = field(default_factory=list)


async def check_reads(caller: Caller, subjects: Subjects, now: datetime) -> None:
    """Run every check that changes nothing.

    Args:
        caller: calls the backend.
        subjects: what is known; orders and products that are found are added.
        now: the present by this machine.
    """
    if not await _check_door(caller):
        return
    await _check_time(caller, now)
    await caller.good("service_hours")
    if subjects.customer_id:
        await _check_customer(caller, subjects)
    else:
        _skip(caller, ("customer", "history", "orders", "after_sales", "coupons"), "no --customer was given")
    for number in subjects.order_numbers[:5]:
        await _check_order(caller, subjects, number)
    if subjects.order_numbers:
        await _check_several(caller, subjects)
    else:
        _skip(caller, ("order", "return_terms", "after_sale_of_order", *_SERVICES), "no order is known")
    await _check_catalogue(caller, subjects)
    await _check_unknown(caller)
    await _check_shop(caller)
    await check_policies(caller)


async def _check_door(caller: Caller) -> bool:
    """See that the credentials open, and that nothing opens without; False where nothing else can be seen."""
    said = await caller.ask("now")
    if said.status == 0:
        caller.wrong(said, "", "an answer", said.trouble)
        return False
    if said.status in (401, 403):
        caller.wrong(said, "", "200 with these credentials", said.short)
        return False
    for operation, names in (("now", {}), ("customer", {"customer_id": NO_CUSTOMER})):
        without = await caller.ask(operation, names, proof=False)
        caller.refused(without, (401,), "a call without credentials")
    return True


async def _check_time(caller: Caller, now: datetime) -> None:
    said = await caller.good("now")
    if said is None:
        return
    try:
        found = moment(said.at("now"))
    except ShopGarbledError:
        return  # told already
    if abs(found - now) > _LARGEST_SKEW:
        caller.wrong(said, "now", f"the present, about {now:%Y-%m-%dT%H:%M%z}", f"{found:%Y-%m-%dT%H:%M%z}")


async def _check_customer(caller: Caller, subjects: Subjects) -> None:
    names = {"customer_id": subjects.customer_id}
    for operation in ("customer", "history"):
        said = await caller.good(operation, names)
        if said is not None:
            _is(caller, said, "customer_id", subjects.customer_id)
            _own(caller, said, "orders", said.at("orders") or [], subjects.customer_id)
    said = await caller.good("orders", names)
    if said is not None:
        _own(caller, said, "items", said.items, subjects.customer_id)
        _newest_first(caller, said, "placed_at")
        known = [order for order in said.items if isinstance(order, dict)]
        numbers = [n for order in known if isinstance(n := order.get("order_number"), str)]
        subjects.order_numbers += [number for number in numbers if number not in subjects.order_numbers]
        subjects.orders += known
        subjects.product_ids += _product_ids(known)
        if len(said.items) > 1:
            one = await caller.good("orders", names, {"limit": "1"})
            if one is not None and len(one.items) != 1:
                caller.wrong(one, "items", "one item for limit=1", f"{len(one.items)} items")
    requests = await caller.good("after_sales", names)
    if requests is not None:
        _newest_first(caller, requests, "created_at")
    await caller.good("coupons", names)


def _product_ids(orders: Iterable[dict[str, Any]]) -> list[str]:
    found = [item.get("product_id") for order in orders for item in _dicts(order.get("items"))]
    return list(dict.fromkeys(one for one in found if isinstance(one, str)))[:3]


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


async def _check_order(caller: Caller, subjects: Subjects, number: str) -> None:
    names = {"order_number": number}
    whole = await caller.good("order", names)
    if whole is not None:
        _is(caller, whole, "order_number", number)
        _check_sums(caller, whole)
        if whole.at("order_number") and whole.value not in subjects.orders:
            subjects.orders.append(whole.value)
    if subjects.customer_id:
        mine = await caller.ask("order", names, {"customer_id": subjects.customer_id})
        caller.report.passed("order")
        if mine.status != 200:
            caller.wrong(mine, "", "200 for the customer's own order", mine.short)
    stranger = await caller.ask("order", names, {"customer_id": NO_CUSTOMER})
    caller.refused(stranger, (404,), "an order of somebody else, like one that does not exist", "not_found")
    await caller.good("return_terms", names)
    request = await caller.good("after_sale_of_order", names)
    if request is not None and request.at("request", "order_number") not in (None, number):
        caller.wrong(request, "request.order_number", number, "another order")
    for operation in _SERVICES:
        await caller.good(operation, names)
    for operation in ("return_terms", "after_sale_of_order", *_SERVICES):
        if operation in caller.report.not_offered:
            continue
        theirs = await caller.ask(operation, names, {"customer_id": NO_CUSTOMER})
        caller.refused(theirs, (404,), "an order of somebody else", "not_found")


def _check_sums(caller: Caller, said: Said) -> None:
    parts = [said.at(name) for name in ("goods_total", "freight", "discount", "total")]
    try:
        goods, freight, discount, total = (round(float(part) * 100) for part in parts)
    except (TypeError, ValueError):
        return  # told already
    if any(isinstance(part, str) for part in parts) and goods + freight - discount != total:
        caller.wrong(
            said,
            "total",
            f"goods_total + freight - discount = {(goods + freight - discount) / 100:.2f}",
            parts[3],
        )


async def _check_several(caller: Caller, subjects: Subjects) -> None:
    numbers = subjects.order_numbers[:20]
    said = await caller.good("return_terms_of", {}, {"order_numbers": ",".join([*numbers, NO_ORDER])})
    if said is None:
        return
    told = [item.get("order_number") for item in _dicts(said.items)]
    if NO_ORDER in told:
        caller.wrong(said, "items", "no terms for an order that does not exist", "terms for it")
    missing = [number for number in numbers if number not in told]
    if missing:
        caller.wrong(said, "items", "terms of every order that exists", f"none for {len(missing)} of them")
    theirs = await caller.ask(
        "return_terms_of", {}, {"order_numbers": ",".join(numbers), "customer_id": NO_CUSTOMER}
    )
    if theirs.status == 200 and theirs.items:
        caller.wrong(theirs, "items", "nothing for a customer whose orders they are not", "their terms")


async def _check_catalogue(caller: Caller, subjects: Subjects) -> None:
    picks = await caller.good("recommend", body=RecommendBody(subjects.customer_id or None, "", 3))
    if picks is not None:
        if len(picks.items) > 3:
            caller.wrong(picks, "items", "at most 3 items for limit 3", f"{len(picks.items)} items")
        found = [item.get("product", {}).get("product_id") for item in _dicts(picks.items)]
        subjects.product_ids += [one for one in found if isinstance(one, str)]
    for product_id in list(dict.fromkeys(subjects.product_ids))[:3]:
        product = await caller.good("product", {"product_id": product_id})
        if product is not None:
            _is(caller, product, "product_id", product_id)
            await _check_search(caller, product)
        await caller.good("reviews", {"product_id": product_id})
        await caller.good("promotions", {}, {"product_id": product_id})
    if not subjects.product_ids:
        _skip(caller, ("product", "reviews", "find_products"), "no product is known")


async def _check_search(caller: Caller, product: Said) -> None:
    name = product.at("name")
    if not isinstance(name, str):
        return
    found = await caller.good("find_products", body=SearchBody(name, 5))
    if found is None:
        return
    ids = [item.get("product", {}).get("product_id") for item in _dicts(found.items)]
    if product.at("product_id") not in ids:
        caller.wrong(found, "items", "the product whose whole name was asked for", f"{len(ids)} others")


async def _check_unknown(caller: Caller) -> None:
    for operation, names in (
        ("customer", {"customer_id": NO_CUSTOMER}),
        ("history", {"customer_id": NO_CUSTOMER}),
        ("order", {"order_number": NO_ORDER}),
        ("return_terms", {"order_number": NO_ORDER}),
        ("after_sale_of_order", {"order_number": NO_ORDER}),
        ("product", {"product_id": NO_PRODUCT}),
    ):
        said = await caller.ask(operation, names)
        caller.refused(said, (404,), "an id that does not exist", "not_found")
    for operation in ("orders", "after_sales"):
        said = await caller.ask(operation, {"customer_id": NO_CUSTOMER})
        caller.report.passed(operation)
        if said.status != 404 and not (said.status == 200 and said.at("items") == []):
            caller.wrong(said, "", "404 or an empty list for a customer who does not exist", said.short)


async def _check_shop(caller: Caller) -> None:
    await caller.good("promotions")
    late = await caller.good("late_orders", {}, {"limit": "5"})
    if late is not None and len(late.items) > 5:
        caller.wrong(late, "items", "at most 5 items for limit=5", f"{len(late.items)} items")


def _is(caller: Caller, said: Said, path: str, wanted: str) -> None:
    found = said.at(path)
    if isinstance(found, str) and found != wanted:
        caller.wrong(said, path, "the one that was asked for", f'"{found[:60]}"')


def _own(caller: Caller, said: Said, path: str, orders: Any, customer_id: str) -> None:
    for at, order in enumerate(_dicts(orders)):
        found = order.get("customer_id")
        if isinstance(found, str) and found != customer_id:
            caller.wrong(said, f"{path}[{at}].customer_id", f'"{customer_id}"', f'"{found[:60]}"')


def _newest_first(caller: Caller, said: Said, name: str) -> None:
    try:
        moments = [moment(item[name]) for item in said.items]
    except (ShopGarbledError, KeyError, TypeError):
        return  # told already
    if moments != sorted(moments, reverse=True):
        caller.wrong(said, f"items[].{name}", "the newest first", "another order")


def _skip(caller: Caller, names: Iterable[str], why: str) -> None:
    for name in names:
        assert name in OPERATIONS, name  # noqa: S101
        caller.report.skipped.setdefault(name, why)
