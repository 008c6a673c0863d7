"""Puts the desk's pages together into one application, to be mounted at ``/desk``."""

from __future__ import annotations

from aiohttp import web

from bot.desk import render
from bot.desk.access import check_routes, guard
from bot.desk.assets import ASSETS, Assets
from bot.desk.assist.helper import Assist
from bot.desk.assisting import ASSISTING, Assisting
from bot.desk.errors import explain
from bot.desk.filters import install
from bot.desk.names import NAMES, Names
from bot.desk.parts import PARTS, DeskParts
from bot.desk.views.account import OwnAccount
from bot.desk.views.accounts import AccountPages
from bot.desk.views.audit import AuditPages
from bot.desk.views.conversation import ConversationPages
from bot.desk.views.customer import CustomerPages
from bot.desk.views.doing import Doing
from bot.desk.views.figures import FigurePages
from bot.desk.views.live import LIVE, Live
from bot.desk.views.login import Login
from bot.desk.views.pictures import PicturePages
from bot.desk.views.policies import PolicyPages
from bot.desk.views.queue import Queue

#: Own scripts and styles alone; pictures may be previews of what an agent is about to send (blob:).
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self'; "
    "connect-src 'self'; font-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)


def make_desk(parts: DeskParts) -> web.Application:
    """Return the desk.

    Args:
        parts: what the pages work with.

    Raises:
        UndeclaredRouteError: a route is not declared with ``needs`` or ``public``.
    """
    app = web.Application(middlewares=[explain, guard])
    app[PARTS] = parts
    app[ASSETS] = assets = Assets()
    app[LIVE] = live = Live(parts)
    app[NAMES] = names = Names(parts.shop, parts.clock)
    app[ASSISTING] = Assisting(parts.assist or (lambda: Assist(parts.shop, parts.clock)))
    install(render.set_up(app))
    for view in (assets, Login(), OwnAccount(), AccountPages(), AuditPages(), FigurePages(), live):
        app.add_routes(view.routes())
    for page in (Queue(), ConversationPages(), Doing(), CustomerPages(), PicturePages(), PolicyPages()):
        app.add_routes(page.routes())
    app.on_response_prepare.append(_add_headers)  # type: ignore[arg-type]
    app.on_shutdown.append(live.close)  # type: ignore[arg-type]
    app.on_shutdown.append(names.close)  # type: ignore[arg-type]
    app.on_cleanup.append(_close)  # type: ignore[arg-type]
    check_routes(app)
    return app


async def _close(app: web.Application) -> None:
    app[PARTS].accounts.close()


async def _add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    headers = response.headers
    headers["Content-Security-Policy"] = CSP
    # Not no-referrer: browsers then send "Origin: null" with forms, and writes are checked by their origin.
    headers["Referrer-Policy"] = "same-origin"
    if "ETag" not in headers:
        headers["Cache-Control"] = "no-store"
