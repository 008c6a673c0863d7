"""The desk's own files: styles, scripts, vendored libraries; their addresses change with their content."""

from __future__ import annotations

import functools
import gzip
import hashlib
import time
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from bot.desk.access import public

HERE = Path(__file__).parent / "static"

_TYPES = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".mp3": "audio/mpeg",
    ".wav": "audio/wav",
    ".woff2": "font/woff2",
}
_LOOK_AGAIN_S = 1.0
_YEAR = "public, max-age=31536000, immutable"


@dataclass
class _File:
    changed: int  # ns
    body: bytes
    version: str

    @functools.cached_property
    def packed(self) -> bytes:
        """The body, compressed; once for all who ask for it."""
        return gzip.compress(self.body, mtime=0)


class Assets:
    """Serves files below a folder; only those of known kinds.

    Args:
        root: the folder.
    """

    def __init__(self, root: Path = HERE) -> None:
        self._root = root.resolve()
        self._files: dict[str, _File] = {}
        self._versions: dict[str, tuple[float, str]] = {}

    def routes(self) -> list[web.RouteDef]:
        """Return the route."""
        return [web.get("/static/{path:.+}", self.serve)]

    def address(self, name: str) -> str:
        """Return the address of a file, with a version that is made of its content."""
        return f"/desk/static/{name}?v={self._version(name)}"

    @public()
    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Return a file: for good under its present version, else to be asked for again."""
        name = request.match_info["path"]
        file = self._file(name)
        etag = f'"{file.version}"'
        known = request.query.get("v") == file.version
        headers = {"Cache-Control": _YEAR if known else "no-cache", "ETag": etag}
        if request.headers.get("If-None-Match") == etag:
            return web.Response(status=304, headers=headers)
        kind = _TYPES[Path(name).suffix]
        charset = "utf-8" if kind.startswith("text/") else None
        body = file.body
        if charset:
            headers["Vary"] = "Accept-Encoding"
            if "gzip" in request.headers.get("Accept-Encoding", ""):
                headers["Content-Encoding"] = "gzip"
                body = file.packed
        return web.Response(body=body, headers=headers, content_type=kind, charset=charset)

    def _version(self, name: str) -> str:
        """Return the version of a file; a page has a dozen, so the disk is asked once a second."""
        now = time.monotonic()
        known = self._versions.get(name)
        if known is None or now - known[0] > _LOOK_AGAIN_S:
            known = self._versions[name] = (now, self._file(name).version)
        return known[1]

    def _file(self, name: str) -> _File:
        hidden = any(part.startswith(".") for part in name.split("/"))
        if "\0" in name or hidden or Path(name).suffix not in _TYPES:
            raise web.HTTPNotFound
        path = (self._root / name).resolve()
        if not path.is_relative_to(self._root) or not path.is_file():
            raise web.HTTPNotFound
        changed = path.stat().st_mtime_ns
        file = self._files.get(name)
        if file is None or file.changed != changed:
            body = path.read_bytes()
            file = self._files[name] = _File(changed, body, hashlib.sha256(body).hexdigest()[:12])
        return file


ASSETS = web.AppKey("desk_assets", Assets)
