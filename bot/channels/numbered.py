"""Choices by number, for channels without buttons: how they are written, and which one a typed number is.

What was offered is read from the messages of the record as they were delivered, so nothing is kept here, and
a number means the same after a restart.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.channels.base import Button, Limits
from bot.channels.phrases import phrases

#: Choices of at most so many characters each, and so many of them, stand in one line.
_SHORT, _FEW = 8, 4
_MOST_STARS = 5
#: Cards that show several things in an order: 第二个 then means one of these, not the second choice.
_LISTS = frozenset({"products", "comparison", "coupons"})
_LISTED = re.compile(r"^\s*(?:[①-⑳]|\d{1,2}[.、．])", re.MULTILINE)

#: Where the notice of an opening stands in a conversation, behind the event that it was opened.
_NOTICE_SEQ = 2

_NUMERAL = r"(?P<n>\d{1,2}|[一二三四五六七八九]|十[一二三四五六七八九]?)"
_END = r"[.。、,，!~]*"
#: 2, 2。, (2), 【2】, 选2, 我选2吧, 选项二, 2号, 回复2
_DIRECT = re.compile(rf"[(\[【]?(?:我?选项?|回复)? ?{_NUMERAL} ?(?:号|吧)?[)\]】]?{_END}")
#: 第二个, 我要第2个吧
_ORDINAL = re.compile(rf"(?:我?(?:选|要|点|就|就要))?第 ?{_NUMERAL} ?[个项条种]?吧?{_END}")
#: 2 查物流, 2、查物流
_WITH_TITLE = re.compile(rf"{_NUMERAL}[ .、,，:]*(?P<title>\S.*)")
_CIRCLED = re.compile(rf"[①-⑳❶-❿]{_END}")
#: The frame of an emoji figure: 1️⃣
_KEYCAP = re.compile("[\ufe0e\ufe0f\u20e3]")
#: 5, 五, 5分, 五星, 5颗星吧, 打5分, 我给4分吧, 5分，谢谢: the figure of a rating and nothing beside it.
_MARK, _STARS = "[1-5一二三四五]", "(?:分|颗?星)"
_SCORE = re.compile(
    rf"[(\[【]?(?:回复 ?(?P<a>{_MARK})|(?P<b>{_MARK})"
    rf"|(?:我?(?:打|给|评)(?:您|你)?(?:打|评)?(?:个)?)? ?(?P<c>{_MARK}|两) ?{_STARS}吧?)[)\]】]?{_END}"
    rf" ?(?:(?:谢谢|感谢|多谢)(?:您|你|了|啦)?{_END})?"
)
_VALUES = {numeral: value for value, numeral in enumerate("一二三四五六七八九", start=1)}


@dataclass(frozen=True)
class Offer:
    """The choices that a shopper can answer with a number.

    Attributes:
        choices: in the order of their numbers, from 1.
        listed: beside them things were listed, so that 第二个 is one of these.
    """

    choices: tuple[Button, ...] = ()
    listed: bool = False


def buttons_of(message: Mapping[str, Any]) -> tuple[Button, ...]:
    """Return the buttons of a message of the record."""
    return tuple(Button(str(one["id"]), str(one["title"])) for one in message.get("buttons") or ())


def by_number(buttons: Sequence[Button], limits: Limits) -> bool:
    """Return whether choices are numbered: the platform has no buttons for all of them as they are."""
    fit = len(buttons) <= limits.buttons and all(len(one.title) <= limits.button_title for one in buttons)
    return bool(buttons) and not fit


def written(buttons: Sequence[Button], first: int = 1) -> str:
    """Return choices as words, the first one numbered `first`; "" for none."""
    titles = [" ".join(one.title.split()) for one in buttons]
    words = phrases()
    if not titles:
        return ""
    if len(titles) == first == 1:
        return words["choose_one"].format(title=titles[0])
    plain = all(len(title) <= _SHORT and not re.search(r"\d|\s", title) for title in titles)
    if plain and len(titles) <= _FEW:
        return words["choose"] + " ".join(f"{at} {title}" for at, title in enumerate(titles, first))
    return "\n".join([words["choose_lines"], *(f"{at}. {title}" for at, title in enumerate(titles, first))])


def first_number(before: Sequence[Mapping[str, Any]], message: Mapping[str, Any], limits: Limits) -> int:
    """Return the number of a message's first choice: one answer of several messages counts on.

    Args:
        before: messages before it, oldest first; as many as an answer may have are enough.
        message: the one that is about to be delivered.
        limits: of the platform.
    """
    return 1 + sum(len(_numbered(one, limits)) for one in _same_answer(before, message, limits))


def offer(messages: Sequence[Mapping[str, Any]], limits: Limits) -> Offer:
    """Return what can be chosen by number after these messages, which were delivered, oldest first.

    Choices are open until somebody says something else: another answer without choices, an agent, the
    question for a rating. Her own messages and bare notices (still looking, a queue's position) leave
    them open.
    """
    for at in range(len(messages) - 1, -1, -1):
        message = messages[at]
        if not _numbered(message, limits):
            if not _transparent(message) and not _continues_choices(messages[:at], message, limits):
                return Offer()
            continue
        answer = [*_same_answer(messages[:at], message, limits), message]
        same = [one for one in messages[at + 1 :] if not _transparent(one)]
        choices = tuple(button for one in answer for button in _numbered(one, limits))
        return Offer(choices, any(map(_lists, [*answer, *same])))
    return Offer()


def continues(before: Sequence[Mapping[str, Any]], message: Mapping[str, Any], limits: Limits) -> bool:
    """Return whether a message goes on with the answer that was given right before it.

    Args:
        before: messages before it, oldest first.
        message: one that is not hers.
        limits: of the platform.
    """
    last = next((one for one in reversed(before) if not _hers(one)), None)
    answer = _same_answer(before, message, limits)
    return message.get("type") != "rating" and bool(answer) and answer[-1] is last


def chosen(text: str, offered: Offer, *, form_open: bool = False) -> Button | None:
    """Return the choice that a typed text is, None where it is a text.

    Args:
        text: as it was typed.
        offered: see :func:`offer`.
        form_open: a form of the bot waits for its next answer: a number of several digits may be that.
    """
    if not offered.choices:
        return None
    typed = " ".join(_KEYCAP.sub("", text).split())
    if _CIRCLED.fullmatch(typed):
        number = None if offered.listed else int(unicodedata.numeric(typed[0]))
        return _at(offered, number)
    plain = unicodedata.normalize("NFKC", typed)
    if found := _DIRECT.fullmatch(plain):
        return None if form_open and len(found["n"]) > 1 else _at(offered, _value(found["n"]))
    if found := _ORDINAL.fullmatch(plain):
        return None if offered.listed else _at(offered, _value(found["n"]))
    found = _WITH_TITLE.fullmatch(plain)
    choice = _at(offered, _value(found["n"])) if found else None
    return choice if found and choice and _bare(found["title"]) == _bare(choice.title) else None


def score(text: str) -> int | None:
    """Return the rating that a typed text is, 1 to 5; None where it is, or may be, anything else.

    Whether it was asked for is for the caller to know.
    """
    typed = " ".join(_KEYCAP.sub("", text).split())
    if _CIRCLED.fullmatch(typed):
        value = int(unicodedata.numeric(typed[0]))
        return value if value <= _MOST_STARS else None
    found = _SCORE.fullmatch(unicodedata.normalize("NFKC", typed))
    if found is None:
        return None
    mark = found["a"] or found["b"] or found["c"]
    return 2 if mark == "两" else _value(mark)


def echoed(text: str, messages: Sequence[Mapping[str, Any]]) -> Button | None:
    """Return the button whose title a text is, the one that was offered last; None for any other text.

    Args:
        text: as it came, from a platform whose buttons send their title.
        messages: those that were delivered, oldest first.
    """
    wanted = " ".join(text.split())
    for message in reversed(messages):
        for button in () if _hers(message) else buttons_of(message):
            if wanted and " ".join(button.title.split()) == wanted:
                return button
    return None


def _at(offered: Offer, number: int | None) -> Button | None:
    inside = number is not None and 1 <= number <= len(offered.choices)
    return offered.choices[number - 1] if inside and number is not None else None


def _value(numeral: str) -> int | None:
    if numeral.isdecimal():
        return None if numeral.startswith("0") else int(numeral)
    ten, ones = numeral.startswith("十"), numeral.removeprefix("十")
    return 10 * ten + (_VALUES[ones] if ones else 0)


def _bare(text: str) -> str:
    return re.sub(r"[\s.。!]", "", unicodedata.normalize("NFKC", text))


def _numbered(message: Mapping[str, Any], limits: Limits) -> tuple[Button, ...]:
    buttons = buttons_of(message)
    return buttons if by_number(buttons, limits) else ()


def _hers(message: Mapping[str, Any]) -> bool:
    return message.get("author") == "shopper"


def _transparent(message: Mapping[str, Any]) -> bool:
    """Return whether a message leaves open what was offered before it."""
    bare = message.get("author") == "system" and not message.get("buttons")
    return _hers(message) or (bare and message.get("type") != "rating")


def _key(message: Mapping[str, Any]) -> tuple[Any, bool]:
    return message.get("in_reply_to"), message.get("author") == "agent"


def _same_answer(
    before: Sequence[Mapping[str, Any]], message: Mapping[str, Any], limits: Limits
) -> list[Mapping[str, Any]]:
    """Return the messages right before one that belong to the same answer, oldest first."""
    found: list[Mapping[str, Any]] = []
    at = len(before) - 1
    while at >= 0 and not _hers(before[at]) and before[at].get("type") != "rating":
        if _key(before[at]) == _key(message):
            found.insert(0, before[at])
        elif not _transparent(before[at]):
            return found
        at -= 1
    while at >= 0 and _hers(before[at]):
        at -= 1
    if limits.in_window and at >= 0 and _opens(before[at]) and message.get("author") != "agent":
        found.insert(0, before[at])
    return found


def _opens(message: Mapping[str, Any]) -> bool:
    """Return whether a message is the opening's notice."""
    return message.get("seq") == _NOTICE_SEQ and message.get("author") == "system"


def _continues_choices(
    before: Sequence[Mapping[str, Any]], message: Mapping[str, Any], limits: Limits
) -> bool:
    """Return whether a message without choices belongs to an answer that offered some."""
    if message.get("type") == "rating":
        return False
    return any(_numbered(one, limits) for one in _same_answer(before, message, limits))


def _lists(message: Mapping[str, Any]) -> bool:
    return message.get("card") in _LISTS or _LISTED.search(str(message.get("text") or "")) is not None
