"""One conversation's page: the transcript with its evidence, links, masks, and what no shopper sees."""

from __future__ import annotations

import asyncio
import html
import json
import re
from urllib.parse import quote

import pytest

from bot.conversation.types import Author, Kind
from tests.bot.conversation.harness import until
from tests.bot.desk.harness import Browser
from tests.bot.desk.stage import Stage, reading

URGENT = "赶紧的，别废话"


async def page_of(browser: Browser, cid: str) -> str:
    got = await browser.get(f"/desk/c/{cid}")
    assert got.status == 200, got.text
    return got.text


def words(text: str, seq: int) -> str:
    """The words of a message as a reader sees them."""
    item = re.search(rf'id="m-{seq}".*?</li>', text, re.DOTALL)
    assert item is not None
    found = re.search(r'<p class="words">(.*?)</p>', item[0], re.DOTALL)
    assert found is not None
    return html.unescape(re.sub(r"<[^>]+>", "", found[1]))


async def test_messages_show_intent_and_evidence(stage: Stage) -> None:
    await stage.agent("limin", "李敏")
    browser = await stage.browser("limin")
    stage.says[URGENT] = {
        "reading": reading(URGENT, [("lexicon:power.hurry", "赶紧", "power", 2.4)], power=0.8),
        "intent": {"name": "urge_shipment", "confidence": 0.42},
        "replies": [{"text": "已经催了", "buttons": [{"title": "查物流", "payload": "/track_shipment"}]}],
    }
    shopper = await stage.shopper("u1002")
    await shopper.say(URGENT)
    text = await page_of(browser, shopper.conversation_id)
    mark = re.search(r'<mark class="evidence power"[^>]*data-tip="([^"]+)"><bdi>([^<]+)</bdi></mark>', text)
    assert mark is not None
    assert mark[2] == "赶紧"
    assert mark[1].startswith("力量型 · ")
    assert "很明显（+2.4）" in mark[1]
    assert '<span class="intent unsure"' in text
    assert "催单 42%" in text
    assert "查物流" in text
    assert 'class="day"' in text
    assert "今天" in text


@pytest.mark.parametrize(
    "nasty",
    [
        "<script>alert(1)</script>",
        "{{7*7}}{% raw %}",
        '"><img src=x onerror=alert(1)>',
        "a" * 1000,
        "正常\u202egnp.exe\u202c结束",
        "javascript:alert(1)",
    ],
)
async def test_words_of_shoppers_stay_words(stage: Stage, nasty: str) -> None:
    await stage.agent("limin", "李敏")
    browser = await stage.browser("limin")
    stage.says[nasty] = {"reading": reading(nasty, [("lexicon:x.y", nasty[:1], "power", 1.0)]), "replies": []}
    shopper = await stage.shopper()
    await shopper.say(nasty)
    text = await page_of(browser, shopper.conversation_id)
    asked = [m for m in await shopper.messages() if m["author"] == "shopper"]
    shown = words(text, asked[0]["seq"])
    assert shown == nasty.replace("\u202e", "[U+202E]").replace("\u202c", "[U+202C]")
    assert "<script>alert" not in text
    assert "<img src=x" not in text
    assert 'href="javascript' not in text
    side = await browser.get(f"/desk/c/{shopper.conversation_id}/customer")
    assert side.status == 200
    assert "<script>alert" not in side.text
    assert "<img src=x" not in side.text


async def test_links_lead_to_a_warning_first(stage: Stage) -> None:
    await stage.agent("limin", "李敏")
    browser = await stage.browser("limin")
    shopper = await stage.shopper()
    target = "https://shop.example/p?id=1&x=<b>"
    await shopper.say(f"看 {target}")
    text = await page_of(browser, shopper.conversation_id)
    href = re.search(r'<a class="out" href="([^"]+)"[^>]*rel="noopener noreferrer"', text)
    assert href is not None
    assert href[1].startswith("/desk/leave?to=https%3A%2F%2Fshop.example")
    assert 'href="https://shop' not in text
    page = await browser.get(html.unescape(href[1]))
    assert page.status == 200
    assert "要打开外部网址吗" in page.text
    for bad in ("javascript:alert(1)", "https://a@b.example/", "data:text/html,x", ""):
        assert (await browser.get(f"/desk/leave?to={quote(bad)}")).status == 400


