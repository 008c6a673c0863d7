"""Takes the pictures of ``docs/images`` anew: ``python -m tests.browser.screenshots [FOLDER]``.

Front, shop, words and browser are real; Rasa's stand-in answers with what the actions would say of the demo
shop's data, in the words of each style.
"""

from __future__ import annotations

import asyncio
import io
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from actions.comparing import _table
from actions.shop.cards import comparison_card, products_card, shipment_card
from actions.shop.models import OrderState
from bot.desk.assist.labels import shop_label
from tests.bot.conversation.rasa_stub import answer
from tests.bot.desk.stage import wording
from tests.browser.conftest import find_browser
from tests.browser.widget_stage import WidgetStage
from tests.browser.widget_talk import Talk, talk

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
WIDTH, HEIGHT = 360, 740
GAP = 20
#: Colours of a picture that stay exactly as they are.
COLOURS = 64
LARGEST = 250_000

#: Style -> what is asked there.
SCENES = {
    "power": "手表到哪了，快点",
    "perfect": "听岚 Air 3 和听岚 Max 的参数对比一下",
    "peace": "衣服要是不合适，能退吗",
    "lively": "哈喽～最近上了什么新品呀",
}
Replies = list[dict[str, Any]]


def spoken(
    response: str, facts: Mapping[str, Any], style: str, options: Sequence[Any] = ()
) -> dict[str, Any]:
    """What Rasa's channel gives for a response."""
    said = wording().say(response, facts, style, options)
    reply = {"text": said.text, "buttons": [{"title": b.title, "payload": b.payload} for b in said.buttons]}
    return reply if said.card is None else {**reply, "custom": dict(said.card)}


