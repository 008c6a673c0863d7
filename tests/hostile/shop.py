"""A shop that was taken over: every text it answers is a hostile string; ids, codes and figures are sound.

Without sound ids there would be no order to talk about, and the strings would be met by nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

#: Fields whose text somebody wrote: a seller, a carrier, a customer.
TEXTS = frozenset(
    {
        *("consignee", "phone", "province", "city", "district", "street", "return_address"),
        *("label", "size", "colour", "sku_label", "engraving", "name", "short_name", "title", "gift"),
        *("category_label", "brand", "specs", "size_table", "warranty_terms", "certificates", "tags"),
        *("picture", "place", "text", "carrier", "tracking_number", "exception", "payment_method"),
        *("tax_number", "email", "invoice_number", "terms", "method", "methods", "cause", "aliases"),
    }
)


class HostileShop:
    """Passes every call on to a sound shop, and answers with `self.string` in place of each text."""

    def __init__(self, shop: Any, string: str = "") -> None:
        self.sound = shop
        self.string = string
        self.answered: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.sound, name)
        if name.startswith("_") or name in ("close", "now") or not callable(found):
            return found

        async def ask(*args: Any, **more: Any) -> Any:
            return self._turned(await found(*args, **more))

        return ask

    def _turned(self, value: Any) -> Any:
        if is_dataclass(value) and not isinstance(value, type):
            return replace(value, **{f.name: self._field(value, f.name) for f in fields(value)})
        if isinstance(value, list | tuple):
            return type(value)(self._turned(one) for one in value)
        if isinstance(value, Mapping):
            return {key: self._turned(one) for key, one in value.items()}
        return value

    def _field(self, whole: Any, name: str) -> Any:
        value = getattr(whole, name)
        if name not in TEXTS or not _is_text(value):
            return self._turned(value)
        self.answered.add(f"{type(whole).__name__}.{name}")
        return self._texts(value)

    def _texts(self, value: Any) -> Any:
        return self.string if isinstance(value, str) else tuple(self._texts(one) for one in value)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, tuple) and all(map(_is_text, value)))


__all__ = ["TEXTS", "HostileShop"]
