"""Which action answers which question: for what goes on after a choice or a verification."""

from __future__ import annotations

from actions.aftersale import AskAfterSaleProgress, AskReturnPolicy
from actions.base import ShopAction
from actions.delivery_slot import WishDropOff
from actions.invoice import AskInvoice, AskInvoiceReissue, AskInvoiceStatus
from actions.logistics import TrackShipment, UrgeShipment
from actions.order import AskOrderStatus, ListOrders
from actions.payment import (
    ExplainAmount,
    ExplainFailure,
    ExplainTwice,
    FindPayment,
    TellMethods,
    TellPayBy,
)
from actions.policy import AnswerPolicy
from actions.policy_topics import OrderUse, topics
from actions.price_protection import AskPriceProtection
from actions.product import ProductPrice, ProductSize, ProductSpec, ProductStock, ProductWarranty
from actions.promotion import ClaimCoupon
from actions.recommend import ShowReviews
from actions.repair import AskMyWarranty, AskRepairProgress

#: Questions about one product.
_OF_PRODUCTS: dict[str, type[ShopAction]] = {
    "ask_product_spec": ProductSpec,
    "ask_product_size": ProductSize,
    "ask_product_stock": ProductStock,
    "ask_product_price": ProductPrice,
    "ask_product_warranty": ProductWarranty,
    "ask_reviews": ShowReviews,
}

_ACTIONS: dict[str, type[ShopAction]] = {
    **_OF_PRODUCTS,
    "ask_order_status": AskOrderStatus,
    "list_orders": ListOrders,
    "track_shipment": TrackShipment,
    "urge_shipment": UrgeShipment,
    "ask_aftersale_progress": AskAfterSaleProgress,
    "ask_return_policy": AskReturnPolicy,
    "ask_my_warranty": AskMyWarranty,
    "ask_repair_progress": AskRepairProgress,
    "wish_drop_off": WishDropOff,
    "ask_payment_methods": TellMethods,
    "ask_pay_deadline": TellPayBy,
    "report_payment_failed": ExplainFailure,
    "report_paid_unpaid": FindPayment,
    "report_charged_twice": ExplainTwice,
    "report_wrong_amount": ExplainAmount,
    "claim_coupon": ClaimCoupon,
    "ask_invoice": AskInvoice,
    "ask_invoice_status": AskInvoiceStatus,
    "ask_invoice_reissue": AskInvoiceReissue,
    "ask_price_protection": AskPriceProtection,
}

#: Choices from something else than orders: 第二个 is for the question itself to understand.
NOT_OF_ORDERS = frozenset({"claim_coupon", *_OF_PRODUCTS})


def is_of_orders(intent: str | None, *, products: bool = False) -> bool:
    """Say whether choices that were offered with a question are orders, not products or coupons.

    Args:
        intent: the question.
        products: products were offered last, which counts for questions that can be about either.
    """
    if intent is None or intent in _ACTIONS:
        return intent not in NOT_OF_ORDERS
    policy = topics().get(intent)
    return policy is None or (policy.order is not OrderUse.NO and not (products and policy.product))


#: The form that goes on after a choice of products.
FORMS_OF_PRODUCTS: dict[str, str] = {"watch_stock": "stock_form"}

#: The form that an intent of a write opens.
FORMS: dict[str, str] = {
    "cancel_order": "cancel_form",
    "change_address": "address_form",
    "request_return": "aftersale_form",
    "request_exchange": "aftersale_form",
    "request_refund": "aftersale_form",
    "report_problem": "aftersale_form",
    "report_damaged": "aftersale_form",
    "report_missing_item": "aftersale_form",
    "report_wrong_item": "aftersale_form",
    "request_repair": "repair_form",
    "choose_slot": "slot_form",
    "request_invoice": "invoice_form",
    "change_invoice": "invoice_form",
    "claim_price_protection": "price_protection_form",
    "add_order_note": "note_form",
    "cancel_refund": "withdraw_form",
}


def answering(intent: str | None) -> ShopAction:
    """Return the action that answers a read's intent; the order's status where none is known."""
    known = _ACTIONS.get(intent or "")
    if known is None and intent is not None and intent in topics():
        return AnswerPolicy(intent)
    return (known or AskOrderStatus)()
