"""The live connection: what it tells, to whom, and when it ends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from bot.app.desk import DESK
from bot.conversation.accounts import Accounts
from bot.conversation.database import Database
from bot.conversation.desk_schema import agents
from bot.conversation.desk_types import Role
from bot.conversation.passwords import Passwords
from bot.desk.views import live
from bot.desk.views.live import LIVE, Live
from tests.bot.desk.harness import CHEAP, PASSWORD, Browser, Desk

#: Only ends a test that has failed.
SECONDS = 20


class Stream:
    """An open EventSource."""

    def __init__(self, response: Any) -> None:
        self._response = response
        self.events: list[tuple[str, Any]] = []

    async def next(self, wanted: str | None = None) -> Any:
        """Return the data of the next event of a name."""
        while True:
            event, data = await asyncio.wait_for(self._read(), SECONDS)
            self.events.append((event, data))
            if wanted in (None, event):
                return data

    async def _read(self) -> tuple[str, Any]:
        name, data = "", ""
        while True:
            raw = await self._response.content.readline()
            if not raw:
                raise EOFError
            line = raw.decode().rstrip("\r\n")
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: "):
                data = line.removeprefix("data: ")
            elif not line and name:
                return name, json.loads(data)

    async def closed(self) -> bool:
        """Return True when the server has ended the stream."""
        try:
            while True:
                await self.next()
        except EOFError:
            return True


@asynccontextmanager
async def listening(browser: Browser) -> AsyncIterator[Stream]:
    """Open the live connection of a browser and wait until it is watched."""
    headers = {"Accept": "text/event-stream", "Sec-Fetch-Site": "same-origin"}
    async with browser.session.get(browser.desk.origin + "/desk/live", headers=headers) as response:
        assert response.status == 200
        assert response.headers["Content-Type"] == "text/event-stream"
        stream = Stream(response)
        await stream.next("counts")
        yield stream


def live_of(desk: Desk) -> Live:
    return desk.front.app[DESK][LIVE]


async def listeners(desk: Desk, wanted: int) -> None:
    async def poll() -> None:
        while len(live_of(desk)._listeners) != wanted:  # noqa: ASYNC110
            await asyncio.sleep(0.02)

    await asyncio.wait_for(poll(), SECONDS)


async def test_every_agent_hears_of_a_shoppers_message_once(desk: Desk, agent: Browser) -> None:
    other = await desk.logged_in("bo")
    async with listening(agent) as first, listening(other) as second:
        shopper = await desk.front.open("C0001")
        for stream in (first, second):
            heard: set[str] = set()
            while shopper.conversation_id not in heard:
                heard |= set((await stream.next("changed"))["ids"])
        told = len(first.events)
        desk.clock.advance(seconds=5)
        await shopper.say("我的快递到哪了")
        ids = []
        while not ids:
            ids = (await first.next("changed"))["ids"]
        assert ids == [shopper.conversation_id]
        assert len(first.events) > told


async def test_news_of_another_process_are_found_and_not_repeated(desk: Desk, agent: Browser) -> None:
    shopper = await desk.front.open("C0001")
    async with listening(agent) as stream:
        desk.clock.advance(seconds=30)
        async with other_front(desk) as other:
            await other.say(shopper, "在吗")
        assert (await stream.next("changed"))["ids"] == [shopper.conversation_id]
        for _ in range(8):  # further looks find the same again, and say nothing
            await live_of(desk)._tell_changes(desk.clock() - timedelta(seconds=2))
        [listener] = live_of(desk)._listeners
        assert [event for event, _ in list(listener.events._queue)] in ([], ["changed"])  # type: ignore[attr-defined]


@asynccontextmanager
async def other_front(desk: Desk) -> AsyncIterator[Any]:
    """A second front on the same record, whose hub this one does not hear."""
    from tests.bot.conversation.harness import Front, Shopper

    settings = desk.front.settings
    async with Front(settings.record_url, settings.rasa_port, clock=desk.clock) as front:

        class Other:
            async def say(self, shopper: Shopper, text: str) -> None:
                again = Shopper(front, shopper.conversation_id, shopper.secret, [])
                await again.post(text=text)

        yield Other()


async def test_counts_and_presence_follow(desk: Desk, agent: Browser) -> None:
    other = await desk.logged_in("bo")
    bo = (await desk.accounts.by_login("bo")).agent_id
    shopper = await desk.front.open("C0001")
    async with listening(other), listening(agent) as stream:
        await other.post("/desk/presence", {"presence": "online"})
        while (await stream.next("presence")).get(bo) != "online":
            pass
        me = (await desk.accounts.by_login("xiaolin")).agent_id
        await desk.handover.take_over(shopper.conversation_id, me)
        while (await stream.next("counts"))["mine"] != 1:
            pass


async def test_a_mention_is_told_to_who_is_meant(desk: Desk, agent: Browser) -> None:
    me = (await desk.accounts.by_login("xiaolin")).agent_id
    bo = await desk.add("bo")
    shopper = await desk.front.open("C0001")
    await desk.handover.take_over(shopper.conversation_id, bo.agent_id)
    async with listening(agent) as stream:
        await desk.handover.note(
            shopper.conversation_id, bo.agent_id, key="note-000001", text="请看一下", mentions=(me,)
        )
        assert await stream.next("mention") == {"count": 1}


@pytest.mark.parametrize("how", ["logout", "everywhere", "disabled", "password", "ended", "elsewhere"])
async def test_the_stream_ends_with_the_session(desk: Desk, agent: Browser, how: str) -> None:
    me = (await desk.accounts.by_login("xiaolin")).agent_id
    admin = await desk.logged_in("guanli", Role.ADMIN)
    async with listening(admin) as stays, listening(agent) as stream:
        if how == "logout":
            await agent.post("/desk/logout")
        elif how == "everywhere":
            await agent.post("/desk/logout-everywhere")
        elif how == "disabled":
            await admin.post(f"/desk/accounts/{me}/disable")
        elif how == "password":
            await admin.post(f"/desk/accounts/{me}/password")
        elif how == "ended":
            await admin.post(f"/desk/accounts/{me}/end")
        else:  # the command line, in a process of its own
            database = Database(desk.front.settings.record_url)
            accounts = Accounts(database, desk.vault, desk.clock, passwords=Passwords(CHEAP))
            await accounts.set_active(me, False)
            accounts.close()
            await database.close()
        assert await stream.next("ended") == {}
        assert await stream.closed()
        await listeners(desk, 1)
        shopper = await desk.front.open("C0001")
        while shopper.conversation_id not in (await stays.next("changed"))["ids"]:
            pass


async def test_nothing_is_told_after_the_session_has_ended(desk: Desk, agent: Browser) -> None:
    async with listening(agent) as stream:
        [listener] = live_of(desk)._listeners
        for _ in range(5):
            listener.tell("changed", '{"ids":["c_secret"]}')
        listener.end()
        heard = []
        with pytest.raises(EOFError):
            while True:
                await stream.next()
        heard = [event for event, _ in stream.events]
        assert heard[-1] == "ended"


async def test_pages_that_open_while_sessions_are_checked_stay(desk: Desk, agent: Browser) -> None:
    other = await desk.logged_in("bo")
    real = desk.accounts.alive
    entered = asyncio.Event()

    async def slow(hashes: Any) -> frozenset[str]:
        found = await real(hashes)
        await entered.wait()
        return found

    async with listening(agent):
        desk.accounts.alive = slow  # type: ignore[method-assign]
        checking = asyncio.create_task(live_of(desk).check())
        await asyncio.sleep(0)
        headers = {"Accept": "text/event-stream", "Sec-Fetch-Site": "same-origin"}
        async with other.session.get(desk.origin + "/desk/live", headers=headers):
            await listeners(desk, 2)
            entered.set()
            await checking
            assert len(live_of(desk)._listeners) == 2


async def test_an_idle_session_is_not_kept_alive_by_its_stream(desk: Desk, agent: Browser) -> None:
    async with listening(agent) as stream:
        desk.clock.advance(hours=12)
        assert await stream.next("ended") == {}


async def test_a_browser_that_does_not_read_is_told_to_look_again() -> None:
    listener = live._Listener(session=None)  # type: ignore[arg-type]
    for number in range(live._MOST_WAITING + 1):
        listener.tell("changed", f'{{"ids":["{number}"]}}')
    assert listener.events.qsize() == 1
    assert listener.events.get_nowait() == ("changed", '{"ids":null}')


async def test_an_open_page_is_a_sign_of_life(desk: Desk, agent: Browser) -> None:
    desk.clock.advance(minutes=5)
    async with listening(agent):
        seen = await desk.database.read(lambda c: c.execute(select(agents.c.seen_at)).scalar())
        assert seen == desk.clock()


async def test_nobody_is_watched_for_when_nobody_listens(desk: Desk, agent: Browser) -> None:
    assert live_of(desk)._watcher is None
    async with listening(agent):
        assert live_of(desk)._watcher is not None
        await agent.post("/desk/logout")
        await listeners(desk, 0)
    watcher = live_of(desk)._watcher
    assert watcher is not None
    await asyncio.wait_for(watcher, SECONDS)
    other = desk.browser()
    await other.log_in("xiaolin", PASSWORD)
    async with listening(other):  # and is taken up again
        assert live_of(desk)._watcher is not watcher


async def test_a_failure_of_the_record_does_not_end_the_streams(
    desk: Desk, agent: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "_AFTER_FAILURE_S", 0.05)
    async with listening(agent) as stream:
        broken = asyncio.Event()

        async def fail(_since: object) -> None:
            broken.set()
            raise OSError("the disk is gone")

        with monkeypatch.context() as patch:
            patch.setattr(live_of(desk), "_tell_changes", fail)
            await asyncio.wait_for(broken.wait(), SECONDS)
        shopper = await desk.front.open("C0001")
        while shopper.conversation_id not in ((await stream.next("changed"))["ids"] or ()):
            pass


async def test_a_front_that_stops_ends_the_streams(record_url: str, rasa: Any) -> None:
    desk = Desk(record_url, rasa.port)
    async with desk:
        agent = await desk.logged_in("xiaolin")
        async with listening(agent) as stream:
            await live_of(desk).close(desk.front.app)
            assert await stream.closed()
            assert (await agent.get("/desk/live", Accept="*/*")).status == 503
