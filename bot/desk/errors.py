"""One place that turns what went wrong into a page, or into one sentence for a request of a script."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web
from sqlalchemy.exc import SQLAlchemyError

from bot.conversation import account_errors, errors
from bot.desk.access import SessionNeededError, StaleTokenError, login_address
from bot.desk.render import render
from bot.desk.words import word

logger = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class DeskRefusal(Exception):  # noqa: N818  # an answer, no fault
    """A handler refuses a request with a sentence for the agent.

    Attributes:
        status: HTTP status.
        sentence: Chinese, from ``words.yml``.
    """

    def __init__(self, status: int, sentence: str) -> None:
        """Keep both."""
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence


_DOMAIN: Mapping[type[Exception], tuple[int, str]] = {
    StaleTokenError: (403, "stale"),
    errors.NotHeldError: (403, "not_held"),
    errors.AccessDeniedError: (404, "not_found"),
    errors.ConversationClosedError: (409, "closed"),
    errors.TransitionError: (409, "transition"),
    errors.UnknownAgentError: (422, "unknown_agent"),
    errors.UnknownMessageError: (404, "unknown_message"),
    errors.UnknownRequestError: (409, "unknown_request"),
    errors.PersonalisationOffError: (409, "personalisation_off"),
    errors.KeyReusedError: (409, "key_reused"),
    errors.MessageConflictError: (409, "key_reused"),
    account_errors.NoSuchAgentError: (404, "unknown_agent"),
}
_HTTP = {
    400: "bad_request",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "bad_request",
    422: "bad_request",
    429: "too_many",
    503: "unavailable",
}


@web.middleware
async def explain(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer in Chinese whatever a handler raises; nothing internal leaves the process."""
    try:
        return await handler(request)
    except web.HTTPException as exc:
        if exc.status < 400:
            return web.Response(
                status=exc.status, headers={"Location": exc.headers.get("Location", "/desk/")}
            )
        return _answer(request, exc.status, word("errors", _HTTP.get(exc.status, "bad_request")))
    except SessionNeededError:
        return _to_login(request)
    except Exception as exc:
        return _answer(request, *_told(exc))


def _told(exc: Exception) -> tuple[int, str]:
    """Return status and sentence of what was raised; what nobody foresaw is logged."""
    if isinstance(exc, DeskRefusal):
        return exc.status, exc.sentence
    if isinstance(exc, errors.AlreadyHeldError):
        return 409, word("errors", "already_held", name=exc.name)
    for kind in type(exc).__mro__:
        if kind in _DOMAIN:
            status, key = _DOMAIN[kind]
            return status, word("errors", key)
    if isinstance(exc, SQLAlchemyError):
        logger.error("the record cannot be used", exc_info=exc)
        return 503, word("errors", "unavailable")
    logger.error("a page of the desk failed", exc_info=exc)
    return 500, word("errors", "internal")


def wants_page(request: web.Request) -> bool:
    """Say whether a browser is about to show the answer as a page."""
    return "HX-Request" not in request.headers and "text/html" in request.headers.get("Accept", "")


def _to_login(request: web.Request) -> web.Response:
    # A script's request is told instead: what the agent is typing stays on the page.
    if request.method == "GET" and wants_page(request):
        return web.Response(status=303, headers={"Location": login_address(request)})
    return _answer(request, 401, word("errors", "session_needed"))


def _answer(request: web.Request, status: int, sentence: str) -> web.Response:
    if not wants_page(request):
        return web.Response(status=status, text=sentence)
    title = word("titles", status if status in {400, 403, 404, 405, 409, 413, 422, 429, 503} else 500)
    try:
        return render("error.html", request, {"status": status, "title": title, "sentence": sentence}, status)
    except Exception:
        logger.exception("the page of an error cannot be rendered")
        return web.Response(status=status, text=sentence)
