"""Comparison of two to four products, or of variants of one: a table of facts, and which is for whom.

The verdict is read off figures (``actions/traits.py``), prices and ratings; where nothing differs it says so.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from rasa_sdk.events import SlotSet
from typing_extensions import override

from actions import parsing, wishes
from actions.base import Events, ShopAction, TurnContext, option
from actions.labels import label
from actions.looking import product_looked_at
from actions.product_choice import names_it, remember_products
from actions.shop import cards
from actions.shop.errors import NotFoundError
from actions.shop.models import Product, Sku
from actions.traits import best, traits

_MOST = 4
#: A part of the message must fit a product this well to name it.
_NAMED = 0.4
_MOST_VERDICTS = 2
_BETWEEN = re.compile(r"和|跟|与|还是|或者|对比|比起|比|vs\.?|pk|、|,|，|\s+", re.IGNORECASE)
_PIECES = "[个款台双件支种]"
_ALL_SHOWN = re.compile(
    rf"[这那前](?:(?P<n>[两二俩三四几]){_PIECES}?|俩|些)|(?P<n2>[两二三四]){_PIECES}|它们|都"
)
_THAT_OTHER = re.compile(r"这[个款]?.{0,3}那[个款]|刚才那|另[一外]|那[个款]比|推荐的那")
_COUNTS = {"两": 2, "二": 2, "俩": 2, "三": 3, "四": 4, "几": _MOST}
_ORDINAL = re.compile(r"第[一二三四1-4](?:个|款|台|双|件)?|最后一?[个款]")


class CompareProducts(ShopAction):
    """Puts products side by side."""

    @override
    def name(self) -> str:
        return "action_compare_products"

    @override
    async def handle(self, turn: TurnContext) -> Events | None:
        products = await self._meant(turn)
        variants = _variants(turn.text, products[0]) if len(products) == 1 else []
        if len(variants) > 1:
            return _of_variants(turn, products[0], variants)
        if len(products) < 2:
            return self._ask(turn, products)
        return _of_products(turn, products)

    async def _meant(self, turn: TurnContext) -> list[Product]:
        """Return the products that are to be compared, at most four: pointed to, named, or shown last."""
        shown = [str(one) for one in turn.slot("offered_products") or ()]
        pointed = _pointed_to(turn.text, shown)
        if pointed is None:
            named = await _named(turn)
            seen = await product_looked_at(turn)
            last = seen.product_id if seen is not None else turn.slot("product_id")
            if len(named) > 1:
                return named[:_MOST]
            if named:
                # 跟那个拓远的比: with what was talked of; a product alone with its own variants
                other = last if last != named[0].product_id else next(iter(shown[1:]), None)
                if _variants(turn.text, named[0]):
                    return named
                pointed = [str(other)] if other else []
                return [*await _load(turn, pointed), *named]
            pointed = shown or ([str(last)] if last else [])
            if last and _variants(turn.text, *await _load(turn, [str(last)])):
                pointed = [str(last)]
        return await _load(turn, pointed[:_MOST])

    @staticmethod
    def _ask(turn: TurnContext, products: Sequence[Product]) -> Events:
        facts = {"product": products[0].name} if products else {}
        turn.say("utter_compare_which", facts, [option("ask_recommendation"), option("ask_human")])
        return []

    @override
    def not_found(self, turn: TurnContext) -> Events:
        """A product went while it was compared."""
        return self._ask(turn, ())


def _pointed_to(text: str, shown: Sequence[str]) -> list[str] | None:
    """Return which of those shown the words point to (第一个和第三个, 这两个, 前两款); None for none."""
    if not shown:
        return None
    found = [parsing.ordinal(word, len(shown)) for word in _ORDINAL.findall(parsing.normalise(text))]
    places = list(dict.fromkeys(place for place in found if place is not None))
    if places:
        return [shown[place] for place in places]
    several = _ALL_SHOWN.search(text)
    if several and len(shown) > 1:
        return list(shown[: _COUNTS.get(several["n"] or several["n2"] or "几", _MOST)])
    if _THAT_OTHER.search(text) and len(shown) > 1:
        return list(shown[:2])
    return None


async def _named(turn: TurnContext) -> list[Product]:
    """Return the products that the message names, in its order, each once."""
    words = turn.entities("product")
    if len(words) < 2:
        words = [part for part in _BETWEEN.split(turn.text) if len(part.strip()) > 1]
    found: dict[str, Product] = {}
    for word in words[: 2 * _MOST]:
        matches = [m for m in await turn.shop.find_products(word, limit=3) if names_it(m)]
        fresh = [m for m in matches if m.score >= _NAMED and m.product.product_id not in found]
        if fresh:
            found.setdefault(fresh[0].product.product_id, fresh[0].product)
    if len(found) == 1 and len(words) == 1:  # 两个耳机有啥区别: those that the word names
        several_of = await turn.shop.find_products(words[0], limit=_MOST)
        several = _ALL_SHOWN.search(turn.text)
        count = _COUNTS.get(several["n"] or several["n2"] or "", 0) if several else 0
        found = {m.product.product_id: m.product for m in several_of[: max(count, 1)] if names_it(m)} or found
    return list(found.values())


async def _load(turn: TurnContext, product_ids: Sequence[str]) -> list[Product]:
    products = []
    for product_id in dict.fromkeys(product_ids):
        try:
            products.append(await turn.shop.product(product_id))
        except NotFoundError:  # taken from the shelf since it was shown
            continue
    return products


def _variants(text: str, *products: Product) -> list[Sku]:
    """Return the variants of the one product that the words tell apart by size, one of each size."""
    if len(products) != 1:
        return []
    meant = [sku for sku in wishes.skus_meant(text, products[0].skus) if sku.size]
    sizes = {sku.size: sku for sku in reversed(meant)}
    return [sizes[size] for size in dict.fromkeys(sku.size for sku in meant)][:_MOST]


def _of_products(turn: TurnContext, products: Sequence[Product]) -> Events:
    names = [product.short_name for product in products]
    table = _table(products)
    facts: dict[str, Any] = {
        "products": names,
        "prices": [{"name": p.short_name, "price": p.price} for p in products],
        "same": not any(row["differs"] for row in table),
    }
    verdicts = _verdicts(products, turn.text)
    if verdicts:
        facts["verdicts"] = verdicts
    prices = sorted(product.price for product in products)
    if prices[0] < prices[1]:
        cheapest = min(products, key=lambda product: product.price)
        facts |= {"cheapest": cheapest.short_name, "saving": prices[1] - prices[0], "same": False}
    choices = [
        option("choose_product", product=p.short_name, product_id=p.product_id, intent="ask_product_spec")
        for p in products
    ]
    turn.say("utter_comparison", facts, choices)
    turn.card("comparison", cards.comparison_card(products, table))
    ids = [product.product_id for product in products]
    return [SlotSet("product_id", ids[0]), *remember_products(ids, "ask_product_spec")]


def _table(products: Sequence[Product]) -> list[dict[str, Any]]:
    """Return the rows of the table, those that differ first."""
    rows = [
        _row("rating", [str(p.rating) for p in products]),
        _row("warranty", [_with_unit(p.warranty_months, "month") for p in products]),
        _row("returnable", [_with_unit(p.returnable_days, "day") for p in products]),
        _row("stock", [_with_unit(sum(sku.stock for sku in p.skus), "piece") for p in products]),
    ]
    specs = [dict(product.specs) for product in products]
    names = list(dict.fromkeys(name for product in products for name, _ in product.specs))
    # what all of them tell comes before what only some do
    names.sort(key=lambda name: -sum(name in spec for spec in specs))
    unknown = label("compare_row", "unknown")
    rows += [_line(name, [spec.get(name, unknown) for spec in specs]) for name in names]
    return sorted(rows, key=lambda row: not row["differs"])


def _row(code: str, values: Sequence[str]) -> dict[str, Any]:
    return _line(label("compare_row", code), values)


def _line(name: str, values: Sequence[str]) -> dict[str, Any]:
    return {"label": name, "values": list(values), "differs": len(set(values)) > 1}


def _with_unit(count: int, unit: str) -> str:
    return f"{count} {label('compare_unit', unit)}" if count else label("compare_row", "none")


def _verdicts(products: Sequence[Product], text: str) -> list[dict[str, Any]]:
    """Return for whom which product is the better one, what was asked for first."""
    found: list[tuple[bool, dict[str, Any]]] = []
    specs = [dict(product.specs) for product in products]
    for trait in traits().values():
        place = best(trait, [spec.get(trait.name) for spec in specs])
        if place is not None:
            value = f"{trait.name} {specs[place][trait.name]}"
            row = {"want": trait.want, "product": products[place].short_name, "value": value}
            found.append((trait.asked.search(text) is None, row))
    liked = max(products, key=lambda product: product.rating)
    if sum(product.rating == liked.rating for product in products) == 1:
        value = f"{label('compare_row', 'rating')} {liked.rating}"
        row = {"want": label("compare_want", "rating"), "product": liked.short_name, "value": value}
        found.append((True, row))
    found.sort(key=lambda one: one[0])
    return [row for _, row in found[:_MOST_VERDICTS]]


def _of_variants(turn: TurnContext, product: Product, variants: Sequence[Sku]) -> Events:
    rows = {line[0]: line for line in product.size_table[1:]}
    lines = [
        {
            "name": str(sku.size),
            "price": sku.price,
            "stock": sum(other.stock for other in product.skus if other.size == sku.size),
            "fits": "，".join(rows[sku.size][1:]) if sku.size in rows else "",
        }
        for sku in variants
    ]
    step = option("ask_size" if product.size_table else "ask_product", product_id=product.product_id)
    turn.say("utter_variants_compared", {"product": product.name, "variants": lines}, [step])
    return [SlotSet("product_id", product.product_id)]
