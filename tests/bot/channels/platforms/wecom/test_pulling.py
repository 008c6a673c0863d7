"""What is pulled from WeCom: pages, cursors, every kind of message and event.

Rows and events have the forms of https://developer.work.weixin.qq.com/document/path/94670.
"""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.channels.base import (
    HeardKind,
    Hint,
    SendError,
    SendKind,
)
from bot.channels.platforms.wecom import Wecom, make
from tests.bot.channels.platforms.wecom.kit import (
    KEY,
    USER,
    Clock,
    call,
    settings,
)
from tests.fakes.tools import tools
from tests.fakes.wecom import FakeWecom


async def pull_all(platform: Wecom, hint: Hint, cursor: str) -> tuple[list[str], str]:
    texts, more = [], True
    while more:
        page = await platform.pull(hint, cursor)
        texts += [one.text for one in page.heard]
        cursor, more = page.cursor, page.more
    return texts, cursor


async def test_pulling_goes_on_from_the_cursor_until_there_is_no_more(
    fake: FakeWecom, clock: Clock, platform: Wecom
) -> None:
    fake.page = 3
    hint = (await platform.receive(call(*fake.callback(), clock.at))).hint
    assert hint is not None
    fake.says(USER, at=clock.timestamp() - 86_400, content="昨天的，别人答过了")
    for number in range(4):
        fake.says(USER, content=f"第一批{number}")
    texts, cursor = await pull_all(platform, hint, "")
    assert texts == [f"第一批{number}" for number in range(4)]  # the first pull walks over what is past
    assert await pull_all(platform, hint, cursor) == ([], cursor)

    for number in range(7):
        fake.says(USER, content=f"第二批{number}")
    fake.empty_page = True  # "has_more is 1 and msg_list may be empty"
    page = await platform.pull(hint, cursor)
    assert [one.text for one in page.heard] == ["第二批0", "第二批1", "第二批2"] and page.more
    async with tools(clock) as given:  # another process goes on with what was kept
        texts, cursor = await pull_all(make(settings(fake), given), hint, page.cursor)
    assert texts == [f"第二批{number}" for number in range(3, 7)]


async def test_a_long_past_is_walked_over_page_by_page_from_a_cursor_that_is_kept(
    platform: Wecom, fake: FakeWecom, clock: Clock
) -> None:
    """A busy shop's three days take longer than one pull may, and a process may end between two pages."""
    fake.page = 3
    hint = Hint(fake.account)
    for number in range(40):
        fake.says(USER, at=clock.timestamp() - 86_400 + number, content="别人答过了")
    for number in range(5):
        fake.says(USER, at=clock.timestamp() - 1_500, content=f"新的{number}")
    page = await platform.pull(hint, "")
    assert fake.calls.count("kf/sync_msg") == 1 and page.heard == () and page.more
    clock.at += timedelta(hours=2)  # what was news when it began stays news
    async with tools(clock) as given:
        texts, cursor = await pull_all(make(settings(fake), given), hint, page.cursor)
    assert texts == [f"新的{number}" for number in range(5)]
    assert fake.calls.count("kf/sync_msg") == 15  # each page once
    fake.says(USER, at=clock.timestamp() - 86_400, content="迟到的")  # the past is over
    assert (await pull_all(platform, hint, cursor))[0] == ["迟到的"]


async def test_a_hint_that_is_over_is_pulled_without_its_token(
    platform: Wecom, fake: FakeWecom, clock: Clock
) -> None:
    hint = (await platform.receive(call(*fake.callback(), clock.at))).hint
    assert hint is not None
    clock.at += timedelta(minutes=11)  # the record could not be written, a process was down
    fake.says(USER, content="还在吗")
    assert [one.text for one in (await platform.pull(hint, "")).heard] == ["还在吗"]
    assert fake.calls.count("kf/sync_msg") == 2

    fake.trouble("kf/sync_msg", 45009)
    with pytest.raises(SendError) as caught:
        await platform.pull(hint, "")
    assert (caught.value.kind, caught.value.retry_after) == (SendKind.BUSY, 60.0)


async def test_a_page_with_repeats_in_disorder_is_each_message_once_in_order(
    platform: Wecom, fake: FakeWecom, clock: Clock
) -> None:
    for number in range(4):
        fake.says(USER, at=clock.timestamp() + number, content=str(number))
    fake.rows = [fake.rows[place] for place in (2, 0, 1, 0, 3, 2)]
    heard = (await platform.pull(Hint(fake.account), "")).heard
    assert [one.text for one in heard] == ["0", "1", "2", "3"]
    assert len({one.message_id for one in heard}) == 4


