"""Which action answers which question: for what goes on after a choice or a verification."""

from __future__ import annotations

from actions.aftersale import AskAfterSaleProgress, AskReturnPolicy
from actions.base import ShopAction
from actions.logistics import TrackShipment, UrgeShipment
from actions.order import AskOrderStatus, ListOrders

_ACTIONS: dict[str, type[ShopAction]] = {
    "ask_order_status": AskOrderStatus,
    "list_orders": ListOrders,
    "track_shipment": TrackShipment,
    "urge_shipment": UrgeShipment,
    "ask_aftersale_progress": AskAfterSaleProgress,
    "ask_return_policy": AskReturnPolicy,
}

#: The form that an intent of a write opens.
FORMS: dict[str, str] = {
    "cancel_order": "cancel_form",
    "change_address": "address_form",
    "request_return": "aftersale_form",
    "request_exchange": "aftersale_form",
    "request_refund": "aftersale_form",
    "report_problem": "aftersale_form",
}


def answering(intent: str | None) -> ShopAction:
    """Return the action that answers a read's intent; the order's status where none is known."""
    return _ACTIONS.get(intent or "", AskOrderStatus)()
