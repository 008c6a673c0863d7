"""What every action shares: proven identity, the shop under a time limit, facts out, and a kind failure.

An action is a subclass of :class:`ShopAction` with ``name`` and ``handle``. It reads from its
:class:`TurnContext`, asks the shop, and answers with a response's name and typed facts; it never holds prose.
"""

from __future__ import annotations

import asyncio
import logging
import time
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions import shop_access, wishes
from actions.identity import Identity, identify
from actions.shop.cards import plain
from actions.shop.errors import NotFoundError, NotOfferedError, ShopTimeoutError, ShopUnavailableError
from actions.shop.gateway import ShopGateway
from persona.privacy.masking import MaskingFilter
from persona.temperament.simplified import simplified

logger = logging.getLogger(__name__)
logger.addFilter(MaskingFilter())

Event = dict[str, Any]
Events = list[Event]

_KEY_LENGTH = 200


def option(option_id: str, **args: Any) -> dict[str, Any]:
    """Return a next step for :meth:`TurnContext.say`; title and payload live in ``options.yml``."""
    return {"id": option_id, "args": {name: plain(value) for name, value in args.items()}}


class TurnContext:
    """One action's view of one turn.

    Attributes:
        identity: what is proven about the sender of this message.
        shop: the shop's backend.
        tracker: the conversation; slots are read through :meth:`slot`.
        refused: the wish that this action said no to, and its order (:mod:`actions.escalating`).
        noted: slots set beside what the action returns, see :meth:`note`.
    """

    def __init__(self, dispatcher: CollectingDispatcher, tracker: Tracker) -> None:
        self._dispatcher = dispatcher
        self._said_before = len(dispatcher.messages)
        self.tracker = tracker
        self.settled_order: str | None = None
        self.refused: tuple[str, str | None] | None = None
        self.noted: Events = []
        self.message: Mapping[str, Any] = tracker.latest_message or {}
        self.identity: Identity = identify(tracker.sender_id, self.message, tracker.slots.get("grant"))

    @property
    def shop(self) -> ShopGateway:
        """The shop of this process."""
        return shop_access.gateway()

    @property
    def text(self) -> str:
        """The message in Simplified characters; "" for a tapped button or an event, whose text is a payload.

        What is stored or shown in her own words is :attr:`typed`.
        """
        return simplified(self.typed)

    @property
    def typed(self) -> str:
        """The message as typed, of the same length as :attr:`text`; "" for a button or an event."""
        text = str(self.message.get("text") or "")
        return "" if text.startswith("/") else text

    def as_typed(self, part: str) -> str:
        """Return a part of :attr:`text` in the characters that were typed: 陳 for the 陈 of a name."""
        at = self.text.find(part)
        return part if at < 0 else self.typed[at : at + len(part)]

    @property
    def people_there(self) -> bool:
        """Whether an agent is at the desk, as the front said with the turn; True where it did not say."""
        return (self.message.get("metadata") or {}).get("people") is not False

    @property
    def looking_at(self) -> Mapping[str, str]:
        """What her page shows, ``product_id`` and ``order_number``, each where known: a claim.

        Whether it counts says :mod:`actions.looking`.
        """
        seen = (self.message.get("metadata") or {}).get("looking_at")
        return seen if isinstance(seen, Mapping) else {}

    @property
    def takes_pictures(self) -> bool:
        """Whether she can send pictures where she writes, as the front said with the turn."""
        return (self.message.get("metadata") or {}).get("pictures") is True

    @property
    def intent(self) -> str:
        """The intent's name, or ""."""
        return str((self.message.get("intent") or {}).get("name") or "")

    def entities(self, name: str) -> list[str]:
        """Return the values of one entity in this message, in the order found, without repetition."""
        found = (e for e in self.message.get("entities") or () if e.get("entity") == name)
        return list(dict.fromkeys(str(e["value"]) for e in found if e.get("value") is not None))

    def entity(self, name: str) -> str | None:
        """Return the first value of one entity in this message, or None."""
        return next(iter(self.entities(name)), None)

    def slot(self, name: str) -> Any:
        """Return a slot's value, None where unset or unknown."""
        return self.tracker.slots.get(name)

    def key(self, action: str, message_id: str | None = None) -> str:
        """Return the idempotency key of a write: conversation, message and action.

        Args:
            action: what is done, e.g. ``cancel_order``.
            message_id: the message that the write belongs to; this one by default. A write that was
                confirmed twice names the message that asked for the confirmation, so that both are one.
        """
        message = message_id or self.identity.message_id
        return f"{self.identity.conversation_id}:{message}:{action}"[-_KEY_LENGTH:]

    def say(
        self,
        response: str,
        facts: Mapping[str, Any] | None = None,
        options: Sequence[Mapping[str, Any]] = (),
        card: tuple[str, Mapping[str, Any]] | None = None,
    ) -> None:
        """Answer with a response of the domain, its facts, and next steps in order of usefulness.

        A `card`, kind and data, says the same: the two are one message, and the text stands where it cannot
        be drawn.
        """
        drawn = None if card is None else {"type": "card", "card": card[0], "data": plain(card[1])}
        self._dispatcher.utter_message(
            response=response, facts=plain(facts or {}), options=plain(options), json_message=drawn
        )

    def card(self, kind: str, data: Mapping[str, Any]) -> None:
        """Show a card as a message of its own: ``order``, ``shipment``, ``aftersale`` or ``products``."""
        self._dispatcher.utter_message(json_message={"type": "card", "card": kind, "data": plain(data)})

    def directive(self, directive: str, **fields: Any) -> None:
        """Tell the front to act; the shopper never sees it."""
        payload = {"type": "directive", "directive": directive, **plain(fields)}
        self._dispatcher.utter_message(json_message=payload)

    def note(self, slot: str, value: Any) -> None:
        """Set a slot beside what the action returns; it is forgotten where the action does nothing."""
        self.noted.append(SlotSet(slot, value))

    def grant(self, grant: str) -> None:
        """Let a grant that was issued just now count for the rest of this action."""
        self.identity = identify(self.tracker.sender_id, self.message, grant)

    def settle_on(self, order_number: str) -> None:
        """Let the rest of this action be about one order, whatever the message's text points to."""
        self.settled_order = order_number

    def unsay(self) -> None:
        """Take back all that this action said: a failure leaves nothing half told."""
        del self._dispatcher.messages[self._said_before :]
        self.noted.clear()


