"""What the signed channel reads and writes as JSON; docs/channels.md has the fields."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from bot.channels.base import ButtonsPart, CardPart, Heard, HeardKind, Media, Part, PicturePart, TextPart


def heard(one: Mapping[str, Any], now: datetime) -> Heard:
    """Return a message as it was posted.

    Raises:
        ValueError, TypeError, KeyError, AttributeError: it is not of the documented form.
    """
    kind = HeardKind(one.get("type", "text"))
    text, button = one.get("text", ""), one.get("button")
    data: dict[str, Any] = {} if button is None else {"button": _text(button, 64)}
    if not isinstance(text, str):
        raise ValueError("text")
    at = datetime.fromisoformat(one["at"].replace("Z", "+00:00")) if "at" in one else now
    if at.tzinfo is None or abs(at - now) > timedelta(days=30):
        at = now
    picture = one.get("picture")
    media = None if picture is None else Media(address=_address(picture))
    if kind is HeardKind.TEXT and not (text.strip() or button):
        raise ValueError("text")
    return Heard(
        user=_text(one["user"], 128),
        message_id=_text(one["message_id"], 128),
        kind=kind,
        at=at,
        text=text,
        media=media,
        data=data,
        account=_text(one["account"], 128) if one.get("account") else "",
    )


def _text(value: Any, most: int) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= most or not value.isprintable():
        raise ValueError("not a name")
    return value


def _address(value: Any) -> str:
    address = _text(value, 2000)
    urlsplit(address)  # raises where it is none, like https://[x/y
    return address


def written(part: Part) -> dict[str, Any]:
    """Return a part as it is posted."""
    if isinstance(part, TextPart):
        return {"type": "text", "text": part.text}
    if isinstance(part, ButtonsPart):
        buttons = [{"id": one.id, "title": one.title} for one in part.buttons]
        return {"type": "buttons", "text": part.text, "buttons": buttons}
    if isinstance(part, CardPart):
        buttons = [{"id": one.id, "title": one.title} for one in part.buttons]
        return {
            "type": "card",
            "card": part.card,
            "title": part.title,
            "text": part.text,
            "data": dict(part.data),
            "buttons": buttons,
        }
    assert isinstance(part, PicturePart)  # noqa: S101  # there is no other
    picture: dict[str, Any] = {"type": "picture", "text": part.text, "content_type": part.content_type}
    if part.address:
        return {**picture, "address": part.address}
    return {**picture, "base64": base64.b64encode(part.data).decode()}
