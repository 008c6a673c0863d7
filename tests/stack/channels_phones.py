"""Phones with the shop's own app (signed), DingTalk and Feishu; and which phones there are."""

from __future__ import annotations

import itertools
import json
import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from aiohttp import web

from tests.fakes.dingtalk import FakeDingTalk
from tests.fakes.feishu import FakeFeishu
from tests.fakes.serving import Behave, troubles
from tests.fakes.signed import SLOW, Receiver
from tests.fakes.signed import signed as signed_call
from tests.stack.channels_phone import Made, Phone, Shown
from tests.stack.channels_wechat import WeChatMiniPhone, WeChatPhone, WecomPhone


class SignedPhone(Phone):
    name = "signed"
    server: Receiver
    NEVER = frozenset({"expired", "closed"})
    CARD = frozenset({"card"})

    def _said(self, **fields: Any) -> Made:
        number = next(self._numbers)
        posted = signed_call({"user": self.user, "message_id": f"m-{number}", **fields}, self.signed_at())
        return Made({}, {**posted["headers"], "Content-Type": "application/json"}, posted["data"])

    def post(self, made: Made) -> tuple[int, str]:
        status, body = super().post(made)
        return (200, "success") if status == 202 and "accepted" in body else (status, body)

    def text(self, text: str) -> Made:
        return self._said(text=text)

    def tapped(self, title: str, choice: str) -> Made:
        return self._said(button=choice)

    def picture(self, file: bytes) -> Made:
        return self._said(type="picture", picture=self.server.holds(file))

    def voice(self, words: str) -> Made:
        return self._said(type="voice", text=words)

    def location(self, name: str) -> Made:
        return self._said(type="location", text=name)

    def menu(self, key: str) -> Made:
        return self._said(type="menu", button=key)

    def subscribes(self) -> Made:
        return self._said(type="subscribe")

    def unsubscribes(self) -> Made:
        return self._said(type="unsubscribe")

    def unsupported(self) -> Made:
        return self._said(type="unsupported")

    def meets(self, trouble: str) -> None:
        self.server.statuses.append({"slow": SLOW, "500": 500, "busy": 429, "blocked": 410}[trouble])

    def shown(self) -> list[Shown]:
        return [
            Shown(
                one["type"],
                one["text"],
                {button["title"]: button["id"] for button in one.get("buttons") or ()},
                one,
            )
            for one in self.server.of(self.user)
        ]


class DingTalkPhone(Phone):
    name = "dingtalk"
    taken = (200, "{}")
    server: FakeDingTalk
    CANNOT = frozenset({"location", "menu", "subscribes", "unsubscribes"})
    NEVER = frozenset({"closed"})  # but to who is no member of the organisation, after her session
    CARD = frozenset({"markdown", "actionCard"})

    def _said(self, **fields: Any) -> Made:
        body = self.server.message(self.user, **fields)
        return Made({}, self.server.headers(self.signed_at().timestamp()), json.dumps(body).encode())

    def text(self, text: str) -> Made:
        return self._said(text={"content": text})

    def tapped(self, title: str, choice: str) -> Made:
        (sent,) = parse_qs(urlsplit(choice).query)["content"]  # the app sends it as her own message
        return self.text(sent)

    def picture(self, file: bytes) -> Made:
        name = f"p{secrets.token_hex(4)}"
        self.server.files[name] = file
        return self._said(msgtype="picture", content={"downloadCode": name})

    def voice(self, words: str) -> Made:
        more = {"recognition": words} if words else {}
        return self._said(msgtype="audio", content={"downloadCode": "v1", "duration": 4000, **more})

    def unsupported(self) -> Made:
        return self._said(msgtype="video", content={})

    def meets(self, trouble: str) -> None:
        if trouble == "blocked":
            self.server.gone.add(self.user)
        if trouble in ("expired", "blocked"):
            self.server.behave = self._by_robot(ends=trouble == "expired")
        else:
            self.server.behave = troubles("sendBySession", {"slow": "slow", "500": 500, "busy": 429}[trouble])

    def _by_robot(self, *, ends: bool) -> Behave:
        """Let sessions be over, for they ask for no token; the token ends while the robot sends."""

        async def behave(request: web.Request) -> web.StreamResponse | None:
            nonlocal ends
            if "sendBySession" in request.path:
                return web.json_response({"errcode": 300001, "errmsg": "session 不存在"})
            if "batchSend" in request.path and ends:
                ends = False
                self.server.ended.update(self.server.tokens)
            return None

        return behave

    def relents(self) -> None:
        self.server.gone.clear()
        self.server.behave = None

    def shown(self) -> list[Shown]:
        return [
            _of_dingtalk(form, content)
            for user, form, content in list(self.server.shown)
            if self.server.whose(user) == self.user
        ]


