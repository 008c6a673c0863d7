"""Reading forms and answering them."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from bot.desk.access import safe_next


async def field(request: web.Request, name: str, *, longest: int = 1000) -> str:
    """Return a field of the form as text, "" where it is missing.

    400 where it is longer than `longest`, or holds NUL, which no database takes.
    """
    value = (await request.post()).get(name, "")
    if not isinstance(value, str) or len(value) > longest or "\0" in value:
        raise web.HTTPBadRequest
    return value


def see_other(target: str) -> web.Response:
    """Lead the browser to a page of the desk after a form was sent."""
    return web.Response(status=303, headers={"Location": target})


def back_to(target: str | None) -> web.Response:
    """Lead the browser back to the page that the form names, if it is one of the desk."""
    return see_other(safe_next(target))


_dumps = functools.partial(json.dumps, ensure_ascii=False, separators=(",", ":"))


def as_json(data: Mapping[str, Any]) -> web.Response:
    """Answer a page's script; Chinese stays Chinese, which halves it."""
    return web.json_response(data, dumps=_dumps)
