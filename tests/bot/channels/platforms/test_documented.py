"""The platforms' own example payloads, word for word, are read as what they are.

WeChat: Receiving_standard_messages.html and Receiving_event_pushes.html under
https://developers.weixin.qq.com/doc/offiaccount/Message_Management/.
WeCom: https://developer.work.weixin.qq.com/document/path/94670.
Feishu: https://open.feishu.cn/document/server-docs/im-v1/message/events/receive.
Signatures and ciphertexts of the documents stand with each platform's tests; DingTalk's example does too.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from bot.channels import feishu_forms, wecom_messages
from bot.channels.base import HeardKind, Media
from bot.channels.wechat_incoming import fields, heard

NOW = datetime(2026, 11, 20, 6, 30, tzinfo=timezone.utc)

_FROM = "<ToUserName><![CDATA[toUser]]></ToUserName>\n  <FromUserName><![CDATA[fromUser]]></FromUserName>"
WECHAT: dict[str, tuple[str, dict[str, Any]]] = {
    "text": (
        """<CreateTime>1348831860</CreateTime>
  <MsgType><![CDATA[text]]></MsgType>
  <Content><![CDATA[this is a test]]></Content>
  <MsgId>1234567890123456</MsgId>""",
        {"kind": HeardKind.TEXT, "text": "this is a test", "message_id": "1234567890123456"},
    ),
    "picture": (
        """<CreateTime>1348831860</CreateTime>
  <MsgType><![CDATA[image]]></MsgType>
  <PicUrl><![CDATA[this is a url]]></PicUrl>
  <MediaId><![CDATA[media_id]]></MediaId>
  <MsgId>1234567890123456</MsgId>""",
        {"kind": HeardKind.PICTURE, "media": Media("media_id")},
    ),
    "place": (
        """<CreateTime>1351776360</CreateTime>
  <MsgType><![CDATA[location]]></MsgType>
  <Location_X>23.134521</Location_X>
  <Location_Y>113.358803</Location_Y>
  <Scale>20</Scale>
  <Label><![CDATA[位置信息]]></Label>
  <MsgId>1234567890123456</MsgId>""",
        {
            "kind": HeardKind.LOCATION,
            "text": "位置信息",
            "data": {"latitude": 23.134521, "longitude": 113.358803},
        },
    ),
    "follows": (
        """<CreateTime>123456789</CreateTime>
  <MsgType><![CDATA[event]]></MsgType>
  <Event><![CDATA[subscribe]]></Event>""",
        {"kind": HeardKind.SUBSCRIBE, "event": "subscribe"},
    ),
}


@pytest.mark.parametrize("name", WECHAT)
def test_wechats_examples(name: str) -> None:
    inside, wanted = WECHAT[name]
    (found,) = heard(fields(f"<xml>\n  {_FROM}\n  {inside}\n</xml>".encode()), NOW)
    assert found.user == "fromUser"
    assert {key: getattr(found, key) for key in wanted} == wanted


_ROW = {
    "msgid": "from_msgid_4622416642169452483",
    "open_kfid": "wkAJ2GCAAASSm4_FhToWMFea0xAFfd3Q",
    "external_userid": "wmAJ2GCAAAme1XQRC-NI-q0_ZM9ukoAw",
    "send_time": 1615478585,
    "origin": 3,
    "servicer_userid": "Zhangsan",
}
_MEDIA = "2iSLeVyqzk4eX0IB5kTi9Ljfa2rt9dwfq5WKRQ4Nvvgw"
_PLACE = {
    "latitude": 23.106021881103501,
    "longitude": 113.320503234863,
    "name": "广州国际媒体港(广州市海珠区)",
    "address": "广东省广州市海珠区滨江东路",
}
_PAGE = {"title": "TITLE", "appid": "APPID", "pagepath": "PAGE_PATH", "thumb_media_id": "THUMB_MEDIA_ID"}


@pytest.mark.parametrize(
    ("kind", "more", "wanted"),
    [
        (
            "text",
            {"content": "hello world", "menu_id": "101"},
            {"kind": HeardKind.MENU, "text": "hello world", "data": {"button": "101"}},
        ),
        ("image", {"media_id": _MEDIA}, {"kind": HeardKind.PICTURE, "media": Media(_MEDIA)}),
        ("voice", {"media_id": _MEDIA}, {"kind": HeardKind.VOICE, "text": ""}),
        ("video", {"media_id": _MEDIA}, {"kind": HeardKind.UNSUPPORTED, "event": "video"}),
        ("location", _PLACE, {"kind": HeardKind.LOCATION, "text": "广州国际媒体港(广州市海珠区)"}),
        ("link", {"title": "TITLE", "desc": "DESC", "url": "URL"}, {"kind": HeardKind.UNSUPPORTED}),
        ("miniprogram", _PAGE, {"kind": HeardKind.UNSUPPORTED, "event": "miniprogram"}),
    ],
)
def test_wecoms_examples(kind: str, more: dict[str, Any], wanted: dict[str, Any]) -> None:
    found = wecom_messages.heard({**_ROW, "msgtype": kind, kind: more})
    assert found is not None
    assert (found.user, found.account) == (_ROW["external_userid"], _ROW["open_kfid"])
    assert found.at == datetime(2021, 3, 11, 16, 3, 5, tzinfo=timezone.utc)
    assert {key: getattr(found, key) for key in wanted} == wanted


FEISHU = {
    "schema": "2.0",
    "header": {
        "event_id": "5e3702a84e847582be8db7fb73283c02",
        "event_type": "im.message.receive_v1",
        "create_time": "1608725989000",
        "token": "rvaYgkND1GOiu5MM0E1rncYC6PLtF7JV",
        "app_id": "cli_9f5343c580712544",
        "tenant_key": "2ca1d211f64f6438",
    },
    "event": {
        "sender": {
            "sender_id": {
                "union_id": "on_8ed6aa67826108097d9ee143816345",
                "user_id": "e33ggbyz",
                "open_id": "ou_84aad35d084aa403a838cf73ee18467",
            },
            "sender_type": "user",
            "tenant_key": "736588c9260f175e",
        },
        "message": {
            "message_id": "om_5ce6d572455d361153b7cb51da133945",
            "root_id": "om_5ce6d572455d361153b7cb5xxfsdfsdfdsf",
            "parent_id": "om_5ce6d572455d361153b7cb5xxfsdfsdfdsf",
            "create_time": "1609073151345",
            "chat_id": "oc_5ce6d572455d361153b7xx51da133945",
            "chat_type": "group",
            "message_type": "text",
            "content": '{"text":"@_user_1 hello"}',
            "mentions": [
                {
                    "key": "@_user_1",
                    "id": {
                        "union_id": "on_8ed6aa67826108097d9ee143816345",
                        "user_id": "e33ggbyz",
                        "open_id": "ou_84aad35d084aa403a838cf73ee18467",
                    },
                    "name": "Tom",
                    "tenant_key": "736588c9260f175e",
                }
            ],
        },
    },
}


def test_feishus_example() -> None:
    (found,) = feishu_forms.heard(FEISHU)
    assert (found.user, found.kind, found.text) == (
        "ou_84aad35d084aa403a838cf73ee18467",
        HeardKind.TEXT,
        "hello",
    )
    assert found.message_id == "om_5ce6d572455d361153b7cb51da133945"
    assert found.at == datetime(2020, 12, 27, 12, 45, 51, 345000, tzinfo=timezone.utc)
