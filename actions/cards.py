"""Cards with the names that the responses use; what stands in them says :mod:`actions.shop.cards`."""

from __future__ import annotations

from typing import Any

from actions.labels import label
from actions.shop import cards
from actions.shop.models import AfterSale, Order, Shipment


def order_card(order: Order) -> dict[str, Any]:
    """Return the data of an order's card; it holds no address, name or phone."""
    return cards.order_card(order, label)


def shipment_card(order: Order, shipment: Shipment) -> dict[str, Any]:
    """Return the data of a shipment's card with its trace, newest step first."""
    return cards.shipment_card(order, shipment, label)


def aftersale_card(request: AfterSale, order: Order | None) -> dict[str, Any]:
    """Return the data of an after-sales request's card, newest step first."""
    return cards.aftersale_card(request, order, label)
