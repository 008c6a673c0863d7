"""Traces and `/metrics` of a real front: who may read, what they tell, and nothing of anybody."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bot.app.front import shanghai_now
from bot.channels.platforms.signed import Settings
from bot.conversation.traced import TRACE
from persona.telemetry import tracing
from tests.bot.conversation.desk_harness import Desk
from tests.bot.conversation.harness import QUICK, Front, RasaStub, until
from tests.fakes.signed import KEY, Receiver, signed

GIVEN = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
TRACE_ID = GIVEN[3:35]


@pytest.fixture(autouse=True)
def _look_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.channels.metrics._KEPT_S", 0.0)


async def text_of(front: Front, **headers: str) -> tuple[int, str]:
    async with front.session.get(front.url("/metrics"), headers=headers) as got:
        return got.status, await got.text()


async def figures(front: Front) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    status, text = await text_of(front)
    assert status == 200
    return {
        (s.name, frozenset(s.labels.items())): s.value
        for family in text_string_to_metric_families(text)
        for s in family.samples
    }


def value(found: dict[Any, float], name: str, **labels: str) -> float:
    return found.get((name, frozenset(labels.items())), 0.0)


# -- traces ------------------------------------------------------------------------------------------------


async def test_a_stranger_cannot_choose_the_trace(front: Front, rasa: RasaStub) -> None:
    shopper = await front.open()
    body = {"conversation_id": shopper.conversation_id, "message_id": "m_1", "text": "你好"}
    headers = {**shopper.headers, "traceparent": GIVEN}
    await front.request("POST", "/api/v1/chat", json=body, headers=headers)
    (header,) = [given for message_id, given in rasa.traces if message_id == "m_1"]
    found = tracing.parse(header)
    assert found is not None
    assert found.trace_id == tracing.of_message(shopper.conversation_id, "m_1").trace_id


@pytest.mark.parametrize(("given", "kept"), [(GIVEN, True), (GIVEN + "x", False)])
async def test_a_trusted_proxy_gives_the_trace_and_a_retry_keeps_it(
    rasa: RasaStub, tmp_path: Any, given: str, kept: bool
) -> None:
    record = f"sqlite:///{tmp_path / 'record.db'}"
    async with Front(record, rasa.port, patience=QUICK, trusted_proxies=("127.0.0.0/8",)) as front:
        shopper = await front.open()
        rasa.status = 503
        body = {"conversation_id": shopper.conversation_id, "message_id": "m_1", "text": "你好"}
        headers = {**shopper.headers, "traceparent": given}
        posting = asyncio.create_task(front.request("POST", "/api/v1/chat", json=body, headers=headers))
        await until(lambda: sum(m == "m_1" for m, _ in rasa.traces) >= 2)
        rasa.status = None
        assert (await posting).status == 200
        seen = await front.request(
            "GET", f"/api/v1/conversations/{shopper.conversation_id}/messages", headers=shopper.headers
        )
    traces = {tracing.parse(header) for message_id, header in rasa.traces if message_id == "m_1"}
    expected = TRACE_ID if kept else tracing.of_message(shopper.conversation_id, "m_1").trace_id
    assert {found.trace_id for found in traces if found is not None} == {expected}
    assert all(TRACE not in message for message in seen.json["messages"])


async def test_another_front_that_answers_finds_the_same_trace(rasa: RasaStub, tmp_path: Any) -> None:
    record = f"sqlite:///{tmp_path / 'record.db'}"
    trusted = {"trusted_proxies": ("127.0.0.0/8",), "patience": QUICK}
    async with Front(record, rasa.port, **trusted) as first:
        shopper = await first.open()
        rasa.status = 503
        for message_id, more in (("m_given", {"traceparent": GIVEN}), ("m_derived", {})):
            body = {"conversation_id": shopper.conversation_id, "message_id": message_id, "text": "你好"}
            await first.request("POST", "/api/v1/chat", json=body, headers={**shopper.headers, **more})
    rasa.status = None
    rasa.traces.clear()
    async with Front(record, rasa.port, **trusted):
        await until(lambda: {"m_given", "m_derived"} <= set(rasa.ran))
    traces = {message_id: tracing.parse(header) for message_id, header in rasa.traces}
    assert traces["m_given"].trace_id == TRACE_ID
    assert traces["m_derived"].trace_id == tracing.of_message(shopper.conversation_id, "m_derived").trace_id


async def test_messages_behind_one_another_have_each_their_own(front: Front, rasa: RasaStub) -> None:
    shopper = await front.open()
    rasa.gate.clear()
    posting = [asyncio.create_task(shopper.post(message_id=f"m_{i}", text=f"问题{i}")) for i in range(3)]
    await asyncio.sleep(0.05)
    rasa.gate.set()
    await asyncio.gather(*posting)
    for message_id, header in rasa.traces:
        found = tracing.parse(header)
        assert found is not None
        assert found.trace_id == tracing.of_message(shopper.conversation_id, message_id).trace_id


# -- figures -----------------------------------------------------------------------------------------------


async def test_only_this_machine_reads_and_no_proxy_for_others(front: Front) -> None:
    assert (await text_of(front))[0] == 200
    for headers in ({"X-Forwarded-For": "127.0.0.1"}, {"Forwarded": "for=8.8.8.8"}, {"Via": "1.1 x"}):
        status, text = await text_of(front, **headers)
        assert status == 404 and "zhixin_" not in text


async def test_what_happens_is_counted_once(front: Front, rasa: RasaStub) -> None:
    before = await figures(front)
    shopper = await front.open()
    await shopper.post(message_id="m_1", text="你好")
    await shopper.post(message_id="m_1", text="你好")  # the same again
    await shopper.post(message_id="m_2", text="你好吗")
    await front.request("GET", "/api/v1/secret-138001380000")
    after = await figures(front)

    def more(name: str, **labels: str) -> float:
        return value(after, name, **labels) - value(before, name, **labels)

    assert more("zhixin_messages_total", channel="rest", kind="text") == 2
    for stage in ("wait", "message"):
        assert more("zhixin_stage_seconds_count", stage=stage) == 2
    assert more("zhixin_stage_seconds_count", stage="accept") == 3  # a repeat is accepted as well
    assert more("zhixin_answers_total", outcome="ok") == 3  # the greeting is one
    assert more("zhixin_http_requests_total", route="/api/v1/chat", status="200") == 3
    assert more("zhixin_http_requests_total", route="other", status="404") == 1


async def test_a_message_of_a_messaging_channel_is_counted_under_its_name(
    rasa: RasaStub, tmp_path: Path
) -> None:
    async with Receiver(shanghai_now) as receiver:
        channels = {"signed": Settings(keys=(KEY,), url=receiver.url)}
        async with Front(f"sqlite:///{tmp_path / 'record.db'}", rasa.port, channels=channels) as front:
            before = await figures(front)
            body = {"user": "u1", "message_id": "1", "text": "在吗"}
            for _ in range(2):
                await front.request("POST", "/channels/signed", **signed(body, shanghai_now()))
            await until(lambda: "答：在吗" in receiver.texts("u1"))
            after = await figures(front)
            name, labels = "zhixin_messages_total", {"channel": "signed", "kind": "text"}
            assert value(after, name, **labels) - value(before, name, **labels) == 1
            assert value(after, name, channel="other", kind="text") == value(
                before, name, channel="other", kind="text"
            )
            assert value(after, "zhixin_channel_links", channel="signed", state="blocked") == 0
            assert ("zhixin_channel_inbox_oldest_seconds", frozenset({("channel", "signed")})) in after


async def test_what_waits_is_told_with_its_age(front: Front, rasa: RasaStub) -> None:
    found = await figures(front)
    assert value(found, "zhixin_messages_waiting") == 0
    assert value(found, "zhixin_oldest_message_waiting_seconds") == 0
    shopper = await front.open()
    rasa.gate.clear()
    posting = asyncio.create_task(shopper.post(message_id="m_1", text="你好"))
    await until(lambda: any(call["message_id"] == "m_1" for call in rasa.calls))
    await asyncio.sleep(0.05)
    found = await figures(front)
    assert value(found, "zhixin_messages_waiting") == 1
    assert 0 < value(found, "zhixin_oldest_message_waiting_seconds") < 60
    assert value(found, "zhixin_conversations", owner="bot") == 1
    rasa.gate.set()
    await posting
    assert value(await figures(front), "zhixin_messages_waiting") == 0


async def test_the_desk_is_counted(front: Front) -> None:
    desk = Desk(front)
    agent = await desk.hire("小陈", presence="busy")
    shopper = await front.open()
    before = await figures(front)
    assert value(before, "zhixin_agents", presence="busy") == 1
    await desk.hands.take_over(shopper.conversation_id, agent)
    held = await figures(front)
    assert value(held, "zhixin_conversations", owner="human") == 1
    await desk.hands.hand_back(shopper.conversation_id, agent, outcome="solved")
    after = await figures(front)
    assert value(after, "zhixin_conversations", owner="human") == 0
    for name, labels in (
        ("zhixin_escalations_total", {"reason": "agent"}),
        ("zhixin_hand_backs_total", {"by": "agent"}),
    ):
        assert value(after, name, **labels) - value(before, name, **labels) == 1


async def test_nobody_can_add_series_by_what_is_sent(front: Front) -> None:
    async def send(number: int) -> None:
        shopper = await front.open()
        await shopper.post(message_id=f"m_{number}", text=f"13800138{number:03d} 林小雨")
        await front.request("GET", f"/static/{number}.js")
        await front.request("GET", f"/nothing/{number}?token=abc{number}")
        await front.request("POST", "/api/v1/chat", data=b"{" * number)
        async with front.session.get(front.url(f"/desk/c/{shopper.conversation_id}")):
            pass

    await send(0)
    first = set(await figures(front))
    for number in range(1, 12):
        await send(number)
    assert set(await figures(front)) == first
    _, text = await text_of(front)
    labels = {label for _, found in first for _, label in found}
    assert not any(re.search(r"c_\w{20}|\d{7}|[一-鿿]", label) for label in labels)
    assert "138001" not in text and "林小雨" not in text
    assert len(first) < 700


async def test_a_record_that_does_not_answer_is_not_told_as_empty(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ("zhixin_messages_waiting", frozenset()) in await figures(front)

    async def broken(*_: object) -> None:
        raise OSError("no disk")

    monkeypatch.setattr(front.conversations._store.database, "read", broken)
    found = await figures(front)
    assert ("zhixin_messages_waiting", frozenset()) not in found