async def test_personal_numbers_are_opened_on_purpose_only(stage: Stage) -> None:
    await stage.agent("limin", "李敏")
    browser = await stage.browser("limin")
    shopper = await stage.shopper("u1002")
    await shopper.say("我手机 13812345678，卡号 6222021234567890123")
    cid = shopper.conversation_id
    text = await page_of(browser, cid)
    assert "13812345678" not in text
    assert "6222021234567890123" not in text
    assert "138****5678" in text
    seq = next(m["seq"] for m in await shopper.messages() if m["author"] == "shopper")
    opened = await browser.post(f"/desk/c/{cid}/reveal", {"what": f"message:{seq}"})
    assert words(opened.text, seq) == "我手机 13812345678，卡号 6222021234567890123"
    assert "13812345678" not in await page_of(browser, cid)
    entry = next(e for e in await stage.desk.log() if e.action == "reveal")
    assert (entry.conversation_id, entry.customer_id) == (cid, "u1002")
    assert entry.detail == {"what": "message", "which": str(seq)}
    for bad in ("message:999", "message:x", "password", "phone:202611140585"):
        assert (await browser.post(f"/desk/c/{cid}/reveal", {"what": bad})).status == 404


async def test_notes_and_late_answers_are_for_the_desk_alone(stage: Stage) -> None:
    me = await stage.agent("limin", "李敏")
    await stage.agent("wangjie", "王杰")
    browser = await stage.browser("limin")
    shopper = await stage.shopper("u1002")
    stage.rasa.gate.clear()
    asked = asyncio.create_task(shopper.say("在吗"))
    await until(lambda: any(call.get("text") == "在吗" for call in stage.rasa.calls))
    await stage.desk.handover.take_over(shopper.conversation_id, me.agent_id)
    stage.rasa.gate.set()
    await asked
    cid = shopper.conversation_id
    await browser.post(f"/desk/c/{cid}/note", {"key": "note-0001", "text": "@王杰 帮忙看下"})
    await until(lambda: len(stage.rasa.ran) >= 2)

    async def held_back() -> bool:
        return "未发给顾客" in await page_of(browser, cid)

    for _ in range(100):
        if await held_back():
            break
        await asyncio.sleep(0.05)
    assert await held_back()
    assert "仅同事可见" in await page_of(browser, cid)
    seen = json.dumps(await shopper.messages(), ensure_ascii=False)
    assert "帮忙看下" not in seen
    assert "答：在吗" not in seen


async def test_news_come_as_fragments(stage: Stage) -> None:
    me = await stage.agent("limin", "李敏")
    browser = await stage.browser("limin")
    shopper = await stage.shopper("u1002")
    await shopper.say("第一句")
    cid = shopper.conversation_id
    await stage.desk.handover.take_over(cid, me.agent_id)
    before = json.loads((await browser.get(f"/desk/c/{cid}/messages?after=0")).text)
    assert "第一句" in before["html"]
    assert before["mine"] is True
    assert before["owner"] == "HUMAN"
    assert "交还智能助手" in before["head"]
    for n in range(25):
        await shopper.say(f"第 {n} 条")
    last = (await shopper.messages())[-1]["seq"]
    news = json.loads((await browser.get(f"/desk/c/{cid}/messages?after={last}")).text)
    assert "第一句" not in news["html"]
    assert "第 24 条" in news["html"]
    earlier = json.loads((await browser.get(f"/desk/c/{cid}/messages?before={last}")).text)
    assert "第一句" in earlier["html"]
    assert earlier["earlier"] is False


async def test_the_second_sees_the_first(stage: Stage) -> None:
    me = await stage.agent("limin", "李敏")
    await stage.agent("wangjie", "王杰")
    first, second = await stage.browser("limin"), await stage.browser("wangjie")
    cid = (await stage.shopper("u1002")).conversation_id
    await first.post(f"/desk/c/{cid}/seen", {"seq": "1"})
    assert "李敏正在看" in await page_of(second, cid)
    await stage.desk.handover.take_over(cid, me.agent_id)
    text = await page_of(second, cid)
    assert "李敏正在处理" in text
    assert 'data-do="take"' not in text
    assert 'data-open="back-dialog"' not in text


