"""Recommendations, new arrivals and reviews. The style decides how many are shown, never which."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from functools import lru_cache
from typing import Any

from rasa_sdk.events import SlotSet
from typing_extensions import override

from actions import wishes
from actions.base import Events, ShopAction, TurnContext, option
from actions.labels import label
from actions.looking import product_looked_at
from actions.product_choice import clear_product, find_product, named_products, names_it, remember_products
from actions.shop import cards
from actions.shop.arrivals import newest
from actions.shop.models import Product
from actions.unwanted import Pick, unwanted, wanted
from persona.strategy import Strategies, load_strategies

_CANDIDATES = 20
_FITS = 0.75
_NEW = timedelta(days=30)
_GOES_WITH = re.compile(r"搭配|配套|[怎好]么?搭|[搭配]什么|搭一[个件条双]|配着|一起[买用穿]")


@lru_cache(maxsize=1)
def _strategies() -> Strategies:
    return load_strategies()


def how_many(turn: TurnContext) -> int:
    """Return how many products the style shows at once; the rest follows on demand."""
    return _strategies().of(turn.slot("temperament")).recommendations


def row(product: Product, reason: str) -> dict[str, Any]:
    """Return a product as the responses tell it, with the code of why it is shown."""
    return {
        "name": product.name,
        "price": product.price,
        "reason": reason,
        "rating": str(product.rating),
        "warranty_months": product.warranty_months,
    }


def products_card(picks: Sequence[Pick]) -> dict[str, Any]:
    """Return the data of a card of products."""
    return cards.products_card(picks, label)


async def _wanted(turn: TurnContext) -> str | None:
    """Return the words of what she looks for; "" for anything, None for what the shop does not have."""
    if not turn.text:
        return turn.entity("product") or ""
    named = await named_products(turn)
    if named is None:
        return ""
    return " ".join(turn.entities("product")) or turn.text if named else None


async def _recommended(turn: TurnContext, words: str) -> list[Pick]:
    personal = turn.slot("personalisation") is not False
    customer_id = turn.identity.customer_id if personal else None
    found = await turn.shop.recommend(customer_id=customer_id, words=words, limit=_CANDIDATES)
    return wanted(list(found), unwanted(turn))


async def candidates(turn: TurnContext, words: str) -> list[Pick]:
    """Return candidates in order, nothing that she does not want to be shown.

    Without the shopper's leave nothing of hers is used.
    """
    picks = await _recommended(turn, words)
    if not words:
        return picks
    fitting = await _fitting(turn, words)
    return [pick for pick in picks if pick[0].product_id in fitting]


async def _fitting(turn: TurnContext, words: str) -> set[str]:
    """Return the products that fit the words about as well as the best: a charger is no phone."""
    matches = [m for m in await turn.shop.find_products(words, limit=_CANDIDATES) if names_it(m)]
    return {m.product.product_id for m in matches if m.score >= _FITS * matches[0].score}


async def _going_with(turn: TurnContext, product: Product) -> list[Pick]:
    """Return goods of the same department that are no other of the same thing: a scarf for a coat."""
    picks = await _recommended(turn, product.category_label)
    called = set(product.aliases)
    return [
        pick for pick in picks if pick[0].category == product.category and not called & set(pick[0].aliases)
    ]


class Recommend(ShopAction):
    """Recommends from what she says, buys and looks at, each with its reason.

    What she is looking at is not recommended to her; asked for what goes with it (搭配), she gets that.
    """

    @override
    def name(self) -> str:
        return "action_recommend"

    @override
    async def handle(self, turn: TurnContext) -> Events | None:
        beside = (await clear_product(turn))[0] if _GOES_WITH.search(turn.text) else None
        if beside is not None:
            words: str | None = beside.category_label
            picks = await _going_with(turn, beside)
        else:
            words = await _wanted(turn)
            picks = [] if words is None else await candidates(turn, words)
            shown = await product_looked_at(turn)
            others = [pick for pick in picks if shown is None or pick[0].product_id != shown.product_id]
            picks = others or picks
        limit = wishes.budget(turn.text)
        if limit is not None:
            picks = [pick for pick in picks if pick[0].price <= limit]
        if words is None or not picks:
            named = "、".join(turn.entities("product")) or turn.text or "—"
            turn.say(
                "utter_recommend_none", {"words": named}, [option("ask_new_arrivals"), option("ask_human")]
            )
            return None
        return show(turn, "utter_recommend", picks, words, 0)


def show(turn: TurnContext, response: str, picks: Sequence[Pick], words: str, shown: int) -> Events:
    """Show the next candidates after `shown`, and remember how far she has seen."""
    page = picks[shown : shown + how_many(turn)]
    facts: dict[str, Any] = {"picks": [row(product, reason) for product, reason in page]}
    group = wishes.care_once(turn)
    if group is not None:
        facts["care"] = group
    first = page[0][0].product_id
    turn.say(
        response,
        facts,
        [
            option("ask_product", product_id=first),
            option("show_more"),
            option("ask_reviews", product_id=first),
            option("dislike_product", product_id=first),
        ],
    )
    turn.card("products", products_card(page))
    return [
        SlotSet("product_id", first),
        SlotSet("recommend_words", words),
        SlotSet("recommend_shown", float(shown + len(page))),
        *remember_products([product.product_id for product, _ in page], "ask_product_spec"),
    ]


class ShowMore(ShopAction):
    """Shows the next candidates of the last recommendation; without one it recommends."""

    @override
    def name(self) -> str:
        return "action_show_more"

    @override
    async def handle(self, turn: TurnContext) -> Events | None:
        words = turn.slot("recommend_words") or ""
        shown = int(turn.slot("recommend_shown") or 0)
        picks = await candidates(turn, words)
        if shown >= len(picks):
            turn.say("utter_recommend_end", options=[option("ask_new_arrivals"), option("ask_human")])
            return [SlotSet("recommend_words", None), SlotSet("recommend_shown", None)]
        return show(turn, "utter_recommend_more" if shown else "utter_recommend", picks, words, shown)


class NewArrivals(ShopAction):
    """Shows what was listed within the last 30 days, newest first."""

    @override
    def name(self) -> str:
        return "action_new_arrivals"

    @override
    async def handle(self, turn: TurnContext) -> Events | None:
        words = " ".join(turn.entities("product"))
        found = list(await turn.shop.recommend(customer_id=None, words=words, limit=100)) if words else []
        picks = wanted(found or [(product, "new") for product in await newest(turn.shop)], unwanted(turn))
        since = (await turn.shop.now()).date() - _NEW
        fitting = await _fitting(turn, words) if words else {product.product_id for product, _ in picks}
        fresh = [p for p, _ in picks if p.listed_on >= since and p.product_id in fitting]
        fresh = sorted(fresh, key=lambda product: product.listed_on, reverse=True)[: how_many(turn)]
        if not fresh:
            facts = {"words": words} if words else {}
            turn.say("utter_no_new_arrivals", facts, [option("ask_recommendation")])
            return None
        rows = [
            {"name": p.name, "price": p.price, "listed_on": p.listed_on, "warranty_months": p.warranty_months}
            for p in fresh
        ]
        first = fresh[0].product_id
        turn.say(
            "utter_new_arrivals",
            {"picks": rows},
            [option("ask_product", product_id=first), option("ask_recommendation")],
        )
        turn.card("products", products_card([(product, "new") for product in fresh]))
        offered = remember_products([product.product_id for product in fresh], "ask_product_spec")
        return [SlotSet("product_id", first), *offered]


class ShowReviews(ShopAction):
    """Shows the rating and what buyers wrote."""

    @override
    def name(self) -> str:
        return "action_show_reviews"

    @override
    async def handle(self, turn: TurnContext) -> Events | None:
        product, events = await find_product(turn, "ask_reviews")
        if product is None:
            return events
        steps = [
            option("ask_product", product_id=product.product_id),
            option("ask_price", product_id=product.product_id),
        ]
        if not product.review_count:
            turn.say("utter_no_reviews", {"product": product.name}, steps)
            return events
        reviews = await turn.shop.reviews(product.product_id, limit=3)
        facts: dict[str, Any] = {
            "product": product.name,
            "rating": str(product.rating),
            "count": product.review_count,
            "sold": product.sold_30_days,
        }
        if reviews:
            facts["quotes"] = [review.text for review in reviews if review.text]
        turn.say("utter_reviews", facts, steps)
        return events

    @override
    def not_found(self, turn: TurnContext) -> Events:
        """A tapped product has been taken from the shelf since."""
        turn.say("utter_which_product", options=[option("ask_recommendation"), option("list_orders")])
        return []
