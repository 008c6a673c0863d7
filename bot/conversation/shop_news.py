"""What the front is told by the shop, and what it asks the shop about it; ``bot/app`` joins the two."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Protocol


class ShopAwayError(Exception):
    """The shop does not answer now: it is asked again later."""


class NewsKind(str, Enum):
    """What a shop tells of its own accord."""

    PAID = "paid"
    SHIPPED = "shipped"
    DELAYED = "delayed"
    DELIVERED = "delivered"
    RETURNED = "returned"
    REVIEWED = "reviewed"
    BROWSED = "browsed"
    PROFILE_CHANGED = "profile_changed"
    RESTOCKED = "restocked"


@dataclass(frozen=True)
class ShopNews:
    """One thing that happened in the shop.

    Attributes:
        event_id: the shop's; the same id is the same event.
        at: when it happened, aware.
        customer_id: None only for RESTOCKED.
        data: what its kind needs, as texts (``docs/events.md``); personal.
    """

    event_id: str
    kind: NewsKind
    at: datetime
    customer_id: str | None
    order_number: str | None = None
    product_id: str | None = None
    data: Mapping[str, str] = field(default_factory=dict)

    @property
    def lane(self) -> str:
        """What keeps its order: the customer, else the product."""
        return (
            f"customer:{self.customer_id}" if self.customer_id is not None else f"product:{self.product_id}"
        )

    def to_json(self) -> str:
        """Return one text for the same content, whatever the order of its fields was."""
        return json.dumps(
            {
                "event_id": self.event_id,
                "kind": self.kind.value,
                "at": self.at.isoformat(),
                "customer_id": self.customer_id,
                "order_number": self.order_number,
                "product_id": self.product_id,
                "data": dict(self.data),
            },
            ensure_ascii=False,
            sort_keys=True,
            separators=(",", ":"),
        )

    @classmethod
    def from_json(cls, text: str) -> ShopNews:
        """Return what :meth:`to_json` made a text of."""
        read = json.loads(text)
        return cls(**{**read, "kind": NewsKind(read["kind"]), "at": datetime.fromisoformat(read["at"])})


@dataclass(frozen=True)
class Parcel:
    """A parcel of one order.

    Attributes:
        items: short names of what is in it.
        promised_by: what the shopper was told when paying.
        expected_by: what the carrier expects; None where it does not say.
        on_its_way: sent, and not delivered, refused or refunded.
        late: on its way, and it misses its promise, or will by what the carrier says.
    """

    order_number: str
    customer_id: str
    items: tuple[str, ...]
    carrier: str
    tracking_number: str
    promised_by: datetime
    expected_by: datetime | None
    delivered_at: datetime | None
    on_its_way: bool
    late: bool


@dataclass(frozen=True)
class Goods:
    """A product, or one variant of it, that may be bought."""

    product_id: str
    name: str
    sku: str | None
    price: Decimal | None
    in_stock: bool


class NewsShop(Protocol):
    """The part of the shop that its news need. Each raises ShopAwayError where the shop does not answer."""

    async def take(self, news: ShopNews) -> None:
        """Bring the shop's own copy of its data up to date; the same event twice changes nothing more."""

    async def parcel(self, order_number: str, customer_id: str) -> Parcel | None:
        """Return the parcel of a customer's order; None where there is none, or it is somebody else's."""

    async def late(self) -> Sequence[Parcel]:
        """Return parcels on their way that miss their promise."""

    async def goods(self, product_id: str, sku_id: str | None) -> Goods | None:
        """Return a product; None where there is none."""

    async def watchers(self, product_id: str) -> Sequence[str]:
        """Return the customers who wait for a product that is to be had now."""

    async def told(self, product_id: str, customer_id: str, key: str) -> None:
        """Say that a customer was told; her wish is settled."""


class NoShop:
    """A front without a shop: nothing is known, and nothing happens."""

    async def take(self, news: ShopNews) -> None:
        """Tell nobody."""

    async def parcel(self, order_number: str, customer_id: str) -> Parcel | None:
        """Return none."""
        return None

    async def late(self) -> Sequence[Parcel]:
        """Return none."""
        return ()

    async def goods(self, product_id: str, sku_id: str | None) -> Goods | None:
        """Return none."""
        return None

    async def watchers(self, product_id: str) -> Sequence[str]:
        """Return nobody."""
        return ()

    async def told(self, product_id: str, customer_id: str, key: str) -> None:
        """Tell nobody."""
