"""Phones with WeChat: an Official Account, a Mini Program, and WeCom's 微信客服."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from tests.fakes.wechat import AES_KEY, FakeWeChat, Poster
from tests.fakes.wecom import FakeWecom, Session
from tests.stack.channels_phone import Made, Phone, Shown


class WeChatPhone(Phone):
    name = "wechat"
    server: FakeWeChat
    _poster = Poster(AES_KEY)

    def _said(self, kind: str, **fields: Any) -> Made:
        now = self.signed_at()
        message = self._poster.message(now, kind, user=self.user, **fields)
        query, body = self._poster.request(now, message)
        return Made(query, {"Content-Type": "text/xml"}, body)

    def text(self, text: str) -> Made:
        return self._said("text", Content=text)

    def picture(self, file: bytes) -> Made:
        name = f"p{secrets.token_hex(4)}"
        self.server.media[name] = file
        return self._said("image", PicUrl="http://127.0.0.1:9/never", MediaId=name)

    def voice(self, words: str) -> Made:
        more = {"Recognition": words} if words else {}
        return self._said("voice", MediaId="v1", Format="amr", **more)

    def location(self, name: str) -> Made:
        return self._said("location", Location_X="23.13", Location_Y="113.35", Scale=20, Label=name)

    def menu(self, key: str) -> Made:
        return self._said("event", Event="CLICK", EventKey=key)

    def subscribes(self) -> Made:
        return self._said("event", Event="subscribe", EventKey="")

    def unsubscribes(self) -> Made:
        return self._said("event", Event="unsubscribe", EventKey="")

    def unsupported(self) -> Made:
        return self._said("video", MediaId="v2", ThumbMediaId="v3")

    def meets(self, trouble: str) -> None:
        given: dict[str, int | str] = {"busy": -1, "blocked": 43004, "closed": 45015}
        self.server.next(given.get(trouble, trouble))

    def shown(self) -> list[Shown]:
        return [_numbered(_of_wechat(one)) for one in self.server.sent if one["touser"] == self.user]


def _of_wechat(one: Mapping[str, Any]) -> Shown:
    form = one["msgtype"]
    inside = one[form]
    if form == "news":
        inside = inside["articles"][0]
    text = inside.get("content") or "\n".join(filter(None, (inside.get("title"), inside.get("description"))))
    return Shown(form, text, {}, one)


class WeChatMiniPhone(WeChatPhone):
    name = "wechat_mini"
    CANNOT = frozenset({"voice", "location", "menu", "unsubscribes"})
    _poster = Poster(AES_KEY, as_json=True)

    def subscribes(self) -> Made:
        return self._said("event", Event="user_enter_tempsession", SessionFrom="goods")


def _numbered(one: Shown) -> Shown:
    """Read choices off a text: a line of titles, or a line for each."""
    _, found, rest = one.text.rpartition("回复数字")
    pairs: dict[str, str] = {}
    if found:
        words = rest.lstrip("选择").lstrip("：")
        pieces = words.split() if "\n" not in words else []
        pairs = dict(zip(pieces[1::2], pieces[::2], strict=False)) if pieces else {}
        for line in words.splitlines():
            number, dot, title = line.strip().partition(". ")
            if dot and number.isdigit():
                pairs[title] = number
    return Shown(one.form, one.text, pairs, one.raw)


class WecomPhone(Phone):
    name = "wecom"
    server: FakeWecom
    CANNOT = frozenset({"menu"})

    def _told(self) -> Made:
        return Made(*_with_headers(*self.server.callback(at=self.signed_at().timestamp())))

    def text(self, text: str) -> Made:
        self.server.says(self.user, content=text)
        return self._told()

    def tapped(self, title: str, choice: str) -> Made:
        self.server.says(self.user, content=title, menu_id=choice)
        return self._told()

    def picture(self, file: bytes) -> Made:
        name = f"p{secrets.token_hex(4)}"
        self.server.files[name] = file
        self.server.says(self.user, "image", media_id=name)
        return self._told()

    def voice(self, words: str) -> Made:
        self.server.says(self.user, "voice", media_id="v1")  # nothing is recognised here
        return self._told()

    def location(self, name: str) -> Made:
        self.server.says(self.user, "location", latitude=23.13, longitude=113.35, name=name)
        return self._told()

    def subscribes(self) -> Made:
        self.server.sessions.setdefault(self.user, Session())
        self.server.enters(self.user)
        return self._told()

    def unsubscribes(self) -> Made:
        self.server.event(self.user, "msg_send_fail", fail_msgid="x", fail_type=10)
        return self._told()

    def unsupported(self) -> Made:
        self.server.says(self.user, "video", media_id="v2")
        return self._told()

    def disorders(self) -> None:
        self.server.rows += self.server.rows[:-3:-1] + self.server.rows[-1:]
        del self.server.rows[-5:-3]

    def meets(self, trouble: str) -> None:
        given = {"expired": 42001, "busy": -1, "blocked": 40096, "closed": 95002}
        self.server.trouble("kf/send_msg", given.get(trouble, trouble))

    def shown(self) -> list[Shown]:
        hers = {code for code, user in self.server.entered.items() if user == self.user}
        found = []
        for one in list(self.server.sent):
            if one.get("touser") == self.user or one.get("code") in hers:
                found.append(self._read(one))
        return found

    @staticmethod
    def _read(one: Mapping[str, Any]) -> Shown:
        form = one["msgtype"]
        inside = one[form]
        if form == "msgmenu":
            lines = [line["click"] for line in inside["list"] if line["type"] == "click"]
            links = [line["view"]["content"] for line in inside["list"] if line["type"] == "view"]
            text = "\n".join([inside.get("head_content", ""), *links])
            return Shown(form, text, {line["content"]: line["id"] for line in lines}, one)
        return Shown(form, inside.get("content") or inside.get("title") or "", {}, one)


def _with_headers(query: Mapping[str, str], body: bytes) -> tuple[Mapping[str, str], dict[str, str], bytes]:
    return query, {"Content-Type": "text/xml"}, body
