"""Shapes of 母婴."""

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
    mirrored,
    oval,
    path,
    rect,
    turned,
)


def nappy(p: Palette) -> str:
    """A nappy with clouds."""
    body = path(
        "M80 120h240c4 40-10 74-36 94-18 60-48 96-84 96s-66-36-84-96c-26-20-40-54-36-94z",
        BODY,
        'stroke="#cbd5e1" stroke-width="3"',
    )
    waist = path("M80 120h240l-2 34H82z", p.accent, faint(0.55)) + mirrored(
        rect(70, 128, 40, 24, 8, p.accent)
    )
    cloud = "".join(
        disc(x, y, r, p.accent, faint(0.25)) for x, y, r in ((174, 222, 17), (198, 208, 23), (224, 222, 17))
    )
    return (
        body
        + waist
        + cloud
        + rect(168, 222, 64, 16, 8, p.accent, faint(0.25))
        + line("M200 250v36", "#facc15", 7)
    )


def wipes(p: Palette) -> str:
    """A pack of wipes, one drawn out."""
    sheet = path(
        "M156 168c-6-60 30-92 60-86 20 26 36 56 28 90z", "#fff", f'stroke="{p.dark}" stroke-width="3"'
    )
    pack = (
        rect(74, 150, 252, 162, 40)
        + oval(200, 178, 80, 24, p.accent)
        + oval(200, 176, 58, 13, INK, faint(0.25))
    )
    drop = path("M200 222c18 26 26 34 26 48a26 26 0 0 1-52 0c0-14 8-22 26-48z", p.accent)
    return pack + sheet + drop + line("M88 172v118M312 172v118", p.dark, 4, 'stroke-dasharray="6 7"')


def onesie(p: Palette) -> str:
    """A baby's one-piece."""
    body = path(
        "M146 96c22 24 86 24 108 0l62 40-30 60-24-14 4 62c-10 40-36 46-46 74h-40c-10-28-36-34-46-74l4-62-24 14-30-60z",  # noqa: E501
        BODY,
    )
    trim = (
        line("M150 98c22 24 78 24 100 0", p.accent, 9)
        + line("M182 314h36", p.accent, 9)
        + mirrored(line("M88 138l28 54", p.accent, 7))
    )
    star = path("M200 172l12 26 28 3-21 19 6 28-25-14-25 14 6-28-21-19 28-3z", p.accent)
    return body + trim + star


def babybottle(p: Palette) -> str:
    """A wide-necked baby bottle."""
    teat = path("M172 118c0-22 12-26 14-44 2-22 26-22 28 0 2 18 14 22 14 44z", "#fde68a") + rect(
        150, 114, 100, 36, 10, p.accent
    )
    glass = path(
        "M150 152h100c26 26 28 60 28 100v36a34 34 0 0 1-34 34h-88a34 34 0 0 1-34-34v-36c0-40 2-74 28-100z",
        BODY,
    )
    milk = path(
        "M124 222h152c2 12 2 20 2 30v36a34 34 0 0 1-34 34h-88a34 34 0 0 1-34-34v-36c0-10 0-18 2-30z",
        "#fff",
        faint(0.9),
    )
    marks = "".join(line(f"M236 {y}h26", p.accent, 4) for y in (190, 222, 254, 286))
    handles = mirrored(line("M128 196c-60-6-60 92-4 92", p.accent, 14))
    return handles + glass + milk + teat + marks


def pumpmachine(p: Palette) -> str:
    """A double breast pump."""
    cup = (
        path("M66 132c40-34 76-8 80 28l-12 30h-36z", BODY)
        + rect(92, 186, 48, 22, 6, p.accent)
        + rect(86, 206, 60, 92, 16, "#fff", f'stroke="{p.accent}" stroke-width="4"')
    )
    cup += rect(90, 254, 52, 40, 12, "#fef3c7")
    tubes = mirrored(line("M120 150c30-60 50-50 66 30", p.accent, 6))
    motor = (
        disc(200, 228, 52, DEEP)
        + disc(200, 228, 36, "#fff")
        + rect(184, 214, 32, 13, 4, p.accent)
        + disc(200, 244, 6, p.accent)
    )
    return tubes + mirrored(cup) + motor


def cup(p: Palette) -> str:
    """A child's bottle with a straw and a whale."""
    straw = line("M214 108V74h36", p.accent, 12)
    lid = path("M138 128c4-40 120-40 124 0z", p.accent) + rect(130, 124, 140, 32, 10, p.dark)
    body = path("M136 156h128l-10 150a20 20 0 0 1-20 18h-68a20 20 0 0 1-20-18z", BODY)
    whale = path(
        "M160 234c4-38 74-38 78 0 6-2 12-10 10-20 12 6 10 34-16 40-24 12-70 10-72-20z", "#fff"
    ) + disc(182, 232, 4, INK)
    loop = line("M268 140c50 10 40 96-12 96", p.accent, 10)
    return (
        straw
        + loop
        + body
        + lid
        + whale
        + line("M196 196c-2-14-14-14-18-8M196 196c2-14 14-14 18-8", "#fff", 5)
    )


