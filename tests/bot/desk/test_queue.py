"""The lists: what is in them, in which order, and that nothing of a shopper's becomes markup."""

from __future__ import annotations

import re

from bot.conversation.desk_types import QueueFilter, View
from bot.desk.listing import address_of, filter_of, items
from tests.bot.desk.harness import Page
from tests.bot.desk.stage import Stage, directive

NASTY = "<script>alert(1)</script> {{7*7}} \u202egnp.exe"


def ids(page: Page) -> list[str]:
    return re.findall(r'data-id="([^"]+)"', page.text)


async def escalated(stage: Stage, customer_id: str | None, words: str, **fields: object) -> str:
    """Let a shopper ask for a person; return the conversation."""
    stage.says[words] = {"replies": [directive(**fields)]}
    shopper = await stage.shopper(customer_id)
    await shopper.say(words)
    return shopper.conversation_id


async def test_lists_counts_and_filters(stage: Stage) -> None:
    me = await stage.agent("limin", "李敏")
    browser = await stage.browser("limin")
    waiting = await escalated(stage, "u1002", "给我找个人")
    stage.clock.advance(seconds=5)
    held = await escalated(stage, "u1006", "请转人工客服")
    with_bot = (await stage.shopper("u1011")).conversation_id
    await stage.desk.handover.take_over(held, me.agent_id)
    gone = (await stage.shopper()).conversation_id
    await stage.desk.handover.take_over(gone, me.agent_id)
    await stage.desk.handover.close(gone, me.agent_id, outcome="solved")

    assert ids(await browser.get("/desk/")) == [held]
    assert ids(await browser.get("/desk/?view=waiting")) == [waiting]
    assert set(ids(await browser.get("/desk/?view=all"))) == {waiting, held, with_bot}
    assert ids(await browser.get("/desk/?view=closed")) == [gone]
    assert ids(await browser.get("/desk/?view=all&reason=customer_request")) == [held, waiting]
    assert ids(await browser.get("/desk/?view=all&reason=anger")) == []
    assert ids(await browser.get("/desk/?view=all&q=找个人")) == [waiting]
    assert ids(await browser.get("/desk/?view=all&q=u1011")) == [with_bot]
    assert ids(await browser.get("/desk/?view=all&channel=telephone")) == []
    page = await browser.get("/desk/?view=waiting")
    assert re.search(r'data-count="waiting">1<', page.text)
    assert "赵**" in page.text
    assert "赵立扬" not in page.text
    assert "顾客要求人工" in page.text


async def test_only_what_changed_is_fetched(stage: Stage) -> None:
    await stage.agent("limin", "李敏")
    browser = await stage.browser("limin")
    found = [(await stage.shopper()).conversation_id for _ in range(3)]
    page = await browser.get(f"/desk/queue?view=all&only={found[1]},c_unknown")
    assert ids(page) == [found[1]]
    assert "<html" not in page.text


async def test_each_agent_sees_a_row_of_her_own_that_is_never_stale(stage: Stage) -> None:
    li, wang = await stage.agent("limin", "李敏"), await stage.agent("wangyu", "王宇")
    browsers = [await stage.browser("limin"), await stage.browser("wangyu")]
    cid = await escalated(stage, "u1002", "给我找个人")

    async def rows() -> list[str]:
        return [(await browser.get(f"/desk/queue?view=all&only={cid}")).text for browser in browsers]

    assert all("接待" not in row for row in await rows())
    await stage.desk.handover.take_over(cid, li.agent_id)
    hers, his = await rows()
    assert "我在接待" in hers and "李敏接待中" in his and "我在接待" not in his
    await stage.desk.handover.seen(cid, li.agent_id, seq=99)
    assert "未读消息" not in (await rows())[0]
    await stage.desk.handover.transfer(cid, li.agent_id, to=wang.agent_id)
    await stage.desk.handover.take_over(cid, wang.agent_id)
    hers, his = await rows()
    assert "王宇接待中" in hers and "我在接待" in his
    await stage.desk.handover.hand_back(cid, wang.agent_id, outcome="solved")
    assert all("接待" not in row for row in await rows())


