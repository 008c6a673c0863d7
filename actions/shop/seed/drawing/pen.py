"""A small pen: SVG elements as strings, and the colours of one product."""

from __future__ import annotations

import colorsys
from collections.abc import Callable
from dataclasses import dataclass

BODY = "url(#body)"  # the product's colour, lit from the upper left
DEEP = "url(#deep)"  # the same, in shade
GLOW = "url(#glow)"  # the accent
INK = "#1f2937"

_NEARLY_WHITE = 0.86


@dataclass(frozen=True)
class Palette:
    """The colours of one product as ``#rrggbb``."""

    colour: str
    accent: str
    back: str

    @property
    def body(self) -> str:
        """The shaded end of the product's colour: a white product needs some grey to stand out."""
        return shade(self.colour, -0.14) if lightness(self.colour) > _NEARLY_WHITE else self.colour

    @property
    def lit(self) -> str:
        """The lit end of the product's colour."""
        return shade(self.colour, 0.6) if lightness(self.colour) > _NEARLY_WHITE else self.light

    @property
    def light(self) -> str:
        """The product's colour, lighter."""
        return shade(self.colour, 0.35)

    @property
    def dark(self) -> str:
        """The product's colour, darker."""
        return shade(self.colour, -0.22)


Shape = Callable[[Palette], str]


def shade(colour: str, by: float) -> str:
    """Return a colour lighter (`by` > 0, 1 is white) or darker (`by` < 0, -1 is black)."""
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    hue, light, saturation = colorsys.rgb_to_hls(red, green, blue)
    light = light + (1 - light) * by if by > 0 else light * (1 + by)
    return "#" + "".join(f"{round(part * 255):02x}" for part in colorsys.hls_to_rgb(hue, light, saturation))


def lightness(colour: str) -> float:
    """Return how light a colour is, 0 black to 1 white."""
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return colorsys.rgb_to_hls(red, green, blue)[1]


def rect(x: float, y: float, w: float, h: float, r: float = 0, fill: str = BODY, more: str = "") -> str:  # noqa: PLR0917 - as SVG
    """A rectangle with round corners."""
    return f'<rect x="{x}" y="{y}" width="{w}" height="{h}" rx="{r}" fill="{fill}" {more}/>'


def disc(x: float, y: float, r: float, fill: str = BODY, more: str = "") -> str:
    """A circle."""
    return f'<circle cx="{x}" cy="{y}" r="{r}" fill="{fill}" {more}/>'


def oval(x: float, y: float, rx: float, ry: float, fill: str = BODY, more: str = "") -> str:  # noqa: PLR0917 - as SVG
    """An ellipse."""
    return f'<ellipse cx="{x}" cy="{y}" rx="{rx}" ry="{ry}" fill="{fill}" {more}/>'


def path(d: str, fill: str = BODY, more: str = "") -> str:
    """A filled path."""
    return f'<path d="{d}" fill="{fill}" {more}/>'


def line(d: str, colour: str = INK, width: float = 6, more: str = "") -> str:
    """A stroked path with round ends."""
    return (
        f'<path d="{d}" fill="none" stroke="{colour}" stroke-width="{width}" '
        f'stroke-linecap="round" stroke-linejoin="round" {more}/>'
    )


def turned(content: str, degrees: float, x: float = 200, y: float = 200) -> str:
    """Content turned about a point."""
    return f'<g transform="rotate({degrees} {x} {y})">{content}</g>'


def faint(opacity: float) -> str:
    """An attribute for see-through parts."""
    return f'opacity="{opacity}"'


def mirrored(content: str) -> str:
    """Content and its mirror image about the middle of the picture."""
    return content + f'<g transform="translate(400 0) scale(-1 1)">{content}</g>'
