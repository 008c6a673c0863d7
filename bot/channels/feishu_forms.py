"""Events and messages as Feishu writes and reads them: pure, for :mod:`bot.channels.platforms.feishu`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from bot.channels.base import ButtonsPart, CardPart, Heard, HeardKind, Media, Part, PicturePart, TextPart

#: Cards that it shows itself.
CARDS = frozenset({"order", "shipment", "products", "comparison", "aftersale", "policy", "coupons"})
#: The one markup of a text message: it would call somebody, or everybody.
_CALLS = re.compile(r"<(?=\s*/?\s*at\b)", re.IGNORECASE)
_MENTION = re.compile(r"@_(?:user_\d+|all)\s?")


def heard(told: Mapping[str, Any]) -> tuple[Heard, ...]:
    """Return what an event says; nothing where it is none of a shopper.

    Raises:
        ValueError, KeyError, TypeError, AttributeError: it is not of Feishu's form.
    """
    header, event = told["header"], told["event"]
    kind, event_id, at = str(header["event_type"]), str(header["event_id"]), _moment(header["create_time"])
    if kind == "im.message.receive_v1":
        return _message(event)
    if kind == "card.action.trigger":
        value = event["action"].get("value") or {}
        button = value.get("button") if isinstance(value, Mapping) else None
        data = {"button": str(button)[:128]} if button else {}
        return (
            Heard(str(event["operator"]["open_id"]), event_id, HeardKind.MENU, at, event="card", data=data),
        )
    if kind == "application.bot.menu_v6":
        user, key = str(event["operator"]["operator_id"]["open_id"]), str(event["event_key"])
        if key.startswith("menu-"):  # a step that is offered at all times; any other key is what she says
            return (Heard(user, event_id, HeardKind.MENU, at, event="menu", data={"button": key[:128]}),)
        return (Heard(user, event_id, HeardKind.MENU, at, key, event="menu"),)
    if kind == "im.chat.access_event.bot_p2p_chat_entered_v1" and not event.get("last_message_id"):
        user = str(event["operator_id"]["open_id"])  # told at each visit: the first one counts
        return (Heard(user, f"entered-{event['chat_id']}", HeardKind.SUBSCRIBE, at),)
    return ()


def _message(event: Mapping[str, Any]) -> tuple[Heard, ...]:
    sender, said = event["sender"], event["message"]
    if sender.get("sender_type", "user") != "user" or not (said["chat_type"] == "p2p" or _called(said)):
        return ()
    user, at = str(sender["sender_id"]["open_id"]), _moment(said["create_time"])
    # A message may come under several event ids; its own id stays.
    ident, form, inside = str(said["message_id"]), str(said["message_type"]), json.loads(said["content"])
    if form == "text":
        return (Heard(user, ident, HeardKind.TEXT, at, _words(inside["text"])),)
    if form == "post":
        return (_post(user, ident, at, inside),)
    if form in ("image", "audio"):  # of a voice Feishu recognises nothing by itself
        kind, name = {"image": (HeardKind.PICTURE, "image_key"), "audio": (HeardKind.VOICE, "file_key")}[form]
        return (Heard(user, ident, kind, at, media=Media(f"{ident}/{inside[name]}")),)
    if form == "location":
        data = {name: float(inside[name]) for name in ("latitude", "longitude")}
        return (Heard(user, ident, HeardKind.LOCATION, at, str(inside.get("name", "")), data=data),)
    return (Heard(user, ident, HeardKind.UNSUPPORTED, at, event=form),)


def _called(said: Mapping[str, Any]) -> bool:
    """Return whether a message in a group calls the robot; without the right to read all, no other comes."""
    mentions = said.get("mentions") or ()
    kinds = [one.get("mentioned_type") for one in mentions if one.get("key") != "@_all"]
    return "bot" in kinds or (None in kinds)


def _post(user: str, ident: str, at: datetime, inside: Mapping[str, Any]) -> Heard:
    lines = [inside.get("title") or ""]
    pictures: list[str] = []
    for line in inside["content"]:
        lines.append(
            "".join(str(piece.get("text", "")) for piece in line if piece.get("tag") in ("text", "a"))
        )
        pictures += [str(piece["image_key"]) for piece in line if piece.get("tag") == "img"]
    text = _words("\n".join(filter(None, lines)))
    kind = HeardKind.TEXT if text or not pictures else HeardKind.PICTURE
    media = Media(f"{ident}/{pictures[0]}") if pictures else None
    return Heard(user, ident, kind, at, text, media)


def _words(text: Any) -> str:
    return _MENTION.sub("", str(text)).strip()


def _moment(milliseconds: Any) -> datetime:
    """Return a moment of Feishu's, which writes thousandths or, in card events, millionths of a second."""
    return datetime.fromtimestamp(int(str(milliseconds)[:13]) / 1000, timezone.utc)


def as_message(part: Part, picture: str) -> tuple[str, dict[str, Any]]:
    """Return a message: its type, and its content.

    Args:
        part: what to say.
        picture: Feishu's name of its picture, where it is one.
    """
    if isinstance(part, PicturePart):
        return "image", {"image_key": picture}
    if isinstance(part, TextPart):
        return "text", {"text": _CALLS.sub("＜", part.text)}
    elements: list[dict[str, Any]] = []
    if isinstance(part, CardPart):
        for row in part.rows:
            elements.append(_row("：".join(filter(None, (row.title, row.text))), row.address))
    else:
        elements.append(_row(part.text))
    if part.buttons:
        elements.append({"tag": "action", "layout": "flow", "actions": _buttons(part)})
    card: dict[str, Any] = {"config": {"wide_screen_mode": True}, "elements": elements}
    if isinstance(part, CardPart) and part.title:
        card["header"] = {"title": _plain(part.title)}
    return "interactive", card


def _plain(text: str) -> dict[str, str]:
    return {"tag": "plain_text", "content": text}


def _row(text: str, address: str = "") -> dict[str, Any]:
    row: dict[str, Any] = {"tag": "div", "text": _plain(text)}
    if address:
        row["extra"] = {"tag": "button", "text": _plain("查看"), "type": "default", "url": address}
    return row


def _buttons(part: ButtonsPart | CardPart) -> Sequence[Mapping[str, Any]]:
    return [
        {"tag": "button", "text": _plain(one.title), "type": "default", "value": {"button": one.id}}
        for one in part.buttons
    ]
