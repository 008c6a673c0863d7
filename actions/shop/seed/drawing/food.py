"""Shapes of 食品生鲜."""

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


def apple(p: Palette) -> str:
    """An apple with a leaf."""
    fruit = path(
        "M200 134c34-34 112-22 112 64 0 70-52 128-84 128-14 0-18-8-28-8s-14 8-28 8c-32 0-84-58-84-128 0-86 78-98 112-64z",  # noqa: E501
        BODY,
    )
    leaf = path("M206 104c10-40 52-48 76-38-6 36-44 52-76 38z", p.accent)
    return (
        fruit
        + line("M200 138c-2-24 2-40 14-56", "#78350f", 9)
        + leaf
        + oval(140, 196, 15, 34, "#fff", faint(0.4))
    )


def orange(p: Palette) -> str:
    """A navel orange and a slice."""
    whole = disc(170, 206, 96) + path("M170 112c16-40 58-44 76-32-8 30-44 46-76 32z", p.accent)
    dots = "".join(
        disc(x, y, 3, p.dark, faint(0.5))
        for x, y in ((120, 190), (140, 240), (180, 180), (150, 150), (190, 266), (110, 226))
    )
    piece = disc(268, 262, 66, "#fff7ed") + disc(268, 262, 58, p.colour) + disc(268, 262, 50, "#fed7aa")
    rays = "".join(
        turned(path("M268 258l-16-40a44 44 0 0 1 32 0z", p.colour), i * 45, 268, 262) for i in range(8)
    )
    return whole + dots + piece + rays + disc(268, 262, 5, "#fff7ed")


def shrimp(p: Palette) -> str:
    """A curled shrimp on ice."""
    ice = "".join(
        turned(rect(x, y, 54, 54, 10, "#ffffff", faint(0.75)), t, x + 27, y + 27)
        for x, y, t in ((70, 268, 12), (138, 284, -8), (212, 276, 16), (274, 262, -14))
    )
    body = line("M124 138c60-56 166-18 160 70-4 56-62 76-108 54", p.colour, 48)
    rings = "".join(
        line(d, p.accent, 4, faint(0.6))
        for d in (
            "M176 92l-4 48",
            "M226 104l-22 42",
            "M268 146l-42 22",
            "M282 208l-46-8",
            "M246 256l-26-38",
            "M196 266l6-44",
        )
    )
    tail = path("M172 240l-54 8 14 20-20 22 58-4z", p.accent)
    feelers = line("M112 130C84 108 70 90 64 62M108 140c-26-6-44-16-58-38", p.accent, 5)
    return ice + feelers + body + rings + tail + disc(128, 136, 7, INK)


def fish(p: Palette) -> str:
    """A thick cut of salmon."""
    ice = "".join(
        turned(rect(x, 282, 50, 40, 9, "#fff", faint(0.8)), t, x + 25, 302)
        for x, t in ((76, 8), (136, -6), (200, 10), (262, -9))
    )
    cut = path("M74 236c0-96 92-132 170-124 60 6 92 46 86 100-4 44-40 70-92 72H116c-28 0-42-18-42-48z", BODY)
    skin = path(
        "M74 236c0 30 14 48 42 48h122c52-2 88-28 92-72l-8-4c-8 36-40 56-86 56H118c-22 0-38-10-44-28z",
        p.accent,
    )
    marbling = "".join(
        line(d, "#ffedd5", 7, faint(0.9))
        for d in ("M110 214c30-52 70-74 128-76", "M124 242c30-50 76-72 156-72", "M176 256c26-28 62-44 130-46")
    )
    return ice + cut + skin + marbling + path("M280 108c6-24 28-30 46-24-2 24-22 34-46 24z", "#65a30d")


def sack(p: Palette) -> str:
    """A sack of rice with ears."""
    bag = path("M128 108h144c-10 26 40 80 40 146 0 52-28 72-112 72S88 306 88 254c0-66 50-120 40-146z", BODY)
    tie = rect(134, 96, 132, 22, 11, p.accent) + path(
        "M140 96c-10-24 20-32 30-20 8-20 52-20 60 0 10-12 40-4 30 20z", BODY
    )
    label = oval(200, 226, 62, 58, "#fff") + line("M200 268c0-40 4-60 20-84", p.accent, 5)
    grains = "".join(
        turned(oval(x, y, 6, 13, p.accent), t, x, y)
        for x, y, t in ((192, 222, -32), (214, 214, 36), (190, 246, -32), (216, 236, 36), (222, 188, 24))
    )
    return bag + tie + label + grains


def giftbox(p: Palette) -> str:
    """A box of nuts with a ribbon."""
    box = rect(92, 168, 216, 150, 14) + rect(80, 136, 240, 46, 12, DEEP)
    ribbon = rect(184, 136, 32, 182, 0, p.accent) + path(
        "M200 134c-62 4-84-58-44-62 28-2 42 34 44 62zM200 134c62 4 84-58 44-62-28-2-42 34-44 62z", p.accent
    )
    nuts = "".join(
        turned(oval(x, y, 15, 21, "#d97706"), t, x, y)
        + turned(line(f"M{x} {y - 14}v28", "#92400e", 3), t, x, y)
        for x, y, t in ((124, 246, 20), (150, 286, -30), (256, 240, -16), (280, 284, 40))
    )
    return box + ribbon + nuts


