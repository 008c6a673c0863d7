"""Reads Rasa's answer to one turn, strictly: what has not the agreed form is a failure, never a guess.

The form is in ``docs/architecture.md``, "A turn: front → Rasa".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.conversation import rows
from bot.conversation.errors import RasaBrokenError
from bot.conversation.types import Kind, OutButton, OutReply, Shown
from persona.temperament.types import Belief

_LONGEST_TEXT = 20_000
_MOST_REPLIES = 50
_LONGEST_FACTS = 8_000


@dataclass(frozen=True)
class Turn:
    """What Rasa made of one message.

    Attributes:
        replies: what is shown.
        directives: custom payloads of type ``directive``, in order.
        signals: what a message without reading shows: to be judged by, and not to be kept.
        history_held: whether the customer's history is in the belief now; None where Rasa does not say.
        form_open: whether a form waits for its next answer; None where Rasa does not say.
    """

    replayed: bool
    failed: bool
    intent: Mapping[str, Any] | None
    reading: Mapping[str, Any] | None
    belief: Mapping[str, Any] | None
    signals: Shown | None
    history_held: bool | None
    replies: tuple[OutReply, ...]
    directives: tuple[Mapping[str, Any], ...]
    form_open: bool | None = None


def parse_turn(data: object, message_id: str) -> Turn:
    """Return the turn.

    Raises:
        RasaBrokenError: the answer has not the agreed form, or is about another message.
    """
    if not isinstance(data, dict):
        raise RasaBrokenError("the answer is no object")
    if data.get("message_id") != message_id:
        raise RasaBrokenError("the answer is about another message")
    replies: list[OutReply] = []
    directives: list[Mapping[str, Any]] = []
    entries = data.get("replies")
    if not isinstance(entries, list) or len(entries) > _MOST_REPLIES:
        raise RasaBrokenError("replies are no list, or too many")
    for entry in entries:
        _read_entry(entry, replies, directives)
    belief = _optional_object(data, "belief")
    if belief is not None:
        try:
            belief = Belief.from_json(belief).to_json()
        except (KeyError, TypeError, ValueError) as exc:
            raise RasaBrokenError("the belief is malformed") from exc
    return Turn(
        replayed=_flag(data, "replayed", default=False) or False,
        failed=_flag(data, "failed", default=False) or False,
        intent=_optional_object(data, "intent"),
        reading=_optional_object(data, "reading"),
        belief=belief,
        signals=_read_signals(_optional_object(data, "signals")),
        history_held=_flag(data, "history_held", default=None),
        replies=tuple(replies),
        directives=tuple(directives),
        form_open=_flag(data, "form_open", default=None),
    )


def _flag(data: Mapping[str, Any], name: str, *, default: bool | None) -> bool | None:
    value = data.get(name, default)
    if value is not None and not isinstance(value, bool):
        raise RasaBrokenError(f"{name} is no boolean")
    return value


def _optional_object(data: Mapping[str, Any], name: str) -> dict[str, Any] | None:
    value = data.get(name)
    if value is not None and not isinstance(value, dict):
        raise RasaBrokenError(f"{name} is no object")
    return value


def _read_signals(data: Mapping[str, Any] | None) -> Shown | None:
    if data is None:
        return None
    mood, names = data.get("mood"), data.get("names")
    if not isinstance(mood, str) or not isinstance(names, list) or not all(isinstance(n, str) for n in names):
        raise RasaBrokenError("the signals are malformed")
    return Shown(mood, frozenset(names))


def _text(value: object) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST_TEXT:
        raise RasaBrokenError("a text is no text, or endless")
    try:
        value.encode()
    except UnicodeEncodeError as exc:
        raise RasaBrokenError("a text holds a lone surrogate") from exc
    return value


def _read_entry(entry: object, replies: list[OutReply], directives: list[Mapping[str, Any]]) -> None:
    if not isinstance(entry, dict):
        raise RasaBrokenError("a reply is no object")
    custom = entry.get("custom")
    text, told = "", None
    offered: tuple[OutButton, ...] = ()
    if entry.get("text") is not None:
        text = _text(entry["text"])
        buttons = entry.get("buttons") or []
        if not isinstance(buttons, list):
            raise RasaBrokenError("buttons are no list")
        offered = tuple(_read_button(button) for button in buttons)
        told = _read_told(entry.get("told"))
    if custom is not None and not isinstance(custom, dict):
        raise RasaBrokenError("a custom payload is no object")
    drawn = custom is not None and custom.get("type") == "card"
    if (text.strip() or offered) and not drawn:
        replies.append(OutReply(Kind.BUTTONS if offered else Kind.TEXT, text, offered, told=told))
    if custom is None:
        return
    if custom.get("type") == "directive":
        directives.append(custom)
    elif drawn:
        data = custom.get("data")
        if not isinstance(data, dict):
            raise RasaBrokenError("a card has no data")
        card = _text(custom.get("card"))
        words = text or _text(custom.get("text") or "")
        replies.append(OutReply(Kind.CARD, words, offered, card=card, data=data, told=told))
    else:
        raise RasaBrokenError("a custom payload is neither card nor directive")


def _read_told(told: object) -> Mapping[str, Any] | None:
    """Return what a text was made of; endless facts (long lists) are left out, the name stays."""
    if told is None:
        return None
    if not isinstance(told, dict) or not isinstance(told.get("facts"), dict):
        raise RasaBrokenError("what was told is no object with facts")
    facts = told["facts"] if len(rows.dump(told["facts"])) <= _LONGEST_FACTS else {}
    return {"response": _text(told.get("response"))[:64], "facts": facts}


def _read_button(button: object) -> OutButton:
    if not isinstance(button, dict):
        raise RasaBrokenError("a button is no object")
    return OutButton(_text(button.get("title")), _text(button.get("payload")))
