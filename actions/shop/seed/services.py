"""Adds what the demo shop offers around its orders, from ``services.yml``: nothing here is left to chance."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

from actions.shop.rules import REFUND_DAYS, end_of_day
from actions.shop.seed.catalogue import Row, catalogue_items, read_yaml
from actions.shop.service_models import InvoiceKind, InvoiceState, PaymentOutcome
from actions.shop.service_rules import issue_by

_ISSUED_AFTER = timedelta(hours=4)


@lru_cache(maxsize=1)
def _services() -> Mapping[str, Any]:
    found: Mapping[str, Any] = read_yaml(Path(__file__).with_name("services.yml"))
    return found


def add_services(rows: dict[str, list[Row]], midnight: datetime) -> None:
    """Add promotions, invoices, claims, payments, watches and settings to the rows of the demo shop.

    Args:
        rows: all rows by table, with the orders in them.
        midnight: 00:00 of the day of seeding, shop's time.
    """
    services = _services()
    orders = _Orders(rows)
    for name, value in services["settings"].items():
        rows["settings"].append({"name": name, "value": dict(value)})
    rows["promotions"] = [_promotion(entry, midnight) for entry in services["promotions"]]
    rows["invoices"] = [
        _invoice(entry, orders.find(entry), number, midnight)
        for number, entry in enumerate(services["invoices"], start=1)
    ]
    rows["price_claims"] = [
        _claim(entry, orders, number, midnight) for number, entry in enumerate(services["claims"], start=1)
    ]
    rows["payments"] = _payments(rows["orders"], orders, services["attempts"])
    rows["stock_watches"] = [_watch(entry, midnight) for entry in services["watches"]]


class _Orders:
    """Finds the order that an entry names."""

    def __init__(self, rows: Mapping[str, list[Row]]) -> None:
        self._items = rows["order_items"]
        self._orders = {order["order_number"]: order for order in rows["orders"]}

    def find(self, entry: Mapping[str, Any]) -> Row:
        """Return the newest order of the customer with the product."""
        customer, product = entry["order"]
        numbers = [item["order_number"] for item in self._items if item["product_id"] == product]
        own = [self._orders[n] for n in numbers if self._orders[n]["customer_id"] == customer]
        return max(own, key=lambda order: order["placed_at"])

    def line(self, order: Row, line: int) -> Row:
        """Return one line of an order."""
        number = order["order_number"]
        return next(i for i in self._items if i["order_number"] == number and i["line"] == line)


def _promotion(entry: Mapping[str, Any], midnight: datetime) -> Row:
    return {
        "promotion_id": entry["id"],
        "title": entry["title"],
        "kind": entry["kind"],
        "scope": entry["scope"],
        "product_ids": entry.get("products", []),
        "starts_at": midnight + timedelta(days=entry["from"]),
        "ends_at": midnight + timedelta(days=entry["to"]),
        "minimum": entry.get("minimum"),
        "amount": entry.get("amount"),
        "percent": entry.get("percent"),
        "gift": entry.get("gift"),
        "with_coupons": entry["with_coupons"],
        "level": entry.get("level"),
        "coupon_days": entry.get("coupon_days"),
    }


def _invoice(entry: Mapping[str, Any], order: Row, number: int, midnight: datetime) -> Row:
    requested = midnight - timedelta(days=entry["ago"]) + timedelta(hours=21)
    issued = entry["state"] != InvoiceState.REQUESTED.value
    return {
        "order_number": order["order_number"],
        "version": 1,
        "kind": entry["kind"],
        "state": entry["state"],
        "name": entry["name"],
        "tax_number": entry.get("tax_number"),
        "email": entry.get("email"),
        "amount": order["total"],
        "requested_at": requested,
        "issue_by": issue_by(InvoiceKind(entry["kind"]), requested),
        "issued_at": requested + _ISSUED_AFTER if issued else None,
        "invoice_number": f"26332000{requested:%m%d}{number:08d}" if issued else None,
    }


def _claim(entry: Mapping[str, Any], orders: _Orders, number: int, midnight: datetime) -> Row:
    order = orders.find(entry)
    line = orders.line(order, entry["line"])
    at = midnight - timedelta(days=entry["ago"]) + timedelta(hours=10)
    price = Decimal(entry["price"])
    return {
        "claim_id": f"PP{at:%y%m%d}{number:012d}",
        "line": line["line"],
        "order_number": order["order_number"],
        "price": price,
        "amount": (line["unit_price"] - price) * line["quantity"],
        "at": at,
        "refund_by": end_of_day(at, REFUND_DAYS[1]),
    }


def _payments(all_orders: list[Row], orders: _Orders, attempts: list[Mapping[str, Any]]) -> list[Row]:
    """Return the attempt that paid each order, and the others that are written out, by time."""
    found: dict[str, list[Row]] = {}
    for order in all_orders:
        if order["paid_at"] is not None:
            paid = {"at": order["paid_at"], "outcome": PaymentOutcome.SUCCEEDED.value}
            found[order["order_number"]] = [_attempt(order, order["payment_method"], paid)]
    for entry in attempts:
        order = orders.find(entry)
        at = (order["paid_at"] or order["placed_at"]) + timedelta(minutes=entry["minutes"])
        back = end_of_day(at, entry["return_days"]) if "return_days" in entry else None
        told = {"at": at, "outcome": entry["outcome"], "cause": entry.get("cause"), "return_by": back}
        found.setdefault(order["order_number"], []).append(_attempt(order, entry["method"], told))
    return [
        {**attempt, "attempt": number}
        for attempts_of_one in found.values()
        for number, attempt in enumerate(sorted(attempts_of_one, key=lambda a: a["at"]), start=1)
    ]


def _attempt(order: Row, method: str, told: Mapping[str, Any]) -> Row:
    fixed = {"order_number": order["order_number"], "method": method, "amount": order["total"]}
    return {**fixed, "cause": None, "return_by": None, **told}


def _watch(entry: Mapping[str, Any], midnight: datetime) -> Row:
    item = catalogue_items()[entry["product"]]
    return {
        "customer_id": entry["customer"],
        "product_id": entry["product"],
        "sku_id": item.variant(entry["label"]).sku_id if "label" in entry else "",
        "since": midnight - timedelta(days=entry["ago"]) + timedelta(hours=12),
        "told_at": None,
    }
