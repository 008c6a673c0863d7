"""One turn inside Rasa: from the front's call to the recorded answer."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from weakref import WeakValueDictionary

from rasa.core.actions.action import ActionSessionStart, RemoteAction
from rasa.core.agent import Agent
from rasa.core.channels.channel import OutputChannel, UserMessage
from rasa.core.processor import MessageProcessor
from rasa.shared.core.constants import REQUESTED_SLOT
from rasa.shared.core.events import ActionExecuted, ActiveLoop, BotUttered, Event, SlotSet, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker

from bot.components import nlg, tuning
from bot.components.temperament import keep_style, shared_reader, signals_of

logger = logging.getLogger(__name__)

#: The front's limit is lower; this one only bounds what a broken caller can cost.
MAX_TEXT = 4_000
_LONGEST_NAME = 64
HISTORY_ACTION = "action_read_history"
EVENTS = {"opened": "open_conversation", "identified": "identified", "handed_back": "handed_back"}
#: Intents after which saying nothing is no failure.
_SILENT = frozenset({"handed_back"})

_ID = re.compile(r"[\x21-\x7e]{1,200}")
_PAYLOAD = re.compile(r"/(?P<intent>[a-z][a-z0-9_]*)(?P<entities>\{.*\})?", re.DOTALL)


class MalformedTurnError(ValueError):
    """The front's call is not of the agreed form; the message says where."""


@dataclass(frozen=True)
class Turn:
    """A checked call of the front.

    Attributes:
        conversation_id: the conversation.
        message_id: the message; a repeated one is answered from the record.
        text: what the shopper typed, or None.
        intent: the intent of a tapped button or of an event, or None.
        entities: the entities of a tapped button.
        assertion: the front's signed identity, for the actions.
        belief: JSON of the belief that the record holds, or None.
        personalisation: whether style may be read and kept.
        history_wanted: whether the shopper's history is to be read first.
        earlier: what the record holds of the customer's earlier conversations, part of that history: the
            belief and its time, a person's last correction and its time.
        people: somebody is at the desk, so that a person can be announced.
        settled: with event ``handed_back``: what a person settled, ``{"outcome", "by", "order_number"?,
            "agent"?}``.
    """

    conversation_id: str
    message_id: str
    text: str | None
    intent: str | None
    entities: tuple[tuple[str, Any], ...]
    raw: str
    assertion: str | None
    belief: Mapping[str, Any] | None
    personalisation: bool
    history_wanted: bool
    earlier: Mapping[str, Any] | None
    settled: Mapping[str, str] | None = None
    people: bool = True

    @classmethod
    def from_body(cls, body: bytes) -> Turn:
        """Read the JSON of a call.

        Raises:
            MalformedTurnError: it is not of the agreed form.
        """
        try:
            data = json.loads(body)
        except (ValueError, UnicodeDecodeError, RecursionError):
            raise MalformedTurnError("the body is not JSON") from None
        if not isinstance(data, dict):
            raise MalformedTurnError("the body is not an object")
        kinds = [kind for kind in ("text", "payload", "event") if data.get(kind) is not None]
        if len(kinds) != 1:
            raise MalformedTurnError("exactly one of text, payload and event is needed")
        content = _string(data, kinds[0])
        text: str | None = None
        intent: str | None = None
        entities: tuple[tuple[str, Any], ...] = ()
        if kinds[0] == "text":
            content = text = _harmless(content)
        elif kinds[0] == "payload":
            intent, entities = _payload(content)
        else:
            if content not in EVENTS:
                raise MalformedTurnError(f"event is none of {', '.join(EVENTS)}")
            intent = EVENTS[content]
            content = f"/{intent}"
        settled = _settled(data) if intent == EVENTS["handed_back"] and kinds[0] == "event" else None
        return cls(
            conversation_id=_identifier(data, "conversation_id"),
            message_id=_identifier(data, "message_id"),
            text=text,
            intent=intent,
            entities=entities,
            raw=content,
            assertion=_optional(data, "assertion", str, None),
            belief=_optional(data, "belief", dict, None),
            personalisation=_optional(data, "personalisation", bool, True),
            history_wanted=_optional(data, "history_wanted", bool, False),
            earlier=_optional(data, "earlier", dict, None),
            settled=settled,
            people=_optional(data, "people", bool, True),
        )


