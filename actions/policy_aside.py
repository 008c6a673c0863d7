"""What the shop's rules say beside something else: told by a form before it asks on."""

from __future__ import annotations

from actions.base import TurnContext
from actions.policy_case import Matter, make_case
from actions.policy_topics import topics
from actions.shop.errors import NotFoundError, NotOfferedError
from actions.shop.models import Order, Product
from actions.shop.policy_models import Part, that_hold, told


async def tell_aside(turn: TurnContext, intent: str, order: Order) -> None:
    """Tell what the policy of a question says of one order; nothing where it says nothing of it."""
    topic = topics().get(intent)
    if topic is None:
        return
    try:
        policy = await turn.shop.policy(topic.topic)
    except (NotFoundError, NotOfferedError):
        return
    case = await make_case(turn, topic, policy, Matter(order, await _first_of(turn, order)))
    clauses = that_hold(policy, case)
    if not clauses:
        return
    tone = next(clause.tone for clause in clauses if clause.part is Part.CONCLUSION)
    rows = [{"part": c.part.value, "text": told(c, case), "core": c.core} for c in clauses]
    facts = {"clauses": rows, "rule": policy.title, "cited": True, "which": False}
    turn.say(f"utter_policy_{tone.value}", facts)


async def _first_of(turn: TurnContext, order: Order) -> Product | None:
    try:
        return await turn.shop.product(order.items[0].product_id) if order.items else None
    except NotFoundError:  # no longer sold; what the order says of it remains
        return None
