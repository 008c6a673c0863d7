"""Cards that agents send: made here from the shop's own data, never from what a browser says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from actions.shop import cards
from actions.shop.cards import aftersale_card, order_card, products_card, shipment_card
from actions.shop.gateway import ShopGateway
from actions.shop.models import Product
from bot.desk.assist.case import Case
from bot.desk.assist.labels import shop_label
from bot.desk.errors import DeskRefusal
from bot.desk.words import word


@dataclass(frozen=True)
class Card:
    """A card that may be sent: its name and its data."""

    name: str
    data: dict[str, Any]


async def card_of(shop: ShopGateway, case: Case, kind: str, about: str) -> Card:
    """Return a card.

    Args:
        shop: the shop.
        case: the shopper's facts: only her own and verified orders can be sent.
        kind: ``order``, ``shipment``, ``aftersale`` or ``product``.
        about: number of the order or request, id of the product.

    Raises:
        DeskRefusal: there is no such thing to send.
        NotFoundError: no such product.
    """
    if kind == "product":
        return Card("products", products_card([(await shop.product(about), "")], shop_label))
    order = next((one for one in case.orders if one.order_number == about), None)
    request = next((one for one in case.after_sales if one.request_number == about), None)
    if kind == "order" and order is not None:
        return Card("order", order_card(order, shop_label))
    if kind == "shipment" and order is not None and order.shipment is not None:
        return Card("shipment", shipment_card(order, order.shipment, shop_label))
    if kind == "aftersale" and request is not None:
        whose = next((one for one in case.orders if one.order_number == request.order_number), None)
        return Card("aftersale", aftersale_card(request, whose, shop_label))
    raise DeskRefusal(404, word("doing", "no_card"))


def product_row(product: Product) -> dict[str, Any]:
    """Return a product as the list of those that may be sent shows it."""
    row = cards.product_row(product, "", shop_label)
    return {**row, "sold_out": all(sku.stock == 0 for sku in product.skus)}
