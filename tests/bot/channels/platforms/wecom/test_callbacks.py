"""WeCom's callbacks: signatures, ciphertext, what is refused; and the settings.

The two vectors of the crypto are those of Tencent's own samples of WXBizMsgCrypt (Sample.cpp, Sample.php,
linked from https://developer.work.weixin.qq.com/document/path/90968).
"""

from __future__ import annotations

import base64
import re
from datetime import datetime, timedelta, timezone

import pytest

from bot.channels import channel_settings
from bot.channels.base import (
    Hint,
    SettingsProblem,
)
from bot.channels.platforms.wecom import Settings, Wecom, make
from tests.bot.channels.platforms.wecom.kit import (
    SAMPLE,
    USER,
    Clock,
    call,
    refused,
    settings,
)
from tests.fakes.tools import MemoryTokens, tools
from tests.fakes.wecom import FakeWecom, encrypted

ECHO = "P9nAzCzyDtyTWESHep1vC5X9xho/qYX3Zpb4yKa9SKld1DsH3Iyt3tP3zNdtp+4RPcs8TgAE7OaBO+FZXvnaqQ=="
ECHO_SIGNED = "5c45ff5e21c57e6ad56bac8758b79b1d9ac89fd3"
MESSAGE = (
    "RypEvHKD8QQKFhvQ6QleEB4J58tiPdvo+rtK1I9qca6aM/wvqnLSV5zEPeusUiX5L5X/0lWfrf0QADHHhGd3QczcdCUpj911L3vg3W/sYYvu"
    "JTs3TUUkSUXxaccAS0qhxchrRYt66wiSpGLYL42aM6A8dTT+6k4aSknmPj48kzJs8qLjvd4Xgpue06DOdnLxAUHzM6+kDZ+HMZfJYuR+LtwG"
    "c2hgf5gsijff0ekUNXZiqATP7PF5mZxZ3Izoun1s4zG4LUMnvw2r+KqCKIw+3IQH03v+BCA9nMELNqbSf6tiWSrXJB3LAVGUcallcrw8V2t9"
    "EL4EhzJWrQUax5wLVMNS0+rUPA3k22Ncx4XXZS9o0MBH27Bo6BpNelZpS+/uh9KsNlY6bHCmJU9p8g7m3fVKn28H3KDYA5Pl/T8Z1ptDAVe0"
    "lXdQ2YoyyH2uyPIGHBZZIs2pDBS8R07+qN+E7Q=="
)
MESSAGE_SIGNED = "477715d11cdb4164915debcba66cb864d751f3e6"


async def test_the_platforms_own_vectors_are_opened(clock: Clock) -> None:
    async with tools(clock) as given:
        platform = make(SAMPLE, given)
    at = datetime.fromtimestamp(1409659589, timezone.utc)
    query = {"msg_signature": ECHO_SIGNED, "timestamp": "1409659589", "nonce": "263014780", "echostr": ECHO}
    assert (await platform.receive(call(query, b"", at, "GET"))).body == "1616140317555161061"

    at = datetime.fromtimestamp(1409659813, timezone.utc)
    query = {"msg_signature": MESSAGE_SIGNED, "timestamp": "1409659813", "nonce": "1372623149"}
    body = f"<xml><Encrypt><![CDATA[{MESSAGE}]]></Encrypt><AgentID><![CDATA[218]]></AgentID></xml>"
    receipt = await platform.receive(
        call(query, body.encode(), at)
    )  # a text to an application: nothing to pull
    assert (receipt.body, receipt.heard, receipt.hint) == ("success", (), None)


async def test_a_callback_gives_only_the_hint_to_pull(platform: Wecom, fake: FakeWecom, clock: Clock) -> None:
    receipt = await platform.receive(call(*fake.callback(), clock.at))
    assert receipt.hint is not None and receipt.hint.account == fake.account
    assert receipt.hint.token in fake.hints
    assert (receipt.status, receipt.body, receipt.heard) == (200, "success", ())
    assert fake.calls == []  # nothing is asked before it is acknowledged


