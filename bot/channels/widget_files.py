"""What a shop's page loads of the widget: the loader, the page in its iframe, and that page's files.

The files lie under the address of a build, the hash of all of them, so that they are kept for good and
imports among them stay relative. Where fronts are replaced one after the other, a page of one build may ask
a front of another for the rest: it gets the file of that front, to be asked for again, since a file that is
a little newer or older works almost always and one that is missing never does.
"""

from __future__ import annotations

import hashlib
import html
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from aiohttp import web

from bot.channels.web_base import FRAMED, SECURITY_HEADERS
from bot.channels.widget_joined import Joined
from bot.conversation.picture_files import MOST_BYTES
from bot.web.files import ASK_AGAIN, FIVE_MINUTES, FOR_GOOD, File, Folder, answer

HERE = Path(__file__).parent / "widget"

_LOADER = "loader/widget.js"
_PAGE = "frame/index.html"
_PARTS = ("frame", "vendor")
_WORDS = "frame/words/"
_TRADITIONAL = re.compile(r"zh-(hant|tw|hk|mo)\b")

#: A script that any site may load, also with the attribute `crossorigin`.
_FOR_ALL = {"Cross-Origin-Resource-Policy": "cross-origin", "Access-Control-Allow-Origin": "*"}


@dataclass(frozen=True)
class WidgetOptions:
    """What the settings say of the widget.

    Attributes:
        origins: whose pages may embed it, beside the front's own.
        demo: it is a demo's.
        product_url: address of a product's page, with ``{product_id}``; None: products are not linked.
        upload_bytes: the largest picture that is taken of a shopper.
        upload_kinds: media types of pictures that are taken.
    """

    origins: Sequence[str] = ()
    demo: bool = False
    product_url: str | None = None
    upload_bytes: int = MOST_BYTES
    upload_kinds: Sequence[str] = field(default=("image/jpeg", "image/png", "image/webp"))

    def config(self) -> Mapping[str, Any]:
        """Return what the frame's page is told."""
        return {
            "origins": list(self.origins),
            "demo": self.demo,
            "product_url": self.product_url,
            "upload": {"bytes": self.upload_bytes, "kinds": list(self.upload_kinds)},
        }


class WidgetFiles:
    """``/widget.js``, ``/widget/`` and ``/widget/a/{build}/{path}``.

    Args:
        options: what the settings say.
        root: where the files lie.
    """

    def __init__(self, options: WidgetOptions | None = None, root: Path = HERE) -> None:
        self._options = options or WidgetOptions()
        self._folder = Folder(root)
        self._pages = Folder(root, {".html": "text/html"})
        self._joined = Joined(self._folder)
        self._page: dict[str, tuple[str, File]] = {}  # by language
        self._headers = {"Content-Security-Policy": _policy(self._options.origins)}

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get("/widget.js", self.loader),
            web.get("/widget", self.slash),
            web.get("/widget/", self.page),
            web.get("/widget/a/{build}/{path:.+}", self.part),
        ]

    @property
    def build(self) -> str:
        """The hash of all files of the frame, and of its page, which says what is joined."""
        both = self._folder.version_of_all(*_PARTS) + self._pages.version_of_all(*_PARTS)
        return hashlib.sha256(both.encode()).hexdigest()[:12]

    async def loader(self, request: web.Request) -> web.StreamResponse:
        """Return the script that a shop's page names; its address never changes, so it is kept briefly."""
        return answer(request, self._folder.file(_LOADER), FIVE_MINUTES, _FOR_ALL)

    async def slash(self, request: web.Request) -> web.StreamResponse:
        """Lead to the page."""
        given = request.rel_url.raw_query_string
        query = f"?{given}" if given else ""
        return web.Response(status=308, headers={"Location": f"/widget/{query}", "Cache-Control": ASK_AGAIN})

    async def page(self, request: web.Request) -> web.StreamResponse:
        """Return the page of the iframe, which pages of the named origins may embed."""
        response = answer(request, self._filled(_language(request)), ASK_AGAIN, self._headers)
        response[FRAMED] = True
        return response

    async def part(self, request: web.Request) -> web.StreamResponse:
        """Return a file of the page: for good under the present build, else to be asked for again."""
        name = request.match_info["path"]
        if name.partition("/")[0] not in _PARTS:
            raise web.HTTPNotFound
        build = self.build
        cache = FOR_GOOD if request.match_info["build"] == build else ASK_AGAIN
        joined = self._joined.files(self._written(), build).get(name)
        return answer(request, joined or self._folder.file(name), cache)

    def _written(self) -> str:
        return self._pages.file(_PAGE).body.decode("utf-8")

    def _filled(self, language: str) -> File:
        """Return the page with its settings, the address of its files, and the modules named that it needs.

        Without these names a browser would find one module after the other, a round trip each. Where modules
        are joined (:mod:`bot.channels.widget_joined`), they are those of the words alone.

        Args:
            language: whose words are named; the page itself chooses, so a wrong guess costs a round trip.
        """
        written = self._pages.file(_PAGE)
        build = self.build
        key = f"{build} {written.version}"
        known = self._page.get(language)
        if known is None or known[0] != key:
            assets = f"/widget/a/{build}"
            below = _WORDS if self._joined.files(self._written(), build) else "frame"
            modules = [
                name
                for name in self._folder.names("frame")
                if _is_needed(name, language) and name.startswith(below)
            ]
            config = json.dumps(self._options.config(), ensure_ascii=False, separators=(",", ":"))
            text = self._joined.named(self._written(), build)
            for gap, filling in (
                ("{{preload}}", "\n  ".join(_preload(f"{assets}/{name}") for name in modules)),
                ("{{assets}}", assets),
                ("{{config}}", html.escape(config, quote=True)),  # last: nothing is filled in within it
            ):
                text = text.replace(gap, filling)
            known = self._page[language] = (key, File(text.encode(), written.kind))
        return known[1]


def _language(request: web.Request) -> str:
    """Return the language that the page will most likely choose (`frame/core/language.js`)."""
    accepted = request.headers.get("Accept-Language", "").split(",")
    for tag in [request.query.get("lang", ""), *(part.partition(";")[0] for part in accepted)]:
        low = tag.strip().lower()
        if low.startswith("zh"):
            return "zh-Hant" if _TRADITIONAL.match(low) else "zh-Hans"
        if low.startswith("en"):
            return "en"
    return "zh-Hans"


def _is_needed(name: str, language: str) -> bool:
    """Say whether a file is a module that a page in a language loads."""
    path = PurePosixPath(name)
    if not name.startswith(_WORDS):
        return path.suffix == ".js"
    return path.stem == language or path.stem.endswith(f"-{language}")


def _preload(address: str) -> str:
    return f'<link rel="modulepreload" href="{html.escape(address, quote=True)}">'


def _policy(origins: Sequence[str]) -> str:
    """Return the policy of the page: the front's, but it is framed and shows pictures just chosen."""
    policy = SECURITY_HEADERS["Content-Security-Policy"]
    policy = policy.replace("img-src 'self' data:", "img-src 'self' data: blob:")
    return policy.replace("frame-ancestors 'none'", " ".join(["frame-ancestors 'self'", *origins]))
