"""Finds the order that a shopper means, and asks only where several fit.

The order is named by number (typed or tapped), by its place in a list (第二个), by words of its goods
(耳机那个), by the last digits of its number, or by having just been talked of; else it is the only one that
fits the question. Where nothing in the message says which, the order on whose page she is comes before
the one talked of, see :mod:`actions.looking`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from rasa_sdk.events import FollowupAction, SlotSet

from actions import parsing
from actions.base import Events, TurnContext, option
from actions.day_words import of_day, without_day
from actions.identity import Identity
from actions.looking import ORDER, talked_of_there
from actions.order_words import extreme, narrowed
from actions.shop.errors import NotFoundError
from actions.shop.models import Order, OrderState

Fits = Callable[[Order], bool]

_MOST_CHOICES = 5
_TITLE_CHARS = 8  # of a product's name, see choose_order in options.yml
_RECENT_MESSAGES = 3
#: How many products her words are compared with, how good a match names one, and what counts beside the best.
_MATCHES, _NAMES_IT, _AS_GOOD = 20, 0.55, 0.7

OPEN = frozenset({OrderState.UNPAID, OrderState.PAID, OrderState.SHIPPED, OrderState.EXCEPTION})
MOVING = frozenset({OrderState.SHIPPED, OrderState.EXCEPTION})
NOT_SHIPPED = frozenset({OrderState.UNPAID, OrderState.PAID})


def in_states(*states: OrderState) -> Fits:
    """Return a predicate: the order is in one of `states`."""
    return lambda order: order.state in states


def any_order(order: Order) -> bool:
    """Fit every order."""
    return True


class Outcome(Enum):
    """How the search ended."""

    FOUND = "found"
    SEVERAL = "several"  # ask
    NONE = "none"  # she has orders, but none fits
    NO_ORDERS = "no_orders"  # she has no orders at all
    NO_SUCH_PRODUCT = "no_such_product"  # none of hers contains what she named
    NOT_HERS = "not_hers"  # the number she named is unknown or somebody else's
    VERIFY = "verify"  # anonymous: the order must be proven first


@dataclass(frozen=True)
class Choice:
    """The result of :func:`find_order`.

    Attributes:
        outcome: how the search ended.
        order: the order, if FOUND.
        candidates: what to choose from, newest first; for NONE and NO_SUCH_PRODUCT, what is there at all.
        named: the number or product that was named, if any.
    """

    outcome: Outcome
    order: Order | None = None
    candidates: tuple[Order, ...] = ()
    named: str | None = None


def authority(identity: Identity, order_number: str) -> str | None:
    """Return the `customer_id` to ask the shop with: None for an order opened by verification.

    Raises:
        NotFoundError: nothing entitles the sender to this order.
    """
    if order_number in identity.orders:
        return None
    if identity.customer_id is None:
        raise NotFoundError("not entitled")
    return identity.customer_id


async def load_order(turn: TurnContext, order_number: str) -> Order:
    """Return an order that the sender may see; NotFoundError otherwise."""
    return await turn.shop.order(order_number, customer_id=authority(turn.identity, order_number))


async def own_orders(turn: TurnContext) -> list[Order]:
    """Return the orders that the sender may see, newest first."""
    found: dict[str, Order] = {}
    if turn.identity.customer_id is not None:
        found = {o.order_number: o for o in await turn.shop.orders(turn.identity.customer_id)}
    for number in sorted(turn.identity.orders - set(found)):
        try:
            found[number] = await turn.shop.order(number, customer_id=None)
        except NotFoundError:  # the shop has dropped it since
            continue
    return sorted(found.values(), key=lambda order: order.placed_at, reverse=True)


def item_names(order: Order) -> list[str]:
    """Return the short names of an order's goods, each once."""
    return list(dict.fromkeys(item.short_name for item in order.items))


def named_number(turn: TurnContext) -> str | None:
    """Return the order number of this message: tapped, or typed in any form."""
    for value in (*turn.entities("order_number"), turn.text):
        numbers = parsing.order_numbers(value)
        if numbers:
            return numbers[0]
    return None


def talked_of(turn: TurnContext, within: int = _RECENT_MESSAGES) -> str | None:
    """Return the order last talked of, if that was at most `within` messages of hers ago."""
    number = turn.slot("order_number")
    if not number:
        return None
    messages = 0
    for event in reversed(turn.tracker.events or []):
        if event.get("event") == "user":
            messages += 1
            if messages > within:
                return None
        if event.get("event") == "slot" and event.get("name") == "order_number":
            return str(number)
    return None


