"""What every route shares: request id, security headers, errors as JSON, address, body, secrets."""

from __future__ import annotations

import json
import logging
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from aiohttp import web

from bot.channels.errors import RESTARTING, ApiError, error_response, from_http, to_api_error
from bot.channels.language import tongue_of
from bot.channels.limits import Addresses, Limiter
from bot.channels.tokens import TokenError, Tokens
from bot.channels.validation import read_json
from bot.conversation.service import Conversations
from bot.conversation.types import Owner
from persona.privacy.vault import Vault

logger = logging.getLogger(__name__)

LARGEST_BODY = 64 << 10
SECRET_HEADER = "X-Conversation-Secret"  # noqa: S105  # the name of a header
REQUEST_ID = "request_id"
#: Set on a response that says itself who may frame it: `X-Frame-Options` knows no list of origins.
FRAMED = "framed"
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")

#: Where pictures are sent to, by agents and by shoppers.
_TAKES_PICTURES = re.compile(r"/desk/c/[^/]+/picture|/api/v1/conversations/[^/]+/pictures")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

#: Nothing from elsewhere, nothing inline, nowhere framed: the page's own files are enough.
SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        "connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


class Answering(Protocol):
    """What tells who answers: an outcome, a page."""

    @property
    def owner(self) -> Owner:
        """Who answers."""

    @property
    def queue(self) -> Mapping[str, int] | None:
        """Position and expected minutes, while a person is waited for."""

    @property
    def agent(self) -> Mapping[str, str] | None:
        """The name of the person who answers."""


def owner_json(answering: Answering) -> dict[str, Any]:
    """Return who answers as clients see it; ``queue`` and ``agent`` only where there are."""
    data: dict[str, Any] = {"owner": answering.owner.value}
    if answering.queue is not None:
        data["queue"] = dict(answering.queue)
    if answering.agent is not None:
        data["agent"] = dict(answering.agent)
    return data


@dataclass(frozen=True)
class Shared:
    """What the routes work with."""

    conversations: Conversations
    tokens: Tokens
    limiter: Limiter
    addresses: Addresses
    vault: Vault

    def net(self, address: str) -> str:
        """Return the blind hash under which a network address is known behind the front."""
        return self.vault.blind(address, "net")

    def customer(self, request: web.Request) -> str | None:
        """Return the customer whom the request's token proves, None where it carries no token.

        Raises:
            TokenError: there is a token, and it proves nobody.
        """
        header = request.headers.get("Authorization")
        if header is None:
            return None
        scheme, _, token = header.strip().partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise TokenError("token_malformed", "Authorization must be: Bearer <token>.")
        return self.tokens.verify(token.strip())


def secret_of(request: web.Request) -> str:
    """Return the conversation's secret; 401 where the header is missing."""
    secret = request.headers.get(SECRET_HEADER, "")
    if not secret:
        raise ApiError(401, "secret_missing", f"The header {SECRET_HEADER} is needed.")
    return secret


async def body_of(request: web.Request) -> dict[str, Any]:
    """Return the JSON object of the body; 400 or 413 where there is none or it is too large."""
    return read_json(await request.read())


def broken_body() -> ApiError:
    """Return the refusal of a body that ended early or is no HTTP: the client's doing, no fault of ours."""
    return ApiError(400, "broken_body", "The body could not be read to its end.")


def refuse_packed(request: web.Request) -> None:
    """Raise 415 for a compressed body: a small one may unpack to gigabytes."""
    packing = request.headers.get("Content-Encoding", "").strip().lower()
    if packing not in ("", "identity"):
        raise ApiError(415, "encoded_body", "Bodies are taken without Content-Encoding only.")


def refuse_endless_forms(request: web.Request) -> None:
    """Raise 413 for a form in parts that is too large, or does not say how large it is.

    aiohttp holds each part to the limit, and counts no parts. Pictures are read piece by piece by who takes
    them, and have a limit of their own.
    """
    if not request.content_type.startswith("multipart/") or _TAKES_PICTURES.fullmatch(request.path):
        return
    if request.content_length is None or request.content_length > LARGEST_BODY:
        raise web.HTTPRequestEntityTooLarge(LARGEST_BODY, request.content_length or 0)


def json_response(data: Any, status: int = 200) -> web.Response:
    """Return JSON that nobody may keep."""
    return web.Response(
        status=status,
        body=json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode(),
        headers={"Content-Type": "application/json; charset=utf-8", "Cache-Control": "no-store"},
    )


def guard(conversations: Conversations) -> Callable[[web.Request, Handler], Awaitable[web.StreamResponse]]:
    """Return the middleware around all routes."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        given = request.headers.get("X-Request-Id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
        request[REQUEST_ID] = request_id
        started = time.perf_counter()
        response: web.StreamResponse
        try:
            refuse_packed(request)
            refuse_endless_forms(request)
            if "%00" in request.raw_path:  # no address of ours; databases refuse it, each in its way
                raise web.HTTPNotFound
            response = await handler(request)
        except web.HTTPException as exc:
            response = error_response(from_http(exc), conversations.lines, tongue_of(request))
        except Exception as exc:
            error = broken_body() if exc is request.content.exception() else to_api_error(exc)
            if error.status >= 500 and error.code != RESTARTING:
                logger.error("request %s was answered %d %s", request_id, error.status, error.code)
            response = error_response(error, conversations.lines, tongue_of(request))
        if logger.isEnabledFor(logging.DEBUG):
            took = (time.perf_counter() - started) * 1000
            logger.debug(
                "%s %s %s %d %.1f ms", request_id, request.method, _route(request), response.status, took
            )
        return response

    return middleware


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Put request id and security headers on every response, just before it is sent."""
    headers = response.headers
    headers["X-Request-Id"] = request.get(REQUEST_ID, "-")
    for name, value in SECURITY_HEADERS.items():
        if name != "X-Frame-Options" or not response.get(FRAMED):
            headers.setdefault(name, value)
    headers.popall("Server", None)


def _route(request: web.Request) -> str:
    """Return the pattern of the address, which holds no ids."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "-"
