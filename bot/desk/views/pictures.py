"""Sending a picture to the shopper."""

from __future__ import annotations

import asyncio
import hashlib
import re

from aiohttp import BodyPartReader, web

from bot.conversation.desk_types import Role
from bot.conversation.picture_files import MOST_BYTES, UnfitPictureError, fit
from bot.desk.access import add_to_audit, agent_of, needs
from bot.desk.errors import DeskRefusal
from bot.desk.parts import parts_of
from bot.desk.views.doing import said
from bot.desk.views.loading import CID, load, require_held
from bot.desk.words import word
from bot.web.forms import BoundedForm

_KEY = re.compile(r"[A-Za-z0-9._-]{8,60}")
#: Bytes that are read of a field; aiohttp wants more than the longest boundary.
_FIELD = 256


class PicturePages:
    """``POST /desk/c/{cid}/picture``: multipart with ``key`` and ``file``, the token in the header."""

    def __init__(self) -> None:
        # Pictures are unpacked one at a time: each may take 200 MB for a moment.
        self._at_once = asyncio.Semaphore(1)

    def routes(self) -> list[web.RouteDef]:
        """Return the route."""
        return [web.post(f"{CID}/picture", self.send)]

    @needs(Role.AGENT, audit="picture", write=True)
    async def send(self, request: web.Request) -> web.StreamResponse:
        """Check the picture, make it anew, store it, and say it; the same key is the same picture."""
        parts, me = parts_of(request), agent_of(request)
        conversation = await load(request)
        require_held(conversation, me)
        key, body = await _form(request)
        known = next((m for m in conversation.messages if m.message_id == key), None)
        if known is not None and known.agent_id == me.agent_id:
            return await said(request, known)
        try:
            async with self._at_once:
                made = await asyncio.get_running_loop().run_in_executor(None, fit, body)
        except UnfitPictureError as exc:
            status = 413 if exc.why == "too_large" else 422
            raise DeskRefusal(status, word("pictures", exc.why)) from exc
        kept = await parts.pictures.keep(
            conversation.conversation_id, made.body, kind=made.kind, width=made.width, height=made.height
        )
        message = await parts.handover.reply(
            conversation.conversation_id,
            me.agent_id,
            key=key,
            picture={"url": kept.url, "width": kept.width, "height": kept.height},
        )
        add_to_audit(
            request, seq=message.seq, bytes=len(made.body), sha=hashlib.sha256(made.body).hexdigest()[:16]
        )
        return await said(request, message)


async def _form(request: web.Request) -> tuple[str, bytes]:
    """Read the two fields as they come, never more than is allowed."""
    if request.content_type != "multipart/form-data":
        raise web.HTTPBadRequest
    key, body = "", bytearray()
    try:
        async for part in BoundedForm.of(request):
            if not isinstance(part, BodyPartReader) or "Content-Length" in part.headers:  # -1: without end
                raise web.HTTPBadRequest
            if part.name == "key":
                key = (await part.read_chunk(_FIELD)).decode("ascii", "replace")
            elif part.name == "file":
                while chunk := await part.read_chunk(1 << 16):
                    body += chunk
                    if len(body) > MOST_BYTES:
                        raise DeskRefusal(413, word("pictures", "too_large"))
    except ValueError as exc:
        raise web.HTTPBadRequest from exc
    if not _KEY.fullmatch(key) or not body:
        raise web.HTTPBadRequest
    return key, bytes(body)
