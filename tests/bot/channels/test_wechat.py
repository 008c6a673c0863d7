"""WeChat's Official Account and Mini Program: what is posted is verified, decrypted and read with care."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp
import pytest
import pytest_asyncio

from bot.channels.base import (
    Call,
    Heard,
    HeardKind,
    Media,
    Refused,
    Tools,
)
from bot.channels.wechat_incoming import fields, signature
from tests.bot.channels.wechat_kit import NOW, Account, HeldTokens, account, mini
from tests.fakes.wechat import AES_KEY, OPENID, Poster, as_xml, signed


@pytest_asyncio.fixture
async def tools() -> AsyncIterator[Tools]:
    async with aiohttp.ClientSession() as http:
        yield Tools(http, HeldTokens(), lambda: NOW)


def call(query: dict[str, str], body: bytes = b"", now: datetime = NOW) -> Call:
    return Call("POST" if body else "GET", query, {}, body, "127.0.0.1", now)


def at(stamp: int) -> datetime:
    return datetime.fromtimestamp(stamp, ZoneInfo("Asia/Shanghai"))


async def post(to: Account, poster: Poster, message: dict[str, Any]) -> tuple[Heard, ...]:
    query, body = poster.request(NOW, message)
    receipt = await to.receive(call(query, body))
    assert (receipt.status, receipt.body) == (200, "success")
    return receipt.heard


async def refusal(to: Account, made: Call) -> tuple[int, str]:
    with pytest.raises(Refused) as refused:
        await to.receive(made)
    return refused.value.status, refused.value.code


# -- the platform's own examples -------------------------------------------------------------------------
# developers.weixin.qq.com/miniprogram/dev/framework/server-ability/message-push.html: address check, plain
# and secure mode as JSON, with Token AAAAA and an EncodingAESKey of 43 times A.

DOCUMENTED = "wxba5fad812f8e6fb9"
SEALED = (
    "+qdx1OKCy+5JPCBFWw70tm0fJGb2Jmeia4FCB7kao+/Q5c/ohsOzQHi8khUOb05JCpj0JB4RvQMkUyus8TPxLKJGQqcvZqzDpVzazhZv6JsX"
    "UnnR8XGT740XgXZUXQ7vJVnAG+tE8NUd4yFyjPy7GgiaviNrlCTj+l5kdfMuFUPpRSrfMZuMcp3Fn2Pede2IuQrKEYwKSqFIZoNqJ4M8EajAs"
    "jLY2km32IIjdf8YL/P50F7mStwntrA2cPDrM1kb6mOcfBgRtWygb3VIYnSeOBrebufAlr7F9mFUPAJGj04="
)
# The platform's sample code (cryptoDemo.zip, Sample.py): an Official Account in secure mode, as XML.
SAMPLE_KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
SAMPLE_SEALED = (
    "hyzAe4OzmOMbd6TvGdIOO6uBmdJoD0Fk53REIHvxYtJlE2B655HuD0m8KUePWB3+LrPXo87wzQ1QLvbeUgmBM4x6F8PGHQHFVAFmOD2LdJF9F"
    "rXpbUAh0B5GIItb52sn896wVsMSHGuPE328HnRGBcrS7C41IzDWyWNlZkyyXwon8T332jisa+h6tEDYsVticbSnyU8dKOIbgU6ux5VTjg3yt+W"
    "GzjlpKn6NPhRjpA912xMezR4kw6KWwMrCVKSVCZciVGCgavjIQ6X8tCOp3yZbGpy0VxpAe+77TszTfRd5RJSVO/HTnifJpXgCSUdUue1v6h0EI"
    "BYYI1BD1DlD+C0CR8e6OewpusjZ4uBl9FyJvnhvQl+q5rv1ixrcpCumEPo5MJSgM9ehVsNPfUM669WuMyVWQLCzpu9GhglF2PE="
)


async def test_the_documented_address_check_is_echoed(tools: Tools) -> None:
    query = {
        "signature": "f464b24fc39322e44b38aa78f5edd27bd1441696",
        "echostr": "4375120948345356249",
        "timestamp": "1714036504",
        "nonce": "1514711492",
    }
    for made in (account(tools), mini(tools), account(tools, aes_key="A" * 43)):
        receipt = await made.receive(call(query, now=at(1714036504)))
        assert (receipt.status, receipt.body, receipt.heard) == (200, "4375120948345356249", ())
    wrong = {**query, "nonce": "1514711493"}
    assert await refusal(made, call(wrong, now=at(1714036504))) == (401, "signature_wrong")
    assert await refusal(made, call(query, now=at(1714036504 + 301))) == (401, "signature_old")
    markup = {**query, "echostr": "<script>alert(1)</script>"}
    assert await refusal(made, call(markup, now=at(1714036504))) == (400, "echo_malformed")


async def test_the_documented_message_in_plain_mode_is_taken(tools: Tools) -> None:
    query = {
        "signature": "899cf89e464efb63f54ddac96b0a0a235f53aa78",
        "timestamp": "1714037059",
        "nonce": "486452656",
    }
    body = (
        b'{"ToUserName": "gh_97417a04a28d", "FromUserName": "o9AgO5Kd5ggOC-bXrbNODIiE3bGY", '
        b'"CreateTime": 1714037059, "MsgType": "event", "Event": "debug_demo", "debug_str": "hello world"}'
    )
    receipt = await mini(tools).receive(call(query, body, at(1714037059)))
    assert (receipt.body, receipt.heard) == ("success", ())  # an event that says nothing to us


async def test_the_documented_message_in_secure_mode_is_decrypted(tools: Tools) -> None:
    query = {
        "signature": "6c5c811b55cc85e0e1b54100749188c20beb3f5d",
        "timestamp": "1714112445",
        "nonce": "415670741",
        "openid": "o9AgO5Kd5ggOC-bXrbNODIiE3bGY",
        "encrypt_type": "aes",
        "msg_signature": "046e02f8204d34f8ba5fa3b1db94908f3df2e9b3",
    }
    body = json.dumps({"ToUserName": "gh_97417a04a28d", "Encrypt": SEALED}).encode()
    made = mini(tools, aes_key="A" * 43)
    opened = made._envelope.open(call(query, body, at(1714112445)))
    assert opened["Event"] == "debug_demo" and opened["debug_str"] == "hello world"
    assert (await made.receive(call(query, body, at(1714112445)))).heard == ()
    # The signature of the plain mode is good as well, and is not enough.
    plain = {name: value for name, value in query.items() if name != "msg_signature"}
    assert await refusal(made, call(plain, body, at(1714112445))) == (401, "signature_wrong")


def test_the_documented_signature_of_an_encrypted_answer() -> None:
    sealed = "ELGduP2YcVatjqIS+eZbp80MNLoAUWvzzyJxgGzxZO/5sAvd070Bs6qrLARC9nVHm48Y4hyRbtzve1L32tmxSQ=="
    assert signature("AAAAA", "1713424427", "415670741", sealed) == "1b9339964ed2e271e7c7b6ff2b0ef902fc94dea1"


async def test_the_sample_of_the_official_account_is_decrypted(tools: Tools) -> None:
    query = {
        "timestamp": "1409735669",
        "nonce": "1320562132",
        "msg_signature": "5d197aaffba7e9b25a30732f161a50dee96bd5fa",
    }
    body = as_xml({"ToUserName": "gh_10f6c3c3ac5a", "Encrypt": SAMPLE_SEALED})
    made = account(tools, aes_key=SAMPLE_KEY, token="spamtest", app_id="wx2c2769f8efd9abc2")
    (heard,) = (await made.receive(call(query, body.encode(), at(1409735669)))).heard
    assert heard == Heard(
        "oyORnuP8q7ou2gfYjqLzSIWZf0rs", "6054768590064713728", HeardKind.TEXT, at(1409735668), "abcdteT"
    )
    other = account(tools, aes_key=SAMPLE_KEY, token="spamtest", app_id="wx2c2769f8efd9abc3")
    assert await refusal(other, call(query, body.encode(), at(1409735669))) == (401, "account_wrong")


# -- each kind, as documented under "Receiving messages", "Receiving events" and "Customer message" ------

TEXT = {"MsgType": "text", "Content": "这件几天能到"}
KINDS: list[tuple[dict[str, Any], dict[str, Any] | None]] = [
    (TEXT, {"kind": HeardKind.TEXT, "text": "这件几天能到"}),
    (
        {**TEXT, "Content": "查物流", "bizmsgmenuid": "b-7"},
        {"kind": HeardKind.MENU, "text": "查物流", "data": {"button": "b-7"}},
    ),
    (
        {"MsgType": "text", "Content": "【收到不支持的消息类型，暂无法显示】"},
        {"kind": HeardKind.UNSUPPORTED, "event": "text"},
    ),
    (
        {"MsgType": "image", "PicUrl": "http://mmbiz.qpic.cn/x/0", "MediaId": "m1"},
        {"kind": HeardKind.PICTURE, "media": Media("m1")},
    ),
    (
        {"MsgType": "voice", "MediaId": "m2", "Format": "amr", "Recognition": "我要退货"},
        {"kind": HeardKind.VOICE, "text": "我要退货", "media": Media("m2", content_type="audio/amr")},
    ),
    (
        {"MsgType": "voice", "MediaId": "m3", "Format": "amr"},
        {"kind": HeardKind.VOICE, "text": "", "media": Media("m3", content_type="audio/amr")},
    ),
    (
        {
            "MsgType": "location",
            "Location_X": "23.134521",
            "Location_Y": "113.358803",
            "Scale": 20,
            "Label": "天河路",
        },
        {
            "kind": HeardKind.LOCATION,
            "text": "天河路",
            "data": {"latitude": 23.134521, "longitude": 113.358803},
        },
    ),
    ({"MsgType": "video", "MediaId": "m4"}, {"kind": HeardKind.UNSUPPORTED, "event": "video"}),
    (
        {"MsgType": "link", "Title": "t", "Url": "http://e.cn"},
        {"kind": HeardKind.UNSUPPORTED, "event": "link"},
    ),
    (
        {"MsgType": "miniprogrampage", "Title": "奶杏色风衣", "AppId": "wx1", "PagePath": "p/goods?id=7"},
        {
            "kind": HeardKind.TEXT,
            "text": "奶杏色风衣",
            "event": "miniprogrampage",
            "data": {"page": "p/goods?id=7"},
        },
    ),
    (
        {"MsgType": "event", "Event": "subscribe", "EventKey": "qrscene_123123"},
        {"kind": HeardKind.SUBSCRIBE, "event": "subscribe"},
    ),
    ({"MsgType": "event", "Event": "unsubscribe"}, {"kind": HeardKind.UNSUBSCRIBE, "event": "unsubscribe"}),
    (
        {"MsgType": "event", "Event": "user_enter_tempsession", "SessionFrom": "goods"},
        {"kind": HeardKind.SUBSCRIBE, "event": "user_enter_tempsession"},
    ),
    (
        {"MsgType": "event", "Event": "CLICK", "EventKey": "menu-orders"},
        {
            "kind": HeardKind.MENU,
            "event": "CLICK",
            "text": "menu-orders",
            "data": {"button": "menu-orders"},
        },
    ),
    ({"MsgType": "event", "Event": "VIEW", "EventKey": "http://e.cn"}, None),
    ({"MsgType": "event", "Event": "LOCATION", "Latitude": "23.1", "Longitude": "113.3"}, None),
]


@pytest.mark.parametrize("form", ["xml", "json"])
@pytest.mark.parametrize("aes_key", ["", AES_KEY], ids=["plain", "secure"])
async def test_each_kind_is_read_in_each_form(tools: Tools, form: str, aes_key: str) -> None:
    poster = Poster(aes_key, as_json=form == "json")
    to = mini(tools, aes_key=aes_key) if form == "json" else account(tools, aes_key=aes_key)
    ids = []
    for given, wanted in KINDS:
        message = poster.message(NOW, given["MsgType"], **{k: v for k, v in given.items() if k != "MsgType"})
        found = await post(to, poster, message)
        if wanted is None:
            assert found == ()
            continue
        (heard,) = found
        ids.append(heard.message_id)
        assert heard == replace(Heard(OPENID, heard.message_id, HeardKind.TEXT, NOW), **wanted)
        if "MsgId" in message:
            assert heard.message_id == str(message["MsgId"])
    assert len(set(ids)) == len(ids)


async def test_a_repeat_has_the_same_id_and_another_event_another(tools: Tools) -> None:
    poster, to = Poster(AES_KEY), account(tools, aes_key=AES_KEY)
    first = poster.message(NOW, "event", Event="CLICK", EventKey="menu-orders")
    ids = []
    for message in (
        first,
        first,
        {**first, "EventKey": "menu-track"},
        {**first, "CreateTime": first["CreateTime"] + 1},
        {**first, "FromUserName": "another"},
    ):
        ids.append((await post(to, poster, message))[0].message_id)
    assert ids[0] == ids[1] and len(set(ids)) == 4


async def test_the_compatible_mode_is_read_by_its_encrypted_half(tools: Tools) -> None:
    poster, to = Poster(AES_KEY), account(tools, aes_key=AES_KEY)
    query, body = poster.request(NOW, poster.message(NOW, "text", Content="真的"))
    forged = body.replace(
        b"<xml>",
        b"<xml><FromUserName>x</FromUserName><MsgType>text</MsgType><Content>forged</Content><MsgId>1</MsgId>",
    )
    assert (await to.receive(call(query, forged))).heard[0].text == "真的"
    # And by its plain half where there is no key.
    (heard,) = (
        await account(tools).receive(
            call(query, forged.replace(b"<MsgId>", b"<CreateTime>1</CreateTime><MsgId>"))
        )
    ).heard
    assert heard.text == "forged"


# -- what is refused -------------------------------------------------------------------------------------


async def test_wrong_old_and_reused_signatures_are_refused(tools: Tools) -> None:
    for aes_key, name in (("", "signature"), (AES_KEY, "msg_signature")):
        poster, to = Poster(aes_key), account(tools, aes_key=aes_key)
        query, body = poster.request(NOW, poster.message(NOW, "text", Content="在吗"))
        for wrong in ("", "0" * 40, query[name][:-1], query[name].upper(), "签"):
            assert await refusal(to, call({**query, name: wrong}, body)) == (401, "signature_wrong")
        assert await refusal(to, call({}, body)) == (401, "signature_wrong")
        late = call(query, body, NOW + timedelta(minutes=5, seconds=1))
        early = call(query, body, NOW - timedelta(minutes=5, seconds=1))
        assert await refusal(to, late) == await refusal(to, early) == (401, "signature_old")
        again = [await to.receive(call(query, body)) for _ in range(2)]  # a repeat: the same id
        assert again[0] == again[1]
        other = (
            body.replace(b"MsgId>", b"OtherId>")
            if not aes_key
            else body.replace(b"<Encrypt><![CDATA[", b"<Encrypt><![CDATA[A")
        )
        assert (await refusal(to, call(query, other)))[0] == 401
    plain = Poster()
    query, body = plain.request(NOW, plain.message(NOW, "text", Content="在吗"))
    assert await refusal(to, call(query, body)) == (400, "not_encrypted")  # no way down to plain text


async def test_another_token_is_no_signature(tools: Tools) -> None:
    poster = Poster(token="BBBBB")
    query, body = poster.request(NOW, poster.message(NOW, "text", Content="在吗"))
    assert await refusal(account(tools), call(query, body)) == (401, "signature_wrong")


@pytest.mark.parametrize("kind", [account, mini])
async def test_cut_and_foreign_ciphertext_is_refused_though_it_is_signed(tools: Tools, kind: Any) -> None:
    poster, to = Poster(AES_KEY), kind(tools, aes_key=AES_KEY)
    query, body = poster.request(NOW, poster.message(NOW, "text", Content="在吗"))
    sealed = fields(body)["Encrypt"]
    other = Poster("B" * 43)
    _, foreign = other.request(NOW, other.message(NOW, "text", Content="在吗"))
    for broken in (
        sealed[:-4],
        sealed[:44],
        sealed[:64],
        "A",
        "!" * 44,
        "A" * 44,
        "=",
        fields(foreign)["Encrypt"],
    ):
        resigned = {**query, "msg_signature": signed(query["nonce"], NOW, broken)}
        cut = f"<xml><Encrypt><![CDATA[{broken}]]></Encrypt></xml>".encode()
        status, code = await refusal(to, call(resigned, cut))
        assert (status, code) in {(400, "not_decryptable"), (401, "account_wrong"), (400, "malformed")}, (
            broken
        )
    assert await refusal(account(tools), call(query, body)) == (400, "encrypted_without_key")


BOMB = (
    '<!DOCTYPE xml [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9))
    + "]><xml><Content>&j;</Content></xml>"
)
MALFORMED = {
    "bomb": BOMB.encode(),
    "file": b'<!DOCTYPE xml [<!ENTITY f SYSTEM "file:///etc/passwd">]><xml><Content>&f;</Content></xml>',
    "dtd": b'<!DOCTYPE xml SYSTEM "http://127.0.0.1:9/x.dtd"><xml><Content>a</Content></xml>',
    "entity": b"<xml><Content>&unknown;</Content></xml>",
    "cut": b"<xml><Content><![CDATA[a]]></Cont",
    "utf-16": '<?xml version="1.0" encoding="utf-16"?><xml><Content>a</Content></xml>'.encode("utf-16"),
    "bytes": b"<xml><Content>\xff\xfe</Content></xml>",
    "json": b'{"a": ',
    "deep json": b'{"a":' * 100_000,
    "nothing": b" ",
    "prose": b"hello",
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_bodies_are_refused_and_no_entity_is_read(name: str) -> None:
    with pytest.raises(Refused) as refused:
        fields(MALFORMED[name])
    assert (refused.value.status, refused.value.code) == (400, "malformed")


def test_only_flat_fields_are_read() -> None:
    deep = "<a>" * 5000 + "x" + "</a>" * 5000
    nested = f"<List><Item>x</Item></List><Deep>{deep}</Deep>"
    body = f"<xml><Content> a&amp;b <![CDATA[<c>]]></Content>{nested}</xml>"
    assert fields(body.encode()) == {"Content": "a&b <c>"}
    assert fields(b'{"MsgId": 12, "Content": "a\\u0000b\\ud800", "No": true, "List": [1], "Null": null}') == {
        "MsgId": "12",
        "Content": "ab?",
    }


async def test_messages_without_what_all_have_are_refused(tools: Tools) -> None:
    poster, to = Poster(), account(tools)
    good = poster.message(NOW, "text", Content="在吗")
    for wrong in (
        {"FromUserName": ""},
        {"FromUserName": "a b"},
        {"FromUserName": "x" * 65},
        {"MsgType": ""},
        {"CreateTime": "soon"},
        {"CreateTime": "٣"},
        {"CreateTime": "99999999999"},
        {"MsgId": ""},
        {"MsgId": "1" * 101},
    ):
        query, body = poster.request(NOW, {**good, **wrong})
        assert (await refusal(to, call(query, body)))[0] == 400, wrong
