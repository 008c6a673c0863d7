"""Makes the case that a policy is read for: which order and product it is about, and what is known of them.

The shop is asked only for what the question's entry says it needs and for what the policy's clauses speak of.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from actions import policy_values
from actions.base import TurnContext
from actions.looking import product_looked_at
from actions.order_choice import (
    OPEN,
    Choice,
    Fits,
    Outcome,
    any_order,
    at_hand,
    authority,
    find_order,
    in_states,
    named_number,
    pick,
    talked_of,
)
from actions.policy_topics import OrderUse, PolicyTopic
from actions.policy_values import Known
from actions.product_choice import clear_product, products_offered
from actions.shop.errors import NotFoundError, NotOfferedError
from actions.shop.models import Order, OrderState, Product
from actions.shop.policy_models import NO_ORDER, Case, Policy

_HOURS = frozenset({"hours", "opens", "closes", "answer_minutes"})
#: Orders that have been over for longer are meant only where nothing newer fits ...
_LATELY = timedelta(days=16)
#: ... but for what is asked about old ones too, unless it is about sending back.
_LONG_AGO = frozenset({"warranty", "invoice"})


@dataclass(frozen=True)
class Matter:
    """What a question is about.

    Attributes:
        order: the order, where it is clear.
        product: the product, where it is clear: of the order its first line, unless another line is named.
        choice: how the search for the order ended; None where none was looked for.
        products: products that the words may mean, where several do.
    """

    order: Order | None = None
    product: Product | None = None
    choice: Choice | None = None
    products: tuple[Product, ...] = ()

    @property
    def about(self) -> str:
        """What tells one matter from another: the order's number, else the product's."""
        if self.order is not None:
            return self.order.order_number
        return self.product.product_id if self.product is not None else ""


async def find_matter(turn: TurnContext, topic: PolicyTopic, *, chosen: bool = False) -> Matter:
    """Find order and product of a question; ask nothing.

    Args:
        turn: the turn.
        topic: the question's entry.
        chosen: the message chooses what the question, asked before, is about.

    Raises:
        NotFoundError: a product was tapped that is not there.
    """
    product: Product | None = None
    products: list[Product] = []
    if topic.product:
        product, products = await clear_product(turn)
    elif topic.order is not OrderUse.ASK:  # what holds for goods of its category
        product = await product_looked_at(turn)
    of_goods = chosen and topic.product and product is not None and products_offered(turn)
    if topic.order is OrderUse.NO or of_goods:
        return Matter(product=product, products=tuple(products))
    choice = await _find_order(turn, topic, chosen)
    order = choice.order
    if order is None:
        return Matter(None, product, choice, tuple(products))
    lines = [item.product_id for item in order.items]
    if not topic.product and await _pointed_at(turn, order):
        product = None
    if product is not None and product.product_id not in lines:
        if topic.order is OrderUse.IF_CLEAR and choice.named is None and not chosen:
            return Matter(product=product)  # the goods are named or talked of, that order is only likely
        product = None
    if product is None and lines:
        product = await _on_shelf(turn, lines[0])
    return Matter(order, product, choice)


async def _find_order(turn: TurnContext, topic: PolicyTopic, chosen: bool) -> Choice:
    recent, now = talked_of(turn), await turn.shop.now()
    fits = in_states(*topic.fits) if topic.fits else any_order

    def before(order: Order) -> bool:
        return order.order_number == recent

    def lately(order: Order) -> bool:
        over = _over_since(order)
        return fits(order) and (over is None or now - over < _LATELY)

    of_old_ones = topic.needs & _LONG_AGO and "return" not in topic.needs
    meant: tuple[Fits, ...] = (before, in_states(*topic.first)) if topic.first else (before,)
    tiers: tuple[Fits, ...] = (*meant, fits) if of_old_ones else (*meant, lately, fits)
    if topic.order is OrderUse.ASK or chosen:
        return await find_order(turn, *tiers, any_order)
    choice = await find_order(turn, *tiers)
    order = choice.order
    if order is not None and not fits(order) and not await _pointed_at(turn, order):
        # Her only order, but of another state: a question that names none is a general one.
        return Choice(Outcome.NONE)
    return choice


def _over_since(order: Order) -> datetime | None:
    """Return since when nothing has happened to an order; None for one that goes on."""
    if order.state in OPEN or order.state is OrderState.REFUNDING:
        return None
    delivered = order.shipment.delivered_at if order.shipment else None
    return order.cancelled_at or delivered or order.placed_at


async def _pointed_at(turn: TurnContext, order: Order) -> bool:
    if order.order_number in (turn.settled_order, named_number(turn), await at_hand(turn)):
        return True
    if turn.entity("product"):
        return True
    return bool(turn.text and pick(turn.text, [order], (), await turn.shop.now()))


async def _on_shelf(turn: TurnContext, product_id: str) -> Product | None:
    try:
        return await turn.shop.product(product_id)
    except NotFoundError:  # no longer sold; what the order says of it remains
        return None


async def make_case(turn: TurnContext, topic: PolicyTopic, policy: Policy, matter: Matter) -> Case:
    """Ask the shop for what is needed, and return all that is known of the matter."""
    gaps = {gap for clause in policy.clauses for gap in clause.gaps}
    sources: list[Awaitable[Known]] = [_maybe(source) for source in _sources(turn, topic, gaps, matter)]
    known = Known(flags=frozenset({"logged_in"} if turn.identity.customer_id is not None else ()))
    if matter.order is not None:
        known |= policy_values.of_order(_seen_by(turn, matter.order), await turn.shop.now())
    if matter.product is not None:  # perhaps another line than the first
        known |= policy_values.of_product(matter.product)
    for more in await asyncio.gather(*sources):
        known |= more
    return Case(
        state=matter.order.state.value if matter.order is not None else NO_ORDER,
        category=matter.product.category if matter.product is not None else None,
        values=known.values,
        flags=known.flags,
    )


def _seen_by(turn: TurnContext, order: Order) -> Order:
    """Return an order without what is told to its owner alone: who only verified it reads no note."""
    owner = turn.identity.customer_id is not None and turn.identity.customer_id == order.customer_id
    return order if owner else replace(order, note=None)


def general(matter: Matter) -> Matter:
    """Return the same matter without its order: for what holds in general."""
    return replace(matter, order=None)


Source = Callable[[], Awaitable[Known]]


async def _maybe(source: Source) -> Known:
    """Return nothing where this shop does not know such a thing, or not of this order."""
    try:
        return await source()
    except (NotFoundError, NotOfferedError):
        return Known()


def _sources(turn: TurnContext, topic: PolicyTopic, gaps: set[str], matter: Matter) -> Sequence[Source]:
    """Return the questions to the shop, in the order in which their values count, the last the most."""
    shop, order, needs = turn.shop, matter.order, topic.needs
    customer_id = turn.identity.customer_id
    product_id = matter.product.product_id if matter.product is not None else None

    async def hours() -> Known:
        return policy_values.of_hours(await shop.service_hours())

    async def promotions() -> Known:
        return policy_values.of_promotions(await shop.promotions(product_id=product_id), await shop.now())

    async def requests() -> Known:
        assert customer_id is not None  # noqa: S101 - asked for only where she has logged in
        newest = policy_values.newest_request(await shop.after_sales(customer_id))
        return policy_values.of_request(newest, await shop.now())

    async def customer() -> Known:
        assert customer_id is not None  # noqa: S101 - as above
        return policy_values.of_customer(await shop.customer(customer_id))

    found: list[Source] = []
    if gaps & _HOURS:
        found.append(hours)
    if "promotions" in needs:
        found.append(promotions)
    if "customer" in needs and customer_id is not None:
        found.append(customer)
    if order is not None:
        found += _of_order(turn, topic, order, product_id)
    elif "aftersale" in needs and customer_id is not None:
        found.append(requests)
    return found


def _of_order(
    turn: TurnContext, topic: PolicyTopic, order: Order, product_id: str | None
) -> Sequence[Source]:
    shop, number = turn.shop, order.order_number
    owner = authority(turn.identity, number)

    async def terms() -> Known:
        return policy_values.of_return(await shop.return_terms(number, customer_id=owner))

    async def request() -> Known:
        found = await shop.after_sale_of_order(number, customer_id=owner)
        return policy_values.of_request(found, await shop.now())

    async def price() -> Known:
        protection = await shop.price_protection(number, customer_id=owner)
        return policy_values.of_price(protection, await shop.now())

    async def invoice() -> Known:
        return policy_values.of_invoice(await shop.invoice_terms(number, customer_id=owner))

    async def payment() -> Known:
        return policy_values.of_payment(await shop.payment(number, customer_id=owner), order)

    async def warranty() -> Known:
        return policy_values.of_warranty(await shop.warranties(number, customer_id=owner), product_id)

    all_sources = {
        "return": terms,
        "aftersale": request,
        "price": price,
        "invoice": invoice,
        "payment": payment,
        "warranty": warranty,
    }
    return [source for need, source in all_sources.items() if need in topic.needs]
