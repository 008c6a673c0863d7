"""Sends one part to a shopper of WeCom's 微信客服: as an answer to her coming in, or within her session."""

from __future__ import annotations

import hashlib
import logging
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from bot.channels import wecom_messages as messages
from bot.channels.base import (
    Address,
    Button,
    ButtonsPart,
    CardPart,
    Part,
    PicturePart,
    SendError,
    SendKind,
    TextPart,
    Tools,
    Unit,
)
from bot.channels.cutting import cut
from bot.channels.platform_calls import download
from bot.channels.wechat_api import bare
from bot.channels.wecom_api import SESSION_STATE, WecomApi

logger = logging.getLogger(__name__)

#: Session states; the API may write in the first two.
_NEW, _API, _QUEUED, _SERVED = 0, 1, 2, 3
_PICTURES = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG": "image/png"}
_LARGEST_PICTURE = 10 * 1024 * 1024
#: The platform keeps what is uploaded for three days.
_KEPT_S = 2 * 86_400.0
_KEPT = 500


class WecomSending:
    """Sends parts.

    Args:
        api: of the enterprise.
        tools: the session for pictures, the clock.
        account: the service account that answers where an address names none; may be empty.
    """

    def __init__(self, api: WecomApi, tools: Tools, account: str = "") -> None:
        self._api = api
        self._tools = tools
        self._account = account
        self._uploaded: OrderedDict[str, tuple[str, float]] = OrderedDict()

    async def send(self, to: Address, part: Part, key: str) -> None:
        """Send one part under a key; SendError where it is not taken.

        An account takes an id of a message (``msgid``) once. That it refuses the second one is all that the
        platform says of it, not with which code: a part that went out already comes back as refused.
        """
        if await self._welcome(to, part, key):
            return
        *before, said = await self._said(part)
        session = {"open_kfid": to.account or self._account}
        for place, one in enumerate(before):
            try:
                await self._put(to, session, {"msgid": f"{key[:30]}_{place}", **one})
            except SendError as exc:
                if exc.kind is not SendKind.REFUSED:  # it went out with an earlier try
                    raise
        await self._put(to, session, {"msgid": key, **said})

    async def _welcome(self, to: Address, part: Part, key: str) -> bool:
        """Answer that she came in, allowed once, soon and in one message; return whether that is done."""
        code, until = to.data.get("welcome"), to.data.get("until")
        said = _greeting(part)
        if said is None or not code or not until or self._tools.now().timestamp() >= until:
            return False
        try:
            await self._api.post("kf/send_msg_on_event", {"code": code, "msgid": key, **said})
        except SendError as exc:  # used already, most of all
            if exc.kind not in (SendKind.REFUSED, SendKind.CLOSED):
                raise
            return False
        return True

    async def _put(self, to: Address, session: Mapping[str, str], said: Mapping[str, Any]) -> None:
        body = {"touser": to.user, **session, **said}
        try:
            await self._api.post("kf/send_msg", body)
        except SendError as exc:
            if exc.code != SESSION_STATE or not await self._take({"external_userid": to.user, **session}):
                raise
            await self._api.post("kf/send_msg", body)

    async def _take(self, session: Mapping[str, str]) -> bool:
        """Take a session that nobody serves for the API; return whether it may write now."""
        state = (await self._api.post("kf/service_state/get", session)).get("service_state")
        if state == _NEW:
            await self._api.post("kf/service_state/trans", {**session, "service_state": _API})
        if state in (_NEW, _API):
            return True
        if state in (_QUEUED, _SERVED):
            logger.warning(
                "wecom: a session is WeCom's own (state %d) and closed to the API; see 接待人员 in "
                "docs/channels-wecom.md",
                state,
            )
        return False

    async def _said(self, part: Part) -> list[dict[str, Any]]:
        """Return what one part becomes: one message, but where a text is too long for the head of a menu."""
        if isinstance(part, TextPart):
            return [messages.text(part.text)]
        if isinstance(part, PicturePart):
            media_id = await self._picture(
                part.data or await download(self._tools.http, part.address, redirects=True)
            )
            if not media_id and not part.text:
                raise SendError(SendKind.REFUSED, "picture_kind")
            return [messages.image(media_id) if media_id else messages.text(part.text)]
        if isinstance(part, CardPart) and (drawn := await self._link(part) or messages.card(part)):
            return [drawn]
        if isinstance(part, CardPart | ButtonsPart):
            return _with_buttons(part.text, part.buttons)
        raise SendError(SendKind.REFUSED, "part_unknown")

    async def _link(self, part: CardPart) -> dict[str, Any] | None:
        """Return a link with a picture where a card has one row and no choices; None where it has more."""
        if len(part.rows) != 1 or part.buttons or not part.rows[0].picture or not part.rows[0].address:
            return None
        try:
            thumb = await self._picture(
                await download(self._tools.http, part.rows[0].picture, redirects=True)
            )
        except SendError as exc:
            logger.info("wecom: a card goes without its picture (%s)", exc)
            return None
        return messages.link(part, thumb) if thumb else None

    async def _picture(self, data: bytes) -> str:
        """Return the media id of a picture; empty where the platform takes no such file."""
        kind = next((kind for start, kind in _PICTURES.items() if data.startswith(start)), "")
        if not kind or len(data) > _LARGEST_PICTURE:
            return ""
        name, now = hashlib.sha256(data).hexdigest(), self._tools.now().timestamp()
        media_id, until = self._uploaded.get(name, ("", 0.0))
        if now >= until:
            media_id = await self._api.upload(data, kind)
            self._uploaded[name] = (media_id, now + _KEPT_S)
            if len(self._uploaded) > _KEPT:
                self._uploaded.popitem(last=False)
        return media_id


def _greeting(part: Part) -> dict[str, Any] | None:
    """Return a part as the one message that answers her coming in; None where it is not words.

    The first-message notice, the greeting and its choices may be too long for the head of a menu: then the
    choices stand as lines below the words, since nothing can follow.
    """
    if isinstance(part, PicturePart):
        return None
    buttons = getattr(part, "buttons", ())
    if found := messages.menu(bare(part.text).strip(), buttons):
        return found
    return messages.text("\n".join([part.text, *(one.title for one in buttons)]))


def _with_buttons(text: str, buttons: tuple[Button, ...]) -> list[dict[str, Any]]:
    *before, head = cut(bare(text), messages.HEAD, Unit.BYTES) or ("",)
    found = messages.menu(head.strip(), buttons) if buttons else None
    if not found:
        return [messages.text(text)]
    return [messages.text("".join(before).strip()), found] if before else [found]
