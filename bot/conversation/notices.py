"""What a shopper is told unasked: which line, which facts, which ways on, and what its key is.

A key names what is told once. For a late parcel it holds the promise that was missed, so that a new promise
that is missed again is told again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from bot.conversation import words
from bot.conversation.schema import SHANGHAI
from bot.conversation.shop_news import Goods, Parcel

NOTES = Path(__file__).with_name("desk_notes.yml")

#: So long after a shopper's last word a conversation is still hers to be told something in.
RECENT = timedelta(days=7)
#: Good news is told where she is just now; later it would be none.
JUST_NOW = timedelta(hours=24)


class NoticeKind(str, Enum):
    """What is told."""

    LATE = "late"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    RESTOCKED = "restocked"


_LINES: Mapping[NoticeKind, tuple[str, tuple[str, ...]]] = {
    NoticeKind.LATE: (words.PARCEL_LATE, ("urge_shipment", "request_refund", "ask_human")),
    NoticeKind.SHIPPED: (words.PARCEL_SHIPPED, ("track_shipment",)),
    NoticeKind.DELIVERED: (words.PARCEL_DELIVERED, ("ask_return_policy",)),
    NoticeKind.RESTOCKED: (words.RESTOCKED, ("ask_product",)),
}


@dataclass(frozen=True)
class Notice:
    """One thing to tell one customer, once.

    Attributes:
        key: names it among all that was told or waits to be.
        facts: what the line is made of, JSON-ready; personal.
    """

    kind: NoticeKind
    key: str
    customer_id: str
    order_number: str | None = None
    product_id: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def keeps(self) -> bool:
        """Whether it waits for her next conversation where she has none now."""
        return self.kind in {NoticeKind.LATE, NoticeKind.RESTOCKED}

    @property
    def recent(self) -> timedelta:
        """How long ago she may have been active in the conversation that it is told in."""
        return RECENT if self.keeps else JUST_NOW

    @property
    def owed(self) -> bool:
        """Whether the shop has to hear that it was told."""
        return self.kind is NoticeKind.RESTOCKED

    @property
    def line(self) -> str:
        """The response that says it."""
        return _LINES[self.kind][0]

    @property
    def options(self) -> tuple[Mapping[str, Any], ...]:
        """The ways on, about this order or product."""
        args = {"order_number": self.order_number, "product_id": self.product_id}
        about = {name: value for name, value in args.items() if value is not None}
        return tuple({"id": option, "args": about} for option in _LINES[self.kind][1])


def late(parcel: Parcel) -> Notice:
    """Return the notice that a parcel misses its promise."""
    promise = int(parcel.promised_by.timestamp())
    facts = {**_parcel(parcel), "promised_by": _iso(parcel.promised_by)}
    if parcel.expected_by is not None and parcel.expected_by > parcel.promised_by:
        facts["expected_by"] = _iso(parcel.expected_by)
    key = f"late/{parcel.order_number}/{promise}"
    return Notice(NoticeKind.LATE, key, parcel.customer_id, parcel.order_number, facts=facts)


def shipped(parcel: Parcel) -> Notice:
    """Return the notice that a parcel was sent."""
    facts = {**_parcel(parcel), "promised_by": _iso(parcel.promised_by)}
    if parcel.expected_by is not None:
        facts["expected_by"] = _iso(parcel.expected_by)
    key = f"shipped/{parcel.order_number}"
    return Notice(NoticeKind.SHIPPED, key, parcel.customer_id, parcel.order_number, facts=facts)


def delivered(parcel: Parcel, at: datetime) -> Notice:
    """Return the notice that a parcel was delivered."""
    facts = {**_parcel(parcel), "delivered_at": _iso(parcel.delivered_at or at)}
    key = f"delivered/{parcel.order_number}"
    return Notice(NoticeKind.DELIVERED, key, parcel.customer_id, parcel.order_number, facts=facts)


def restocked(goods: Goods, customer_id: str, event_id: str) -> Notice:
    """Return the notice that a product is to be had again, after one event of the shop."""
    facts: dict[str, Any] = {"product": goods.name}
    if goods.sku is not None:
        facts["sku"] = goods.sku
    if goods.price is not None:
        facts["price"] = str(goods.price)
    key = f"restocked/{customer_id}/{event_id}"
    return Notice(NoticeKind.RESTOCKED, key, customer_id, product_id=goods.product_id, facts=facts)


def _parcel(parcel: Parcel) -> dict[str, Any]:
    return {
        "items": list(parcel.items),
        "carrier": parcel.carrier,
        "tracking_number": parcel.tracking_number,
    }


def _iso(at: datetime) -> str:
    return at.astimezone(SHANGHAI).isoformat()


def facts_context(key: str) -> str:
    """Return what binds sealed facts to their notice."""
    return f"shop_notices.facts/{key}"


# -- for the agent who has the conversation -------------------------------------------------------------


@cache
def note_words() -> Mapping[str, str]:
    """Return the words of the notes; ValueError where one is missing or malformed."""
    data = yaml.safe_load(NOTES.read_text(encoding="utf-8"))
    needed = {kind.value for kind in NoticeKind} | {"late_expected", "late_unknown", "moment", "list"}
    missing = needed - set(data)
    if missing:
        raise ValueError(f"{NOTES.name} lacks {', '.join(sorted(missing))}")
    return {name: str(text) for name, text in data.items()}


def note(notice: Notice) -> str:
    """Return what an agent reads of a notice while the shopper is not told."""
    say, facts = note_words(), notice.facts
    expected = facts.get("expected_by")
    return say[notice.kind.value].format(
        items=say["list"].join(facts.get("items", ())),
        order=notice.order_number or "",
        carrier=facts.get("carrier", ""),
        tracking=facts.get("tracking_number", ""),
        promised=_moment(facts.get("promised_by")),
        delivered=_moment(facts.get("delivered_at")),
        expected=say["late_expected"].format(moment=_moment(expected)) if expected else say["late_unknown"],
        product=facts.get("product", ""),
    )


def _moment(text: str | None) -> str:
    if text is None:
        return ""
    at = datetime.fromisoformat(text).astimezone(SHANGHAI)
    return note_words()["moment"].format(month=at.month, day=at.day, hour=at.hour, minute=at.minute)
