"""The natural language generator that Rasa loads: what Rasa decided to say, in the shopper's style."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from itertools import islice
from typing import Any

from rasa.core.nlg import TemplatedNaturalLanguageGenerator
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import BotUttered, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.utils.endpoints import EndpointConfig

from persona.wording import Utterance, Wording, WordingError

log = logging.getLogger(__name__)

#: Rasa's own actions utter these where a domain has them, and nothing where it has not.
_SILENT = frozenset({"utter_restart", "utter_back", "utter_default"})

#: The fact that nobody can log in where she writes: what an account opens is opened by binding it.
BINDS = "binds"

#: As many texts of the bot as she still has before her eyes.
_LATELY = 6


@dataclass(frozen=True)
class Told:
    """What one text was made of, for the record: people who take over read facts there, not prose."""

    text: str
    response: str
    facts: Mapping[str, Any]


#: What was told in the current turn, in order; None outside of a turn.
told: ContextVar[list[Told] | None] = ContextVar("told", default=None)


class StyleGenerator(TemplatedNaturalLanguageGenerator):  # type: ignore[misc]  # rasa is untyped
    """Words every response through ``persona.wording``.

    Style comes from the slot ``temperament``, mood from the reading of the latest message, facts and
    options from the action's ``utter_message(response=…, facts=…, options=…)``. A response that is
    uttered without facts (by a rule or a form) gets its declared facts from slots of the same name.

    It is a subclass of the templated generator because Rasa injects the responses of a loaded model
    into no other.
    """

    def __init__(
        self,
        endpoint_config: EndpointConfig | None = None,
        domain: Domain | None = None,
        wording: Wording | None = None,
    ) -> None:
        """Load the words; `wording` is given by tests."""
        super().__init__(domain.responses if domain else {})
        self._wording = wording or Wording.load()

    async def generate(
        self, utter_action: str, tracker: DialogueStateTracker, output_channel: str, **kwargs: Any
    ) -> dict[str, Any] | None:
        """Return fresh ``{"text", "buttons"}``; the apology where the response cannot be spoken."""
        if utter_action in _SILENT and utter_action not in self._wording:
            return None
        slots = tracker.current_slot_values()
        facts, options = kwargs.get("facts"), kwargs.get("options")
        values = dict(facts or self._facts_from_slots(utter_action, slots))
        if BINDS in self._wording.declared_facts(utter_action) and binds(tracker):
            values[BINDS] = True
        try:
            said = self._wording.say(
                utter_action,
                values,
                slots.get("temperament"),
                options or (),
                mood_of(tracker),
                salt_of(tracker),
                said_lately(tracker),
                tracker.active_loop_name is not None,
            )
            if (so_far := told.get()) is not None:
                so_far.append(Told(said.text, utter_action, values))
        except WordingError as exc:
            log.error("cannot say %s: %s", exc.response, exc.cause)
            said = self._wording.apology()
        finally:
            # Rasa copies what is left of these into the event's metadata, on disk and in every later
            # action call. They have been told; empty values are dropped.
            for given in (facts, options):
                if isinstance(given, (dict, list)):
                    given.clear()
        return _as_message(said)

    def _facts_from_slots(self, response: str, slots: Mapping[str, Any]) -> dict[str, Any]:
        declared = self._wording.declared_facts(response)
        return {name: slots[name] for name in declared if slots.get(name) is not None}


def binds(tracker: DialogueStateTracker) -> bool:
    """Return whether the latest message came from where nobody can log in."""
    message = tracker.latest_message
    return message is not None and (message.metadata or {}).get(BINDS) is True


def mood_of(tracker: DialogueStateTracker) -> str | None:
    """Return the mood of the latest message that was read; a tapped button is not read."""
    for event in reversed(tracker.events):
        if isinstance(event, UserUttered):
            reading = event.parse_data.get("reading")
            if isinstance(reading, Mapping):
                mood = reading.get("mood")
                return mood if isinstance(mood, str) else None
    return None


def salt_of(tracker: DialogueStateTracker) -> str:
    """Return what chooses among variations: steady for one message, so a repeated turn says the same."""
    message_id = tracker.latest_message.message_id if tracker.latest_message else None
    return f"{tracker.sender_id}:{message_id}"


def said_lately(tracker: DialogueStateTracker) -> list[str]:
    """Return the bot's last texts, which it does not say again word for word.

    They are read from the conversation as it was before and in this turn, so a repeated turn reads the same.
    """
    texts = (e.text for e in reversed(tracker.events) if isinstance(e, BotUttered) and e.text)
    return list(islice(texts, _LATELY))


def _as_message(said: Utterance) -> dict[str, Any]:
    # Fresh lists: Rasa extends `buttons` in place.
    message: dict[str, Any] = {"text": said.text}
    if said.buttons:
        message["buttons"] = [{"title": b.title, "payload": b.payload} for b in said.buttons]
    if said.card is not None:
        message["custom"] = dict(said.card)
    return message
