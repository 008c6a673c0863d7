"""Limits and news that fronts share by Redis, on a real server that also dies, hangs and comes back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from bot.app import children
from bot.app.children import ACTIONS, FRONT, RASA
from bot.app.front import compose
from bot.app.front_settings import FrontError, FrontSettings
from bot.app.settings import SettingsError, load
from bot.app.sharing import NEWS, REDIS
from bot.channels.errors import ApiError
from bot.channels.limits import Limiter, Rate, RateLimits
from bot.conversation.hub import Hub
from bot.conversation.redis_link import RedisLink
from bot.conversation.redis_news import RedisNews
from bot.conversation.redis_rates import RedisRates
from bot.conversation.service import Conversations
from persona.privacy.vault import Vault
from tests.bot.conversation.harness import (
    OPEN_LIMITS,
    Front,
    Shopper,
    Speaker,
    settings_for,
    until,
    vault,
)
from tests.bot.conversation.rasa_stub import RasaStub
from tests.support.redis import RedisServer

pytestmark = pytest.mark.service

SLOW = RateLimits(Rate(100, 1000), Rate(100, 1000), Rate(0.001, 6))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    made = RedisServer(tmp_path)
    made.start()
    yield made
    made.kill()


@pytest.fixture
async def link(server: RedisServer) -> AsyncIterator[RedisLink]:
    made = RedisLink(server.url, vault())
    yield made
    await made.close()


async def allowed(limiters: list[Limiter], key: str, tries: int) -> int:
    """How many of so many messages get through, sent to the fronts in turn, all at once."""
    got = await asyncio.gather(
        *(limiters[n % len(limiters)].message(key) for n in range(tries)), return_exceptions=True
    )
    assert all(outcome is None or isinstance(outcome, ApiError) for outcome in got), got
    return sum(outcome is None for outcome in got)


# -- limits -------------------------------------------------------------------------------------------------


async def test_two_fronts_allow_together_what_one_would(link: RedisLink, server: RedisServer) -> None:
    other = RedisLink(server.url, vault())
    limiters = [Limiter(SLOW, shared=RedisRates(each, vault())) for each in (link, other)]
    assert await allowed(limiters, "c_1", 40) == 6
    assert await allowed(limiters, "c_2", 4) == 4
    with pytest.raises(ApiError) as refused:
        await limiters[1].message("c_1")
    assert refused.value.status == 429
    assert 900 <= int(refused.value.headers["Retry-After"]) <= 1000
    await other.close()


async def test_a_shared_bucket_refills_and_is_forgotten_when_full(link: RedisLink) -> None:
    rates = RedisRates(link, vault())
    assert [await rates.take("k", "a", 20, 2) for _ in range(2)] == [0, 0]
    wait = await rates.take("k", "a", 20, 2)
    assert wait is not None and 0 < wait <= 0.05
    await asyncio.sleep(wait)
    assert await rates.take("k", "a", 20, 2) == 0
    keys = await link.run(lambda client: client.keys("*"))
    assert keys is not None and len(keys) == 1
    left = await link.run(lambda client: client.pttl(keys[0]))
    assert left is not None and 0 < left <= 1100


async def test_no_address_stands_in_redis_and_installations_do_not_meet(link: RedisLink) -> None:
    await Limiter(SLOW, shared=RedisRates(link, vault())).request("203.0.113.77")
    keys = await link.run(lambda client: client.keys("*"))
    assert keys and all("203.0.113" not in key and key.startswith(link.prefix) for key in keys)
    assert RedisLink("redis://127.0.0.1", Vault.from_text("k=" + "B" * 43)).prefix != link.prefix


async def test_a_refusal_of_the_others_takes_nothing_from_ones_own_bucket(link: RedisLink) -> None:
    """What was refused because of another front's messages must not count twice once Redis is away."""
    greedy, other = (Limiter(SLOW, shared=RedisRates(link, vault())) for _ in range(2))
    assert await allowed([greedy], "c", 6) == 6
    assert await allowed([other], "c", 20) == 0
    alone = Limiter(SLOW, shared=None)
    alone._own = other._own  # what the other front would allow by itself
    assert await allowed([alone], "c", 20) == 6


async def test_without_redis_each_front_limits_by_itself_and_it_is_said_once(
    link: RedisLink, server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "bot.conversation.redis_link")
    limiters = [Limiter(SLOW, shared=RedisRates(link, vault())) for _ in range(2)]
    assert await link.ping()
    assert await allowed(limiters, "c_1", 4) == 4
    server.kill()
    assert not await link.ping()
    assert await allowed(limiters, "c_1", 40) == 8  # each bucket had six, two of each were taken
    assert await allowed(limiters, "c_2", 40) == 12
    server.start()
    await asyncio.sleep(1.1)
    assert await link.ping()
    assert await allowed(limiters, "c_3", 40) == 6
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2 and "away" in said[0] and "back" in said[1]


async def test_a_redis_that_hangs_holds_nobody_up(link: RedisLink, server: RedisServer) -> None:
    limiter = Limiter(SLOW, shared=RedisRates(link, vault()))
    await limiter.message("c_0")
    server.freeze()
    try:
        loop = asyncio.get_running_loop()
        await limiter.message("c_1")  # waits its quarter of a second
        assert not await link.ping()
        before = loop.time()
        await asyncio.gather(*(limiter.message(f"c_{n}") for n in range(2, 200)))
        assert loop.time() - before < 0.25, "the others must not wait one by one"
    finally:
        server.thaw()
    await asyncio.sleep(1.1)
    assert await link.ping()