def drawn(name: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """What it gives for a card."""
    return {"custom": {"type": "card", "card": name, "data": data, "text": "卡片"}}


async def parcel(shop: Any, style: str) -> Replies:
    """Where her parcel is."""
    order = next(o for o in await shop.orders("u1001") if o.state is OrderState.SHIPPED)
    shipment, last = order.shipment, order.shipment.trace[-1]
    facts = {
        "items": [item.short_name for item in order.items],
        "carrier": shipment.carrier,
        "tracking_number": shipment.tracking_number,
        "expected_by": shipment.expected_by.isoformat(),
        "place": last.place,
        "last_at": last.at.isoformat(),
        "last_text": last.text,
    }
    steps = [
        {"id": step, "args": {"order_number": order.order_number}}
        for step in ("urge_shipment", "request_refund")
    ]
    return [
        spoken("utter_track_moving", facts, style, steps),
        drawn("shipment", shipment_card(order, shipment, shop_label)),
    ]


async def comparison(shop: Any, style: str) -> Replies:
    """Two headphones side by side."""
    products = [await shop.product(one) for one in ("p101", "p102")]
    cheap, dear = sorted(products, key=lambda product: product.price)
    table = _table(products)
    facts = {
        "products": [product.short_name for product in products],
        "prices": [{"name": product.short_name, "price": str(product.price)} for product in products],
        "same": False,
        "cheapest": cheap.short_name,
        "saving": str(dear.price - cheap.price),
    }
    steps = [
        {
            "id": "choose_product",
            "args": {"product": p.short_name, "product_id": p.product_id, "intent": "ask_product_spec"},
        }
        for p in products
    ]
    return [
        spoken("utter_comparison", facts, style, steps),
        drawn("comparison", comparison_card(products, table)),
    ]


async def policy(_shop: Any, style: str) -> Replies:
    """Whether it may be sent back."""
    clauses = [
        ("conclusion", "可以退，没有质量问题的，寄回运费由您承担；有质量问题的，由我们承担。", True),
        ("condition", "商品完好、吊牌和配件齐全，不影响再次销售。", True),
        ("deadline", "最晚 11月26日 24:00 前申请。", True),
        ("step", "在订单页点“申请退货”，24 小时内审核。", False),
        ("fee", "有运费险的，退货完成后由保险公司按保单赔付。", False),
    ]
    told = [{"part": part, "text": text, "core": core} for part, text, core in clauses]
    facts = {"clauses": told, "rule": "七天无理由退货", "cited": True}
    return [spoken("utter_policy_yes", facts, style, ["request_return", "ask_human"])]


async def arrivals(shop: Any, style: str) -> Replies:
    """What is new."""
    products = [await shop.product(one) for one in ("p506", "p303", "p110")]
    fresh = sorted(products, key=lambda product: product.listed_on, reverse=True)
    rows = [
        {
            "name": p.short_name,
            "price": str(p.price),
            "listed_on": p.listed_on.isoformat(),
            "warranty_months": p.warranty_months,
        }
        for p in fresh
    ]
    picks = [(product, "new") for product in fresh]
    return [
        spoken("utter_new_arrivals", {"picks": rows}, style, ["ask_recommendation"]),
        drawn("products", products_card(picks, shop_label)),
    ]


ANSWERS = {"power": parcel, "perfect": comparison, "peace": policy, "lively": arrivals}


async def dress(stage: WidgetStage, style: str) -> Image.Image:
    """One conversation in one dress."""
    text = SCENES[style]
    stage.says[text] = {"replies": await ANSWERS[style](stage.shop, style)}
    chat: Talk = await talk(stage, device_scale_factor=1, reduced_motion="reduce")
    await chat.say(text, *stage.says[text]["replies"])
    await chat.wear(style)
    await settle(chat.page)
    await chat.page.evaluate("document.activeElement.blur()")
    if style != "lively":  # there the pictures are what is to be seen
        await chat.page.locator(".mine").last.evaluate("(one) => one.scrollIntoView()")
    await settle(chat.page)
    return Image.open(io.BytesIO(await chat.page.screenshot())).convert("RGB")


async def shop_page(stage: WidgetStage) -> Image.Image:
    """The demo shop on a desk with the chat open."""
    text = "这件不合身能退吗"
    clauses = [{"part": "conclusion", "text": "签收后 7 天内可以退，不影响再次销售就行。", "core": True}]
    facts = {"clauses": clauses, "rule": "七天无理由退货", "cited": True}
    stage.says[text] = {
        "replies": [spoken("utter_policy_yes", facts, "neutral", ["request_return", "ask_human"])]
    }
    page = await stage.visit(
        stage.origin + "/demo/p/p301", options={"viewport": {"width": 1440, "height": 820}}
    )
    await page.locator("#who").click()
    await page.get_by_role("dialog").get_by_role("button", name="方一诺").click()
    await page.get_by_role("button", name="问问客服").click()
    frame = await stage.frame(page)
    await frame.locator("#input").fill(text)
    await frame.locator("#input").press("Enter")
    await frame.locator(".theirs", has_text="7 天内可以退").wait_for()
    await settle(page)
    await settle(frame)
    return Image.open(io.BytesIO(await page.screenshot())).convert("RGB")


async def settle(page: Any) -> None:
    """Wait until pictures are there and nothing moves."""
    await page.evaluate("Promise.all([...document.images].map((one) => one.decode().catch(() => {})))")
    await page.evaluate("document.fonts.ready.then(() => {})")
    await page.evaluate("Promise.allSettled(document.getAnimations().map((one) => one.finished))")


def opening(turn: Mapping[str, Any]) -> Replies:
    """What is said when a chat begins."""
    steps = ["list_orders", "request_return", "ask_recommendation", "ask_human"]
    return [spoken("utter_welcome", {}, "neutral", steps)]


def lean(picture: Image.Image) -> Image.Image:
    """Keep the commonest colours, of which a dress is made, as they are, and make those between coarser."""
    pixels = np.asarray(picture, dtype=np.uint32)
    colours = pixels @ np.array([1 << 16, 1 << 8, 1], dtype=np.uint32)
    known, counts = np.unique(colours, return_counts=True)
    common = np.isin(colours, known[np.argsort(counts)[-COLOURS:]])
    coarse = (pixels & 0xF8) | 4
    return Image.fromarray(np.where(common[..., None], pixels, coarse).astype(np.uint8))


def save(picture: Image.Image, file: Path) -> None:
    """Write a small PNG."""
    lean(picture).save(file, optimize=True)
    size = file.stat().st_size
    print(f"{file.name}: {picture.width} × {picture.height}, {size // 1000} KB")
    if size > LARGEST:
        raise SystemExit(f"{file} is larger than {LARGEST // 1000} KB")


def side_by_side(pictures: Sequence[Image.Image]) -> Image.Image:
    """Put pictures beside one another on a quiet ground."""
    whole = Image.new("RGB", (len(pictures) * (WIDTH + GAP) + GAP, HEIGHT + 2 * GAP), "#d9dde3")
    for at, picture in enumerate(pictures):
        whole.paste(picture, (GAP + at * (WIDTH + GAP), GAP))
    return whole


async def take(folder: Path) -> None:
    """Take all pictures."""
    from playwright.async_api import async_playwright

    executable = find_browser()
    if executable is None:
        raise SystemExit("no chromium is installed (name one with ZHIXIN_TEST_BROWSER)")
    with tempfile.TemporaryDirectory() as data:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
            async with WidgetStage(Path(data), browser, with_shop=True, speaker=wording()) as stage:

                def said(turn: dict[str, Any]) -> dict[str, Any]:
                    more = (
                        {"replies": opening(turn)}
                        if "event" in turn
                        else stage.says.get(turn.get("text") or "", {})
                    )
                    return answer(turn, **{**more, "belief": None, "reading": None})

                stage.rasa.script = said
                save(side_by_side([await dress(stage, style) for style in SCENES]), folder / "dresses.png")
                save(await shop_page(stage), folder / "demo-shop.png")
            await browser.close()


if __name__ == "__main__":
    asyncio.run(take(Path(sys.argv[1]) if len(sys.argv) > 1 else IMAGES))
