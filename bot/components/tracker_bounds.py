"""Keeps a tracker short: what is stored of its events, and where the past is cut off."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any

from rasa.shared.core.constants import (
    ACTION_LISTEN_NAME,
    ACTION_SESSION_START_NAME,
    SESSION_START_METADATA_SLOT,
)
from rasa.shared.core.events import (
    ActionExecuted,
    ActiveLoop,
    BotUttered,
    ConversationPaused,
    Event,
    Restarted,
    SessionStarted,
    SlotSet,
    UserUttered,
)
from rasa.shared.core.trackers import DialogueStateTracker

#: More events than this are cut.
MOST = 80
#: At least so many of the newest are kept.
LEAST = 40
#: A form that goes on for so long is cut inside; its state is carried over.
MOST_IN_FORM = 240
#: Shopper messages (from the newest) that keep what a repeated message needs: replies, reading, belief.
RECENT = 6

#: Attribute of an event that holds its JSON; whoever changes a stored event takes it away.
WRITTEN = "_zhixin_json"

#: What she was looking at stays: whether a later question is about the same page.
_USER_METADATA = frozenset({"failed", "history_held", "looking_at"})
_BOT_METADATA = frozenset({"utter_action"})
_PARSE_DATA = frozenset(
    {"text", "intent", "intent_ranking", "entities", "message_id", "metadata", "reading", "belief"}
)
_PASSING_SLOTS = frozenset({SESSION_START_METADATA_SLOT, "grant"})
_RANKING = 3


def settle(tracker: DialogueStateTracker, start: int = 0) -> None:
    """Take from the events from `start` on, in place, what must not or need not be kept after a turn.

    Signed assertions and grants, the facts and options a response was made of, tokens and model ids go.
    Where slot `personalisation` is false, readings, beliefs and the prior go from all events.
    """
    for event in islice(tracker.events, start, None):
        _slim(event)
    for name in _PASSING_SLOTS & set(tracker.slots):
        tracker.slots[name].value = None
    if tracker.slots.get("personalisation") is not None and tracker.get_slot("personalisation") is False:
        for event in tracker.events:
            _forget_reading(event)
        if "prior" in tracker.slots:
            tracker.slots["prior"].value = None
    _fade(tracker.events)


def _slim(event: Event) -> None:
    event.__dict__.pop(WRITTEN, None)
    if isinstance(event, UserUttered):
        event.metadata = _only(event.metadata, _USER_METADATA)
        data: dict[str, Any] = event.parse_data
        for key in set(data) - _PARSE_DATA:
            del data[key]
        data["metadata"] = event.metadata
        data["intent_ranking"] = list(data.get("intent_ranking") or ())[:_RANKING]
    elif isinstance(event, BotUttered):
        event.metadata = _only(event.metadata, _BOT_METADATA)
        event.data = {key: value for key, value in event.data.items() if value}
    else:
        event.metadata = {}
        if isinstance(event, SlotSet) and event.key in _PASSING_SLOTS:
            event.value = None


def _only(mapping: dict[str, Any] | None, keys: frozenset[str]) -> dict[str, Any]:
    return {key: value for key, value in (mapping or {}).items() if key in keys}


def _forget_reading(event: Event) -> None:
    event.__dict__.pop(WRITTEN, None)
    if isinstance(event, UserUttered):
        event.parse_data.pop("reading", None)
        event.parse_data.pop("belief", None)
        event.entities = [e for e in event.entities if e.get("entity") != "temperament"]
        event.parse_data["entities"] = list(event.entities)
    elif isinstance(event, SlotSet):
        if event.key == "prior":
            event.value = None
        elif event.key == "temperament":
            event.value = "neutral"


def _fade(events: Sequence[Event]) -> None:
    """Empty what only a repeat of a recent message could ask for from the older events."""
    seen = 0
    for event in reversed(events):
        if isinstance(event, UserUttered):
            seen += 1
            if seen > RECENT and "intent_ranking" in event.parse_data:
                event.__dict__.pop(WRITTEN, None)
                for key in ("reading", "belief", "intent_ranking"):
                    event.parse_data.pop(key, None)
        elif isinstance(event, BotUttered) and seen >= RECENT and event.data:
            event.__dict__.pop(WRITTEN, None)
            event.data = {}


def bounded(tracker: DialogueStateTracker) -> DialogueStateTracker:
    """Return `tracker`, or where it has grown too long one with the same state and only its newest events.

    The past is cut after an `action_listen` outside a form (inside one only where a form goes on for
    very long), and replaced by a session start, the slots' values and the state of the conversation at
    that point.
    """
    if len(tracker.events) <= MOST:
        return tracker
    events = list(tracker.events)
    cut = _cut(events)
    if cut is None:
        return tracker
    before = tracker.init_copy()
    for event in events[:cut]:
        before.update(event)
    short = tracker.init_copy()
    for event in [*_prefix(before, events[cut - 1].timestamp), *events[cut:]]:
        short.update(event)
    short.model_id, short.assistant_id = tracker.model_id, tracker.assistant_id
    short.followup_action = tracker.followup_action
    return short


def _cut(events: list[Event]) -> int | None:
    """Return the index of the first event to keep."""
    outside = inside = None
    form: str | None = None
    for index, event in enumerate(events[: len(events) - LEAST]):
        if isinstance(event, ActiveLoop):
            form = event.name
        elif isinstance(event, SessionStarted | Restarted):
            form = None
        elif isinstance(event, ActionExecuted) and event.action_name == ACTION_LISTEN_NAME:
            inside = index + 1
            if form is None:
                outside = inside
    if len(events) > MOST_IN_FORM and (outside is None or len(events) - outside > MOST_IN_FORM):
        return inside
    return outside


def _prefix(before: DialogueStateTracker, at: float) -> list[Event]:
    prefix: list[Event] = [
        ActionExecuted(ACTION_SESSION_START_NAME, timestamp=at),
        SessionStarted(timestamp=at),
    ]
    prefix += [
        SlotSet(slot.name, slot.value, timestamp=at)
        for slot in before.slots.values()
        if slot.value != slot.initial_value and slot.name not in _PASSING_SLOTS
    ]
    if before.active_loop_name:
        prefix += [
            ActionExecuted(before.active_loop_name, timestamp=at),
            ActiveLoop(before.active_loop_name, timestamp=at),
        ]
    if before.is_paused():
        prefix.append(ConversationPaused(timestamp=at))
    prefix.append(ActionExecuted(ACTION_LISTEN_NAME, timestamp=at))
    return prefix
