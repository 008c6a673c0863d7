"""Rasa's only entrance: one call of the front is one turn of a conversation.

The wire format is in docs/architecture.md, "A turn: front → Rasa".
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import os
from collections.abc import Awaitable, Callable
from typing import Any

from rasa.core.channels.channel import InputChannel, UserMessage
from rasa.shared.exceptions import RasaException
from sanic import Blueprint, response
from sanic.request import Request
from sanic.response import HTTPResponse

from bot.components import tuning
from bot.components.turn import MalformedTurnError, Turn, TurnRunner

tuning.apply()

logger = logging.getLogger(__name__)

SECRET_HEADER = "X-Zhixin-Secret"  # noqa: S105 (the header's name)


class FrontChannel(InputChannel):  # type: ignore[misc]  # rasa is untyped
    """The input channel of the front.

    Args:
        secret: what the header ``X-Zhixin-Secret`` must hold.

    Raises:
        RasaException: there is no secret.
    """

    def __init__(self, secret: str) -> None:
        if not secret:
            raise RasaException("the front channel needs a secret: set ZHIXIN_RASA_SECRET")
        self._secret = secret.encode()
        self._running: dict[tuple[str, str], asyncio.Task[dict[str, Any]]] = {}
        self._runner: TurnRunner | None = None

    @classmethod
    def name(cls) -> str:
        """Return the name that makes the route ``/webhooks/front``."""
        return "front"

    @classmethod
    def from_credentials(cls, credentials: dict[str, Any] | None) -> FrontChannel:
        """Make the channel with the secret of the credentials, else of ``ZHIXIN_RASA_SECRET``."""
        return cls((credentials or {}).get("secret") or os.environ.get("ZHIXIN_RASA_SECRET", ""))

    def blueprint(self, on_new_message: Callable[[UserMessage], Awaitable[Any]]) -> Blueprint:
        """Return the routes ``POST turn`` and ``GET health``."""
        routes = Blueprint("front_channel")

        async def turn(request: Request) -> HTTPResponse:  # Sanic marks handlers, and cannot mark a method
            return await self._turn(request)

        async def health(request: Request) -> HTTPResponse:
            return await self._health(request)

        routes.add_route(turn, "/turn", methods=["POST"])
        routes.add_route(health, "/health", methods=["GET"])
        return routes

    async def drain(self, seconds: float = 15.0) -> None:
        """Wait until the turns that have begun are finished, at most so long."""
        if self._running:
            await asyncio.wait(set(self._running.values()), timeout=seconds)

    def _ready(self, request: Request) -> TurnRunner | None:
        agent = getattr(request.app.ctx, "agent", None)
        if agent is None or not agent.is_ready():
            return None
        if self._runner is None or self._runner.agent is not agent:
            self._runner = TurnRunner(agent)
        return self._runner

    async def _health(self, request: Request) -> HTTPResponse:
        ready = self._ready(request) is not None
        return response.json({"ready": ready}, status=200 if ready else 503)

    async def _turn(self, request: Request) -> HTTPResponse:
        if not hmac.compare_digest(
            request.headers.get(SECRET_HEADER, "").encode(errors="replace"), self._secret
        ):
            return _error(401, "wrong_secret")
        runner = self._ready(request)
        if runner is None:
            return _error(503, "not_ready")
        try:
            turn = Turn.from_body(request.body)
        except MalformedTurnError as exc:
            return _error(400, "malformed", str(exc))
        # Sanic cancels a handler when its caller hangs up. A turn once begun is finished: its actions
        # may have written already, and whoever asks again for the same message gets its outcome.
        key = (turn.conversation_id, turn.message_id)
        task = self._running.get(key)
        if task is None:
            task = self._running[key] = asyncio.create_task(runner.run(turn))
            task.add_done_callback(lambda _: self._running.pop(key, None))
        return response.json(await asyncio.shield(task))


def _error(status: int, error: str, detail: str | None = None) -> HTTPResponse:
    return response.json({"error": error, **({"detail": detail} if detail else {})}, status=status)
