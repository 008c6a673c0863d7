"""Finds the product that a shopper means: tapped, named, spoken of last or bought; asks where several fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rasa_sdk.events import SlotSet

from actions.base import Events, TurnContext, option
from actions.order_choice import load_order, own_orders
from actions.shop.errors import NotFoundError, ShopUnavailableError
from actions.shop.models import Order, Product, ProductMatch

_MOST_CHOICES = 4
#: Matches this much below the best are other products, not other readings of the words.
_AS_GOOD = 0.12
#: Without a product word the message itself must fit a product this well to count as naming it.
_NAMES_IT = 0.55
#: Within the candidates of a product word, a lead this large in fitting the rest of the message decides.
_CLEAR_LEAD = 0.1


async def find_product(turn: TurnContext, intent: str) -> tuple[Product | None, Events]:
    """Return the product that the message is about and the events that remember it.

    Where none or several fit, the question has been asked (choices carry `intent`) and the product is None.
    """
    tapped = turn.entity("product_id")
    if tapped:
        return _found(await turn.shop.product(tapped))
    if turn.text:
        matches = await named_products(turn)
        if matches is not None:
            return await _among(turn, matches, intent)
    last, order_number = _spoken_of(turn)
    if last is not None:
        try:
            return _found(await turn.shop.product(last))
        except NotFoundError:  # taken from the shelf since
            pass
    return await _of_order(turn, order_number, intent)


async def named_products(turn: TurnContext) -> list[Product] | None:
    """Return the products that the message names, best first; [] if none is ours, None if it names none."""
    words = " ".join(turn.entities("product"))
    if not words:
        whole = await turn.shop.find_products(turn.text, limit=10)
        return _best(whole) if whole and whole[0].score >= _NAMES_IT else None
    named = await turn.shop.find_products(words, limit=10)
    if not named:
        return []
    candidates = _best(named)
    if len(candidates) == 1:
        return candidates
    # What she says beside the product word ("the one for running") may tell the candidates apart.
    fits = {m.product.product_id: m.score for m in await turn.shop.find_products(_beside(turn), limit=20)}
    ranked = sorted(candidates, key=lambda p: -fits.get(p.product_id, 0.0))
    first, second = (fits.get(p.product_id, 0.0) for p in ranked[:2])
    return ranked[:1] if first - second >= _CLEAR_LEAD else ranked


def _beside(turn: TurnContext) -> str:
    text = turn.text
    for word in turn.entities("product"):
        text = text.replace(word, " ")
    return text


def _best(matches: Sequence[ProductMatch]) -> list[Product]:
    return [m.product for m in matches if m.score >= matches[0].score - _AS_GOOD]


def _found(product: Product) -> tuple[Product, Events]:
    return product, [SlotSet("product_id", product.product_id)]


async def _among(
    turn: TurnContext, products: Sequence[Product], intent: str
) -> tuple[Product | None, Events]:
    if not products:
        turn.say(
            "utter_product_not_found",
            {"words": "、".join(turn.entities("product")) or turn.text},
            [option("ask_recommendation"), option("ask_human")],
        )
        return None, []
    if len(products) > 1:
        bought = await _bought(turn)
        own = [p for p in products if p.product_id in bought]
        if len(own) == 1:  # whoever asks about "the headphones" and bought one of two means that one
            return _found(own[0])
    if len(products) == 1:
        return _found(products[0])
    shown = products[:_MOST_CHOICES]
    _ask(turn, "utter_product_choose", [(p.product_id, p.short_name) for p in shown], intent)
    return None, []


def _ask(turn: TurnContext, response: str, choices: Sequence[tuple[str, str]], intent: str) -> None:
    facts: dict[str, Any] = {"count": len(choices)} if response == "utter_product_choose" else {}
    options = [
        option("choose_product", product=name, product_id=product_id, intent=intent)
        for product_id, name in choices
    ]
    turn.say(response, facts, options or [option("ask_recommendation"), option("list_orders")])


async def _bought(turn: TurnContext) -> set[str]:
    try:
        orders = await own_orders(turn)
    except (NotFoundError, ShopUnavailableError):
        return set()
    return {item.product_id for order in orders for item in order.items}


def _spoken_of(turn: TurnContext) -> tuple[str | None, str | None]:
    """Return (product id, order number) of whichever was spoken of last; the other is None."""
    product_id, number = turn.slot("product_id"), turn.slot("order_number")
    for event in reversed(turn.tracker.events or []):
        if event.get("event") == "slot" and event.get("value"):
            if event.get("name") == "product_id" and product_id:
                return str(product_id), None
            if event.get("name") == "order_number" and number:
                return None, str(number)
    return (str(product_id), None) if product_id else (None, str(number) if number else None)


async def _of_order(turn: TurnContext, number: str | None, intent: str) -> tuple[Product | None, Events]:
    """Take the product of the order spoken of, else offer what she bought last."""
    orders: Sequence[Order] = ()
    if number is not None:
        try:
            orders = (await load_order(turn, number),)
        except NotFoundError:  # no longer hers to see, for example after a logout
            orders = ()
    orders = orders or await own_orders(turn)
    items = {item.product_id: item.short_name for order in orders for item in order.items}
    if len(items) == 1:
        return _found(await turn.shop.product(next(iter(items))))
    _ask(turn, "utter_which_product", list(items.items())[:_MOST_CHOICES], intent)
    return None, []
