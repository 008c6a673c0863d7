"""The front's call of a turn, read and checked before Rasa sees any of it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

#: The front's limit is lower; this one only bounds what a broken caller can cost.
MAX_TEXT = 4_000
_LONGEST_NAME = 64
EVENTS = {
    "opened": "open_conversation",
    "identified": "identified",
    "handed_back": "handed_back",
    "picture": "send_picture",
}

_ID = re.compile(r"[\x21-\x7e]{1,200}")
_SEEN = re.compile(r"[\x21-\x7e]{1,64}")
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
        pictures: she can send pictures where she writes, so that one may be asked for.
        binds: where she writes nobody can log in; who wants her account's data binds it.
        settled: with event ``handed_back``: what a person settled, ``{"outcome", "by", "order_number"?,
            "agent"?}``.
        looking_at: what she had before her eyes, ``{"product_id"?, "order_number"?}``; a claim of her page.
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
    pictures: bool = False
    binds: bool = False
    looking_at: Mapping[str, str] | None = None

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
            pictures=_optional(data, "pictures", bool, False),
            binds=_optional(data, "binds", bool, False),
            looking_at=_looking_at(data),
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


def _looking_at(data: Mapping[str, Any]) -> dict[str, str] | None:
    """Return what she was looking at; what else may stand there is left."""
    given = _optional(data, "looking_at", dict, None) or {}
    found = {name: given[name] for name in ("product_id", "order_number") if given.get(name) is not None}
    for name, value in found.items():
        if not isinstance(value, str) or not _SEEN.fullmatch(value):
            raise MalformedTurnError(f"looking_at: {name} is not an id")
    return found or None


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
