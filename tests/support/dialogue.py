"""Talks with the project's really trained model, its real actions and a seeded shop, in one process.

    talk = Talk(model, shop, customer_id="u1001")
    reply = await talk.say("取消订单")
    reply = await talk.tap("确认")

What Rasa would send to the action server goes through JSON and rasa-sdk's executor; replies are worded by the
project's wording, so that buttons are the ones a shopper sees and a tap sends their payload.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import Any

import jwt

from actions import shop_access
from actions.identity import ACTIONS, FRONT
from tests.support.stage import KEY, wording

PROJECT = Path(__file__).resolve().parents[2]

_conversations = count(1)


@lru_cache(maxsize=1)
def _executor() -> Any:
    from rasa_sdk.executor import ActionExecutor

    executor = ActionExecutor()
    executor.register_package("actions")
    return executor


def project_model(folder: Path) -> Path:
    """Return a model of the project as it is now: one that is lying ready, or a fresh one in `folder`."""
    from bot.components.training import current_model, train

    ready = [os.environ.get("ZHIXIN_TEST_MODEL_DIR"), PROJECT / "models", folder]
    for candidate in filter(None, ready):
        found = current_model(Path(candidate))
        if found is not None:
            return found
    before = Path.cwd()
    os.chdir(folder)  # Rasa's training cache belongs nowhere else
    try:
        return train(PROJECT, folder, lambda line: None)
    finally:
        os.chdir(before)


@dataclass
class Reply:
    """What came back in one turn."""

    intent: str
    said: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)  # response, facts
    texts: list[str] = field(default_factory=list)
    buttons: dict[str, str] = field(default_factory=dict)  # title -> payload
    customs: list[Mapping[str, Any]] = field(default_factory=list)
    slots: Mapping[str, Any] = field(default_factory=dict)
    form: str | None = None

    @property
    def responses(self) -> list[str]:
        """The names of the responses, in order."""
        return [name for name, _ in self.said]

    def facts(self, response: str) -> Mapping[str, Any]:
        """Return the facts of one response."""
        return next(facts for name, facts in self.said if name == response)

    def directive(self, name: str) -> Mapping[str, Any] | None:
        """Return a directive, or None."""
        return next((c for c in self.customs if c.get("directive") == name), None)


class Talk:
    """One conversation."""

    def __init__(
        self,
        model: Path,
        shop: Any,
        *,
        customer_id: str | None = None,
        orders: Sequence[str] = (),
        source: str = "n1",
        link: bool = False,
    ) -> None:
        from rasa.core.agent import Agent

        self.shop = shop
        self.customer_id = customer_id
        self.orders = list(orders)
        self.source = source
        self.link = link  # she writes by a messaging channel
        self.conversation = f"c_talk_{next(_conversations)}"
        self.last: Reply | None = None
        self._messages = count(1)
        self._current = Reply("")
        self._agent = _agent(model, Agent)
        os.environ["ZHIXIN_ASSERTION_KEY"] = KEY

    async def say(
        self, text: str, *, message_id: str | None = None, metadata: Mapping[str, Any] | None = None
    ) -> Reply:
        """Type something. A repeated `message_id` stands for a message that is handled again."""
        from rasa.core.channels.channel import CollectingOutputChannel, UserMessage

        message_id = message_id or f"m{next(self._messages)}"
        self._current = reply = Reply("")
        _SPEAKING.append(self)
        shop_access.set_gateway(self.shop)
        channel = CollectingOutputChannel()
        try:
            await self._agent.handle_message(
                UserMessage(
                    text,
                    channel,
                    self.conversation,
                    message_id=message_id,
                    metadata={**(metadata or {}), "assertion": self._assertion(message_id)},
                )
            )
        finally:
            shop_access.set_gateway(None)
            _SPEAKING.pop()
        tracker = await self._agent.tracker_store.retrieve(self.conversation)
        reply.intent = str(tracker.latest_message.intent.get("name"))
        reply.customs = [m["custom"] for m in channel.messages if m.get("custom")]
        reply.slots = dict(tracker.current_slot_values())
        reply.form = tracker.active_loop_name
        verified = reply.directive("verified")
        if verified is not None:  # as the front does
            claims = jwt.decode(verified["grant"], KEY, algorithms=["HS256"], audience=FRONT, issuer=ACTIONS)
            self.orders += claims["orders"]
        bound = reply.directive("bound")
        if bound is not None:
            claims = jwt.decode(bound["grant"], KEY, algorithms=["HS256"], audience=FRONT, issuer=ACTIONS)
            self.customer_id = claims["customer"]
        self.last = reply
        return reply

    async def tap(self, title: str) -> Reply:
        """Tap a button of the last reply, by its title or the beginning of it."""
        assert self.last is not None
        payload = next((p for t, p in self.last.buttons.items() if t.startswith(title)), None)
        assert payload is not None, f"{title} is not among {list(self.last.buttons)}"
        return await self.say(payload)

    async def send_picture(self) -> Reply:
        """Send a picture: the front tells of it by an event."""
        return await self.say("/send_picture", metadata={"pictures": True})

    async def hand_back(self, **settled: str) -> Reply:
        """Tell the bot that a person has handed the conversation back."""
        return await self.say("/handed_back", metadata={"settled": settled})

    def _assertion(self, message_id: str) -> str:
        claims: dict[str, Any] = {
            "iss": FRONT,
            "aud": ACTIONS,
            "cid": self.conversation,
            "mid": message_id,
            "orders": self.orders,
            "net": self.source,
            "link": self.link,
            "exp": int(time.time()) + 120,
        }
        if self.customer_id:
            claims["sub"] = self.customer_id
        return jwt.encode(claims, KEY, algorithm="HS256")

    def speak(self, name: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """Word a response and write it down."""
        facts, options = given.get("facts") or {}, given.get("options") or []
        worded = wording().say(name, facts, "neutral", options)
        self._current.said.append((name, facts))
        self._current.texts.append(worded.text)
        self._current.buttons |= {b.title: b.payload for b in worded.buttons}
        return {"text": worded.text, **({"custom": worded.card} if worded.card else {})}


#: The conversation whose turn it is; tests talk one at a time.
_SPEAKING: list[Talk] = []


@lru_cache(maxsize=2)
def _agent(model: Path, agent_class: Any) -> Any:
    from rasa.core.nlg import NaturalLanguageGenerator
    from rasa.utils.endpoints import EndpointConfig

    class Speaker(NaturalLanguageGenerator):  # type: ignore[misc]
        async def generate(
            self, utter_action: str, tracker: Any, output_channel: str, **kwargs: Any
        ) -> dict[str, Any]:
            return _SPEAKING[-1].speak(utter_action, kwargs)

    class InProcess(EndpointConfig):  # type: ignore[misc]
        async def request(self, *args: Any, **kwargs: Any) -> Any:
            call = json.loads(json.dumps(kwargs["json"], default=str))
            call["domain"] = {}
            return json.loads(json.dumps(await _executor().run(call)))

    return agent_class.load(model, action_endpoint=InProcess("http://in-process"), generator=Speaker())
