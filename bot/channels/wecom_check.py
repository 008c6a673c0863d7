"""What `zhixin channel check wecom` asks WeCom, and what the answers mean to an integrator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bot.channels.base import Finding, SendError
from bot.channels.channel_settings import variable
from bot.channels.check_words import line_trouble
from bot.channels.wecom_api import WecomApi

_TAKES = 0
_MEANT: Mapping[str, str] = {
    "40001": "ZHIXIN_WECOM_SECRET is not that of an application of this enterprise: copy it anew",
    "40013": "ZHIXIN_WECOM_CORP_ID is no enterprise's: copy 企业ID from 我的企业 → 企业信息",
    "48002": "the application may not use 微信客服: name it at 微信客服 → 可调用接口的应用",
    "60011": "the application may not see what it asks for: look at its 可见范围",
    "60020": "the application takes no calls from this machine: put its address{seen} into 企业可信IP",
    "95011": "微信客服 of this enterprise is used within WeCom: use the secret of an application there",
    "95012": "微信客服 is not switched on in WeCom",
    "95017": "微信客服 → 通过API管理微信客服账号 is not switched on for the application",
}
_LOOK_UP = "WeCom refuses; developer.work.weixin.qq.com/document/path/90313 says what the code means"


async def check(api: WecomApi, accounts: Sequence[str], address: str) -> Sequence[Finding]:
    """Ask for a token, the accounts, and who takes sessions in WeCom itself."""
    try:
        listed = (await api.post("kf/account/list", {"offset": 0, "limit": 100})).get("account_list")
    except SendError as exc:
        said = _meant(exc) or line_trouble(exc, variable("wecom", "api"), address)
        return (Finding(said or _LOOK_UP, code=exc.code),)
    found = [Finding("the access token is given, the API answers", wrong=False)]
    known = {row["open_kfid"]: row for row in listed or () if isinstance(row, dict) and "open_kfid" in row}
    if not known:
        found.append(Finding("the application sees no account of 微信客服: make one, and give it to the API"))
    for account in accounts or tuple(known):
        found += await _account(api, account, known.get(account))
    return tuple(found)


async def _account(api: WecomApi, account: str, row: Mapping[str, Any] | None) -> list[Finding]:
    if row is None:
        return [Finding(f"ZHIXIN_WECOM_ACCOUNTS: the application sees no account {account}")]
    label = f"{account} ({row.get('name', '')})"
    if not row.get("manage_privilege", True):
        return [
            Finding(f"{label} is not given to the API: 微信客服 → 通过API管理微信客服账号 → 可管理的客服账号")
        ]
    try:
        servicers = (await api.get("kf/servicer/list", open_kfid=account)).get("servicer_list")
    except SendError as exc:
        said = _meant(exc) or _LOOK_UP
        return [Finding(f"{label}: who takes its sessions could not be asked: {said}", code=exc.code)]
    taking = [one for one in servicers or () if isinstance(one, dict) and one.get("status") == _TAKES]
    if taking:
        return [
            Finding(
                f"{label} has {len(taking)} 接待人员 who take sessions in WeCom; the API cannot answer what "
                "they take: let them stop, for the desk hands over to people"
            )
        ]
    return [Finding(f"{label} is the API's", wrong=False)]


def _meant(exc: SendError) -> str:
    seen = f" ({exc.seen_from})" if exc.seen_from else ""
    return _MEANT.get(exc.code, "").replace("{seen}", seen)
