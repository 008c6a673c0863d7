"""A desk at work for tests: a whole front on a real record, the demo shop, shoppers and agents."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from bot.app.desk import DESK
from bot.app.front import shanghai_now
from bot.conversation.desk_types import Agent, Role
from bot.desk.assist.helper import Assist
from bot.desk.assisting import ASSISTING, Assisting
from persona.wording import Wording
from tests.bot.conversation.harness import Shopper
from tests.bot.conversation.rasa_stub import RasaStub, answer
from tests.bot.desk.harness import PASSWORD, Browser, Desk
from tests.support import shop as shops

Evidence = tuple[str, str, str, float]  # cue, words, type, weight


@functools.cache
def wording() -> Wording:
    """The project's words, read once for all tests."""
    return Wording.load()


class Clock(shops.Clock):
    """The time of day runs on; the demo shop's days are those of its seed."""

    def __init__(self) -> None:
        super().__init__()
        self._ahead = timedelta()
        self._began = shanghai_now()

    def __call__(self) -> Any:
        return shops.NOW + (shanghai_now() - self._began) + self._ahead

    def advance(self, **spans: float) -> None:
        """Move on."""
        self._ahead += timedelta(**spans)


def reading(text: str, found: Sequence[Evidence], mood: str = "calm", **chances: float) -> dict[str, Any]:
    """A reading as the engine stores it, with its evidence found in `text`."""
    given = {"power": 0.25, "perfect": 0.25, "peace": 0.25, "lively": 0.25, **chances}
    top = max(given, key=lambda kind: given[kind])
    return {
        "temperament": top if given[top] >= 0.5 else None,
        "secondary": None,
        "probabilities": given,
        "evidence": [
            {"cue": cue, "text": words, "start": at, "end": at + len(words), "type": kind, "weight": weight}
            for cue, words, kind, weight in found
            for at in [text.index(words)]
        ],
        "mood": mood,
        "signals": [],
    }


def directive(**fields: Any) -> dict[str, Any]:
    """A directive of the bot: by default it asks for a person, within the service hours."""
    usual: dict[str, Any] = {
        "directive": "request_human",
        "reason": "顾客要求",
        "contact": None,
        "answer_by": None,
    }
    usual |= {"completes": False, "live": True, "level": None, "order_number": None, "detail": None}
    return {"custom": {"type": "directive", **usual, **fields}}


class Stage:
    """Desk, shop and Rasa's stand-in of one test.

    `says` scripts the stand-in: text -> what a turn holds beside the usual (reading, intent, replies).
    """

    def __init__(self, folder: Path, **changes: Any) -> None:
        self.clock = Clock()
        self.shop, _ = shops.demo_shop(folder, self.clock)
        self.rasa = RasaStub()
        self.says: dict[str, Mapping[str, Any]] = {}
        self._folder = folder
        self._changes = changes
        self.desk: Desk

    async def __aenter__(self) -> Stage:
        self.rasa.script = lambda turn: answer(turn, **self.says.get(turn.get("text", ""), {}))
        await self.rasa.start()
        url = f"sqlite:///{self._folder / 'record.db'}"
        self.desk = Desk(url, self.rasa.port, clock=self.clock, shop=self.shop, **self._changes)
        made = Assist(self.shop, self.clock, wording())
        self.desk.front.app[DESK][ASSISTING] = Assisting(lambda: made)
        await self.desk.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.desk.__aexit__()
        await self.rasa.stop()
        await self.shop.close()

    @property
    def origin(self) -> str:
        return self.desk.origin

    async def agent(self, login: str, name: str, role: Role = Role.AGENT) -> Agent:
        """Add an account."""
        return await self.desk.add(login, role, name)

    async def browser(self, login: str) -> Browser:
        """Return a browser that is logged in with an account."""
        browser = self.desk.browser()
        got = await browser.log_in(login)
        assert got.status == 303, got.text
        return browser

    async def shopper(self, customer_id: str | None = None) -> Shopper:
        """Open a conversation."""
        return await self.desk.front.open(customer_id)

    async def log_in(self, context: Any, login: str) -> Any:
        """Return a page of a browser's context that is logged in."""
        page = await context.new_page()
        page.set_default_timeout(20000)
        await page.goto(self.origin + "/desk/login")
        await page.fill("#login", login)
        await page.fill("#password", PASSWORD)
        await page.click("text=登录 >> nth=-1")
        await page.wait_for_url("**/desk/")
        return page
