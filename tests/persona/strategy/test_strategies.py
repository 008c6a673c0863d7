"""The project's strategies, and what the loader says about broken ones."""

import re
import shutil
from pathlib import Path

import pytest

from persona.strategy import StrategyError, Style, load_strategies, theme_css
from persona.strategy.loader import FOLDER
from persona.strategy.theme import contrast


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FOLDER, tmp_path / "strategies"))


def edit(folder: Path, style: str, old: str, new: str) -> None:
    path = folder / f"{style}.yml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_power_is_short_and_offers_one_step() -> None:
    power = load_strategies().of(Style.POWER)
    assert power.chars == 40
    assert power.options.steps == 1
    assert power.emoji.max == 0


def test_nobody_jokes_with_an_upset_shopper() -> None:
    strategies = load_strategies()
    assert {"angry", "complaining", "worried"} <= strategies.common.upset_moods
    for strategy in strategies.styles.values():
        assert strategies.of(strategy.when_upset).emoji.min == 0


def test_unknown_styles_are_served_neutral() -> None:
    strategies = load_strategies()
    assert strategies.of(None).style is Style.NEUTRAL
    assert strategies.of("choleric").style is Style.NEUTRAL
    assert strategies.of("lively").style is Style.LIVELY


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "chars: 40",
            "chars: forty",
            r"power\.yml: chars: must be a whole number from 10 to 1000, not 'forty'",
        ),
        ("chars: 40", "", r"power\.yml: chars: is missing"),
        ("name: 力量型", "name: 力量型\ncolour: red", r"power\.yml: unknown field 'colour'"),
        ("steps: 1", "steps: true", r"options: steps: must be a whole number"),
        ("chars: 40", "chars: 40\nchars: 50", r"power\.yml: line \d+: 'chars' stands here a second time"),
        ("density: compact", "density: tiny", r"density: must be one of compact, normal, roomy, not 'tiny'"),
        ('"#111418"', '"#c0c0c0"', r"contrast: text on page has a contrast of 1\.\d+, at least 4\.5"),
        ("when_upset: power", "when_upset: calm", r"when_upset: must be one of neutral"),
        ("emoji: {min: 0, max: 0", "emoji: {min: 0, max: 2", r"allowed: must name the emoji"),
        ("chars: 40", "chars: [", r"power\.yml: line \d+"),
    ],
)
def test_a_broken_file_is_named_with_field_and_cause(folder: Path, old: str, new: str, message: str) -> None:
    edit(folder, "power", old, new)
    with pytest.raises(StrategyError, match=message):
        load_strategies(folder)


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / "peace.yml").unlink()
    with pytest.raises(StrategyError, match=r"peace\.yml: cannot be read"):
        load_strategies(folder)


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_the_page_has_the_colours_of_the_strategies() -> None:
    page = Path(__file__).parents[3] / "bot/channels/widget/theme.css"
    made = theme_css(load_strategies())
    assert page.read_text(encoding="utf-8") == made, (
        "run: python -m persona.strategy > bot/channels/widget/theme.css"
    )


def test_every_style_has_its_own_colours_in_both_schemes() -> None:
    css = theme_css(load_strategies())
    for style in ("power", "perfect", "peace", "lively"):
        assert len(re.findall(rf':root\[data-style="{style}"\]', css)) == 2
    accents = re.findall(r"--accent:(#\w+)", css)
    assert len(accents) == 10
    assert len(set(accents)) == 10
