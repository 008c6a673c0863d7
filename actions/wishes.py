"""Reads from typed text what a shopper says of herself and of what she wants: body, budget, whom it is for.

Functions of a text alone, no Rasa, no shop; of a turn, where a conversation remembers who needs care.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from actions.parsing import normalise, number_of
from actions.shop.models import Sku

if TYPE_CHECKING:
    from actions.base import TurnContext

#: Feelings of which nobody is reminded: who has died needs no care.
_GRIEF = ("crisis", "sorrow")
#: Slots: codes of those who need care, as far as they were mentioned, and as far as a reply spoke of them.
CARE_HEARD, CARE_TOLD = "care_heard", "care_told"

_MEANINGS = Path(__file__).resolve().parents[1] / "nlu_data" / "meanings"

_METRES = re.compile(r"([12])[.米](\d{2})(?!\d)|([一两])米([一二三四五六七八九]?)([一二三四五六七八九])")
_HEIGHT = re.compile(r"(?:身?高)?(?<!\d)(1[3-9]\d|20\d)(?:\s*(?:cm|厘米|公分))?(?!\d)", re.IGNORECASE)
_KILOS = re.compile(r"(?<!\d)(\d{1,3}(?:\.\d)?)\s*(?:kg|公斤|千克)", re.IGNORECASE)
_JIN = re.compile(r"(?<!\d)(\d{2,3})\s*斤")
_BARE_WEIGHT = re.compile(r"(?:体?重\s*|[/\s,，])(\d{2,3})(?!\d|\s*(?:cm|厘米|码))", re.IGNORECASE)
_FOOT = re.compile(r"脚长?\D{0,3}(\d{2}(?:\.\d)?)\s*(?:cm|厘米|公分)|(2[0-9]\d)\s*(?:mm|毫米)", re.IGNORECASE)

_BUDGET = re.compile(
    r"(?:预算|不超过|最多|低于)\D{0,3}(?P<a>[\d一二两三四五六七八九十]+[千百万]?)"
    r"|(?P<b>[\d一二两三四五六七八九十]+[千百万]?)\s*(?:元|块|塊)?\s*(?:钱|錢)?\s*(?P<about>以内|以內|以下|之内|内|左右|上下)"
)
_UNITS = {"百": 100, "千": 1_000, "万": 10_000}
_ABOUT = Decimal("1.2")  # "2000 左右" is willing to look a fifth higher

_RANGE = re.compile(r"(\d+(?:\.\d+)?)\s*[–\-~～至]\s*(\d+(?:\.\d+)?)\s*(千克|厘米|毫米)?")
_COLOURS = "黑白红蓝绿黄灰粉紫金银棕橙青米"
_SIZE_TOKEN = re.compile(r"[0-9A-Z+.]+")

#: From this number on a bare weight is meant in 斤 (half a kilogram): 130 is 65 kg.
_JIN_FROM = 90


@dataclass(frozen=True)
class Body:
    """What a shopper says of a body; None where she does not say.

    Attributes:
        height: centimetres.
        weight: kilograms.
        foot: millimetres.
    """

    height: float | None = None
    weight: float | None = None
    foot: float | None = None

    @property
    def known(self) -> bool:
        """Whether anything is known."""
        return any(value is not None for value in (self.height, self.weight, self.foot))


def body(text: str) -> Body:
    """Return height, weight and foot length as far as the text gives them: 一米六五 110斤, 178/75kg."""
    text = normalise(text)
    foot = _foot(text)
    if foot is not None:
        return Body(foot=foot)
    height, rest = _height(text)
    return Body(height=height, weight=_weight(rest, bare=height is not None))


def _foot(text: str) -> float | None:
    match = _FOOT.search(text)
    if match is None:
        return None
    return float(match[1]) * 10 if match[1] else float(match[2])


def _height(text: str) -> tuple[float | None, str]:
    match = _METRES.search(text)
    if match:
        if match[1]:
            value = int(match[1]) * 100 + int(match[2])
        else:
            tens = number_of(match[4]) if match[4] else None
            ones = number_of(match[5]) or 0
            first = number_of(match[3]) or 1
            value = first * 100 + (ones * 10 if tens is None else tens * 10 + ones)
        return float(value), text[: match.start()] + " " + text[match.end() :]
    for match in _HEIGHT.finditer(text):
        if text[match.end() :].lstrip()[:1] in ("斤", "元", "块"):
            continue
        return float(match[1]), text[: match.start()] + " " + text[match.end() :]
    return None, text


def _weight(text: str, *, bare: bool) -> float | None:
    kilos = _KILOS.search(text)
    if kilos:
        return float(kilos[1])
    jin = _JIN.search(text)
    if jin:
        return int(jin[1]) / 2
    match = _BARE_WEIGHT.search(text) if bare else None
    if match is None:
        return None
    value = int(match[1])
    return value / 2 if value >= _JIN_FROM else float(value)


def fitting_size(table: Sequence[Sequence[str]], who: Body, among: Iterable[str] | None = None) -> str | None:
    """Return the size whose ranges fit, the larger where height and weight disagree; None where none fits.

    Args:
        table: first row is the head (尺码, 身高, 体重, ...), ranges are like "160–165 厘米".
        who: what is known of the body.
        among: sizes to choose from, all of the table by default.
    """
    if not table:
        return None
    head, rows = table[0], table[1:]
    wanted = {"身高": who.height, "体重": who.weight, "适合体重": who.weight, "脚长": who.foot}
    found: list[int] = []
    for column, title in enumerate(head):
        value = wanted.get(title)
        if value is None:
            continue
        fitting = [i for i, row in enumerate(rows) if _within(row[column], value)]
        if not fitting:
            return None  # outside the table: no guess
        found.append(min(fitting))
    if not found:
        return None
    size = rows[max(found)][0]
    return size if among is None or size in set(among) else None


def _within(cell: str, value: float) -> bool:
    match = _RANGE.search(cell)
    return bool(match) and float(match[1]) <= value <= float(match[2])  # type: ignore[index]


def budget(text: str) -> Decimal | None:
    """Return the most a shopper wants to pay, in yuan (一千以内, 500左右); None if she does not say."""
    match = _BUDGET.search(normalise(text))
    if match is None:
        return None
    amount = _amount(match["a"] or match["b"])
    if amount is None:
        return None
    return amount * _ABOUT if match["about"] in ("左右", "上下") else amount


def without_budget(text: str) -> str:
    """Return what a shopper looks for, without what she wants to pay."""
    return re.sub(r"\s+", " ", _BUDGET.sub(" ", normalise(text))).strip()


def _amount(words: str) -> Decimal | None:
    unit = _UNITS.get(words[-1], 1)
    digits = words[:-1] if unit > 1 else words
    number = int(digits) if digits.isdigit() else number_of(digits) if digits else None
    return Decimal(number * unit) if number else None


@cache
def _meanings(name: str) -> tuple[tuple[str, re.Pattern[str]], ...]:
    data = yaml.safe_load((_MEANINGS / f"{name}.yml").read_text("utf-8"))
    return tuple((code, re.compile("|".join(patterns))) for code, patterns in data.items())


def care(text: str) -> str | None:
    """Return the code of who needs care (``pregnant``, ``allergy``, ``infant``, ``elder``), or None."""
    return next(iter(cares(text)), None)


def cares(text: str) -> list[str]:
    """Return the codes of all who need care by these words, the gravest first."""
    return [code for code, pattern in _meanings("care") if pattern.search(text)]


def hear_care(turn: TurnContext) -> None:
    """Tell the front who of this message needs care, for the person who takes over, and remember it.

    It is heard whatever is switched off, as a mood is; where personalisation is off nothing is kept of it.
    """
    found = cares(turn.text) if feeling(turn.text) not in _GRIEF else []
    for code in found:
        turn.directive("care", who=code)
    heard = turn.slot(CARE_HEARD) or []
    if set(found) - set(heard) and turn.slot("personalisation") is not False:
        turn.note(CARE_HEARD, [*heard, *(code for code in found if code not in heard)])


def care_once(turn: TurnContext) -> str | None:
    """Return who needs care, for the fact ``care`` of a reply: once in a conversation for each of them.

    What an earlier message mentioned counts too. Whoever asks tells it: it is not returned again.
    """
    told = turn.slot(CARE_TOLD) or []
    here = cares(turn.text) if feeling(turn.text) not in _GRIEF else []
    known = [*here, *(turn.slot(CARE_HEARD) or [])]
    if turn.slot("personalisation") is False:
        return next(iter(known), None)  # nothing is kept, so nothing is known of what was told
    code = next((code for code in known if code not in told), None)
    if code is not None:
        turn.note(CARE_TOLD, [*told, code])
    return code


def tell_care(turn: TurnContext) -> None:
    """Say after an answer what is thought of for who needs care, the first time it fits."""
    code = care_once(turn)
    if code is not None:
        turn.say("utter_care", {"care": code})


def feeling(text: str) -> str | None:
    """Return the gravest feeling that the words show: ``crisis``, ``sorrow``, ``joy``, or None."""
    return next((code for code, pattern in _meanings("feelings") if pattern.search(text)), None)


def refuses(text: str) -> bool:
    """Say whether a message about personalisation says no to it."""
    return any(pattern.search(text) for _, pattern in _meanings("refusal"))


def skus_meant(text: str, skus: Sequence[Sku]) -> list[Sku]:
    """Return the variants whose colour and size the text names; [] where it names neither.

    "黑色" means every colour with 黑 in its name; sizes match as whole tokens, so that L is not XL.
    """
    plain = normalise(text).upper()
    by_colour = {s.sku_id for s in skus if s.colour and _names_colour(plain, s.colour)}
    by_size = {s.sku_id for s in skus if s.size and _names_size(plain, s.size)}
    if by_colour and by_size:
        return [s for s in skus if s.sku_id in by_colour & by_size]
    return [s for s in skus if s.sku_id in by_colour | by_size]


def _names_colour(text: str, colour: str) -> bool:
    if normalise(colour).upper() in text:
        return True
    return any(c in colour and re.search(f"{c}(?:色|的)", text) for c in _COLOURS)


def _names_size(text: str, size: str) -> bool:
    wanted = re.sub(r"\s+", "", normalise(size).upper())
    squeezed = re.sub(r"\s+", "", text)
    if not _SIZE_TOKEN.fullmatch(wanted):
        return wanted in squeezed
    tokens = {token.rstrip("B") for token in _SIZE_TOKEN.findall(text)}
    parts = {part.rstrip("B") for part in wanted.split("+")}
    return (
        wanted.rstrip("B") in tokens
        or (len(parts) > 1 and parts <= tokens | {""})
        or bool(len(parts) > 1 and max(parts, key=len) in tokens)
    )