async def test_what_is_not_there_is_not_found(stage: Stage) -> None:
    await stage.agent("limin", "李敏")
    browser = await stage.browser("limin")
    for path in ("", "/messages", "/customer", "/canned", "/products"):
        assert (await browser.get(f"/desk/c/c_unknown{path}")).status == 404


async def test_canned_replies_and_products_fit_the_shopper(stage: Stage) -> None:
    await stage.agent("limin", "李敏")
    browser = await stage.browser("limin")
    shopper = await stage.shopper("u1002")
    await shopper.say("你好")
    cid = shopper.conversation_id
    everything = (await browser.get(f"/desk/c/{cid}/canned")).text
    some = (await browser.get(f"/desk/c/{cid}/canned?q=/wl")).text
    assert 'data-shortcut="/wl"' in some
    assert some.count('role="option"') < everything.count('role="option"')
    assert "没有符合" in (await browser.get(f"/desk/c/{cid}/canned?q=<b>无</b>")).text
    found = (await browser.get(f"/desk/c/{cid}/products?q=耳机")).text
    assert "听岚" in found
    assert 'data-card="product"' in found


async def test_what_one_agent_opened_or_rated_is_not_kept_for_another(stage: Stage) -> None:
    await stage.agent("limin", "李敏")
    await stage.agent("wangyu", "王宇")
    hers, his = await stage.browser("limin"), await stage.browser("wangyu")
    shopper = await stage.shopper("u1002")
    await shopper.say("电话是 13812345678")
    found = await stage.desk.reader.conversation(shopper.conversation_id, "-")
    assert found is not None
    said = next(m for m in found.messages if m.content.get("text") == "电话是 13812345678")
    answer = next(m for m in found.messages if m.author is Author.BOT and m.kind is Kind.TEXT)
    cid = shopper.conversation_id
    before = await page_of(his, cid)
    opened = await hers.post(f"/desk/c/{cid}/reveal", {"what": f"message:{said.seq}"})
    assert "13812345678" in opened.text
    for browser in (hers, his):
        assert "13812345678" not in await page_of(browser, cid)
        assert words(await page_of(browser, cid), said.seq) == words(before, said.seq)

    def pressed(text: str) -> list[str]:
        item = re.search(rf'id="m-{answer.seq}".*?</li>', text, re.DOTALL)
        assert item is not None
        return re.findall(r'aria-pressed="(\w+)"', item[0])

    assert pressed(before) == ["false", "false"]
    for browser, good in ((his, "1"), (hers, "0")):
        rated = await browser.post(f"/desk/c/{cid}/rate", {"seq": str(answer.seq), "good": good})
        assert rated.status < 400
    assert pressed(await page_of(hers, cid)) == ["false", "true"]
    assert pressed(await page_of(his, cid)) == ["true", "false"]


async def test_a_shoppers_rating_is_shown_and_its_words_are_only_words(stage: Stage) -> None:
    await stage.agent("limin", "李敏")
    browser = await stage.browser("limin")
    bye = {"custom": {"type": "directive", "directive": "closed"}}
    stage.says["再见"] = {
        "intent": {"name": "goodbye", "confidence": 1.0},
        "replies": [{"text": "再见"}, bye],
    }
    shopper = await stage.shopper("u1002")
    cid = shopper.conversation_id
    await shopper.say("到哪了")
    asked = (await shopper.say("再见"))[-1]
    assert asked["type"] == "rating"
    assert words(await page_of(browser, cid), asked["seq"]) == asked["text"]
    assert "已请顾客评价，还没有收到" in (await browser.get(f"/desk/c/{cid}/customer")).text
    given = {"score": 2, "dimensions": {"emotion": 1}, "comment": "<img src=x onerror=alert(1)> 13812345678"}
    path = f"/api/v1/conversations/{cid}/rating"
    assert (await shopper.front.request("PUT", path, json=given, headers=shopper.headers)).status == 200
    text = (await browser.get(f"/desk/c/{cid}/customer")).text
    assert "<b>2 分</b>" in text and "沟通感受" in text and "请顾客评价" in text
    assert "&lt;img src=x" in text and "<img src=x" not in text and "13812345678" not in text
    assert "评 2 分" in (await browser.get("/desk/?view=all")).text
