"""What `zhixin channel check` says: each failure has a sentence that tells an integrator what to do."""

from __future__ import annotations

import pytest

from bot.channels.check_words import dingtalk, feishu, line_trouble, receiver, seen_from
from bot.conversation.sending import SendError, SendKind

AT = "https://api.example.com/v1"


def failed(code: str, kind: SendKind = SendKind.AWAY) -> SendError:
    return SendError(kind, code)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("ClientConnectorError", "api.example.com cannot be reached"),
        ("ClientConnectorCertificateError", "no certificate"),
        ("timeout", "firewall"),
        ("TimeoutError", "firewall"),
        ("InvalidURL", "ZHIXIN_X_API is no address"),
        ("http_503", "out of order"),
        ("http_404", "not the platform's API: look at ZHIXIN_X_API"),
        ("http_200", "not the platform's API"),
        ("ServerDisconnectedError", "breaks off"),
        ("40058", ""),
    ],
)
def test_what_is_of_the_line_is_told_from_what_the_platform_refuses(code: str, said: str) -> None:
    told = line_trouble(failed(code), "ZHIXIN_X_API", AT)
    assert said in told and bool(said) is bool(told)


def test_too_many_calls_are_no_fault_of_the_settings() -> None:
    assert "too many calls" in line_trouble(failed("99", SendKind.BUSY), "ZHIXIN_X_API", AT)
    assert "too many calls" in dingtalk(failed("Throttling.Api"), AT).text


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("invalidClientIdOrSecret", "ZHIXIN_DINGTALK_APP_SECRET"),
        ("resource.not.found", "ZHIXIN_DINGTALK_ROBOT_CODE"),
        ("Forbidden.AccessDenied.IpNotInWhiteList", "服务器出口IP"),
        ("Forbidden.AccessDenied.AccessTokenPermissionDenied", "qyapi_robot_sendmsg"),
        ("http_404", "ZHIXIN_DINGTALK_API"),
        ("somethingNew", "open.dingtalk.com"),
    ],
)
def test_dingtalk(code: str, said: str) -> None:
    found = dingtalk(failed(code), AT)
    assert found.wrong and said in found.text and found.code == code


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("10003", "ZHIXIN_FEISHU_APP_ID"),
        ("10014", "ZHIXIN_FEISHU_APP_SECRET"),
        ("11205", "添加应用能力"),
        ("99991401", "IP 白名单"),
        ("99991672", "permission"),
        ("ClientConnectorError", "cannot be reached"),
        ("424242", "open.feishu.cn"),
    ],
)
def test_feishu(code: str, said: str) -> None:
    found = feishu(failed(code), AT)
    assert found.wrong and said in found.text and found.code == code


@pytest.mark.parametrize(
    ("status", "said"),
    [(302, "last address"), (400, "200 to 299"), (401, "signature"), (404, "path"), (500, "its log")],
)
def test_the_receiver_of_the_signed_channel(status: int, said: str) -> None:
    found = receiver(status)
    assert found.wrong and said in found.text and found.code == str(status)
    assert not receiver(204).wrong


def test_the_address_that_a_platform_names_is_found_and_nothing_else() -> None:
    assert seen_from("invalid ip 203.0.113.7 ipv6 ::ffff:203.0.113.7, not in whitelist") == "203.0.113.7"
    assert seen_from("hint: [1670371158.347.2.808], from ip: 198.51.100.4, more info") == "198.51.100.4"
    for told in (None, "", "not allowed", "version 1.2.3", "999.1.1.1"):
        assert seen_from(told) == ""
