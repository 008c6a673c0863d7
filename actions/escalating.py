"""Handing over for cause: the rules said no twice, or a write's outcome stays unknown. And who is asking.

A refusal is told first, with its rule and what is possible instead. Who then wants the same thing again is
not told the same for ever: the second refusal of one wish goes to a person, once in a conversation.
"""

from __future__ import annotations

from typing import Any

from rasa_sdk.events import SlotSet

from actions.base import Events, TurnContext, option
from actions.service_time import next_answer
from actions.shop.models import MemberLevel

#: Slot: wish -> id of the message that was refused last, or :data:`_HANDED` once a person has been asked.
REFUSALS = "refusals"
_HANDED = "handed"
#: Slot: the key of the write whose outcome was unknown the last time.
UNSURE = "unsure_write"


async def level_of(turn: TurnContext) -> MemberLevel | None:
    """Return the membership level of the customer that the message comes from, None for a stranger."""
    if turn.identity.customer_id is None:
        return None
    return (await turn.shop.customer(turn.identity.customer_id)).level


def refuse(turn: TurnContext, wish: str, order_number: str, detail: str = "") -> None:
    """Note that this action has just said no by the shop's rules.

    Args:
        turn: the turn; what is noted counts when :func:`insisted` is asked.
        wish: what was wanted: ``cancel``, ``address``, ``aftersale``.
        order_number: the order it was wanted for; "" where several were meant.
        detail: what makes it another wish, e.g. a kind or a reason that is not offered.
    """
    turn.refused = (":".join(filter(None, (wish, order_number, detail))), order_number or None)


async def insisted(turn: TurnContext) -> Events:
    """Return the events that a noted refusal leaves behind; hand over where it was the second of its wish.

    Nothing happens where nothing was refused in this turn.
    """
    if turn.refused is None:
        return []
    wish, order_number = turn.refused
    before: dict[str, str] = turn.slot(REFUSALS) or {}
    message, seen = turn.identity.message_id, before.get(wish)
    if seen in (None, message) or seen == _HANDED:
        return [SlotSet(REFUSALS, {wish: message, **before})]
    when = await next_answer(turn)
    if when.live:
        turn.say("utter_exception_transfer")
    else:
        turn.say("utter_exception_recorded", when.facts() | when.absence(), [option("ask_callback")])
    turn.directive(
        "escalate",
        reason="policy_exception",
        detail=f"{wish}: {turn.typed or turn.intent}"[:500],
        order_number=order_number,
        live=when.live,
        level=await level_of(turn),
    )
    return [SlotSet(REFUSALS, {**before, wish: _HANDED})]


def unsure(turn: TurnContext, form: str, key: str, order_number: Any) -> Events:
    """Answer a write whose outcome is unknown: try again; the second time a person looks after it.

    The shop does not answer, so neither its hours nor the level can be asked for: ``live`` is null, and the
    front goes by the hours that it knows.
    """
    steps = [option("retry_write", write=key), option("ask_human")]
    turn.say("utter_write_unsure", options=steps)
    if turn.slot(UNSURE) == key:
        turn.say("utter_write_unsure_handed")
        number = str(order_number) if order_number else None
        turn.directive("escalate", reason="tool_failure", detail=form, order_number=number, live=None)
    return [SlotSet(UNSURE, key)]
