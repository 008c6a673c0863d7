"""Who may do what: each handler declares it, and what is not declared is not served.

``@needs(Role.AGENT, audit="view_conversation")`` for what shows a shopper's data,
``@needs(Role.AGENT, audit="take_over", write=True)`` for what changes something,
``@needs(Role.AGENT, audit=None)`` for what does neither. :func:`guard` then checks, in this order: where
the request comes from, the session, the role, the CSRF token; and writes the audit log when the handler has
done it.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar
from urllib.parse import quote

from aiohttp import web

from bot.conversation.accounts import Session
from bot.conversation.desk_types import Agent, Role
from bot.desk import cookies
from bot.desk.parts import parts_of

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
F = TypeVar("F", bound=Callable[..., Any])

CSRF_HEADER = "X-CSRF-Token"
CSRF_FIELD = "csrf"
#: A page that refreshes itself says so: that is no sign of the agent, so the idle time runs on.
BACKGROUND_HEADER = "X-Desk-Background"

_DECLARED = "__desk_access__"
_SESSION = "desk_session"
_DETAIL = "desk_audit"
_FOLD = timedelta(minutes=10)
_RANKS = {Role.AGENT: 1, Role.SUPERVISOR: 2, Role.ADMIN: 3}


@dataclass(frozen=True)
class Access:
    """What a handler declares.

    Attributes:
        role: the least role, None for everybody.
        audit: the action in the audit log, None where there is nothing to log.
        write: it changes something.
        live: it is a lasting connection.
    """

    role: Role | None
    audit: str | None
    write: bool = False
    live: bool = False


class UndeclaredRouteError(Exception):
    """A handler does not say who may use it."""


class SessionNeededError(Exception):
    """Nobody is logged in."""


class StaleTokenError(Exception):
    """The CSRF token is missing or not the session's: an old page, or a forged one."""


def needs(role: Role, *, audit: str | None, write: bool = False, live: bool = False) -> Callable[[F], F]:
    """Declare a handler for agents of a role and above.

    Args:
        role: the least role.
        audit: the action in the audit log; views of the same thing within ten minutes are one line.
        write: it changes something: origin and CSRF token are checked.
        live: it is a lasting connection: the origin is checked.
    """
    return _declare(Access(role, audit, write, live))


def public(*, audit: str | None = None, write: bool = False) -> Callable[[F], F]:
    """Declare a handler for everybody; with `write` it is guarded by the token of the login page."""
    return _declare(Access(None, audit, write))


def _declare(access: Access) -> Callable[[F], F]:
    def mark(handler: F) -> F:
        setattr(handler, _DECLARED, access)
        return handler

    return mark


def access_of(handler: object) -> Access | None:
    """Return what a handler declares, None where it declares nothing."""
    return getattr(handler, _DECLARED, None)


def check_routes(app: web.Application) -> None:
    """Raise UndeclaredRouteError where a route is declared with neither ``needs`` nor ``public``."""
    for route in app.router.routes():
        if access_of(route.handler) is None:
            raise UndeclaredRouteError(f"{route.method} {route.resource}: {route.handler!r}")


def session_of(request: web.Request) -> Session:
    """Return the session of a request that needs one."""
    session: Session = request[_SESSION]
    return session


def session_or_none(request: web.Request) -> Session | None:
    """Return the session of a request where there is one."""
    return request.get(_SESSION)


def agent_of(request: web.Request) -> Agent:
    """Return who is logged in."""
    return session_of(request).agent


def has_role(agent: Agent, role: Role) -> bool:
    """Say whether an account may do what `role` may."""
    return _RANKS[agent.role] >= _RANKS[role]


def add_to_audit(request: web.Request, *, customer_id: str | None = None, **detail: Any) -> None:
    """Add what only the handler knows to the line that will be written: codes, ids, numbers."""
    kept = request.setdefault(_DETAIL, {"customer_id": None, "detail": {}})
    kept["customer_id"] = customer_id or kept["customer_id"]
    kept["detail"].update(detail)


async def audit_now(request: web.Request, agent_id: str, action: str, **detail: Any) -> None:
    """Write a line that no declaration covers, e.g. a refused login."""
    parts = parts_of(request)
    await parts.audit.write(agent_id, action, detail=detail or None, net=parts.net(request))


def require(condition: bool) -> None:
    """Raise 403 unless the condition holds."""
    if not condition:
        raise web.HTTPForbidden


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Check what the handler declares, and log what it did."""
    if request.match_info.http_exception is not None:
        return await handler(request)
    access = access_of(request.match_info.handler)
    if access is None:
        raise web.HTTPForbidden
    _check_origin(request, access)
    if access.role is None:
        if access.write:
            await _check_token(request, cookies.entry(request))
        return await handler(request)
    session = await _session(request)
    if session is None:
        raise SessionNeededError
    request[_SESSION] = session
    require(has_role(session.agent, access.role))
    if access.write:
        await _check_token(request, session.csrf)
    response = await handler(request)
    if access.audit is not None and response.status < 400:
        await _log(request, session.agent, access)
    return response


def _check_origin(request: web.Request, access: Access) -> None:
    if not (access.write or access.live):
        return
    own = parts_of(request).transport.is_from_own_page(request)
    # Each browser tells the origin of a write. Of a GET of the same origin older ones tell nothing.
    require(bool(own) if access.write else own is not False)


async def _session(request: web.Request) -> Session | None:
    token = cookies.session(request)
    if token is None:
        return None
    own_doing = BACKGROUND_HEADER not in request.headers
    return await parts_of(request).accounts.session(token, touch=own_doing)


async def _check_token(request: web.Request, expected: str | None) -> None:
    given = request.headers.get(CSRF_HEADER, "")
    if not given and request.content_type in {"application/x-www-form-urlencoded", "multipart/form-data"}:
        field = (await request.post()).get(CSRF_FIELD, "")
        given = field if isinstance(field, str) else ""
    if not expected or not hmac.compare_digest(given.encode(), expected.encode()):
        raise StaleTokenError


async def _log(request: web.Request, agent: Agent, access: Access) -> None:
    parts = parts_of(request)
    known = request.get(_DETAIL, {"customer_id": None, "detail": {}})
    await parts.audit.write(
        agent.agent_id,
        access.audit or "",
        conversation_id=request.match_info.get("cid"),
        customer_id=known["customer_id"],
        detail=known["detail"] or None,
        net=parts.net(request),
        fold=None if access.write else _FOLD,
    )


def new_entry_token() -> str:
    """Return a token for the login page."""
    return secrets.token_urlsafe(32)


def safe_next(target: str | None, default: str = "/desk/") -> str:
    """Return where to go after the login: a page of the desk, else `default`."""
    if (
        not target
        or not target.startswith("/desk/")
        or len(target) > 500
        or any(c in target for c in "\\%@")
        or not target.isascii()
        or not target.isprintable()
        or ".." in target
        or "//" in target
    ):
        return default
    return target


def login_address(request: web.Request) -> str:
    """Return the login page that leads back to this request's page."""
    target = safe_next(request.path_qs) if request.method == "GET" else "/desk/"
    return "/desk/login" if target == "/desk/" else f"/desk/login?next={quote(target, safe='')}"
