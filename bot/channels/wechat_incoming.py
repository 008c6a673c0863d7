"""What WeChat's servers post: signatures, encryption, XML and JSON, read with care.

Official Accounts and Mini Programs share this. Sources: developers.weixin.qq.com, "Message push" of the Mini
Program's server abilities and "Receiving messages" of the Official Account.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import struct
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from xml.parsers import expat

from bot.channels.base import Call, Heard, HeardKind, Media, Receipt, Refused

#: How far a signature's time may be from ours. The platform tries again for about fifteen seconds.
WINDOW = timedelta(minutes=5)
#: Signatures remembered at most; more than a busy shop's messages within the window.
_REMEMBERED = 50_000
_ECHO = re.compile(r"[0-9A-Za-z_+/=-]{1,128}")
_TIMESTAMP = re.compile(r"[0-9]{9,11}")
_USER = re.compile(r"[0-9A-Za-z_-]{1,64}")
_LONGEST_ID = 100
_LAST_MOMENT = 4_102_444_800  # the year 2100
#: What an Official Account gets as the text of a sticker and the like.
_NOT_SHOWN = "【收到不支持的消息类型，暂无法显示】"


class Envelope:
    """Opens what is posted to one account.

    Args:
        token: agreed upon with the platform; it signs.
        app_id: of the account.
        aes_key: the EncodingAESKey, 43 characters; with it, what is not encrypted is refused.
    """

    def __init__(self, token: str, app_id: str, aes_key: str = "") -> None:
        self._token = token
        self._crypto: Any = None
        if aes_key:
            from wechatpy.crypto import WeChatCrypto  # takes half a second: only where it is needed

            self._crypto = WeChatCrypto(token, aes_key, app_id)
        self._seen: OrderedDict[str, bytes] = OrderedDict()

    def echo(self, call: Call) -> Receipt:
        """Return the answer to the platform's question whether this address is ours.

        Raises:
            Refused: wrong or old signature, or nothing to say back.
        """
        self._verify(call, call.query.get("signature", ""))
        said = call.query.get("echostr", "")
        if not _ECHO.fullmatch(said):  # the signature does not cover it
            raise Refused(400, "echo_malformed")
        return Receipt(body=said)

    def open(self, call: Call) -> Mapping[str, str]:
        """Return the fields of a message, verified and decrypted.

        Raises:
            Refused: wrong or old signature, a signature used for something else, not encrypted where it must
                be, or malformed.
        """
        if self._crypto is None:
            self._verify(call, call.query.get("signature", ""))
            found = fields(call.body)
            if "Encrypt" in found and "MsgType" not in found:
                raise Refused(400, "encrypted_without_key")
            self._once(call)
            return found
        sealed = fields(call.body).get("Encrypt", "")
        if not sealed:
            raise Refused(400, "not_encrypted")
        self._verify(call, call.query.get("msg_signature", ""), sealed)
        return fields(self._decrypt(call, sealed).encode())

    def _verify(self, call: Call, given: str, *more: str) -> None:
        time, nonce = call.query.get("timestamp", ""), call.query.get("nonce", "")
        if not hmac.compare_digest(
            signature(self._token, time, nonce, *more).encode(), given.encode("utf-8", "replace")
        ):
            raise Refused(401, "signature_wrong")
        if not _TIMESTAMP.fullmatch(time) or abs(call.now.timestamp() - int(time)) > WINDOW.total_seconds():
            raise Refused(401, "signature_old")

    def _once(self, call: Call) -> None:
        """Refuse a signature that came with another body: without encryption it does not cover the body."""
        given, digest = call.query["signature"], hashlib.sha256(call.body).digest()
        if self._seen.setdefault(given, digest) != digest:
            raise Refused(401, "signature_reused")
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)

    def _decrypt(self, call: Call, sealed: str) -> str:
        from wechatpy.exceptions import InvalidAppIdException, WeChatException

        given, time, nonce = (call.query[name] for name in ("msg_signature", "timestamp", "nonce"))
        try:
            return str(self._crypto.decrypt_message({"Encrypt": sealed}, given, time, nonce))
        except InvalidAppIdException:
            raise Refused(401, "account_wrong") from None
        except (ValueError, IndexError, struct.error, WeChatException):  # cut, or of another key
            raise Refused(400, "not_decryptable") from None


def signature(*parts: str) -> str:
    """Return the platform's signature: SHA-1 of the parts in order, as hex digits."""
    return hashlib.sha1("".join(sorted(parts)).encode("utf-8", "replace")).hexdigest()  # noqa: S324  # theirs


def fields(body: bytes) -> dict[str, str]:
    """Return the fields of a message, which is flat XML or JSON; of nested ones nothing.

    Raises:
        Refused: malformed, or XML with a document type (no entities are ever read).
    """
    try:
        found = _of_json(body) if body.lstrip()[:1] == b"{" else _of_xml(body)
    except (ValueError, RecursionError, expat.ExpatError):
        raise Refused(400, "malformed") from None
    return {name: _clean(value) for name, value in found.items()}


def _of_json(body: bytes) -> dict[str, str]:
    found = json.loads(body)
    return {
        name: str(value)
        for name, value in found.items()
        if isinstance(value, str | int | float) and not isinstance(value, bool)
    }


