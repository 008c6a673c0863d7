"""Colours: contrast after WCAG 2.1, and the style sheet of CSS variables for the chat page."""

from __future__ import annotations

from dataclasses import fields

from persona.strategy.model import Density, Palette, Strategies, Style

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
)
AA = 4.5

_SPACE = {Density.COMPACT: "0.45rem", Density.NORMAL: "0.65rem", Density.ROOMY: "0.85rem"}
_LEADING = {Density.COMPACT: "1.45", Density.NORMAL: "1.6", Density.ROOMY: "1.75"}


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two ``#rrggbb`` colours, 1..21 (WCAG 2.1, relative luminance)."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def unreadable(palette: Palette) -> list[str]:
    """Return a sentence for each pair that stays below AA."""
    found = []
    for front, back in READ_TOGETHER:
        ratio = contrast(getattr(palette, front), getattr(palette, back))
        if ratio < AA:
            found.append(f"{front} on {back} has a contrast of {ratio:.2f}, at least {AA} is needed")
    return found


def theme_css(strategies: Strategies) -> str:
    """Return the style sheet: per style the CSS variables, light and dark."""
    parts = []
    for style, strategy in strategies.styles.items():
        theme = strategy.theme
        here = ":root" if style is Style.NEUTRAL else f':root[data-style="{style.value}"]'
        shape = f"--space:{_SPACE[theme.density]};--leading:{_LEADING[theme.density]};"
        parts.append(f"{here}{{{shape}{_variables(theme.light)}}}")
        parts.append(f"@media (prefers-color-scheme:dark){{{here}{{{_variables(theme.dark)}}}}}")
    return "\n".join(parts) + "\n"


def _variables(palette: Palette) -> str:
    return "".join(f"--{f.name.replace('_', '-')}:{getattr(palette, f.name)};" for f in fields(palette))


def _luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