def _identifier(data: Mapping[str, Any], name: str) -> str:
    value = data.get(name)
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise MalformedTurnError(f"{name} is not an id")
    return value


def _string(data: Mapping[str, Any], name: str) -> str:
    value = data[name]
    if not isinstance(value, str) or not value.strip():
        raise MalformedTurnError(f"{name} is not a text or is empty")
    if len(value) > MAX_TEXT:
        raise MalformedTurnError(f"{name} is longer than {MAX_TEXT} characters")
    if "\0" in value or any("\ud800" <= char <= "\udfff" for char in value):
        raise MalformedTurnError(f"{name} holds characters that are none")
    return value


def _settled(data: Mapping[str, Any]) -> dict[str, str] | None:
    """Return what a person settled; None where the front does not say."""
    given = _optional(data, "settled", dict, None)
    if given is None:
        return None
    found = {name: given.get(name) for name in ("outcome", "by", "order_number", "agent")}
    for name, value in found.items():
        if (value is None and name in ("outcome", "by")) or not isinstance(value, str | None):
            raise MalformedTurnError(f"settled: {name} is no text")
        if value is not None and not 0 < len(value) <= _LONGEST_NAME:
            raise MalformedTurnError(f"settled: {name} is empty or too long")
    return {name: value for name, value in found.items() if value is not None}


def _optional(data: Mapping[str, Any], name: str, kind: type, default: Any) -> Any:
    value = data.get(name)
    if value is None:
        return default
    if not isinstance(value, kind):
        raise MalformedTurnError(f"{name} has a wrong type")
    return value


def _harmless(text: str) -> str:
    """Return typed text that Rasa cannot take for a command, of the same length."""
    head = len(text) - len(text.lstrip())
    return f"{text[:head]}／{text[head + 1 :]}" if text[head] == "/" else text


def _payload(content: str) -> tuple[str, tuple[tuple[str, Any], ...]]:
    match = _PAYLOAD.fullmatch(content.strip())
    if match is None:
        raise MalformedTurnError("payload is not of the form /intent{...}")
    try:
        entities = json.loads(match["entities"] or "{}")
    except (ValueError, RecursionError):
        raise MalformedTurnError("the entities of payload are not JSON") from None
    return match["intent"], tuple(
        (name, value)
        for name, values in entities.items()
        for value in (values if isinstance(values, list) else [values])
    )


class _Nowhere(OutputChannel):  # type: ignore[misc]  # rasa is untyped
    """Replies are read from the tracker, where a repeated message finds them too."""

    @classmethod
    def name(cls) -> str:
        return "front"

    async def send_response(self, recipient_id: str, message: dict[str, Any]) -> None:
        return None