def _of_xml(body: bytes) -> dict[str, str]:
    parser = expat.ParserCreate()
    parser.buffer_text = True
    path: list[str] = []
    found: dict[str, list[str]] = {}
    nested: set[str] = set()

    def refuse(*_: Any) -> None:
        raise ValueError("a document type")

    def start(name: str, _: Any) -> None:
        path.append(name)
        if len(path) == 2:
            found.setdefault(name, [])
        elif len(path) > 2:
            nested.add(path[1])

    def end(_: str) -> None:
        path.pop()

    def text(data: str) -> None:
        if len(path) == 2:
            found[path[1]].append(data)

    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = text
    parser.Parse(body.decode("utf-8"), True)  # whatever it declares
    return {name: "".join(data).strip() for name, data in found.items() if name not in nested}


def _clean(text: str) -> str:
    """Return the text without what no database takes: NUL and halves of characters."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def heard(message: Mapping[str, str], now: datetime) -> tuple[Heard, ...]:
    """Return what a message tells: nothing for events that mean nothing to us.

    Args:
        message: its fields.
        now: the present; its time zone is used.

    Raises:
        Refused: what every message has is missing.
    """
    user, kind, sent = (message.get(name, "") for name in ("FromUserName", "MsgType", "CreateTime"))
    if not _USER.fullmatch(user) or not kind or not sent.isascii() or not sent.isdecimal():
        raise Refused(400, "fields_missing")
    if len(sent) > 10 or int(sent) > _LAST_MOMENT:
        raise Refused(400, "time_malformed")
    at = datetime.fromtimestamp(int(sent), now.tzinfo)
    if kind == "event":
        return _event(message, user, at)
    message_id = message.get("MsgId", "")
    if not message_id or len(message_id) > _LONGEST_ID:
        raise Refused(400, "fields_missing")
    said = _SAID.get(kind, _unsupported)
    return (said(message, Heard(user, message_id, HeardKind.UNSUPPORTED, at, event=kind[:32])),)


def _unsupported(_: Mapping[str, str], bare: Heard) -> Heard:
    return bare


def _text(message: Mapping[str, str], bare: Heard) -> Heard:
    text, chosen = message.get("Content", ""), message.get("bizmsgmenuid", "")
    if chosen:  # of a menu that we sent
        return replace(bare, kind=HeardKind.MENU, text=text, event="", data={"button": chosen[:128]})
    if not text.strip() or text == _NOT_SHOWN:
        return bare
    return replace(bare, kind=HeardKind.TEXT, text=text, event="")


def _picture(message: Mapping[str, str], bare: Heard) -> Heard:
    # Its address is left alone: nothing signs it, and it is not ours to visit.
    media = message.get("MediaId", "")
    return replace(bare, kind=HeardKind.PICTURE, media=Media(media), event="") if media else bare


def _voice(message: Mapping[str, str], bare: Heard) -> Heard:
    media, form = message.get("MediaId", ""), message.get("Format", "").lower()
    sound = Media(media, content_type=f"audio/{form}" if form.isalnum() else "") if media else None
    return replace(bare, kind=HeardKind.VOICE, text=message.get("Recognition", ""), media=sound, event="")


def _location(message: Mapping[str, str], bare: Heard) -> Heard:
    place = _place(message)
    return replace(bare, kind=HeardKind.LOCATION, text=message.get("Label", ""), data=place, event="")


def _page(message: Mapping[str, str], bare: Heard) -> Heard:
    """A page of the Mini Program that she shows, mostly a product: its title is what she asks about."""
    title = message.get("Title", "")
    if not title.strip():
        return bare
    return replace(bare, kind=HeardKind.TEXT, text=title, data={"page": message.get("PagePath", "")[:500]})


_SAID: Mapping[str, Callable[[Mapping[str, str], Heard], Heard]] = {
    "text": _text,
    "image": _picture,
    "voice": _voice,
    "location": _location,
    "miniprogrampage": _page,
}


def _place(message: Mapping[str, str]) -> dict[str, float]:
    try:
        found = {"latitude": float(message["Location_X"]), "longitude": float(message["Location_Y"])}
    except (KeyError, ValueError):
        return {}
    return found if all(-180.0 <= value <= 180.0 for value in found.values()) else {}


def _event(message: Mapping[str, str], user: str, at: datetime) -> tuple[Heard, ...]:
    """Events have no id: sender, time and event stand for one, as the platform advises."""
    event, key = message.get("Event", ""), message.get("EventKey", "")
    parts = "\n".join((user, message["CreateTime"], event, key))
    message_id = f"event-{hashlib.sha256(parts.encode()).hexdigest()[:32]}"
    name = event.lower()
    if name in ("subscribe", "user_enter_tempsession"):
        return (Heard(user, message_id, HeardKind.SUBSCRIBE, at, event=event),)
    if name == "unsubscribe":
        return (Heard(user, message_id, HeardKind.UNSUBSCRIBE, at, event=event),)
    if name == "click" and key:
        # A key that is no button's id is what the shop lets her say by it.
        return (
            Heard(user, message_id, HeardKind.MENU, at, key[:128], event=event, data={"button": key[:128]}),
        )
    return ()