async def order_looked_at(turn: TurnContext) -> Order | None:
    """Return the order that a message which names none is about because she is looking at it.

    None where her page shows none or somebody else's (the two are not told apart), or another was talked of
    there.
    """
    number = turn.looking_at.get(ORDER)
    if number is None or talked_of_there(turn, ORDER):
        return None
    try:
        return await load_order(turn, number)
    except NotFoundError:
        return None


async def at_hand(turn: TurnContext) -> str | None:
    """Return the number of the order on whose page she is, else of the one talked of; None for neither."""
    shown = await order_looked_at(turn)
    return shown.order_number if shown is not None else talked_of(turn)


def pick(
    text: str, orders: Sequence[Order], offered: Sequence[str] = (), now: datetime | None = None
) -> list[Order]:
    """Return the orders that the words point to; [] where they point to none.

    Args:
        text: what she typed.
        orders: her orders, newest first.
        offered: numbers of the list last shown to her, which ordinals refer to.
        now: the shop's time, from which 昨天那单 is counted; without it days point to nothing.
    """
    by_number = {order.order_number: order for order in orders}
    shown = [by_number[number] for number in offered if number in by_number] or list(orders)
    index = parsing.ordinal(text, len(shown))
    if index is not None:
        if parsing.just_bought(text):  # the goods that are named count more than the order being the newest
            goods = ["，".join(item.name for item in order.items) for order in shown]
            index = next(iter(parsing.match_words(text, goods)), index)
        return [shown[index]]
    dated = of_day(text, orders, now) if now is not None else []
    rest = without_day(text)
    costing = narrowed(rest, dated or orders)
    tail = parsing.phone_tail(rest) if costing is None else None
    ending = [order for order in shown if tail and order.order_number.endswith(tail)]
    if ending:
        return ending
    pointed = costing or dated
    for pool in (pointed,) if pointed else (shown, list(orders)):
        names = [" ".join(f"{item.name} {item.sku_label}" for item in order.items) for order in pool]
        matched = [pool[i] for i in parsing.match_words(rest, names)]
        if matched:
            return extreme(rest, matched) or matched
    return extreme(rest, pointed or shown) or pointed


async def find_order(turn: TurnContext, *tiers: Fits) -> Choice:
    """Return the order that the message means.

    Args:
        turn: the turn.
        tiers: predicates, best first: the first that any order fits decides what "fits" means.
    """
    number = turn.settled_order or named_number(turn)
    if number:
        if turn.identity.anonymous and number not in turn.identity.orders:
            return Choice(Outcome.VERIFY, named=number)
        try:
            return Choice(Outcome.FOUND, await load_order(turn, number), named=number)
        except NotFoundError:
            return Choice(Outcome.NOT_HERS, named=number)
    orders = await own_orders(turn)
    if not orders:
        return Choice(Outcome.VERIFY if turn.identity.anonymous else Outcome.NO_ORDERS)
    return await _among(turn, orders, tiers or (any_order,))


async def _among(turn: TurnContext, orders: list[Order], tiers: Sequence[Fits]) -> Choice:
    fitting = next((found for tier in tiers if (found := [o for o in orders if tier(o)])), [])
    pointed: list[Order] = []
    shown = await order_looked_at(turn)
    if turn.text:
        pointed = pick(turn.text, orders, turn.slot("offered_orders") or (), await turn.shop.now())
    product = turn.entity("product")
    if not pointed and product:
        pointed = await _with_product(turn, product, orders)
        if not pointed:
            return Choice(Outcome.NO_SUCH_PRODUCT, candidates=tuple(orders[:_MOST_CHOICES]), named=product)
    if not pointed and turn.text and not product and len(fitting) > 1 and not talked_of(turn):
        pointed = await _described(turn, orders, least=0.0 if shown is None else _NAMES_IT)
    if shown is not None and (not pointed or shown.order_number in {order.order_number for order in pointed}):
        return Choice(Outcome.FOUND, shown)  # whatever its state is: that says what can be done
    if pointed:
        # Several of hers contain it: prefer those that the question can be about.
        fitting = [order for order in pointed if order in fitting] or pointed
    else:
        recent = talked_of(turn)
        before = [order for order in orders if order.order_number == recent]
        if before and (before[0] in fitting or not fitting):
            return Choice(Outcome.FOUND, before[0])
    if not fitting and len(orders) > 1:
        return Choice(Outcome.NONE, candidates=tuple(orders[:_MOST_CHOICES]))
    if len(fitting or orders) == 1:
        # Her only order is meant even if nothing can be done with it: its state says why.
        return Choice(Outcome.FOUND, (fitting or orders)[0])
    return Choice(Outcome.SEVERAL, candidates=tuple(fitting[:_MOST_CHOICES]))


