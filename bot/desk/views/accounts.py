"""Administration of accounts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

from bot.conversation.account_errors import BadAccountError, LastAdminError, LoginTakenError
from bot.conversation.desk_types import Agent, Role
from bot.conversation.passwords import generate
from bot.desk.access import add_to_audit, needs
from bot.desk.parts import parts_of
from bot.desk.render import render
from bot.desk.views.forms import field
from bot.desk.views.live import LIVE
from bot.desk.words import word

Change = Callable[[web.Request, Agent], Awaitable[web.StreamResponse]]


class AccountPages:
    """``/desk/accounts`` and what is done there."""

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get("/accounts", self.page),
            web.post("/accounts", self.add),
            web.post("/accounts/{agent_id}/disable", self.disable),
            web.post("/accounts/{agent_id}/enable", self.enable),
            web.post("/accounts/{agent_id}/role", self.set_role),
            web.post("/accounts/{agent_id}/name", self.rename),
            web.post("/accounts/{agent_id}/password", self.reset_password),
            web.post("/accounts/{agent_id}/end", self.end_sessions),
        ]

    @needs(Role.ADMIN, audit="view_accounts")
    async def page(self, request: web.Request) -> web.StreamResponse:
        """Show all accounts."""
        return await _page(request)

    @needs(Role.ADMIN, audit="add_account", write=True)
    async def add(self, request: web.Request) -> web.StreamResponse:
        """Make an account with a generated password, which is shown this once."""
        login, name = await field(request, "login"), await field(request, "name")
        role, password = await _role(request), generate()
        try:
            agent = await parts_of(request).accounts.add(login, name, role, password)
        except LoginTakenError:
            return await _page(request, error=word("accounts", "login_taken", login=login), status=409)
        except BadAccountError:
            return await _page(request, error=word("accounts", "bad_login"), status=422)
        add_to_audit(request, account=agent.agent_id, role=role.value)
        return await _page(request, notice=word("accounts", "added", login=agent.login), password=password)

    @needs(Role.ADMIN, audit="disable_account", write=True)
    async def disable(self, request: web.Request) -> web.StreamResponse:
        """Disable an account; its sessions and live connections end."""
        agent = await _named(request)
        try:
            await parts_of(request).accounts.set_active(agent.agent_id, False)
        except LastAdminError:
            return await _page(request, error=word("accounts", "last_admin"), status=409)
        return await _done(request, "disabled", agent)

    @needs(Role.ADMIN, audit="enable_account", write=True)
    async def enable(self, request: web.Request) -> web.StreamResponse:
        """Enable an account again."""
        agent = await _named(request)
        await parts_of(request).accounts.set_active(agent.agent_id, True)
        return await _done(request, "enabled", agent)

    @needs(Role.ADMIN, audit="change_role", write=True)
    async def set_role(self, request: web.Request) -> web.StreamResponse:
        """Change what an account may do."""
        agent, role = await _named(request), await _role(request)
        try:
            await parts_of(request).accounts.set_role(agent.agent_id, role)
        except LastAdminError:
            return await _page(request, error=word("accounts", "last_admin"), status=409)
        add_to_audit(request, before=agent.role.value, after=role.value)
        return await _done(request, "role_changed", agent, role=word("roles", role.value))

    @needs(Role.ADMIN, audit="rename_account", write=True)
    async def rename(self, request: web.Request) -> web.StreamResponse:
        """Change the name that colleagues and shoppers read."""
        agent, name = await _named(request), await field(request, "name")
        try:
            await parts_of(request).accounts.rename(agent.agent_id, name)
        except BadAccountError:
            return await _page(request, error=word("accounts", "bad_login"), status=422)
        return await _done(request, "renamed", agent, name=name)

    @needs(Role.ADMIN, audit="reset_password", write=True)
    async def reset_password(self, request: web.Request) -> web.StreamResponse:
        """Give an account a generated password, which is shown this once."""
        agent, password = await _named(request), generate()
        await parts_of(request).accounts.reset_password(agent.agent_id, password)
        await request.app[LIVE].check()
        notice = word("accounts", "password_reset", login=agent.login)
        return await _page(request, notice=notice, password=password)

    @needs(Role.ADMIN, audit="end_sessions", write=True)
    async def end_sessions(self, request: web.Request) -> web.StreamResponse:
        """End all sessions of an account."""
        agent = await _named(request)
        await parts_of(request).accounts.log_out_everywhere(agent.agent_id)
        return await _done(request, "sessions_ended", agent)


async def _named(request: web.Request) -> Agent:
    agent = await parts_of(request).accounts.agent(request.match_info["agent_id"])
    add_to_audit(request, account=agent.agent_id)
    return agent


async def _role(request: web.Request) -> Role:
    try:
        return Role(await field(request, "role"))
    except ValueError as exc:
        raise web.HTTPBadRequest from exc


async def _done(request: web.Request, what: str, agent: Agent, **values: str) -> web.StreamResponse:
    await request.app[LIVE].check()
    return await _page(request, notice=word("accounts", what, login=agent.login, **values))


async def _page(
    request: web.Request, *, notice: str = "", error: str = "", password: str = "", status: int = 200
) -> web.Response:
    found = await parts_of(request).accounts.accounts()
    told = {"notice": notice, "error": error, "password": password, "roles": tuple(Role)}
    return render("accounts.html", request, {"accounts": found, **told}, status)
