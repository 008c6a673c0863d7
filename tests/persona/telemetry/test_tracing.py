"""Trace ids: strict reading, the same id wherever a message is worked on, no id left behind by other work."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from persona.telemetry import tracing

GOOD = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_a_header_is_read_and_written_again() -> None:
    found = tracing.parse(GOOD)
    assert found is not None
    assert (found.trace_id, found.span_id) == ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")
    assert found.traceparent == GOOD


@pytest.mark.parametrize(
    "garbage",
    [
        None,
        "",
        7,
        GOOD.upper(),
        GOOD + "-01",
        GOOD + "\n",
        " " + GOOD,
        "ff" + GOOD[2:],
        "01" + GOOD[2:],
        GOOD.replace("0af7651916cd43dd8448eb211c80319c", "0" * 32),
        GOOD.replace("b7ad6b7169203331", "0" * 16),
        GOOD[:-1],
        GOOD.replace("0af", "０af"),
        GOOD.replace("0af", "0xf"),
    ],
)
def test_garbage_gives_a_new_trace(garbage: object) -> None:
    assert tracing.parse(garbage) is None
    made = tracing.fresh(garbage)
    assert made != tracing.fresh(garbage)
    assert tracing.parse(made.traceparent) == made


@given(st.text(max_size=80))
def test_whatever_is_read_is_a_valid_header(text: str) -> None:
    found = tracing.parse(text)
    assert found is None or found.traceparent[:53] == text[:53]


@given(st.text(max_size=40), st.text(max_size=40))
def test_a_message_has_one_trace_for_ever(conversation: str, message: str) -> None:
    made = tracing.of_message(conversation, message)
    assert made == tracing.of_message(conversation, message)
    assert tracing.parse(made.traceparent) is not None
    assert made.trace_id != tracing.of_message(conversation + message, "").trace_id or not message


def test_the_way_of_deriving_does_not_change() -> None:
    """Logs of last month are looked up by it."""
    assert tracing.of_message("c_1", "m_1").trace_id == "cca18d3982302bec262b2af441c7399c"


async def test_each_task_has_its_own_and_gives_it_to_those_it_starts() -> None:
    seen: dict[str, str] = {}

    async def call(name: str) -> None:
        await asyncio.sleep(0)
        seen[name] = tracing.outgoing_headers()[tracing.HEADER]

    async def turn(name: str) -> None:
        with tracing.use(tracing.of_message("c", name)):
            await asyncio.wait_for(call(name), 1)

    await asyncio.gather(turn("a"), turn("b"))
    for name, header in seen.items():
        found, own = tracing.parse(header), tracing.of_message("c", name)
        assert found is not None
        assert found.trace_id == own.trace_id
        assert found.span_id != own.span_id
    assert tracing.current() is None
    assert tracing.outgoing_headers() == {}