def bottle(p: Palette) -> str:
    """A bottle of soy sauce and its dish."""
    glass = path(
        "M178 96h44v46c30 14 40 34 40 66v96a20 20 0 0 1-20 20h-84a20 20 0 0 1-20-20v-96c0-32 10-52 40-66z",
        BODY,
    )
    label = (
        rect(138, 212, 124, 76, 4, p.accent)
        + rect(148, 222, 104, 56, 4, "#fffbeb")
        + disc(200, 250, 17, "#b45309")
    )
    dish = oval(296, 316, 54, 17, "#fff") + oval(296, 313, 40, 11, p.colour)
    return (
        dish
        + glass
        + label
        + rect(172, 68, 56, 34, 8, "#b91c1c")
        + rect(150, 168, 10, 36, 5, "#fff", faint(0.3))
    )


def tea(p: Palette) -> str:
    """A tea caddy and leaves."""
    caddy = rect(116, 122, 130, 196, 14) + rect(108, 92, 146, 44, 12, DEEP) + oval(181, 92, 60, 10, p.light)
    label = (
        rect(140, 164, 82, 116, 6, "#fefce8")
        + line("M181 264c0-44 0-56 14-78", p.colour, 5)
        + path(
            "M192 200c6-24 24-26 34-20-4 18-18 26-34 20zM180 232c-8-22-26-22-34-16 6 18 20 22 34 16z",
            p.colour,
        )
    )
    cup = path("M252 262h86c0 40-18 58-43 58s-43-18-43-58z", "#fff") + oval(295, 262, 43, 12, p.accent)
    return (
        caddy
        + label
        + cup
        + line("M286 240c-8-12 8-16 0-28M306 240c-8-12 8-16 0-28", "#94a3b8", 5, faint(0.6))
    )


def coffee(p: Palette) -> str:
    """A drip bag over a cup."""
    bag = (
        path("M146 84h108l-12 92h-84z", BODY)
        + rect(140, 74, 120, 22, 6, DEEP)
        + rect(120, 150, 160, 13, 6, "#d6d3d1")
    )
    drip = line("M200 182v26", p.colour, 7) + disc(200, 216, 6, p.colour)
    cup = (
        path("M112 222h176c0 66-30 100-88 100s-88-34-88-100z", "#ffffff")
        + oval(200, 222, 88, 21, "#e7e5e4")
        + oval(200, 224, 74, 15, p.colour)
    )
    bean = oval(200, 130, 20, 27, p.accent) + line("M200 108c-12 14 12 30 0 44", p.colour, 4)
    return line("M284 240c50-8 50 56-14 54", "#ffffff", 14) + cup + bag + drip + bean


def cookies(p: Palette) -> str:
    """Butter cookies before their tin."""
    tin = (
        rect(104, 92, 192, 150, 20, DEEP) + oval(200, 94, 96, 28, p.light) + oval(200, 94, 78, 19, "#fffbeb")
    )
    tin += rect(140, 150, 120, 58, 10, "#fffbeb") + path(
        "M200 194l-22-20a13 13 0 0 1 22-15 13 13 0 0 1 22 15z", p.accent
    )
    plate = "".join(
        disc(x, y, 42, p.accent, faint(0.35))
        + disc(x, y, 38, BODY)
        + "".join(turned(oval(x, y - 20, 9, 14, "#fde68a"), i * 60, x, y) for i in range(6))
        + disc(x, y, 8, p.accent)
        for x, y in ((118, 276), (282, 276), (200, 286))
    )
    return tin + plate


def cake(p: Palette) -> str:
    """A round cake with layers."""
    base = oval(200, 300, 128, 28, "#fff")
    layers = path("M96 180v104c0 34 208 34 208 0V180z", BODY) + path(
        "M96 212c0 34 208 34 208 0v26c0 34-208 34-208 0z", "#fefce8"
    )
    top = oval(200, 178, 104, 34, p.light) + path(
        "M96 178c8 44 22 14 36 34s26 30 42 10 30 20 48 2 26 18 42-6 30 4 40-40z", p.accent, faint(0.8)
    )
    mochi = "".join(
        disc(x, y, 20, "#fff") + disc(x - 6, y - 6, 5, p.accent, faint(0.5))
        for x, y in ((160, 162), (200, 148), (240, 162))
    )
    return base + layers + top + mochi


SHAPES: dict[str, Shape] = {
    "apple": apple,
    "orange": orange,
    "shrimp": shrimp,
    "fish": fish,
    "sack": sack,
    "giftbox": giftbox,
    "bottle": bottle,
    "tea": tea,
    "coffee": coffee,
    "cookies": cookies,
    "cake": cake,
}
