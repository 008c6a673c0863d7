"""The desk's two cookies: the session, and the token of the login page."""

from __future__ import annotations

from http.cookies import CookieError

from aiohttp import web

from bot.desk.parts import parts_of

PATH = "/desk"
SESSION = "zhixin_desk"
ENTRY = "zhixin_desk_entry"
#: Browsers take a cookie of this prefix only if it is Secure and came over TLS (RFC 6265bis).
SECURE_PREFIX = "__Secure-"
_ENTRY_S = 3600
_LONGEST_VALUE = 128


def _name(request: web.Request, name: str) -> str:
    return SECURE_PREFIX + name if parts_of(request).transport.secure(request) else name


def _read(request: web.Request, name: str) -> str | None:
    wanted = _name(request, name)
    try:
        value = request.cookies.get(wanted)
    except CookieError:  # another one, of whatever else lives at this host, is malformed
        value = _picked(request.headers.get("Cookie", ""), wanted)
    return value if value and len(value) <= _LONGEST_VALUE else None


def _picked(header: str, wanted: str) -> str | None:
    pairs = (part.strip().partition("=") for part in header.split(";"))
    return next((value for name, _, value in pairs if name == wanted), None)


def session(request: web.Request) -> str | None:
    """Return the token of the session."""
    return _read(request, SESSION)


def entry(request: web.Request) -> str | None:
    """Return the token of the login page."""
    return _read(request, ENTRY)


def set_session(request: web.Request, response: web.StreamResponse, token: str) -> None:
    """Give the browser its session; it ends with the browser, and at the latest with the record's row."""
    _set(request, response, SESSION, token, None)
    drop_entry(request, response)


def set_entry(request: web.Request, response: web.StreamResponse, token: str) -> None:
    """Give the browser the token of the login page."""
    _set(request, response, ENTRY, token, _ENTRY_S)


def drop_session(request: web.Request, response: web.StreamResponse) -> None:
    """Take the session from the browser."""
    _set(request, response, SESSION, "", 0)


def drop_entry(request: web.Request, response: web.StreamResponse) -> None:
    """Take the login page's token from the browser."""
    _set(request, response, ENTRY, "", 0)


def _set(
    request: web.Request, response: web.StreamResponse, name: str, value: str, max_age: int | None
) -> None:
    response.set_cookie(
        _name(request, name),
        value,
        max_age=max_age,
        path=PATH,
        httponly=True,
        secure=parts_of(request).transport.secure(request),
        # Lax: a link to a conversation in a colleague's message opens it. Writes need token and origin.
        samesite="Lax",
    )
