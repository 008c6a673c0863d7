"""A messaging channel's user becomes known as a customer, by an order and the number of her account.

An order's number and the last four digits of its phone open that one order (:mod:`actions.verify`), since a
parcel's label shows them. A whole account takes the number of the account. The front binds her, by a signed
grant.
"""

from __future__ import annotations

import logging

from rasa_sdk.events import SlotSet
from typing_extensions import override

from actions import parsing
from actions.base import Events, ShopAction, TurnContext, option
from actions.identity import issue_owner_grant
from actions.interruptions import COUNT, After, after_interruption, interrupted
from actions.order_choice import named_number
from actions.shop.errors import NotFoundError, ShopUnavailableError
from actions.write_form import ANSWERS, REQUESTED, Phase, phase_of
from persona.privacy.masking import mask_phone

logger = logging.getLogger(__name__)

FORM = "binding_form"
_NUMBER, _PHONE = "bind_order", "bind_phone"
_INTENT = "bind_account"
#: What a bare mobile number is taken for as well.
_ANSWERS = ANSWERS | {"give_contact", _INTENT}
#: Asks the shop whether it verifies owners at all; nothing counts.
_NOTHING = ""

_STEPS = ("list_orders", "ask_points", "ask_coupons")


async def account_phone(turn: TurnContext) -> str | None:
    """Return the masked number of the sender's account; None where the shop does not tell it now."""
    if turn.identity.customer_id is None:
        return None
    try:
        phone = (await turn.shop.customer(turn.identity.customer_id)).phone
    except (ShopUnavailableError, NotFoundError) as exc:
        logger.info("the account is not named: %s", type(exc).__name__)
        return None
    return mask_phone(phone) if phone else None


class BindingForm(ShopAction):
    """Asks for an order's number and the account's; a success binds where she writes to the account.

    An unknown order, another number and a reached limit are answered by the same words after the same work.
    """

    @override
    def name(self) -> str:
        return "validate_binding_form"

    @override
    async def handle(self, turn: TurnContext) -> Events | None:
        phase = phase_of(turn, FORM)
        if phase is Phase.OPENED and (events := await self._needless(turn)) is not None:
            return events
        if phase is Phase.RESUMED:
            return self._resume(turn)
        given = named_number(turn)
        # A number in a question about something else (a new address) would count as a failure.
        answer = phase is Phase.OPENED or turn.intent in _ANSWERS
        phone = parsing.phone(turn.text) if answer or given else None
        fresh = bool(given or phone)
        if phase is Phase.MESSAGE and not fresh and turn.intent in ("stop", "deny"):
            turn.say("utter_binding_left", options=[option("verify_me"), option("ask_human")])
            return _end()
        if phase is Phase.MESSAGE and not fresh and turn.intent not in _ANSWERS:
            return []  # another topic
        number, phone = given or turn.slot(_NUMBER), phone or turn.slot(_PHONE)
        if number and phone:
            return await self._check(turn, str(number), str(phone))
        unclear = phase is Phase.MESSAGE and not fresh and turn.intent != _INTENT
        return self._ask(turn, number, phone, unclear=unclear)

    @staticmethod
    async def _needless(turn: TurnContext) -> Events | None:
        """Answer where there is nothing to bind, and return the events; None where there is."""
        if not turn.identity.link:
            bound = not turn.identity.anonymous
            turn.say("utter_binding_logged_in" if bound else "utter_binding_log_in")
            return _end()
        if not turn.identity.anonymous:
            turn.say("utter_binding_exists", {"phone": await account_phone(turn)}, [option("list_orders")])
            return _end()
        await turn.shop.verify_owner(_NOTHING, _NOTHING, source=turn.identity.source)
        return None

    def _resume(self, turn: TurnContext) -> Events:
        what = after_interruption(turn, FORM)
        if what is After.DROP:
            return _end()
        if what is After.WAIT:
            return [SlotSet(REQUESTED, turn.slot(REQUESTED))]
        return [*self._ask(turn, turn.slot(_NUMBER), turn.slot(_PHONE), unclear=False), *interrupted(turn)]

    @staticmethod
    def _ask(turn: TurnContext, number: str | None, phone: str | None, *, unclear: bool) -> Events:
        wanted = _NUMBER if not number else _PHONE
        if wanted == _NUMBER:
            turn.say("utter_binding_number_unclear" if unclear else "utter_binding_ask_number")
        else:
            turn.say("utter_binding_phone_unclear" if unclear else "utter_binding_ask_phone")
        kept = [SlotSet(_NUMBER, number), SlotSet(_PHONE, phone), SlotSet(COUNT, None)]
        return [*kept, SlotSet(REQUESTED, wanted)]

    @staticmethod
    async def _check(turn: TurnContext, number: str, phone: str) -> Events:
        owner = await turn.shop.verify_owner(number, phone, source=turn.identity.source)
        if owner is None:
            turn.say("utter_binding_failed", options=[option("ask_human")])
            kept = [SlotSet(_NUMBER, number), SlotSet(_PHONE, None), SlotSet(COUNT, None)]
            return [*kept, SlotSet(REQUESTED, _PHONE)]
        grant = issue_owner_grant(turn.identity, owner)
        if grant is None:
            raise RuntimeError("no key for grants is configured")
        turn.directive("bound", grant=grant)
        turn.say("utter_bound", {"phone": mask_phone(phone)}, [option(step) for step in _STEPS])
        return _end()

    @override
    def unavailable(self, turn: TurnContext) -> Events:
        super().unavailable(turn)
        return _end()

    @override
    def not_offered(self, turn: TurnContext) -> Events:
        turn.say("utter_binding_not_offered", options=[option("verify_me"), option("ask_human")])
        return _end()

    @override
    def failed(self, turn: TurnContext) -> Events:
        super().failed(turn)
        return _end()


class TellUnbinding(ShopAction):
    """Says how a binding is undone: the front does it, on the word alone."""

    @override
    def name(self) -> str:
        return "action_tell_unbinding"

    @override
    async def handle(self, turn: TurnContext) -> Events | None:
        if turn.identity.link and not turn.identity.anonymous:
            turn.say("utter_binding_exists", {"phone": await account_phone(turn)}, [option("list_orders")])
        elif turn.identity.link:
            turn.say("utter_binding_none", options=[option("bind_account")])
        else:
            turn.say("utter_unbinding_elsewhere", options=[option("ask_human")])
        return None


def _end() -> Events:
    names = (_NUMBER, _PHONE, COUNT, "pending_task")
    return [*(SlotSet(name, None) for name in names), SlotSet(REQUESTED, None)]
