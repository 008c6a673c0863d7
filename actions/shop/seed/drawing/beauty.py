"""Shapes of 美妆个护."""

from __future__ import annotations

from actions.shop.seed.drawing.pen import (
    BODY,
    DEEP,
    INK,
    Palette,
    Shape,
    disc,
    faint,
    line,
    oval,
    path,
    rect,
    turned,
)


def dropper(p: Palette) -> str:
    """A serum bottle with its dropper, and a drop."""
    bulb = rect(176, 66, 48, 66, 22, INK) + rect(166, 124, 68, 34, 8, p.accent)
    glass = rect(134, 154, 132, 168, 30) + rect(150, 206, 100, 74, 8, "#fff", faint(0.9))
    drop = path("M296 216c18 28 28 40 28 58a28 28 0 0 1-56 0c0-18 10-30 28-58z", p.accent, faint(0.75))
    return (
        bulb
        + glass
        + rect(162, 222, 76, 8, 4, p.accent)
        + rect(162, 240, 50, 6, 3, p.dark)
        + rect(146, 170, 10, 130, 5, "#fff", faint(0.5))
        + drop
    )


def tube(p: Palette) -> str:
    """A squeezing tube standing on its cap."""
    body = path("M132 70h136l-18 196H150z", BODY) + rect(130, 62, 140, 16, 5, p.dark)
    label = (
        path("M150 120h100l-6 84h-88z", "#fff", faint(0.85))
        + rect(166, 138, 68, 9, 4, p.accent)
        + rect(172, 158, 46, 6, 3, p.dark)
    )
    return body + label + disc(200, 186, 10, p.accent) + rect(146, 262, 108, 60, 14, p.accent)


def jar(p: Palette) -> str:
    """A cream jar, its lid beside it."""
    lid = turned(rect(226, 96, 120, 44, 12, p.accent), 24, 286, 118)
    pot = path("M86 190h204v86a44 44 0 0 1-44 44H130a44 44 0 0 1-44-44z", BODY)
    cream = oval(188, 190, 102, 30, "#fff") + path(
        "M130 186c16-44 62-62 88-26 30-10 44 12 34 28-34 14-90 14-122-2z", "#fffdf7"
    )
    return (
        lid
        + pot
        + cream
        + rect(128, 240, 120, 44, 8, "#fff", faint(0.75))
        + rect(146, 256, 84, 9, 4, p.accent)
    )


def lipstick(p: Palette) -> str:
    """A lipstick and its cap."""
    stick = path("M158 176v-62c0-26 28-44 56-48v110z", BODY) + path(
        "M158 116c10-30 34-46 56-50-8 24-26 44-56 50z", p.light, faint(0.7)
    )
    case = (
        rect(150, 170, 72, 52, 4, p.accent)
        + rect(140, 216, 92, 106, 8, INK)
        + rect(140, 232, 92, 8, 0, p.accent)
    )
    cap = turned(rect(258, 202, 64, 122, 8, INK) + rect(258, 216, 64, 8, 0, p.accent), 0)
    return stick + case + cap + line("M64 300c24-20 34 16 60-8", p.colour, 14)


