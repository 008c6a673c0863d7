"""``POST /api/v1/events``: what happened in the shop, signed, stored before it is acknowledged."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from aiohttp import web

from bot.channels.errors import ApiError
from bot.channels.event_reading import EventFaultsError, read_event
from bot.channels.validation import only, read_json
from bot.channels.web_base import Shared, json_response
from bot.conversation.event_book import EventBook, Receipt
from bot.conversation.shop_news import ShopNews
from persona.privacy.signing import (
    SIGNATURE_HEADER,
    TIMESTAMP_HEADER,
    SignatureError,
    check_signature,
    check_time,
)

logger = logging.getLogger(__name__)

#: Events of one request, and the size of its body.
MOST_EVENTS = 100
LARGEST_BODY = 1 << 20


@dataclass(frozen=True)
class EventDoor:
    """What the route works with.

    Attributes:
        keys: kid -> secret; each of them signs. Without keys nobody may tell anything.
        book: keeps the events.
        wake: begins to work on them.
        clock: returns the present as an aware datetime.
    """

    keys: Mapping[str, str] = field(repr=False)
    book: EventBook
    wake: Callable[[], None]
    clock: Callable[[], datetime]


class Events:
    """The route."""

    def __init__(self, shared: Shared, door: EventDoor) -> None:
        self._shared = shared
        self._door = door

    def routes(self) -> list[web.RouteDef]:
        """Return the route."""
        return [web.post("/api/v1/events", self.take)]

    async def take(self, request: web.Request) -> web.Response:
        """Take one event, or ``{"events": [...]}``; say of each what became of it."""
        await self._shared.limiter.request(self._shared.addresses.of(request))
        raw = await self._signed_body(request)
        given = _events(read_json(raw))
        news, results = self._read(given)
        if news:
            receipts = await self._door.book.keep([one for _, one in news])
            for (place, one), receipt in zip(news, receipts, strict=True):
                results[place] = _result(one.event_id, receipt)
            if Receipt.ACCEPTED in receipts:
                self._door.wake()
        told = [result for result in results if result is not None]
        return json_response({"results": told}, status=_status(told))

    async def _signed_body(self, request: web.Request) -> bytes:
        """Return the body; 401 unless it is signed, 413 where it is too large."""
        if not self._door.keys:
            raise ApiError(401, "events_off", "No key for events is configured (ZHIXIN_EVENT_KEYS).")
        try:
            timestamp = check_time(request.headers.get(TIMESTAMP_HEADER), self._door.clock())
            raw = await _bounded(request)
            signature = request.headers.get(SIGNATURE_HEADER)
            check_signature(self._door.keys.values(), timestamp, signature, raw)
        except SignatureError as exc:
            raise ApiError(401, exc.code, str(exc)) from exc
        return raw

    def _read(self, given: Sequence[Any]) -> tuple[list[tuple[int, ShopNews]], list[dict[str, Any] | None]]:
        """Return what can be stored, with its place, and the results of what cannot."""
        now = self._door.clock()
        news: list[tuple[int, ShopNews]] = []
        results: list[dict[str, Any] | None] = [None] * len(given)
        for place, one in enumerate(given):
            try:
                news.append((place, read_event(one, now)))
            except EventFaultsError as exc:
                results[place] = {
                    "event_id": exc.event_id,
                    "status": "invalid",
                    "errors": [{"field": f.field, "message": f.message} for f in exc.faults],
                }
        return news, results


def _events(data: dict[str, Any]) -> Sequence[Any]:
    if "events" not in data:
        return [data]
    only(data, "events")
    given = data["events"]
    if not isinstance(given, list) or not 1 <= len(given) <= MOST_EVENTS:
        raise ApiError(422, "invalid_field", f"events must be a list of 1 to {MOST_EVENTS} events.")
    return given


def _result(event_id: str, receipt: Receipt) -> dict[str, Any]:
    result: dict[str, Any] = {"event_id": event_id, "status": receipt.value}
    if receipt is Receipt.CONFLICT:
        message = "was used for an event with other content; that one was taken"
        result["errors"] = [{"field": "event_id", "message": message}]
    return result


def _status(results: Sequence[Mapping[str, Any]]) -> int:
    """Return 202 where something new was stored, 200 where all good ones were known, else what is wrong."""
    found = {result["status"] for result in results}
    for status, code in (("accepted", 202), ("repeated", 200), ("conflict", 409)):
        if status in found:
            return code
    return 422


async def _bounded(request: web.Request) -> bytes:
    """Return the body, read no further than allowed."""
    if (request.content_length or 0) > LARGEST_BODY:
        raise _too_large()
    raw = bytearray()
    async for chunk in request.content.iter_any():
        raw += chunk
        if len(raw) > LARGEST_BODY:
            raise _too_large()
    return bytes(raw)


def _too_large() -> ApiError:
    return ApiError(413, "body_too_large", "The body is larger than 1 MiB.")