async def test_what_is_not_wecoms_is_refused(platform: Wecom, fake: FakeWecom, clock: Clock) -> None:
    query, body = fake.callback()
    sealed = re.findall(rb"CDATA\[([^]]{80,})", body)[0].decode()

    wrong = {**query, "msg_signature": "0" * 40}
    assert await refused(platform, call(wrong, body, clock.at)) == (401, "signature_wrong")
    assert await refused(platform, call({}, body, clock.at)) == (401, "signature_wrong")
    # Cut or changed on the way: the signature covers the ciphertext.
    assert await refused(
        platform, call(query, body.replace(sealed.encode(), sealed[:-24].encode()), clock.at)
    ) == (
        401,
        "signature_wrong",
    )
    # Replayed later, with the signature that was right then.
    late = clock.at + timedelta(minutes=6)
    assert await refused(platform, call(query, body, late)) == (401, "signature_old")
    # Signed by whoever knows the token, but cut, without padding, of another enterprise, or no base64.
    for cut in (sealed[:-24], sealed[:24], base64.b64encode(base64.b64decode(sealed)[:32]).decode(), "@@@"):
        signed = fake.query(cut)
        posted = f"<xml><Encrypt>{cut}</Encrypt></xml>".encode()
        assert (await refused(platform, call(signed, posted, clock.at)))[0] == 400, cut
    other = fake.callback(corp_id="ww0000000000000000")
    assert await refused(platform, call(*other, clock.at)) == (400, "not_decryptable")
    # No XML, and XML that would make some of its own.
    for body in (
        b"",
        b"<xml>",
        b'<!DOCTYPE a [<!ENTITY b "c">]><xml><Encrypt>&b;</Encrypt></xml>',
        b"\xff\xfe",
    ):
        assert (await refused(platform, call(query, body, clock.at)))[0] in (400, 401)


async def test_the_echo_is_checked_like_a_message(platform: Wecom, fake: FakeWecom, clock: Clock) -> None:
    echo = encrypted("4852183490139221000", fake.aes_key, fake.corp_id)
    query = {**fake.query(echo), "echostr": echo}
    assert (await platform.receive(call(query, b"", clock.at, "GET"))).body == "4852183490139221000"
    assert await refused(platform, call({**query, "nonce": "1"}, b"", clock.at, "GET")) == (
        401,
        "signature_wrong",
    )
    assert (await refused(platform, call({}, b"", clock.at, "GET")))[0] == 401


async def test_accounts_of_others_are_left_alone(fake: FakeWecom, clock: Clock) -> None:
    async with tools(clock) as given:
        platform = make(settings(fake, accounts=("wkOther",)), given)
        assert (await platform.receive(call(*fake.callback(), clock.at))).hint is None
        fake.says(USER, content="在吗")
        assert (await platform.pull(Hint(), "")).heard == ()
        assert (await platform.receive(call(*fake.callback(event="change_contact"), clock.at))).hint is None


async def wrong(platform: Wecom) -> list[str]:
    return [f"{one.code} {one.text}".strip() for one in await platform.check() if one.wrong]


async def test_check_says_what_is_wrong(fake: FakeWecom, clock: Clock) -> None:
    async with tools(clock) as given:
        platform = make(settings(fake), given)
        assert await wrong(platform) == []
        fake.servicers = [{"userid": "zhangsan", "status": 0}, {"userid": "lisi", "status": 1}]
        assert "接待人员" in (await wrong(platform))[0]
        fake.managed = False
        assert "通过API管理微信客服账号" in (await wrong(platform))[0]
        assert "wkOther" in (await wrong(make(settings(fake, accounts=("wkOther",)), given)))[0]
        fake.trouble("kf/account/list", 60020)
        (said,) = await wrong(platform)
        assert said.startswith("60020") and "(203.0.113.7) into 企业可信IP" in said
        fake.trouble("kf/account/list", 40058)
        assert "path/90313" in (await wrong(platform))[0]
        other = Settings(fake.corp_id, "wrong", fake.token, fake.aes_key, api=fake.url)
        found = await make(other, type(given)(given.http, MemoryTokens(), clock)).check()
        assert [one.code for one in found] == ["40001"] and "ZHIXIN_WECOM_SECRET" in found[0].text
        away = Settings(fake.corp_id, fake.secret, fake.token, fake.aes_key, api="http://127.0.0.1:9")
        found = await make(away, type(given)(given.http, MemoryTokens(), clock)).check()
        assert found[0].wrong and "127.0.0.1:9 cannot be reached" in found[0].text


def test_settings_are_read_and_checked() -> None:
    good = {
        "ZHIXIN_WECOM_CORP_ID": SAMPLE.corp_id,
        "ZHIXIN_WECOM_SECRET": "s3cret",
        "ZHIXIN_WECOM_TOKEN": SAMPLE.token,
        "ZHIXIN_WECOM_AES_KEY": SAMPLE.aes_key,
        "ZHIXIN_WECOM_ACCOUNTS": "wkA, wkB",
    }
    read = channel_settings.read("wecom", good)
    assert read.accounts == ("wkA", "wkB") and "s3cret" not in repr(read)
    bad = {**good, "ZHIXIN_WECOM_AES_KEY": "short", "ZHIXIN_WECOM_CORP_ID": "corp"}
    with pytest.raises(SettingsProblem) as caught:
        channel_settings.read("wecom", bad)
    assert len(caught.value.problems) == 2 and "short" not in str(caught.value.problems)
