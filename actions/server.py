"""The action server: ``python -m actions.server``. rasa-sdk's server, closed to everybody but Rasa."""

from __future__ import annotations

import asyncio
import hmac
import inspect
import logging
import os
import re
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from sanic import Sanic, response
from sanic.exceptions import SanicException
from sanic.handlers import ErrorHandler
from sanic.request import Request
from sanic.response import HTTPResponse

from actions.measured import measured
from actions.shop_access import set_gateway
from persona.telemetry import logs, metrics, tracing
from persona.telemetry.access import LOOPBACK, Readers

logger = logging.getLogger("zhixin.actions")

SECRET_HEADER = "X-Zhixin-Secret"  # noqa: S105 (the header's name)
#: The bounded tracker is a tenth of this.
MAX_BODY = 2_000_000

#: One look at the shop serves all who ask within this time, in seconds.
_KEPT_S, _LOOK_S = 1.0, 0.7
#: Kept of the time to stop, in seconds, for closing what is open.
_FOR_CLOSING_S = 2.0
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,99}", re.ASCII)
_OUTCOMES = {200: "ok", 400: "rejected"}

ROOT = Path(__file__).resolve().parents[1]


class _SmallErrors(ErrorHandler):  # type: ignore[misc]  # sanic is untyped
    """Tells a caller that something failed, and nothing else; rasa-sdk echoes the whole tracker."""

    def response(self, request: Request, exception: Exception) -> HTTPResponse:
        status = exception.status_code if isinstance(exception, SanicException) else 500
        if status >= 500:
            call = _json(request)
            name = call.get("next_action") if isinstance(call, dict) else None
            logger.error("action %s failed", name, exc_info=exception)
        return response.json({"error": "failed"}, status=status)


def build_app(
    secret: str,
    open_gateway: Callable[[], Any],
    *,
    package: str = "actions",
    domain: dict[str, Any] | None = None,
) -> Sanic:
    """Return the application.

    Args:
        secret: what the header ``X-Zhixin-Secret`` must hold.
        open_gateway: returns (or awaits) the shop's gateway; called at start, closed at stop.
        package: where the actions are.
        domain: the forms and slots that form validators look up, for Rasa sends no domain.

    Raises:
        ValueError: there is no secret.
    """
    from rasa_sdk.endpoint import create_app  # its libraries warn when they are loaded: logs come first

    if not secret:
        raise ValueError("the action server needs a secret: set ZHIXIN_ACTION_SECRET")
    expected = secret.encode()
    readers = Readers(os.environ.get("ZHIXIN_METRICS_NETWORKS", LOOPBACK), secret)
    app: Sanic = create_app(package, cors_origins="")
    app.error_handler = _SmallErrors()
    app.config.REQUEST_MAX_SIZE = MAX_BODY
    # Actions that have begun are finished: whoever stops this process waits a little longer than that.
    app.config.GRACEFUL_SHUTDOWN_TIMEOUT = max(
        1.0, float(os.environ.get("ZHIXIN_STOP_WITHIN_S") or 10) - _FOR_CLOSING_S
    )
    app.config.FALLBACK_ERROR_FORMAT = "json"
    app.ctx.gateway = None
    app.ctx.shop_looked = (float("-inf"), False)

    async def check(request: Request) -> HTTPResponse | None:
        if request.path == "/health":
            return await _health(app)
        if request.path == "/metrics" and readers.may(request.ip, request.headers):
            return response.raw(metrics.exposition(), content_type=metrics.CONTENT_TYPE)
        if not hmac.compare_digest(request.headers.get(SECRET_HEADER, "").encode(errors="replace"), expected):
            return response.json({"error": "wrong_secret"}, status=401)
        call = _json(request) if request.method == "POST" else None
        tracing.enter(trace_of(call, request.headers.get(tracing.HEADER)))
        if isinstance(call, dict):
            if not _NAME.fullmatch(str(call.get("next_action"))):
                return response.json({"error": "no_action"}, status=400)  # it would be logged as it is
            call.setdefault("domain", domain or {})
            request.ctx.action, request.ctx.began = call.get("next_action"), time.perf_counter()
        return None

    async def tell(request: Request, answer: HTTPResponse) -> None:
        if (action := getattr(request.ctx, "action", None)) is not None:
            took = (time.perf_counter() - request.ctx.began) * 1000
            known = answer.status != 404  # else whoever calls made the name up
            metrics.ACTION_NAMES.add([action] if known else [])
            metrics.ACTIONS.labels(
                metrics.ACTION_NAMES.of(action), _OUTCOMES.get(answer.status, "failed")
            ).inc()
            metrics.ACTION_SECONDS.observe(took / 1000)
            logger.info("action %s", action, extra={"fields": {"status": answer.status, "ms": took}})

    async def begin(app: Sanic, _loop: Any) -> None:
        made = open_gateway()
        app.ctx.gateway = await made if inspect.isawaitable(made) else made
        set_gateway(measured(app.ctx.gateway))

    async def once(_app: Sanic, loop: Any) -> None:
        # A second signal would end the loop while actions are still finished: supervisors and service
        # managers send one each.
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_IGN)

    async def end(app: Sanic, _loop: Any) -> None:
        set_gateway(None)
        if app.ctx.gateway is not None:
            await app.ctx.gateway.close()

    app.register_middleware(check, "request")
    app.register_middleware(tell, "response")
    app.register_listener(begin, "before_server_start")
    app.register_listener(once, "before_server_stop")
    app.register_listener(end, "after_server_stop")
    return app


