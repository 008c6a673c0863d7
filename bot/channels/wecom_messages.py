"""Messages of WeCom's 微信客服 in both directions, as plain JSON.

Sources: developer.work.weixin.qq.com/document/path/94670 (what is read), 94677 (what is sent), 95122
(answers to events).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from bot.channels.base import Button, CardPart, Heard, HeardKind, Media
from bot.channels.wechat_api import bare

_SHOPPER, _SYSTEM = 3, 4
#: Seconds for the one answer that a welcome code allows.
WELCOME_S = 20
#: Bytes of UTF-8.
TEXT, HEAD = 2048, 1024
_CHOICE, _LINK, _ID = 128, 1024, 64
_LINK_TITLE, _LINK_TEXT, _ADDRESS = 128, 512, 2048
#: A kept cursor that is still in the past.
_PAST = re.compile(r"past:(\d{1,12}):(.*)", re.DOTALL)
#: Lines that a menu may have.
MENU_LINES = 10
#: Why a message of ours was not delivered: she does not take any; or nothing is until she writes (48 hours
#: are over, the session has ended, five were sent). What else there is the shop has to mend.
_REFUSES = 10
_OVER = frozenset({4, 5, 6})
#: How a session changes in WeCom's own app: somebody there has ended it.
_ENDED = 3
_USER = re.compile(r"[\w@.-]{1,128}", re.ASCII)
_LAST_MOMENT = 4_102_444_800  # the year 2100


def heard(message: Mapping[str, Any]) -> Heard | None:
    """Return what one row of ``msg_list`` tells; None for what is not a shopper's or means nothing to us."""
    if message.get("msgtype") == "event":
        return _event(message, _part(message, "event"))
    user, at = _text(message, "external_userid"), _moment(message)
    if message.get("origin") != _SHOPPER or at is None or not _USER.fullmatch(user):
        return None
    return Heard(user, _name(message), at=at, account=_text(message, "open_kfid"), **_said(message))


def _said(message: Mapping[str, Any]) -> dict[str, Any]:
    kind = _text(message, "msgtype")
    more = _part(message, kind)
    content, media_id = _text(more, "content"), _text(more, "media_id")
    media = Media(media_id) if media_id else None
    if kind == "text" and _text(more, "menu_id"):
        return {"kind": HeardKind.MENU, "text": content, "data": {"button": _text(more, "menu_id")}}
    if kind == "text" and content.strip():
        return {"kind": HeardKind.TEXT, "text": content}
    if kind == "image" and media:
        return {"kind": HeardKind.PICTURE, "media": media}
    if kind == "voice":  # nothing is recognised for us
        return {"kind": HeardKind.VOICE, "media": media}
    if kind == "location":
        label = _text(more, "name") or _text(more, "address")
        return {"kind": HeardKind.LOCATION, "text": label, "data": _place(more)}
    return {"kind": HeardKind.UNSUPPORTED, "event": kind[:32]}


def _event(message: Mapping[str, Any], event: Mapping[str, Any]) -> Heard | None:
    user, at = _text(event, "external_userid"), _moment(message)
    if message.get("origin", _SYSTEM) != _SYSTEM or at is None or not _USER.fullmatch(user):
        return None
    kind, account, name = _text(event, "event_type"), _text(event, "open_kfid"), _name(message)
    if kind == "enter_session" and _text(event, "welcome_code"):
        reply = {"welcome": _text(event, "welcome_code"), "until": at.timestamp() + WELCOME_S}
        return Heard(user, name, HeardKind.SUBSCRIBE, at, event=kind, data={"reply": reply}, account=account)
    if kind == "msg_send_fail" and event.get("fail_type") == _REFUSES:
        return Heard(user, name, HeardKind.UNSUBSCRIBE, at, event=kind, account=account)
    over = kind == "msg_send_fail" and event.get("fail_type") in _OVER
    if over or (kind == "session_status_change" and event.get("change_type") == _ENDED):
        return Heard(user, name, HeardKind.GONE, at, event=kind, account=account)
    return None  # that her session is WeCom's own now the next sending is told


def not_delivered(message: Mapping[str, Any]) -> int | None:
    """Return why a message of ours was not delivered, where this row says that one was not."""
    event = _part(message, "event")
    if event.get("event_type") != "msg_send_fail":
        return None
    reason = event.get("fail_type")
    return reason if isinstance(reason, int) else 0


