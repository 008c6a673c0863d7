"""Questions about one product: specification, size, stock, price, warranty."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from typing_extensions import override

from actions import wishes
from actions.base import Events, ShopAction, TurnContext, option
from actions.product_choice import find_product
from actions.shop.models import Product, Sku

_MOST_SPECS = 8
_MOST_SKUS = 12
_ENGRAVABLE = "可刻字"  # the shop's own tag


class ProductAction(ShopAction):
    """An answer about the product that the message means; asks which one where it is not clear."""

    #: The question's intent; tapped choices carry it.
    intent: str

    @override
    def name(self) -> str:
        return f"action_{self.intent.removeprefix('ask_')}"

    @override
    async def handle(self, turn: TurnContext) -> Events | None:
        product, events = await find_product(turn, self.intent)
        if product is not None:
            await self.tell(turn, product)
        return events

    @abstractmethod
    async def tell(self, turn: TurnContext, product: Product) -> None:
        """Answer the question."""

    @override
    def not_found(self, turn: TurnContext) -> Events:
        """A tapped product has been taken from the shelf since."""
        turn.say("utter_which_product", options=[option("ask_recommendation"), option("list_orders")])
        return []


def _steps(product: Product, *steps: str) -> list[dict[str, Any]]:
    return [option(step, product_id=product.product_id) for step in steps]


class ProductSpec(ProductAction):
    """Tells the specification: the entries asked for, else all."""

    intent = "ask_product_spec"

    @override
    async def tell(self, turn: TurnContext, product: Product) -> None:
        asked = turn.entities("attribute")
        specs = [(n, v) for n, v in product.specs if any(a in n for a in asked)] or product.specs[
            :_MOST_SPECS
        ]
        facts: dict[str, Any] = {
            "product": product.name,
            "specs": [{"name": name, "value": value} for name, value in specs],
            "rating": str(product.rating),
        }
        if product.certificates:
            facts["certificates"] = product.certificates
        if product.warranty_months:
            facts["warranty_months"] = product.warranty_months
        if _ENGRAVABLE in product.tags:
            facts["customisable"] = True
        group = wishes.care_once(turn)
        if group is not None:
            facts["care"] = group
        turn.say(
            "utter_product_spec",
            facts,
            _steps(product, "ask_price", "ask_stock", "ask_reviews", "ask_warranty"),
        )


class ProductSize(ProductAction):
    """Tells the sizes in stock, or the one that fits a body that the shopper describes."""

    intent = "ask_product_size"

    @override
    async def tell(self, turn: TurnContext, product: Product) -> None:
        sizes = _sizes_in_stock(product)
        if not product.size_table and not any(sku.size for sku in product.skus):
            turn.say(
                "utter_product_no_size",
                {"product": product.name},
                _steps(product, "ask_product", "ask_price"),
            )
            return
        if not sizes:
            _say_sold_out(turn, product)
            return
        facts: dict[str, Any] = {"product": product.name}
        if product.size_table:
            facts["table"] = [" / ".join(row) for row in product.size_table]
        who = wishes.body(turn.text)
        size = wishes.fitting_size(product.size_table, who, sizes) if who.known else None
        if size is not None:
            facts |= {"size": size, "basis": _basis(who)}
            turn.say("utter_product_size_suggested", facts, _steps(product, "ask_stock", "ask_price"))
        else:
            turn.say(
                "utter_product_size", facts | {"sizes": sizes}, _steps(product, "ask_stock", "ask_price")
            )


def _sizes_in_stock(product: Product) -> list[str]:
    sizes = list(dict.fromkeys(sku.size for sku in product.skus if sku.size and sku.stock > 0))
    order = {row[0]: position for position, row in enumerate(product.size_table)}
    return sorted(sizes, key=lambda size: order.get(size, len(order)))


def _basis(who: wishes.Body) -> str:
    figures = ((who.height, "cm"), (who.weight, "kg"), (who.foot, "mm"))
    return "、".join(f"{value:g} {unit}" for value, unit in figures if value is not None)


class ProductStock(ProductAction):
    """Tells the stock: of the variant named, else of all."""

    intent = "ask_product_stock"

    @override
    async def tell(self, turn: TurnContext, product: Product) -> None:
        available = [sku for sku in product.skus if sku.stock > 0]
        meant = wishes.skus_meant(turn.text, product.skus)
        if not available:
            _say_sold_out(turn, product)
        elif len(meant) == 1:
            self._one(turn, product, meant[0], available)
        else:
            shown = [sku for sku in meant if sku.stock > 0] or available
            others = [sku.label for sku in meant or product.skus if sku.stock <= 0]
            facts: dict[str, Any] = {
                "product": product.name,
                "skus": [{"label": sku.label, "stock": sku.stock} for sku in shown[:_MOST_SKUS]],
            }
            if others:
                facts["sold_out"] = others
            turn.say(
                "utter_product_stock",
                facts,
                _steps(product, "ask_price", *_size_step(product), "ask_reviews"),
            )

    @staticmethod
    def _one(turn: TurnContext, product: Product, sku: Sku, available: Sequence[Sku]) -> None:
        facts: dict[str, Any] = {"product": product.name, "sku": sku.label}
        if sku.stock > 0:
            turn.say(
                "utter_sku_stock", facts | {"stock": sku.stock}, _steps(product, "ask_price", "ask_reviews")
            )
        else:
            facts["others"] = [other.label for other in available]
            watch = option("watch_stock", product_id=product.product_id, sku_id=sku.sku_id)
            turn.say("utter_sku_sold_out", facts, [watch, option("ask_recommendation")])


def _say_sold_out(turn: TurnContext, product: Product) -> None:
    steps = [*_steps(product, "watch_stock"), option("ask_recommendation")]
    turn.say("utter_product_sold_out", {"product": product.name}, steps)


def _size_step(product: Product) -> tuple[str, ...]:
    return ("ask_size",) if product.size_table else ()


class ProductPrice(ProductAction):
    """Tells the price, since when it holds, what it was before, and the lowest on record."""

    intent = "ask_product_price"

    @override
    async def tell(self, turn: TurnContext, product: Product) -> None:
        facts: dict[str, Any] = {"product": product.name, "price": product.price}
        meant = wishes.skus_meant(turn.text, product.skus)
        prices = sorted({sku.price for sku in meant or product.skus})
        if len(meant) == 1:
            facts["sku"] = meant[0].label
        if prices:
            facts["price"] = prices[0]
            if len(prices) > 1:
                facts["top_price"] = prices[-1]
        # The history is that of the lowest variant: for a dearer one it would mislead.
        if facts["price"] == product.price:
            facts |= _history(product)
        turn.say(
            "utter_product_price",
            facts,
            [*_steps(product, "ask_stock"), option("ask_coupons"), *_steps(product, "ask_reviews")],
        )


def _history(product: Product) -> dict[str, Any]:
    points = sorted(product.price_history, key=lambda point: point.since)
    if not points:
        return {}
    facts: dict[str, Any] = {}
    if len(points) > 1:
        facts |= {"since": points[-1].since, "previous": points[-2].price}
    lowest = min(points, key=lambda point: (point.price, point.since))
    return facts | {"lowest": lowest.price, "lowest_on": lowest.since}


class ProductWarranty(ProductAction):
    """Tells warranty and the right to send back."""

    intent = "ask_product_warranty"

    @override
    async def tell(self, turn: TurnContext, product: Product) -> None:
        facts: dict[str, Any] = {
            "product": product.name,
            "months": product.warranty_months,
            "terms": product.warranty_terms,
            "returnable_days": product.returnable_days,
        }
        if product.certificates:
            facts["certificates"] = product.certificates
        turn.say("utter_product_warranty", facts, [*_steps(product, "ask_product"), option("ask_human")])
