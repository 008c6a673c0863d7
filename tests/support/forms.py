"""Plays a form's action as Rasa runs it: opened, with messages, and resumed after another topic."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from actions.binding import BindingForm
from actions.shop.models import Order
from actions.shop.sql import SqlShop
from actions.verify import VerifyForm
from actions.write_form import WriteForm
from tests.shop.helpers import order_numbers
from tests.support.stage import Scene, Stage

USER = {"event": "user"}


async def all_orders(shop: SqlShop) -> list[Order]:
    """Return every order of every demo customer."""
    return [await shop.order(number, customer_id=None) for number in order_numbers(shop)]


def few_of_each_state(orders: Iterable[Order], most: int = 4) -> list[Order]:
    """Return at most so many orders of each state, late parcels counted apart."""
    found: dict[tuple[object, bool], list[Order]] = defaultdict(list)
    for order in orders:
        parcel = order.shipment
        late = parcel is not None and parcel.expected_by > parcel.promised_by
        found[order.state, late].append(order)
    return [order for same in found.values() for order in same[:most]]


class FormStage:
    """One form on a stage."""

    def __init__(self, stage: Stage, action: WriteForm | VerifyForm | BindingForm) -> None:
        self.stage = stage
        self.action = action
        self.form = action.name().removeprefix("validate_")

    async def open(self, text: str = "", *, intent: str, entities: Mapping[str, Any] | None = None) -> Scene:
        """Open the form by a message."""
        events = [USER, {"event": "active_loop", "name": self.form}]
        return await self._play(text, intent, entities, events)

    async def say(self, text: str = "", *, intent: str, entities: Mapping[str, Any] | None = None) -> Scene:
        """Send a message while the form waits."""
        return await self._play(text, intent, entities, [USER, {"event": "action", "name": self.form}])

    async def resume(self, text: str, *, intent: str) -> Scene:
        """Run the form again after another topic has answered this message."""
        other = {"event": "action", "name": "action_of_another_topic"}
        return await self._play(text, intent, None, [USER, other, {"event": "action", "name": self.form}])

    async def confirm(self) -> Scene:
        """Tap the confirmation shown last."""
        return await self.say(intent="affirm", entities={"write": self.stage.slots["write_key"]})

    async def _play(
        self,
        text: str,
        intent: str,
        entities: Mapping[str, Any] | None,
        events: Sequence[Mapping[str, Any]],
    ) -> Scene:
        return await self.stage.play(self.action, text, intent=intent, entities=entities, events=events)

    @property
    def waits_for(self) -> str | None:
        """The slot that the form waits for; None when it has ended."""
        return self.stage.slots.get("requested_slot")
