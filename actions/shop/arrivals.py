"""What is new on the shelf, of any shop: a gateway has no list of all goods, but it recommends."""

from __future__ import annotations

from actions.shop.gateway import ShopGateway
from actions.shop.models import Product

#: What shops call new goods: they are asked for too, since a recommendation without words mixes departments.
_WORDS = "新品"
_CANDIDATES = 60


async def newest(shop: ShopGateway) -> list[Product]:
    """Return goods that can be bought now, the newest first, those of one day by their id.

    They are the shop's recommendations to nobody in particular, so the newest of a large catalogue are among
    them as far as the shop recommends what is new.
    """
    found = [
        *await shop.recommend(customer_id=None, words=_WORDS, limit=_CANDIDATES),
        *await shop.recommend(customer_id=None, limit=_CANDIDATES),
    ]
    products = {product.product_id: product for product, _ in found if any(s.stock for s in product.skus)}
    return sorted(sorted(products.values(), key=_id), key=lambda one: one.listed_on, reverse=True)


def _id(product: Product) -> str:
    return product.product_id
