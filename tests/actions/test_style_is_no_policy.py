"""The style of service changes words only: the same facts, steps, cards and events for every temperament."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from actions import base
from actions.address import AddressForm
from actions.aftersale import AfterSaleForm, AskAfterSaleProgress, AskReturnPolicy
from actions.cancel import CancelForm
from actions.invoice import AskInvoice, AskInvoiceReissue, AskInvoiceStatus, InvoiceForm
from actions.logistics import TrackShipment, UrgeShipment
from actions.order import AskOrderStatus, ListOrders
from actions.praise import TakePraise
from actions.price_protection import AskPriceProtection
from actions.promotion import (
    CheckCoupons,
    ClaimCoupon,
    ShowCoupons,
    TellCouponReturn,
    TellPromotions,
    TellStacking,
)
from actions.shop.models import OrderState
from tests.shop.helpers import order_in
from tests.support.forms import FormStage
from tests.support.shop import demo_shop
from tests.support.stage import Stage

pytestmark = pytest.mark.slow

TEMPERAMENTS = ["neutral", "power", "perfect", "peace", "lively", None]

READS = {
    "ask_order_status": AskOrderStatus,
    "list_orders": ListOrders,
    "track_shipment": TrackShipment,
    "urge_shipment": UrgeShipment,
    "ask_aftersale_progress": AskAfterSaleProgress,
    "ask_return_policy": AskReturnPolicy,
    "ask_coupons": ShowCoupons,
    "ask_coupon_problem": CheckCoupons,
    "ask_promotions": TellPromotions,
    "ask_stacking": TellStacking,
    "claim_coupon": ClaimCoupon,
    "ask_coupon_return": TellCouponReturn,
    "ask_invoice": AskInvoice,
    "ask_invoice_status": AskInvoiceStatus,
    "ask_invoice_reissue": AskInvoiceReissue,
    "ask_price_protection": AskPriceProtection,
    "praise_service": TakePraise,
}
FORMS = {
    "cancel_order": (CancelForm, OrderState.PAID, ""),
    "change_address": (AddressForm, OrderState.PAID, "改成杭州市西湖区文三路88号3栋502"),
    "request_refund": (AfterSaleForm, OrderState.EXCEPTION, "等太久了退款"),
    "request_invoice": (InvoiceForm, OrderState.DELIVERED, "开个人的电子发票"),
}


@pytest.mark.parametrize("intent", list(READS))
async def test_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, intent: str) -> None:
    told: list[Any] = []
    for temperament in TEMPERAMENTS:
        monkeypatch.setattr(base, "_budgets", base._Budgets())
        shop, _ = demo_shop(tmp_path)
        stage = Stage(shop, customer_id="u1018", conversation="c_same", slots={"temperament": temperament})
        scene = await stage.play(READS[intent](), "帮我看看", intent=intent)
        told.append((scene.messages, scene.events))
        await shop.close()
    assert told[0][0]
    assert all(one == told[0] for one in told)


@pytest.mark.parametrize("intent", list(FORMS))
async def test_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, intent: str) -> None:
    action, state, text = FORMS[intent]
    told: list[Any] = []
    for temperament in TEMPERAMENTS:
        monkeypatch.setattr(base, "_budgets", base._Budgets())
        shop, _ = demo_shop(tmp_path)
        order = await order_in(shop, state)
        stage = Stage(
            shop,
            customer_id=order.customer_id,
            conversation="c_same",
            slots={"temperament": temperament},
        )
        form = FormStage(stage, action())
        asked = await form.open(text, intent=intent, entities={"order_number": order.order_number})
        done = await form.confirm()
        everything = repr((asked.messages, asked.events, done.messages, done.events))
        # A request's number is drawn by lot.
        told.append(everything.replace(done.facts.get("request", "-no request-"), "R"))
        await shop.close()
    assert "confirm_write" in told[0]
    assert set(told) == {told[0]}
