"""Sentences of ``zhixin channel check``: what to mend where a platform does not answer as it should.

Sources of the robots' codes: open.dingtalk.com, "Server API error codes"; open.feishu.cn, "Generic error
codes".
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from bot.channels.base import Finding
from bot.channels.channel_settings import variable
from bot.channels.platform_calls import NO_API, is_api
from bot.conversation.sending import SendError, SendKind

_NUMBER = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.])")
#: Names of failures that say something of the line, and not of what the platform thinks of us.
_NO_CONNECTION = frozenset({"ClientConnectorError", "ClientConnectorDNSError", "ClientOSError"})
_NO_TLS = frozenset({"ClientConnectorSSLError", "ClientConnectorCertificateError", "ClientSSLError"})
_TOO_LATE = frozenset({"timeout", "slow", "TimeoutError", "ServerTimeoutError", "ConnectionTimeoutError"})
_NO_API = frozenset({"", "0", "unreadable", "no_token"})

_DINGTALK: Mapping[str, str] = {
    "invalidClientIdOrSecret": "ZHIXIN_DINGTALK_APP_KEY and ZHIXIN_DINGTALK_APP_SECRET do not fit: copy "
    "Client ID and Client Secret from 凭证与基础信息 of the application",
    "resource.not.found": "there is no such robot: ZHIXIN_DINGTALK_ROBOT_CODE must be the one "
    "that stands at 机器人 of the application",
    "Throttling": "DingTalk has had too many calls for now: check again in some minutes",
    "IpNotInWhiteList": "DingTalk takes no calls from this machine: put its outgoing address into "
    "服务器出口IP of the application",
    "PermissionDenied": "the application may not send: ask for qyapi_robot_sendmsg "
    "(企业内机器人发送消息权限) at 权限管理",
}
_FEISHU: Mapping[str, str] = {
    "10003": "ZHIXIN_FEISHU_APP_ID is not an application of Feishu: copy App ID from 凭证与基础信息",
    "10014": "ZHIXIN_FEISHU_APP_SECRET is not that of ZHIXIN_FEISHU_APP_ID: copy both from 凭证与基础信息",
    "11205": "the application has no robot: add 机器人 at 添加应用能力, and publish a version",
    "99991401": "Feishu takes no calls from this machine: put its outgoing address into IP 白名单 at "
    "安全设置",
    "99991662": "the application is switched off: have it enabled in the enterprise's administration",
    "99991672": "the application lacks a permission: give it those of docs/channels-dingtalk-feishu.md, and "
    "publish a version",
}


def address_problems(name: str, **addresses: str) -> Iterator[str]:
    """Yield what is wrong with addresses that a platform's secrets go to.

    Args:
        name: of the platform.
        addresses: by the names of their settings.
    """
    for key, address in addresses.items():
        if not is_api(address):
            yield f"{variable(name, key)}: {NO_API}"


def line_trouble(exc: SendError, label: str, address: str) -> str:
    """Return what to do where a failure is of the line; "" where the platform itself has refused.

    Args:
        exc: the failure.
        label: the variable that holds the address.
        address: that was called.
    """
    host, code = urlsplit(address).netloc.rpartition("@")[-1], exc.code
    broken = re.fullmatch(r"http_5\d\d", code) is not None
    no_api = code in _NO_API or code.startswith("http_")
    cases = (
        (
            exc.kind is SendKind.BUSY,
            "the platform has had too many calls for now: check again in some minutes",
        ),
        (
            code in _NO_CONNECTION,
            f"{host} cannot be reached: does its name resolve here, and may this machine call out to it?",
        ),
        (
            code in _NO_TLS,
            f"{host} shows no certificate that is good for it: look at {label}, and at proxies on the way",
        ),
        (
            code in _TOO_LATE,
            f"{host} does not answer in time: does a firewall drop the calls of this machine?",
        ),
        (code == "InvalidURL", f"{label} is no address"),
        (broken, f"{host} is out of order just now: check again in some minutes"),
        (no_api, f"what answers at {host} is not the platform's API: look at {label}"),
        (
            code.endswith("Error"),
            f"the connection to {host} breaks off: check again, then look at proxies on the way",
        ),
    )
    return next((said for so, said in cases if so), "")


def seen_from(told: object) -> str:
    """Return the address that a platform says we call from; "" where it names none."""
    for found in _NUMBER.findall(str(told)):
        try:
            return str(ipaddress.ip_address(found))
        except ValueError:
            continue
    return ""


def dingtalk(exc: SendError, address: str) -> Finding:
    """Return what a failure of DingTalk's API means to an integrator."""
    said = next((text for part, text in _DINGTALK.items() if part in exc.code), "")
    said = said or line_trouble(exc, variable("dingtalk", "api"), address)
    return Finding(said or "DingTalk refuses: open.dingtalk.com says what the code means", code=exc.code)


def feishu(exc: SendError, address: str) -> Finding:
    """Return what a failure of Feishu's API means to an integrator."""
    said = _FEISHU.get(exc.code, "") or line_trouble(exc, variable("feishu", "api"), address)
    return Finding(said or "Feishu refuses: open.feishu.cn says what the code means", code=exc.code)


def receiver(status: int) -> Finding:
    """Return what the signed channel's receiver says by the status of its answer to a signed check."""
    if 200 <= status < 300:
        return Finding("the receiver takes what is signed with the first key", wrong=False)
    if status in (401, 403):
        said = (
            "does not take the signature: it must check with the first of ZHIXIN_SIGNED_KEYS, over the time, "
            "a dot and the raw body, by a clock that is right"
        )
    elif 300 <= status < 400:
        said = "leads elsewhere, which is not followed: set ZHIXIN_SIGNED_URL to the last address"
    elif status in (404, 405, 410):
        said = "has nothing there that takes a POST: look at the path of ZHIXIN_SIGNED_URL"
    elif status >= 500:
        said = "is out of order: look at its log"
    else:
        said = 'must answer 200 to 299 to a check, {"type": "check"}, too'
    return Finding(f"the receiver {said}", code=str(status))
