"""Takes what happened in the shop over into the shop's own tables, once, whatever the order of arrival.

The event's id is remembered in the same transaction. An order's state only goes forward, and what an older
event says never replaces what a newer one said. Keys of `data` (all texts; money in yuan, moments in ISO
8601 with their zone, flags ``true`` or ``false``; those with ``?`` may be left out):

* ``paid``: ``method?``, ``amount?``;
* ``shipped``: ``carrier``, ``tracking_number``, ``promised_by?``, ``expected_by?``;
* ``delayed``: ``expected_by?``, ``cause?`` (with a cause the parcel is stuck);
* ``delivered``: none;
* ``returned``: ``amount?``, ``state?``: ``received`` (goods are back) or ``done`` (the money too; default);
* ``reviewed`` (order and product named): ``stars``, ``text?``, ``pictures?``;
* ``browsed`` (product named): ``seconds``, ``compared?``, ``detail_opened?``;
* ``profile_changed``: ``name?``, ``phone?``, ``level?``, ``points?``;
* ``restocked`` (product named): ``stock``, ``sku_id?`` (else every variant that was sold out).

Parcels and returns are in :mod:`actions.shop.taking_orders`, the rest in :mod:`actions.shop.taking_others`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy.orm import Session

from actions.shop import taking_orders, taking_others
from actions.shop.errors import EventDataError
from actions.shop.event_data import EventData
from actions.shop.keys import MAX_KEY_LENGTH, digest, once
from actions.shop.service_models import EventKind, ShopEvent
from actions.shop.transaction import lock_customer, lock_order
from persona.privacy.vault import Vault

_PREFIX = "event:"
_ORDER_EVENTS: dict[EventKind, Callable[..., None]] = {
    EventKind.PAID: taking_orders.paid,
    EventKind.SHIPPED: taking_orders.shipped,
    EventKind.DELAYED: taking_orders.delayed,
    EventKind.DELIVERED: taking_orders.delivered,
    EventKind.RETURNED: taking_orders.returned,
    EventKind.REVIEWED: taking_others.reviewed,
}
_CUSTOMER_EVENTS: dict[EventKind, Callable[..., None]] = {
    EventKind.BROWSED: taking_others.browsed,
    EventKind.PROFILE_CHANGED: taking_others.profile_changed,
}


def take(session: Session, vault: Vault, now: datetime, event: ShopEvent) -> bool:
    """Take an event over; say whether it was news. Needs a writing transaction.

    Raises:
        NotFoundError: no such order, customer or product, or the order is not that customer's.
        EventDataError: a key is missing or cannot be read.
        KeyReusedError: the id came with something else before.
    """
    if not 0 < len(event.event_id) <= MAX_KEY_LENGTH - len(_PREFIX) or "\0" in event.event_id:
        raise EventDataError("event_id")
    change = _change(session, event)

    def run() -> str:
        change()
        session.flush()
        return event.kind.value

    arguments = {
        "kind": event.kind.value,
        "at": event.at.isoformat(),
        "customer": event.customer_id,
        "order": event.order_number,
        "product": event.product_id,
        "data": sorted(event.data),
    }
    _, repeated = once(session, _PREFIX + event.event_id, digest(vault, "event", arguments), now, run)
    return not repeated


def _change(session: Session, event: ShopEvent) -> Callable[[], None]:
    """Lock what the event is about, so that twins wait for each other, and return what is to be done."""
    data = EventData(dict(event.data))
    if event.kind is EventKind.RESTOCKED:
        skus = taking_others.lock_skus(session, event)
        return lambda: taking_others.restocked(skus, event, data)
    if event.customer_id is None:
        raise EventDataError("customer_id")
    if event.kind in _CUSTOMER_EVENTS:
        customer = lock_customer(session, event.customer_id)
        of_customer = _CUSTOMER_EVENTS[event.kind]
        return lambda: of_customer(session, customer, event, data)
    if event.order_number is None:
        raise EventDataError("order_number")
    order = lock_order(session, event.order_number, event.customer_id)
    of_order = _ORDER_EVENTS[event.kind]
    return lambda: of_order(session, order, event, data)