async def _with_product(
    turn: TurnContext, product: str, orders: Sequence[Order], least: float = 0.0
) -> list[Order]:
    matches = [m for m in await turn.shop.find_products(product, limit=_MATCHES) if m.score >= least]
    bought = {item.product_id for order in orders for item in order.items}
    hers = [
        m for m in matches if m.product.product_id in bought and (m.missing is None or m.score >= _NAMES_IT)
    ]
    wanted = {m.product.product_id for m in hers if m.score >= _AS_GOOD * hers[0].score}
    return [order for order in orders if any(item.product_id in wanted for item in order.items)]


async def _described(turn: TurnContext, orders: Sequence[Order], least: float) -> list[Order]:
    """Return the orders whose goods the message says in other words, or misspelt: 我的尔机.

    Args:
        turn: the turn.
        orders: her orders.
        least: how well a product must fit the words to count.
    """
    words = parsing.goods_words(without_day(turn.text))
    return await _with_product(turn, words, orders, least) if words else []


def choice_options(orders: Sequence[Order], intent: str) -> list[dict[str, object]]:
    """Return one tappable choice per order; a tap asks `intent` about it.

    Orders that would read alike are told apart by their day, and those of one day by their number.
    """
    plain = Counter((_title(order), order.state) for order in orders)
    dated = Counter((_title(order), order.state, _day_of(order)[1].date()) for order in orders)
    choices = []
    for order in orders:
        kind, moment = _day_of(order)
        more: dict[str, object] = {"state": order.state}
        if plain[_title(order), order.state] == 1:
            name = "choose_order"
        elif dated[_title(order), order.state, moment.date()] == 1:
            name, more = kind, {"day": moment}
        else:
            name, more = "choose_numbered", {"day": order.placed_at}
        choices.append(
            option(name, order_number=order.order_number, product=_product(order), intent=intent, **more)
        )
    return choices


def _product(order: Order) -> str:
    return order.items[0].short_name if order.items else order.order_number


def _title(order: Order) -> str:
    """Return what a choice shows of the product: names that differ later read alike."""
    return _product(order)[: _TITLE_CHARS - 1]


def _day_of(order: Order) -> tuple[str, datetime]:
    """Return the option that names the order's day, and that day."""
    delivered = order.shipment.delivered_at if order.shipment else None
    if order.state is OrderState.DELIVERED and delivered is not None:
        return "choose_delivered", delivered
    return "choose_placed", order.placed_at


def remember_offer(orders: Sequence[Order], intent: str) -> Events:
    """Return the events that let her choose from `orders` in words too."""
    return [
        SlotSet("offered_orders", [order.order_number for order in orders]),
        SlotSet("offered_intent", intent),
    ]


def remember_order(order: Order) -> Events:
    """Return the events that make `order` the one talked of, and end the choosing."""
    return [
        SlotSet("order_number", order.order_number),
        SlotSet("offered_orders", None),
        SlotSet("offered_intent", None),
    ]


def verify_first(pending: str, number: str | None = None) -> Events:
    """Return the events that start the verification and then go on with `pending`.

    Args:
        pending: a read's intent, or a form's name.
        number: the order number that she named already.
    """
    return [
        SlotSet("pending_task", pending),
        SlotSet("verify_order", number),
        SlotSet("verify_tail", None),
        FollowupAction("verify_form"),
    ]


def say_unfound(turn: TurnContext, choice: Choice, intent: str, none_fits: str) -> Events:
    """Answer where no single order was found, and return the events.

    Args:
        turn: the turn.
        choice: what :func:`find_order` returned; not FOUND.
        intent: the question's intent; tapped choices carry it.
        none_fits: the response for "you have orders, but none for this".
    """
    options = choice_options(choice.candidates, intent)
    if choice.outcome is Outcome.VERIFY:
        return verify_first(intent, choice.named)
    if choice.outcome is Outcome.NOT_HERS:
        turn.say("utter_not_found", options=[option("list_orders"), option("ask_human")])
        return []
    if choice.outcome is Outcome.NO_ORDERS:
        turn.say("utter_no_orders", options=[option("ask_recommendation"), option("verify_me")])
        return []
    if choice.outcome is Outcome.NO_SUCH_PRODUCT:
        turn.say("utter_no_order_with_product", {"product": choice.named}, options)
    elif choice.outcome is Outcome.NONE:
        turn.say(none_fits, options=[*choice_options(choice.candidates, "ask_order_status")])
        return remember_offer(choice.candidates, "ask_order_status")
    else:
        turn.say("utter_which_order", {"count": len(choice.candidates)}, options)
    return remember_offer(choice.candidates, intent)
