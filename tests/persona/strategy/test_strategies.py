"""The project's strategies, and what the loader says about broken ones."""

import re
import shutil
from pathlib import Path

import pytest

from persona.strategy import StrategyError, Style, dress_js, load_strategies, theme_css
from persona.strategy.loader import FOLDER
from persona.strategy.theme import contrast

PAGE = Path(__file__).parents[3] / "bot/channels/widget/frame"


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
        ("parts: [conclusion, ", "parts: [", r"policy: parts: must order all of conclusion, condition"),
        ("details: false", "details: some", r"policy: details: must be true or false, not 'some'"),
        ("layout: lines", "layout: table", r"policy: layout: must be one of lines, numbered, flowing"),
        ("labels: {}", "labels: {price: 价格}", r"policy: labels: there is no part price"),
        ("shape: square", "shape: oval", r"theme: shape: must be one of square, soft, round, not 'oval'"),
        ("motion: still", "motion: wild", r"widget: motion: must be one of still, calm, playful"),
        ("shortcuts: true", "shortcuts: some", r"widget: shortcuts: must be true or false"),
        ("manner: {name: 简短直接, ", "manner: {", r"power\.yml: manner: name: is missing"),
        ("again: [", "again: [] # [", r"power\.yml: again: must have at least one opening"),
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


def test_the_empty_stars_of_a_rating_can_be_seen() -> None:
    sheet = (PAGE / "cards.css").read_text(encoding="utf-8")
    found = re.search(
        r"\.z-given [^{]*:not\(\[data-on\]\) { color: color-mix\(in srgb, var\(--muted\) (\d+)%", sheet
    )
    assert found is not None
    share = int(found[1]) / 100
    dresses = re.findall(r"--surface:#(\w{6}).*?--muted:#(\w{6})", theme_css(load_strategies()))
    assert len(dresses) == 2 * len(Style)
    for surface, muted in dresses:
        pairs = zip(bytes.fromhex(muted), bytes.fromhex(surface), strict=True)
        mixed = bytes(round(share * one + (1 - share) * other) for one, other in pairs).hex()
        assert contrast(f"#{mixed}", f"#{surface}") >= 3  # WCAG 2.2, 1.4.11


def test_the_page_is_dressed_by_the_strategies() -> None:
    strategies = load_strategies()
    for file, argument, made in (
        ("theme.css", "", theme_css(strategies)),
        ("core/dress.js", " dress", dress_js(strategies)),
    ):
        assert (PAGE / file).read_text(encoding="utf-8") == made, (
            f"run: python -m persona.strategy{argument} > bot/channels/widget/frame/{file}"
        )


def test_each_dress_arranges_what_suits_it() -> None:
    dress = {style.value: s.theme for style, s in load_strategies().styles.items()}
    assert [name for name, t in dress.items() if t.widget.shortcuts] == ["power"]
    assert [name for name, t in dress.items() if t.widget.details.value == "open"] == ["perfect"]
    assert {name for name, t in dress.items() if t.widget.pictures.value == "large"} == {"perfect", "lively"}
    assert [name for name, t in dress.items() if t.widget.arrivals] == ["lively"]
    density = {name: t.density.value for name, t in dress.items()}
    assert (density["power"], density["peace"]) == ("compact", "roomy")


#: Colours that are the same in all dresses: sheet, front, back (a dress's own or fixed), least contrast.
FIXED = (
    ("cards.css", "z-ok", "z-ok-soft", 4.5),
    ("cards.css", "z-bad", "z-bad-soft", 4.5),
    ("cards.css", "z-wait", "z-wait-soft", 4.5),
    ("cards.css", "z-ok", "surface", 4.5),
    ("cards.css", "z-wait", "surface", 4.5),
    ("cards.css", "z-star", "surface", 3.0),
    ("frame.css", "wait", "page", 4.5),
    ("frame.css", "wait", "wait-soft", 4.5),
    ("frame.css", "danger", "page", 4.5),
    ("frame.css", "danger", "danger-soft", 4.5),
    ("frame.css", "ok", "ok-soft", 4.5),
)


@pytest.mark.parametrize(("sheet", "front", "back", "least"), FIXED)
def test_what_has_one_colour_in_all_dresses_is_read_in_each(
    sheet: str, front: str, back: str, least: float
) -> None:
    css = (PAGE / sheet).read_text(encoding="utf-8")
    fronts, backs = ([*re.findall(rf"--{name}: (#\w{{6}})", css), None, None][:2] for name in (front, back))
    for strategy in load_strategies().styles.values():
        for scheme, palette in enumerate((strategy.theme.light, strategy.theme.dark)):
            behind = getattr(palette, back, None) or backs[scheme]
            assert contrast(str(fronts[scheme]), str(behind)) >= least, (strategy.style, scheme)


def test_a_shopper_reads_of_choices_and_never_of_types() -> None:
    strategies = load_strategies()
    said = [t for s in strategies.styles.values() for t in (s.manner.name, s.manner.line, s.manner.how)]
    said += strategies.common.manner.values()
    assert len({s.manner.name for s in strategies.styles.values()}) == 5
    for text in said:
        assert not re.search("型|性格|气质|人格|你|亲|[!！]", text), text
        assert not any(word in text for word in strategies.common.forbidden), text


def test_every_style_has_its_own_colours_in_both_schemes() -> None:
    css = theme_css(load_strategies())
    for style in ("power", "perfect", "peace", "lively"):
        assert len(re.findall(rf':root\[data-style="{style}"\]', css)) == 2
    accents = re.findall(r"--accent:(#\w+)", css)
    assert len(accents) == 10
    assert len(set(accents)) == 10


def test_a_sentence_has_the_gaps_that_can_be_filled(folder: Path) -> None:
    edit(folder, "common", "现在回答得{how}", "现在回答得{who}")
    with pytest.raises(StrategyError, match=r"manner: chosen: there is nothing to put in for \{who\}"):
        load_strategies(folder)
