"""Changing the delivery address of an order that is not dispatched."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from typing_extensions import override

from actions import parsing
from actions.base import TurnContext, option
from actions.escalating import refuse
from actions.order_choice import MOVING, NOT_SHIPPED, authority, in_states
from actions.parsing import AddressParts
from actions.shop.models import Address, Order, OrderState
from actions.write_form import CONFIRM, Draft, WriteForm, confirmation, names
from persona.privacy.masking import mask_phone

_SLOT = "new_address"
_MOST_SAVED = 3


class AddressForm(WriteForm):
    """Which order, which address, summary, confirmation, done.

    Verification opens that order alone: an anonymous shopper is neither offered saved addresses nor shown
    the present one, and has to give a whole new place.
    """

    form = "address_form"
    intents = ("change_address",)
    details = (_SLOT,)
    tiers = (in_states(*NOT_SHIPPED), in_states(*MOVING))
    left = "utter_address_left"
    none_fits = "utter_nothing_to_readdress"

    @override
    async def absorb(self, turn: TurnContext, draft: Draft, requested: str | None) -> bool:
        earlier = AddressParts.from_json(draft.details.get(_SLOT))
        parts = await self._saved(turn, requested) or _as_typed(turn, parsing.address(turn.text))
        if not parts:
            return False
        merged = parts.over(earlier)
        if merged == earlier:
            return False
        draft.details[_SLOT] = merged.to_json()
        return True

    async def _saved(self, turn: TurnContext, requested: str | None) -> AddressParts | None:
        """Return the saved address that was tapped or pointed to in words."""
        customer_id = turn.identity.customer_id
        chosen = turn.entity("address_id")
        if customer_id is None or not (chosen or (requested == _SLOT and turn.text)):
            return None
        saved = (await turn.shop.customer(customer_id)).addresses[:_MOST_SAVED]
        found = [a for a in saved if a.address_id == chosen]
        if not found and requested == _SLOT and not parsing.address(turn.text):
            index = parsing.ordinal(turn.text, len(saved))
            matched = parsing.match_words(turn.text, [_line(a) for a in saved])
            found = [saved[index]] if index is not None else [saved[i] for i in matched]
        return _parts(found[0]) if len(found) == 1 else None

    @override
    def understands(self, turn: TurnContext, requested: str) -> bool:
        return bool(parsing.address(turn.text))

    @override
    async def answers(self, turn: TurnContext, requested: str | None) -> bool:
        # 收件人改成韩梅梅 corrects the summary, whatever it was taken for.
        if requested == CONFIRM and parsing.address(turn.text) and not parsing.is_question(turn.text):
            return True
        found: bool = await super().answers(turn, requested)
        return found

    @override
    async def check(self, turn: TurnContext, order: Order, draft: Draft) -> bool:
        if order.state in NOT_SHIPPED:
            return True
        self.refused(turn, order, order.state.value)
        return False

    @override
    def refused(self, turn: TurnContext, order: Order, rule: str) -> None:
        number = order.order_number
        if order.state in (
            OrderState.DELIVERED,
            OrderState.CANCELLED,
            OrderState.REFUNDED,
            OrderState.REFUNDING,
        ):
            steps = [option("ask_order_status", order_number=number)]
            turn.say("utter_address_over", names(order) | {"state": order.state}, steps)
            return
        facts = names(order) | ({"expected_by": order.shipment.expected_by} if order.shipment else {})
        steps = [option("request_refund", order_number=number), option("ask_human")]
        turn.say("utter_address_shipped", facts, steps)
        refuse(turn, "address", number)

    @override
    async def ask_detail(self, turn: TurnContext, order: Order, draft: Draft, unclear: bool) -> str | None:
        parts = AddressParts.from_json(draft.details.get(_SLOT))
        if parts and self._target(turn, order, parts) is not None:
            return None
        options: list[dict[str, Any]] = []
        if turn.identity.customer_id is not None and not turn.identity.orders & {order.order_number}:
            customer = await turn.shop.customer(turn.identity.customer_id)
            options = [
                option("choose_address", address_id=a.address_id, place=f"{a.district}{a.street}")
                for a in customer.addresses[:_MOST_SAVED]
                if _line(a) != _line(order.address)
            ]
        if parts or unclear:
            turn.say(
                "utter_address_incomplete", {"missing_place": not (parts.city or parts.district)}, options
            )
        else:
            turn.say("utter_address_wanted", names(order), options)
        return _SLOT

    @staticmethod
    def _target(turn: TurnContext, order: Order, parts: AddressParts) -> Address | None:
        """Return the whole new address, or None while the place is incomplete."""
        old = order.address
        owner = turn.identity.customer_id is not None and order.order_number not in turn.identity.orders
        moved = bool(parts.province or parts.city or parts.district or parts.street)
        if moved and (not parts.street or not (parts.city or owner)):
            return None
        if moved and parts.city is None and not owner:
            return None
        # An owner who names only a street moves within her city; the summary shows her the whole.
        same_city = parts.city is None
        return Address(
            address_id="",
            consignee=parts.consignee or old.consignee,
            phone=parts.phone or old.phone,
            province=(old.province if same_city or parts.city == old.city else "")
            if not parts.province
            else parts.province,
            city=parts.city or old.city,
            district=parts.district or (old.district if same_city else ""),
            street=parts.street or old.street,
        )

    @override
    async def summarise(self, turn: TurnContext, order: Order, draft: Draft) -> None:
        parts = AddressParts.from_json(draft.details[_SLOT])
        target = self._target(turn, order, parts)
        assert target is not None  # noqa: S101  (ask_detail has made sure)
        turn.say(
            "utter_address_confirm",
            names(order) | self._facts(turn, order, parts, target),
            confirmation(draft),
        )

    @staticmethod
    def _facts(turn: TurnContext, order: Order, parts: AddressParts, target: Address) -> dict[str, Any]:
        """Return what may be shown: all to the owner, to others only what they gave themselves."""
        owner = turn.identity.customer_id is not None and order.order_number not in turn.identity.orders
        facts: dict[str, Any] = {}
        if owner or parts.street:
            facts["place"] = _line(target)
        if owner or parts.consignee:
            facts["consignee"] = target.consignee
        if owner or parts.phone:
            facts["phone"] = mask_phone(target.phone)
        return facts

    @override
    async def write(self, turn: TurnContext, order: Order, draft: Draft) -> None:
        parts = AddressParts.from_json(draft.details[_SLOT])
        target = self._target(turn, order, parts)
        assert target is not None  # noqa: S101  (summarised before)
        number = order.order_number
        owner = authority(turn.identity, number)
        result = await turn.shop.change_address(number, target, customer_id=owner, key=str(draft.key))
        facts = names(result.order) | self._facts(turn, order, parts, target)
        if result.order.ship_by is not None:
            facts["ship_by"] = result.order.ship_by
        turn.say("utter_address_changed", facts, [option("ask_order_status", order_number=number)])


def _line(address: Address) -> str:
    parts = [address.province, address.city, address.district, address.street]
    return "".join(dict.fromkeys(part for part in parts if part))


def _parts(address: Address) -> AddressParts:
    return AddressParts(
        address.province, address.city, address.district, address.street, address.consignee, address.phone
    )


def _as_typed(turn: TurnContext, parts: AddressParts) -> AddressParts:
    """Return the parts with name and street in her own characters: both are written on the parcel."""
    own = {name: turn.as_typed(value) for name in ("street", "consignee") if (value := getattr(parts, name))}
    return replace(parts, **own)
