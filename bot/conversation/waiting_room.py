"""What a shopper's message does while no bot answers, and what the front's own buttons do at any time."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import replace
from enum import Enum
from functools import cache
from pathlib import Path

import yaml

from bot.conversation import queueing, words
from bot.conversation.desk_types import Outcome
from bot.conversation.entry import Entry
from bot.conversation.handing import Handing
from bot.conversation.listening import Heard
from bot.conversation.types import Accepted, Kind, Owner, Pending, State

PATH = Path(__file__).parents[2] / "nlu_data" / "meanings" / "waiting.yml"

#: Payloads that the front acts on itself.
FRONT_PAYLOAD = "front:"
#: What Rasa gets where a shopper would rather be called.
CALL_BACK_PAYLOAD = "/ask_callback"


class Tap(str, Enum):
    """A button of the front's own lines."""

    CANCEL_WAIT = "cancel_wait"
    CALL_BACK = "call_back"
    KEEP_WAITING = "keep_waiting"


@cache
def cancel_words(path: Path = PATH) -> frozenset[str]:
    """Return the messages that mean "I wait no longer", as typed, without signs around them."""
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    found = frozenset(map(str, data["cancel"]))
    wrong = [word for word in found if bare(word) != word]
    if wrong or not found:
        raise ValueError(f"{path.name}: words must have no signs around them: {wrong}")
    return found


def bare(text: str) -> str:
    """Return a text without signs, symbols and spaces at either end."""
    start, end = 0, len(text)
    while start < end and _is_sign(text[start]):
        start += 1
    while end > start and _is_sign(text[end - 1]):
        end -= 1
    return text[start:end]


def _is_sign(char: str) -> bool:
    return unicodedata.category(char)[0] in "PSZC"


def tap_of(message: Pending, owner: Owner) -> Tap | None:
    """Return which of the front's buttons a message is; a typed cancel counts while the shopper waits."""
    if message.kind is Kind.BUTTON:
        payload = str(message.content.get("payload", ""))
        if not payload.startswith(FRONT_PAYLOAD):
            return None
        try:
            return Tap(payload.removeprefix(FRONT_PAYLOAD))
        except ValueError:
            return None
    if message.kind is Kind.TEXT and owner is Owner.WAITING:
        return Tap.CANCEL_WAIT if bare(str(message.content["text"])) in cancel_words() else None
    return None


class WaitingRoom:
    """Takes messages that the bot does not answer.

    Args:
        handing: the transitions.
    """

    def __init__(self, handing: Handing) -> None:
        self._handing = handing
        cancel_words()  # a broken file stops the start, not a shopper

    def wants(self, message: Pending, owner: Owner) -> bool:
        """Return whether a message is for this room: nobody or a person answers, or it is our own button."""
        return owner is not Owner.BOT or tap_of(message, owner) is not None

    def take(self, entry: Entry, message: Pending) -> Accepted:
        """Store a message and do what it asks for.

        Raises:
            NotReadyError: the temperament engine is still being loaded.
        """
        entry.set(last_at=entry.now)
        tap = tap_of(message, entry.owner)
        if entry.owner is Owner.HUMAN or tap is None:
            return self._listen(entry, message)
        acts: dict[Tap, Callable[[Entry, Pending], None]] = {
            Tap.CANCEL_WAIT: self._cancel,
            Tap.CALL_BACK: self._call_back,
            Tap.KEEP_WAITING: self._keep_waiting,
        }
        acts[tap](entry, message)
        return self._accepted(entry, message)

    def _accepted(self, entry: Entry, message: Pending) -> Accepted:
        owed = tap_of(message, Owner.WAITING) is Tap.CALL_BACK and entry.owner is Owner.BOT
        state = State.ACCEPTED if owed else State.ANSWERED
        seq = entry.next_seq - 1 if owed else message.seq
        work = entry.save()
        return Accepted(
            seq, state, entry.owner, work, style=entry.style, replies=() if owed else tuple(entry.said)
        )

    def _listen(self, entry: Entry, message: Pending) -> Accepted:
        entry.take(message, State.ANSWERED)
        heard: Heard | None = None
        if message.kind is Kind.TEXT:
            heard = self._handing.hear(entry, message.seq, str(message.content["text"]), message.at)
        if message.kind is not Kind.EVENT:
            found = queueing.open_escalation(entry.connection, entry.cid)
            self._handing.received(entry, found, heard)
        entry.save()
        return Accepted(message.seq, State.ANSWERED, entry.owner, style=entry.style)

    def _cancel(self, entry: Entry, message: Pending) -> None:
        entry.take(message, State.ANSWERED)
        if not self._leave(entry, Outcome.WAIT_CANCELLED):
            self._handing.say(entry, words.QUEUE_BACK, in_reply_to=message.message_id)
            return
        self._handing.say(entry, words.QUEUE_CANCELLED, in_reply_to=message.message_id)

    def _call_back(self, entry: Entry, message: Pending) -> None:
        """Let the bot take the number: it hears of the end of the wait first, then of the wish."""
        self._leave(entry, Outcome.CALL_BACK)
        wish = {**message.content, "payload": CALL_BACK_PAYLOAD}
        entry.take(replace(message, seq=entry.next_seq, content=wish), State.ACCEPTED)

    def _keep_waiting(self, entry: Entry, message: Pending) -> None:
        entry.take(message, State.ANSWERED)
        found = queueing.open_escalation(entry.connection, entry.cid)
        if entry.owner is not Owner.WAITING or found is None:
            self._handing.say(entry, words.QUEUE_BACK, in_reply_to=message.message_id)
            return
        self._handing.tell_standing(
            entry, found.id, response=words.QUEUE_STILL, in_reply_to=message.message_id
        )

    def _leave(self, entry: Entry, outcome: Outcome) -> bool:
        """End the wait; return whether there was one."""
        found = queueing.open_escalation(entry.connection, entry.cid)
        if entry.owner is not Owner.WAITING or found is None:
            return False
        self._handing.end(entry, found, by="shopper", outcome=outcome)
        self._handing.to_bot(
            entry, found, by="shopper", reason=outcome.value, settled=outcome, order=found.order_number
        )
        return True