class TurnRunner:
    """Runs turns with a loaded agent, one at a time per conversation."""

    def __init__(self, agent: Agent) -> None:
        self.agent = agent
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def run(self, turn: Turn) -> dict[str, Any]:
        """Answer `turn`; a message that has been answered before is answered from the tracker.

        Never raises: where Rasa or the database fails, the answer says `failed`, and nothing is recorded.
        """
        lock = self._locks.setdefault(turn.conversation_id, asyncio.Lock())
        try:
            # Rasa's own lock, for the case of several copies, is looked at once a second; ours comes first.
            async with lock, self.agent.lock_store.lock(turn.conversation_id):
                return await self._run(turn)
        except Exception:
            logger.exception("turn %s failed", turn.message_id)
            return _failed(turn)

    async def _run(self, turn: Turn) -> dict[str, Any]:
        processor: MessageProcessor = self.agent.processor
        tracker = await processor.get_tracker(turn.conversation_id)
        # Beside the pipeline: what is found here stands in no event, so no action and no store gets it.
        unread = None if turn.personalisation else turn.text
        shown = signals_of(shared_reader(), unread, tracker, turn.message_id)
        recorded = _outcome(tracker, turn.message_id, replayed=True)
        if recorded is not None:
            return {**recorded, **shown}
        failures: list[str] = []
        tuning.failed_actions.set(failures)
        told: list[nlg.Told] = []
        nlg.told.set(told)
        output = _Nowhere()
        await self._begin_session(processor, tracker, output)
        metadata: dict[str, Any] = {"assertion": turn.assertion, "personalisation": turn.personalisation}
        if turn.belief is not None and turn.personalisation:
            metadata["belief"] = dict(turn.belief)
        if not turn.people:
            metadata["people"] = False
        if turn.settled is not None:
            metadata["settled"] = dict(turn.settled)
        self._note_choice(tracker, turn.personalisation)
        if turn.intent == EVENTS["handed_back"]:
            # Whatever becomes of the action: no form of the time before the person may speak again.
            tracker.update(ActiveLoop(None))
            tracker.update(SlotSet(REQUESTED_SLOT, None))
        if turn.history_wanted and turn.personalisation:
            prior = await self._read_history(processor, tracker, turn, metadata)
            metadata["history_held"] = prior is not None
            if prior is not None:
                metadata["prior"] = prior
        failures.clear()  # a history that could not be read is asked for again, and spoils no answer
        message = UserMessage(
            turn.raw,
            output,
            turn.conversation_id,
            input_channel="front",
            message_id=turn.message_id,
            metadata=metadata,
        )
        message.text = turn.raw  # Rasa strips it: offsets would no longer be those of the text as typed
        if turn.intent is not None:
            message.parse_data = self._parsed(turn, tracker, metadata)
        await processor._handle_message_with_tracker(message, tracker)
        tracker = await processor.run_action_extract_slots(output, tracker)
        await processor._run_prediction_loop(output, tracker)
        _note_failures(tracker, turn.message_id, failures)
        await processor.save_tracker(tracker)
        answer = _with_facts(_outcome(tracker, turn.message_id, replayed=False), told)
        return {**answer, **shown} if answer is not None else _failed(turn)

    async def _begin_session(
        self, processor: MessageProcessor, tracker: DialogueStateTracker, output: OutputChannel
    ) -> None:
        await processor._update_tracker_session(tracker, output)
        last = next((e for e in reversed(tracker.events) if isinstance(e, ActionExecuted)), None)
        if last is None or last.action_name != "action_listen":
            # A custom session start that failed leaves Rasa deaf for the next message.
            events = await ActionSessionStart().run(output, processor.nlg, tracker, processor.domain)
            tracker.update_with_events(events, processor.domain)

    def _note_choice(self, tracker: DialogueStateTracker, personalisation: bool) -> None:
        """Bring slot `personalisation` in line with the record, which owns the shopper's choice."""
        if "personalisation" not in tracker.slots:
            return
        noted = tracker.get_slot("personalisation")
        if noted is not personalisation and not (noted is None and personalisation):
            tracker.update(SlotSet("personalisation", personalisation))

    async def _read_history(
        self,
        processor: MessageProcessor,
        tracker: DialogueStateTracker,
        turn: Turn,
        metadata: dict[str, Any],
    ) -> Any:
        """Run the action that turns profile and orders into a prior; return the prior or None."""
        if HISTORY_ACTION not in processor.domain.action_names_or_texts:
            logger.warning("the domain has no %s", HISTORY_ACTION)
            return None
        action = RemoteAction(HISTORY_ACTION, processor.action_endpoint)
        # The action finds the assertion where every action does, in the latest message, which is not
        # recorded yet.
        seen = tracker.copy()
        told = {**metadata, "earlier": dict(turn.earlier)} if turn.earlier else dict(metadata)
        seen.update(UserUttered(None, message_id=turn.message_id, metadata=told, input_channel="front"))
        try:
            events: list[Event] = await action.run(_Nowhere(), processor.nlg, seen, processor.domain)
        except Exception:
            logger.warning("the history could not be read")
            events = [SlotSet("prior", None)]
        tracker.update_with_events([e for e in events if isinstance(e, SlotSet)], processor.domain)
        return tracker.get_slot("prior") if "prior" in tracker.slots else None

    def _parsed(
        self, turn: Turn, tracker: DialogueStateTracker, metadata: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return the parse data of a tapped button or an event: no words, so no pipeline."""
        intent = {"name": turn.intent, "confidence": 1.0}
        style = keep_style(shared_reader(), metadata, tracker)
        entities = [{"entity": name, "value": value, "extractor": "payload"} for name, value in turn.entities]
        return {
            "text": turn.raw,
            "intent": intent,
            "intent_ranking": [intent],
            "entities": [*entities, style.entity()],
            "reading": style.reading,
            "belief": style.belief,
        }


def _failed(turn: Turn) -> dict[str, Any]:
    """Return the answer to a turn that broke off and left nothing behind."""
    return {
        "message_id": turn.message_id,
        "replayed": False,
        "failed": True,
        "intent": None,
        "entities": [],
        "reading": None,
        "belief": dict(turn.belief) if turn.belief and turn.personalisation else None,
        "replies": [],
        **signals_of(shared_reader(), turn.text),  # somebody in danger is heard although nothing else works
    }


def _with_facts(outcome: dict[str, Any] | None, told: list[nlg.Told]) -> dict[str, Any] | None:
    """Name response and facts beside each text. The tracker keeps none, so a repeated turn goes without."""
    left = list(told)
    for reply in outcome["replies"] if outcome else ():
        made = next((t for t in left if t.text == reply.get("text")), None)
        if made is not None:
            left.remove(made)
            reply["told"] = {"response": made.response, "facts": dict(made.facts)}
    return outcome


def _note_failures(tracker: DialogueStateTracker, message_id: str, failures: list[str]) -> None:
    for event in reversed(tracker.events):
        if isinstance(event, UserUttered) and event.message_id == message_id:
            if failures:
                event.metadata = {**event.metadata, "failed": failures}
            return


def _outcome(tracker: DialogueStateTracker, message_id: str, *, replayed: bool) -> dict[str, Any] | None:
    """Return the recorded answer to a message, or None if the tracker does not hold it."""
    after: list[Event] = []
    for event in reversed(tracker.events):
        if isinstance(event, UserUttered):
            if event.message_id == message_id:
                break
            after.clear()
        else:
            after.append(event)
    else:
        return None
    replies = [reply for e in reversed(after) if isinstance(e, BotUttered) for reply in _replies(e)]
    data: Mapping[str, Any] = event.parse_data
    intent = data.get("intent") or {}
    return {
        "message_id": message_id,
        "replayed": replayed,
        "failed": bool(event.metadata.get("failed")) or not (replies or intent.get("name") in _SILENT),
        "intent": {"name": intent.get("name"), "confidence": float(intent.get("confidence") or 0.0)},
        "entities": [e for e in data.get("entities", ()) if e.get("entity") != "temperament"],
        "reading": data.get("reading"),
        "belief": data.get("belief"),
        **({"history_held": held} if isinstance(held := event.metadata.get("history_held"), bool) else {}),
        "replies": replies,
    }


def _replies(event: BotUttered) -> Iterator[dict[str, Any]]:
    if event.text:
        buttons = event.data.get("buttons")
        yield {"text": event.text, **({"buttons": buttons} if buttons else {})}
    if event.data.get("custom"):
        yield {"custom": event.data["custom"]}
