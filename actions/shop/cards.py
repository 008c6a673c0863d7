"""Cards: an order, a parcel, a request or products as the plain data that a channel draws beside the words.

Amounts are text, dates ISO, codes come with their label; the labels are words and come from the caller.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any

from actions.shop.models import AfterSale, Coupon, Order, Product, Shipment

#: Returns the name of a code of a group: ``label("order_state", OrderState.PAID)``.
Label = Callable[[str, "str | Enum"], str]

#: A coupon with so much time left is marked.
_ENDING = timedelta(days=3)


def plain(value: Any) -> Any:
    """Return a fact as JSON: money as text, dates and times in ISO form, enums as their code."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    return value


def _items(order: Order) -> list[dict[str, Any]]:
    return [
        {
            "product_id": item.product_id,
            "name": item.name,
            "short_name": item.short_name,
            "sku_label": item.sku_label,
            "quantity": item.quantity,
            "unit_price": plain(item.unit_price),
            "picture": item.picture,
        }
        for item in order.items
    ]


def order_card(order: Order, label: Label) -> dict[str, Any]:
    """Return the data of an order's card; it holds no address, name or phone."""
    card = {
        "number": order.order_number,
        "state": order.state,
        "state_label": label("order_state", order.state),
        "items": _items(order),
        "goods_total": order.goods_total,
        "freight": order.freight,
        "discount": order.discount,
        "total": order.total,
        "placed_at": order.placed_at,
        "pay_by": order.pay_by,
        "ship_by": order.ship_by,
        "expected_by": order.shipment.expected_by if order.shipment else None,
        "delivered_at": order.shipment.delivered_at if order.shipment else None,
    }
    return {key: plain(value) for key, value in card.items()}


def shipment_card(order: Order, shipment: Shipment, label: Label) -> dict[str, Any]:
    """Return the data of a shipment's card with its trace, newest step first."""
    card = {
        "number": order.order_number,
        "state": order.state,
        "state_label": label("order_state", order.state),
        "items": _items(order),
        "carrier": shipment.carrier,
        "tracking_number": shipment.tracking_number,
        "shipped_at": shipment.shipped_at,
        "promised_by": shipment.promised_by,
        "expected_by": shipment.expected_by,
        "delivered_at": shipment.delivered_at,
        "exception": shipment.exception,
        "trace": [{"at": e.at, "place": e.place, "text": e.text} for e in reversed(shipment.trace)],
    }
    return {key: plain(value) for key, value in card.items()}


def aftersale_card(request: AfterSale, order: Order | None, label: Label) -> dict[str, Any]:
    """Return the data of an after-sales request's card, newest step first."""
    card = {
        "number": request.request_number,
        "order_number": request.order_number,
        "kind": request.kind,
        "kind_label": label("aftersale_kind", request.kind),
        "state": request.state,
        "state_label": label("aftersale_state", request.state),
        "reason_label": label("reason", request.reason),
        "items": _items(order) if order else [],
        "refund_amount": request.refund_amount,
        "created_at": request.created_at,
        "review_by": request.review_by,
        "refund_by": request.refund_by,
        "trace": [{"at": e.at, "place": e.place, "text": e.text} for e in reversed(request.steps)],
    }
    return {key: plain(value) for key, value in card.items()}


def product_row(product: Product, reason: str, label: Label) -> dict[str, Any]:
    """Return a product as a row of a card, with the code of why it is shown ("" for none)."""
    return {
        "product_id": product.product_id,
        "name": product.name,
        "short_name": product.short_name,
        "price": plain(product.price),
        "picture": product.picture,
        "rating": plain(product.rating),
        "stock": sum(sku.stock for sku in product.skus),
        "tags": plain(product.tags),
        "reason": reason,
        "reason_label": label("recommend_reason", reason) if reason else "",
    }


def products_card(picks: Sequence[tuple[Product, str]], label: Label) -> dict[str, Any]:
    """Return the data of a card of products, each with the code of why it is shown ("" for none)."""
    return {"products": [product_row(product, reason, label) for product, reason in picks]}


def coupons_card(coupons: Sequence[Coupon], now: datetime, label: Label) -> dict[str, Any]:
    """Return the data of a card of coupons that can be used at `now`."""
    return {"coupons": [_coupon(coupon, now, label) for coupon in coupons]}


def _coupon(coupon: Coupon, now: datetime, label: Label) -> dict[str, Any]:
    state = "ending" if coupon.valid_until - now <= _ENDING else "usable"
    scope = label("coupon_scope", coupon.scope)
    return {
        "title": coupon.name or scope,
        "amount": plain(coupon.amount),
        "threshold": plain(coupon.minimum),
        "ends_at": plain(coupon.valid_until),
        "state": state,
        "state_label": label("coupon_state", state),
        "scope": scope,
    }


def comparison_card(products: Sequence[Product], rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the data of a table of products.

    Args:
        products: the columns.
        rows: ``{"label", "values", "differs"}``, a value for each product, in the order they are shown.
    """
    return {
        "products": [
            {
                "product_id": product.product_id,
                "name": product.name,
                "short_name": product.short_name,
                "price": plain(product.price),
                "picture": product.picture,
            }
            for product in products
        ],
        "rows": plain(rows),
    }
