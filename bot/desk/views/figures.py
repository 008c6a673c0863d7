"""The figures of the hand-over: a page with plots, and the same as a file."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from aiohttp import web

from bot.conversation.desk_types import Role
from bot.conversation.figures import AgentFigures, Figures
from bot.conversation.schema import SHANGHAI
from bot.desk.access import add_to_audit, agent_of, has_role, needs
from bot.desk.figure_tables import Choice, Period, PeriodError, duration, tables, to_csv
from bot.desk.parts import parts_of
from bot.desk.render import render
from bot.desk.words import word

_LONGEST = 32


class FigurePages:
    """``/desk/figures``: an agent sees the team's totals and her own work, a supervisor everybody's."""

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [web.get("/figures", self.page), web.get("/figures.csv", self.file)]

    @needs(Role.AGENT, audit=None)
    async def page(self, request: web.Request) -> web.StreamResponse:
        """Show a period; one that cannot be shown is answered with the last seven days and the reason."""
        error = ""
        given = {name: _given(request, name) for name in ("period", "from", "to")}
        try:
            period = _period(request)
        except PeriodError as exc:
            error = word("figures", exc.code)
            period = Period.of("", "", "", _today(request))
        figures = await parts_of(request).reader.figures(period.start, period.end)
        context = {
            "period": period,
            "choices": [one for one in Choice if one is not Choice.CUSTOM],
            "shown": given["period"] if error else period.choice.value,
            "first": given["from"] if error else period.first.isoformat(),
            "last": given["to"] if error else period.last.isoformat(),
            "today": _today(request).isoformat(),
            "error": error,
            "figures": figures,
            "tables": tables(figures),
            "agents": _seen(request, figures),
            "everybody": has_role(agent_of(request), Role.SUPERVISOR),
            "duration": duration,
        }
        return render("figures.html", request, context, 422 if error else 200)

    @needs(Role.AGENT, audit="export_figures")
    async def file(self, request: web.Request) -> web.StreamResponse:
        """Send a period as a file."""
        try:
            period = _period(request)
        except PeriodError as exc:
            return web.Response(status=422, text=word("figures", exc.code))
        figures = await parts_of(request).reader.figures(period.start, period.end)
        first, last = period.first.isoformat(), period.last.isoformat()
        add_to_audit(request, **{"from": first, "to": last})
        return web.Response(
            body=to_csv(period, figures, _seen(request, figures)),
            content_type="text/csv",
            charset="utf-8",
            headers={"Content-Disposition": f'attachment; filename="zhixin-figures-{first}-{last}.csv"'},
        )


def _seen(request: web.Request, figures: Figures) -> Sequence[AgentFigures]:
    """Return the agents whose work whoever asks may see."""
    me = agent_of(request)
    if has_role(me, Role.SUPERVISOR):
        return figures.agents
    return [agent for agent in figures.agents if agent.agent_id == me.agent_id]


def _period(request: web.Request) -> Period:
    choice, first, last = (_given(request, name) for name in ("period", "from", "to"))
    return Period.of(choice, first, last, _today(request))


def _given(request: web.Request, name: str) -> str:
    return request.query.get(name, "").strip()[:_LONGEST]


def _today(request: web.Request) -> date:
    return parts_of(request).clock().astimezone(SHANGHAI).date()