def text(said: str) -> dict[str, Any]:
    """Return the fields of a text; nothing in it is read as a link of the app's own kind."""
    return {"msgtype": "text", "text": {"content": fit(bare(said), TEXT)}}


def image(media_id: str) -> dict[str, Any]:
    """Return the fields of a picture that was uploaded."""
    return {"msgtype": "image", "image": {"media_id": media_id}}


def menu(
    head: str, buttons: Sequence[Button], links: Sequence[tuple[str, str]] = ()
) -> dict[str, Any] | None:
    """Return the fields of a menu; None where it does not fit into one.

    Args:
        head: what stands above; may be empty.
        buttons: what comes back when it is tapped.
        links: what each says, and its address.
    """
    lines: list[dict[str, Any]] = [
        {"type": "view", "view": {"url": address, "content": fit(title, _LINK)}} for title, address in links
    ]
    lines += [
        {"type": "click", "click": {"id": button.id, "content": fit(button.title, _CHOICE)}}
        for button in buttons
    ]
    long = _bytes(head) > HEAD or any(_bytes(address) > _ADDRESS for _, address in links)
    if not 0 < len(lines) <= MENU_LINES or long or any(_bytes(button.id) > _ID for button in buttons):
        return None
    top = {"head_content": head} if head else {}
    return {"msgtype": "msgmenu", "msgmenu": {**top, "list": lines}}


def card(part: CardPart) -> dict[str, Any] | None:
    """Return the fields of a menu that leads to what the card shows; None where its rows lead nowhere."""
    rows = part.rows[: MENU_LINES - len(part.buttons)]
    if not rows or not all(row.address.startswith(("https://", "http://")) for row in rows):
        return None
    return menu(part.title, part.buttons, [(f"{row.title} {row.text}".strip(), row.address) for row in rows])


def link(part: CardPart, thumb: str) -> dict[str, Any]:
    """Return the fields of a link with a picture, for a card of one row."""
    row = part.rows[0]
    return {
        "msgtype": "link",
        "link": {
            "title": fit(row.title, _LINK_TITLE),
            "desc": fit(row.text, _LINK_TEXT),
            "url": row.address,
            "thumb_media_id": thumb,
        },
    }


def fit(said: str, most: int) -> str:
    """Return the text cut to bytes of UTF-8, never within a character."""
    if _bytes(said) <= most:
        return said
    return said.encode()[: most - 3].decode("utf-8", "ignore").rstrip() + "…"


def _bytes(said: str) -> int:
    return len(said.encode("utf-8", "replace"))


def _part(message: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = message.get(name)
    return found if isinstance(found, dict) else {}


def _text(found: Mapping[str, Any], name: str) -> str:
    value = found.get(name)
    if not isinstance(value, str):
        return ""
    return value.replace("\0", "").encode("utf-8", "replace").decode()


def _moment(message: Mapping[str, Any]) -> datetime | None:
    sent = message.get("send_time")
    if isinstance(sent, bool) or not isinstance(sent, int) or not 0 < sent < _LAST_MOMENT:
        return None
    return datetime.fromtimestamp(sent, timezone.utc)


def _name(message: Mapping[str, Any]) -> str:
    """Return the message's id, or what stands for one."""
    given = _text(message, "msgid")
    if 0 < len(given) <= 100:
        return given
    whole = json.dumps(message, sort_keys=True, ensure_ascii=True)
    return f"row-{hashlib.sha256(whole.encode()).hexdigest()[:32]}"


def _place(more: Mapping[str, Any]) -> dict[str, float]:
    found = {}
    for name, most in (("latitude", 90.0), ("longitude", 180.0)):
        value = more.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not -most <= value <= most:
            return {}
        found[name] = float(value)
    return found


def news_and_cursor(kept: str, first: datetime) -> tuple[float, str]:
    """Return the second from which on what is pulled is news, 0 for all of it, and WeCom's own cursor.

    Args:
        kept: the cursor as it is kept; empty before anything was pulled.
        first: what is news where nothing was pulled.
    """
    if not kept:
        return first.timestamp() // 1, ""
    found = _PAST.fullmatch(kept)
    return (float(found[1]), found[2]) if found else (0.0, kept)


def in_the_past(cursor: str, news: float) -> str:
    """Return a cursor as it is kept while what is behind it is not all news; see :func:`news_and_cursor`."""
    return f"past:{news:.0f}:{cursor}"
