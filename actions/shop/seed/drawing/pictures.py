"""Writes the pictures of the demo catalogue: ``python -m actions.shop.seed.drawing.pictures FOLDER``."""

from __future__ import annotations

import sys
from pathlib import Path

from actions.shop.seed.catalogue import Item, catalogue_items
from actions.shop.seed.drawing import appliance, baby, beauty, clothing, food, phone
from actions.shop.seed.drawing.pen import Palette, Shape, shade

SHAPES: dict[str, Shape] = {
    **phone.SHAPES,
    **appliance.SHAPES,
    **clothing.SHAPES,
    **food.SHAPES,
    **beauty.SHAPES,
    **baby.SHAPES,
}


def picture(item: Item) -> str:
    """Return the SVG of one product."""
    draw = item.data["draw"]
    colours = Palette(draw["colour"], draw["accent"], draw["back"])
    gradients = (
        _gradient("body", colours.lit, colours.body)
        + _gradient("deep", colours.body, colours.dark)
        + _gradient("glow", shade(colours.accent, 0.35), colours.accent)
        + f'<radialGradient id="back" cx="0.35" cy="0.25" r="1">'
        f'<stop offset="0" stop-color="{shade(colours.back, 0.3)}"/>'
        f'<stop offset="1" stop-color="{shade(colours.back, -0.1)}"/></radialGradient>'
    )
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 400" role="img">'
        f"<title>{item.data['name']}</title><defs>{gradients}</defs>"
        '<rect width="400" height="400" rx="28" fill="url(#back)"/>'
        '<ellipse cx="200" cy="336" rx="128" ry="15" fill="#0f172a" opacity="0.1"/>'
        f"{SHAPES[draw['shape']](colours)}</svg>\n"
    )


def _gradient(name: str, start: str, end: str) -> str:
    return (
        f'<linearGradient id="{name}" x1="0" y1="0" x2="1" y2="1"><stop offset="0" stop-color="{start}"/>'
        f'<stop offset="1" stop-color="{end}"/></linearGradient>'
    )


def write_pictures(folder: Path) -> int:
    """Write all pictures into `folder` and return how many."""
    folder.mkdir(parents=True, exist_ok=True)
    items = catalogue_items()
    for item in items.values():
        (folder / f"{item.product_id}.svg").write_text(picture(item), encoding="utf-8")
    return len(items)


if __name__ == "__main__":
    write_pictures(Path(sys.argv[1]))