class _Budgets:
    """Remembers when each turn first asked the shop: several actions of a turn share one allowance."""

    _GRACE_S = 2.0  # so long after the allowance, actions still are of the same turn; a repeat comes later
    _MOST = 2_000

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began: OrderedDict[tuple[str, str], float] = OrderedDict()

    def remaining(self, identity: Identity, allowance_s: float) -> float:
        """Return the seconds that are left to this turn; may be negative."""
        now = self._clock()
        turn = (identity.conversation_id, identity.message_id)
        began = self._began.get(turn)
        if began is None or now - began > allowance_s + self._GRACE_S or not identity.message_id:
            self._began[turn] = began = now
            self._began.move_to_end(turn)
            while len(self._began) > self._MOST:
                self._began.popitem(last=False)
        return allowance_s - (now - began)


_budgets = _Budgets()


async def within_budget(turn: TurnContext, work: Awaitable[Events | None]) -> Events:
    """Await `work` for as long as the turn still may spend with the shop.

    Raises:
        ShopTimeoutError: the time is up; a write may or may not have happened.
    """
    left = _budgets.remaining(turn.identity, shop_access.timeout_s())
    try:
        events: Events | None = await asyncio.wait_for(work, timeout=max(left, 0.001))
    except asyncio.TimeoutError as exc:
        raise ShopTimeoutError("the turn's time with the shop is up") from exc
    return events or []


class ShopAction(Action, ABC):  # type: ignore[misc]  # rasa-sdk is untyped here
    """An action of the assistant. Subclasses give ``name`` and ``handle``; failures are answered here."""

    @abstractmethod
    def name(self) -> str:
        """Return the name that the domain lists."""

    @abstractmethod
    async def handle(self, turn: TurnContext) -> Events | None:
        """Do the job; return events (slots, follow-ups) or None.

        May raise any :class:`~actions.shop.errors.ShopError`; see :meth:`unavailable` and :meth:`not_found`.
        """

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Any) -> Events:
        """Run :meth:`handle` within the turn's time; whatever happens, the shopper gets an answer."""
        turn = TurnContext(dispatcher, tracker)
        events = await self._events(turn)
        if not events and self.name().startswith("validate_"):
            return []  # a form that leaves the message to another topic must leave it untouched
        wishes.hear_care(turn)
        return [*events, *turn.noted]

    async def _events(self, turn: TurnContext) -> Events:
        try:
            return await within_budget(turn, self.handle(turn))
        except ShopUnavailableError as exc:
            logger.warning("%s: the shop is unavailable: %r", self.name(), exc)
            turn.unsay()
            return self.unavailable(turn)
        except NotFoundError:
            turn.unsay()
            return self.not_found(turn)
        except NotOfferedError:
            turn.unsay()
            return self.not_offered(turn)
        except Exception:
            # The boundary: rasa-sdk would echo the whole tracker to its caller.
            logger.exception("%s failed", self.name())
            turn.unsay()
            return self.failed(turn)

    def unavailable(self, turn: TurnContext) -> Events:
        """Answer when the shop did not: nothing was done, try again or ask a person."""
        again = option("ask_again", intent=turn.intent, order_number=turn.entity("order_number"))
        turn.say("utter_shop_unavailable", options=[again, option("ask_human")])
        return []

    def not_found(self, turn: TurnContext) -> Events:
        """Answer for a thing that is not there or not hers; the two are not told apart."""
        turn.say("utter_not_found", options=[option("list_orders"), option("ask_human")])
        return []

    def not_offered(self, turn: TurnContext) -> Events:
        """Answer where this shop's backend does not do such a thing: a person may."""
        turn.say("utter_not_offered", options=[option("ask_human")])
        return []

    def failed(self, turn: TurnContext) -> Events:
        """Answer when we ourselves failed."""
        turn.say("utter_action_failed", options=[option("ask_human")])
        return []
