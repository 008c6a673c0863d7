"""The chat on its own, with answers that a test scripts and a style that a test lets the front tell.

The front, its record and the browser are real. A style comes over the front's WebSocket as it does when the
belief has become firm; here it is put into that connection, since which belief is firm is tested elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from playwright.async_api import expect

from tests.browser.widget_stage import PHONE, WidgetStage, eventually

CARDS: Mapping[str, Any] = json.loads((Path(__file__).parent / "cards.json").read_text(encoding="utf-8"))
STYLES = ("neutral", "power", "perfect", "peace", "lively")


def card(name: str, data: Any = None, text: str = "卡片的文字") -> dict[str, Any]:
    """Return a reply that is a card; `data` are those of ``cards.json`` by default."""
    return {
        "custom": {"type": "card", "card": name, "data": CARDS[name] if data is None else data, "text": text}
    }


class Talk:
    """One page of the chat.

    Attributes:
        page: of Playwright.
        stage: the front behind it.
    """

    def __init__(self, stage: WidgetStage, page: Any, sockets: list[Any]) -> None:
        self.stage = stage
        self.page = page
        self._sockets = sockets

    async def say(self, text: str, *replies: Mapping[str, Any]) -> Any:
        """Write a message that is answered with `replies`; return the last of these once all are there."""
        if replies:
            self.stage.says[text] = {"replies": list(replies)}
        rows = self.page.locator(".log > [data-seq]:not(.mine)")
        before = await rows.count()
        await self.page.locator("#input").fill(text)
        await self.page.locator("#input").press("Enter")
        await expect(rows).to_have_count(before + len(replies or (1,)))
        seq = await rows.last.get_attribute("data-seq")  # what comes later is another row
        return self.page.locator(f'.log > [data-seq="{seq}"]:not(.mine)')

    async def asked(self, text: str) -> Mapping[str, Any]:
        """Return the turn in which the bot got this text or payload, once it did."""

        async def look() -> Mapping[str, Any] | None:
            said = ((turn.get("text") or turn.get("payload"), turn) for turn in self.stage.rasa.calls)
            return next((turn for words, turn in said if words == text), None)

        found: Mapping[str, Any] = await eventually(look)
        return found

    async def wear(self, style: str) -> None:
        """Let the front tell another style."""
        self._sockets[-1].send(json.dumps({"type": "style", "style": style}))
        await expect(self.page.locator(f':root[data-style="{style}"]')).to_be_attached()

    async def tell(self, message: Mapping[str, Any]) -> None:
        """Let the front tell a message that its record does not have."""
        self._sockets[-1].send(json.dumps({"type": "message", "message": message}))

    async def settled(self) -> None:
        """Wait until nothing changes softly any more."""
        await self.page.evaluate("Promise.allSettled(document.getAnimations().map((a) => a.finished))")


async def talk(stage: WidgetStage, query: str = "", **options: Any) -> Talk:
    """Open the chat as a page of its own, on a phone by default."""
    sockets: list[Any] = []

    def passed(socket: Any) -> None:
        server = socket.connect_to_server()
        socket.on_message(server.send)
        server.on_message(socket.send)
        sockets.append(socket)

    context = await stage.context(**{**PHONE, **options})
    await context.route_web_socket("**/api/v1/ws", passed)
    page = await stage.alone(query, context=context)
    await expect(page.locator('.line[data-line="ws"]')).to_be_attached()
    await expect(page.locator('.log[aria-busy="false"]')).to_be_attached()
    return Talk(stage, page, sockets)
