"""What the widget shows of the shop's shelf, read through the same gateway as the assistant's answers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from actions.shop.arrivals import newest
from actions.shop.cards import product_row
from actions.shop.errors import NotFoundError, NotOfferedError, ShopUnavailableError
from actions.shop.gateway import ShopGateway
from bot.channels.shelf import ShelfAwayError
from bot.desk.assist.labels import shop_label

KEPT_S = 60.0
ARRIVALS = 6

Row = Mapping[str, Any]


class ShelfGoods:
    """Products as rows of the card ``products``, the newest kept for a minute.

    Args:
        shop: the shop; without one nothing can be asked.
        monotonic: seconds that only grow.
    """

    def __init__(self, shop: ShopGateway | None, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._shop = shop
        self._monotonic = monotonic
        self._kept: tuple[float, Sequence[Row]] | None = None
        self._asking = asyncio.Lock()

    async def arrivals(self) -> Sequence[Row]:
        """Return the newest goods, as :class:`bot.channels.shelf.Shelf` says."""
        async with self._asking:  # one asks for all who wait
            if self._kept is None or self._monotonic() - self._kept[0] > KEPT_S:
                self._kept = self._monotonic(), await self._newest()
            return self._kept[1]

    async def product(self, product_id: str) -> Row | None:
        """Return one product as it is now."""
        try:
            return product_row(await self._asked.product(product_id), "", shop_label)
        except NotFoundError:
            return None
        except ShopUnavailableError as exc:
            raise ShelfAwayError from exc

    async def _newest(self) -> Sequence[Row]:
        try:
            found = await newest(self._asked)
        except NotOfferedError:  # this shop recommends nothing
            found = []
        except ShopUnavailableError as exc:
            raise ShelfAwayError from exc
        return [product_row(product, "new", shop_label) for product in found[:ARRIVALS]]

    @property
    def _asked(self) -> ShopGateway:
        if self._shop is None:
            raise ShelfAwayError
        return self._shop
