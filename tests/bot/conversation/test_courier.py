"""What the courier does where a platform does not take a part, and how it counts where parts are counted."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from bot.app.front import shanghai_now
from bot.app.messaging import MessagingChannels
from bot.channels.platforms.signed import Settings
from bot.conversation.courier import Courier
from bot.conversation.courier_links import MOST_ALONE, CourierLinks
from tests.bot.conversation.courier_harness import LONG, HoldingWeChat, MovedClock, Wechats, replies
from tests.bot.conversation.harness import Front, rows, until
from tests.bot.conversation.rasa_stub import RasaStub, answer
from tests.fakes.signed import KEY, Receiver, signed
from tests.fakes.wechat import OPENID

NOTICE = "utter_privacy_notice/neutral"
COURIER = "bot.conversation.courier_delivery"


# -- windows ------------------------------------------------------------------------------------------------


async def test_what_is_ready_when_the_48_hours_are_over_waits_for_her(wechats: Wechats) -> None:
    wechats.rasa.gate.clear()
    async with wechats.open():
        await wechats.write("一")
        await until(lambda: wechats.rasa.calls)
        wechats.clock.forward(hours=48, seconds=1)
        wechats.rasa.gate.set()
        await until(lambda: wechats.link("state") == ("closed",))
        assert wechats.got() == [] and "send" not in wechats.api.asked
        await wechats.write("二")
        await until(lambda: len(wechats.got()) == 2)
        assert wechats.got() == [f"{NOTICE}\n\n答：一", "答：二"]
        await until(lambda: wechats.link("state", "sent") == ("active", 2))


@pytest.mark.parametrize(("code", "state"), [(45015, "closed"), (45047, "closed"), (43004, "blocked")])
async def test_what_the_platform_does_not_take_now_waits_for_her(
    wechats: Wechats, code: int, state: str
) -> None:
    async with wechats.open():
        wechats.api.next(code)
        await wechats.write("一")
        await until(lambda: wechats.link("state") == (state,))
        assert wechats.link("delivered_seq", "part", "sending", "lease_holder") == (0, 0, None, None)
        await wechats.write("二")
        await until(lambda: len(wechats.got()) == 2)
        assert wechats.got() == [f"{NOTICE}\n\n答：一", "答：二"]
        assert wechats.api.asked.count("send") == 3


async def test_after_five_it_waits_for_her_next_message_and_nothing_is_dropped(wechats: Wechats) -> None:
    def script(turn: dict[str, Any]) -> dict[str, Any]:
        many = replies(*(f"第{number}{LONG}" for number in range(7))) if turn.get("text") == "多" else None
        return answer(turn, many)

    wechats.rasa.script = script
    async with wechats.open():
        await wechats.write("一")
        await until(lambda: wechats.link("sent") == (1,))
        await wechats.write("多")
        await until(lambda: wechats.link("state") == ("closed",))
        assert [text[:2] for text in wechats.got()[1:]] == ["第0", "第1", "第2", "第3", "第4"]
        await wechats.write("继续")
        await until(lambda: len(wechats.got()) == 9)
        assert [text[:2] for text in wechats.got()[6:]] == ["第5", "第6", "答："]
        await until(lambda: wechats.link("sent") == (3,))


# -- several messages as one --------------------------------------------------------------------------------


async def test_the_texts_of_an_answer_are_one_message_and_its_numbers_still_choose(wechats: Wechats) -> None:
    def script(turn: dict[str, Any]) -> dict[str, Any]:
        first = {"text": "甲", "buttons": [{"title": "查物流", "payload": "/track"}]}
        steps = [{"title": "退货", "payload": "/return"}, {"title": "找人工", "payload": "/ask_human"}]
        many = replies(first, {"text": "乙", "buttons": steps}) if turn.get("text") == "选" else None
        return answer(turn, many)

    wechats.rasa.script = script
    async with wechats.open():
        for user, typed, payload in (
            ("u1", "1", "/personalisation_off"),
            ("u2", "2", "/track"),
            ("u3", "4", "/ask_human"),
        ):
            await wechats.write("选", name="wechat_mini", user=user)
            await until(lambda user=user: wechats.got(user))
            (whole,) = wechats.got(user)
            said = [line for line in whole.splitlines() if line]
            assert said == [
                NOTICE,
                "回复 1：关闭",
                "甲",
                "回复数字：2 查物流",
                "乙",
                "回复数字：3 退货 4 找人工",
            ]
            await until(lambda: wechats.link("sent") == (1,))
            await wechats.write(typed, name="wechat_mini", user=user)
            await until(lambda user=user: len(wechats.got(user)) == 2)
            assert wechats.got(user)[1] == f"答：{payload}"


async def test_the_notice_alone_can_be_chosen_from_behind_an_answer_without_choices(wechats: Wechats) -> None:
    async with wechats.open():
        await wechats.write("在吗", name="wechat_mini")
        await until(wechats.got)
        await until(lambda: wechats.link("sent") == (1,))
        assert wechats.got() == [f"{NOTICE}\n\n回复 1：关闭\n\n答：在吗"]
        await wechats.write("1", name="wechat_mini")
        await until(lambda: len(wechats.got()) == 2)
        assert wechats.got()[1] == "答：/personalisation_off"


async def test_who_comes_in_gets_notice_and_greeting_as_one_and_no_answer_joins_another(
    wechats: Wechats,
) -> None:
    async with wechats.open():
        await wechats.write("", Event="subscribe")
        await until(wechats.got)
        assert wechats.got() == [f"{NOTICE}\n\n答：opened"]
        wechats.api.next(45015)
        await wechats.write("一")
        await until(lambda: wechats.link("state") == ("closed",))
        await wechats.write("二")
        await until(lambda: len(wechats.got()) == 3)
        assert wechats.got()[1:] == ["答：一", "答：二"]


async def test_a_notice_does_not_wait_long_for_an_answer_that_does_not_come(wechats: Wechats) -> None:
    wechats.rasa.gate.clear()
    async with wechats.open():
        await wechats.write("一")
        await until(lambda: wechats.rasa.calls)
        assert wechats.got() == []
        wechats.clock.forward(seconds=31)
        await until(wechats.got)
        assert wechats.got() == [NOTICE]
        wechats.rasa.gate.set()
        await until(lambda: len(wechats.got()) == 2)


async def test_a_part_that_was_begun_ends_where_it_ended_then(
    wechats: Wechats, caplog: pytest.LogCaptureFixture
) -> None:
    """A process was killed with the notice on the way; meanwhile the whole answer is there."""
    caplog.set_level(logging.WARNING, COURIER)
    wechats.rasa.script = lambda turn: answer(turn, replies("甲", "乙"))
    async with wechats.open():
        await wechats.write("一")
        await until(lambda: wechats.link("sent") == (1,))
    assert wechats.got() == [f"{NOTICE}\n\n甲\n\n乙"] and not caplog.records
    wechats.api.sent.clear()
    with contextlib.closing(sqlite3.connect(wechats.record)) as record, record:
        record.execute("UPDATE channel_links SET delivered_seq = 0, sent = 0, sending = 2")
    async with wechats.open():
        await until(lambda: wechats.link("sent") == (2,))
    assert wechats.got() == [NOTICE, "甲\n\n乙"]
    (told,) = caplog.records
    (cid,) = rows(wechats.record, "SELECT id FROM conversations")[0]
    assert told.getMessage().startswith(f"link 1 (wechat): part 1 of message 2 of {cid} may come twice")
    assert OPENID not in told.getMessage()


# -- the end of a front -------------------------------------------------------------------------------------


async def test_at_the_end_the_part_at_hand_is_noted_and_no_other_begun(
    rasa: RasaStub, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, COURIER)
    rasa.script = lambda turn: answer(turn, replies(*(f"第{number}{LONG}" for number in range(3))))
    async with HoldingWeChat() as api:
        wechats = Wechats(rasa, api, tmp_path / "record.db", MovedClock())
        front = wechats.open()
        await front.__aenter__()
        api.hold = True
        await wechats.write("一")
        await asyncio.wait_for(api.held.wait(), 20)
        ending = asyncio.create_task(front.__aexit__())
        beside = front.conversations.beside
        assert isinstance(beside, MessagingChannels)
        await until(lambda: beside._courier._delivery._stopping)
        api.go.set()
        await ending
        assert len(wechats.got()) == 1
        assert wechats.link("sent", "sending", "lease_holder") == (1, None, None)
        async with wechats.open():
            await until(lambda: len(wechats.got()) == 3)
    assert wechats.got()[0] == f"{NOTICE}\n\n第0{LONG}"
    assert [text[:2] for text in wechats.got()[1:]] == ["第1", "第2"] and not caplog.records


async def test_without_keys_one_part_is_on_its_way_to_a_platform_at_a_time_whoever_it_is_for(
    rasa: RasaStub, tmp_path: Path
) -> None:
    async with HoldingWeChat() as api:
        wechats = Wechats(rasa, api, tmp_path / "record.db", MovedClock())
        users = [f"u{number}" for number in range(5)]
        async with wechats.open():
            api.hold = True
            for user in users:
                await wechats.write("一", user=user)
            held = "SELECT count(*) FROM channel_links WHERE lease_holder IS NOT NULL"
            await until(lambda: rows(wechats.record, held) == [(MOST_ALONE,)])  # so many are worked on
            await asyncio.wait_for(api.held.wait(), 20)
            assert len(api.sent) == 1
            begun = "SELECT count(*) FROM channel_links WHERE sending IS NOT NULL"
            assert rows(wechats.record, begun) == [(1,)]
            api.go.set()
            await until(lambda: all(len(wechats.got(user)) == 1 for user in users))


async def test_a_platform_that_hangs_holds_up_its_own_shoppers_alone(rasa: RasaStub, tmp_path: Path) -> None:
    async with HoldingWeChat() as api, Receiver(shanghai_now) as receiver:
        wechats = Wechats(rasa, api, tmp_path / "record.db", MovedClock())
        users = [f"u{number}" for number in range(20)]  # more than there are hands
        async with wechats.open(signed=Settings(keys=(KEY,), url=receiver.url)) as front:
            api.hold = True
            for user in users:
                await wechats.write("一", user=user)
            await until(lambda: len(rasa.ran) == len(users))
            body = {"user": "other", "message_id": "1", "text": "别人"}
            await front.request("POST", "/channels/signed", **signed(body, shanghai_now()))
            await until(lambda: len(receiver.of("other")) == 2)
            assert len(api.sent) == 1
            api.go.set()
            await until(lambda: all(len(wechats.got(user)) == 1 for user in users))


async def test_a_platform_without_keys_that_hangs_holds_up_no_other_without_keys(
    rasa: RasaStub, tmp_path: Path
) -> None:
    async with HoldingWeChat() as api:
        wechats = Wechats(rasa, api, tmp_path / "record.db", MovedClock())
        users = [f"u{number}" for number in range(8)]
        async with wechats.open():
            api.hold = True
            for user in users:
                await wechats.write("一", user=user)
            held = "SELECT count(*) FROM channel_links WHERE lease_holder IS NOT NULL"
            await until(lambda: rows(wechats.record, held) == [(MOST_ALONE,)])
            await asyncio.wait_for(api.held.wait(), 20)
            for user in ("v1", "v2"):
                await wechats.write("一", name="wechat_mini", user=user)
            await until(lambda: wechats.got("v1") and wechats.got("v2"))
            assert sum(len(wechats.got(user)) for user in users) == 1
            api.go.set()
            await until(lambda: all(len(wechats.got(user)) == 1 for user in users))


async def test_where_a_platform_hangs_everything_is_not_looked_at_again_and_again(
    rasa: RasaStub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sweep that never comes due again stands for its pause: who is told of is found without one."""
    asked: list[bool] = []
    couriers: list[Courier] = []
    claim = CourierLinks.claim

    async def counted(self: CourierLinks, count: int, ids: Any, running: Any) -> Any:
        if ids is None and couriers:
            couriers.pop()._sweep_s = 3600.0  # this one falls into it, and is the last that is due
        elif not couriers:
            asked.append(ids is None)
        return await claim(self, count, ids, running)

    monkeypatch.setattr(CourierLinks, "claim", counted)
    async with HoldingWeChat() as api, Receiver(shanghai_now) as receiver:
        wechats = Wechats(rasa, api, tmp_path / "record.db", MovedClock())
        users = [f"u{number}" for number in range(8)]
        async with wechats.open(signed=Settings(keys=(KEY,), url=receiver.url)) as front:
            beside = front.conversations.beside
            assert isinstance(beside, MessagingChannels)
            api.hold = True
            for user in users:
                await wechats.write("一", user=user)
            await until(lambda: len(rasa.ran) == len(users))
            await asyncio.wait_for(api.held.wait(), 20)
            couriers.append(beside._courier)
            await until(lambda: not couriers)
            asked.clear()
            for number in range(5):
                body = {"user": f"other{number}", "message_id": "1", "text": "别人"}
                await front.request("POST", "/channels/signed", **signed(body, shanghai_now()))
                await until(lambda number=number: len(receiver.of(f"other{number}")) == 2)
            assert asked and not any(asked)
            api.go.set()  # those who had no room are known, and wait for no sweep
            await until(lambda: all(len(wechats.got(user)) == 1 for user in users))
            assert not any(asked)


