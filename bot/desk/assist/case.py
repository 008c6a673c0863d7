"""What the shop says about the shopper of one conversation, asked once for all helpers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from actions.shop.errors import NotFoundError, ShopUnavailableError
from actions.shop.gateway import ShopGateway
from actions.shop.models import AfterSale, Customer, Order, OrderState, Product, ReturnTerms
from actions.shop.service_models import InvoiceTerms, PriceProtection
from bot.conversation.desk_types import DeskConversation, DeskMessage, EscalationState
from bot.conversation.rows import CONTEXT
from bot.conversation.types import Author

#: Orders whose terms are asked for: more are on no agent's screen at once.
MOST_ORDERS = 8

MOVING = (OrderState.SHIPPED, OrderState.EXCEPTION)

#: An order's number as people type it, perhaps in groups.
_NUMBER = re.compile(r"(?<!\d)\d(?:[ -]?\d){11}(?!\d)")

T = TypeVar("T")


@dataclass(frozen=True)
class Case:
    """The shop's facts; what it did not say is None or missing.

    Attributes:
        now: the shop's time.
        customer: who is logged in.
        orders: hers and those opened by verification, newest first.
        after_sales: her requests and those of verified orders, newest first.
        terms: what may be asked for, by order number.
        order: the order at hand, see :func:`order_at_hand`.
        product: the first product of that order.
        seen: the product on the page from which she wrote last.
        invoice: whether an invoice can be had for that order, and the one there is.
        price: what is given back of its price.
        complete: False where the shop did not answer everything.
        asked: when the shop was asked, by the clock of whoever asked.
    """

    now: datetime
    customer: Customer | None = None
    orders: tuple[Order, ...] = ()
    after_sales: tuple[AfterSale, ...] = ()
    terms: Mapping[str, ReturnTerms] = field(default_factory=dict)
    order: Order | None = None
    product: Product | None = None
    seen: Product | None = None
    invoice: InvoiceTerms | None = None
    price: PriceProtection | None = None
    complete: bool = True
    asked: datetime | None = None

    @property
    def asked_at(self) -> datetime:
        """When the shop was asked, by the clock of whoever asked."""
        return self.asked or self.now

    @property
    def shown(self) -> tuple[Order, ...]:
        """The orders that a page shows with what may be done: the one at hand, then the newest."""
        return _shown(self.order, self.orders)

    def request_of(self, order: Order | None) -> AfterSale | None:
        """Return the newest after-sales request of an order."""
        if order is None:
            return None
        return next((a for a in self.after_sales if a.order_number == order.order_number), None)

    def terms_of(self, order: Order | None) -> ReturnTerms | None:
        """Return what may be asked for an order, None where it is not known."""
        return self.terms.get(order.order_number) if order else None

    def is_late(self, order: Order | None) -> bool | None:
        """Say whether dispatch or parcel is later than promised; None where nothing is awaited."""
        if order is None:
            return None
        if order.state is OrderState.PAID:
            return order.ship_by is not None and order.ship_by < self.now
        if order.state in MOVING and order.shipment is not None:
            promised = order.shipment.promised_by
            return order.shipment.expected_by > promised or self.now > promised
        return None


def authority(conversation: DeskConversation, order_number: str) -> str | None:
    """Return the `customer_id` to ask the shop with; None for an order that was verified."""
    return None if order_number in conversation.orders else conversation.customer_id


#: What the shop has answered, by question: kept by callers who ask again soon.
Answers = dict[tuple[Any, ...], Any]


async def gather(
    shop: ShopGateway, conversation: DeskConversation, now: datetime, answers: Answers | None = None
) -> Case:
    """Ask the shop for everything that the helpers need; never raises because of the shop.

    Args:
        shop: the shop.
        conversation: whose shopper it is about; only her own and verified orders are read.
        now: the time to go by where the shop does not tell its own.
        answers: of an earlier call for this conversation; what stands there is not asked, what is
            asked is added.
    """
    asking = _Asking(shop, {} if answers is None else answers)
    moment = await asking.now() or now
    customer_id = conversation.customer_id
    customer: Customer | None = None
    orders: list[Order] = []
    requests: list[AfterSale] = []
    if customer_id is not None:
        customer = await asking.get("customer", customer_id)
        orders += await asking.get("orders", customer_id) or ()
        requests += await asking.get("after_sales", customer_id) or ()
    known = {order.order_number for order in orders}
    for number in conversation.orders:
        if number not in known:
            orders += _some(await asking.get("order", number, customer_id=None))
            requests += _some(await asking.get("after_sale_of_order", number, customer_id=None))
    orders.sort(key=lambda order: order.placed_at, reverse=True)
    requests.sort(key=lambda request: request.created_at, reverse=True)
    order = order_at_hand(conversation, orders)
    terms = {}
    for one in _shown(order, orders):
        number = one.order_number
        found = await asking.get("return_terms", number, customer_id=authority(conversation, number))
        if found is not None:
            terms[number] = found
    product = await asking.get("product", order.items[0].product_id) if order and order.items else None
    page = looked_at(conversation)
    seen = await asking.get("product", page["product_id"]) if "product_id" in page else None
    services: dict[str, Any] = {}
    if order is not None:
        whose = authority(conversation, order.order_number)
        services = {
            "invoice": await asking.get("invoice_terms", order.order_number, customer_id=whose),
            "price": await asking.get("price_protection", order.order_number, customer_id=whose),
        }
    return Case(
        now=moment,
        customer=customer,
        orders=tuple(orders),
        after_sales=tuple(requests),
        terms=terms,
        order=order,
        product=product,
        seen=seen,
        **services,
        complete=asking.complete,
        asked=now,
    )


def _shown(order: Order | None, orders: Sequence[Order]) -> tuple[Order, ...]:
    first = [order] if order else []
    return tuple({o.order_number: o for o in (*first, *orders[:MOST_ORDERS])}.values())


class _Asking:
    """Asks the shop what it has not answered yet, and remembers whether it went silent: then no more."""

    def __init__(self, shop: ShopGateway, answers: Answers) -> None:
        self._shop = shop
        self._answers = answers
        self.complete = True

    async def now(self) -> datetime | None:
        """Return the shop's time, which is never an earlier answer."""
        try:
            return await self._shop.now()
        except ShopUnavailableError:
            self.complete = False
            return None

    async def get(self, question: str, about: str, **more: Any) -> Any:
        """Return the answer of the gateway's method `question`; None where there is no such thing."""
        key = (question, about, *more.values())
        if key in self._answers:
            return self._answers[key]
        if not self.complete:
            return None
        try:
            found = await getattr(self._shop, question)(about, **more)
        except NotFoundError:
            found = None
        except ShopUnavailableError:
            self.complete = False
            return None
        self._answers[key] = found
        return found


