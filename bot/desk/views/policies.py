"""What the shop allows: the list, one policy with its form, preview and history."""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Awaitable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from aiohttp import web

from actions.shop.errors import (
    KeyReusedError,
    NotFoundError,
    NotOfferedError,
    RuleError,
    ShopError,
    ShopUnavailableError,
)
from actions.shop.policy_file import group_of
from actions.shop.policy_models import Policy
from actions.shop.policy_rules import MAX_CLAUSES, MAX_TEXT, MAX_TITLE
from actions.shop.policy_terms import terms
from bot.conversation.desk_types import Role
from bot.desk.access import add_to_audit, agent_of, has_role, needs
from bot.desk.assisting import assist_of
from bot.desk.errors import DeskRefusal, wants_page
from bot.desk.parts import parts_of
from bot.desk.policy_forms import (
    Fields,
    Wrong,
    by_group,
    categories_of,
    changes,
    conditions,
    flag_name,
    flags_of,
    found_by,
    moved,
    read_policy,
    sample_case,
)
from bot.desk.policy_preview import preview
from bot.desk.render import render
from bot.desk.views.forms import see_other
from bot.desk.words import word

logger = logging.getLogger(__name__)

_KEY = re.compile(r"[A-Za-z0-9._-]{8,60}")
_TOPIC = "/policies/{topic}"
_LONGEST_SEARCH = 64

T = TypeVar("T")


class PolicyPages:
    """``/desk/policies``: everybody reads, supervisors change."""

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get("/policies", self.list),
            web.get(_TOPIC, self.page),
            web.post(_TOPIC, self.save),
            web.post(f"{_TOPIC}/form", self.form),
            web.post(f"{_TOPIC}/restore", self.restore),
        ]

    @needs(Role.AGENT, audit=None)
    async def list(self, request: web.Request) -> web.StreamResponse:
        """Show all policies by group, or those that hold the words of a search."""
        search = request.query.get("q", "").strip()[:_LONGEST_SEARCH]
        shop = parts_of(request).shop
        error = ""
        policies: Sequence[Policy] = ()
        try:
            policies = () if shop is None else await _asked(shop.policies())
        except NotOfferedError:
            shop = None
        if shop is None:
            error = word("policies", "not_offered")
        groups = {policy.topic: group_of(policy.topic) for policy in policies}
        found = by_group(found_by(policies, search), groups)
        context = {"groups": found, "search": search, "error": error, "count": len(policies)}
        return render("policies.html", request, {**context, "names": await _names(request)})

    @needs(Role.AGENT, audit=None)
    async def page(self, request: web.Request) -> web.StreamResponse:
        """Show one policy: as a form for who may change it, for others to read."""
        stored = await _stored(request)
        saved = request.query.get("saved", "")
        notice = word("policies", "saved", version=saved) if saved == str(stored.version) else ""
        return await _page(request, stored, stored, Fields(request.query), notice=notice)

    @needs(Role.SUPERVISOR, audit=None, write=True)
    async def form(self, request: web.Request) -> web.StreamResponse:
        """Give the form back with a clause more, less or moved, and what it would say; nothing is stored."""
        stored, fields = await _stored(request), Fields(await request.post())
        act = fields.text("act")
        policy = moved(read_policy(fields, stored.topic), act)
        wrong = Wrong() if act == "add" else Wrong.of(policy)
        return await _page(request, policy, stored, fields, wrong=wrong)

    @needs(Role.SUPERVISOR, audit="change_policy", write=True)
    async def save(self, request: web.Request) -> web.StreamResponse:
        """Store what was typed, unless somebody else has changed the policy since; nothing typed is lost.

        With ``over`` the manager has seen the colleague's version and puts hers in its place.
        """
        stored, fields = await _stored(request), Fields(await request.post())
        typed = read_policy(fields, stored.topic)
        over = fields.number("over")
        policy = replace(typed, version=over) if over else typed
        add_to_audit(request, topic=policy.topic)
        wrong = Wrong.of(policy)
        if wrong:
            error = word("policies", "wrong", count=len(wrong))
            return await _page(request, policy, stored, fields, wrong=wrong, error=error, status=422)
        if (policy.title, policy.clauses, policy.version) == (stored.title, stored.clauses, stored.version):
            return await _page(request, policy, stored, fields, notice=word("policies", "same"))
        return await _put(request, policy, stored, fields)

    @needs(Role.SUPERVISOR, audit="restore_policy", write=True)
    async def restore(self, request: web.Request) -> web.StreamResponse:
        """Make an earlier version the present one again; what holds now is kept beside it."""
        stored, fields = await _stored(request), Fields(await request.post())
        number = fields.number("earlier")
        earlier = await _asked(parts_of(request).shop.earlier_policies(stored.topic))
        wanted = next((policy for policy in earlier if policy.version == number), None)
        if wanted is None:
            raise web.HTTPNotFound
        add_to_audit(request, topic=stored.topic, earlier=number)
        policy = replace(wanted, version=fields.number("version"))
        wrong = Wrong.of(policy)
        if wrong:  # terms may have gone since
            error = word("policies", "wrong", count=len(wrong))
            return await _page(request, policy, stored, fields, wrong=wrong, error=error, status=422)
        return await _put(request, policy, stored, fields)


