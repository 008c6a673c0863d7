"""Trace ids after W3C Trace Context: one id from the channel's request to the shop's call.

The id of a message is the one that a trusted caller sent with it, else it is derived from the ids of
conversation and message: whoever works on the message later (another task, another process, after a restart)
finds the same without having to be told, and so does whoever has the two ids and reads logs:

    python -m persona.telemetry.tracing c_Fz1… m_42
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar, Token
from dataclasses import dataclass

#: The header between processes, to shops' backends, and the key of a message's metadata in Rasa.
HEADER = "traceparent"

#: Version 00 exactly: upper case, further fields and the forbidden version ff are garbage.
_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})", re.ASCII)
_NO_TRACE, _NO_SPAN = "0" * 32, "0" * 16


@dataclass(frozen=True)
class Trace:
    """Where a piece of work belongs.

    Attributes:
        trace_id: 32 lower-case hexadecimal digits, not all 0.
        span_id: 16 of them: the caller that handed it over.
        sampled: what the caller's tracing system does with it; passed on as it came.
        conversation_id: for the logs; "" where it is not known. It does not travel in the header.
    """

    trace_id: str
    span_id: str
    sampled: bool = True
    conversation_id: str = ""

    @property
    def traceparent(self) -> str:
        """The value of the header."""
        return f"00-{self.trace_id}-{self.span_id}-{int(self.sampled):02x}"

    def step(self) -> Trace:
        """Return the trace as the next callee gets it: the same id, a span of our own."""
        return Trace(self.trace_id, _random(8, _NO_SPAN), self.sampled, self.conversation_id)


_current: ContextVar[Trace | None] = ContextVar("zhixin_trace", default=None)


def parse(traceparent: object) -> Trace | None:
    """Read a header's value; None for what is not exactly version 00 of the format."""
    found = _TRACEPARENT.fullmatch(traceparent) if isinstance(traceparent, str) else None
    if found is None or found[1] == _NO_TRACE or found[2] == _NO_SPAN:
        return None
    return Trace(found[1], found[2], bool(int(found[3], 16) & 1))


def fresh(traceparent: object = None) -> Trace:
    """Return the trace of a header; a new one where there is none or it is garbage."""
    return parse(traceparent) or Trace(_random(16, _NO_TRACE), _random(8, _NO_SPAN))


def of_message(conversation_id: str, message_id: str) -> Trace:
    """Return the trace that follows from a message: the same wherever and whenever it is asked."""
    digest = hashlib.sha256(f"zhixin-trace\x00{conversation_id}\x00{message_id}".encode()).hexdigest()
    return Trace(digest[:32], digest[32:48], conversation_id=conversation_id)


def current() -> Trace | None:
    """Return the trace of the work that runs here, None outside of any."""
    return _current.get()


def enter(trace: Trace | None) -> Token[Trace | None]:
    """Let `trace` hold for the rest of this task and for the tasks that it starts."""
    return _current.set(trace)


@contextmanager
def use(trace: Trace | str | None, conversation_id: str = "") -> Iterator[Trace]:
    """Let a trace hold within the block.

    Args:
        trace: a trace, or a header's value; a new trace is begun for None or garbage.
        conversation_id: for the logs.
    """
    found = trace if isinstance(trace, Trace) else fresh(trace)
    if conversation_id:
        found = Trace(found.trace_id, found.span_id, found.sampled, conversation_id)
    token = _current.set(found)
    try:
        yield found
    finally:
        _current.reset(token)


def outgoing_headers() -> Mapping[str, str]:
    """Return what a call to another process carries: ``traceparent``, or nothing outside of any trace."""
    trace = _current.get()
    return {} if trace is None else {HEADER: trace.step().traceparent}


def _random(count: int, forbidden: str) -> str:
    while (made := os.urandom(count).hex()) == forbidden:
        pass
    return made


if __name__ == "__main__":
    print(of_message(*sys.argv[1:3]).trace_id)