def _some(found: T | None) -> list[T]:
    return [] if found is None else [found]


def looked_at(conversation: DeskConversation) -> Mapping[str, str]:
    """Return what she was looking at with her last message, as her page said; {} where it did not say."""
    hers = (m for m in reversed(conversation.messages) if m.author is Author.SHOPPER)
    last = next(hers, None)
    page: Any = last.content.get(CONTEXT) if last is not None else None
    return page if isinstance(page, Mapping) else {}


def order_at_hand(conversation: DeskConversation, orders: Iterable[Order]) -> Order | None:
    """Return the order that is talked of, without guessing.

    The one mentioned last (a number typed, a button, a card, an answer of the bot) or on whose page she was
    then; else the one that the escalation or an open request names; else the only one that was verified;
    else her only order. A number that is not among `orders` counts for nothing.
    """
    known = {order.order_number: order for order in orders}
    for message in reversed(conversation.messages):
        for number in reversed(list(_numbers(message))):
            if number in known:
                return known[number]
    named = [e.order_number for e in conversation.escalations if e.state is not EscalationState.ENDED]
    named += [r.order_number for r in conversation.requests if r.done_at is None]
    for candidate in named:
        if candidate in known:
            return known[candidate]
    verified = [known[number] for number in conversation.orders if number in known]
    if len(verified) == 1:
        return verified[0]
    return next(iter(known.values())) if len(known) == 1 else None


def _numbers(message: DeskMessage) -> Iterable[str]:
    """Yield the order numbers that a message is about. A list of several orders is about none of them."""
    content = message.content
    if message.author is Author.SHOPPER:
        page: Any = content.get(CONTEXT)
        if isinstance(page, Mapping) and isinstance(page.get("order_id"), str):
            yield page["order_id"]  # what she types counts more
        for field_ in ("payload", "text"):
            yield from (
                re.sub(r"\D", "", m.group()) for m in _NUMBER.finditer(str(content.get(field_) or ""))
            )
        return
    data: Any = content.get("data")
    if isinstance(data, Mapping):
        yield from (str(data[k]) for k in ("number", "order_number") if isinstance(data.get(k), str))
    told: Any = content.get("told")
    facts = told.get("facts") if isinstance(told, Mapping) else None
    if isinstance(facts, Mapping):
        yield from (str(facts[k]) for k in ("number", "order_number") if isinstance(facts.get(k), str))
