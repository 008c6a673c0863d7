"""The demo shop with the chat in it, as a customer's shop would have it: real front, shop and browser."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import jwt
import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.browser.conftest import LOOP
from tests.browser.waiting import until
from tests.browser.widget_stage import DESKTOP, PHONE, WidgetStage
from tests.browser.widget_talk import card

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope=LOOP)]

JACKET = "p301"


@pytest_asyncio.fixture(loop_scope=LOOP)
async def shop(browser: Any, tmp_path: Path) -> AsyncIterator[WidgetStage]:
    async with WidgetStage(tmp_path, browser, with_shop=True) as stage:
        yield stage
        stage.check()


async def pick(page: Any, name: str) -> None:
    """Choose a demo shopper in the head of the page."""
    await page.locator("#who").click()
    await page.get_by_role("dialog").get_by_role("button", name=name).click()
    await expect(page.locator("#who-name")).to_have_text("未登录" if name == "不登录" else name)


async def say(frame: Any, text: str) -> None:
    await frame.locator("#input").fill(text)
    await frame.locator("#input").press("Enter")
    await frame.locator(".theirs", has_text=f"答：{text}").last.wait_for()


def turn(shop: WidgetStage, text: str) -> tuple[dict[str, Any], str | None]:
    """The turn of a message as Rasa got it, and whom its assertion names."""
    found = [call for call in shop.rasa.calls if call.get("text") == text][-1]
    claims = jwt.decode(found["assertion"], options={"verify_signature": False})
    return found, claims.get("sub")


async def test_from_the_shelf_to_a_question_about_what_is_looked_at(shop: WidgetStage) -> None:
    page = await shop.visit(shop.origin + "/", options=DESKTOP)
    await expect(page).to_have_url(shop.origin + "/demo/")
    await expect(page.locator(".tile")).to_have_count(67)
    assert await page.locator("script[src='/widget.js']").count() == 1
    await expect(page.locator("#line")).to_have_text(
        f'<script src="{shop.origin}/widget.js" data-token="…" async></script>'
    )
    await page.get_by_role("link", name="服饰鞋包").click()
    await expect(page.locator(".tile")).to_have_count(11)
    await pick(page, "陈锐")
    await page.locator(f".tile[href$={JACKET}]").click()
    await expect(page.locator("h1")).to_have_text("栖川 90 白鹅绒轻薄羽绒服（女）")
    await expect(page.locator(".price-large")).to_have_text("¥499")
    await expect(page.locator(".stock")).to_have_text("有货")
    await page.get_by_role("radio", name="雾黑 / XL").check()
    await expect(page.locator(".stock")).to_have_text("暂时缺货")
    await expect(page.locator(".facts").filter(has_text="卖家")).to_contain_text("知心商城自营")
    await page.get_by_role("button", name="问问客服").click()
    frame = await shop.frame(page)
    await say(frame, "这个多少钱")
    asked, who = turn(shop, "这个多少钱")
    assert asked["looking_at"] == {"product_id": JACKET} and who == "u1001"

    # Another page of the shop leaves the chat as it is, and the next message is about that page.
    await page.get_by_role("link", name="我的订单").click()
    await expect(page.locator("h1")).to_have_text("我的订单")
    await say(frame, "都有什么")
    assert "looking_at" not in turn(shop, "都有什么")[0]
    number = (await page.locator(".order h2 a").first.inner_text()).removeprefix("订单 ")
    await page.get_by_role("link", name=f"订单 {number}").click()
    await expect(page.locator("h1")).to_have_text(f"订单 {number}")
    await expect(page).to_have_url(f"{shop.origin}/demo/orders/{number}")
    await say(frame, "到哪了")
    assert turn(shop, "到哪了")[0]["looking_at"]["order_number"] == number
    await page.go_back()
    await expect(page.locator("h1")).to_have_text("我的订单")


async def test_another_shopper_sees_nothing_of_the_one_before(shop: WidgetStage) -> None:
    page = await shop.visit(shop.origin + "/demo/orders")
    await expect(page.locator("main")).to_contain_text("登录后才看得到订单")
    await pick(page, "陈锐")
    await page.locator(".order h2 a").first.wait_for()
    first = set(await page.locator(".order h2 a").all_inner_texts())
    frame = await shop.open_widget(page)
    await say(frame, "我的秘密")
    await pick(page, "林静文")
    hers = "[...document.querySelectorAll('.order h2 a')].map((one) => one.innerText)"
    await until(page, f"(before) => !{hers}.some((one) => before.includes(one))", [*first])
    await frame.locator(".log .theirs").first.wait_for()
    await expect(frame.locator(".mine")).to_have_count(0)
    await say(frame, "我是谁")
    assert turn(shop, "我是谁")[1] == "u1006"
    await page.locator(".order h2 a").first.wait_for()
    second = set(await page.locator(".order h2 a").all_inner_texts())
    assert first and second and not first & second

    # Somebody else's order is as if it were not there.
    theirs = first.pop().removeprefix("订单 ")
    await page.goto(f"{shop.origin}/demo/orders/{theirs}")
    await expect(page.locator("h1")).to_have_text("没有找到")
    await expect(page.locator("#who-name")).to_have_text("林静文")

    # Who logs out is nobody; who comes back finds what was said.
    frame = await shop.open_widget(page)
    await pick(page, "不登录")
    await expect(frame.locator(".mine")).to_have_count(0)
    await page.get_by_role("link", name="我的订单").click()
    await expect(page.locator("main")).to_contain_text("登录后才看得到订单")
    await pick(page, "陈锐")
    await expect(frame.locator(".mine").first).to_contain_text("我的秘密")
    await expect(frame.locator(".log")).not_to_contain_text("我是谁")


async def test_a_product_that_the_chat_names_is_opened_beside_it(shop: WidgetStage) -> None:
    row = {
        "product_id": "p201",
        "name": "暖屿电饭煲",
        "price": "429.00",
        "picture": "pictures/p201.svg",
        "stock": 3,
    }
    shop.says["推荐"] = {"replies": [card("products", {"products": [row]})]}
    for options, stays in ((DESKTOP, True), (PHONE, False)):
        page = await shop.visit(shop.origin + "/demo/", options=options)
        frame = await shop.open_widget(page)
        await frame.locator("#input").fill("推荐")
        await frame.locator("#input").press("Enter")
        await frame.get_by_role("link", name="暖屿电饭煲").click()
        await expect(page.locator("h1")).to_have_text("暖屿 IH 电磁加热电饭煲 4 升")
        await expect(page).to_have_url(f"{shop.origin}/demo/p/p201")
        await expect(page.locator("zhixin-chat .root")).to_have_class(
            "root open ready" if stays else "root ready"
        )
        await page.close()

    # A shop that does not listen is left for the product's page.
    page = await shop.page()
    frame = await shop.open_widget(page)
    await frame.locator("#input").fill("推荐")
    await frame.locator("#input").press("Enter")
    await frame.get_by_role("link", name="暖屿电饭煲").click()
    await expect(page).to_have_url(f"{shop.origin}/demo/p/p201")


async def test_a_token_that_ends_is_renewed(shop: WidgetStage) -> None:
    page = await shop.visit(shop.origin + "/demo/orders")
    await pick(page, "陈锐")
    await page.locator(".order").first.wait_for()
    spoiled = """() => {
        const kept = JSON.parse(sessionStorage.getItem('zhixin-demo-shopper'));
        sessionStorage.setItem('zhixin-demo-shopper', JSON.stringify({ ...kept, %s }));
    }"""
    for ended in ("renew_at: 0", "token: 'spoiled'"):  # known to end, and refused unexpectedly
        await page.evaluate(spoiled % ended)
        async with page.expect_response("**/demo/login") as login:
            await page.reload()
        assert (await login.value).ok
        await page.locator(".order").first.wait_for()
    await page.evaluate(spoiled % "customer_id: 'nobody', renew_at: 0")
    await page.reload()
    await expect(page.locator("#who-name")).to_have_text("未登录")


async def test_keys_alone_and_what_does_not_answer(shop: WidgetStage) -> None:
    page = await shop.visit(shop.origin + "/demo/p/p201", options=PHONE)
    await page.locator(".product").wait_for()
    assert await page.evaluate("document.documentElement.scrollWidth") == 360
    await page.keyboard.press("Tab")
    await expect(page.get_by_text("跳到正文")).to_be_focused()
    await page.locator("#who").focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="不登录")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog", name="选一位演示顾客")).to_be_hidden()
    await expect(page.locator("#who")).to_be_focused()
    await page.goto(shop.origin + "/demo/p/p999")
    await expect(page.locator("h1")).to_have_text("没有找到")
    await page.route("**/demo/products/p201", lambda route: route.abort())
    await page.goto(shop.origin + "/demo/p/p201")
    await expect(page.locator("h1")).to_have_text("暂时打不开")
    await page.unroute("**/demo/products/p201")
    await page.get_by_role("button", name="再试一次").click()
    await expect(page.locator("h1")).to_have_text("暖屿 IH 电磁加热电饭煲 4 升")
