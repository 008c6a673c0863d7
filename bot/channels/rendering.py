"""Messages of the record → parts that a platform takes: texts within its length, its own buttons or numbers.

A card that the platform does not draw is said in plain words; those come from the wording. Nothing that was
said is lost, but what exceeds the most parts that a message may become: the last line says so then.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, urlsplit

from bot.channels.base import (
    Button,
    ButtonsPart,
    CardPart,
    CardRow,
    Limits,
    Part,
    PicturePart,
    TextPart,
)
from bot.channels.cutting import first_piece, size
from bot.channels.numbered import buttons_of, by_number, written
from bot.channels.phrases import phrases

#: Says a card in plain words, "" where there are none: ``persona.wording.cards.CardTexts.say``.
CardWords = Callable[[str, Mapping[str, Any]], str]

#: A row's label is at most so long; what stands before a later colon is no label.
_LABEL = 12
_FACT = re.compile(r"\d+(?:[.:]\d+)*")
#: What a text with the day alone has told as well.
_MIDNIGHT = re.compile(r" 24:00")
#: Pictures that messaging platforms show.
_SHOWN = re.compile(r"\.(?:jpe?g|png|webp|gif)$", re.IGNORECASE)
#: The least room that is worth a piece beside the line that says that there is more.
_LEAST = 8


@dataclass(frozen=True)
class House:
    """What rendering knows of the shop.

    Attributes:
        words: says cards.
        public_url: the front's address from outside, without a slash at its end; empty where it is not known.
        product_url: address of a product's page with ``{product_id}``; empty for none.
    """

    words: CardWords = lambda _card, _data: ""
    public_url: str = ""
    product_url: str = ""


def parts(message: Mapping[str, Any], limits: Limits, house: House, first: int = 1) -> tuple[Part, ...]:
    """Return what is sent of a message, in order; nothing of her own messages.

    Args:
        message: as clients see it, see "Replies as the client sees them".
        limits: of the platform; a text holds a few dozen characters at least.
        house: the shop's words and addresses.
        first: number of its first choice, see :func:`bot.channels.numbered.first_number`.
    """
    if message.get("author") == "shopper":
        return ()
    buttons = buttons_of(message)
    if message["type"] == "picture":
        return _picture(message, limits, house)
    if message["type"] == "rating":  # a page draws stars; here she is told which figure says what
        return _texts(str(message.get("by_number") or message.get("text") or ""), (), limits, 1)
    if message["type"] != "card":
        return _texts(str(message.get("text") or ""), buttons, limits, first)
    if message["card"] in limits.cards and (drawn := _card(message, buttons, limits, house, first)):
        return drawn
    return _texts(_in_words(message, limits, house), buttons, limits, first)


def joined(first: Part, then: Part, limits: Limits) -> Part | None:
    """Return two parts of one answer as one, the choices in their order; None where they do not fit."""
    if not isinstance(first, TextPart | ButtonsPart) or not isinstance(then, TextPart | ButtonsPart):
        return None
    text = _joined(first.text, then.text)
    buttons = tuple(one for part in (first, then) if isinstance(part, ButtonsPart) for one in part.buttons)
    if size(text, limits.unit) > limits.text or len(buttons) > limits.buttons:
        return None
    return ButtonsPart(text, buttons) if buttons else TextPart(text)


# -- texts --------------------------------------------------------------------------------------------------


def _texts(text: str, buttons: Sequence[Button], limits: Limits, first: int) -> tuple[Part, ...]:
    if not buttons or by_number(buttons, limits):
        tail = written([replace(one, title=_sound(one.title)) for one in buttons], first)
        return tuple(map(TextPart, _pieces(text, limits, tail)))
    pieces = _pieces(text, limits) or [phrases()["choose_lines"]]
    return (*map(TextPart, pieces[:-1]), ButtonsPart(pieces[-1], tuple(buttons)))


def _pieces(text: str, limits: Limits, tail: str = "") -> list[str]:
    """Return a text in pieces, at most so many as may be; `tail` stands whole at the end of the last."""
    rest, more = _sound(text).strip(), phrases()["too_long"]
    if size(tail, limits.unit) * 2 > limits.text:
        rest, tail = _joined(rest, tail), ""
    pieces: list[str] = []
    while rest or tail:
        if size(_joined(rest, tail), limits.unit) <= limits.text:
            return [*pieces, _joined(rest, tail)]
        if len(pieces) == limits.texts - 1:
            room = limits.text - size("\n" + _joined(more, tail) + "\n\n", limits.unit)
            if room < _LEAST:
                return [*pieces, rest[: first_piece(rest, limits.text, limits.unit)].strip()]
            kept = rest[: first_piece(rest, room, limits.unit)].strip()
            return [*pieces, _joined(f"{kept}\n{more}", tail)]
        at = first_piece(rest, limits.text, limits.unit)
        piece, rest = rest[:at].strip(), rest[at:].lstrip()
        if piece:
            pieces.append(piece)
    return pieces


def _joined(text: str, tail: str) -> str:
    return f"{text}\n\n{tail}" if text and tail else text or tail


def _sound(text: str) -> str:
    """Return a text with halves of characters made whole, or replaced where the other half is missing."""
    if not any("\ud800" <= char <= "\udfff" for char in text):
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


# -- cards --------------------------------------------------------------------------------------------------


def _in_words(message: Mapping[str, Any], limits: Limits, house: House) -> str:
    """Return all that a card's message says, in words."""
    kind, data, text = str(message["card"]), message["data"], str(message.get("text") or "")
    linked = _with_links(kind, data, house) if limits.links else data
    if not text or text == house.words(kind, data):  # the text is the card
        return house.words(kind, linked) or text
    return "\n".join(filter(None, [text, _untold(kind, linked, text, house)]))


