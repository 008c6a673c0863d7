"""A stage for actions: a signed message goes in; what was said comes out, worded in all five styles.

stage = Stage(shop, customer_id="u1006")
scene = await stage.play(ShowPoints(), "我有多少积分", intent="ask_points")
assert scene.responses == ["utter_points"]
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import count
from typing import Any

import jwt
import pytest
from rasa_sdk import Action, Tracker
from rasa_sdk.executor import CollectingDispatcher

from actions import shop_access
from actions.identity import ACTIONS, FRONT
from persona.strategy import Style
from persona.wording import Utterance, Wording

#: The key of identity assertions in tests.
KEY = "a key for assertions of at least thirty-two characters"

_conversations = count(1)


@lru_cache(maxsize=1)
def wording() -> Wording:
    """Return the project's words, read once."""
    return Wording.load()


@dataclass(frozen=True)
class Scene:
    """What an action did in one turn."""

    messages: Sequence[Mapping[str, Any]]
    events: Sequence[Mapping[str, Any]]

    @property
    def said(self) -> list[Mapping[str, Any]]:
        """The spoken messages."""
        return [m for m in self.messages if m.get("response")]

    @property
    def responses(self) -> list[str]:
        """The names of the responses, in order."""
        return [m["response"] for m in self.said]

    def _custom(self, kind: str) -> list[Mapping[str, Any]]:
        return [m["custom"] for m in self.messages if (m.get("custom") or {}).get("type") == kind]

    @property
    def cards(self) -> list[Mapping[str, Any]]:
        """The cards, in order."""
        return self._custom("card")

    @property
    def directives(self) -> list[Mapping[str, Any]]:
        """The directives, in order."""
        return self._custom("directive")

    @property
    def facts(self) -> Mapping[str, Any]:
        """The facts of the only spoken message."""
        (message,) = self.said
        return dict(message["facts"])

    @property
    def options(self) -> list[str]:
        """The ids of the options of the only spoken message."""
        (message,) = self.said
        return [o["id"] for o in message["options"]]

    @property
    def slots(self) -> dict[str, Any]:
        """The slots that were set."""
        return {str(e["name"]): e["value"] for e in self.events if e.get("event") == "slot"}

    def worded(self, style: str, mood: str | None = None) -> Utterance:
        """Return the only spoken message in one style."""
        (message,) = self.said
        return wording().say(message["response"], message["facts"], style, message["options"], mood)

    def texts(self) -> dict[str, str]:
        """Return the text of the only spoken message by style."""
        return {style.value: self.worded(style.value).text for style in Style}


@dataclass
class Stage:
    """Plays actions for one sender."""

    shop: Any
    customer_id: str | None = None
    orders: Sequence[str] = ()
    link: bool = False  # she writes by a messaging channel
    lifetime_s: float = 60.0
    key: str = KEY
    conversation: str = field(default_factory=lambda: f"c_stage_{next(_conversations)}")
    signed_for: str | None = None  # another conversation, for a stolen assertion
    slots: dict[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)  # what the front sends beside the assertion
    _count: int = 0

    def assertion(self, message_id: str) -> str:
        """Return a signed assertion for one message."""
        now = time.time()
        claims = {
            "iss": FRONT,
            "aud": ACTIONS,
            "cid": self.signed_for or self.conversation,
            "mid": message_id,
            "orders": list(self.orders),
            "net": "n1",
            "link": self.link,
            "exp": now + self.lifetime_s,
        }
        if self.customer_id is not None:
            claims["sub"] = self.customer_id
        return jwt.encode(claims, self.key, algorithm="HS256")

    async def play(
        self,
        action: Action,
        text: str = "",
        *,
        intent: str = "",
        entities: Mapping[str, Any] | None = None,
        events: Sequence[Mapping[str, Any]] = (),
        ranking: Sequence[tuple[str, float]] = (),
        slots: Mapping[str, Any] | None = None,
    ) -> Scene:
        """Run one action on one message; every response must be worded in every style from its facts."""
        self._count += 1
        message_id = f"m_{self._count}"
        message = {
            "text": text or f"/{intent}",
            "intent": {"name": intent},
            "intent_ranking": [{"name": name, "confidence": value} for name, value in ranking],
            "entities": [{"entity": n, "value": v} for n, vs in (entities or {}).items() for v in _many(vs)],
            "message_id": message_id,
            "metadata": {**self.metadata, "assertion": self.assertion(message_id)},
        }
        all_slots = {**self.slots, **(slots or {})}
        tracker = Tracker(
            self.conversation, all_slots, message, list(events), False, None, {}, "action_listen"
        )
        dispatcher = CollectingDispatcher()
        shop_access.set_gateway(self.shop)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("ZHIXIN_ASSERTION_KEY", KEY)
            result = await action.run(dispatcher, tracker, {})
        shop_access.set_gateway(None)
        scene = Scene(dispatcher.messages, result or [])
        self.slots |= scene.slots
        check_words(scene)
        return scene


def check_words(scene: Scene) -> None:
    """Fail where a response cannot be worded in some style from exactly the facts given."""
    for message in scene.said:
        assert wording().fact_problems(message["response"], message["facts"]) == []
        for style in Style:
            said = wording().say(message["response"], message["facts"], style, message["options"])
            assert said.text.strip()


def _many(value: Any) -> Iterator[Any]:
    yield from value if isinstance(value, list | tuple) else (value,)


@contextmanager
def broken(shop: Any, method: str, error: Exception) -> Iterator[Any]:
    """Let one method of a shop fail for a while."""

    async def fail(*_: Any, **__: Any) -> Any:
        raise error

    setattr(shop, method, fail)
    try:
        yield shop
    finally:
        delattr(shop, method)