def palette(p: Palette) -> str:
    """An eye-shadow palette of nine."""
    shades = (
        "#fde2e4",
        "#f4a8b0",
        p.accent,
        "#e8b98a",
        "#c98b5b",
        "#8b5a3c",
        "#9fc5b0",
        "#3f7f76",
        "#27374d",
    )
    lid = path("M92 150l22-84h172l22 84z", DEEP) + path("M112 140l14-60h148l14 60z", "#e0f2fe", faint(0.85))
    pans = "".join(
        rect(104 + (i % 3) * 66, 168 + i // 3 * 50, 58, 42, 8, shade)
        + rect(112 + (i % 3) * 66, 174 + i // 3 * 50, 24, 5, 2, "#fff", faint(0.5))
        for i, shade in enumerate(shades)
    )
    return lid + rect(88, 150, 224, 176, 18) + pans


def compact(p: Palette) -> str:
    """An open cushion compact."""
    mirror = (
        disc(236, 136, 88, p.accent)
        + disc(236, 136, 76, "#e0f2fe")
        + line("M200 160l60-64M232 170l40-44", "#fff", 8, faint(0.8))
    )
    pan = (
        oval(176, 262, 112, 58, p.accent)
        + oval(176, 252, 112, 58, BODY)
        + oval(176, 250, 88, 42, p.dark, faint(0.7))
        + oval(176, 248, 84, 38, p.light)
    )
    return mirror + pan + oval(196, 240, 40, 19, "#fff") + rect(172, 226, 48, 10, 5, p.accent)


def pump(p: Palette) -> str:
    """A pump bottle with bubbles."""
    head = path("M184 100h32v-18h44c10 0 12-18-4-18h-92v18h20z", p.accent) + rect(
        176, 98, 48, 34, 6, p.accent
    )
    body = path(
        "M134 160c0-22 20-30 40-30h52c20 0 40 8 40 30v142a20 20 0 0 1-20 20h-92a20 20 0 0 1-20-20z", BODY
    )
    label = (
        rect(152, 186, 96, 96, 10, "#fff", faint(0.85))
        + disc(200, 218, 17, p.accent, faint(0.7))
        + rect(172, 250, 56, 8, 4, p.accent)
    )
    bubbles = "".join(
        disc(x, y, r, "#fff", f'{faint(0.9)} stroke="{p.accent}" stroke-width="2"')
        for x, y, r in ((300, 150, 15), (322, 190, 9), (298, 204, 7), (94, 250, 12), (78, 282, 7))
    )
    return head + body + label + bubbles


def toothbrush(p: Palette) -> str:
    """An electric toothbrush on its charger."""
    neck = (
        path("M190 166l4-74h12l4 74z", p.light)
        + rect(172, 62, 30, 42, 8, "#fff")
        + "".join(rect(160, 66 + i * 9, 16, 5, 2, p.accent) for i in range(4))
    )
    grip = (
        rect(166, 160, 68, 150, 32)
        + disc(200, 206, 13, p.accent)
        + "".join(rect(190, 234 + i * 15, 20, 6, 3, p.dark, faint(0.7)) for i in range(4))
    )
    waves = line("M146 66c-10 12-10 26 0 38M132 58c-16 18-16 38 0 54", p.accent, 5, faint(0.6))
    return waves + neck + grip + oval(200, 316, 58, 15, p.accent)


def mask(p: Palette) -> str:
    """A sheet mask and its sachet."""
    sachet = turned(
        rect(186, 84, 130, 186, 10, DEEP)
        + rect(202, 116, 98, 90, 8, "#fff", faint(0.7))
        + disc(251, 160, 26, p.accent, faint(0.6)),
        10,
        250,
        180,
    )
    face = path(
        "M96 150c10-62 150-62 160 0 8 66-20 168-80 168S88 216 96 150z",
        "#ffffff",
        f'stroke="{p.colour}" stroke-width="5"',
    )
    holes = oval(142, 186, 20, 10, p.back) + oval(210, 186, 20, 10, p.back) + oval(176, 268, 24, 10, p.back)
    return (
        sachet
        + face
        + holes
        + path("M176 202l-14 32c8 8 20 8 28 0z", p.colour, faint(0.6))
        + disc(120, 232, 8, p.accent, faint(0.25))
        + disc(232, 232, 8, p.accent, faint(0.25))
    )


SHAPES: dict[str, Shape] = {
    "dropper": dropper,
    "tube": tube,
    "jar": jar,
    "lipstick": lipstick,
    "palette": palette,
    "compact": compact,
    "pump": pump,
    "toothbrush": toothbrush,
    "mask": mask,
}
