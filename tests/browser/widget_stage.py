"""The widget where it will live: a real front, and a shop's pages of another origin that embed it.

    async def test_…(widget: WidgetStage) -> None:
        widget.says["物流"] = {"replies": [{"text": "明天到。"}]}
        page = await widget.page(token=widget.token("u1001"))
        frame = await widget.open_widget(page)

The front and the shop's pages have two ports of one host, so two origins of one site, as a shop and its
subdomain have. ``widget.host.far`` is the shop under another site, where this chromium refuses all storage to
the frame; both may embed the widget, ``widget.host.foreign`` may not. Playwright looks into no closed shadow
root, so pages here open them; ``widget.page(closed=True)`` leaves them closed.
"""

from __future__ import annotations

import asyncio
import html
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.bot.conversation.harness import QUICK, Front, token
from tests.bot.conversation.rasa_stub import RasaStub, answer
from tests.support import shop as shops

#: The launcher, where shadow roots are open.
LAUNCHER = "zhixin-chat .launcher"
PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
DESKTOP = {"viewport": {"width": 1280, "height": 800}}

_OPEN_ROOTS = """
const attach = Element.prototype.attachShadow;
Element.prototype.attachShadow = function (init) { return attach.call(this, { ...init, mode: "open" }); };
"""
#: What a browser logs of what did not load; pages handle it themselves.
_NETWORK = ("Failed to load resource", "WebSocket connection to")


class HostPages:
    """A shop's site: serves the pages that a test gives it.

    Attributes:
        pages: path -> HTML, or HTML and headers.
    """

    def __init__(self) -> None:
        self.pages: dict[str, str | tuple[str, Mapping[str, str]]] = {}
        app = web.Application()
        app.router.add_get("/{path:.*}", self._serve)
        self._server = TestServer(app, host="127.0.0.1")

    async def start(self) -> None:
        await self._server.start_server(access_log=None)

    async def stop(self) -> None:
        await self._server.close()

    @property
    def origin(self) -> str:
        """The shop's origin."""
        return f"http://127.0.0.1:{self._server.port}"

    @property
    def far(self) -> str:
        """An origin of the same pages that is another site than the front."""
        return f"http://localhost:{self._server.port}"

    @property
    def foreign(self) -> str:
        """An origin of the same pages that may not embed the widget."""
        return f"http://foreign.localhost:{self._server.port}"

    async def _serve(self, request: web.Request) -> web.Response:
        found = self.pages.get(request.path)
        if found is None:
            return web.Response(status=404)
        text, headers = found if isinstance(found, tuple) else (found, {})
        kind = "text/javascript" if request.path.endswith(".js") else "text/html"
        return web.Response(text=text, headers=dict(headers), content_type=kind, charset="utf-8")


