"""Logging in and out."""

from __future__ import annotations

import logging

from aiohttp import web

from bot.conversation.account_errors import (
    LockedOutError,
    LoginBusyError,
    LoginRefusedError,
    NoSuchAgentError,
)
from bot.conversation.audit import NOBODY
from bot.conversation.desk_types import Presence, Role
from bot.desk import cookies
from bot.desk.access import agent_of, audit_now, needs, new_entry_token, public, safe_next, session_of
from bot.desk.parts import parts_of
from bot.desk.render import render
from bot.desk.views.forms import field, see_other
from bot.desk.views.live import LIVE
from bot.desk.words import span, word

logger = logging.getLogger(__name__)

_OUT = {"1": "logged_out", "all": "logged_out_everywhere", "stale": "stale"}


class Login:
    """``/desk/login``, ``/desk/logout``, ``/desk/logout-everywhere``."""

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get("/login", self.page),
            web.post("/login", self.log_in),
            web.post("/logout", self.log_out),
            web.post("/logout-everywhere", self.log_out_everywhere),
            web.get("/session", self.is_open),
        ]

    @public()
    async def page(self, request: web.Request) -> web.StreamResponse:
        """Show the form; who is logged in already goes on."""
        target = safe_next(request.query.get("next"))
        token = cookies.session(request)
        if token is not None and await parts_of(request).accounts.session(token) is not None:
            return see_other(target)
        notice = _OUT.get(request.query.get("out", ""))
        return _form(request, target, notice=word("login", notice) if notice else "")

    @public(write=True)
    async def log_in(self, request: web.Request) -> web.StreamResponse:
        """Check login and password; the same answer whatever of the two is wrong."""
        parts = parts_of(request)
        login = await field(request, "login")
        password = await field(request, "password")
        target = safe_next(await field(request, "next"))
        try:
            token, session = await parts.accounts.log_in(login, password, parts.net(request))
        except LockedOutError as exc:
            await audit_now(request, await _known(request, login), "login_locked")
            sentence = word("login", "locked", wait=span(exc.wait_s))
            return _form(request, target, login=login, error=sentence, status=429, wait_s=exc.wait_s)
        except LoginBusyError:
            return _form(request, target, login=login, error=word("login", "busy"), status=503)
        except LoginRefusedError:
            await audit_now(request, await _known(request, login), "login_refused")
            return _form(request, target, login=login, error=word("login", "refused"), status=403)
        old = cookies.session(request)
        if old is not None:  # logging in over a session that was there ends it
            former = await parts.accounts.session(old, touch=False)
            if former is not None:
                await parts.accounts.log_out(former)
        await audit_now(request, session.agent.agent_id, "login")
        response = see_other(target)
        cookies.set_session(request, response, token)
        return response

    @needs(Role.AGENT, audit="logout", write=True)
    async def log_out(self, request: web.Request) -> web.StreamResponse:
        """End this session."""
        parts, session = parts_of(request), session_of(request)
        await parts.accounts.log_out(session)
        return await _left(request, "1")

    @needs(Role.AGENT, audit="logout_everywhere", write=True)
    async def log_out_everywhere(self, request: web.Request) -> web.StreamResponse:
        """End all sessions of this account."""
        parts = parts_of(request)
        await parts.accounts.log_out_everywhere(agent_of(request).agent_id)
        await parts.handover.set_presence(agent_of(request).agent_id, Presence.AWAY)
        return await _left(request, "all")

    @needs(Role.AGENT, audit=None)
    async def is_open(self, _request: web.Request) -> web.StreamResponse:
        """Say that the session holds (204); the guard says 401 where it does not."""
        return web.Response(status=204)


async def _left(request: web.Request, how: str) -> web.Response:
    await request.app[LIVE].check()
    response = see_other(f"/desk/login?out={how}")
    cookies.drop_session(request, response)
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response


async def _known(request: web.Request, login: str) -> str:
    """Return the id of the account that was tried, for the log alone."""
    try:
        return (await parts_of(request).accounts.by_login(login)).agent_id
    except NoSuchAgentError:
        return NOBODY


def _form(
    request: web.Request,
    target: str,
    *,
    login: str = "",
    error: str = "",
    notice: str = "",
    status: int = 200,
    wait_s: float = 0,
) -> web.Response:
    """Return the form with a token that its answer must carry."""
    token = cookies.entry(request) or new_entry_token()
    if not parts_of(request).transport.usable(request):
        error = word("login", "insecure")
    given = {"next": target, "login": login[:64], "error": error, "notice": notice, "entry": token}
    response = render("login.html", request, given, status)
    cookies.set_entry(request, response, token)
    if wait_s:
        response.headers["Retry-After"] = str(max(1, int(wait_s + 0.999)))
    return response
