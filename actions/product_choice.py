"""Finds the product that a shopper means: tapped, named, looked at, spoken of last or bought.

It asks where several fit. What comes before what is told in :mod:`actions.looking`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from rasa_sdk.events import SlotSet

from actions import parsing
from actions.base import Events, TurnContext, option
from actions.looking import ORDER, PRODUCT, product_looked_at, talked_of_there
from actions.order_choice import load_order, order_looked_at, own_orders
from actions.shop.errors import NotFoundError, ShopUnavailableError
from actions.shop.models import Order, Product, ProductMatch

_MOST_CHOICES = 4
#: Matches this much below the best are other products, not other readings of the words.
_AS_GOOD = 0.12
#: Without a product word the message itself must fit a product this well to count as naming it.
_NAMES_IT = 0.55
#: The same where a slip was put right, which counts half: 尔机多少钱 is about nothing else.
_SOUNDS_LIKE_IT = 0.45
#: Below this a product word only stands in the description of something else: 可进洗碗机.
_OF_ITS_KIND = 0.35
#: Within the candidates of a product word, a lead this large in fitting the rest of the message decides.
_CLEAR_LEAD = 0.1
#: Products shown so many messages ago can still be pointed to, in words no longer than this.
_RECENT_MESSAGES = 3
_SHORT = 14
#: The last signs of a Chinese name say what thing it is.
_NOUN = 2
_CHINESE_RUN = re.compile(r"[\u3400-\u9fff]+")
_MODEL = re.compile(r"[a-z0-9]*[a-z][a-z0-9]*[0-9][a-z0-9]*")
_PIECES = "[个款件双台种只瓶套条盒箱部支顶样包罐袋]"
_THIS = re.compile(rf"这一?{_PIECES}(?:东西|商品|产品|宝贝)?|[这该](?:东西|商品|产品|宝贝)|(?<!其)它")
#: 防水的那件, 防水的多少钱: a quality that stands for the thing.
_THE_ONE = re.compile(rf"的(?:[那这]?一?{_PIECES}|多少钱|有货|还有|贵)")


async def find_product(turn: TurnContext, intent: str) -> tuple[Product | None, Events]:
    """Return the product that the message is about and the events that remember it.

    Where none or several fit, the question has been asked (choices carry `intent`) and the product is None.
    """
    tapped = turn.entity("product_id")
    if tapped:
        return _found(await turn.shop.product(tapped))
    if turn.text:
        pointed = _pointed_to(turn)
        if pointed is not None:
            return _found(await turn.shop.product(pointed))
        matches = await _named_goods(turn)
        if matches is not None:
            return await _among(turn, matches, intent)
    shown = await product_looked_at(turn)
    if shown is not None:
        return _found(shown)
    last, order_number = _spoken_of(turn)
    gone_on = talked_of_there(turn, PRODUCT) or talked_of_there(turn, PRODUCT, page=ORDER)
    ordered = None if gone_on else await order_looked_at(turn)
    if ordered is not None:
        last, order_number = None, ordered.order_number
    if last is not None:
        try:
            return _found(await turn.shop.product(last))
        except NotFoundError:  # taken from the shelf since
            pass
    return await _of_order(turn, order_number, intent)


async def _named_goods(turn: TurnContext) -> list[Product] | None:
    """Return the same as :func:`named_products` for a question about one product.

    Such a question speaks of qualities that are also words of goods: 这个防水吗 names no jacket.
    """
    found = await named_products(turn)
    if not found or turn.entities("product"):
        return found
    return [product for product in found if says_name(turn.text, product)] or await _misspelt(turn)


async def _misspelt(turn: TurnContext) -> list[Product] | None:
    """Return the products whose name the message says with other signs of the same sound, None for none."""
    whole = await turn.shop.find_products(turn.text, limit=10)
    named = [m for m in whole if m.read_as is not None and says_name(m.read_as, m.product)]
    return _best(named) if named else None


def says_name(text: str, product: Product) -> bool:
    """Say whether words name a product, and not only a quality that it has.

    Its brand, what shoppers call it, the end of its short name (…耳机) or a model (X70) name it, and so does
    a quality that is pointed with (防水的那件). After 这个 or 它 only what follows at once does.
    """
    text = text.casefold()
    short = product.short_name.casefold()
    ends = [run[-_NOUN:] for run in _CHINESE_RUN.findall(short) if len(run) >= _NOUN]
    names = {product.brand.casefold(), *(alias.casefold() for alias in product.aliases), *ends}
    names |= set(_MODEL.findall(short))
    pointer = _THIS.search(text)
    if pointer is not None:
        return any(text.startswith(name, pointer.end()) for name in names)
    return any(name in text for name in names) or _THE_ONE.search(text) is not None


async def named_products(turn: TurnContext) -> list[Product] | None:
    """Return the products that the message names, best first; [] if none is ours, None if it names none."""
    words = " ".join(turn.entities("product"))
    if not words:
        whole = await turn.shop.find_products(turn.text, limit=10)
        if not whole or whole[0].score < (_SOUNDS_LIKE_IT if whole[0].read_as else _NAMES_IT):
            return None
        return _best(whole)
    named = [match for match in await turn.shop.find_products(words, limit=10) if names_it(match)]
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


def names_it(match: ProductMatch) -> bool:
    """Say whether a match is what the words name, and not only near to something that the shop lacks."""
    return match.score >= (_OF_ITS_KIND if match.missing is None else _NAMES_IT)


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
    return None, _ask(turn, "utter_product_choose", [(p.product_id, p.short_name) for p in shown], intent)


def _ask(turn: TurnContext, response: str, choices: Sequence[tuple[str, str]], intent: str) -> Events:
    facts: dict[str, Any] = {"count": len(choices)} if response == "utter_product_choose" else {}
    options = [
        option("choose_product", product=name, product_id=product_id, intent=intent)
        for product_id, name in choices
    ]
    turn.say(response, facts, options or [option("ask_recommendation"), option("list_orders")])
    return remember_products([product_id for product_id, _ in choices], intent)


def remember_products(product_ids: Sequence[str], intent: str) -> Events:
    """Return the events that let her choose from products in words too: 第一个 then asks `intent`."""
    return [
        SlotSet("offered_products", list(product_ids)),
        SlotSet("offered_intent", intent),
        SlotSet("offered_orders", None),
    ]


def products_offered(turn: TurnContext) -> bool:
    """Say whether what was offered last to choose from are products, not orders."""
    return bool(turn.slot("offered_products")) and not turn.slot("offered_orders")


def _pointed_to(turn: TurnContext) -> str | None:
    """Return the product that 第一个 means among those shown within the last messages; None for none."""
    offered = turn.slot("offered_products") or ()
    if not offered or turn.entities("product") or len(turn.text) > _SHORT:
        return None
    messages = 0
    for event in reversed(turn.tracker.events or []):
        messages += event.get("event") == "user"
        if messages > _RECENT_MESSAGES:
            return None
        if event.get("event") == "slot" and event.get("name") == "offered_products":
            index = parsing.ordinal(turn.text, len(offered))
            return str(offered[index]) if index is not None else None
    return None


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
    return None, _ask(turn, "utter_which_product", list(items.items())[:_MOST_CHOICES], intent)


async def clear_product(turn: TurnContext) -> tuple[Product | None, list[Product]]:
    """Return the product that the message clearly means, without asking; else those that it may mean.

    Tapped, pointed to, named, looked at, or spoken of last; of several that are named, the only one that
    she bought.
    """
    tapped = turn.entity("product_id") or (_pointed_to(turn) if turn.text else None)
    if tapped:
        return await turn.shop.product(tapped), []
    named = await _named_goods(turn) if turn.text else None
    if named:
        if len(named) > 1:
            bought = await _bought(turn)
            own = [product for product in named if product.product_id in bought]
            named = own if len(own) == 1 else named
        return (named[0], []) if len(named) == 1 else (None, named[:_MOST_CHOICES])
    shown = await product_looked_at(turn) if named is None else None
    if shown is not None:
        return shown, []
    last, _ = _spoken_of(turn)
    if named is None and last is not None:
        try:
            return await turn.shop.product(last), []
        except NotFoundError:  # taken from the shelf since
            pass
    return None, []
