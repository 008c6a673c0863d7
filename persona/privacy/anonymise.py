"""Takes personal data out of text that leaves the shop for good: nothing can be put together again.

:func:`persona.privacy.masking.mask` leaves what a clerk needs (138****1234) and is for logs and pages. Here
a whole value is replaced by its kind, ``[电话]``; people also write numbers in full width, in Chinese
numerals, split by spaces, dashes and invisible characters, so digits are looked for beneath the spelling.
Where it is not certain, the text goes: a lost figure costs less than a phone.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

_NUMERALS = dict(zip("〇零一二三四五六七八九", "00123456789", strict=True)) | {
    **dict(zip("壹贰叁肆伍陆柒捌玖", "123456789", strict=True)),
    **dict(zip("貳參陸弍弐", "23622", strict=True)),
    **{"幺": "1", "两": "2"},
}
#: What may stand between the digits of one number.
_GAPS = set(" \t\u3000-‐‑‒–—―−_~·•.．/、,，*")
_DATE = re.compile(r"(?:19|20)\d{2}[-/.年](?:0?[1-9]|1[0-2])[-/.月](?:0?[1-9]|[12]\d|3[01])(?!\d)")
_PHONE = re.compile(r"(?:0{0,2}86)?1[3-9]\d{9}")
_LANDLINE = re.compile(r"0[1-9]\d{1,2}[2-9]\d{6,7}")
_ID_CARD = re.compile(r"[1-9]\d{5}(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dX]")
_BANK_CARD = re.compile(r"[3-6]\d{14,18}")
_CODED = re.compile(r"[A-Z]{2,4}$")
_MAIL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._%+-]*\s?[@＠]\s?[A-Za-z0-9][A-Za-z0-9.-]*\.[A-Za-z]{2,}")

_HAN = "\u4e00-\u9fff"
_NUMBER = r"[0-9０-９一二三四五六七八九十百零〇]+"
_URL = re.compile(r"(?:https?://|www\.)[^\s，。；！？“”）)]+", re.IGNORECASE)
_ACCOUNT = re.compile(
    r"(?:微信|威信|薇信|支付宝|淘宝|抖音|[Qq]{2}|扣扣|[VvWw][Xx]|[Vv]信)(?:号|账号|id|ID|是|为|加|[:：\s]){0,4}[A-Za-z0-9_-]{5,24}"
)
_ADDRESSES = tuple(
    re.compile(pattern)
    for pattern in (
        # an administrative place, and what follows down to the door
        rf"[{_HAN}]{{2,7}}(?:省|自治区|市|区|县|镇|乡|街道)[{_HAN}A-Za-z0-9０-９ -]{{0,30}}?"
        rf"(?:路|街|巷|弄|村|组|苑|小区|花园|大厦|广场|大道|胡同|号)[{_HAN}A-Za-z0-9０-９#-]{{0,20}}",
        # a street with its number
        rf"[{_HAN}]{{1,8}}(?:路|街|巷|弄|大道|胡同)\s*{_NUMBER}\s*(?:号|弄|巷)"
        rf"(?:院|楼|[A-Za-z0-9０-９一二三四五六七八九十\s-]{{0,6}}(?:号楼|栋|幢|座|单元|室|层|楼|房|号))*(?:\s?\d{{2,4}})?",
        # house, staircase, flat
        rf"{_NUMBER}\s*(?:号楼|栋|幢|单元)(?:\s*{_NUMBER}\s*(?:单元|室|层|楼|房|号)?)*",
        # a named estate or building
        rf"(?:(?<=[在到住寄送是])|(?<=[，。：:\s])|^)[{_HAN}]{{2,8}}(?:小区|公寓|大厦|家园|花园|新村|宿舍|驿站)",
        # 杭州市西湖区
        rf"[{_HAN}]{{2,4}}(?:省|自治区)?[{_HAN}]{{2,4}}市[{_HAN}]{{1,4}}(?:区|县)",
    )
)
_SURNAMES = (
    "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜戚谢邹喻柏章苏潘葛范彭鲁韦马苗方俞任袁柳鲍史唐费薛雷贺倪汤罗毕郝"
    "安常乐于傅康伍余顾孟黄穆萧尹姚邵汪毛米贝明戴宋庞熊纪舒屈项祝董梁杜阮蓝季贾江童颜郭梅盛林钟徐邱骆高夏蔡田胡凌霍万柯卢莫房解应宗"
    "丁邓洪崔龚程邢裴陆荣翁荀羊惠曲封储靳段焦侯班秋仲伊宫宁栾甘厉祖武符刘景詹龙叶司黎薄印白蒲邰从鄂索赖卓屠乔谭申冉桑桂牛燕尚温庄柴阎"
    "易廖庾终步都耿满匡文寇广东欧关查荆游权盖益桓公肖"
)
_NAMES = tuple(
    re.compile(pattern)
    for pattern in (
        rf"(?:我叫|姓名|收件人|收货人|联系人|名字(?:是|叫)|本人)(?:是|叫|为|写|填|[:：\s]){{0,3}}(?P<name>[{_HAN}]{{2,4}}?)(?=[，。,.;；!！\s\d]|电话|手机|地址|$)",
        rf"(?:我是|这里是|找)(?P<name>[{_SURNAMES}][{_HAN}]{{1,2}})(?=[，。,.!！\s]|$)",
        rf"(?:我姓|免贵姓)(?P<name>[{_SURNAMES}])",
        rf"(?P<name>[{_SURNAMES}][{_HAN}]{{0,2}}?)(?=先生|女士|小姐)",
        rf"(?P<name>[{_SURNAMES}])(?=师傅|经理|老师)",
    )
)
_TAIL = re.compile(r"(?:尾号|后四位|末四位|后4位|后4个|最后四位)[^\d\n]{0,6}(?P<tail>\d{4})(?!\d)")
_ONLY_TAIL = re.compile(r"^\s*(?P<tail>\d{4})\s*[。.!！]?\s*$")
_BIRTHDAY = re.compile(
    r"(?:生日|出生)[^\d]{0,6}(?P<day>(?:(?:19|20)?\d{2}年)?\d{1,2}月\d{1,2}[日号]?|(?:19|20)\d{2}[-./]\d{1,2}[-./]\d{1,2})"
)

_KINDS = {
    "phone": "[电话]",
    "id_card": "[证件号]",
    "bank_card": "[卡号]",
    "number": "[号码]",
    "mail": "[邮箱]",
    "address": "[地址]",
    "name": "[姓名]",
    "account": "[账号]",
    "link": "[链接]",
    "tail": "[尾号]",
    "birthday": "[生日]",
    "known": "[信息]",
}


@dataclass(frozen=True)
class Personal:
    """A stretch of personal data: its kind, and offsets in code points."""

    kind: str
    start: int
    end: int


@dataclass(frozen=True)
class Known:
    """What is known of the people in a conversation, and must not stand in it.

    Attributes:
        names: whole names (customer, consignees, agents); parts and spaced spellings are found too.
        places: parts of addresses, streets as well as towns.
        phones: their last four digits are found too.
        others: anything else, word for word: ids, order and tracking numbers, engravings.
    """

    names: frozenset[str] = frozenset()
    places: frozenset[str] = frozenset()
    phones: frozenset[str] = frozenset()
    others: frozenset[str] = frozenset()


def find_personal(text: str) -> tuple[Personal, ...]:
    """Return whole phone, identity and bank numbers, long numbers and mail addresses, by their place."""
    found = [Personal("mail", *match.span()) for match in _MAIL.finditer(text)]
    found += _numbers(text)
    return _disjoint(found)


def anonymise(text: str, known: Known | None = None) -> str:
    """Return `text` with every piece of personal data replaced by its kind in brackets.

    Args:
        text: what somebody wrote; any Unicode.
        known: what is known of the people concerned.
    """
    found = [*find_personal(text), *_patterns(text)]
    if known is not None:
        found += _known(text, known)
    parts, at = [], 0
    for item in _disjoint(found):
        parts += [text[at : item.start], _KINDS[item.kind]]
        at = item.end
    return "".join([*parts, text[at:]])


def _patterns(text: str) -> Iterator[Personal]:
    for kind, pattern in (("link", _URL), ("account", _ACCOUNT), *(("address", p) for p in _ADDRESSES)):
        yield from (Personal(kind, *match.span()) for match in pattern.finditer(text))
    groups = (*(("name", "name", p) for p in _NAMES), ("tail", "tail", _TAIL), ("tail", "tail", _ONLY_TAIL))
    for kind, group, pattern in (*groups, ("birthday", "day", _BIRTHDAY)):
        yield from (Personal(kind, *match.span(group)) for match in pattern.finditer(text))


def _known(text: str, known: Known) -> Iterator[Personal]:
    for kind, spellings in (
        ("name", {part for name in known.names for part in _name_parts(name)}),
        ("address", {part for place in known.places for part in _place_parts(place)}),
        ("tail", {phone[-4:] for phone in known.phones if len(phone) >= 7}),
        ("known", {other for other in known.others if len(other.strip()) >= 2}),
    ):
        for spelling in spellings:
            yield from (Personal(kind, *m.span()) for m in _spelled(spelling).finditer(text))


def _name_parts(name: str) -> Iterator[str]:
    """Yield a name and, of three characters on, the given name: friends leave the surname out."""
    plain = name.strip()
    if len(plain) >= 2:
        yield plain
    if len(plain) >= 3:
        yield plain[-2:]


def _place_parts(place: str) -> Iterator[str]:
    plain = place.strip()
    if len(plain) >= 2:
        yield plain
    short = re.sub(r"(?:省|市|区|县|自治区|街道|镇|乡)$", "", plain)
    if len(short) >= 2:
        yield short


def _spelled(words: str) -> re.Pattern[str]:
    """Return a pattern for words as people may space them; figures stand alone."""
    body = r"[\s·.\u200b-\u200f\ufeff]*".join(re.escape(char) for char in words if not char.isspace())
    before = r"(?<![0-9A-Za-z])" if words[:1].isascii() else ""
    after = r"(?![0-9A-Za-z])" if words[-1:].isascii() else ""
    return re.compile(before + body + after, re.IGNORECASE)


# -- numbers beneath their spelling ------------------------------------------------------------------------


@dataclass(frozen=True)
class _Digit:
    value: str
    start: int
    end: int


def _numbers(text: str) -> Iterator[Personal]:
    dates = [match.span() for match in _DATE.finditer(text)]
    for run in _runs(text):
        coded = _CODED.search(text[max(0, run[0].start - 4) : run[0].start]) is not None
        yield from _judge(run, dates, coded=coded)


def _runs(text: str) -> Iterator[list[_Digit]]:
    """Yield stretches of digits, whatever their script, with at most two signs between two of them."""
    run: list[_Digit] = []
    gap = 0
    for at, char in enumerate(text):
        value = _digit(char)
        if value is None and char in "xXｘＸ" and len(run) == 17:
            value = "X"
        if value is not None:
            run.append(_Digit(value, at, at + 1))
            gap = 0
        elif unicodedata.category(char) in ("Cf", "Mn", "Me"):
            continue  # invisible, or a frame around the digit
        elif run and char in _GAPS and gap < 2:
            gap += 1
        elif run:
            yield run
            run, gap = [], 0
    if run:
        yield run


def _digit(char: str) -> str | None:
    if char in _NUMERALS:
        return _NUMERALS[char]
    value = unicodedata.digit(char, None)
    if value is None or unicodedata.category(char) not in ("Nd", "No"):
        return None
    return str(value)


def _judge(run: list[_Digit], dates: list[tuple[int, int]], *, coded: bool) -> Iterator[Personal]:
    """Yield what of a run is personal: whole numbers of known form first, then any long number.

    A number right behind capitals (`coded`) is a tracking number or the like, no phone.
    """
    digits = "".join(d.value for d in run)
    taken: list[tuple[int, int]] = []
    for kind, pattern in (
        ("id_card", _ID_CARD),
        ("phone", _PHONE),
        ("bank_card", _BANK_CARD),
        ("phone", _LANDLINE),
    ):
        for match in () if coded and kind == "phone" else pattern.finditer(digits):
            if any(match.start() < end and start < match.end() for start, end in taken):
                continue
            if kind != "phone" and len(match.group()) != len(digits) and not _apart(run, *match.span()):
                continue
            if kind == "phone" and not _apart(run, *match.span()):
                continue
            taken.append(match.span())
            yield Personal(kind, run[match.start()].start, run[match.end() - 1].end)
    for group in _groups([d for n, d in enumerate(run) if not any(a <= n < b for a, b in taken)]):
        start, end = group[0].start, group[-1].end
        dated = any(start < stop and begin < end for begin, stop in dates)
        if len(group) >= 7 and not dated:
            yield Personal("number", start, end)


def _apart(run: list[_Digit], start: int, end: int) -> bool:
    """Whether a match is a number of its own: no further digit touches it without a sign between."""
    left = start == 0 or run[start - 1].end < run[start].start
    right = end == len(run) or run[end - 1].end < run[end].start
    return left and right


def _groups(run: list[_Digit]) -> Iterator[list[_Digit]]:
    """Yield the parts of a run that are one number: digits that touch, or groups of three and more."""
    parts: list[list[_Digit]] = [run[:1]]
    for before, digit in pairwise(run):
        if before.end == digit.start:
            parts[-1].append(digit)
        else:
            parts.append([digit])
    if not run:
        return
    if len(parts) > 1 and len(run) >= 7 and all(len(part) >= 3 or len(part) == 1 for part in parts):
        yield run
    else:
        yield from parts


def _disjoint(found: Iterable[Personal]) -> tuple[Personal, ...]:
    """Return stretches that do not overlap, in order; overlapping ones become one of the longer's kind."""
    merged: list[Personal] = []
    for item in sorted(found, key=lambda p: (p.start, -p.end)):
        if merged and item.start < merged[-1].end:
            last = merged[-1]
            longer = item if item.end - item.start > last.end - last.start else last
            merged[-1] = Personal(longer.kind, last.start, max(last.end, item.end))
        else:
            merged.append(item)
    return tuple(merged)
