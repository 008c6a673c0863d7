"""Read the strategies from YAML that a manager edits, and say clearly what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from persona.strategy.model import (
    MANNER_LINES,
    PARTS,
    Advice,
    Common,
    Density,
    Details,
    EmojiRule,
    Layout,
    Manner,
    Motion,
    OptionRule,
    Palette,
    Pictures,
    PolicyRule,
    Shape,
    Strategies,
    Strategy,
    Style,
    Theme,
    Widget,
)
from persona.strategy.strict_yaml import YamlError, read_mapping
from persona.strategy.theme import unreadable

#: Where the project's own strategies lie.
FOLDER = Path(__file__).parent / "strategies"

_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_GAP = re.compile(r"\{[^}]*\}?|\}")


class StrategyError(ValueError):
    """A strategy file that cannot be used; the message names file, field and what is expected."""


def load_strategies(folder: Path = FOLDER) -> Strategies:
    """Read ``common.yml`` and one file per style.

    Raises:
        StrategyError: where a file is missing, a field is missing, unknown or ill-typed, or colours
            cannot be read on each other.
    """
    common = _common(_Fields.of_file(folder / "common.yml"))
    styles = {style: _strategy(style, _Fields.of_file(folder / f"{style.value}.yml")) for style in Style}
    return Strategies(styles=styles, common=common)


class _Fields:
    """One mapping of a file, read field by field; what is left over at the end is an error."""

    def __init__(self, where: str, data: Mapping[str, Any]) -> None:
        self._where = where
        self._left = dict(data)

    @classmethod
    def of_file(cls, path: Path) -> _Fields:
        try:
            return cls(path.name, read_mapping(path))
        except YamlError as exc:
            raise StrategyError(str(exc)) from exc

    def fail(self, name: str, expected: str) -> StrategyError:
        return StrategyError(f"{self._where}: {name}: {expected}")

    def take(self, name: str) -> Any:
        if name not in self._left:
            raise self.fail(name, "is missing")
        return self._left.pop(name)

    def section(self, name: str) -> _Fields:
        value = self.take(name)
        if not isinstance(value, dict):
            raise self.fail(name, "must be a group of fields")
        return _Fields(f"{self._where}: {name}", value)

    def number(self, name: str, low: int, high: int) -> int:
        value = self.take(name)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise self.fail(name, f"must be a whole number from {low} to {high}, not {value!r}")
        return value

    def flag(self, name: str) -> bool:
        value = self.take(name)
        if not isinstance(value, bool):
            raise self.fail(name, f"must be true or false, not {value!r}")
        return value

    def text(self, name: str) -> str:
        value = self.take(name)
        if not isinstance(value, str) or not value.strip():
            raise self.fail(name, f"must be a text, not {value!r}")
        return value.strip()

    def texts(self, name: str) -> tuple[str, ...]:
        value = self.take(name)
        good = isinstance(value, list) and all(isinstance(v, str) and v.strip() for v in value)
        if not good or len(set(value)) != len(value):
            raise self.fail(name, f"must be a list of different texts, not {value!r}")
        return tuple(value)

    def one_of(self, name: str, allowed: Sequence[str]) -> str:
        value = self.take(name)
        if value not in allowed:
            raise self.fail(name, f"must be one of {', '.join(allowed)}, not {value!r}")
        return str(value)

    def end(self) -> None:
        if self._left:
            raise StrategyError(f"{self._where}: unknown field {', '.join(map(repr, self._left))}")


def _common(data: _Fields) -> Common:
    forbidden = data.take("forbidden")
    if not isinstance(forbidden, dict) or not all(
        isinstance(k, str) and isinstance(v, str) for k, v in forbidden.items()
    ):
        raise data.fail("forbidden", "must map each word to what is written instead")
    common = Common(
        forbidden=forbidden,
        upset_moods=frozenset(data.texts("upset_moods")),
        latin=frozenset(data.texts("latin")),
        title_chars=data.number("title_chars", 4, 30),
        may_repeat=data.texts("may_repeat"),
        manner=_manner_lines(data.section("manner")),
    )
    data.end()
    return common


def _strategy(style: Style, data: _Fields) -> Strategy:
    data.one_of("style", (style.value,))
    strategy = Strategy(
        style=style,
        name=data.text("name"),
        chars=data.number("chars", 10, 1000),
        emoji=_emoji(data.section("emoji")),
        options=_options(data.section("options")),
        recommendations=data.number("recommendations", 1, 10),
        policy=_policy(data.section("policy")),
        again=data.texts("again"),
        extras=data.texts("extras"),
        when_upset=Style(data.one_of("when_upset", [s.value for s in Style])),
        forbidden=data.texts("forbidden"),
        theme=_theme(data.section("theme")),
        manner=_manner(data.section("manner")),
        advice=_advice(data.section("advice")),
    )
    data.end()
    if not strategy.again:
        raise data.fail("again", "must have at least one opening")
    return strategy


def _policy(data: _Fields) -> PolicyRule:
    parts, labels = data.texts("parts"), data.take("labels")
    if set(parts) != set(PARTS):
        raise data.fail("parts", f"must order all of {', '.join(PARTS)}")
    if not isinstance(labels, dict) or not all(isinstance(v, str) and v for v in labels.values()):
        raise data.fail("labels", "must map parts to words")
    if unknown := set(map(str, labels)) - set(PARTS):
        raise data.fail("labels", f"there is no part {', '.join(sorted(unknown))}")
    rule = PolicyRule(
        parts=parts,
        details=data.flag("details"),
        layout=Layout(data.one_of("layout", [layout.value for layout in Layout])),
        labels=labels,
    )
    data.end()
    return rule


def _emoji(data: _Fields) -> EmojiRule:
    rule = EmojiRule(
        min=data.number("min", 0, 5), max=data.number("max", 0, 5), allowed=data.texts("allowed")
    )
    data.end()
    if rule.min > rule.max:
        raise data.fail("min", f"{rule.min} is more than max {rule.max}")
    if rule.max and not rule.allowed:
        raise data.fail("allowed", f"must name the emoji that fit, since max is {rule.max}")
    return rule


def _options(data: _Fields) -> OptionRule:
    rule = OptionRule(steps=data.number("steps", 1, 8), first=data.texts("first"))
    data.end()
    return rule


def _theme(data: _Fields) -> Theme:
    theme = Theme(
        light=_palette(data.section("light")),
        dark=_palette(data.section("dark")),
        density=Density(data.one_of("density", [d.value for d in Density])),
        shape=Shape(data.one_of("shape", [s.value for s in Shape])),
        widget=_widget(data.section("widget")),
    )
    data.end()
    return theme


def _widget(data: _Fields) -> Widget:
    widget = Widget(
        details=Details(data.one_of("details", [d.value for d in Details])),
        pictures=Pictures(data.one_of("pictures", [p.value for p in Pictures])),
        shortcuts=data.flag("shortcuts"),
        arrivals=data.flag("arrivals"),
        motion=Motion(data.one_of("motion", [m.value for m in Motion])),
    )
    data.end()
    return widget


def _manner(data: _Fields) -> Manner:
    manner = Manner(name=data.text("name"), line=data.text("line"), how=data.text("how"))
    data.end()
    return manner


def _manner_lines(data: _Fields) -> dict[str, str]:
    lines = {}
    for name, gaps in MANNER_LINES.items():
        lines[name] = data.text(name)
        if unknown := set(_GAP.findall(lines[name])) - {f"{{{gap}}}" for gap in gaps}:
            raise data.fail(name, f"there is nothing to put in for {', '.join(sorted(unknown))}")
    data.end()
    return lines


def _palette(data: _Fields) -> Palette:
    colours = {}
    for field in fields(Palette):
        value = data.take(field.name)
        if not isinstance(value, str) or not _COLOUR.fullmatch(value):
            raise data.fail(field.name, f'must be a colour like "#1a2b3c" in quotes, not {value!r}')
        colours[field.name] = value.lower()
    data.end()
    palette = Palette(**colours)
    for problem in unreadable(palette):
        raise data.fail("contrast", problem)
    return palette


def _advice(data: _Fields) -> Advice:
    advice = Advice(
        summary=data.text("summary"),
        do=data.texts("do"),
        avoid=data.texts("avoid"),
        opening=data.text("opening"),
    )
    data.end()
    return advice
