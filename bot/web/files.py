"""Files for browsers: only known kinds below a folder, packed once, with a version made of their content.

The widget (`bot.channels`) and the desk (`bot.desk`) may not import each other, and neither the conversations
nor the logs are a place for static files; so this is a room of its own, which imports nothing.
"""

from __future__ import annotations

import functools
import gzip
import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

#: Ending -> media type of what is served.
KINDS = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".mp3": "audio/mpeg",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".wav": "audio/wav",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}

#: For an address that changes with the content, for one that does not, and for one in between.
FOR_GOOD = "public, max-age=31536000, immutable"
ASK_AGAIN = "no-cache"
FIVE_MINUTES = "public, max-age=300"

_LOOK_AGAIN_S = 1.0


@dataclass
class File:
    """One file as it was read.

    Attributes:
        body: its bytes.
        kind: its media type.
        changed: when it was written, in ns.
    """

    body: bytes
    kind: str
    changed: int = 0

    @functools.cached_property
    def version(self) -> str:
        """Twelve hex digits that are made of the content."""
        return hashlib.sha256(self.body).hexdigest()[:12]

    @functools.cached_property
    def packed(self) -> bytes:
        """The body, compressed; once for all who ask for it."""
        return gzip.compress(self.body, mtime=0)


class Folder:
    """The files below a folder, read once and again when they change.

    Args:
        root: the folder.
        kinds: ending -> media type of what may be served.
    """

    def __init__(self, root: Path, kinds: Mapping[str, str] = KINDS) -> None:
        self._root = root.resolve()
        self._kinds = kinds
        self._files: dict[str, File] = {}
        self._versions: dict[str, tuple[float, str]] = {}

    def file(self, name: str) -> File:
        """Return a file.

        Raises:
            web.HTTPNotFound: there is none of that name, or none that may be served.
        """
        kind = self._kinds.get(Path(name).suffix)
        hidden = any(part.startswith(".") for part in name.split("/"))
        if kind is None or hidden or "\0" in name:
            raise web.HTTPNotFound
        path = (self._root / name).resolve()
        if not path.is_relative_to(self._root) or not path.is_file():
            raise web.HTTPNotFound
        name = path.relative_to(self._root).as_posix()  # a//b is a/b, and kept once
        changed = path.stat().st_mtime_ns
        file = self._files.get(name)
        if file is None or file.changed != changed:
            file = self._files[name] = File(path.read_bytes(), kind, changed)
        return file

    def names(self, below: str = "") -> list[str]:
        """Return the names of all files that may be served, those below a folder alone if one is named."""
        found = (path for path in (self._root / below).rglob("*") if path.suffix in self._kinds)
        names = (path.relative_to(self._root).as_posix() for path in found if path.is_file())
        return sorted(name for name in names if not any(part.startswith(".") for part in name.split("/")))

    def version(self, name: str) -> str:
        """Return the version of a file; a page has a dozen, so the disk is asked once a second.

        Raises:
            web.HTTPNotFound: as with :meth:`file`.
        """
        return self._remembered(name, lambda: self.file(name).version)

    def version_of_all(self, *below: str) -> str:
        """Return one version for all files below some folders, made of their names and contents."""

        def made() -> str:
            whole = hashlib.sha256()
            for name in (name for folder in below for name in self.names(folder)):
                whole.update(f"{name} {self.file(name).version}\n".encode())
            return whole.hexdigest()[:12]

        return self._remembered("\0".join(("", *below)), made)

    def _remembered(self, key: str, make: Callable[[], str]) -> str:
        now = time.monotonic()
        known = self._versions.get(key)
        if known is None or now - known[0] > _LOOK_AGAIN_S:
            known = self._versions[key] = (now, make())
        return known[1]


def answer(
    request: web.Request, file: File, cache: str, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Return the answer to a request for a file: itself, packed where that is taken, or that it is unchanged.

    Args:
        request: what was asked.
        file: the file.
        cache: the header ``Cache-Control``.
        headers: further ones.
    """
    etag = f'"{file.version}"'
    sent = {"Cache-Control": cache, "ETag": etag, **(headers or {})}
    text = file.kind.startswith("text/")
    if text:
        sent["Vary"] = "Accept-Encoding"
    if request.headers.get("If-None-Match") == etag:
        return web.Response(status=304, headers=sent)
    body = file.body
    if text and "gzip" in request.headers.get("Accept-Encoding", ""):
        sent["Content-Encoding"] = "gzip"
        body = file.packed
    return web.Response(body=body, headers=sent, content_type=file.kind, charset="utf-8" if text else None)
