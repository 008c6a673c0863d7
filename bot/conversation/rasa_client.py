"""The client of Rasa's only entrance: one call, one attempt, one turn. Who retries is the worker."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import aiohttp
from yarl import URL

from bot.conversation.assertion import Assertions
from bot.conversation.attendance import Attendance
from bot.conversation.binding import came_by_link
from bot.conversation.errors import RasaAwayError, RasaBrokenError, RasaRefusedError
from bot.conversation.reachable import logs_in, takes_pictures
from bot.conversation.rows import CONTEXT, dump
from bot.conversation.turns import Turn, parse_turn
from bot.conversation.types import Kind, Work
from persona.telemetry import tracing

#: Turns at a time. More of them make no turn faster, and would time out in Rasa's own line: those that wait
#: here have not begun. Enough to keep Rasa busy while the shop is slow.
_AT_ONCE = 32
#: Shorter than the servers' own keep-alive, so that a pooled connection is not closed under a request.
_KEEP_ALIVE_S = 4.0
_LARGEST_ANSWER = 4 << 20


class RasaClient:
    """Calls Rasa's front channel over pooled connections.

    Args:
        base_url: e.g. ``http://127.0.0.1:5005``.
        secret: shared with Rasa.
        assertions: signs who writes.
        attendance: whether anybody is at the desk; without it Rasa is not told.
        attempt_s: seconds that one attempt may take.
    """

    def __init__(
        self,
        base_url: str,
        secret: str,
        assertions: Assertions,
        *,
        attendance: Attendance | None = None,
        attempt_s: float = 40.0,
    ) -> None:
        self._turn_url = URL(f"{base_url}/webhooks/front/turn")
        self._health_url = f"{base_url}/webhooks/front/health"
        self._headers = {"X-Zhixin-Secret": secret, "Content-Type": "application/json"}
        self._assertions = assertions
        self._attendance = attendance or Attendance()
        self._timeout = aiohttp.ClientTimeout(total=attempt_s, sock_connect=5.0)
        self._gate = asyncio.Semaphore(_AT_ONCE)
        self._session: aiohttp.ClientSession | None = None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            connector = aiohttp.TCPConnector(
                limit=0, keepalive_timeout=_KEEP_ALIVE_S
            )  # the gate is the limit
            # Neither cookies nor compression are spoken here: less to do for each message.
            self._session = aiohttp.ClientSession(
                connector=connector,
                timeout=self._timeout,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                skip_auto_headers=("User-Agent", "Accept-Encoding", "Accept"),
            )
        return self._session

    async def close(self) -> None:
        """Close the pooled connections."""
        if self._session is not None:
            await self._session.close()

    async def healthy(self) -> bool:
        """Return whether Rasa says that it is ready."""
        try:
            async with self._open().get(
                self._health_url, headers=self._headers, timeout=aiohttp.ClientTimeout(total=2.0)
            ) as response:
                return response.status == 200
        except (aiohttp.ClientError, asyncio.TimeoutError):
            return False

    async def turn(self, work: Work) -> Turn:
        """Send one message and return its turn. The same message id may be sent again at any time.

        Raises:
            RasaAwayError: not reachable, not ready, or too slow.
            RasaBrokenError: an answer that is no turn, or none after the request was sent.
            RasaRefusedError: Rasa calls the request malformed.
        """
        async with self._gate:
            return await self._turn(work)

    async def _turn(self, work: Work) -> Turn:
        body = dump(self._request(work)).encode()
        headers = {**self._headers, **tracing.outgoing_headers()}
        try:
            async with self._open().post(self._turn_url, data=body, headers=headers) as response:
                if response.status in (401, 403, 404, 429, 503):  # not ready, or not configured as we are
                    raise RasaAwayError(f"Rasa answered {response.status}")
                if 400 <= response.status < 500:
                    raise RasaRefusedError(f"Rasa answered {response.status}")
                if response.status != 200:
                    raise RasaBrokenError(f"Rasa answered {response.status}")
                if (response.content_length or 0) > _LARGEST_ANSWER:
                    raise RasaBrokenError("the answer is endless")
                raw = await response.read()
        except (aiohttp.ClientConnectorError, ConnectionRefusedError) as exc:
            raise RasaAwayError("Rasa cannot be reached") from exc
        except asyncio.TimeoutError as exc:
            raise RasaBrokenError("Rasa takes too long") from exc
        except (aiohttp.ClientError, OSError) as exc:
            raise RasaBrokenError(f"the connection broke: {type(exc).__name__}") from exc
        try:
            return parse_turn(json.loads(raw), work.message.message_id)
        except (ValueError, RecursionError) as exc:
            raise RasaBrokenError("the answer is no JSON") from exc

    def _request(self, work: Work) -> dict[str, Any]:
        conversation, message = work.conversation, work.message
        on = conversation.personalisation
        request: dict[str, Any] = {
            "conversation_id": conversation.conversation_id,
            "message_id": message.message_id,
            "assertion": self._assertions.sign(
                conversation.conversation_id,
                message.message_id,
                customer_id=conversation.customer_id,
                orders=conversation.orders,
                net=message.net,
                link=came_by_link(work),
            ),
            "belief": dict(conversation.belief) if on and conversation.belief is not None else None,
            "personalisation": on,
            "history_wanted": history_wanted(work),
        }
        if not self._attendance.people:
            request["people"] = False
        if work.earlier is not None:
            request["earlier"] = dict(work.earlier)
        if looking_at := _looking_at(message.content.get(CONTEXT) or {}):
            request["looking_at"] = looking_at
        if takes_pictures(conversation.channel):
            request["pictures"] = True
        if not logs_in(conversation.channel):
            request["binds"] = True
        if message.kind is Kind.EVENT:
            request.update(message.content)  # the event's name, and what it tells
        elif message.kind is Kind.PICTURE:
            request["event"] = "picture"
        elif message.kind is Kind.BUTTON:
            request["payload"] = message.content["payload"]
        else:
            request["text"] = message.content["text"]
        return request


def _looking_at(context: Mapping[str, str]) -> dict[str, str]:
    """Return what the bot may know of the page: a product, an order; not the page itself."""
    named = {"product_id": context.get("product_id"), "order_number": context.get("order_id")}
    return {name: value for name, value in named.items() if value}


def history_wanted(work: Work) -> bool:
    """Return whether the customer's history still has to enter the belief."""
    conversation = work.conversation
    return (
        conversation.personalisation
        and conversation.customer_id is not None
        and conversation.history_held_for != conversation.customer_id
    )
