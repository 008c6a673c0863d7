"""Tells groups of agents of what waits for them: robots of DingTalk's and Feishu's groups.

What is told is a row of the outbox (:mod:`bot.conversation.outbox`), sent by the same sender as the webhooks.
A message holds a reason, a time and the conversation's number, nothing of the shopper.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo

import yaml

#: Like the record's; this module is read by light processes, which load no database.
SHANGHAI = ZoneInfo("Asia/Shanghai")

PATH = Path(__file__).with_name("alerts.yml")


class GroupKind(str, Enum):
    """Whose robot it is."""

    DINGTALK = "dingtalk"
    FEISHU = "feishu"


@dataclass(frozen=True)
class GroupRobot:
    """The robot of one group.

    Attributes:
        kind: whose it is.
        address: its webhook; whoever knows it may write to the group.
        secret: signs, where the robot wants that; else empty.
    """

    kind: GroupKind
    address: str = field(repr=False)
    secret: str = field(default="", repr=False)

    @classmethod
    def parse(cls, text: str) -> GroupRobot:
        """Return the robot of an address as the platform shows it, with ``#<secret>`` where it signs.

        Raises:
            ValueError: it is no such address; the text does not repeat it.
        """
        address, _, secret = text.strip().partition("#")
        parts = urlsplit(address)
        if parts.scheme not in ("https", "http") or not parts.hostname:
            raise ValueError(
                "the address of a group's robot is wanted, like https://oapi.dingtalk.com/robot/send?…"
            )
        if parts.scheme == "http" and parts.hostname not in ("127.0.0.1", "localhost", "::1"):
            raise ValueError(
                f"{parts.hostname} needs https: whoever reads the address may write to the group"
            )
        if parts.path.startswith("/robot/send") and "access_token=" in parts.query:
            return cls(GroupKind.DINGTALK, address, secret)
        if parts.path.startswith("/open-apis/bot/v2/hook/"):
            return cls(GroupKind.FEISHU, address, secret)
        raise ValueError(f"{parts.hostname}: neither DingTalk's nor Feishu's address of a group's robot")

    def request(self, text: str, now: datetime) -> tuple[str, dict[str, Any]]:
        """Return where a text is posted, and the JSON."""
        if self.kind is GroupKind.DINGTALK:
            stamp = str(int(now.timestamp() * 1000))
            address = self.address
            if self.secret:
                address += f"&timestamp={stamp}&sign={quote(dingtalk_sign(stamp, self.secret), safe='')}"
            return address, {"msgtype": "text", "text": {"content": text}}
        body: dict[str, Any] = {"msg_type": "text", "content": {"text": text}}
        if self.secret:
            stamp = str(int(now.timestamp()))
            body |= {"timestamp": stamp, "sign": feishu_sign(stamp, self.secret)}
        return self.address, body

    def trouble(self, answer: Mapping[str, Any]) -> tuple[str | None, timedelta | None]:
        """Return what is wrong by an answer of 200 (None: nothing), and how long the robot must rest."""
        named = ("errcode",) if self.kind is GroupKind.DINGTALK else ("code", "StatusCode")
        code = next((answer[name] for name in named if name in answer), None)
        if code == 0:
            return None, None
        return f"{self.kind.value}_{code}", _REST.get(code) if isinstance(code, int) else None


_TEN, _ONE = timedelta(minutes=10), timedelta(minutes=1)
#: Codes for too many messages: DingTalk takes 20 a minute, then none for ten; Feishu 100 a minute.
_REST = {130101: _TEN, 410100: _TEN, 11232: _ONE, 9499: _ONE}


def dingtalk_sign(timestamp: str, secret: str) -> str:
    """Return a DingTalk robot's signature: Base64 of HMAC-SHA256 over time, line feed and secret."""
    return _b64(hmac.new(secret.encode(), f"{timestamp}\n{secret}".encode(), hashlib.sha256).digest())


def feishu_sign(timestamp: str, secret: str) -> str:
    """Return a Feishu robot's signature: the same text as the key, over nothing."""
    return _b64(hmac.new(f"{timestamp}\n{secret}".encode(), b"", hashlib.sha256).digest())


def _b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


@lru_cache(maxsize=1)
def words() -> Mapping[str, Any]:
    """Return ``alerts.yml``."""
    found: Mapping[str, Any] = yaml.safe_load(PATH.read_text(encoding="utf-8"))
    return found


def message(body: Mapping[str, Any], desk: str) -> str:
    """Return what a group reads of a row of the outbox.

    Args:
        body: as it was written.
        desk: address of the desk; empty where it is not known: the conversation's number is told instead.
    """
    said, data = words(), body["data"]
    name = body["kind"]
    if name == "escalated" and not data["live"]:
        name = "escalated_later"
    at = datetime.fromisoformat(data.get("since") or body["at"]).astimezone(SHANGHAI)
    cid = str(body["conversation_id"])
    text: str = said[name].format(
        reason=said["reasons"][data["reason"]], time=f"{at:%H:%M}", minutes=data.get("minutes")
    )
    if desk:
        return text + str(said["link"].format(link=f"{desk}/c/{cid}"))
    return text + str(said["number"].format(conversation=cid))
