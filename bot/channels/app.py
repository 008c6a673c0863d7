"""Puts the channels of the front together into one web application."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from bot.channels.api import Api
from bot.channels.demo import Demo, Shoppers
from bot.channels.health import Check, Health
from bot.channels.openapi import OpenApi
from bot.channels.page import ROOTS, Page
from bot.channels.socket import Socket
from bot.channels.web_base import LARGEST_BODY, Shared, add_headers, guard


@dataclass(frozen=True)
class WebOptions:
    """What the web side is told by the settings.

    Attributes:
        origins: further origins whose pages may open a WebSocket.
        auth_s: seconds until a WebSocket must have sent its first frame.
        heartbeat_s: seconds between two pings of a WebSocket.
        roots: where the page's files are.
    """

    origins: Sequence[str] = ()
    auth_s: float = 5.0
    heartbeat_s: float = 25.0
    roots: Sequence[Path] = ROOTS


def make_app(
    shared: Shared, *, actions: Check, shoppers: Shoppers | None = None, options: WebOptions | None = None
) -> web.Application:
    """Return the application.

    Args:
        shared: what the routes work with.
        actions: asks whether the action server is there, for ``/readyz``.
        shoppers: the demo's shoppers; None (production) leaves all demo routes out.
        options: see :class:`WebOptions`.
    """
    options = options or WebOptions()
    app = web.Application(middlewares=[guard(shared.conversations)], client_max_size=LARGEST_BODY)
    app.on_response_prepare.append(add_headers)  # type: ignore[arg-type]
    socket = Socket(shared, options.origins, auth_s=options.auth_s, heartbeat_s=options.heartbeat_s)
    app.on_shutdown.append(socket.close)  # type: ignore[arg-type]
    app.add_routes(Api(shared).routes())
    app.add_routes(socket.routes())
    app.add_routes(Health(shared.conversations, actions).routes())
    app.add_routes(OpenApi(demo=shoppers is not None).routes())
    app.add_routes(Page(options.roots).routes())
    if shoppers is not None:
        app.add_routes(Demo(shared, shoppers).routes())
    return app
