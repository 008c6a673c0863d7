"""Floods are refused with a time to come back; addresses are found behind trusted proxies only."""

from __future__ import annotations

import pytest
from aiohttp.test_utils import make_mocked_request

from bot.channels.errors import ApiError
from bot.channels.limits import Addresses, Buckets, Limiter, Rate, RateLimits
from tests.bot.conversation.harness import Front
from tests.bot.conversation.rasa_stub import RasaStub


class Time:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_bucket_empties_and_refills() -> None:
    time = Time()
    bucket = Buckets(Rate(2, 3), time)
    assert [bucket.take("a") for _ in range(3)] == [0, 0, 0]
    assert bucket.take("a") == pytest.approx(0.5)
    assert bucket.take("b") == 0
    time.now += 0.5
    assert bucket.take("a") == 0 and bucket.take("a") > 0
    time.now += 1000
    assert [bucket.take("a") == 0 for _ in range(4)] == [True, True, True, False]


async def test_a_refusal_says_when_to_come_back() -> None:
    time = Time()
    limiter = Limiter(RateLimits(conversation=Rate(0.1, 1)), time)
    await limiter.message("c")
    with pytest.raises(ApiError) as raised:
        await limiter.message("c")
    assert raised.value.status == 429 and raised.value.headers["Retry-After"] == "10"
    time.now += 10
    await limiter.message("c")


async def test_a_scripted_conversation_of_200_turns_is_no_flood() -> None:
    limiter = Limiter(RateLimits(), Time())
    for _ in range(200):
        await limiter.request("1.2.3.4")
        await limiter.message("c")


@pytest.mark.parametrize("text", ["", "5", "0/5", "5/0", "x/y", "-1/5", "1/inf", "nan/5"])
def test_malformed_rates(text: str) -> None:
    with pytest.raises(ValueError):
        Rate.parse(text)


@pytest.mark.parametrize(
    ("trusted", "peer", "forwarded", "expected"),
    [
        ([], "203.0.113.7", "198.51.100.1", "203.0.113.7"),
        (["10.0.0.0/8"], "203.0.113.7", "198.51.100.1", "203.0.113.7"),
        (["10.0.0.0/8"], "10.1.2.3", "198.51.100.1", "198.51.100.1"),
        (["10.0.0.0/8"], "10.1.2.3", "6.6.6.6, 198.51.100.1", "198.51.100.1"),  # the left part is hearsay
        (["10.0.0.0/8"], "10.1.2.3", "198.51.100.1, 10.9.9.9", "198.51.100.1"),
        (["10.0.0.0/8"], "10.1.2.3", "garbage", "10.1.2.3"),
        (["10.0.0.0/8"], "10.1.2.3", None, "10.1.2.3"),
        ([], "2001:db8:1:2:3::4", None, "2001:db8:1:2::/64"),
        ([], "::ffff:203.0.113.7", None, "203.0.113.7"),
        ([], "not an address", None, "unknown"),
    ],
)
def test_the_network_address(trusted: list[str], peer: str, forwarded: str | None, expected: str) -> None:
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    request = make_mocked_request("GET", "/", headers=headers).clone(remote=peer)
    assert Addresses(trusted).of(request) == expected


async def test_a_flood_of_messages_is_refused_in_chinese(rasa: RasaStub, tmp_path: object) -> None:
    limits = RateLimits(conversation=Rate(1, 3))
    async with Front(f"sqlite:///{tmp_path}/record.db", rasa.port, limits=limits) as front:
        shopper, other = await front.open(), await front.open()
        answers = [await shopper.post(text=f"{n}") for n in range(5)]
        assert [a.status for a in answers[:3]] == [200, 200, 200]
        refused = answers[-1]
        assert refused.status == 429 and int(refused.headers["Retry-After"]) >= 1
        assert refused.json["error"]["code"] == "rate_limited"
        assert refused.json["error"]["message"].startswith("utter_rate_limited/neutral wait_s=")
        assert (await other.post(text="在吗")).status == 200


async def test_a_flood_of_one_address_is_refused(rasa: RasaStub, tmp_path: object) -> None:
    limits = RateLimits(address=Rate(1, 4), opening=Rate(1, 1))
    async with Front(f"sqlite:///{tmp_path}/record.db", rasa.port, limits=limits) as front:
        await front.open()
        second = await front.request("POST", "/api/v1/conversations")
        assert second.status == 429
        statuses = [(await front.request("POST", "/api/v1/chat", json={})).status for _ in range(4)]
        assert statuses[-1] == 429 and statuses[0] == 422
        assert (await front.request("GET", "/healthz")).status == 200
