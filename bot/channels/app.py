"""Puts the channels of the front together into one web application."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

from bot.channels.api import Api
from bot.channels.demo import Demo, Shoppers
from bot.channels.demo_pages import DemoPages, Goods
from bot.channels.draining import Draining, door
from bot.channels.health import Health, Look
from bot.channels.metrics import Look as LookUp
from bot.channels.metrics import Metrics, know_the_routes, observe
from bot.channels.openapi import OpenApi
from bot.channels.page import ROOTS, Page
from bot.channels.socket import Socket
from bot.channels.web_base import LARGEST_BODY, Shared, add_headers, guard
from bot.channels.widget_files import WidgetFiles, WidgetOptions
from persona.telemetry.access import Readers

#: The end of the process, and the open sockets, for who ends it.
DRAINING = web.AppKey("draining", Draining)
SOCKETS = web.AppKey("sockets", Socket)


@dataclass(frozen=True)
class WebOptions:
    """What the web side is told by the settings.

    Attributes:
        origins: further origins whose pages may open a WebSocket.
        auth_s: seconds until a WebSocket must have sent its first frame.
        heartbeat_s: seconds between two pings of a WebSocket.
        roots: where files are that belong to no page.
        widget: what is said of the widget.
    """

    origins: Sequence[str] = ()
    auth_s: float = 5.0
    heartbeat_s: float = 25.0
    roots: Sequence[Path] = ROOTS
    widget: WidgetOptions = field(default_factory=WidgetOptions)


def make_app(
    shared: Shared,
    *,
    looks: Sequence[Look],
    figures: LookUp,
    readers: Readers,
    shoppers: Shoppers | None = None,
    goods: Goods | None = None,
    options: WebOptions | None = None,
) -> web.Application:
    """Return the application.

    Args:
        shared: what the routes work with.
        looks: at the parts that ``/readyz`` tells of, beside record and Rasa.
        figures: looks up what ``/metrics`` tells of the record.
        readers: who may read ``/metrics``.
        shoppers: the demo's shoppers; None (production) leaves all demo routes out.
        goods: what the demo shop shows; None leaves its pages out.
        options: see :class:`WebOptions`.
    """
    options = options or WebOptions()
    draining = Draining()
    around = [observe(shared.addresses), guard(shared.conversations), door(draining)]
    app = web.Application(middlewares=around, client_max_size=LARGEST_BODY)
    app.on_response_prepare.append(add_headers)  # type: ignore[arg-type]
    socket = Socket(
        shared, options.origins, auth_s=options.auth_s, heartbeat_s=options.heartbeat_s, draining=draining
    )
    app[DRAINING], app[SOCKETS] = draining, socket
    app.on_startup.append(know_the_routes)  # type: ignore[arg-type]
    app.on_shutdown.append(socket.close)  # type: ignore[arg-type]
    app.add_routes(Api(shared).routes())
    app.add_routes(socket.routes())
    app.add_routes(Health(shared.conversations, looks, draining).routes())
    app.add_routes(Metrics(readers, figures).routes())
    app.add_routes(OpenApi(demo=shoppers is not None).routes())
    home = "/widget/" if shoppers is None else "/demo/"
    app.add_routes(Page(options.roots, home).routes())
    app.add_routes(WidgetFiles(options.widget).routes())
    if shoppers is not None:
        app.add_routes(Demo(shared, shoppers).routes())
    if goods is not None:
        app.add_routes(DemoPages(shared, goods).routes())
    return app
