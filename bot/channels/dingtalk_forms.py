"""Messages as DingTalk writes and reads them: pure functions of :mod:`bot.channels.platforms.dingtalk`."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from bot.channels import base, markdown
from bot.channels.base import HeardKind, Media

#: Cards that it shows itself.
CARDS = frozenset({"order", "shipment", "products", "comparison", "aftersale", "policy", "coupons"})
#: Sends the title as her own message when it is tapped: `Limits.echoes`.
_TAP = "dtmd://dingtalkclient/sendMessage?content="


def sign(timestamp: str, secret: str) -> str:
    """Return the signature of a call: Base64 of HMAC-SHA256 over time, line feed and secret."""
    digest = hmac.new(secret.encode(), f"{timestamp}\n{secret}".encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def content(form: str, said: Mapping[str, Any]) -> tuple[HeardKind, str, Media | None]:
    """Return what a message is, its words and its file."""
    inside = said.get("content") or {}
    if form == "text":
        return HeardKind.TEXT, str(said["text"]["content"]).strip(), None
    if form == "richText":
        pieces = inside["richText"]
        text = "".join(str(piece.get("text", "")) for piece in pieces).strip()
        codes = [str(piece["downloadCode"]) for piece in pieces if "downloadCode" in piece]
        kind = HeardKind.TEXT if text or not codes else HeardKind.PICTURE
        return kind, text, Media(codes[0]) if codes else None
    if form == "picture":
        return HeardKind.PICTURE, "", Media(str(inside["downloadCode"]))
    if form == "audio":
        return HeardKind.VOICE, str(inside.get("recognition") or "").strip(), None
    return HeardKind.UNSUPPORTED, "", None


def as_answer(part: base.Part, picture: str) -> tuple[str, dict[str, Any]]:
    """Return a message of a session's address."""
    buttons = getattr(part, "buttons", ())
    if isinstance(part, base.TextPart):
        return "text", {"content": part.text}
    body: dict[str, Any] = {"title": markdown.title(part), "text": markdown.shown(part, picture)}
    if not buttons:
        return "markdown", body
    links = [{"title": one.title, "actionURL": _TAP + quote(one.title)} for one in buttons]
    return "actionCard", {**body, "btnOrientation": "0", "btns": links}


def as_robot(part: base.Part, picture: str) -> tuple[str, dict[str, Any]]:
    """Return a message of the robot itself: the name of its form, and what fills it."""
    if isinstance(part, base.PicturePart):
        return "sampleImageMsg", {"photoURL": picture}
    form, body = as_answer(part, picture)
    if form != "actionCard":
        return {"text": "sampleText", "markdown": "sampleMarkdown"}[form], body
    filled, links = {"title": body["title"], "text": body["text"]}, body["btns"]
    if len(links) == 1:
        return "sampleActionCard", {
            **filled,
            "singleTitle": links[0]["title"],
            "singleURL": links[0]["actionURL"],
        }
    for number, link in enumerate(links, start=1):
        filled |= {f"actionTitle{number}": link["title"], f"actionURL{number}": link["actionURL"]}
    return f"sampleActionCard{len(links)}", filled
