"""Shapes of 手机数码."""

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
    mirrored,
    oval,
    path,
    rect,
    turned,
)


def earbuds(p: Palette) -> str:
    """Two buds above their open case."""
    bud = disc(158, 118, 30) + rect(146, 118, 24, 72, 12) + oval(176, 116, 12, 16, INK, faint(0.75))
    bud += rect(152, 176, 12, 8, 4, p.accent)
    case = rect(104, 210, 192, 106, 46) + path(
        "M104 256h192v14a46 46 0 0 1-46 46H150a46 46 0 0 1-46-46z", DEEP
    )
    return case + disc(200, 284, 6, p.accent) + rect(150, 222, 100, 22, 11, INK, faint(0.18)) + mirrored(bud)


def headphones(p: Palette) -> str:
    """A headset from the front."""
    band = line("M104 226C98 120 148 84 200 84s102 36 96 142", p.dark, 22)
    band += line("M112 214C110 130 152 98 200 98s90 32 88 116", p.accent, 5)
    cup = rect(78, 206, 62, 108, 28) + rect(128, 214, 26, 92, 13, INK) + rect(88, 232, 10, 56, 5, p.accent)
    return band + mirrored(cup)


def phone(p: Palette) -> str:
    """A phone, back and front."""
    back = rect(190, 76, 116, 240, 22, DEEP) + rect(200, 88, 46, 88, 18, p.dark)
    back += "".join(disc(223, y, 15, INK) + disc(223, y, 7, p.accent, faint(0.8)) for y in (111, 150))
    front = rect(96, 84, 124, 248, 24, INK) + rect(103, 91, 110, 234, 18, GLOW)
    front += path(
        "M103 250c40-44 66-8 110-60v117a18 18 0 0 1-18 18h-74a18 18 0 0 1-18-18z", BODY, faint(0.85)
    )
    return back + front + rect(142, 98, 32, 9, 4.5, INK) + disc(186, 136, 16, "#fff", faint(0.85))


def watch(p: Palette) -> str:
    """A smart watch."""
    strap = rect(156, 62, 88, 110, 20, DEEP) + rect(156, 230, 88, 110, 20, DEEP)
    rings = disc(200, 200, 54, "none", f'stroke="{p.accent}" stroke-width="9" stroke-dasharray="240 340"')
    rings += disc(200, 200, 40, "none", 'stroke="#f472b6" stroke-width="9" stroke-dasharray="160 260"')
    hands = line("M200 200V168M200 200l20 12", "#fff", 6)
    return (
        strap
        + rect(276, 186, 12, 28, 6, p.dark)
        + disc(200, 200, 82)
        + disc(200, 200, 70, "#0b1220")
        + rings
        + hands
    )


def tablet(p: Palette) -> str:
    """A tablet with its pen."""
    screen = rect(70, 108, 240, 184, 18, INK) + rect(80, 118, 220, 164, 10, GLOW)
    drawing = line("M104 246c30-66 52 14 84-48s54 30 88-26", "#fff", 7) + disc(
        112, 148, 14, "#fff", faint(0.8)
    )
    return (
        screen + drawing + turned(rect(318, 112, 13, 170, 6, p.light) + path("M318 282h13l-6.5 18z", INK), 8)
    )


def charger(p: Palette) -> str:
    """A charger with three ports and a cable."""
    pins = rect(168, 74, 14, 46, 4, "#94a3b8") + rect(218, 74, 14, 46, 4, "#94a3b8")
    ports = "".join(rect(160, y, 80, 20, 10, INK) for y in (196, 232)) + rect(166, 268, 68, 22, 4, INK)
    cable = line("M240 206h40c50 0 30 90 0 110", p.accent, 9)
    return pins + cable + rect(126, 112, 148, 204, 34) + ports + rect(234, 199, 26, 14, 5, p.accent)


def powerbank(p: Palette) -> str:
    """A power bank with its own cable."""
    body = rect(124, 80, 150, 240, 30) + rect(124, 240, 150, 80, 30, DEEP)
    light = "".join(disc(164 + i * 24, 282, 6, p.accent, faint(1 - i * 0.2)) for i in range(4))
    loop = line("M274 120c48 0 48 96 4 128", p.accent, 10) + rect(262, 240, 26, 18, 6, INK)
    bolt = path("M206 124l-34 52h24l-8 40 38-56h-26z", p.accent)
    return loop + body + bolt + light


def keyboard(p: Palette) -> str:
    """A small keyboard."""
    keys = ""
    for row in range(4):
        for column in range(10):
            fill = p.accent if (row, column) in {(0, 0), (2, 9), (3, 9)} else "#ffffff"
            keys += rect(76 + column * 25, 152 + row * 26, 21, 21, 5, fill)
    return (
        rect(60, 136, 280, 142, 20, DEEP)
        + rect(60, 130, 280, 138, 20)
        + keys
        + rect(120, 234, 150, 17, 5, p.accent)
    )


def camera(p: Palette) -> str:
    """A pocket camera on its gimbal."""
    head = (
        rect(152, 66, 96, 92, 26) + disc(200, 112, 34, "#111827") + disc(200, 112, 22, p.accent, faint(0.85))
    )
    head += disc(192, 104, 8, "#fff", faint(0.8))
    arm = line("M258 112h18v66h-40", p.dark, 16)
    grip = rect(158, 172, 84, 160, 24) + rect(168, 184, 64, 58, 8, GLOW) + disc(200, 272, 15, p.accent)
    return arm + grip + head


def projector(p: Palette) -> str:
    """A projector throwing light."""
    beam = path("M150 220L30 110v220z", p.accent, faint(0.22))
    body = rect(136, 138, 176, 164, 34) + rect(136, 258, 176, 44, 22, DEEP)
    vents = "".join(rect(240 + i * 15, 162, 6, 70, 3, p.dark, faint(0.6)) for i in range(4))
    return (
        beam
        + body
        + disc(178, 212, 38, INK)
        + disc(178, 212, 24, p.accent)
        + disc(170, 204, 8, "#fff")
        + vents
    )


SHAPES: dict[str, Shape] = {
    "earbuds": earbuds,
    "headphones": headphones,
    "phone": phone,
    "watch": watch,
    "tablet": tablet,
    "charger": charger,
    "powerbank": powerbank,
    "keyboard": keyboard,
    "camera": camera,
    "projector": projector,
}
