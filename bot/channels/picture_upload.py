"""``POST /api/v1/conversations/{id}/pictures``: a shopper's message that is a picture.

The file is read piece by piece and never beyond its limit, looked at by its content, and made anew. Who may
not write is refused before a byte of it is read. Of what is being read or unpacked there is never more than
fits into memory: a few files at a time, of one network address fewer.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import BodyPartReader, web
from aiohttp.http_exceptions import HttpProcessingError

from bot.channels.api import outcome_json
from bot.channels.errors import ApiError, too_many
from bot.channels.language import tongue_of
from bot.channels.metrics import TRACE
from bot.channels.page_context import page_context_text
from bot.channels.validation import message_id_field
from bot.channels.web_base import LARGEST_BODY, Shared, json_response, secret_of
from bot.conversation import words
from bot.conversation.picture_files import MOST_BYTES, MOST_PIXELS, UnfitPictureError, fit
from bot.conversation.pictures import Pictures, SealedPicture
from bot.conversation.types import Incoming
from bot.web.forms import BoundedForm

#: Files that are unpacked at once (each may take 200 MB for a moment), and that are held in memory at once.
_UNPACKED = 2
_HELD = 16
_HELD_OF_ADDRESS = 4
#: Seconds to wait for a place among these.
_PATIENCE_S = 8.0

_CHUNK = 1 << 16
#: Bytes of the fields beside the file, and how many parts a form has at most.
_FIELDS = {"message_id": 256, "context": 4096}
_MOST_PARTS = 8


@dataclass(frozen=True)
class _Form:
    message_id: str
    file: bytes
    context: Mapping[str, str]


class PictureUpload:
    """The route.

    Args:
        shared: what the routes work with.
        pictures: seals what is stored with the message.
    """

    def __init__(self, shared: Shared, pictures: Pictures) -> None:
        self._shared = shared
        self._pictures = pictures
        self._pool = ThreadPoolExecutor(_UNPACKED, thread_name_prefix="pictures")
        self._places = asyncio.Semaphore(_HELD)
        self._held: Counter[str] = Counter()

    def routes(self) -> list[web.RouteDef]:
        """Return the route."""
        return [web.post("/api/v1/conversations/{conversation_id}/pictures", self.send)]

    async def send(self, request: web.Request) -> web.Response:
        """Take a picture and return the replies to it; the same message id is the same message."""
        shared, address = self._shared, self._shared.addresses.of(request)
        await shared.limiter.request(address)
        conversation_id, secret = request.match_info["conversation_id"], secret_of(request)
        await shared.conversations.authorise(conversation_id, secret)
        if request.content_type != "multipart/form-data":
            raise ApiError(415, "not_multipart", "A picture is sent as multipart/form-data.")
        if (request.content_length or 0) > MOST_BYTES + LARGEST_BODY:
            raise _refusal("too_large")
        await shared.limiter.picture(conversation_id, address)
        async with self._place(address):
            form = await _read(request)
            picture = await self._made(form.file)
        message = Incoming(
            form.message_id,
            picture=picture,
            net=shared.net(address),
            trace=request.get(TRACE, ""),
            context=form.context,
        )
        outcome = await shared.conversations.send(conversation_id, secret, message)
        return json_response(outcome_json(outcome, tongue_of(request)))

    @asynccontextmanager
    async def _place(self, address: str) -> AsyncIterator[None]:
        """Hold a place among the files in memory; 429 where there is none for this client now."""
        if self._held[address] >= _HELD_OF_ADDRESS:
            raise too_many(2.0)
        self._held[address] += 1
        try:
            try:
                await asyncio.wait_for(self._places.acquire(), _PATIENCE_S)
            except asyncio.TimeoutError:
                raise too_many(5.0) from None
            try:
                yield
            finally:
                self._places.release()
        finally:
            self._held[address] -= 1
            if not self._held[address]:
                del self._held[address]

    async def _made(self, file: bytes) -> SealedPicture:
        def make() -> SealedPicture:
            made = fit(file)
            size = {"width": made.width, "height": made.height}
            sha = hashlib.sha256(file).hexdigest()
            return self._pictures.sealed(made.body, kind=made.kind, sha=sha, **size)

        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, make)
        except UnfitPictureError as exc:
            raise _refusal(exc.why) from exc


_WHY: Mapping[str, tuple[int, str, str, Mapping[str, Any]]] = {
    "too_large": (413, "picture_too_large", words.PICTURE_TOO_LARGE, {"megabytes": MOST_BYTES >> 20}),
    "too_many_pixels": (
        422,
        "picture_too_many_pixels",
        words.PICTURE_TOO_MANY_PIXELS,
        {"megapixels": MOST_PIXELS // 1_000_000},
    ),
    "no_picture": (422, "no_picture", words.NO_PICTURE, {}),
    "kind": (422, "picture_kind", words.PICTURE_KIND, {}),
    "heic": (422, "picture_kind", words.PICTURE_HEIC, {}),
}


def _refusal(why: str) -> ApiError:
    status, code, line, facts = _WHY[why]
    return ApiError(status, code, line=line, facts=facts)


async def _read(request: web.Request) -> _Form:
    """Read the form as it comes, never more than is allowed.

    Raises:
        ApiError: 400 for what is no form, 413 for too large a file, 422 for fields that are wrong or missing.
    """
    found: dict[str, bytes] = {}
    try:
        parts = BoundedForm.of(request)
        while (part := await parts.next()) is not None:
            if not isinstance(part, BodyPartReader) or len(found) >= _MOST_PARTS or not _counts(part):
                raise ApiError(400, "bad_form", "The form has parts that it should not have.")
            name = part.name or ""
            if name in found or (name != "file" and name not in _FIELDS):
                shown = repr(name[:40]).encode("utf-8", "replace").decode()
                raise ApiError(422, "unknown_field", f"Unknown or repeated field: {shown}.")
            found[name] = await _part(part, _FIELDS.get(name))
    except (ValueError, AssertionError, HttpProcessingError) as exc:  # aiohttp's ways to say it
        raise ApiError(400, "bad_form", "The body is no form in parts.") from exc
    if "file" not in found:
        raise ApiError(422, "invalid_field", "file must be given.")
    fields = {name: found[name].decode("utf-8", "surrogateescape") for name in _FIELDS if name in found}
    return _Form(message_id_field(fields), found["file"], page_context_text(fields.get("context", "")))


def _counts(part: BodyPartReader) -> bool:
    """Return whether a part says no length or a possible one: with ``-1`` aiohttp reads on without end."""
    return re.fullmatch(r"[0-9]{1,9}", part.headers.get("Content-Length", "0")) is not None


async def _part(part: BodyPartReader, most: int | None) -> bytes:
    """Return the bytes of a part: of a field at most so many, of the file at most :data:`MOST_BYTES`."""
    body = bytearray()
    while chunk := await part.read_chunk(_CHUNK):
        body += chunk
        if len(body) > (MOST_BYTES if most is None else most):
            if most is None:
                raise _refusal("too_large")
            raise ApiError(422, "invalid_field", "A field is longer than any that is taken.")
    return bytes(body)
