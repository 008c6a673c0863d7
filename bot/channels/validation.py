"""Strict reading of what clients send: nothing is guessed, nothing unknown is passed over."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from typing import Any, NoReturn

from bot.channels.errors import ApiError
from bot.conversation import words
from bot.conversation.errors import AccessDeniedError
from bot.conversation.types import FRONT_PREFIX, Incoming

#: Longest text of a message, in Unicode code points.
LONGEST_TEXT = 1000

_MESSAGE_ID = re.compile(r"[\x21-\x7e]{1,64}")
_BUTTON_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_KEY = re.compile(r"[\x21-\x7e]{8,128}")
_LANG = re.compile(r"[A-Za-z0-9]{1,8}(?:-[A-Za-z0-9]{1,8}){0,8}")
_CURSOR = re.compile(r"[\x21-\x7e]{1,512}")
#: Characters that show nothing although Unicode counts them as letters or symbols.
_INVISIBLE = frozenset("\u115f\u1160\u3164\uffa0\u2800\u034f\u180e")


def read_json(raw: bytes) -> dict[str, Any]:
    """Return the JSON object of a body.

    Raises:
        ApiError: 400 where there is none.
    """
    if not raw.strip():
        raise ApiError(400, "no_body", "A JSON body is needed.")
    try:
        data = json.loads(raw.decode("utf-8"), parse_constant=_no_constant)
    except UnicodeDecodeError as exc:
        raise ApiError(400, "bad_encoding", "The body is not UTF-8.") from exc
    except (ValueError, RecursionError) as exc:
        raise ApiError(400, "bad_json", "The body is not JSON.") from exc
    if not isinstance(data, dict):
        raise ApiError(400, "bad_json", "The body must be a JSON object.")
    return data


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def only(data: Mapping[str, Any], *known: str) -> None:
    """Raise 422 for fields that are not known: a misspelt field must not be passed over."""
    unknown = sorted(set(data) - set(known))
    if unknown:
        names = ", ".join(repr(name[:40]) for name in unknown[:5]).encode("utf-8", "replace").decode()
        raise ApiError(422, "unknown_field", f"Unknown field: {names}.")


def text_field(data: Mapping[str, Any], name: str) -> str:
    """Return a field that must be a text; 422 otherwise."""
    value = data.get(name)
    if not isinstance(value, str):
        raise ApiError(422, "invalid_field", f"{name} must be given as a string.")
    return value


def id_field(data: Mapping[str, Any], name: str) -> str:
    """Return a field that names or opens a conversation; what no name can be is the 404 of an unknown one.

    Databases refuse NUL and half characters, each in its way; they are not asked.
    """
    value = text_field(data, name)
    if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise AccessDeniedError
    return value


def bool_field(data: Mapping[str, Any], name: str) -> bool:
    """Return a field that must be true or false; 422 otherwise."""
    value = data.get(name)
    if not isinstance(value, bool):
        raise ApiError(422, "invalid_field", f"{name} must be true or false.")
    return value


def lang_field(data: Mapping[str, Any]) -> str:
    """Return field ``lang``; 422 where it is no language tag."""
    value = text_field(data, "lang")
    if not _LANG.fullmatch(value):
        raise ApiError(422, "invalid_field", "lang must be a language tag, such as zh-Hant.")
    return value


def shopper_text(text: str) -> str:
    """Return a shopper's text as it was typed.

    Emoji alone are a message. Tags, SQL, braces and slashes are text like any other.

    Raises:
        ApiError: 400 unreadable (NUL, lone surrogates), 422 too long or empty, each with Chinese words.
    """
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise ApiError(400, "unreadable_text", line=words.UNREADABLE)
    if len(text) > LONGEST_TEXT:
        raise ApiError(422, "text_too_long", line=words.TOO_LONG, facts={"limit": LONGEST_TEXT})
    if is_blank(text):
        raise ApiError(422, "text_empty", line=words.EMPTY)
    return text


def is_blank(text: str) -> bool:
    """Return whether a text shows nothing: spaces of any kind, controls, invisible characters."""
    return all(
        character.isspace()
        or character in _INVISIBLE
        or unicodedata.category(character) in {"Cc", "Cf", "Cn", "Mn", "Me", "Zs", "Zl", "Zp"}
        for character in text
    )


def message_id_field(data: Mapping[str, Any]) -> str:
    """Return field ``message_id``; 422 where it is none."""
    message_id = text_field(data, "message_id")
    if not _MESSAGE_ID.fullmatch(message_id) or message_id.startswith(FRONT_PREFIX):
        raise ApiError(
            422,
            "invalid_field",
            "message_id must be 1 to 64 printable ASCII characters without space, "
            f"not beginning with {FRONT_PREFIX}.",
        )
    return message_id


def incoming(data: Mapping[str, Any], net: str) -> Incoming:
    """Return the message of a chat request: ``message_id`` and exactly one of ``text`` and ``button``.

    Raises:
        ApiError: 400 or 422.
    """
    message_id = message_id_field(data)
    if ("text" in data) == ("button" in data):
        raise ApiError(422, "invalid_field", "Exactly one of text and button is needed.")
    if "button" in data:
        button = text_field(data, "button")
        if not _BUTTON_ID.fullmatch(button):
            raise ApiError(422, "unknown_button", "This button was not offered in this conversation.")
        return Incoming(message_id, button=button, net=net)
    return Incoming(message_id, text=shopper_text(text_field(data, "text")), net=net)


def idempotency_key(value: str | None) -> str | None:
    """Return the header's value; 422 where it is too short to be unique, too long, or not printable ASCII."""
    if value is not None and not _KEY.fullmatch(value):
        raise ApiError(
            422, "invalid_header", "Idempotency-Key must be 8 to 128 printable ASCII characters; use a UUID."
        )
    return value


def after_parameter(value: str | None) -> int:
    """Return the query parameter ``after``; 422 where it is no whole number from 0 on."""
    if value is None:
        return 0
    if not re.fullmatch(r"[0-9]{1,9}", value):
        raise ApiError(422, "invalid_parameter", "after must be a whole number from 0 on.")
    return int(value)


def cursor_parameter(value: str | None) -> str | None:
    """Return the query parameter ``before``; 422 where it cannot be a cursor."""
    if value is not None and not _CURSOR.fullmatch(value):
        raise ApiError(422, "invalid_parameter", "before must be a cursor of this conversation.")
    return value