# -- news ---------------------------------------------------------------------------------------------------


async def test_news_reach_the_others_once_and_nobody_tells_them_again(
    server: RedisServer, link: RedisLink
) -> None:
    other = RedisLink(server.url, vault())
    here, there = Hub(), Hub()
    told: list[str] = []
    async with RedisNews(link, here).running(), RedisNews(other, there).running():
        outward = there.outward
        assert outward is not None
        there.outward = lambda cid: (told.append(cid), outward(cid))[1]
        with there.watch("c_1") as news, there.watch_all() as all_news, there.watch("c_2") as quiet:
            while not news.is_set():
                here.publish("c_1")
                await asyncio.sleep(0.02)
            assert all_news.is_set() and not quiet.is_set()
        assert told == []
    await other.close()


async def test_what_is_no_news_is_ignored(link: RedisLink) -> None:
    hub = Hub()
    news = RedisNews(link, hub)
    async with news.running():
        await asyncio.wait_for(news.listening.wait(), 5)
        with hub.watch("c_9") as woken, hub.watch("c 1") as never:
            for junk in ("", " ", "x" * 100_000, "someone c\n1 ../../etc " + "y" * 99, "\x00\x01"):
                await link.run(lambda client, junk=junk: client.publish(f"{link.prefix}news", junk))
            await link.run(lambda client: client.publish(f"{link.prefix}news", "someone c_9"))
            await asyncio.wait_for(woken.wait(), 5)
            assert not never.is_set()


async def test_a_socket_at_another_front_hears_without_looking(
    rasa: RasaStub, server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(self: Conversations) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(Conversations, "_look_for_news", never)  # so that only Redis can have brought it
    url = f"sqlite:///{tmp_path / 'record.db'}"
    async with (
        Front(url, rasa.port, redis_url=server.url) as one,
        Front(url, rasa.port, redis_url=server.url) as two,
    ):
        for front in (one, two):
            await asyncio.wait_for(front.app[NEWS].listening.wait(), 5)
        shopper = await one.open()
        socket = await two.session.ws_connect(two.url("/api/v1/ws"))
        await socket.send_json(
            {"type": "auth", "conversation_id": shopper.conversation_id, "secret": shopper.secret}
        )
        assert (await socket.receive_json())["type"] == "ready"
        while (frame := await socket.receive_json(timeout=5))["type"] != "message":
            pass
        await shopper.say("在吗", "m_1")
        texts = []
        while "答：在吗" not in texts:
            frame = await socket.receive_json(timeout=5)
            texts.append(frame.get("message", {}).get("text"))
        assert await two.app[REDIS].ping()


async def test_fronts_go_on_while_redis_is_killed_and_comes_back(
    rasa: RasaStub, server: RedisServer, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'record.db'}"
    limits = RateLimits(OPEN_LIMITS.address, OPEN_LIMITS.opening, Rate(0.001, 30))
    async with (
        Front(url, rasa.port, redis_url=server.url, limits=limits) as one,
        Front(url, rasa.port, redis_url=server.url, limits=limits) as two,
    ):
        shopper = await one.open()
        twin = Shopper(two, shopper.conversation_id, shopper.secret, [])
        assert (await shopper.say("一", "a"))[-1]["text"] == "答：一"
        server.kill()
        assert (await twin.say("二", "b"))[-1]["text"] == "答：二"
        assert (await shopper.say("三", "c"))[-1]["text"] == "答：三"
        server.start()
        for front in (one, two):
            await until(front.app[NEWS].listening.is_set)
        statuses = []
        for n in range(40):
            speaker = (shopper, twin)[n % 2]
            statuses.append((await speaker.post(text="还有", message_id=f"d_{n}")).status)
        assert 429 in statuses, "each by itself would have let all 40 through"


async def test_a_front_starts_where_redis_is_away(
    rasa: RasaStub, server: RedisServer, tmp_path: Path
) -> None:
    server.kill()
    async with Front(f"sqlite:///{tmp_path / 'record.db'}", rasa.port, redis_url=server.url) as front:
        shopper = await front.open()
        assert (await shopper.say("在吗"))[-1]["text"] == "答：在吗"
        assert not await front.app[REDIS].ping()


# -- settings -----------------------------------------------------------------------------------------------


def test_the_address_is_checked_handed_to_the_front_alone_and_never_shown(tmp_path: Path) -> None:
    for wrong in ("http://cache", "postgresql://cache", "cache:6379"):
        with pytest.raises(SettingsError, match="ZHIXIN_REDIS_URL"):
            load({"ZHIXIN_REDIS_URL": wrong}, tmp_path)
    settings = load({"ZHIXIN_REDIS_URL": "rediss://:hush-hush@cache/1"}, tmp_path)
    assert "hush-hush" not in repr(settings)
    environments = {spec.name: children.environment(spec, settings, {}) for spec in (FRONT, RASA, ACTIONS)}
    assert [name for name, env in environments.items() if "ZHIXIN_REDIS_URL" in env] == ["front"]
    assert "hush-hush" not in repr(FrontSettings.from_environment(environments["front"]))


async def test_an_address_that_nothing_can_be_made_of_stops_the_start(tmp_path: Path) -> None:
    settings = settings_for(f"sqlite:///{tmp_path / 'record.db'}", 1, redis_url="redis://cache:port")
    with pytest.raises(FrontError, match="port"):
        compose(settings, Speaker())