def _json(request: Request) -> Any:
    try:
        return request.json
    except SanicException:
        return None


def trace_of(call: Any, header: str | None) -> tracing.Trace:
    """Return the trace of a call: that of the message's metadata, else of the header, else a new one."""
    tracker = call.get("tracker") if isinstance(call, dict) else None
    message = tracker.get("latest_message") if isinstance(tracker, dict) else None
    metadata = message.get("metadata") if isinstance(message, dict) else None
    given = metadata.get(tracing.HEADER) if isinstance(metadata, dict) else None
    found = tracing.parse(given) or tracing.fresh(header)
    sender = tracker.get("sender_id") if isinstance(tracker, dict) else ""
    return tracing.Trace(found.trace_id, found.span_id, found.sampled, str(sender or "")[:64])


async def _health(app: Sanic) -> HTTPResponse:
    """Say that actions are run, and whether the shop answers: without it they still say so to the shopper."""
    asked_at, works = app.ctx.shop_looked
    if time.monotonic() - asked_at > _KEPT_S:
        try:
            # a backend's time is counted on between two answers: what can look for itself is asked to
            look = getattr(app.ctx.gateway, "look", app.ctx.gateway.now)
            await asyncio.wait_for(look(), _LOOK_S)
            works = True
        except Exception:
            logger.warning("the shop does not answer", exc_info=True)
            works = False
        app.ctx.shop_looked = (time.monotonic(), works)
    return response.json({"status": "ok" if works else "degraded", "shop": works})


def forms_and_slots(folder: Path) -> dict[str, Any]:
    """Return forms and slots of the domain files in `folder`, as validators expect them."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    domain: dict[str, Any] = {"forms": {}, "slots": {}}
    for path in sorted(folder.glob("**/*.yml")):
        part = yaml.load(path.read_bytes(), Loader=loader) or {}  # noqa: S506 (a safe loader)
        for key, found in domain.items():
            found.update(part.get(key) or {})
    return domain


def configure_logging(level: str) -> None:
    """Send all logs, masked, to stderr."""
    logs.configure("actions", loggers=("zhixin", "actions", "persona"), level=level)
    logging.getLogger("py.warnings").setLevel(logging.ERROR)  # sanic's and Rasa's pins deprecate each other


def main() -> int:
    """Run the process; return its exit code."""
    configure_logging(os.environ.get("ZHIXIN_LOG_LEVEL") or "INFO")
    metrics.tell_build("actions")
    from actions.shop.open import open_gateway

    try:
        app = build_app(
            os.environ.get("ZHIXIN_ACTION_SECRET", ""),
            open_gateway,
            domain=forms_and_slots(ROOT / "bot/domain"),
        )
    except ValueError as exc:
        logger.error("%s", exc)
        return 1

    async def tell(_app: Sanic, _loop: Any) -> None:
        print("ready", flush=True)

    app.register_listener(tell, "after_server_start")
    port = int(os.environ.get("ZHIXIN_ACTION_PORT") or 5055)
    host = os.environ.get("ZHIXIN_INNER_HOST") or "127.0.0.1"
    app.run(host=host, port=port, workers=1, access_log=False, motd=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
