"""Goods named alone where it was just asked which are meant: an answer, whatever the words were taken for."""

from __future__ import annotations

import re

from actions import parsing
from actions.base import ShopAction, TurnContext
from actions.order_choice import own_orders, pick
from actions.product_choice import named_products, products_offered
from actions.questions import answering, is_of_orders

_LONGEST = 14
#: With these she looks for goods anew: 找热水壶, 有平板吗.
_LOOKS_FOR = re.compile(r"找|搜|看|有|卖|推荐|想|要|哪|别的|其他")
_SETTLED = frozenset({"product_id", "order_number"})
#: Coupons are chosen by their place, not by goods.
_OTHERS = frozenset({"claim_coupon"})


async def answered(turn: TurnContext) -> ShopAction | None:
    """Return the action of the question that the message answers by naming goods, None where it does not.

    Only the question of the message before counts, and only where its action has asked, not a form.
    """
    asked = turn.slot("offered_intent")
    bare = 0 < len(turn.text) <= _LONGEST and not parsing.is_question(turn.text)
    if not bare or _LOOKS_FOR.search(turn.text) or not asked or asked in _OTHERS:
        return None
    action = answering(asked)
    if not _waits(turn, action.name()):
        return None
    if is_of_orders(asked, products=products_offered(turn)):
        if turn.identity.anonymous and not turn.identity.orders:
            return None
        offered = turn.slot("offered_orders") or ()
        named = bool(pick(turn.text, await own_orders(turn), offered, await turn.shop.now()))
    else:
        named = bool(await named_products(turn))
    return action if named else None


def _waits(turn: TurnContext, asking: str) -> bool:
    """Say whether an action ran for the message before this one, and settled on no goods or order itself."""
    ran, messages = False, 0
    for event in reversed(turn.tracker.events or []):
        messages += event.get("event") == "user"
        if messages == 2:
            break
        if messages == 1:
            name = event.get("name")
            ran = ran or (event.get("event") == "action" and name == asking)
            if event.get("event") == "slot" and name in _SETTLED and event.get("value"):
                return False
    return ran
