"""What she has before her eyes on the shop's page, and whether a question naming nothing is about it.

What a message means is, in this order: what was tapped or is named in it; what it points to among choices
just offered (第二个); what she is looking at; what was talked of. What was talked of with the same page
before her eyes comes before the page: she named another thing there, or was shown one. A page that she has
come to since comes before it.

What a page says is a claim. A product counts only if it is for sale, an order only if it is hers; anything
else is treated as if nothing had been said.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from actions.base import TurnContext
from actions.shop.errors import NotFoundError
from actions.shop.models import Product

_RECENT_MESSAGES = 3
#: Slot of what was talked of and part of what is looked at, both of this name.
PRODUCT, ORDER = "product_id", "order_number"


async def product_looked_at(turn: TurnContext) -> Product | None:
    """Return the product that a message which names none is about because she is looking at it.

    None where her page shows none, or none that is for sale, or another was talked of there.
    """
    product_id = turn.looking_at.get(PRODUCT)
    if product_id is None or talked_of_there(turn, PRODUCT):
        return None
    try:
        return await turn.shop.product(product_id)
    except NotFoundError:
        return None


def talked_of_there(turn: TurnContext, name: str, page: str | None = None) -> bool:
    """Say whether something else was talked of within her last messages with the same page before her eyes.

    Args:
        turn: the turn.
        name: what was talked of, :data:`PRODUCT` or :data:`ORDER`.
        page: what the page shows; the same kind of thing by default.
    """
    page = page or name
    shown, last = turn.looking_at.get(page), turn.slot(name)
    if shown is None or not last or (page == name and str(last) == shown):
        return False
    messages, settled = 0, False
    for event in reversed(turn.tracker.events or []):
        if event.get("event") == "slot" and event.get("name") == name and event.get("value"):
            settled = True
        if event.get("event") != "user":
            continue
        if event.get("message_id") == turn.identity.message_id:  # this message
            settled = False
            continue
        if settled:
            return _seen_with(event).get(page) == shown
        messages += 1
        if messages == _RECENT_MESSAGES:
            break
    return False


def _seen_with(event: Mapping[str, Any]) -> Mapping[str, str]:
    """Return what she was looking at with an earlier message; {} where it did not say."""
    seen = (event.get("metadata") or {}).get("looking_at")
    return seen if isinstance(seen, Mapping) else {}
