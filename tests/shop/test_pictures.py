"""The committed pictures are those that the project draws: whole, distinct and without anything active."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from actions.shop.seed.catalogue import catalogue_items
from actions.shop.seed.drawing.pictures import SHAPES, picture, write_pictures

FOLDER = Path(__file__).parents[2] / "bot" / "channels" / "static"
PARTS = {
    "svg",
    "title",
    "defs",
    "linearGradient",
    "radialGradient",
    "stop",
    "g",
    "rect",
    "circle",
    "ellipse",
    "path",
}


def test_every_product_has_its_picture_and_no_other_is_left() -> None:
    items = catalogue_items()
    assert {path.name for path in (FOLDER / "pictures").glob("*.svg")} == {f"{pid}.svg" for pid in items}
    for item in items.values():
        assert (FOLDER / item.picture).read_text(encoding="utf-8") == picture(item), "run the generator"


def test_pictures_are_whole_distinct_and_passive(tmp_path: Path) -> None:
    assert write_pictures(tmp_path) == len(catalogue_items())
    drawn = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.glob("*.svg")}
    bodies = {text.split("</title>", 1)[1] for text in drawn.values()}
    assert len(bodies) == len(drawn) >= 64
    for name, text in drawn.items():
        tags = {element.tag.split("}")[1] for element in ElementTree.fromstring(text).iter()}
        assert tags <= PARTS, name
        assert "href" not in text
        assert len(text) < 12_000


def test_no_shape_is_unused() -> None:
    assert {item.data["draw"]["shape"] for item in catalogue_items().values()} == set(SHAPES)
