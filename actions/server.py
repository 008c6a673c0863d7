"""The action server: ``python -m actions.server``. rasa-sdk's server, closed to everybody but Rasa."""

from __future__ import annotations

import hmac
import inspect
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from rasa_sdk.endpoint import create_app
from sanic import Sanic, response
from sanic.exceptions import SanicException
from sanic.handlers import ErrorHandler
from sanic.request import Request
from sanic.response import HTTPResponse

from actions.shop_access import set_gateway
from persona.privacy.masking import MaskingFilter

logger = logging.getLogger("zhixin.actions")

SECRET_HEADER = "X-Zhixin-Secret"  # noqa: S105 (the header's name)
#: The bounded tracker is a tenth of this.
MAX_BODY = 2_000_000

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
    if not secret:
        raise ValueError("the action server needs a secret: set ZHIXIN_ACTION_SECRET")
    expected = secret.encode()
    app: Sanic = create_app(package, cors_origins="")
    app.error_handler = _SmallErrors()
    app.config.REQUEST_MAX_SIZE = MAX_BODY
    app.config.GRACEFUL_SHUTDOWN_TIMEOUT = 5.0
    app.config.FALLBACK_ERROR_FORMAT = "json"
    app.ctx.gateway = None

    async def check(request: Request) -> HTTPResponse | None:
        if request.path == "/health":
            return await _health(app)
        if not hmac.compare_digest(request.headers.get(SECRET_HEADER, "").encode(errors="replace"), expected):
            return response.json({"error": "wrong_secret"}, status=401)
        if request.method == "POST" and isinstance(call := _json(request), dict):
            call.setdefault("domain", domain or {})
        return None

    async def begin(app: Sanic, _loop: Any) -> None:
        made = open_gateway()
        app.ctx.gateway = await made if inspect.isawaitable(made) else made
        set_gateway(app.ctx.gateway)

    async def end(app: Sanic, _loop: Any) -> None:
        set_gateway(None)
        if app.ctx.gateway is not None:
            await app.ctx.gateway.close()

    app.register_middleware(check, "request")
    app.register_listener(begin, "before_server_start")
    app.register_listener(end, "after_server_stop")
    return app


def _json(request: Request) -> Any:
    try:
        return request.json
    except SanicException:
        return None


async def _health(app: Sanic) -> HTTPResponse:
    try:
        await app.ctx.gateway.now()
    except Exception:
        logger.warning("not healthy: the shop does not answer", exc_info=True)
        return response.json({"status": "shop_unavailable"}, status=503)
    return response.json({"status": "ok"})


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
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(name)s  %(message)s"))
    handler.addFilter(MaskingFilter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for name in ("zhixin", "actions", "persona"):
        logging.getLogger(name).setLevel(level)


def main() -> int:
    """Run the process; return its exit code."""
    configure_logging(os.environ.get("ZHIXIN_LOG_LEVEL") or "INFO")
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
    app.run(host="127.0.0.1", port=port, workers=1, access_log=False, motd=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