class WidgetStage:
    """A front with the stand-in for Rasa behind it, a shop's site, and pages of a real browser.

    Args:
        folder: where the record is.
        browser: of Playwright.
        with_shop: the front has the demo shop: cards, shelf, service hours.
        changes: settings of the front, or other arguments of :class:`Front`.

    Attributes:
        says: text of a message -> what its turn holds beside the usual (``replies``, ``belief`` …).
        rasa: the stand-in; ``rasa.script`` may be replaced, ``rasa.calls`` are the turns it got.
        front: the front.
        host: the shop's site.
        faults: what pages got wrong: errors of scripts, what a policy refused. Checked at the end.
        outside: requests to anybody else. Checked at the end.
    """

    def __init__(self, folder: Path, browser: Any, *, with_shop: bool = False, **changes: Any) -> None:
        self.says: dict[str, Mapping[str, Any]] = {}
        self.rasa = RasaStub()
        self.rasa.script = lambda turn: answer(turn, **self.says.get(turn.get("text") or "", {}))
        self.host = HostPages()
        self.faults: list[str] = []
        self.outside: list[str] = []
        self.shop: Any = None
        self.front: Front
        self._folder = folder
        self._browser = browser
        self._with_shop = with_shop
        self._changes = changes
        self._contexts: list[Any] = []
        self._port: int | None = None

    async def __aenter__(self) -> WidgetStage:
        await self.rasa.start()
        await self.host.start()
        if self._with_shop:
            self.shop, _ = shops.demo_shop(self._folder)
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        for context in self._contexts:
            await context.close()
        await self.stop()
        if self.shop is not None:
            await self.shop.close()
        await self.host.stop()
        await self.rasa.stop()

    async def start(self) -> None:
        """Start the front, on the port it had before."""
        # No waiting lines here: on a busy machine they would come between the messages that are looked at.
        patience = replace(QUICK, looking=20.0, apology=30.0)
        changes = {"embed_origins": (self.host.origin, self.host.far), "patience": patience, **self._changes}
        url = f"sqlite:///{self._folder / 'record.db'}"
        self.front = Front(url, self.rasa.port, shop=self.shop, port=self._port, **changes)
        await self.front.__aenter__()
        self._port = self.front.server.port

    async def stop(self) -> None:
        """Stop the front; :meth:`start` brings it back with the same record."""
        await self.front.__aexit__()

    @property
    def origin(self) -> str:
        """The front's origin."""
        return f"http://127.0.0.1:{self._port}"

    def token(self, customer_id: str) -> str:
        """Return a token as the shop's backend would sign it."""
        return token(customer_id)

    def line(self, **attributes: str | None) -> str:
        """Return the line that a shop puts into its pages: ``line(token=…, lang="en")``."""
        given = "".join(f' data-{k}="{html.escape(v)}"' for k, v in attributes.items() if v is not None)
        return f'<script src="{self.origin}/widget.js"{given} async></script>'

    async def context(self, *, closed: bool = False, **options: Any) -> Any:
        """Return a context of the browser (cookies and storage of its own), which is watched."""
        context = await self._browser.new_context(**{**DESKTOP, "locale": "zh-CN", **options})
        self._contexts.append(context)
        if not closed:
            await context.add_init_script(_OPEN_ROOTS)
        context.on("page", self._watch)
        return context

    async def page(
        self,
        body: str = "<h1>店铺</h1>",
        *,
        context: Any = None,
        path: str = "/",
        head: str = "",
        headers: Mapping[str, str] | None = None,
        origin: str | None = None,
        closed: bool = False,
        options: Mapping[str, Any] | None = None,
        **attributes: str | None,
    ) -> Any:
        """Open a page of the shop that has the widget's line; further arguments are the line's attributes.

        Args:
            body: what the page shows.
            context: the browser's context; a new one by default.
            path: where the page lies.
            head: what its head has beside the title.
            headers: of its answer, e.g. a policy.
            origin: the shop's; :attr:`HostPages.origin` by default.
            closed: shadow roots stay closed.
            options: of a new context, e.g. :data:`PHONE`.
            attributes: of the line, e.g. `token`.
        """
        text = (
            '<!doctype html><html lang="zh-CN"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width"><title>店铺</title>'
            f"{head}{self.line(**attributes)}</head><body>{body}</body></html>"
        )
        self.host.pages[path] = (text, headers or {})
        return await self.visit((origin or self.host.origin) + path, context, closed, options)

    async def alone(self, query: str = "", *, context: Any = None, **options: Any) -> Any:
        """Open the chat as a page of its own, without a shop around it."""
        return await self.visit(f"{self.origin}/widget/{query}", context, options=options)

    async def visit(
        self,
        url: str,
        context: Any = None,
        closed: bool = False,
        options: Mapping[str, Any] | None = None,
    ) -> Any:
        """Open any page."""
        context = context or await self.context(closed=closed, **(options or {}))
        page = await context.new_page()
        page.set_default_timeout(20000)
        await page.goto(url)
        return page

    async def open_widget(self, page: Any) -> Any:
        """Tap the launcher and return the frame of the chat, once it listens."""
        await page.locator(LAUNCHER).click()
        return await self.frame(page)

    async def frame(self, page: Any) -> Any:
        """Return the frame of the chat, once it listens."""
        await page.locator("zhixin-chat .ready").wait_for(state="attached")
        return next(frame for frame in page.frames if frame.url.startswith(f"{self.origin}/widget/"))

    def check(self) -> None:
        """Fail where a page erred, was refused something, or asked anybody else for anything."""
        assert self.faults == []
        assert self.outside == []

    def _watch(self, page: Any) -> None:
        host = self.host
        ours = (self.origin, f"ws{self.origin[4:]}", host.origin, host.far, host.foreign, "data:", "blob:")
        page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        page.on("request", lambda r: r.url.startswith(ours) or self.outside.append(r.url))
        page.on("console", self._hear)

    def _hear(self, message: Any) -> None:
        if message.type == "error" and not message.text.startswith(_NETWORK):
            self.faults.append(message.text)


async def eventually(look: Callable[[], Awaitable[Any]], seconds: float = 8.0) -> Any:
    """Return what `look` finds, asked again and again until it finds something."""

    async def poll() -> Any:
        while not (found := await look()):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        return found

    return await asyncio.wait_for(poll(), seconds)