def stroller(p: Palette) -> str:
    """A pushchair."""
    frame = line("M312 92l-30 18-70 170M150 208l90 76M262 160L150 286", p.dark, 11) + line(
        "M312 92h22", INK, 13
    )
    hood = path("M96 190c0-92 92-112 132-62l-38 62z", p.accent) + line(
        "M190 190L160 106M190 190L116 132", "#fff", 4, faint(0.7)
    )
    seat = path("M96 190h160c0 44-34 68-80 68s-80-24-80-68z", BODY)
    wheels = "".join(
        disc(x, 302, 32, INK) + disc(x, 302, 18, "#fff") + disc(x, 302, 6, p.accent) for x in (138, 254)
    )
    return frame + hood + seat + wheels


def carseat(p: Palette) -> str:
    """A child's car seat."""
    shell = path("M120 96c0-44 160-44 160 0l22 130c10 70-24 84-54 90h-96c-30-6-64-20-54-90z", BODY)
    pad = path("M148 108c0-26 104-26 104 0l8 108c4 44-16 60-60 60s-64-16-60-60z", p.light) + rect(
        158, 92, 84, 48, 20, DEEP
    )
    belt = (
        line("M172 140l24 78M228 140l-24 78M200 226v44", p.accent, 13)
        + disc(200, 226, 17, INK)
        + rect(192, 220, 16, 12, 3, p.accent)
    )
    return shell + pad + belt + rect(110, 312, 180, 20, 10, p.accent)


def blocks(p: Palette) -> str:
    """Building blocks, stacked."""
    row = rect(84, 236, 82, 82, 8, BODY) + rect(172, 236, 82, 82, 8, p.accent) + disc(300, 278, 40, "#facc15")
    middle = rect(128, 150, 82, 82, 8, "#34d399") + path("M216 232v-82h78c0 46-34 82-78 82z", "#a78bfa")
    roof = path("M118 146l92-76 92 76z", BODY)
    marks = (
        disc(125, 277, 17, "#fff", faint(0.85))
        + path("M213 258l18 34h-36z", "#fff", faint(0.85))
        + rect(154, 176, 30, 30, 4, "#fff", faint(0.85))
    )
    return row + middle + roof + marks + disc(210, 118, 11, "#fff", faint(0.85))


def bear(p: Palette) -> str:
    """A teddy bear with a loudspeaker heart."""
    ears = mirrored(disc(138, 96, 30) + disc(138, 96, 16, p.accent, faint(0.6)))
    arms = mirrored(turned(oval(110, 238, 26, 50, DEEP), 28, 110, 238) + oval(152, 316, 38, 24, DEEP))
    body = oval(200, 254, 78, 76) + oval(200, 262, 48, 50, p.light)
    face = (
        disc(200, 138, 76)
        + oval(200, 164, 34, 26, "#fff7ed")
        + oval(200, 152, 13, 9, p.accent)
        + mirrored(disc(172, 130, 8, INK))
    )
    smile = line("M186 172c8 9 20 9 28 0", p.accent, 5)
    heart = path("M200 290l-26-24a15 15 0 0 1 26-18 15 15 0 0 1 26 18z", "#f43f5e")
    return ears + arms + body + face + smile + heart


def babyshoe(p: Palette) -> str:
    """A pair of first shoes."""
    shoe = path("M88 236c-2-44 8-74 22-78 16 16 44 16 56 0 24 30 52 42 94 46 30 4 40 28 38 52H90z", BODY)
    shoe += path("M84 250h216c2 24-10 36-32 36H112c-20 0-28-14-28-36z", "#fff") + rect(
        150, 176, 62, 17, 8, p.accent
    )
    shoe += disc(246, 232, 10, p.accent, faint(0.6)) + disc(120, 206, 8, "#fff", faint(0.8))
    back = f'<g transform="translate(46 -52)" opacity="0.75">{shoe}</g>'
    return back + f'<g transform="translate(-14 26)">{shoe}</g>'


SHAPES: dict[str, Shape] = {
    "nappy": nappy,
    "wipes": wipes,
    "onesie": onesie,
    "babybottle": babybottle,
    "pumpmachine": pumpmachine,
    "cup": cup,
    "stroller": stroller,
    "carseat": carseat,
    "blocks": blocks,
    "bear": bear,
    "babyshoe": babyshoe,
}