async def test_each_kind(platform: Wecom, fake: FakeWecom, clock: Clock) -> None:
    fake.says(USER, content="我的包裹到哪了")
    fake.says(USER, content="查物流", menu_id="b1")
    fake.says(USER, "image", media_id="2iSLeVyqzk4eX0IB5kTi9Ljfa2rt9dwfq5WKRQ4Nvvgw")
    fake.says(USER, "voice", media_id="2iSLeVyqzk4")
    fake.says(
        USER, "location", latitude=23.106021881103501, longitude=113.320503234863, name="广州国际媒体港"
    )
    for kind in (
        "video",
        "file",
        "link",
        "business_card",
        "miniprogram",
        "channels_shop_order",
        "merged_msg",
    ):
        fake.says(USER, kind, media_id="m", title="t")
    fake.says(USER, content="  ")
    heard = (await platform.pull(Hint(fake.account), "")).heard
    assert [(one.kind, one.text) for one in heard[:2]] == [
        (HeardKind.TEXT, "我的包裹到哪了"),
        (HeardKind.MENU, "查物流"),
    ]
    assert heard[1].data == {"button": "b1"}
    assert heard[2].kind is HeardKind.PICTURE and heard[2].media is not None
    assert heard[2].media.id == "2iSLeVyqzk4eX0IB5kTi9Ljfa2rt9dwfq5WKRQ4Nvvgw"
    assert (heard[3].kind, heard[3].text) == (HeardKind.VOICE, "")
    assert (heard[4].kind, heard[4].text) == (HeardKind.LOCATION, "广州国际媒体港")
    assert heard[4].data == {"latitude": 23.106021881103501, "longitude": 113.320503234863}
    assert {one.kind for one in heard[5:]} == {HeardKind.UNSUPPORTED} and len(heard) == 13
    assert [one.event for one in heard[5:7]] == ["video", "file"]
    assert {(one.user, one.account, one.at) for one in heard} == {(USER, fake.account, clock.at)}
    assert len({one.message_id for one in heard}) == 13


async def test_each_event(
    platform: Wecom, fake: FakeWecom, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    code = fake.enters(USER)
    fake.event(USER, "enter_session", scene="123")  # greeted within 48 hours already
    fake.event(USER, "msg_send_fail", fail_msgid=KEY, fail_type=10)
    fake.event(USER, "msg_send_fail", fail_msgid=KEY, fail_type=4)
    fake.event(USER, "session_status_change", change_type=3, old_servicer_userid="zhangsan")
    fake.event(USER, "user_recall_msg", recall_msgid="x")
    fake.event("", "servicer_status_change", servicer_userid="zhangsan", status=1)
    fake.says(USER, content="接待人员说的")
    fake.rows[-1]["origin"] = 5
    fake.rows += [{}, {"msgtype": "text"}, None, {"msgtype": "event", "event": []}]  # type: ignore[list-item]
    heard = (await platform.pull(Hint(fake.account), "")).heard
    assert [one.kind for one in heard] == [
        HeardKind.SUBSCRIBE,
        HeardKind.UNSUBSCRIBE,
        HeardKind.GONE,
        HeardKind.GONE,
    ]
    assert heard[0].data == {"reply": {"welcome": code, "until": clock.timestamp() + 20}}
    assert heard[0].account == fake.account
    assert [record.getMessage()[-12:] for record in caplog.records] == ["fail_type 10", " fail_type 4"]


@pytest.mark.parametrize(
    ("fail_type", "kind"),
    [
        (4, HeardKind.GONE),  # 48 hours are over
        (5, HeardKind.GONE),  # the session has ended
        (6, HeardKind.GONE),  # five were sent
        (10, HeardKind.UNSUBSCRIBE),  # she refuses
        *((other, None) for other in (0, 1, 2, 8, 11, 12, 13)),  # the shop has to mend it
    ],
)
async def test_each_reason_why_a_message_was_not_delivered(
    platform: Wecom, fake: FakeWecom, fail_type: int, kind: HeardKind | None
) -> None:
    fake.event(USER, "msg_send_fail", fail_msgid=KEY, fail_type=fail_type)
    heard = (await platform.pull(Hint(fake.account), "")).heard
    assert [one.kind for one in heard] == ([kind] if kind else [])


@pytest.mark.parametrize(("change_type", "over"), [(1, False), (2, False), (3, True), (4, False)])
async def test_only_a_session_that_was_ended_is_over(
    platform: Wecom, fake: FakeWecom, change_type: int, over: bool
) -> None:
    fake.event(USER, "session_status_change", change_type=change_type, msg_code="MSG_CODE")
    heard = (await platform.pull(Hint(fake.account), "")).heard
    assert [one.kind for one in heard] == [HeardKind.GONE] * over