# -- failures -----------------------------------------------------------------------------------------------


async def test_a_rate_limit_is_waited_for_and_holds_up_nobody_else(wechats: Wechats) -> None:
    async with wechats.open():
        wechats.api.next(45011)  # wants a minute
        await wechats.write("一")
        await until(lambda: wechats.link("tries") == (1,))
        due, heard = wechats.link("due_at", "heard_at")
        for number in range(3):
            await wechats.write("别人", user=f"other{number}")
            await until(lambda number=number: wechats.got(f"other{number}"))
        assert wechats.got() == [] and wechats.api.asked.count("send") == 4
        wechats.clock.forward(seconds=61)
        await until(wechats.got)
        assert wechats.got() == [f"{NOTICE}\n\n答：一"]
        assert due - heard >= 60_000  # milliseconds


async def test_a_token_that_ends_twice_in_a_row_costs_a_pause_and_nothing_else(
    wechats: Wechats, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, COURIER)
    async with wechats.open():
        wechats.api.next("expired", "expired")
        await wechats.write("一")
        await until(wechats.got)
        assert wechats.got() == [f"{NOTICE}\n\n答：一"] and wechats.api.asked.count("send") == 3
        await until(lambda: wechats.link("tries", "since", "sending") == (0, None, None))
    assert not caplog.records  # nothing was taken, so nothing can come twice


