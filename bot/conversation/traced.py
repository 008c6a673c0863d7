"""Which trace a stored message belongs to."""

from __future__ import annotations

from bot.conversation.types import Incoming, Pending
from persona.telemetry import tracing

#: Where the body of a message keeps the trace that a trusted caller sent with it; no client sees it.
TRACE = "trace"


def trace_of(conversation_id: str, message: Pending | Incoming) -> tracing.Trace:
    """Return the trace of a message: the caller's where there is one, else what follows from its ids."""
    given = message.trace if isinstance(message, Incoming) else message.content.get(TRACE)
    found = tracing.parse(given)
    if found is None:
        return tracing.of_message(conversation_id, message.message_id)
    return tracing.Trace(found.trace_id, found.span_id, found.sampled, conversation_id)
