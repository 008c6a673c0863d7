"""不喜欢这个, 这个买过了: noted at once, and the next recommendation without it follows at once.

Of a customer who has logged in and lets herself be known, the shop notes the product for good; the word of
everybody else holds for this conversation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from rasa_sdk.events import SlotSet
from typing_extensions import override

from actions import parsing
from actions.base import Events, ShopAction, TurnContext, option
from actions.labels import label
from actions.looking import product_looked_at
from actions.order_choice import own_orders
from actions.product_choice import names_it, remember_products
from actions.recommend import candidates, how_many, row
from actions.shop import cards
from actions.shop.errors import NotFoundError, NotOfferedError
from actions.shop.models import PreferenceKind, Product
from actions.unwanted import wanted, with_more

_MEANINGS = Path(__file__).resolve().parents[1] / "nlu_data" / "meanings" / "unwanted.yml"
_COLOURS = "黑白红粉蓝绿黄灰紫棕金银橙青米"
_COLOUR_NAMED = re.compile(rf"([{_COLOURS}])色|([{_COLOURS}])的")


@cache
def _ways() -> Mapping[str, re.Pattern[str]]:
    table = yaml.safe_load(_MEANINGS.read_text("utf-8"))
    return {way: re.compile("|".join(patterns)) for way, patterns in table.items()}


def _says(way: str, text: str) -> bool:
    return _ways()[way].search(text) is not None


@dataclass(frozen=True)
class Target:
    """What is not wanted.

    Attributes:
        names: what it is called in the answer.
        rules: entries of slot ``unwanted``.
        products: ids of products that the shop may note.
    """

    names: tuple[str, ...]
    rules: tuple[str, ...]
    products: tuple[str, ...] = ()


class _PassOver(ShopAction):
    """Notes what is not wanted, and recommends on."""

    kind: PreferenceKind
    response: str
    #: The response where nothing says what is meant.
    unclear: str

    @override
    async def handle(self, turn: TurnContext) -> Events | None:
        target = await self.target(turn)
        if target is None:
            turn.say(self.unclear, options=[option("ask_recommendation"), option("ask_human")])
            return []
        kept = await self._note(turn, target)
        left_out = with_more(turn, target.rules)
        words = str(turn.slot("recommend_words") or "")
        if any(rule in (f"word:{words}", f"category:{words}") for rule in target.rules):
            words = ""
        picks = wanted(await candidates(turn, words), left_out)
        if not picks and words:
            words = ""
            picks = wanted(await candidates(turn, words), left_out)
        page = picks[: how_many(turn)]
        facts: dict[str, Any] = {"what": list(target.names), "for_good": kept}
        steps = [option("ask_human")]
        if page:
            facts["picks"] = [row(product, reason) for product, reason in page]
            steps = [option("ask_product", product_id=page[0][0].product_id), option("show_more")]
        turn.say(self.response, facts, steps)
        events: Events = [SlotSet("unwanted", left_out)]
        if not page:
            return [*events, SlotSet("product_id", None), SlotSet("offered_products", None)]
        turn.card("products", cards.products_card(page, label))
        return [
            *events,
            SlotSet("product_id", page[0][0].product_id),
            SlotSet("recommend_words", words),
            SlotSet("recommend_shown", float(len(page))),
            *remember_products([product.product_id for product, _ in page], "ask_product_spec"),
        ]

    async def target(self, turn: TurnContext) -> Target | None:
        """Return what the message means, None where it does not say."""
        text, shown = turn.text, [str(one) for one in turn.slot("offered_products") or ()]
        tapped = turn.entity("product_id")
        if tapped:
            return _of_products([await turn.shop.product(tapped)])
        place = parsing.ordinal(text, len(shown))
        if place is not None:
            return _of_products([await turn.shop.product(shown[place])])
        if turn.entities("product"):
            return await self.of_words(turn, turn.entities("product"))
        if _says("all", text) and shown:
            return _of_products(await _load(turn, shown))
        seen = await product_looked_at(turn)
        last = str(turn.slot("product_id") or next(iter(shown), "") or "")
        found = [seen] if seen is not None else await _load(turn, [last]) if last else []
        return await self.of_last(turn, found[0]) if found else None

    async def of_words(self, turn: TurnContext, words: Sequence[str]) -> Target | None:
        """Return the target where goods are named: 别推荐手机了."""
        named = [m.product for word in words for m in await turn.shop.find_products(word) if names_it(m)]
        categories = {p.category for p in named if any(word in p.category_label for word in words)}
        shown = set(turn.slot("offered_products") or ()) | {turn.slot("product_id")}
        rules = [f"word:{word}" for word in words] + [
            f"category:{category}" for category in sorted(categories)
        ]
        products = tuple(p.product_id for p in named if p.product_id in shown)
        return Target(tuple(words), (*rules, *(f"product:{one}" for one in products)), products)

    async def of_last(self, turn: TurnContext, product: Product) -> Target | None:
        """Return the target where the product spoken of last is meant."""
        return _of_products([product])

    async def _note(self, turn: TurnContext, target: Target) -> bool:
        """Tell the shop of the products; say whether it keeps them, so that the word holds for good."""
        customer_id = turn.identity.customer_id
        if customer_id is None or turn.slot("personalisation") is False or not target.products:
            return False
        for product_id in target.products:
            try:
                key = turn.key(f"prefer:{self.kind.value}:{product_id}")
                await turn.shop.note_preference(customer_id, product_id, self.kind, key=key)
            except NotOfferedError:
                return False
            except NotFoundError:  # taken from the shelf since
                continue
        return True

    @override
    def not_found(self, turn: TurnContext) -> Events:
        """A tapped product has been taken from the shelf since: nobody is shown it any more."""
        turn.say(self.unclear, options=[option("ask_recommendation"), option("ask_human")])
        return []


class DislikeProduct(_PassOver):
    """Shows no more what she does not like: a product, a colour, a brand, a kind, or what is too dear."""

    kind = PreferenceKind.DISLIKED
    response = "utter_disliked"
    unclear = "utter_disliked_what"

    @override
    def name(self) -> str:
        return "action_dislike_product"

    @override
    async def target(self, turn: TurnContext) -> Target | None:
        colour = _colour(turn.text) if not turn.entity("product_id") else None
        if colour is not None:
            return Target((colour + label("unwanted", "colour"),), (f"colour:{colour}",))
        return await super().target(turn)

    @override
    async def of_last(self, turn: TurnContext, product: Product) -> Target | None:
        if _says("brand", turn.text):
            return Target((product.brand,), (f"brand:{product.brand}",))
        if _says("dear", turn.text):
            name = label("unwanted", "from")
            return Target((name,), (f"from:{product.price}", f"product:{product.product_id}"))
        if _says("colour", turn.text):
            here = next((sku.colour for sku in product.skus if sku.colour), None)
            if here:
                return Target((here,), (f"colour:{here}", f"product:{product.product_id}"))
        return _of_products([product])


class BoughtAlready(_PassOver):
    """Shows no more what she has."""

    kind = PreferenceKind.OWNED
    response = "utter_owned"
    unclear = "utter_owned_what"

    @override
    def name(self) -> str:
        return "action_bought_already"

    @override
    async def target(self, turn: TurnContext) -> Target | None:
        if turn.text and _says("bought", turn.text):
            bought = {item.product_id: item.short_name for o in await own_orders(turn) for item in o.items}
            if bought:
                rules = tuple(f"product:{product_id}" for product_id in bought)
                return Target((label("unwanted", "bought"),), rules)
        return await super().target(turn)


def _colour(text: str) -> str | None:
    found = _COLOUR_NAMED.search(text)
    return (found[1] or found[2]) if found else None


def _of_products(products: Sequence[Product]) -> Target | None:
    if not products:
        return None
    ids = tuple(product.product_id for product in products)
    return Target(
        tuple(product.short_name for product in products), tuple(f"product:{one}" for one in ids), ids
    )


async def _load(turn: TurnContext, product_ids: Sequence[str]) -> list[Product]:
    products = []
    for product_id in dict.fromkeys(product_ids):
        try:
            products.append(await turn.shop.product(product_id))
        except NotFoundError:
            continue
    return products
