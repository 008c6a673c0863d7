"""What agents do: what comes of it, who may, what is said when it cannot be, and repeats."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping

import pytest

from bot.conversation.desk_types import Role
from bot.conversation.types import Owner
from bot.desk.views.doing import MOST_TEXT, mentioned
from tests.bot.desk.harness import Browser, Page
from tests.bot.desk.stage import Stage

#: As the pages' scripts ask: no page is wanted.
SCRIPT = {"Accept": "*/*"}


async def do(browser: Browser, cid: str, what: str, /, **fields: str) -> Page:
    return await browser.post(f"/desk/c/{cid}/{what}", fields, **SCRIPT)


async def held(stage: Stage, customer_id: str | None = "u1002") -> tuple[Browser, str]:
    """A conversation that 李敏 has taken."""
    if not any(a.login == "limin" for a in await stage.desk.reader.agents()):
        await stage.agent("limin", "李敏")
    browser = await stage.browser("limin")
    shopper = await stage.shopper(customer_id)
    await shopper.say("我的快递呢")
    assert (await do(browser, shopper.conversation_id, "take")).status == 200
    return browser, shopper.conversation_id


async def test_one_of_two_takes_it_and_the_other_is_told_who(stage: Stage) -> None:
    names = {"limin": "李敏", "wangjie": "王杰"}
    for login, name in names.items():
        await stage.agent(login, name)
    browsers = {login: await stage.browser(login) for login in names}
    cid = (await stage.shopper()).conversation_id
    got = await asyncio.gather(*(do(b, cid, "take") for b in browsers.values()))
    assert sorted(one.status for one in got) == [200, 409]
    winner = next(names[login] for login, one in zip(browsers, got, strict=True) if one.status == 200)
    loser = next(one for one in got if one.status == 409)
    assert loser.text == f"{winner}已经接待了这位顾客。"


async def test_replies_reach_the_shopper_once(stage: Stage) -> None:
    browser, cid = await held(stage)
    for _ in range(3):
        got = await do(browser, cid, "reply", key="key-00000001", text="我来查\r\n马上回您")
        assert got.status == 200
        assert "我来查\n马上回您" in json.loads(got.text)["html"]
    conversation = await stage.desk.reader.conversation(cid, "")
    assert conversation is not None
    said = [m for m in conversation.messages if m.agent_id]
    assert [m.content["text"] for m in said] == ["我来查\n马上回您"]
    other = await do(browser, cid, "reply", key="key-00000001", text="别的话")
    assert (other.status, other.text) == (409, "这条内容已经提交过了。")


@pytest.mark.parametrize(
    ("fields", "status", "sentence"),
    [
        ({"key": "key-00000001", "text": "  "}, 422, "还没有写内容。"),
        (
            {"key": "key-00000001", "text": "字" * (MOST_TEXT + 1)},
            422,
            "内容太长了，最多 2000 个字，请分成几条发送。",
        ),
        ({"key": "short", "text": "好"}, 400, None),
        ({"key": "<script>aaa", "text": "好"}, 400, None),
        ({"key": "key-00000001", "card": "order", "about": "202611194556"}, 404, None),
        ({"key": "key-00000001", "card": "secret", "about": "x"}, 404, None),
    ],
)
async def test_what_cannot_be_said_is_refused(
    stage: Stage, fields: Mapping[str, str], status: int, sentence: str | None
) -> None:
    browser, cid = await held(stage)
    got = await do(browser, cid, "reply", **fields)
    assert got.status == status
    assert sentence is None or got.text == sentence


async def test_cards_are_made_from_the_shop(stage: Stage) -> None:
    browser, cid = await held(stage)
    for n, (kind, about) in enumerate(
        [("order", "202611140584"), ("shipment", "202611140584"), ("product", "p101")]
    ):
        got = await do(browser, cid, "reply", key=f"card-{n}-0000", card=kind, about=about)
        assert got.status == 200, got.text
    conversation = await stage.desk.reader.conversation(cid, "")
    assert conversation is not None
    cards = [m.content for m in conversation.messages if m.agent_id]
    assert [c["card"] for c in cards] == ["order", "shipment", "products"]
    assert cards[0]["data"]["number"] == "202611140584"
    assert cards[0]["data"]["state_label"] == "运输异常"
    assert all(c["text"] for c in cards)  # for channels that draw no cards
    page = (await browser.get(f"/desk/c/{cid}")).text
    assert 'class="card shipment"' in page
    assert "赵立扬" not in page


WRITES: list[tuple[str, dict[str, str]]] = [
    ("reply", {"key": "key-00000001", "text": "好的"}),
    ("back", {"outcome": "solved"}),
    ("close", {"outcome": "solved"}),
    ("transfer", {"to": ""}),
    ("snooze", {"for": "2h"}),
    ("tag", {"tag": "催"}),
    ("flag", {"reason": "看一下"}),
    ("correct", {"key": "key-00000001", "label": "peace"}),
    ("order", {"key": "key-00000001", "act": "urge", "order": "202611140584"}),
    ("rate", {"seq": "2", "good": "1"}),
]


@pytest.mark.parametrize(("what", "fields"), WRITES)
async def test_a_colleague_s_conversation_is_left_alone(
    stage: Stage, what: str, fields: dict[str, str]
) -> None:
    _, cid = await held(stage)
    before = await stage.desk.reader.conversation(cid, "")
    await stage.agent("wangjie", "王杰")
    got = await do(await stage.browser("wangjie"), cid, what, **fields)
    assert (got.status, got.text) == (403, "这个会话现在不由您接待，请先接入再操作。")
    assert await stage.desk.reader.conversation(cid, "") == before
    assert what not in {e.action for e in await stage.desk.log()}


@pytest.mark.parametrize(("what", "fields"), [("take", {}), ("close", {"outcome": "solved"})])
async def test_what_is_closed_stays_closed(stage: Stage, what: str, fields: dict[str, str]) -> None:
    browser, cid = await held(stage)
    await do(browser, cid, "close", outcome="solved")
    await stage.agent("zhou", "周岚", Role.SUPERVISOR)
    got = await do(await stage.browser("zhou"), cid, what, **fields)
    assert (got.status, got.text) == (409, "会话已经结束，不能再操作。")


async def test_what_is_gone_is_said_so(stage: Stage) -> None:
    await stage.agent("limin", "李敏")
    browser = await stage.browser("limin")
    for what, fields in [*WRITES, ("take", {}), ("note", {"key": "key-00000001", "text": "备注"})]:
        got = await do(browser, "c_unknown", what, **fields)
        assert got.status == 404, what
        assert any("\u4e00" <= c <= "\u9fff" for c in got.text)


async def test_hand_back_tells_the_bot_what_was_settled(stage: Stage) -> None:
    browser, cid = await held(stage)
    got = await do(browser, cid, "back", outcome="follow_up", order="202611140584")
    assert got.status == 200
    conversation = await stage.desk.reader.conversation(cid, "")
    assert conversation is not None
    assert conversation.owner is Owner.BOT
    ended = conversation.escalations[0]
    assert (ended.outcome.value if ended.outcome else None, ended.order_number) == (
        "follow_up",
        "202611140584",
    )
    bad = await do(browser, cid, "back", outcome="splendid")
    assert (bad.status, bad.text) == (422, "请选择处理结果。")


async def test_transfer_to_a_colleague_and_into_the_queue(stage: Stage) -> None:
    browser, cid = await held(stage)
    wang = await stage.agent("wangjie", "王杰")
    assert (await do(browser, cid, "transfer", to=wang.agent_id)).status == 200
    conversation = await stage.desk.reader.conversation(cid, "")
    assert conversation is not None
    assert conversation.owner is Owner.WAITING
    assert conversation.escalations[0].wanted_agent_id == wang.agent_id
    assert (await do(browser, cid, "transfer", to="a_unknown")).status in {403, 422}


async def test_marks(stage: Stage) -> None:
    browser, cid = await held(stage)
    await do(browser, cid, "tag", tag=" 催 退款 ")
    await do(browser, cid, "tag", tag="去掉我")
    await do(browser, cid, "tag", tag="去掉我", on="0")
    await do(browser, cid, "flag", reason="答非所问")
    await do(browser, cid, "snooze", **{"for": "2h"})
    bot_seq = 0
    conversation = await stage.desk.reader.conversation(cid, "")
    assert conversation is not None
    bot_seq = next(m.seq for m in conversation.messages if m.author.value == "bot")
    await do(browser, cid, "rate", seq=str(bot_seq), good="0", comment="没答到点上")
    found = await stage.desk.reader.conversation(cid, "")
    assert found is not None
    assert found.tags == ("催 退款",)
    assert (found.flagged, found.flag_reason) == (True, "答非所问")
    assert found.snoozed_until is not None
    assert dict(found.ratings) == {bot_seq: False}
    await do(browser, cid, "rate", seq=str(bot_seq), good="")
    await do(browser, cid, "flag", on="0")
    await do(browser, cid, "snooze", **{"for": ""})
    found = await stage.desk.reader.conversation(cid, "")
    assert found is not None
    assert (found.flagged, found.snoozed_until, dict(found.ratings)) == (False, None, {})
    assert (await do(browser, cid, "tag", tag="长" * 33)).status == 422
    assert (await do(browser, cid, "snooze", **{"for": "soon"})).status == 400
    assert (await do(browser, cid, "rate", seq="999", good="1")).status == 404


async def test_a_correction_is_served_at_once(stage: Stage) -> None:
    browser, cid = await held(stage)
    got = await do(browser, cid, "correct", key="key-00000001", label="lively")
    assert got.status == 200
    found = await stage.desk.reader.conversation(cid, "")
    assert found is not None
    assert (found.style, found.correction) == ("lively", "lively")
    assert (await do(browser, cid, "correct", key="key-00000002", label="angry")).status == 400


async def test_a_note_calls_who_is_named(stage: Stage) -> None:
    browser, cid = await held(stage)
    wang = await stage.agent("wangjie", "王杰")
    await do(browser, cid, "note", key="key-00000001", text="@王杰 帮忙催下仓库")
    counts = await stage.desk.reader.counts(wang.agent_id)
    assert counts["mentions"] == 1
    second = await stage.browser("wangjie")
    assert "@我" in (await second.get("/desk/?view=all")).text
    await do(second, cid, "seen", seq="999")
    assert (await stage.desk.reader.counts(wang.agent_id))["mentions"] == 0


def test_longer_names_are_found_first() -> None:
    names = {"李敏": "a1", "李敏华": "a2"}
    assert mentioned("@李敏华 看下", names) == ("a2",)
    assert set(mentioned("@李敏华 @李敏", names)) == {"a1", "a2"}
    assert mentioned("李敏说的", names) == ()


async def test_a_draft_is_checked_and_not_stored(stage: Stage) -> None:
    browser, cid = await held(stage)
    await do(browser, cid, "correct", key="key-00000001", label="perfect")
    before = await stage.desk.reader.conversation(cid, "")
    got = await do(browser, cid, "draft", text="大概这两天就到了")
    assert got.status == 200
    assert "完美型客户：请给出具体时间和依据" in got.text
    assert (await do(browser, cid, "draft", text="")).text.strip() == ""
    assert await stage.desk.reader.conversation(cid, "") == before
    nasty = await do(browser, cid, "draft", text="<script>alert(1)</script>亲亲")
    assert "<script>" not in nasty.text


async def test_without_scripts_a_form_leads_back(stage: Stage) -> None:
    browser, cid = await held(stage)
    got = await browser.post(f"/desk/c/{cid}/tag", {"tag": "慢"})
    assert (got.status, got.headers["Location"]) == (303, f"/desk/c/{cid}")


async def test_the_audit_log_knows_who_did_what(stage: Stage) -> None:
    browser, cid = await held(stage)
    await do(browser, cid, "reply", key="key-00000001", text="手机号 13800138000 收到")
    await do(browser, cid, "back", outcome="solved")
    log = [e for e in await stage.desk.log() if e.conversation_id == cid]
    assert [e.action for e in log] == ["take_over", "reply", "hand_back"]
    assert "13800138000" not in repr(log)
    assert log[2].detail == {"outcome": "solved"}
