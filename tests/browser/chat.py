"""The widget's chat as a test sees it: what is said, in which state, by whom."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from playwright.async_api import Locator, expect

from tests.browser.widget_stage import PHONE, WidgetStage

MINE = ".log .message.mine"
THEIRS = ".log .message.theirs"


@dataclass(frozen=True)
class Chat:
    """The chat in a page, or in the frame of one.

    Attributes:
        view: page or frame of Playwright that shows `/widget/`.
    """

    view: Any

    @property
    def input(self) -> Locator:
        found: Locator = self.view.locator("#input")
        return found

    @property
    def answering(self) -> Locator:
        """The line that says who answers."""
        found: Locator = self.view.locator("#answering")
        return found

    @property
    def typing(self) -> Locator:
        found: Locator = self.view.locator("#typing")
        return found

    @property
    def line(self) -> Locator:
        """The line that says what is wrong with the connection."""
        found: Locator = self.view.locator("#link")
        return found

    def mine(self, text: str | None = None, state: str | None = None) -> Locator:
        """Her own messages: with a text, in a state."""
        wanted = MINE if state is None else f'{MINE}[data-state="{state}"]'
        found: Locator = self.view.locator(wanted)
        return found if text is None else found.filter(has=self.view.get_by_text(text, exact=True))

    async def say(self, text: str) -> None:
        """Write and send."""
        await self.input.fill(text)
        await self.input.press("Enter")

    async def ask(self, text: str, answer: str | None = None) -> None:
        """Write, send, and wait for the answer: ``答：`` and the text, if none is named."""
        await self.say(text)
        await self.hears(answer or f"答：{text}")

    async def hears(self, text: str) -> None:
        """Wait until exactly one message of this text is there."""
        theirs = self.view.locator(".log .message:not(.mine) .bubble")
        await expect(theirs.filter(has_text=re.compile(rf"^\s*{re.escape(text)}\s*$"))).to_have_count(1)

    async def greeted(self) -> None:
        """Wait until the conversation is open."""
        await self.view.locator('.log[aria-busy="false"] .message').first.wait_for()

    async def said(self) -> list[str]:
        """Her own messages, in order."""
        texts: list[str] = await self.view.locator(f"{MINE} .bubble").all_inner_texts()
        return texts

    async def fits(self) -> bool:
        """Whether nothing is wider than the window."""
        parts = "[document.documentElement, document.querySelector('#scroll')]"
        return bool(await self.view.evaluate(f"{parts}.every(e => e.scrollWidth <= e.clientWidth)"))


async def on_phone(widget: WidgetStage) -> Any:
    """A context of a phone's browser."""
    options: dict[str, Any] = dict(PHONE)
    return await widget.context(**options)


def asked(widget: WidgetStage) -> list[str]:
    """What the assistant was asked, in order: each message once, however often it was sent."""
    return [call["text"] for call in widget.rasa.calls if "text" in call]


async def at_least(found: list[Any], least: int) -> bool:
    """Whether so many were found."""
    return len(found) >= least
