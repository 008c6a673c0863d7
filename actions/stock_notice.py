"""Tell me when it is back: notes the wish, for one variant, once it is known whom to tell."""

from __future__ import annotations

import re
from typing import Any

from rasa_sdk.events import SlotSet
from typing_extensions import override

from actions import parsing, wishes
from actions.base import Events, ShopAction, TurnContext, option
from actions.interruptions import COUNT, After, after_interruption, interrupted
from actions.product_choice import find_product
from actions.shop.models import Product, Sku
from actions.write_form import ANSWERS, REQUESTED, Phase, phase_of

FORM = "stock_form"
_PRODUCT, _SKU = "watch_product", "watch_sku"
#: What a tapped "whichever" carries instead of a variant's id.
ANY = "any"
_MOST_CHOICES = 6
_WHICHEVER = re.compile(r"都行|都可以|都要|都成|随便|无所谓|哪个都|任[意何]|谁先|不挑|不限")
_LEAVE = frozenset({"stop", "deny"})


class StockForm(ShopAction):
    """Which product and which variant; says so where it is there already, else notes the wish."""

    @override
    def name(self) -> str:
        return f"validate_{FORM}"

    @override
    async def handle(self, turn: TurnContext) -> Events | None:
        phase = phase_of(turn, FORM)
        named = turn.entity("sku_id") or turn.entity("product_id") or turn.entity("product")
        if phase is Phase.OPENED or (phase is Phase.MESSAGE and turn.intent == "watch_stock" and named):
            return await self._open(turn)
        product = await turn.shop.product(str(turn.slot(_PRODUCT)))
        if phase is Phase.RESUMED:
            return self._resume(turn, product)
        return await self._message(turn, product)

    async def _message(self, turn: TurnContext, product: Product) -> Events:
        if turn.intent in _LEAVE:
            turn.say("utter_watch_left")
            return _ended()
        chosen = _chosen(turn, product)
        if chosen is not None:
            return await self._watch(turn, product, chosen)
        if turn.intent not in ANSWERS and turn.intent != "watch_stock":
            return []  # another topic
        return self._ask(turn, product)

    async def _open(self, turn: TurnContext) -> Events:
        product, events = await find_product(turn, "watch_stock")
        if product is None:
            return [*_ended(), *events]
        chosen = _named(turn, product)
        if chosen is not None:
            return [*events, *await self._watch(turn, product, chosen)]
        if turn.identity.customer_id is None:
            return [*events, *_login_first(turn, product, None)]
        return [*events, *self._ask(turn, product)]

    def _resume(self, turn: TurnContext, product: Product) -> Events:
        what = after_interruption(turn, FORM)
        if what is After.DROP:
            return _ended()
        if what is After.WAIT:
            return [SlotSet(REQUESTED, _SKU)]
        return [*self._ask(turn, product), *interrupted(turn)]

    @staticmethod
    def _ask(turn: TurnContext, product: Product) -> Events:
        shown = _sold_out(product)[:_MOST_CHOICES]
        choices = [
            option("choose_sku", sku=sku.label, sku_id=sku.sku_id, product_id=product.product_id)
            for sku in shown
        ]
        if not _there(product):  # else "whichever" would be met at once
            choices.append(option("any_sku", sku_id=ANY, product_id=product.product_id))
        facts = {"product": product.name, "sold_out": [sku.label for sku in shown]}
        turn.say("utter_watch_which", facts, choices)
        known = [SlotSet(_PRODUCT, product.product_id), SlotSet(_SKU, None), SlotSet(COUNT, None)]
        return [*known, SlotSet(REQUESTED, _SKU)]

    @staticmethod
    async def _watch(turn: TurnContext, product: Product, chosen: str) -> Events:
        sku = next((s for s in product.skus if s.sku_id == chosen), None)
        if (sku is not None and sku.stock > 0) or (sku is None and _there(product)):
            _say_there(turn, product, sku)
            return _ended()
        if turn.identity.customer_id is None:
            return _login_first(turn, product, sku)
        watch = await turn.shop.watch_stock(
            product.product_id,
            sku_id=sku.sku_id if sku else None,
            customer_id=turn.identity.customer_id,
            key=turn.key("watch_stock"),
        )
        if watch.in_stock:  # it came in a moment ago
            _say_there(turn, product, sku)
            return _ended()
        facts = _names(product, sku)
        facts |= {"expected_on": watch.expected_on} if watch.expected_on else {}
        turn.say("utter_watch_noted", facts, [option("ask_recommendation", product=product.short_name)])
        return _ended()

    @override
    def unavailable(self, turn: TurnContext) -> Events:
        super().unavailable(turn)
        return _ended()

    @override
    def failed(self, turn: TurnContext) -> Events:
        super().failed(turn)
        return _ended()

    @override
    def not_found(self, turn: TurnContext) -> Events:
        """The product has been taken from the shelf since."""
        turn.say("utter_which_product", options=[option("ask_recommendation"), option("list_orders")])
        return _ended()


def _named(turn: TurnContext, product: Product) -> str | None:
    """Return the variant that is tapped, named, or the only one that can be meant; None where it is open."""
    tapped = turn.entity("sku_id")
    if tapped == ANY or any(sku.sku_id == tapped for sku in product.skus):
        return tapped
    meant = wishes.skus_meant(turn.text, product.skus)
    sold_out = [sku for sku in meant if sku.stock <= 0] or _sold_out(product)
    if len(meant) == 1:
        return meant[0].sku_id
    return sold_out[0].sku_id if len(sold_out) == 1 else None if sold_out else ANY


def _chosen(turn: TurnContext, product: Product) -> str | None:
    """Return the variant that the words choose of those shown, ANY for whichever, None for none."""
    if not turn.text:
        return None
    if _WHICHEVER.search(turn.text) and not _there(product):
        return ANY
    sold_out = _sold_out(product)[:_MOST_CHOICES]
    meant = wishes.skus_meant(turn.text, product.skus)
    if len(meant) != 1:
        meant = [sku for sku in meant if sku.stock <= 0]
    if len(meant) == 1:
        return meant[0].sku_id
    index = parsing.ordinal(turn.text, len(sold_out)) if turn.intent in ANSWERS else None
    return sold_out[index].sku_id if index is not None else None


def _sold_out(product: Product) -> list[Sku]:
    return [sku for sku in product.skus if sku.stock <= 0]


def _there(product: Product) -> bool:
    return any(sku.stock > 0 for sku in product.skus)


def _names(product: Product, sku: Sku | None) -> dict[str, Any]:
    facts: dict[str, Any] = {"product": product.name}
    return facts | ({"sku": sku.label} if sku is not None and sku.label else {})


def _say_there(turn: TurnContext, product: Product, sku: Sku | None) -> None:
    facts = _names(product, sku) | {"price": sku.price if sku else product.price}
    steps = [option("ask_product", product_id=product.product_id), option("ask_coupons")]
    turn.say("utter_watch_in_stock", facts, steps)


def _login_first(turn: TurnContext, product: Product, sku: Sku | None) -> Events:
    turn.say("utter_watch_login", _names(product, sku), [option("ask_recommendation"), option("ask_human")])
    return _ended()


def _ended() -> Events:
    return [*(SlotSet(name, None) for name in (_PRODUCT, _SKU, COUNT)), SlotSet(REQUESTED, None)]
