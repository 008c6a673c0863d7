"""Search by chat: what was found and why it fits; else what is nearest, and what others buy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rasa_sdk.events import SlotSet
from typing_extensions import override

from actions import wishes
from actions.answers import answered
from actions.base import Events, ShopAction, TurnContext, option
from actions.labels import label
from actions.product_choice import remember_products
from actions.recommend import how_many
from actions.shop import cards
from actions.shop.models import Product, ProductMatch
from actions.shop.search import words_of
from actions.traits import traits
from actions.unwanted import Pick, unwanted, wanted

_CANDIDATES = 20
#: Matches this good, and this good beside the best, are what she looks for.
_FITS, _BESIDE = 0.3, 0.75
_MOST_NEAR = 2
_LONGEST_WORDS = 60


class SearchProduct(ShopAction):
    """Shows what the shop has of what she looks for."""

    @override
    def name(self) -> str:
        return "action_search_product"

    @override
    async def handle(self, turn: TurnContext) -> Events | None:
        question = await answered(turn)
        if question is not None:
            return await question.handle(turn)
        limit = wishes.budget(turn.text)
        words = wishes.without_budget(turn.text)[:_LONGEST_WORDS] or " ".join(turn.entities("product"))
        matches = await turn.shop.find_products(words, limit=_CANDIDATES) if words.strip() else ()
        there = [match for match in matches if match.missing is None]
        good = [m for m in there if m.score >= _FITS and m.score >= _BESIDE * there[0].score]
        fitting = [m for m in good if limit is None or m.product.price <= limit]
        picks = wanted(_once([(m.product, "asked") for m in fitting]), unwanted(turn))
        if picks:
            return self._found(turn, picks, fitting[0].read_as, words)
        return await self._none(turn, matches, words)

    @staticmethod
    def _found(turn: TurnContext, picks: Sequence[Pick], read_as: str | None, words: str) -> Events:
        page = picks[: how_many(turn)]
        facts: dict[str, Any] = {"count": len(picks), "picks": [_row(p, why(p, words)) for p, _ in page]}
        if read_as:
            facts["read_as"] = read_as
        group = wishes.care_once(turn)
        if group is not None:
            facts["care"] = group
        first = page[0][0].product_id
        steps = [option("ask_product", product_id=first)]
        if len(page) > 1:
            steps.append(option("compare_products"))
        if len(picks) > len(page):
            steps.append(option("show_more"))
        turn.say("utter_search_found", facts, [*steps, option("ask_stock", product_id=first)])
        turn.card("products", cards.products_card(page, label))
        return [
            SlotSet("product_id", first),
            SlotSet("recommend_words", words),
            SlotSet("recommend_shown", float(len(page))),
            *remember_products([product.product_id for product, _ in page], "ask_product_spec"),
        ]

    @staticmethod
    async def _none(turn: TurnContext, matches: Sequence[ProductMatch], words: str) -> Events:
        personal = turn.slot("personalisation") is not False
        customer_id = turn.identity.customer_id if personal else None
        near = wanted(_once([(m.product, "near") for m in matches]), unwanted(turn))[:_MOST_NEAR]
        known = {product.product_id for product, _ in near}
        all_hot = await turn.shop.recommend(customer_id=customer_id, limit=_CANDIDATES)
        hot = [(p, r) for p, r in all_hot if r == "hot" and p.product_id not in known]
        hot = wanted(hot, unwanted(turn))[: how_many(turn)]
        asked = next((m.missing for m in matches if m.missing), None) or "、".join(turn.entities("product"))
        facts: dict[str, Any] = {"words": asked or words or "—"}
        if near:
            facts["near"] = [_row(product, None) for product, _ in near]
        if hot:
            facts["hot"] = [_row(product, None) for product, _ in hot]
        shown = [*near, *hot]
        turn.say("utter_search_none", facts, [option("ask_recommendation"), option("ask_human")])
        if not shown:
            return []
        turn.card("products", cards.products_card(shown, label))
        return [*remember_products([product.product_id for product, _ in shown], "ask_product_spec")]

    @override
    def not_found(self, turn: TurnContext) -> Events:
        """A product went while it was looked for."""
        turn.say("utter_which_product", options=[option("ask_recommendation"), option("list_orders")])
        return []


def _once(picks: Sequence[Pick]) -> list[Pick]:
    """Return the picks without variants of one thing that a backend keeps as products of their own."""
    found: dict[tuple[str, str], Pick] = {}
    for product, reason in picks:
        found.setdefault((product.brand, product.short_name), (product, reason))
    return list(found.values())


def _row(product: Product, reason: str | None) -> dict[str, Any]:
    row: dict[str, Any] = {
        "name": product.name,
        "price": product.price,
        "stock": sum(sku.stock for sku in product.skus),
        "rating": str(product.rating),
    }
    return {**row, "why": reason or ""}


def why(product: Product, words: str) -> str | None:
    """Return the line of the product's own page that the words ask for, None where only its name fits."""
    plain = "".join(words_of(words))
    names = "".join((product.name, product.brand, product.category_label, *product.aliases))
    pairs = {plain[i : i + 2] for i in range(len(plain) - 1)}
    asked = [pair for pair in pairs if pair not in names]
    for name, value in product.specs:
        trait = traits().get(name)
        measured = trait is not None and trait.asked.search(plain) is not None
        if measured or any(pair in name or pair in value for pair in asked):
            return f"{name} {value}"
    return next((tag for tag in product.tags if any(pair in tag for pair in asked)), None)
