"""Cards in plain words, from the data that the actions really send."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from actions.cards import aftersale_card, order_card, shipment_card
from actions.recommend import products_card
from actions.shop.sql import SqlShop
from persona.wording.cards import CardTexts
from tests.support.shop import demo_shop


@pytest.fixture
def shop(tmp_path: Path) -> SqlShop:
    return demo_shop(tmp_path)[0]


TEXTS = CardTexts.load()


async def test_every_order_and_parcel_of_the_demo_can_be_said(shop: SqlShop) -> None:
    said = 0
    for number in range(1, 26):
        for order in await shop.orders(f"u10{number:02}"):
            words = TEXTS.say("order", json.loads(json.dumps(order_card(order))))
            assert order.order_number in words and order.items[-1].short_name in words
            assert f"{order.total.normalize():f} 元" in words or f"{order.total} 元" in words, words
            assert "\n\n" not in words
            if order.shipment:
                words = TEXTS.say("shipment", shipment_card(order, order.shipment))
                assert order.shipment.tracking_number in words
                assert order.shipment.trace[-1].text in words, "the newest step is told"
            said += 1
    assert said > 100
    await shop.close()


async def test_requests_and_products_can_be_said(shop: SqlShop) -> None:
    request = (await shop.after_sales("u1010"))[0]
    words = TEXTS.say("aftersale", aftersale_card(request, None))
    assert request.request_number in words
    picks = await shop.recommend(customer_id="u1001", limit=3)
    card = {**products_card(picks)}
    data = json.loads(json.dumps(card, default=str))
    words = TEXTS.say("products", data)
    assert all(product.name in words for product, _ in picks)
    await shop.close()


def test_what_cannot_be_said_is_left_out() -> None:
    assert TEXTS.say("order", {}) == ""
    assert TEXTS.say("hologram", {"number": "1"}) == ""


def test_facts_are_never_templates() -> None:
    data = {
        "items": [{"short_name": "{{ 7*7 }}", "quantity": 1}],
        "state_label": "x",
        "total": "1.00",
        "number": "{% raw %}",
    }
    assert "{{ 7*7 }}" in TEXTS.say("order", data)
