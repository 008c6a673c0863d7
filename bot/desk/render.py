"""Templates: the environment, and what every page can use."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp_jinja2
import jinja2
from aiohttp import web

from bot.conversation.desk_types import Presence, Role
from bot.desk.access import has_role, session_or_none
from bot.desk.assets import ASSETS
from bot.desk.words import word, words

HERE = Path(__file__).parent / "templates"

#: No script that asks for eval, no inline style, nothing of a shopper kept in the browser's storage.
HTMX_CONFIG = (
    '{"includeIndicatorStyles":false,"allowEval":false,"allowScriptTags":false,"selfRequestsOnly":true,'
    '"historyCacheSize":0,"refreshOnHistoryMiss":true,"timeout":20000}'
)


def set_up(app: web.Application) -> jinja2.Environment:
    """Give the application its templates."""
    return aiohttp_jinja2.setup(
        app,
        loader=jinja2.FileSystemLoader(HERE),
        filters={"moment": moment, "clock": clock},
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,  # else each rendering asks the disk for the time of every template
    )


def render(
    template: str, request: web.Request, context: Mapping[str, Any] | None = None, status: int = 200
) -> web.Response:
    """Return a page or a fragment."""
    return aiohttp_jinja2.render_template(
        template, request, {**common(request), **(context or {})}, status=status
    )


def common(request: web.Request) -> dict[str, Any]:
    """Return what all templates know: ``me`` (the agent or None), ``csrf``, ``asset``, words and roles."""
    session = session_or_none(request)
    me = None if session is None else session.agent
    return {
        "me": me,
        "csrf": "" if session is None else session.csrf,
        "asset": request.app[ASSETS].address,
        "word": word,
        "words": words,
        "may": lambda role: me is not None and has_role(me, Role(role)),
        "presences": tuple(Presence),
        "htmx_config": HTMX_CONFIG,
        "here": request.path,
    }


def moment(at: datetime | None) -> str:
    """Return a moment as lists show it: 11-22 18:05."""
    return "" if at is None else at.strftime("%m-%d %H:%M")


def clock(at: datetime | None) -> str:
    """Return a moment of today: 18:05."""
    return "" if at is None else at.strftime("%H:%M")
