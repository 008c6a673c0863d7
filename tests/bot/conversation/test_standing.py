"""Steps that are offered at all times: taps like any other, whatever was offered."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from bot.conversation.standing import standing_button, steps
from bot.conversation.types import OutButton
from tests.bot.conversation.harness import Front
from tests.bot.conversation.rasa_stub import RasaStub

OPTIONS = Path(__file__).parents[3] / "persona" / "wording" / "options.yml"


async def test_a_standing_step_is_a_tap(front: Front, rasa: RasaStub) -> None:
    shopper = await front.open("u1001")
    assert (await shopper.post(button="menu-orders")).status == 200
    assert (await shopper.post(button="menu-track-202611200001")).status == 200
    assert (await shopper.post(button="menu-product-p_7-b")).status == 200
    orders, track, product = rasa.calls[-3:]
    assert orders["payload"] == "/list_orders" and "text" not in orders
    assert track["payload"] == '/track_shipment{"order_number": "202611200001"}'
    assert product["payload"] == '/ask_product_spec{"product_id": "p_7-b"}' and "text" not in product
    said = [m["text"] for m in await shopper.messages() if m["author"] == "shopper"]
    assert said == ["我的订单", "查物流 202611200001", "问问这件"]
    refused = await shopper.post(button="menu-nothing")
    assert (refused.status, refused.json["error"]["code"]) == (422, "unknown_button")


@pytest.mark.parametrize(
    "button_id", ["menu-", "menu-track-", "menu-track-1-2", "menu-human-1", "xmenu-track", "menu-__class__"]
)
def test_other_ids_are_no_step(button_id: str) -> None:
    assert standing_button(button_id) is None


def test_every_step_leads_where_an_option_leads() -> None:
    options = yaml.safe_load(OPTIONS.read_text(encoding="utf-8")).values()
    intents = {option.get("intent"): option.get("args", []) for option in options}
    for name, step in steps().items():
        assert step["intent"] in intents
        button = standing_button(f"menu-{name}")
        assert button == OutButton(step["title"], f"/{step['intent']}")
        if "about" in step:
            named = standing_button(f"menu-{name}-A1")
            assert named is not None and json.loads(named.payload.removeprefix(f"/{step['intent']}")) == {
                step["about"]: "A1"
            }