def _untold(kind: str, data: Mapping[str, Any], text: str, house: House) -> str:
    """Return what a card adds to the text that it came with."""
    if kind == "policy":
        clauses = [one for one in _rows(data, "clauses") if one.get("told") is not True]
        return house.words(kind, {**data, "clauses": clauses}) if clauses else ""
    words = house.words(kind, data)
    if kind != "coupons":
        return words
    told = set(_FACT.findall(text))
    return "\n".join(
        line for line in words.splitlines() if not told.issuperset(_FACT.findall(_MIDNIGHT.sub("", line)))
    )


def _card(
    message: Mapping[str, Any], buttons: tuple[Button, ...], limits: Limits, house: House, first: int
) -> tuple[Part, ...]:
    """Return a card as the platform's own, with what does not go onto it; () where it cannot be drawn."""
    kind, data, text = str(message["card"]), message["data"], str(message.get("text") or "")
    words = _sound(house.words(kind, data) or text).strip()
    if kind == "policy" and text.strip() not in ("", words):  # what the text has told is not told again
        words = _sound(_untold(kind, data, text, house)).strip()
    if kind == "products":
        title, lines = "", words.splitlines()
        rows = _products(_rows(data, "products"), lines, house)
    else:
        title, *lines = words.splitlines() or [""]
        rows = [_row(line) for line in lines]
    if not rows:
        return ()
    numbered = by_number(buttons, limits)
    lead = _texts(text, (), limits, 1) if text.strip() and text.strip() != words else ()
    over = "\n".join(lines[-(len(rows) - limits.card_rows) :]) if len(rows) > limits.card_rows else ""
    after = _texts(over, buttons if numbered else (), limits, first)
    if len(lead) + 1 + len(after) > limits.texts:
        return ()
    one = replace(limits, texts=1)
    part = CardPart(
        card=kind,
        title=title,
        rows=tuple(rows[: limits.card_rows]),
        text=_pieces(words, one)[0],
        buttons=() if numbered else buttons,
        data=data,
    )
    return (*lead, part, *after)


def _row(line: str) -> CardRow:
    label, colon, value = line.partition("：")
    return CardRow(label, value.strip()) if colon and len(label) <= _LABEL and value else CardRow(line)


def _products(products: Sequence[Mapping[str, Any]], lines: Sequence[str], house: House) -> list[CardRow]:
    """Return products as rows; none where the words have not one line for each."""
    if len(products) != len(lines):
        return []
    rows = []
    for product, line in zip(products, lines, strict=True):
        name = _sound(str(product.get("name") or product.get("short_name") or ""))
        rest = line.split(name, 1)[-1].lstrip("，") if name else line
        picture, page = picture_address(product.get("picture"), house), _page(product, house)
        rows.append(CardRow(name or line, rest, picture, page))
    return rows


def _rows(data: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    found = data.get(name)
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list | tuple) else []


def _with_links(kind: str, data: Mapping[str, Any], house: House) -> Mapping[str, Any]:
    if kind != "products" or not house.product_url:
        return data
    return {**data, "products": [{**one, "address": _page(one, house)} for one in _rows(data, "products")]}


def _page(product: Mapping[str, Any], house: House) -> str:
    ident = str(product.get("product_id") or "")
    page = house.product_url.replace("{product_id}", quote(ident.encode("utf-8", "replace"), safe=""))
    return _absolute(page, house) if ident and page else ""


# -- pictures -----------------------------------------------------------------------------------------------


def picture_address(path: Any, house: House) -> str:
    """Return the absolute address of a picture that a platform can show; "" where there is none."""
    address = _absolute(str(path or ""), house)
    return address if address and _SHOWN.search(urlsplit(address).path) else ""


def _absolute(path: str, house: House) -> str:
    if re.match(r"https?://[^/\s]", path):
        return path
    if not path or not house.public_url or ":" in path or path.startswith("//"):
        return ""
    return f"{house.public_url.rstrip('/')}/{path.lstrip('/')}"


def _picture(message: Mapping[str, Any], limits: Limits, house: House) -> tuple[Part, ...]:
    text, address = _sound(str(message.get("text") or "")), _absolute(str(message["url"]), house)
    if limits.pictures and address:
        return (PicturePart(address=address, text=text),)
    words = phrases()
    way = words["picture_link"].format(address=address) if address and limits.links else words["picture"]
    return _texts("\n".join(filter(None, [text.strip(), way])), (), limits, 1)
