"""Where ``/`` leads, and the files that belong to no page alone: drawings of the demo's goods."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from aiohttp import web

HERE = Path(__file__).parent

#: Where ``/static/<path>`` is looked for, in this order.
ROOTS = (HERE / "static",)

_TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".ico": "image/x-icon",
    ".js": "text/javascript",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}


class Page:
    """``/`` and ``/static``; only files of known kinds below the roots are served.

    Args:
        roots: where the files are.
        home: where ``/`` leads.
    """

    def __init__(self, roots: Sequence[Path] = ROOTS, home: str = "/widget/") -> None:
        self._home = home
        self._roots = tuple(root.resolve() for root in roots)

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get("/", self.index),
            web.get("/favicon.ico", self.favicon),
            web.get("/static/{path:.+}", self.static),
        ]

    async def index(self, _request: web.Request) -> web.StreamResponse:
        """Lead to the demo shop, or to the chat."""
        return web.Response(status=302, headers={"Location": self._home, "Cache-Control": "no-cache"})

    async def favicon(self, _request: web.Request) -> web.StreamResponse:
        """Return the icon that browsers ask for by themselves."""
        try:
            return self._file("favicon.svg", "public, max-age=86400")
        except web.HTTPNotFound:
            return web.Response(status=204)

    async def static(self, request: web.Request) -> web.StreamResponse:
        """Return a file; browsers ask whether it has changed."""
        return self._file(request.match_info["path"], "public, max-age=300")

    def _file(self, name: str, cache: str) -> web.StreamResponse:
        suffix = Path(name).suffix.lower()
        if suffix not in _TYPES or "\0" in name or any(part.startswith(".") for part in name.split("/")):
            raise web.HTTPNotFound
        for root in self._roots:
            path = (root / name).resolve()
            if path.is_relative_to(root) and path.is_file():
                response = web.FileResponse(path, headers={"Cache-Control": cache})
                charset = "; charset=utf-8" if _TYPES[suffix].startswith("text/") else ""
                response.headers["Content-Type"] = _TYPES[suffix] + charset
                return response
        raise web.HTTPNotFound