async def _put(request: web.Request, policy: Policy, stored: Policy, fields: Fields) -> web.StreamResponse:
    """Store a policy; whatever prevents it is told with everything that was typed."""
    key = fields.text("key")
    if not _KEY.fullmatch(key):
        raise web.HTTPBadRequest
    parts, me = parts_of(request), agent_of(request)
    context: dict[str, Any] = {}
    try:
        whole = f"desk/policy/{policy.topic}/{key}"
        done = (await parts.shop.change_policy(policy, by=me.login, key=whole)).policy
    except RuleError as exc:
        if exc.rule == "changed_meanwhile":
            stored = await _stored(request)
            context = {"overtaken": stored}
            status, error = 409, word("policies", "overtaken", version=stored.version)
        else:
            status, error = 422, word("policies", "refused")
    except KeyReusedError:
        status, error = 409, word("errors", "key_reused")
    except NotOfferedError:
        status, error = 409, word("policies", "read_only")
    except NotFoundError as exc:
        raise web.HTTPNotFound from exc
    except ShopUnavailableError as exc:
        logger.warning("the shop did not answer a change of a policy: %r", exc)
        status, error = 503, word("policies", "unknown")
        context = {"key": key}  # the same key: trying again cannot do it twice
    else:
        add_to_audit(request, version=done.version)
        return see_other(f"/desk/policies/{policy.topic}?saved={done.version}")
    return await _page(request, policy, stored, fields, error=error, status=status, **context)


async def _stored(request: web.Request) -> Policy:
    """Return the policy of the address; 404 where there is none."""
    shop = parts_of(request).shop
    if shop is None:
        raise web.HTTPNotFound
    try:
        found: Policy = await _asked(shop.policy(request.match_info["topic"]))
    except (NotFoundError, NotOfferedError) as exc:
        raise web.HTTPNotFound from exc
    return found


async def _asked(question: Awaitable[T]) -> T:
    """Await the shop's answer; 503 where there is none."""
    try:
        return await question
    except ShopUnavailableError as exc:
        logger.warning("the shop did not tell its policies: %r", exc)
        raise DeskRefusal(503, word("policies", "away")) from exc


async def _names(request: web.Request) -> dict[str, str]:
    """Return who has which login, for "changed by"."""
    found = await parts_of(request).accounts.accounts()
    return {account.agent.login: account.agent.name for account in found}


async def _page(
    request: web.Request,
    policy: Policy,
    stored: Policy,
    fields: Fields,
    *,
    wrong: Wrong | None = None,
    error: str = "",
    notice: str = "",
    status: int = 200,
    **more: Any,
) -> web.Response:
    """Show a policy as it stands in the form, beside what is stored."""
    case = sample_case(fields, policy)
    context = {
        "policy": policy,
        "stored": stored,
        "wrong": wrong or Wrong(),
        "error": error,
        "notice": notice,
        "overtaken": None,
        "key": secrets.token_urlsafe(12),
        "terms": terms(),
        "categories": categories_of(policy),
        "flags": flags_of(policy),
        "case": case,
        "spoken": preview(policy, case, (await assist_of(request)).wording),
        "conditions": conditions,
        "flag_name": flag_name,
        "most": {"clauses": MAX_CLAUSES, "text": MAX_TEXT, "title": MAX_TITLE},
        "edits": has_role(agent_of(request), Role.SUPERVISOR),
        **more,
    }
    if not wants_page(request):  # a script changes the form alone
        return render("policy_edit.html", request, context, status)
    history = {"versions": await _versions(request, stored), "names": await _names(request)}
    group = terms().groups[group_of(stored.topic)]
    return render("policy.html", request, {**context, **history, "group": group}, status)


async def _versions(request: web.Request, stored: Policy) -> list[Any]:
    """Return the versions, the present one first; only that one where the shop keeps no others."""
    try:
        earlier = await parts_of(request).shop.earlier_policies(stored.topic)
    except ShopError:
        earlier = ()
    return changes(stored, earlier)
