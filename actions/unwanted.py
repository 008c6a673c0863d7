"""What a shopper does not want to be shown, as far as this conversation knows.

Slot ``unwanted`` holds it as short texts, ``product:p101``, ``colour:红``, ``brand:花隐``, ``word:手机``,
``from:1299.00`` (what costs as much is too dear). What a customer said of a product is noted in the shop too
(:meth:`~actions.shop.gateway.ShopGateway.note_preference`); the rest ends with the conversation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal, InvalidOperation

from actions.base import TurnContext
from actions.shop.models import Product

Pick = tuple[Product, str]

_MOST = 60


def unwanted(turn: TurnContext) -> tuple[str, ...]:
    """Return what this conversation knows, oldest first."""
    return tuple(str(one) for one in turn.slot("unwanted") or ())


def with_more(turn: TurnContext, more: Iterable[str]) -> list[str]:
    """Return the slot's next value: what is known and what is new, each once, the newest of too many."""
    return list(dict.fromkeys((*unwanted(turn), *more)))[-_MOST:]


def wanted(picks: Sequence[Pick], left_out: Iterable[str]) -> list[Pick]:
    """Return the picks without what is left out; what is like a product that was left out comes last."""
    rules = [tuple(one.split(":", 1)) for one in left_out if ":" in one]
    kept = [pick for pick in picks if not any(_applies(kind, value, pick[0]) for kind, value in rules)]
    products = {value for kind, value in rules if kind == "product"}
    called = {alias for product, _ in picks if product.product_id in products for alias in product.aliases}
    return sorted(kept, key=lambda pick: bool(called & set(pick[0].aliases)))


def _applies(kind: str, value: str, product: Product) -> bool:
    test = _TESTS.get(kind)
    return test is not None and test(value, product)


def _all_of_colour(value: str, product: Product) -> bool:
    there = [sku for sku in product.skus if sku.stock > 0]
    return bool(there) and all(sku.colour is not None and value in sku.colour for sku in there)


def _called(value: str, product: Product) -> bool:
    return value in product.name or any(value in alias for alias in product.aliases)


def _too_dear(value: str, product: Product) -> bool:
    try:
        return product.price >= Decimal(value)
    except InvalidOperation:
        return False


_TESTS: dict[str, Callable[[str, Product], bool]] = {
    "product": lambda value, product: product.product_id == value,
    "brand": lambda value, product: product.brand == value,
    "category": lambda value, product: product.category == value,
    "colour": _all_of_colour,
    "word": _called,
    "from": _too_dear,
}
