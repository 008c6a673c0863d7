"""Reads the shopper's temperament inside the NLU pipeline, so that every way to talk to the bot has it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.core.events import BotUttered, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.nlu.constants import ENTITIES, TEXT
from rasa.shared.nlu.training_data.message import Message

from persona.temperament.reader import Reader
from persona.temperament.types import Belief, Turn

logger = logging.getLogger(__name__)

#: What the slot says while the type is not known, or not wanted.
NEUTRAL = "neutral"
#: Earlier messages that are given to the reader as context.
CONTEXT = 6


@dataclass(frozen=True)
class Style:
    """How a turn is to be worded.

    Attributes:
        served: a type's code, or ``neutral``.
        reading: JSON of the reading of this message, or None where nothing was read.
        belief: JSON of the belief to carry on, or None where nothing is known or may be kept.
    """

    served: str
    reading: dict[str, Any] | None
    belief: dict[str, Any] | None

    def entity(self) -> dict[str, Any]:
        """Return the entity that fills slot `temperament` in the same turn."""
        return {"entity": "temperament", "value": self.served, "extractor": TemperamentReader.__name__}


@cache
def shared_reader() -> Reader:
    """Return the process's one reader."""
    return Reader.load()


def read_style(
    reader: Reader, text: str, metadata: Mapping[str, Any], tracker: DialogueStateTracker | None
) -> Style:
    """Read one typed message.

    Args:
        reader: the temperament engine.
        text: the message as typed.
        metadata: of the Rasa message; uses `belief`, `prior`, `personalisation` (see :func:`belief_so_far`).
        tracker: the conversation so far, or None.
    """
    if not _wanted(metadata, tracker):
        return Style(NEUTRAL, None, None)
    reading = reader.read(text, belief=belief_so_far(reader, metadata, tracker), context=_context(tracker))
    return Style(
        reading.temperament.value if reading.temperament else NEUTRAL,
        reading.to_json(),
        reading.belief.to_json(),
    )


def keep_style(reader: Reader, metadata: Mapping[str, Any], tracker: DialogueStateTracker | None) -> Style:
    """Return the style of a turn without typed words (a tapped button, an event): no evidence, same style."""
    if not _wanted(metadata, tracker):
        return Style(NEUTRAL, None, None)
    belief = belief_so_far(reader, metadata, tracker)
    if belief is None:
        return Style(NEUTRAL, None, None)
    return Style(belief.served.value if belief.served else NEUTRAL, None, belief.to_json())


def signals_of(
    reader: Reader,
    text: str | None,
    tracker: DialogueStateTracker | None = None,
    message_id: str | None = None,
) -> dict[str, Any]:
    """Return what stands in an answer that has no reading: ``{"signals": {"mood", "names"}}``.

    It is for the decision whether a person is needed. It knows no temperament and leaves nothing behind, so
    personalisation, which may be off, has no part in it.

    Args:
        reader: the temperament engine.
        text: the message as typed; without words (None: a tapped button, an event) the answer has nothing.
        tracker: the conversation, or None.
        message_id: of the message where the tracker may hold it already: what came after it does not count.
    """
    if text is None:
        return {}
    mood, signals = reader.feel(text, context=_context(tracker, message_id))
    return {"signals": {"mood": mood.value, "names": sorted({signal.name for signal in signals})}}


def belief_so_far(
    reader: Reader, metadata: Mapping[str, Any], tracker: DialogueStateTracker | None
) -> Belief | None:
    """Return the belief that a message starts from.

    It is the message's own `belief` (the record owns it), else that of the conversation's latest
    reading. A `prior` in the metadata has become known with this message: it replaces the prior of the
    earlier belief. Failing both it is the prior in slot `prior`.
    """
    earlier = _belief(metadata.get("belief")) or _latest_belief(tracker)
    fresh = _belief(metadata.get("prior"))
    if fresh is not None:
        return reader.carry(earlier, fresh) if earlier is not None else fresh
    if earlier is not None:
        return earlier
    return _belief(tracker.get_slot("prior")) if tracker is not None and "prior" in tracker.slots else None


def _wanted(metadata: Mapping[str, Any], tracker: DialogueStateTracker | None) -> bool:
    told = metadata.get("personalisation")
    if told is None and tracker is not None and "personalisation" in tracker.slots:
        told = tracker.get_slot("personalisation")
    return told is not False


def _latest_belief(tracker: DialogueStateTracker | None) -> Belief | None:
    for event in reversed(tracker.events) if tracker is not None else ():
        if isinstance(event, UserUttered) and event.parse_data.get("belief"):
            return _belief(event.parse_data["belief"])
    return None


def _belief(data: Any) -> Belief | None:
    if not data:
        return None
    try:
        return Belief.from_json(data)
    except (KeyError, TypeError, ValueError, AttributeError):
        logger.warning("a belief in an unknown form is ignored")
        return None


def _context(tracker: DialogueStateTracker | None, before: str | None = None) -> tuple[Turn, ...]:
    """Return what was said last, oldest first; where the tracker holds message `before`, before that."""
    turns: list[Turn] = []
    for event in reversed(tracker.events) if tracker is not None else ():
        if before is not None and isinstance(event, UserUttered) and event.message_id == before:
            turns.clear()
            continue
        # A tapped button is recorded by its payload, which nobody said.
        if isinstance(event, UserUttered | BotUttered) and event.text and not event.text.startswith("/"):
            who = "shopper" if isinstance(event, UserUttered) else "agent"
            turns.append(Turn(event.text, who, event.timestamp))
            if before is None and len(turns) == CONTEXT:
                break
    return tuple(reversed(turns[:CONTEXT]))


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=False)
class TemperamentReader(GraphComponent):  # type: ignore[misc]  # rasa is untyped
    """Adds entity `temperament`, `reading` and `belief` to each message. Does nothing in training."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> TemperamentReader:
        """Make the component over the process's shared reader."""
        return cls(shared_reader())

    def process(self, messages: list[Message], tracker: DialogueStateTracker | None = None) -> list[Message]:
        """Read each message; Rasa gives the tracker because the parameter is named so."""
        for message in messages:
            style = read_style(self._reader, message.get(TEXT) or "", message.get("metadata") or {}, tracker)
            message.set("reading", style.reading, add_to_output=True)
            message.set("belief", style.belief, add_to_output=True)
            message.set(ENTITIES, [*message.get(ENTITIES, []), style.entity()], add_to_output=True)
        return messages