async def test_rows_are_in_the_order_of_the_record(stage: Stage) -> None:
    me = await stage.agent("limin", "李敏")
    for customer, words, fields in (
        ("u1002", "找人", {}),
        ("u1008", "找人处理", {"level": "diamond"}),
        ("u1010", "冒烟了", {"directive": "escalate", "reason": "safety", "detail": "冒烟"}),
    ):
        await escalated(stage, customer, words, **fields)
        stage.clock.advance(seconds=30)
    await stage.shopper()
    for view in View:
        rows = await stage.desk.reader.queue(me.agent_id, QueueFilter(view=view))
        shown = items(rows, {}, view=view, agent_id=me.agent_id, now=stage.clock())
        assert [item.row for item in shown] == list(rows)


async def test_words_of_shoppers_stay_words(stage: Stage) -> None:
    await stage.agent("limin", "李敏")
    browser = await stage.browser("limin")
    stage.says[NASTY] = {"replies": []}
    shopper = await stage.shopper()
    await shopper.say(NASTY)
    me = await stage.agent("wang", "王杰")
    await stage.desk.handover.take_over(shopper.conversation_id, me.agent_id)
    await shopper.say(NASTY)
    await stage.desk.handover.tag(shopper.conversation_id, me.agent_id, tag="<b>急</b>", on=True)
    page = await browser.get("/desk/?view=all")
    assert "<script>alert" not in page.text
    assert "&lt;script&gt;alert(1)" in page.text
    assert "{{7*7}}" in page.text
    assert "\u202e" not in page.text
    assert "[U+202E]" in page.text
    assert "<b>急" not in page.text


async def test_snoozed_ones_are_at_the_end_until_they_are_due(stage: Stage) -> None:
    me = await stage.agent("limin", "李敏")
    browser = await stage.browser("limin")
    first, second = [(await stage.shopper()).conversation_id for _ in range(2)]
    for cid in (first, second):
        await stage.desk.handover.take_over(cid, me.agent_id)
    await browser.post(f"/desk/c/{second}/snooze", {"for": "30m"})
    page = await browser.get("/desk/")
    assert ids(page) == [first, second]
    assert re.search(rf'class="row-item asleep[^"]*" id="row-{second}"', page.text)
    stage.clock.advance(minutes=31)
    assert "asleep" not in (await browser.get("/desk/")).text


async def test_call_backs_are_listed_masked_and_done(stage: Stage) -> None:
    await stage.agent("limin", "李敏")
    browser = await stage.browser("limin")
    cid = await escalated(
        stage, "u1002", "晚上回电给我", directive="callback", contact="13800138000", reason="<i>急</i>"
    )
    page = await browser.get("/desk/requests")
    assert "138****8000" in page.text
    assert "13800138000" not in page.text
    assert "<i>急" not in page.text
    number = re.search(r'id="request-(\d+)"', page.text)
    assert number is not None
    opened = await browser.post(f"/desk/c/{cid}/reveal", {"what": f"contact:{number[1]}"})
    assert opened.text == "13800138000"
    done = await browser.post(f"/desk/requests/{number[1]}/done")
    assert (done.status, done.headers["Location"]) == (303, "/desk/requests")
    assert "request-" not in (await browser.get("/desk/requests?rows=1")).text
    again = await browser.post(f"/desk/requests/{number[1]}/done")
    assert again.status == 409
    log = [(e.action, e.detail) for e in await stage.desk.log()]
    assert ("reveal", {"what": "contact", "which": number[1]}) in log
    assert ("request_done", {"number": int(number[1])}) in log


def test_an_address_names_a_filter_and_back() -> None:
    given = {"view": "all", "reason": "anger", "style": "perfect", "mood": "angry", "q": "快递"}
    assert address_of(filter_of(given)) == given
    assert filter_of({"view": "x", "reason": "x", "style": "x", "mood": "x"}) == QueueFilter()


async def test_praise_is_read_and_nobody_is_called(stage: Stage) -> None:
    await stage.agent("limin", "李敏")
    browser = await stage.browser("limin")
    before = (await browser.get("/desk/requests")).text
    assert "最近七天的表扬" not in before
    cid = await escalated(
        stage, "u1002", "快递小哥人真好", directive="praise", reason="<b>快递小哥人真好</b>"
    )
    page = (await browser.get("/desk/requests")).text
    assert "最近七天的表扬，不用联系顾客" in page
    assert "&lt;b&gt;快递小哥人真好" in page
    assert "request-" not in page  # nothing is to be done
    found = await stage.desk.parts.reader.conversation(cid, "")
    assert found is not None
    (noted,) = found.requests
    assert (noted.kind, noted.contact) == ("praise", None)
    assert noted.done_at is not None
    stage.clock.advance(hours=24 * 8)
    assert "快递小哥人真好" not in (await browser.get("/desk/requests")).text
