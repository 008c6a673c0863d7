"""What the demo shop shows, read through the same gateway as the assistant's answers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from actions.shop.cards import order_card, plain, product_row, shipment_card
from actions.shop.errors import NotFoundError, ShopUnavailableError
from actions.shop.gateway import ShopGateway
from actions.shop.models import Order, Product, Review
from bot.channels.errors import ApiError
from bot.desk.assist.labels import shop_label

#: Seconds for which the list is kept: stock and prices of a product's own page are always of now.
LIST_KEPT_S = 30.0
MOST_ORDERS = 50
REVIEWS = 3

Row = Mapping[str, Any]


class DemoGoods:
    """Products and orders of the demo's shop as the pages of ``bot/channels/demo_shop`` draw them.

    A gateway has no call for "all products", so those of the demo's catalogue are asked for one by one; a
    backend that does not know one has it not on its shelf.
    """

    def __init__(self, shop: ShopGateway | None, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Take the shop; without one every page says that it cannot be asked."""
        self._gateway = shop
        self._monotonic = monotonic
        self._list: tuple[float, Sequence[Row]] | None = None
        self._asking = asyncio.Lock()

    async def products(self) -> Sequence[Row]:
        """Return all products, as :class:`bot.channels.demo_pages.Goods` says."""
        async with self._asking:
            if self._list is None or self._monotonic() - self._list[0] > LIST_KEPT_S:
                found = await asyncio.gather(*(self._find(product_id) for product_id in _catalogue()))
                self._list = self._monotonic(), [_row(product) for product in found if product is not None]
            return self._list[1]

    async def product(self, product_id: str) -> Row | None:
        """Return one product with its reviews."""
        product = await self._find(product_id)
        if product is None:
            return None
        try:
            return _whole(product, await self._shop.reviews(product_id, limit=REVIEWS))
        except ShopUnavailableError as exc:
            raise _away() from exc

    async def orders(self, customer_id: str) -> Sequence[Row]:
        """Return a customer's orders."""
        try:
            return [_order(order) for order in await self._shop.orders(customer_id, limit=MOST_ORDERS)]
        except NotFoundError:
            return []
        except ShopUnavailableError as exc:
            raise _away() from exc

    async def _find(self, product_id: str) -> Product | None:
        try:
            return await self._shop.product(product_id)
        except NotFoundError:
            return None
        except ShopUnavailableError as exc:
            raise _away() from exc

    @property
    def _shop(self) -> ShopGateway:
        if self._gateway is None:
            raise _away()
        return self._gateway


@cache
def _catalogue() -> Sequence[str]:
    from actions.shop.seed.catalogue import catalogue_items

    return sorted(catalogue_items())


def _away() -> ApiError:
    return ApiError(503, "shop_unavailable", "The shop cannot be asked now.", headers={"Retry-After": "3"})


def _row(product: Product) -> Row:
    return {
        **product_row(product, "", shop_label),
        "category": product.category,
        "category_label": product.category_label,
        "brand": product.brand,
        "review_count": product.review_count,
        "sold_30_days": product.sold_30_days,
    }


def _whole(product: Product, reviews: Sequence[Review]) -> Row:
    more = {
        "skus": [
            {"sku_id": sku.sku_id, "label": sku.label, "price": sku.price, "stock": sku.stock}
            for sku in product.skus
        ],
        "specs": product.specs,
        "size_table": product.size_table,
        "contents": product.contents,
        "usage": product.usage,
        "shelf_life_days": product.shelf_life_days,
        "produced_on": product.produced_on,
        "seller": product.seller,
        "installation_fee": product.installation_fee,
        "certificates": product.certificates,
        "warranty_months": product.warranty_months,
        "warranty_terms": product.warranty_terms,
        "returnable_days": product.returnable_days,
        "gift_box": product.gift_box,
        "cold_chain": product.cold_chain,
        "reviews": [
            {"stars": review.stars, "text": review.text, "written_at": review.written_at}
            for review in reviews
        ],
    }
    return {**_row(product), **{key: plain(value) for key, value in more.items()}}


def _order(order: Order) -> Row:
    parcel = None if order.shipment is None else shipment_card(order, order.shipment, shop_label)
    return {
        **order_card(order, shop_label),
        "payment_method": order.payment_method,
        "express": order.express,
        "shipment": parcel,
    }
