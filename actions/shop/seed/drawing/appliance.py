"""Shapes of 家用电器."""

from __future__ import annotations

from actions.shop.seed.drawing.pen import (
    BODY,
    DEEP,
    GLOW,
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


def cooker(p: Palette) -> str:
    """A rice cooker."""
    lid = path("M92 196c4-76 212-76 216 0z", DEEP) + rect(176, 116, 48, 20, 10, p.accent)
    panel = rect(152, 222, 96, 62, 14, INK) + rect(164, 232, 72, 22, 5, p.accent, faint(0.9))
    steam = line("M180 92c-14-18 14-24 0-44M220 92c-14-18 14-24 0-44", "#94a3b8", 7, faint(0.6))
    return (
        steam
        + rect(84, 190, 232, 122, 40)
        + lid
        + panel
        + disc(176, 270, 6, "#fff")
        + disc(224, 270, 6, "#fff")
    )


def blender(p: Palette) -> str:
    """A blender full of green."""
    jug = path("M138 88h124l-16 150h-92z", "#ffffff", faint(0.75)) + path("M147 160h106l-8 78h-90z", BODY)
    jug += disc(184, 196, 9, "#fff", faint(0.7)) + disc(214, 182, 6, "#fff", faint(0.7))
    handle = line("M262 112c44 0 40 86-6 96", p.accent, 14)
    base = (
        path("M140 246h120l20 76H120z", p.accent)
        + disc(200, 286, 17, "#fff")
        + line("M200 286v-12", p.accent, 5)
    )
    return handle + jug + rect(130, 70, 140, 24, 10, p.accent) + base


def airfryer(p: Palette) -> str:
    """An air fryer with a window."""
    body = path("M110 130c0-70 180-70 180 0v150a36 36 0 0 1-36 36H146a36 36 0 0 1-36-36z", BODY)
    window = rect(136, 190, 128, 76, 22, "#111827") + rect(144, 198, 112, 60, 16, GLOW, faint(0.9))
    fries = "".join(
        turned(rect(160 + i * 14, 214, 7, 36, 2, "#fde68a"), (i % 3 - 1) * 16, 164 + i * 14, 232)
        for i in range(6)
    )
    knob = disc(200, 130, 24, p.accent) + line("M200 130V114", "#fff", 5)
    return body + window + fries + knob + rect(176, 274, 48, 16, 8, p.accent)


def kettle(p: Palette) -> str:
    """A kettle."""
    spout = path("M126 150l-46-26 14 56 34 22z", DEEP)
    body = path("M130 122h132l20 176a18 18 0 0 1-18 20H128a18 18 0 0 1-18-20z", BODY)
    handle = line("M258 136c66-10 66 130 18 140", p.accent, 18)
    steam = line("M78 100c-12-16 12-20 0-38", "#94a3b8", 7, faint(0.6))
    window = rect(184, 176, 18, 104, 9, "#fff", faint(0.8)) + rect(184, 224, 18, 56, 9, p.accent, faint(0.7))
    return (
        steam
        + spout
        + handle
        + body
        + path("M138 122c0-34 116-34 116 0z", p.accent)
        + disc(196, 92, 9, INK)
        + window
    )


def vacuum(p: Palette) -> str:
    """A cordless vacuum cleaner."""
    tube = line("M262 96L130 292", p.dark, 14)
    head = path("M72 290h110l14 34H62z", p.accent) + rect(62, 318, 134, 10, 5, INK)
    motor = turned(
        rect(206, 92, 116, 62, 30)
        + disc(230, 123, 20, p.accent)
        + rect(214, 150, 40, 66, 18, "#fff", faint(0.7)),
        0,
    )
    handle = line("M300 100c42 6 34 74-16 84", p.accent, 13)
    dust = disc(54, 306, 4, "#a8a29e") + disc(44, 322, 3, "#a8a29e") + disc(36, 308, 3, "#a8a29e")
    return tube + head + handle + motor + dust


def robot(p: Palette) -> str:
    """A robot cleaner at its station."""
    base = rect(196, 70, 130, 236, 26, DEEP) + rect(216, 92, 90, 70, 14, INK) + disc(261, 127, 14, p.accent)
    body = oval(164, 280, 112, 44, p.dark) + oval(164, 264, 112, 44, BODY) + oval(164, 256, 32, 12, p.accent)
    return base + body + oval(164, 252, 20, 7, "#fff") + disc(96, 270, 5, p.accent)


def fan(p: Palette) -> str:
    """A standing fan."""
    blades = "".join(
        turned(path("M200 150c-34-24-34-74 2-82 26 18 22 56-2 82z", p.accent, faint(0.75)), i * 72, 200, 150)
        for i in range(5)
    )
    cage = disc(200, 150, 92, "#ffffff", faint(0.6)) + disc(
        200, 150, 92, "none", f'stroke="{p.accent}" stroke-width="7"'
    )
    cage += disc(200, 150, 62, "none", f'stroke="{p.dark}" stroke-width="3"')
    return (
        rect(192, 240, 16, 76, 6, p.dark)
        + oval(200, 320, 66, 14, p.accent)
        + cage
        + blades
        + disc(200, 150, 17, "#fff")
    )


def humidifier(p: Palette) -> str:
    """A humidifier and its mist."""
    mist = (
        disc(176, 86, 22, "#fff", faint(0.9))
        + disc(212, 68, 28, "#fff", faint(0.9))
        + disc(240, 94, 18, "#fff", faint(0.9))
    )
    tank = path("M126 150c0-44 148-44 148 0v166H126z", BODY) + path(
        "M126 216c36-20 62 18 148-6v106H126z", p.accent, faint(0.45)
    )
    return (
        mist
        + tank
        + rect(114, 286, 172, 40, 18, p.accent)
        + disc(200, 306, 8, "#fff")
        + rect(186, 106, 28, 14, 7, p.accent)
    )


def purifier(p: Palette) -> str:
    """An air purifier."""
    holes = "".join(disc(150 + x * 20, 210 + y * 20, 5, p.dark) for x in range(6) for y in range(5))
    leaf = path("M200 96c40 0 40 50 0 58-40-8-40-58 0-58z", p.accent, faint(0.25)) + line(
        "M200 150v-34M200 134l12-10", p.accent, 5
    )
    screen = disc(200, 128, 36, "#fff") + leaf
    return rect(118, 70, 164, 256, 36) + rect(130, 176, 140, 132, 20, DEEP, faint(0.6)) + holes + screen


def heater(p: Palette) -> str:
    """A skirting heater with warm waves."""
    waves = "".join(
        line(f"M{x} 176c-16-22 16-34 0-58", "#f97316", 9, faint(0.75)) for x in (120, 173, 226, 279)
    )
    ribs = "".join(rect(84 + i * 22, 222, 9, 64, 4, p.dark, faint(0.7)) for i in range(11))
    return (
        waves
        + rect(60, 202, 280, 102, 22)
        + ribs
        + rect(80, 304, 34, 16, 5, p.accent)
        + rect(286, 304, 34, 16, 5, p.accent)
    )


def dryer(p: Palette) -> str:
    """A hair dryer."""
    air = "".join(line(f"M86 {y}c-18-8-26 8-46 0", "#94a3b8", 6, faint(0.6)) for y in (118, 146, 174))
    head = (
        rect(104, 96, 196, 100, 50)
        + oval(118, 146, 18, 42, p.accent)
        + oval(118, 146, 9, 26, INK, faint(0.4))
    )
    handle = turned(rect(216, 184, 52, 140, 24, DEEP) + rect(232, 218, 20, 44, 10, p.accent), -8, 240, 190)
    return air + handle + head + disc(262, 146, 26, p.light) + disc(262, 146, 12, p.accent)


SHAPES: dict[str, Shape] = {
    "cooker": cooker,
    "blender": blender,
    "airfryer": airfryer,
    "kettle": kettle,
    "vacuum": vacuum,
    "robot": robot,
    "fan": fan,
    "humidifier": humidifier,
    "purifier": purifier,
    "heater": heater,
    "dryer": dryer,
}
