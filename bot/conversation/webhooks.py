"""Sends the outbox: signed, in order for each conversation and address, again until it was taken.

A delivery arrives at least once; its id tells a receiver that it had it before. Whatever is not an answer of
200 to 299 within ten seconds is a failure; redirects are not followed, since the signature would go along.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import aiohttp
from sqlalchemy.engine import Row
from sqlalchemy.exc import SQLAlchemyError

from bot.conversation.alerts import GroupRobot, message
from bot.conversation.errors import LeaseLostError
from bot.conversation.outbox import GROUPS
from bot.conversation.outbox_rows import OutboxRows
from persona.privacy.signing import signed_headers

logger = logging.getLogger(__name__)

DELIVERY_HEADER = "X-Zhixin-Delivery"
KIND_HEADER = "X-Zhixin-Event"
ATTEMPT_HEADER = "X-Zhixin-Attempt"

_TIMEOUT = aiohttp.ClientTimeout(total=10.0, connect=5.0)
_SECONDS = re.compile(r"[0-9]{1,6}")


class WebhookSender:
    """Sends one delivery after the other.

    Args:
        addresses: where to, in the order of the settings.
        key: signs.
        outbox: what is to be sent.
        clock: returns the present as an aware datetime.
        groups: robots of the agents' groups, in the order of the settings.
        desk: address of the desk, for links; empty where it is not known.
        timeout: of one try.
    """

    def __init__(
        self,
        *,
        addresses: Sequence[str],
        key: str,
        outbox: OutboxRows,
        clock: Callable[[], datetime],
        groups: Sequence[GroupRobot] = (),
        desk: str = "",
        timeout: aiohttp.ClientTimeout = _TIMEOUT,
    ) -> None:
        self._addresses = tuple(addresses)
        self._key = key
        self._outbox = outbox
        self._clock = clock
        self._groups = tuple(groups)
        self._desk = desk
        self._timeout = timeout
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def work(self, row: Row) -> None:
        """Send one delivery that was taken, and note what became of it."""
        try:
            await self._work(row)
        except LeaseLostError:
            logger.info("delivery %s was taken over by another process", row.delivery_id)
        except SQLAlchemyError:
            logger.exception("what became of delivery %s could not be noted", row.delivery_id)

    async def _work(self, row: Row) -> None:
        group = row.address > GROUPS
        number, known = (row.address - GROUPS, self._groups) if group else (row.address, self._addresses)
        if not 1 <= number <= len(known):
            logger.error("delivery %s is dead: there is no address %d any more", row.delivery_id, row.address)
            await self._outbox.gone(row, "no_address")
            return
        trouble, wait = await (self._alert(row) if group else self._send(row))
        if trouble is None:
            await self._outbox.sent(row)
        elif not await self._outbox.failed(row, trouble, wait):
            logger.error(
                "delivery %s (%s) to address %d is dead after %d tries: %s",
                row.delivery_id,
                row.kind,
                row.address,
                row.tries + 1,
                trouble,
            )
        elif row.tries == 0:  # once: a receiver that is away would fill the log
            logger.warning("delivery %s to address %d failed: %s", row.delivery_id, row.address, trouble)

    async def _send(self, row: Row) -> tuple[str | None, timedelta | None]:
        """Try once; return what went wrong (None: nothing), and how long the receiver wants to be left."""
        body = row.body.encode()
        headers = {
            **signed_headers(self._key, self._clock(), body),
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "zhixin-webhooks/1",
            DELIVERY_HEADER: row.delivery_id,
            KIND_HEADER: row.kind,
            ATTEMPT_HEADER: str(row.tries + 1),
        }
        return await self._post(self._addresses[row.address - 1], body, headers)

    async def _alert(self, row: Row) -> tuple[str | None, timedelta | None]:
        """Try once to tell a group; the same answer."""
        robot = self._groups[row.address - GROUPS - 1]
        address, told = robot.request(message(json.loads(row.body), self._desk), self._clock())
        headers = {"Content-Type": "application/json; charset=utf-8"}
        return await self._post(address, json.dumps(told, ensure_ascii=False).encode(), headers, robot)

    async def _post(
        self, address: str, body: bytes, headers: Mapping[str, str], robot: GroupRobot | None = None
    ) -> tuple[str | None, timedelta | None]:
        try:
            async with self._open().post(address, data=body, headers=headers, allow_redirects=False) as got:
                if 200 <= got.status < 300:
                    return (None, None) if robot is None else robot.trouble(await _object(got))
                asked = got.headers.get("Retry-After", "")
                wait = timedelta(seconds=int(asked)) if _SECONDS.fullmatch(asked) else None
                return f"http_{got.status}", wait
        except asyncio.TimeoutError:
            return "timeout", None
        except (aiohttp.ClientError, OSError, ValueError) as exc:
            return type(exc).__name__, None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(
                timeout=self._timeout, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False
            )
        return self._session


async def _object(got: aiohttp.ClientResponse) -> Mapping[str, Any]:
    """Return the JSON object of an answer, of which little is read; empty where it is none."""
    try:
        found = json.loads(await got.content.read(65_536))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
