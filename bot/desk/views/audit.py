"""The audit log, for supervisors."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from aiohttp import web

from bot.conversation.audit import PAGE, AuditFilter
from bot.conversation.desk_types import Role
from bot.conversation.schema import SHANGHAI
from bot.desk.access import needs
from bot.desk.parts import parts_of
from bot.desk.render import render

_LONGEST = 128


class AuditPages:
    """``/desk/audit``."""

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [web.get("/audit", self.page)]

    @needs(Role.SUPERVISOR, audit="view_audit")
    async def page(self, request: web.Request) -> web.StreamResponse:
        """Show lines of the log, filtered, the newest first."""
        parts = parts_of(request)
        given = {name: request.query.get(name, "").strip()[:_LONGEST] for name in _FIELDS}
        before = request.query.get("before", "")
        wanted = AuditFilter(
            agent_id=given["agent"] or None,
            action=given["action"] or None,
            conversation_id=given["conversation"] or None,
            customer_id=given["customer"] or None,
            since=_day(given["since"]),
            until=_day(given["until"], timedelta(days=1)),
            before=int(before) if before.isascii() and before.isdigit() and len(before) < 15 else None,
            limit=PAGE + 1,
        )
        entries = await parts.audit.read(wanted)
        context = {
            "entries": entries[:PAGE],
            "more": entries[PAGE - 1].entry_id if len(entries) > PAGE else None,
            "given": given,
            "agents": [account.agent for account in await parts.accounts.accounts()],
        }
        return render("audit.html", request, context)


_FIELDS = ("agent", "action", "conversation", "customer", "since", "until")


def _day(text: str, plus: timedelta = timedelta()) -> datetime | None:
    """Return the beginning of a day in the shop's time zone, None where the text is no day."""
    try:
        day = date.fromisoformat(text)
        return datetime(day.year, day.month, day.day, tzinfo=SHANGHAI) + plus
    except (ValueError, OverflowError):
        return None
