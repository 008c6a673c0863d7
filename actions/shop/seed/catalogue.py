"""Reads the demo catalogue from ``catalogue/<category>.yml`` and turns it into rows."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

_FOLDER = Path(__file__).parent / "catalogue"
_DETAILS = Path(__file__).parent / "details"
_GIFT_BOX, _COLD_CHAIN = "礼盒", "温控"  # tags that say as much
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # five times faster where libyaml is there
_ONLY_VARIANT = "标准装"

Row = dict[str, Any]


def read_yaml(path: Path) -> Any:
    """Read one YAML file safely and fast."""
    return yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER)  # noqa: S506 - a safe loader


@dataclass(frozen=True)
class Variant:
    """A SKU before it has a stock."""

    sku_id: str
    label: str
    size: str | None
    colour: str | None
    price: Decimal
    sold_out: bool


@dataclass(frozen=True)
class Item:
    """A product of the demo catalogue with what the history needs to know."""

    data: Mapping[str, Any]  # the YAML entry with its category's defaults filled in
    product_id: str
    category: str
    brand: str
    listed_ago: int  # days
    variants: tuple[Variant, ...]
    prices: tuple[tuple[int, Decimal], ...]  # (days ago, lowest price from then on), oldest first

    @property
    def picture(self) -> str:
        """Path below the front's static root."""
        return f"pictures/{self.product_id}.svg"

    @property
    def to_be_had(self) -> bool:
        """Whether any variant is on the shelf; nobody visits or buys what is not."""
        return not all(variant.sold_out for variant in self.variants)

    def variant(self, label: str) -> Variant:
        """Return the variant of that label, the first one for an empty label; KeyError if there is none."""
        for variant in self.variants:
            if label in ("", variant.label):
                return variant
        raise KeyError(f"{self.product_id} has no variant {label!r}")

    def price_then(self, variant: Variant, days_ago: int) -> Decimal:
        """Return what a variant cost so many days ago."""
        lowest = self.prices[0][1]
        for since, price in self.prices:
            if days_ago <= since:
                lowest = price
        return variant.price + lowest - self.prices[-1][1]


@dataclass(frozen=True)
class Category:
    """A category with its items."""

    code: str
    label: str
    aliases: tuple[str, ...]
    items: tuple[Item, ...]


@lru_cache(maxsize=1)
def read_catalogue() -> tuple[Category, ...]:
    """Read all categories, once per process."""
    return tuple(_category(read_yaml(path)) for path in sorted(_FOLDER.glob("*.yml")))


def catalogue_items() -> dict[str, Item]:
    """Return all items by product id."""
    return {item.product_id: item for category in read_catalogue() for item in category.items}


def _category(data: Mapping[str, Any]) -> Category:
    tables = data.get("size_tables", {})
    return Category(
        code=data["category"],
        label=data["label"],
        aliases=tuple(data["aliases"]),
        items=tuple(
            _item(data["category"], {**data["defaults"], **entry}, tables) for entry in data["products"]
        ),
    )


def _item(category: str, entry: dict[str, Any], tables: Mapping[str, Any]) -> Item:
    table = entry.get("size_table", [])
    entry["size_table"] = tables[table] if isinstance(table, str) else table
    return Item(
        data=entry,
        product_id=entry["id"],
        category=category,
        brand=entry["brand"],
        listed_ago=entry["listed"],
        variants=tuple(_variants(entry)),
        prices=tuple((days, _yuan(price)) for days, price in sorted(entry["was"].items(), reverse=True)),
    )


def _variants(entry: Mapping[str, Any]) -> list[Variant]:
    sizes: list[tuple[str | None, Decimal]] = [
        (size, _yuan(price)) for size, price in entry.get("sizes", {}).items()
    ] or [(None, _yuan(entry["price"]))]
    colours: list[str | None] = list(entry.get("colours", [])) or [None]
    variants: list[Variant] = []
    for colour in colours:
        for size, price in sizes:
            label = " / ".join(part for part in (colour, size) if part) or _ONLY_VARIANT
            variants.append(
                Variant(
                    sku_id=f"{entry['id']}-{len(variants) + 1:02d}",
                    label=label,
                    size=size,
                    colour=colour,
                    price=price,
                    sold_out=bool({label, colour, size} & set(entry.get("sold_out", []))),
                )
            )
    return variants


@lru_cache(maxsize=1)
def _read_details() -> dict[str, Any]:
    return {
        product_id: details
        for path in sorted(_DETAILS.glob("*.yml"))
        for product_id, details in read_yaml(path).items()
    }


def _details(item: Item, today: date) -> Row:
    """Return what is in the box, how it is used, how long it keeps, who sells it."""
    details = _read_details()[item.product_id]
    produced, fee = details.get("produced"), details.get("installation")
    return {
        "contents": details["contents"],
        "usage": details["usage"],
        "search_words": details["words"],
        "shelf_life_days": details.get("shelf"),
        "produced_on": None if produced is None else today - timedelta(days=produced),
        "seller": details.get("seller"),
        "installation_fee": None if fee is None else _yuan(fee),
        "gift_box": _GIFT_BOX in item.data["tags"],
        "cold_chain": _COLD_CHAIN in item.data["tags"],
    }


def _yuan(value: Any) -> Decimal:
    return Decimal(str(value)).quantize(Decimal("0.01"))


def catalogue_rows(today: date, rng: random.Random) -> dict[str, list[Row]]:
    """Return the rows of categories, products, SKUs and price points."""
    rows: dict[str, list[Row]] = {"categories": [], "products": [], "skus": [], "price_points": []}
    for category in read_catalogue():
        rows["categories"].append(
            {"code": category.code, "label": category.label, "aliases": list(category.aliases)}
        )
        for item in category.items:
            _add_item(rows, item, today, rng)
    return rows


def _add_item(rows: dict[str, list[Row]], item: Item, today: date, rng: random.Random) -> None:
    data = item.data
    rows["products"].append(
        {
            "product_id": item.product_id,
            "name": data["name"],
            "short_name": data["short"],
            "category": item.category,
            "brand": item.brand,
            "specs": [[name, str(value)] for name, value in data["specs"].items()],
            "size_table": data["size_table"],
            "warranty_months": data["warranty"],
            "warranty_terms": data["warranty_terms"],
            "certificates": data["certificates"],
            "returnable_days": data["returnable"],
            "rating_tenths": round(data["rating"] * 10),
            "review_count": data["reviews"],
            "sold_30_days": data["sold"],
            "listed_on": today - timedelta(days=item.listed_ago),
            "picture": item.picture,
            "tags": data["tags"],
            "aliases": data["aliases"],
            **_details(item, today),
        }
    )
    for position, variant in enumerate(item.variants):
        rows["skus"].append(
            {
                "sku_id": variant.sku_id,
                "product_id": item.product_id,
                "position": position,
                "label": variant.label,
                "size": variant.size,
                "colour": variant.colour,
                "price": variant.price,
                "stock": 0 if variant.sold_out else rng.randint(6, 240),
                "expected_on": today + timedelta(days=data["expected"])
                if variant.sold_out and "expected" in data
                else None,
            }
        )
    for days, price in item.prices:
        rows["price_points"].append(
            {
                "product_id": item.product_id,
                "since": today - timedelta(days=days),
                "price": price,
            }
        )