async def test_a_line_that_breaks_after_the_message_was_taken_is_told(
    wechats: Wechats, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, COURIER)
    async with wechats.open():
        wechats.api.next("cut")
        await wechats.write("一")
        await until(lambda: wechats.link("sent") == (1,))
    assert wechats.got() == [f"{NOTICE}\n\n答：一"] * 2
    assert sum("may come twice" in record.getMessage() for record in caplog.records) == 1


async def test_after_three_days_a_part_is_given_up_and_the_next_goes_on(
    rasa: RasaStub, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock, record = MovedClock(), tmp_path / "record.db"
    async with Receiver(clock) as receiver:
        settings = Settings(keys=(KEY,), url=receiver.url)
        async with Front(
            f"sqlite:///{record}", rasa.port, clock=clock, channels={"signed": settings}
        ) as front:

            async def write(text: str) -> None:
                body = {"user": "u1", "message_id": text, "text": text}
                got = await front.request("POST", "/channels/signed", **signed(body, clock()))
                assert got.status == 202

            def link(column: str) -> Any:
                return rows(record, f"SELECT {column} FROM channel_links")[0][0]

            await write("一")
            await until(lambda: len(receiver.of("u1")) == 2)
            receiver.statuses = [503] * 10_000
            await write("二")
            await write("三")
            await until(lambda: len(rasa.ran) == 3 and receiver.tried > 3)
            began = link("since")
            clock.forward(days=3, seconds=-60)
            tried = receiver.tried
            await until(lambda: receiver.tried > tried)
            await until(lambda: link("lease_holder") is None)
            assert link("since") == began  # not yet
            clock.forward(seconds=360)
            await until(lambda: link("since") not in (began, None))  # the third is tried, anew
            receiver.statuses.clear()
            clock.forward(seconds=360)
            await until(lambda: len(receiver.of("u1")) == 3)
            assert receiver.texts("u1")[1:] == ["答：一", "答：三"]
    given_up = [r for r in caplog.records if r.levelno == logging.ERROR and "given up" in r.getMessage()]
    assert len(given_up) == 1


async def test_who_has_lost_the_lease_notes_nothing(rasa: RasaStub, tmp_path: Path) -> None:
    clock, record = MovedClock(), tmp_path / "record.db"
    async with Receiver(clock) as receiver:
        settings = Settings(keys=(KEY,), url=receiver.url)
        async with Front(
            f"sqlite:///{record}", rasa.port, clock=clock, channels={"signed": settings}
        ) as front:
            receiver.gate.clear()
            body = {"user": "u1", "message_id": "1", "text": "一"}
            await front.request("POST", "/channels/signed", **signed(body, clock()))
            await until(lambda: receiver.tried == 1)
            with contextlib.closing(sqlite3.connect(record)) as other, other:
                other.execute("UPDATE channel_links SET lease_holder = 'elsewhere'")
            receiver.gate.set()
            await until(lambda: len(receiver.taken) == 1)
            await until(lambda: len(rasa.ran) == 1)
            held = "SELECT delivered_seq, sending, lease_holder FROM channel_links"
            assert rows(record, held) == [(0, 2, "elsewhere")]
            assert receiver.tried == 1  # what another holds is left alone
            clock.forward(seconds=61)  # the other has died
            await until(lambda: len(receiver.of("u1")) == 2)
            assert receiver.texts("u1")[1:] == ["答：一"]
            keys = [one["delivery_id"] for one in receiver.taken]
            assert len(keys) == 3 and len(set(keys)) == 2  # the notice came twice, under its key
