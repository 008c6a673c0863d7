"""Rasa's only entrance: one call of the front is one turn of a conversation.

The wire format is in docs/architecture.md, "A turn: front → Rasa".
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import os
import time
from collections.abc import Awaitable, Callable
from typing import Any

from rasa.core.channels.channel import InputChannel, UserMessage
from rasa.shared.exceptions import RasaException
from sanic import Blueprint, response
from sanic.request import Request
from sanic.response import HTTPResponse

from bot.components import tuning
from bot.components.turn import TurnRunner
from bot.components.turn_call import MalformedTurnError, Turn
from persona.telemetry import metrics, tracing
from persona.telemetry.access import LOOPBACK, Readers

tuning.apply()

logger = logging.getLogger(__name__)

SECRET_HEADER = "X-Zhixin-Secret"  # noqa: S105 (the header's name)


_KEPT_S, _LOOK_S = 1.0, 0.7
#: A conversation that there is not: to look for it asks the database, and touches nobody's.
_NOBODY = "health"


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
        self._readers = Readers(os.environ.get("ZHIXIN_METRICS_NETWORKS", LOOPBACK), secret)
        self._draining = False
        self._looked = (float("-inf"), False)
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
        """Return the routes ``POST turn``, ``GET health`` and ``GET metrics``."""
        routes = Blueprint("front_channel")

        async def turn(request: Request) -> HTTPResponse:  # Sanic marks handlers, and cannot mark a method
            return await self._turn(request)

        async def health(request: Request) -> HTTPResponse:
            return await self._health(request)

        async def figures(request: Request) -> HTTPResponse:
            if not self._readers.may(request.ip, request.headers):
                return _error(404, "not_found")
            return response.raw(metrics.exposition(), content_type=metrics.CONTENT_TYPE)

        routes.add_route(turn, "/turn", methods=["POST"])
        routes.add_route(health, "/health", methods=["GET"])
        routes.add_route(figures, "/metrics", methods=["GET"])
        return routes

    async def drain(self, seconds: float = 15.0) -> None:
        """Begin no further turn, and wait until those that have begun are finished, at most so long."""
        self._draining = True
        if self._running:
            await asyncio.wait(set(self._running.values()), timeout=seconds)

    def _ready(self, request: Request) -> TurnRunner | None:
        agent = getattr(request.app.ctx, "agent", None)
        if agent is None or not agent.is_ready():
            return None
        if self._runner is None or self._runner.agent is not agent:
            self._runner = TurnRunner(agent)
            metrics.INTENT_NAMES.add(agent.domain.intents)
        return self._runner

    async def _health(self, request: Request) -> HTTPResponse:
        runner = self._ready(request)
        checks = {"model": runner is not None}
        if runner is not None:
            checks["trackers"] = await self._trackers(runner.agent.tracker_store)
        ready = all(checks.values()) and not self._draining
        told = {"ready": ready, "draining": self._draining, "checks": checks}
        return response.json(told, status=200 if ready else 503)

    async def _trackers(self, store: Any) -> bool:
        """Return whether the trackers' database answers; one look serves all who ask within a second."""
        asked_at, works = self._looked
        if time.monotonic() - asked_at > _KEPT_S:
            try:
                await asyncio.wait_for(store.retrieve(_NOBODY), _LOOK_S)
                works = True
            except Exception:
                logger.exception("the trackers' database does not answer")
                works = False
            self._looked = (time.monotonic(), works)
        return works

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
        if task is None and self._draining:
            return _error(503, "not_ready")
        if task is None:
            given = request.headers.get(tracing.HEADER)
            trace = tracing.parse(given) or tracing.of_message(*key)
            with tracing.use(trace, turn.conversation_id):  # the task keeps it
                task = self._running[key] = asyncio.create_task(_told(runner.run(turn)))
            task.add_done_callback(lambda _: self._running.pop(key, None))
        return response.json(await asyncio.shield(task))


async def _told(turn: Awaitable[dict[str, Any]]) -> dict[str, Any]:
    """Await a turn, count it and log what became of it, without a word of what was said."""
    began = time.perf_counter()
    metrics.TURNS_UNDER_WAY.inc()
    outcome = "broken"
    try:
        answer = await turn
        outcome = "replayed" if answer["replayed"] else "failed" if answer["failed"] else "ok"
    finally:
        took = time.perf_counter() - began
        metrics.TURNS_UNDER_WAY.dec()
        metrics.TURNS.labels(outcome).inc()
        metrics.STAGE_SECONDS.labels("run").observe(took)
    intent = (answer.get("intent") or {}).get("name")
    if not answer["replayed"]:
        metrics.INTENTS.labels(metrics.INTENT_NAMES.of(intent)).inc()
    fields = {"intent": intent, "outcome": outcome, "ms": took * 1000}
    logger.info("turn", extra={"fields": fields})
    return answer


def _error(status: int, error: str, detail: str | None = None) -> HTTPResponse:
    return response.json({"error": error, **({"detail": detail} if detail else {})}, status=status)
