"""What the chat draws beside text: cards, pictures, what is hostile, and what each dress makes of it."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import expect

from tests.browser.conftest import LOOP
from tests.browser.waiting import until
from tests.browser.widget_stage import DESKTOP, WidgetStage
from tests.browser.widget_talk import CARDS, STYLES, card, talk

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope=LOOP)]

WIDE: dict[str, Any] = {**DESKTOP, "has_touch": False, "is_mobile": False}
HOSTILE = '<img src=x onerror="document.title=1"><b>粗</b>&amp;{{7*7}}'


async def test_an_order_says_how_it_stands_and_what_can_be_done(widget: WidgetStage) -> None:
    chat = await talk(widget)
    row = await chat.say("订单", card("order"))
    order = row.get_by_role("group", name="订单 202611200001")
    await expect(order.locator(".z-badge")).to_have_text("已发货")
    await expect(order.locator(".z-items li").nth(0)).to_contain_text("轻量缓震跑鞋 女款雾蓝 / 38 码¥399")
    await expect(order.locator(".z-items li").nth(1)).to_contain_text("白 · ×3¥39.50")
    facts = dict(await order.locator(".z-facts > div").evaluate_all(_PAIRS))
    assert facts == {"付款截止": "11月24日 24:00", "预计送达": "11月24日 18:00", "下单时间": "11月20日 09:12"}
    await expect(order.locator(".z-total")).to_have_text("共 4 件 · 运费 ¥8 · 优惠 −¥20合计 ¥379")
    await until(chat.page, "[...document.images].every((i) => i.complete && i.naturalWidth > 0)")
    await order.get_by_role("button", name="查物流").click()
    await expect(chat.page.locator(".mine .bubble").last).to_have_text("查物流 202611200001")
    await expect(order.get_by_role("button", name="查物流")).to_be_focused()  # no keyboard folds out


async def test_in_english_an_order_stands_in_english_and_what_is_unknown_as_the_shop_says(
    widget: WidgetStage,
) -> None:
    chat = await talk(widget, "?lang=en")
    for kind, code, shown in (
        ("order", "shipped", "On its way"),
        ("aftersale", "approved", "To be sent back"),
        ("order", "lost_at_sea", "漂着呢"),
    ):
        data = {**CARDS[kind], "state": code, "state_label": "漂着呢"}
        row = await chat.say(f"{kind} {code}", card(kind, data))
        await expect(row.locator(".z-badge")).to_have_text(shown)


async def test_a_parcels_way_is_told_newest_first_and_folded(widget: WidgetStage) -> None:
    chat = await talk(widget)
    row = await chat.say("物流", card("shipment"))
    await expect(row.locator(".z-trouble")).to_have_text("分拨中心积压")
    steps = row.locator(".z-steps li:visible")
    await expect(steps).to_have_count(3)
    await expect(steps.first).to_have_text("杭州分拨中心已发出，下一站：上海11月24日 10:40")
    await expect(steps.first).to_have_attribute("aria-current", "step")
    fold = row.locator("summary")
    await expect(fold).to_have_text("更早的 2 条")
    await fold.focus()
    await chat.page.keyboard.press("Enter")
    await expect(steps).to_have_count(5)
    await chat.wear("peace")  # it stays as she left it
    await expect(steps).to_have_count(5)
    request = await chat.say("售后", card("aftersale"))
    facts = dict(await request.locator(".z-facts > div").evaluate_all(_PAIRS))
    assert facts["退款金额"] == "¥379" and facts["审核截止"] == "11月22日 10:00" and "最晚到账" not in facts
    await expect(request.locator(".z-steps li")).to_have_text(["审核通过，请寄回商品11月21日 15:00"])


async def test_products_are_reached_by_keyboard_and_lead_on(widget: WidgetStage) -> None:
    chat = await talk(widget)
    row = await chat.say("推荐", card("products"))
    track = row.get_by_role("list", name="商品，共 4 件")
    items = row.get_by_role("listitem")
    await expect(items).to_have_count(4)
    await expect(items.first).to_contain_text(
        "因为您买过跑鞋听岚 Air 3 主动降噪真无线蓝牙耳机评分 4.8 · 月售 1102 件新品降噪¥399"
    )
    await expect(items.nth(1)).to_contain_text("缺货")
    await expect(items.nth(1).locator("img")).to_have_count(0)  # an address of somebody else is none
    back, on = row.get_by_role("button", name="上一件"), row.get_by_role("button", name="下一件")
    await expect(back).to_be_disabled()
    await on.focus()
    await chat.page.keyboard.press("Enter")
    await until(chat.page, "document.querySelector('.z-track').scrollLeft > 100")
    await expect(back).to_be_enabled()
    await track.evaluate("(t) => t.scrollTo({ left: t.scrollWidth, behavior: 'instant' })")
    await expect(on).to_be_disabled()
    await expect(row.locator(".z-turns")).to_contain_text("4 / 4")
    await items.nth(3).get_by_role("button", name="问问这件").click()
    await expect(chat.page.locator(".mine .bubble").last).to_have_text("问问这件")
    asked = await chat.asked('/ask_product_spec{"product_id": "p201"}')  # a tap: nothing is read from it
    assert "text" not in asked and asked["looking_at"]["product_id"] == "p201"


async def test_products_link_to_the_shops_pages(browser: Any, tmp_path: Any) -> None:
    address = "https://shop.example/p/{product_id}?from=chat"
    async with WidgetStage(tmp_path, browser, product_url=address) as stage:
        chat = await talk(stage)
        odd = {**CARDS["products"]["products"][0], "product_id": "../x y"}
        row = await chat.say("推荐", card("products", {"products": [CARDS["products"]["products"][2], odd]}))
        link = row.get_by_role("link", name="轻量腰包")
        await expect(link).to_have_attribute("href", "https://shop.example/p/p103?from=chat")
        await expect(link).to_have_attribute("target", "_top")
        await expect(row.get_by_role("link").nth(1)).to_have_attribute(
            "href", "https://shop.example/p/..%2Fx%20y?from=chat"
        )
        stage.check()


async def test_a_comparison_marks_what_differs(widget: WidgetStage) -> None:
    chat = await talk(widget)
    row = await chat.say("对比", card("comparison"))
    table = row.get_by_role("table", name="商品对比")
    assert await table.locator("thead th").evaluate_all("(all) => all.map((th) => th.scope)") == [
        "col",
        "col",
    ]
    labels = table.locator("tbody th")
    await expect(labels).to_have_text(["价格", "续航（不同）", "<b>重量</b>（不同）"])
    more = row.get_by_role("button", name="相同的 1 项也看看")
    await expect(more).to_have_attribute("aria-expanded", "false")
    await more.press("Enter")
    await expect(labels).to_have_count(4)
    await expect(table.locator("tbody tr", has_text="保修").locator("td")).to_have_text(
        ["12 个月", "12 个月"]
    )
    await expect(table.locator("tbody tr", has_text="重量").locator("td")).to_have_text(["4.6 克", "—"])
    region = row.get_by_role("region", name="商品对比")
    await expect(region).to_have_attribute("tabindex", "0")
    assert await chat.page.evaluate("document.documentElement.scrollWidth") == 360


async def test_coupons_and_policies(widget: WidgetStage) -> None:
    chat = await talk(widget)
    told = "翻了翻，您有 2 张券：\n① 全场满 199 元减 20 元，11月29日前\n② 美妆护肤 8.5 折"
    row = await chat.say("券", card("coupons", text=f"{told}\n订单满 199 元才可用。\n不用特意凑单。"))
    lines = ["翻了翻，您有 2 张券", "订单满 199 元才可用。", "不用特意凑单。"]
    await expect(row.locator(".z-coupons > p")).to_have_text(lines)  # nothing said is lost, nor said twice
    await expect(row.locator(".z-coupons > :nth-child(2)")).to_have_class("z-tickets")
    tickets = row.locator(".z-ticket")
    await expect(tickets.nth(0)).to_have_text("¥20满 ¥199 可用满减券可用全场11月29日 24:00 前有效")
    await expect(tickets.nth(1)).to_have_text("8.5 折无门槛新客专享已使用美妆护肤12月1日 18:00 前有效")
    row = await chat.say("运费", card("policy", text="没有质量问题的，运费由您承担。"))
    await expect(row.locator(".bubble")).to_have_text("没有质量问题的，运费由您承担。")
    summary = row.locator("summary")
    await expect(summary).to_have_text("规则原文：退货运费3 条")
    clauses = row.locator(".z-clauses > div")
    await expect(clauses.first).to_be_hidden()
    await summary.press("Enter")
    await expect(clauses.nth(1)).to_have_text("时限最晚 11月26日 24:00 前申请。")
    await expect(clauses.first.locator(".z-told")).to_have_text("上面说过")
    await expect(clauses.nth(1).locator(".z-told")).to_have_count(0)


async def test_hostile_and_broken_data_is_text_or_nothing(widget: WidgetStage) -> None:
    chat = await talk(widget)
    endless = "长" * 50_000
    junk: list[Any] = [None, 7, "x", [], {}, {"a": None}]
    item = {"name": HOSTILE, "picture": "javascript:alert(1)", "quantity": "NaN", "unit_price": {"a": 1}}
    order = {"number": HOSTILE, "state": "__proto__", "state_label": HOSTILE, "items": [*junk, item]}
    trace = [*junk, {"at": [], "text": HOSTILE}, {"place": endless}]
    shipment = {"number": "1", "trace": trace, "carrier": {}, "exception": endless}
    product: dict[str, Any] = {
        "name": HOSTILE,
        "product_id": {"x": 1},
        "rating": "☠",
        "tags": [HOSTILE, None, {}],
    }
    rows = [*junk, {"label": "重", "values": "abc", "differs": "yes"}]
    request = {"kind_label": ["退"], "number": 3, "items": {"length": 9}, "trace": "no"}
    coupon: dict[str, Any] = {
        "title": HOSTILE,
        "amount": [],
        "discount": None,
        "threshold": "x",
        "state": "constructor",
    }
    row = await chat.say(
        "怪",
        card("order", {**order, "total": "1e9", "pay_by": "gestern", "placed_at": 7}),
        card("shipment", shipment),
        card("products", {"products": [*junk, {**product, "sold_30_days": -1, "price": "free"}]}),
        card("comparison", {"products": [*junk, {"short_name": "甲"}], "rows": rows}),
        card("aftersale", {**request, "refund_amount": "-5.00"}),
        card("coupons", {"coupons": [*junk, coupon]}),
        card("policy", {"title": 5, "clauses": [*junk, {"text": HOSTILE, "label": {}, "told": "yes"}]}),
        card("products", {"products": None}, "没有商品的卡片"),
        card("policy", {"clauses": {}}, "没有条款的卡片"),
        card("hologram", {"x": 1}, "看不懂的卡片也有文字"),
        card("constructor", {"x": 1}, "连原型也不是卡片"),
    )
    await expect(row.locator(".bubble")).to_have_text("连原型也不是卡片")
    for said in ("没有商品的卡片", "没有条款的卡片", "看不懂的卡片也有文字"):
        await expect(chat.page.get_by_text(said, exact=True)).to_be_visible()
    await expect(chat.page.locator(".z-card")).to_have_count(7)
    await expect(chat.page.locator(".z-order .z-items")).to_contain_text(HOSTILE)
    assert await chat.page.locator(".log img").count() == 0
    assert await chat.page.locator(".log a").count() == 0
    assert await chat.page.title() != "1"
    longest = await chat.page.locator(".z-card").evaluate_all(
        "(all) => Math.max(...all.map((c) => c.textContent.length))"
    )
    assert longest < 3000
    assert await chat.page.evaluate("document.documentElement.scrollWidth") == 360


async def test_a_picture_is_our_own_and_opens_large(widget: WidgetStage) -> None:
    chat = await talk(widget)
    await chat.say("在吗")
    message = {
        **{"type": "picture", "author": "agent", "at": "2026-11-22T10:00:00+08:00", "in_reply_to": None},
        **{"url": "/static/pictures/p104.svg", "width": 400, "height": 800, "text": "尺码表"},
    }
    for at, url in enumerate(
        (message["url"], "https://evil.example/a.png", "javascript:alert(1)", None, "/static/none.png")
    ):
        await chat.tell({**message, "seq": 900 + at, "url": url})
    button = chat.page.get_by_role("button", name="放大看：尺码表")
    await expect(button).to_have_count(1)
    await expect(chat.page.get_by_text("尺码表", exact=True)).to_have_count(4)
    box = await button.bounding_box()
    assert box["height"] < 300  # its place was kept, and is not all of the page
    await button.focus()
    await chat.page.keyboard.press("Enter")
    dialog = chat.page.get_by_role("dialog", name="尺码表")
    await expect(dialog.get_by_role("img", name="尺码表")).to_be_visible()
    await chat.page.keyboard.press("Escape")
    await expect(dialog).to_have_count(0)
    await expect(button).to_be_focused()


async def test_each_dress_arranges_in_its_own_way(widget: WidgetStage) -> None:
    chat = await talk(widget, **WIDE)
    await chat.page.route("**/api/v1/shelf/arrivals", _arrivals)
    await chat.say("看看", card("shipment"), card("products"), card("comparison"), card("policy"))
    page = chat.page
    bar = page.get_by_role("navigation", name="常用")
    menu = page.get_by_role("button", name="常用")
    seen: dict[str, dict[str, Any]] = {}
    for style in STYLES:
        await chat.wear(style)
        await expect(bar).to_have_count(1 if style == "power" else 0)
        await expect(page.locator(".z-arrivals")).to_have_count(1 if style == "lively" else 0)
        await chat.settled()
        seen[style] = await page.evaluate(_LOOKS)
    assert [style for style in STYLES if seen[style]["open"] == 2] == ["perfect"]
    assert [style for style in STYLES if seen[style]["rows"] == 4] == ["perfect"]
    assert [style for style in STYLES if seen[style]["picture"] > 150] == ["perfect", "lively"]
    assert len({looks["accent"] for looks in seen.values()}) == len(STYLES)
    assert len({looks["page"] for looks in seen.values()}) == len(STYLES)
    assert seen["power"]["padding"] < seen["neutral"]["padding"] < seen["peace"]["padding"]

    names = ["查物流", "我的订单", "退换货", "找人工"]
    await menu.click()
    choices = page.locator(".z-menu li button")
    await expect(choices).to_have_text(names)
    await expect(choices.first).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(menu).to_be_focused()
    await chat.wear("power")
    await expect(bar.get_by_role("button")).to_have_text(names)
    await bar.get_by_role("button", name="找人工").click()
    await expect(page.locator(".mine .bubble").last).to_have_text("找人工")
    await chat.asked("/ask_human")  # a tap: nothing is read from it


async def test_the_dress_changes_softly_and_moves_nothing(widget: WidgetStage) -> None:
    chat = await talk(widget)
    await chat.page.route("**/api/v1/shelf/arrivals", _arrivals)
    for at in range(3):
        await chat.say(f"看看{at}", card("shipment"), card("products"), card("policy"))
    page = chat.page
    reading = page.locator(".z-card").nth(4)
    await reading.evaluate("(card) => card.scrollIntoView({ block: 'start' })")
    await page.locator("#input").focus()
    await page.evaluate("document.getElementById('scroll').scrollTop += 20")
    for style in ("power", "perfect", "lively", "peace"):
        read = await page.evaluate(_READ)
        await chat.wear(style)
        await expect(page.locator(".z-arrivals")).to_have_count(1 if style == "lively" else 0)
        moved = await page.locator(f'[data-seq="{read["seq"]}"]').evaluate(
            "(row, top) => row.getBoundingClientRect().top - top", read["top"]
        )
        assert abs(moved) <= 1.5, style
        await expect(page.locator("#input")).to_be_focused()
        await chat.settled()
    await page.evaluate(_WATCH)
    await chat.wear("power")
    await until(page, "window.faded.length === 1 && Math.abs(window.faded[0] - 0.4) < 0.01")
    await page.emulate_media(reduced_motion="reduce")
    await chat.wear("lively")
    assert await page.evaluate("document.getAnimations().length") == 0


#: Names and values of a list of facts.
_PAIRS = (
    "(all) => all.map((row) => [row.querySelector('dt').textContent, row.querySelector('dd').textContent])"
)
#: What a dress makes of the page.
_LOOKS = """(() => {
  const css = (name) => getComputedStyle(document.querySelector(name));
  return {
    open: document.querySelectorAll(".log details[open]").length,
    rows: document.querySelectorAll(".log .z-comparison tbody tr").length,
    picture: document.querySelector(".z-products:not(.z-arrivals) .z-drawing").getBoundingClientRect().width,
    accent: css(".z-products .z-price").color,
    page: css("body").backgroundColor,
    padding: parseFloat(css(".z-shipment").paddingTop),
  };
})()"""
#: Keeps how long the accent's colour took to change.
_WATCH = """window.faded = [];
document.documentElement.addEventListener("transitionend", (event) => {
  if (event.propertyName === "--accent") window.faded.push(event.elapsedTime);
});"""
#: The message that is read: the one at a third of the list's height.
_READ = """(() => {
  const box = document.getElementById("scroll").getBoundingClientRect();
  const eyes = box.top + box.height / 3;
  const above = (one) => one.getBoundingClientRect().top <= eyes;
  const row = [...document.querySelectorAll(".log > [data-seq]")].findLast(above);
  return { seq: row.dataset.seq, top: row.getBoundingClientRect().top };
})()"""


async def _arrivals(route: Any) -> None:
    await route.fulfill(json=CARDS["products"])
