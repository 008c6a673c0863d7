"""Colours: contrast after WCAG 2.1; the style sheet and the module by which the chat page is dressed."""

from __future__ import annotations

import json
from dataclasses import asdict, fields

from persona.strategy.model import Density, Palette, Shape, Strategies, Style, Widget

#: Foreground and background that are read together, with the least contrast (WCAG AA, normal text).
READ_TOGETHER: tuple[tuple[str, str], ...] = (
    ("text", "page"),
    ("text", "surface"),
    ("muted", "page"),
    ("muted", "surface"),
    ("accent", "page"),
    ("accent", "surface"),
    ("on_accent", "accent"),
    ("on_mine", "mine"),
    ("on_theirs", "theirs"),
    ("muted", "theirs"),
    ("accent", "theirs"),  # links and prices in a bubble
    ("text", "tint"),
    ("muted", "tint"),
    ("accent", "tint"),
)
#: What is told apart but not read (the outline of what has the focus), or switched off (a button).
TOLD_APART: tuple[tuple[str, str], ...] = (("accent", "page"), ("accent", "surface"), ("muted", "line"))
AA = 4.5
AA_LARGE = 3.0

#: Share of the accent in the tint that the page lays under badges, prices and what is pointed at.
TINT = 0.09

_SPACE = {Density.COMPACT: "0.45rem", Density.NORMAL: "0.65rem", Density.ROOMY: "0.85rem"}
_ROUND = {Shape.SQUARE: "0.5rem", Shape.SOFT: "0.9rem", Shape.ROUND: "1.35rem"}
_LEADING = {Density.COMPACT: "1.45", Density.NORMAL: "1.6", Density.ROOMY: "1.75"}


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two ``#rrggbb`` colours, 1..21 (WCAG 2.1, relative luminance)."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def unreadable(palette: Palette) -> list[str]:
    """Return a sentence for each pair that stays below AA."""
    colours = {**asdict(palette), "tint": mixed(palette.accent, palette.surface, TINT)}
    found = []
    for pairs, least in ((READ_TOGETHER, AA), (TOLD_APART, AA_LARGE)):
        for front, back in pairs:
            ratio = contrast(colours[front], colours[back])
            if ratio < least:
                found.append(f"{front} on {back} has a contrast of {ratio:.2f}, at least {least} is needed")
    return found


def mixed(one: str, other: str, share: float) -> str:
    """Return ``color-mix(in srgb, one share, other)`` of two ``#rrggbb`` colours."""
    both = ((int(one[i : i + 2], 16), int(other[i : i + 2], 16)) for i in (1, 3, 5))
    return "#" + "".join(f"{round(x * share + y * (1 - share)):02x}" for x, y in both)


def theme_css(strategies: Strategies) -> str:
    """Return the style sheet: per style the CSS variables, light and dark."""
    parts = []
    for style, strategy in strategies.styles.items():
        theme = strategy.theme
        here = ":root" if style is Style.NEUTRAL else f':root[data-style="{style.value}"]'
        space, leading = _SPACE[theme.density], _LEADING[theme.density]
        shape = f"--space:{space};--leading:{leading};--round:{_ROUND[theme.shape]};"
        parts.append(f"{here}{{{shape}{_variables(theme.light)}}}")
        parts.append(f"@media (prefers-color-scheme:dark){{{here}{{{_variables(theme.dark)}}}}}")
    return "\n".join(parts) + "\n"


def dress_js(strategies: Strategies) -> str:
    """Return the module of the chat page that says what each dress arranges."""
    dresses = {style.value: _features(s.theme.widget) for style, s in strategies.styles.items()}
    rows = [f"  {name}: {{ {features} }},\n" for name, features in dresses.items()]
    head = "// What each dress arranges; printed by `python -m persona.strategy dress`.\n\n"
    return f"{head}export const DRESS = {{\n{''.join(rows)}}};\n"


def _features(widget: Widget) -> str:
    return ", ".join(f"{f.name}: {json.dumps(getattr(widget, f.name))}" for f in fields(Widget))


def _variables(palette: Palette) -> str:
    return "".join(f"--{f.name.replace('_', '-')}:{getattr(palette, f.name)};" for f in fields(palette))


def _luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
