"""Shapes of 服饰鞋包."""

from __future__ import annotations

from actions.shop.seed.drawing.pen import (
    BODY,
    DEEP,
    Palette,
    Shape,
    disc,
    faint,
    line,
    mirrored,
    path,
    rect,
)

_SLEEVE = "M142 112L96 138 66 266l38 14 40-104z"


def jacket(p: Palette) -> str:
    """A quilted jacket with a hood."""
    body = path("M140 112h120l12 40v166H128V152z", BODY)
    quilt = "".join(line(f"M132 {y}c44 14 92 14 136 0", p.dark, 4, faint(0.6)) for y in (166, 206, 246, 286))
    hood = path("M152 116c0-64 96-64 96 0l-48 26z", DEEP)
    return (
        mirrored(path(_SLEEVE, DEEP))
        + body
        + quilt
        + hood
        + line("M200 140v176", p.accent, 6)
        + rect(194, 160, 12, 18, 4, p.accent)
    )


def sweater(p: Palette) -> str:
    """A knitted pullover."""
    body = path("M140 112c34 22 86 22 120 0l8 46v148H132V158z", BODY)
    cables = "".join(
        line(f"M{x} 164c12 14-12 26 0 40s-12 26 0 40 -12 26 0 40", p.dark, 5, faint(0.55))
        for x in (166, 200, 234)
    )
    hem = rect(132, 292, 136, 24, 8, p.accent) + mirrored(path("M62 256l44 15-5 22-46-14z", p.accent))
    return (
        mirrored(path(_SLEEVE, DEEP)) + body + cables + hem + line("M146 112c30 24 78 24 108 0", p.accent, 10)
    )


def dress(p: Palette) -> str:
    """A long dress drawn in at the waist."""
    skirt = path("M166 186h68l56 140c-60 18-120 18-180 0z", BODY)
    top = path("M158 78l20 22c14 12 30 12 44 0l20-22 14 20-22 88h-68l-22-88z", DEEP)
    folds = "".join(
        line(f"M{200 + x / 3} 204L{200 + x} 322", p.accent, 3, faint(0.5)) for x in (-50, -18, 18, 50)
    )
    return skirt + folds + top + rect(162, 180, 76, 14, 6, p.accent) + disc(200, 187, 8, "#fff")


def sneaker(p: Palette) -> str:
    """A running shoe from the side."""
    upper = path("M76 250c6-40 10-92 24-98 20 18 44 22 64 8 34 40 76 60 132 66 26 4 32 20 30 40H76z", BODY)
    sole = path("M66 258h264c6 28-6 42-34 44H98c-24 0-34-14-32-44z", p.accent) + rect(
        70, 252, 262, 16, 8, "#fff"
    )
    laces = "".join(line(f"M{172 + i * 24} {176 + i * 14}l-18 20", p.accent, 7) for i in range(4))
    swoosh = path("M108 232c44-2 78-18 106-46 4 34-44 70-106 46z", p.accent, faint(0.85))
    return upper + sole + laces + swoosh + line("M92 168c2 20 0 40-4 60", p.dark, 5, faint(0.5))


def tshirt(p: Palette) -> str:
    """A T-shirt with a stripe."""
    body = path("M150 92c26 26 74 26 100 0l74 44-26 54-36-18v144H138V172l-36 18-26-54z", BODY)
    return (
        body
        + path("M138 214h124v26H138z", p.accent)
        + path("M138 248h124v10H138z", "#fff", faint(0.8))
        + line("M152 94c26 26 70 26 96 0", p.accent, 7)
    )


def trousers(p: Palette) -> str:
    """Straight jeans."""
    legs = path("M134 80h132l14 250h-62l-18-160-18 160h-62z", BODY)
    seams = line("M200 110v58M146 128c14 16 30 16 40-6M254 128c-14 16-30 16-40-6", p.accent, 4)
    cuffs = path("M121 312h62l-2 18h-61zM217 312h62l1 18h-61z", DEEP)
    return legs + rect(134, 76, 132, 26, 6, DEEP) + disc(200, 89, 7, p.accent) + seams + cuffs


def pyjamas(p: Palette) -> str:
    """A set of pyjamas with stars."""
    legs = path("M150 236h100l10 96h-48l-12-64-12 64h-48z", DEEP)
    body = path("M146 96c18 20 90 20 108 0l50 34-22 80-26-10v56H144v-56l-26 10-22-80z", BODY)
    dots = "".join(
        disc(x, y, 5, "#fff", faint(0.9))
        for x, y in (
            (160, 150),
            (232, 170),
            (168, 214),
            (240, 224),
            (118, 156),
            (284, 156),
            (168, 288),
            (236, 300),
        )
    )
    buttons = "".join(disc(200, y, 6, p.accent) for y in (146, 182, 218))
    return (
        legs
        + body
        + line("M152 100l48 34 48-34", p.accent, 8)
        + line("M200 134v120", p.accent, 3)
        + buttons
        + dots
    )


def tote(p: Palette) -> str:
    """A leather tote bag."""
    handles = line("M146 160c0-110 108-110 108 0", p.accent, 13)
    body = path("M92 150h216l18 152a20 20 0 0 1-20 22H94a20 20 0 0 1-20-22z", BODY)
    stitch = line("M100 164h200l15 140H85z", p.accent, 3, 'stroke-dasharray="9 8" opacity="0.7"')
    return (
        handles
        + body
        + stitch
        + rect(170, 196, 60, 40, 8, p.accent)
        + rect(182, 206, 36, 20, 4, p.light)
        + disc(146, 166, 7, "#fcd34d")
        + disc(254, 166, 7, "#fcd34d")
    )


def backpack(p: Palette) -> str:
    """A rucksack."""
    straps = mirrored(line("M122 160c-46 30-46 110-6 144", p.dark, 16))
    body = path("M116 148c0-94 168-94 168 0v148a30 30 0 0 1-30 30H146a30 30 0 0 1-30-30z", BODY)
    pocket = (
        rect(140, 222, 120, 84, 20, DEEP)
        + line("M152 246h96", p.accent, 6)
        + rect(242, 246, 8, 20, 4, p.accent)
    )
    return (
        straps
        + line("M176 82c0-36 48-36 48 0", p.accent, 10)
        + body
        + line("M140 170c20-40 100-40 120 0", p.accent, 6)
        + pocket
    )


def scarf(p: Palette) -> str:
    """A scarf laid in a loop."""
    loop = line("M128 150c-20-82 164-82 144 0-10 44-134 44-144 0z", p.colour, 50)
    shade = line("M150 168c30 26 76 26 102 0", p.dark, 6, faint(0.5))
    tails = path("M168 186h62l-14 128h-62z", BODY) + path("M222 184h58l18 116h-60z", DEEP)
    fringe = "".join(line(f"M{x} 314v22", p.accent, 5) for x in (160, 174, 188, 202)) + "".join(
        line(f"M{x} 300v22", p.accent, 5) for x in (246, 260, 274, 288)
    )
    stripes = path("M160 262h62l-2 14h-62zM232 254h60l2 14h-60z", p.accent)
    return loop + shade + tails + stripes + fringe


SHAPES: dict[str, Shape] = {
    "jacket": jacket,
    "sweater": sweater,
    "dress": dress,
    "sneaker": sneaker,
    "tshirt": tshirt,
    "trousers": trousers,
    "pyjamas": pyjamas,
    "tote": tote,
    "backpack": backpack,
    "scarf": scarf,
}
