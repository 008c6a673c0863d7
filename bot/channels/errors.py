"""One place that turns what went wrong into JSON: ``{"error": {"code", "message"}}``.

Messages that a shopper may read are spoken by the wording; the others speak to integrators, in English.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

from aiohttp import web
from sqlalchemy.exc import SQLAlchemyError

from bot.channels.language import AS_IS, Tongue
from bot.channels.tokens import TokenError
from bot.conversation import errors, words

logger = logging.getLogger(__name__)


class ApiError(Exception):
    """A request that is refused.

    Attributes:
        status: HTTP status.
        code: stable word for programs.
        message: for people; "" where `line` speaks.
        line: response name of a Chinese line, or None.
        facts: its facts.
        headers: further headers, e.g. Retry-After.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str = "",
        *,
        line: str | None = None,
        facts: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Keep status, code and message."""
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.line = line
        self.facts = facts or {}
        self.headers = headers or {}

    def body(self, lines: words.Lines, tongue: Tongue = AS_IS) -> dict[str, Any]:
        """Return the JSON form, its message in the characters that are read."""
        message = self.message
        if self.line is not None:
            try:
                message = lines.text(self.line, self.facts)
            except Exception:  # the words are being edited: the code says enough
                logger.exception("the line %s cannot be spoken", self.line)
        return {"error": {"code": self.code, "message": tongue.text(message) or self.code}}


#: Told to whom comes while the process ends; it is no error of ours.
RESTARTING = "restarting"


def too_many(wait_s: float) -> ApiError:
    """Return the refusal of a flood; `wait_s` is when to come back."""
    seconds = max(1, int(wait_s + 0.999))
    return ApiError(
        429,
        "rate_limited",
        line=words.RATE_LIMITED,
        facts={"wait_s": seconds},
        headers={"Retry-After": str(seconds)},
    )


_DOMAIN: Mapping[type[Exception], tuple[int, str, str]] = {
    errors.AccessDeniedError: (404, "not_found", "No such conversation, or the secret does not open it."),
    errors.MessageConflictError: (409, "message_conflict", "This message_id was used for another content."),
    errors.ButtonNotOfferedError: (
        422,
        "unknown_button",
        "This button was not offered in this conversation.",
    ),
    errors.CursorInvalidError: (422, "invalid_parameter", "before must be a cursor of this conversation."),
    errors.ConversationClosedError: (409, "conversation_closed", "The conversation is over; open a new one."),
    errors.NothingToRateError: (409, "nothing_to_rate", "Nothing was answered in this conversation yet."),
    errors.RatingSettledError: (409, "rating_settled", "The rating is older than a day and stays."),
    errors.IdentityConflictError: (409, "identity_conflict", "The conversation belongs to another customer."),
}


def to_api_error(exc: Exception) -> ApiError:
    """Return how an exception is told to the client; what is unexpected tells nothing."""
    if isinstance(exc, ApiError):
        return exc
    if isinstance(exc, TokenError):
        challenge = {"WWW-Authenticate": f'Bearer error="invalid_token", error_description="{exc.message}"'}
        return ApiError(401, exc.code, exc.message, headers=challenge)
    if isinstance(exc, errors.TooManyPendingError):
        return too_many(1.0)
    if type(exc) in _DOMAIN:
        return ApiError(*_DOMAIN[type(exc)])
    if isinstance(exc, SQLAlchemyError):
        logger.error("the record cannot be used", exc_info=exc)
        return ApiError(
            503, "unavailable", "The record cannot be used now; send the same message_id again.",
            headers={"Retry-After": "2"},
        )  # fmt: skip
    logger.error("a request failed", exc_info=exc)
    return ApiError(500, "internal", "Something went wrong on our side; send the same message_id again.")


def from_http(exc: web.HTTPException) -> ApiError:
    """Return aiohttp's own refusals in our form."""
    known = {
        404: ("not_found", "There is nothing at this address."),
        405: ("method_not_allowed", "This address does not take this method."),
        408: ("too_slow", "The body did not arrive in time; send the same message_id again."),
        413: ("body_too_large", "The body is larger than 64 KiB."),
    }
    code, message = known.get(exc.status, (exc.reason.lower().replace(" ", "_"), exc.reason))
    kept = {name: exc.headers[name] for name in ("Allow", "Location", "Retry-After") if name in exc.headers}
    return ApiError(exc.status, code, message, headers=kept)


def error_response(error: ApiError, lines: words.Lines, tongue: Tongue = AS_IS) -> web.Response:
    """Return the response of a refusal."""
    return web.Response(
        status=error.status,
        body=json.dumps(error.body(lines, tongue), ensure_ascii=False).encode(),
        content_type="application/json",
        charset="utf-8",
        headers=dict(error.headers),
    )
