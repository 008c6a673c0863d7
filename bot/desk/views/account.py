"""The own account: presence, password, logins."""

from __future__ import annotations

from aiohttp import web

from bot.conversation.account_errors import LockedOutError, LoginRefusedError, WeakPasswordError
from bot.conversation.desk_types import Presence, Role
from bot.conversation.passwords import MAX_LENGTH, MIN_LENGTH
from bot.desk import cookies
from bot.desk.access import agent_of, needs, session_of
from bot.desk.parts import parts_of
from bot.desk.render import render
from bot.desk.views.forms import back_to, field
from bot.desk.views.live import LIVE
from bot.desk.words import span, word


def weakness(exc: WeakPasswordError) -> str:
    """Return the sentence about a password that is not good enough."""
    return word("passwords", exc.why, least=MIN_LENGTH, most=MAX_LENGTH)


class OwnAccount:
    """``/desk/account``, ``/desk/password``, ``/desk/presence``."""

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get("/account", self.page),
            web.post("/password", self.change_password),
            web.post("/presence", self.set_presence),
        ]

    @needs(Role.AGENT, audit=None)
    async def page(self, request: web.Request) -> web.StreamResponse:
        """Show the own account."""
        return _page(request)

    @needs(Role.AGENT, audit="change_password", write=True)
    async def change_password(self, request: web.Request) -> web.StreamResponse:
        """Change the own password; this browser gets a new session, all others end."""
        parts, session = parts_of(request), session_of(request)
        old, new = await field(request, "old"), await field(request, "new")
        if new != await field(request, "again"):
            return _page(request, error=word("passwords", "differ"), status=422)
        try:
            token, opened = await parts.accounts.change_password(session, old, new, parts.net(request))
        except WeakPasswordError as exc:
            return _page(request, error=weakness(exc), status=422)
        except LoginRefusedError:
            return _page(request, error=word("passwords", "old_wrong"), status=422)
        except LockedOutError as exc:
            return _page(request, error=word("login", "locked", wait=span(exc.wait_s)), status=429)
        await request.app[LIVE].check()
        response = _page(request, notice=word("passwords", "changed"), csrf=opened.csrf)
        cookies.set_session(request, response, token)
        return response

    @needs(Role.AGENT, audit="presence", write=True)
    async def set_presence(self, request: web.Request) -> web.StreamResponse:
        """Switch between 在线, 忙碌 and 离开; a script gets the switch anew, a form goes back."""
        try:
            presence = Presence(await field(request, "presence"))
        except ValueError as exc:
            raise web.HTTPBadRequest from exc
        await parts_of(request).handover.set_presence(agent_of(request).agent_id, presence)
        if "HX-Request" in request.headers:
            return render("presence.html", request, {"presence": presence})
        return back_to(await field(request, "next"))


def _page(
    request: web.Request, *, error: str = "", notice: str = "", status: int = 200, csrf: str | None = None
) -> web.Response:
    told = {"error": error, "notice": notice, "least": MIN_LENGTH}
    return render("account.html", request, told if csrf is None else {**told, "csrf": csrf}, status)