def _of_dingtalk(form: str, content: Mapping[str, Any]) -> Shown:
    links = {one["title"]: one["actionURL"] for one in content.get("btns") or ()}
    for number in itertools.takewhile(lambda n: f"actionTitle{n}" in content, itertools.count(1)):
        links[content[f"actionTitle{number}"]] = content[f"actionURL{number}"]
    if "singleTitle" in content:
        links[content["singleTitle"]] = content["singleURL"]
    return Shown(form, content.get("content") or content.get("text") or "", links, content)


class FeishuPhone(Phone):
    name = "feishu"
    taken = (200, "{}")
    server: FakeFeishu
    CANNOT = frozenset({"unsubscribes"})
    NEVER = frozenset({"closed"})
    CARD = frozenset({"interactive"})

    def _told(self, event: dict[str, Any]) -> Made:
        headers, body = self.server.signed(event, at=self.signed_at().timestamp())
        return Made({}, headers, body)

    def _said(self, content: dict[str, Any], form: str = "text") -> Made:
        return self._told(self.server.message(content, form=form, user=self.user))

    def text(self, text: str) -> Made:
        return self._said({"text": text})

    def tapped(self, title: str, choice: str) -> Made:
        return self._told(self.server.tap(choice, self.user))

    def picture(self, file: bytes) -> Made:
        name = f"img_{secrets.token_hex(4)}"
        self.server.files[name] = file
        return self._said({"image_key": name}, "image")

    def voice(self, words: str) -> Made:
        return self._said({"file_key": "v1", "duration": 2000}, "audio")  # nothing is recognised here

    def location(self, name: str) -> Made:
        return self._said({"name": name, "latitude": "23.13", "longitude": "113.35"}, "location")

    def menu(self, key: str) -> Made:
        operator = {"operator_name": "王小明", "operator_id": {"open_id": self.user}}
        return self._told(
            self.server.event("application.bot.menu_v6", {"operator": operator, "event_key": key})
        )

    def subscribes(self) -> Made:
        entered = {"chat_id": f"oc_{self.user}", "operator_id": {"open_id": self.user}}
        return self._told(self.server.event("im.chat.access_event.bot_p2p_chat_entered_v1", entered))

    def unsupported(self) -> Made:
        return self._said({"file_key": "f", "file_name": "a.pdf"}, "file")

    def meets(self, trouble: str) -> None:
        if trouble == "expired":
            self.server.ended.update(self.server.tokens)
        elif trouble == "blocked":
            self.server.refused[self.user] = 230013
        else:
            told = {"slow": "slow", "500": 500, "busy": 429}[trouble]
            self.server.behave = troubles("/im/v1/messages", told)

    def relents(self) -> None:
        self.server.refused.clear()

    def shown(self) -> list[Shown]:
        return [
            _of_feishu(form, content) for user, form, content in list(self.server.shown) if user == self.user
        ]


def _of_feishu(form: str, content: Mapping[str, Any]) -> Shown:
    if form != "interactive":
        return Shown(form, content.get("text", ""), {}, content)
    lines = [content.get("header", {}).get("title", {}).get("content", "")]
    choices: dict[str, str] = {}
    for element in content["elements"]:
        if element["tag"] == "div":
            lines.append(element["text"]["content"])
        else:
            choices |= {one["text"]["content"]: one["value"]["button"] for one in element["actions"]}
    return Shown(form, "\n".join(filter(None, lines)), choices, content)


PHONES: Mapping[str, type[Phone]] = {
    kind.name: kind
    for kind in (SignedPhone, WeChatPhone, WeChatMiniPhone, WecomPhone, DingTalkPhone, FeishuPhone)
}


def able(act: str) -> list[str]:
    """Return the channels whose app can do something, or whose platform can meet it with such a trouble."""
    return [name for name, kind in PHONES.items() if act not in kind.CANNOT | kind.NEVER]
