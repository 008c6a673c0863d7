"""One turn inside Rasa: from the front's call to the recorded answer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
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
from bot.components.turn_call import EVENTS, Turn
from persona.telemetry import metrics, tracing

logger = logging.getLogger(__name__)

HISTORY_ACTION = "action_read_history"
#: Intents after which saying nothing is no failure.
_SILENT = frozenset({"handed_back"})


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
            return {**recorded, **shown, "form_open": tracker.active_loop_name is not None}
        failures: list[str] = []
        tuning.failed_actions.set(failures)
        told: list[nlg.Told] = []
        nlg.told.set(told)
        output = _Nowhere()
        await self._begin_session(processor, tracker, output)
        metadata = _metadata(turn)
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
        with metrics.stage("parse") if turn.text is not None else nullcontext():
            await processor._handle_message_with_tracker(message, tracker)
        tracker = await processor.run_action_extract_slots(output, tracker)
        await processor._run_prediction_loop(output, tracker)
        _note_failures(tracker, turn.message_id, failures)
        await processor.save_tracker(tracker)
        answer = _with_facts(_outcome(tracker, turn.message_id, replayed=False), told)
        if answer is None:
            return _failed(turn)
        return {**answer, **shown, "form_open": tracker.active_loop_name is not None}

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


def _metadata(turn: Turn) -> dict[str, Any]:
    """Return what actions, components and generator get of a call, beside its text."""
    metadata: dict[str, Any] = {"assertion": turn.assertion, "personalisation": turn.personalisation}
    if turn.belief is not None and turn.personalisation:
        metadata["belief"] = dict(turn.belief)
    if not turn.people:
        metadata["people"] = False
    if turn.pictures:
        metadata["pictures"] = True
    if turn.binds:
        metadata["binds"] = True
    if turn.looking_at is not None:
        metadata["looking_at"] = dict(turn.looking_at)
    if (trace := tracing.current()) is not None:
        metadata[tracing.HEADER] = trace.traceparent
    if turn.settled is not None:
        metadata["settled"] = dict(turn.settled)
    return metadata


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
    custom = event.data.get("custom")
    if event.text:
        buttons = event.data.get("buttons")
        reply = {"text": event.text, **({"buttons": buttons} if buttons else {})}
        if custom and custom.get("type") == "card":  # one message: the text is what the card says in words
            reply["custom"], custom = custom, None
        yield reply
    if custom:
        yield {"custom": custom}
