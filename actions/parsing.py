"""Reads numbers, ordinals, phones and addresses from what people type. Pure functions, no Rasa, no shop.

The extractors of the NLU pipeline find entities in well-formed text; these readers cope with full-width
digits, spaces, Chinese numerals and half sentences, and are what the actions decide by.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

_MEANINGS = Path(__file__).resolve().parents[1] / "nlu_data" / "meanings"

_DIGITS = {"零": "0", "〇": "0", "一": "1", "幺": "1", "二": "2", "两": "2", "俩": "2", "三": "3", "四": "4"}
_DIGITS |= {"五": "5", "六": "6", "七": "7", "八": "8", "九": "9"}

_ORDER_NUMBER = re.compile(r"(?<!\d)(?:\d[ \-]?){11}\d(?!\d)")
_PHONE = re.compile(r"(?<!\d)(?:\+?86[ \-]?)?(1[3-9]\d[ \-]?\d{4}[ \-]?\d{4})(?!\d)")
_LANDLINE = re.compile(r"(?<!\d)\(?(0\d{2,3})\)?[ \-]?(\d{7,8})(?!\d)")
_FOUR = re.compile(r"(?<!\d)\d(?:[ \-]?\d){3}(?!\d)")
_FOUR_CHINESE = re.compile(r"[零〇一幺二两三四五六七八九]{4}")

_NUMERAL = r"(\d{1,2}|[一二两三四五六七八九十]{1,3})"
_COUNTER = r"(?:个|单|笔|件|条|款|项|台|双|张|份|种|号|次)"
_FROM_END = re.compile(rf"倒数第?{_NUMERAL}")
_ORDINAL = re.compile(rf"第{_NUMERAL}{_COUNTER}?")
_BARE_ORDINAL = re.compile(rf"(?:选|要|就|是|看)*{_NUMERAL}(?:{_COUNTER}(?:吧|的)?|吧|号)?")
_LAST = re.compile(r"最后(?:那|这|一)?(?:一)?(?:个|单|笔|件|条)|最下面|最底下|最早(?:的|那)")
_FIRST = re.compile(
    r"最近(?:的|那|一|买|下|这|1)|最新(?:的|那|一|下)|刚(?:才|刚)?(?:买|下|拍)|最上面|头一(?:个|单)|上面(?:那|这)|上边(?:那|这)"
)
_JUST_BOUGHT = re.compile(r"最近(?:买|下)|刚(?:才|刚)?(?:买|下|拍)")
_MIDDLE = re.compile(r"中间(?:那|这|的)")
_BELOW = re.compile(r"下面(?:那|这)|下边(?:那|这)")


def normalise(text: str) -> str:
    """Return `text` with full-width digits, letters and signs made half-width, and trimmed.

    Digits of other scripts become ours too: a pattern takes them for digits, a look-up does not.
    """
    text = unicodedata.normalize("NFKC", text).strip()
    if text.isascii():
        return text
    return "".join(str(unicodedata.digit(c)) if c.isdecimal() else c for c in text)


def number_of(numeral: str) -> int | None:
    """Return the value of a numeral from 1 to 99, written in digits or Chinese; None if it is none."""
    if numeral.isdigit():
        return int(numeral)
    tens, ten, ones = numeral.partition("十")
    if not ten:
        return int(_DIGITS[numeral]) if numeral in _DIGITS else None
    if (tens and tens not in _DIGITS) or (ones and ones not in _DIGITS):
        return None
    return (int(_DIGITS[tens]) if tens else 1) * 10 + (int(_DIGITS[ones]) if ones else 0)


def order_numbers(text: str) -> list[str]:
    """Return the order numbers (12 digits, also spaced or hyphenated) in the order typed, each once."""
    found = (re.sub(r"\D", "", match) for match in _ORDER_NUMBER.findall(normalise(text)))
    return list(dict.fromkeys(found))


def phone(text: str) -> str | None:
    """Return the first mobile number (11 digits, without separators), or None."""
    match = _PHONE.search(normalise(text))
    return re.sub(r"\D", "", match[1]) if match else None


def landline(text: str) -> str | None:
    """Return the first landline number with its area code (021-58881234), or None."""
    match = _LANDLINE.search(_ORDER_NUMBER.sub(" ", normalise(text)))
    return f"{match[1]}-{match[2]}" if match else None


def contact(text: str) -> str | None:
    """Return the first number in `text` that can be called, or None."""
    return phone(text) or landline(text)


def phone_tail(text: str) -> str | None:
    """Return the last four digits of a phone: given alone, spelled in Chinese, or of a whole number."""
    text = _ORDER_NUMBER.sub(" ", normalise(text))
    whole = phone(text)
    if whole:
        return whole[-4:]
    match = _FOUR.search(text)
    if match:
        return re.sub(r"\D", "", match[0])
    spelled = _FOUR_CHINESE.search(text)
    return "".join(_DIGITS[sign] for sign in spelled[0]) if spelled else None


def ordinal(text: str, count: int) -> int | None:  # noqa: PLR0911  (a list of cases reads best as one)
    """Return the index (0-based) that `text` points to among `count` things shown newest first.

    Understands 第二个, 第2单, 倒数第一个, 最后那个, 最近那单, 上面那个, and a bare 2 or 二. None where
    nothing is pointed to, or something beyond the list.
    """
    text = normalise(text)
    if count < 1:
        return None
    match = _FROM_END.search(text)
    if match:
        return _index(number_of(match[1]), count, from_end=True)
    match = _ORDINAL.search(text)
    if match:
        return _index(number_of(match[1]), count)
    if _LAST.search(text):
        return count - 1
    if _FIRST.search(text):
        return 0
    if _MIDDLE.search(text):
        return count // 2 if count % 2 else None
    if _BELOW.search(text):
        return count - 1 if count == 2 else None
    match = _BARE_ORDINAL.fullmatch(re.sub(r"[\s。.!！~～,，]", "", text))
    return _index(number_of(match[1]), count) if match else None


def just_bought(text: str) -> bool:
    """Say whether the words say how new a purchase is, beside what may name it: 刚买的羽绒服."""
    return _JUST_BOUGHT.search(normalise(text)) is not None


def _index(number: int | None, count: int, *, from_end: bool = False) -> int | None:
    if number is None or not 1 <= number <= count:
        return None
    return count - number if from_end else number - 1


_FILLER = re.compile(
    r"[\s,，。.!！?？~～、:：]|我的|那个|这个|那单|这单|那件|那双|那款|那份|那台|就是|我要|我买|订单|退货|退款|换货|取消|"
    r"地址|快递|物流|发货|看看|查查|一下|什么时候|多少|可以|怎么|不要了|不想要|东西|商品|买的"
)


_ASKING = re.compile(
    r"什么时候|怎么(?:还|样)?|为什么|为啥|到哪[里儿]?了?|在哪[里儿]?|有没有|能不能|是不是|可不可以|还没(?:有)?|现在|已经|收到|签收|"
    r"发出|送到|退掉|退货|换货|保修|发票|价保|退|换|修|催|查|看|帮|想|要|给|把|请|麻烦|谢谢|您好|你好|"
    r"[我你您的了吗呢吧啊呀哦嘛是在有没不就都也和跟那这个单件双款份台瓶条一下到快点]"
)


def goods_words(text: str) -> str:
    """Return what is left of a question about an order without the asking: 尔机 of 我的尔机到哪了.

    "" where nothing of at least two signs is left, or too much: then it is about something else.
    """
    words = [word for word in _ASKING.sub(" ", _FILLER.sub(" ", normalise(text))).split() if len(word) > 1]
    rest = " ".join(words)
    return rest if len(rest) <= _LONGEST_GOODS else ""


_LONGEST_GOODS = 12


def match_words(text: str, names: Sequence[str]) -> list[int]:
    """Return the indices of those `names` that share the most character pairs with `text`; [] if none does.

    ``耳机那个`` points to the name that contains ``耳机``. Several indices mean that the words fit several.
    """
    words = _FILLER.sub(" ", normalise(text).lower())
    pairs = {run[i : i + 2] for run in words.split() for i in range(len(run) - 1)}
    pairs = {pair for pair in pairs if not pair.isdigit()}
    scores = [sum(pair in normalise(name).lower() for pair in pairs) for name in names]
    best = max(scores, default=0)
    return [i for i, score in enumerate(scores) if score == best] if best else []


@lru_cache(maxsize=1)
def _reasons() -> tuple[tuple[str, re.Pattern[str]], ...]:
    table: Mapping[str, Sequence[str]] = yaml.safe_load((_MEANINGS / "reasons.yml").read_text("utf-8"))
    return tuple((code, re.compile("|".join(words), re.IGNORECASE)) for code, words in table.items())


def reason(text: str) -> str | None:
    """Return the reason code (see ``RETURN_REASONS``) that the words give, or None.

    The words lie in ``nlu_data/meanings/reasons.yml``; the first code that matches wins.
    """
    text = normalise(text)
    return next((code for code, words in _reasons() if words.search(text)), None)


@lru_cache(maxsize=1)
def _yes() -> re.Pattern[str]:
    table: Mapping[str, Sequence[str]] = yaml.safe_load((_MEANINGS / "answers.yml").read_text("utf-8"))
    one = "|".join(table["affirm"])
    return re.compile(rf"(?:{one}){{1,3}}")


_QUESTION = re.compile(
    r"[?？吗嘛么]|什么|怎么|多少|几[天点时号个]|为啥|为何|哪|能不能|可不可以|是不是|有没有"
)


def is_question(text: str) -> bool:
    """Whether `text` asks something."""
    return _QUESTION.search(normalise(text)) is not None


_GIVES_UP = re.compile(
    r"(?:不|别|甭)(?:想|要|用|给我|帮我)?(?:取消|退货|退款|退|换货|换|改地址|改|弄|办|申请|提交|报修|修|约|投诉|备注|撤销?)(?:了|吧|啦)"
)


def gives_up(text: str) -> bool:
    """Whether `text` takes back what was begun: 不取消了, 别退了吧."""
    return _GIVES_UP.search(normalise(text)) is not None and not is_question(text)


def is_plain_yes(text: str) -> bool:
    """Whether `text` is a yes and nothing else: no question, no condition, no "but"."""
    text = normalise(text)
    return (
        not is_question(text)
        and _yes().fullmatch("".join(sign for sign in text if sign.isalnum())) is not None
    )


@dataclass(frozen=True)
class AddressParts:
    """What a message says about a new delivery address; None where it says nothing. Personal data."""

    province: str | None = None
    city: str | None = None
    district: str | None = None
    street: str | None = None
    consignee: str | None = None
    phone: str | None = None

    def __bool__(self) -> bool:
        return any(getattr(self, item.name) for item in fields(self))

    def to_json(self) -> dict[str, str]:
        """Return the parts that were said."""
        return {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any] | None) -> AddressParts:
        """Read back what :meth:`to_json` gave."""
        known = {item.name for item in fields(cls)}
        return cls(**{k: str(v) for k, v in (data or {}).items() if k in known and v})

    def over(self, earlier: AddressParts) -> AddressParts:
        """Return these parts completed by what was said earlier.

        A new place replaces the old place whole: a street of another city must not survive a correction.
        """
        merged = {**earlier.to_json(), **self.to_json()}
        if self.city or self.province:
            for name in ("province", "city", "district", "street"):
                if not getattr(self, name):
                    merged.pop(name, None)
        return AddressParts(**merged)


_MUNICIPALITIES = ("北京", "上海", "天津", "重庆")
_REGIONS = {
    "内蒙古": "内蒙古自治区",
    "广西": "广西壮族自治区",
    "西藏": "西藏自治区",
    "宁夏": "宁夏回族自治区",
}
_REGIONS |= {"新疆": "新疆维吾尔自治区"}
_PROVINCES = (
    *("河北", "山西", "辽宁", "吉林", "黑龙江", "江苏", "浙江", "安徽", "福建", "江西", "山东", "河南"),
    *("湖北", "湖南", "广东", "海南", "四川", "贵州", "云南", "陕西", "甘肃", "青海", "台湾"),
)
_HAN = r"[\u4e00-\u9fff]"
_LEAD_IN = re.compile(
    rf"^.*?(?:新?地址(?:应该)?(?:改成|改为|改到|换成|换到|是|为|[::])|改成|改为|改到|换成|换到|寄到|寄去|送到|发到|发去|发往|应该是|麻烦寄"
    r"|(?:^|[\s,，。;；])是)"
    rf"(?!{_HAN}{{0,2}}地址)\s*[::,，]?\s*"
)
_NAME_LABELLED = re.compile(
    rf"(?:收件人|收货人|联系人|姓名|名字|收货姓名)(?:改成|改为|换成|是|叫|[::])*\s*({_HAN}{{2,4}}?)(?=[\s,，。;；、0-9电手]|$)"
)
_NAME_BEFORE_TAKES = re.compile(rf"(?:^|[\s,，;；0-9])({_HAN}{{2,4}})收(?=[\s,，。;；]|$)")
_PHONE_LABEL = re.compile(r"(?:电话|手机号?|联系方式|号码|tel)(?:改成|改为|换成|是|[::])*\s*", re.IGNORECASE)
_DETAIL = re.compile(
    r"路|街|大道|胡同|巷|弄|村|小区|花园|苑|大厦|广场|号|栋|幢|楼|室|单元|公寓|社区|镇|乡|学校|大学|中心|园区|公司|门|座"
)
_NOT_A_NAME = re.compile(
    r"地址|电话|手机|收件|谢谢|麻烦|不变|一样|订单|这个|那个|改|号|路|街|楼|室|区|市|县|栋|单元|吧|呢|了|的"
)


#: Words with which something else than an address goes on: a wish, a question, thanks.
_GOES_ON = re.compile(
    r"请|麻烦|拜托|辛苦|谢谢|谢了|多谢|感谢|顺便|另外|然后|确认|核对|告诉|看看|看下|改一下|改下|帮|"
    r"可以[吗么不嘛]|行[吗么不嘛]|好[吗么嘛]|好不好|对[吗么]|[能会有是要可行需][不没].|就行|就可以|就好|"
    r"运费|时效|快递|物流|订单|发货|什么|怎么|多少|几天|多久|哪[天里儿]|[吗呢吧呀啊哦哈嘛啦](?![\u4e00-\u9fff])"
)
_PLACE = re.compile(r"[省市区县旗镇乡村]|\d|北京|上海|天津|重庆")


def _address_like(place: str) -> str:
    """Return the clauses of `place` that read like an address, up to where something else goes on."""
    kept: list[str] = []
    for clause in re.split(r"[,，。;；!！?？~～\n]+", place):
        end = next((m.start() for m in _GOES_ON.finditer(clause) if _may_end(clause[: m.start()])), None)
        piece = clause[:end].strip(" 、")
        if piece and (_PLACE.search(piece) or _DETAIL.search(piece)):
            kept.append(piece)
        elif piece and kept:
            break
        if end is not None and kept:
            break
    return "".join(kept)


def _may_end(piece: str) -> bool:
    """Whether an address can end here: not before its street is told, as 帮 in 天河区帮源路 would have it."""
    return not piece or bool(re.search(r"\d", piece) or _DETAIL.search(piece))


def address(text: str) -> AddressParts:
    """Return what `text` says about a delivery address; falsy if it says nothing of the kind."""
    text = normalise(text)
    number = phone(text)
    rest = _PHONE.sub(" ", _ORDER_NUMBER.sub(" ", text))
    consignee = None
    match = _NAME_LABELLED.search(rest) or _NAME_BEFORE_TAKES.search(rest)
    if match and not _NOT_A_NAME.search(match[1]):
        consignee = match[1]
        rest = rest.replace(match[0], " ", 1)
    rest = _PHONE_LABEL.sub(" ", rest)
    if number and consignee is None:
        consignee, rest = _loose_name(rest)
    place = _address_like(_LEAD_IN.sub("", rest, count=1))
    province, city, district, street = _place(place)
    return AddressParts(province, city, district, street, consignee, number)


def _loose_name(rest: str) -> tuple[str | None, str]:
    """Find a name that stands alone between separators: 「… 502 张三」, 「张三, …」."""
    pieces = [piece for piece in re.split(r"[\s,，;；、]+", rest) if piece]
    for piece in (*reversed(pieces[-2:]), *pieces[:1]):
        if re.fullmatch(rf"{_HAN}{{2,4}}", piece) and not _NOT_A_NAME.search(piece) and len(pieces) > 1:
            if piece in _MUNICIPALITIES or piece in _PROVINCES or piece in _REGIONS:
                continue
            return piece, " ".join(other for other in pieces if other != piece)
    return None, rest


#: 北京路, 四川北路, 吉林大街 are streets of other cities; 道县 is a place in 湖南.
_ROAD = r"[东西南北中一二三]?(?:大?[路街]|大?道(?!县)|胡同|巷)"


def _begins(rest: str, name: str) -> bool:
    """Whether a place begins with a province or a city, not with a street that is called after it."""
    return re.match(rf"{name}(?!{_ROAD})", rest) is not None


def _place(place: str) -> tuple[str | None, str | None, str | None, str | None]:
    province = city = district = None
    rest = re.sub(r"\s+", "", place)
    for name in _MUNICIPALITIES:
        if _begins(rest, name):
            province = city = f"{name}市"
            rest = re.sub(rf"^{name}市?(?:{name}市?)?", "", rest)
    for name, full in _REGIONS.items():
        if _begins(rest, name):
            province = full
            rest = rest.removeprefix(full).removeprefix(name)
    for name in _PROVINCES:
        if _begins(rest, name):
            province = f"{name}省"
            rest = rest.removeprefix(name).removeprefix("省")
    if city is None:
        match = re.match(rf"{_HAN}{{2,6}}?(?:市|自治州|地区|盟)", rest)
        if match and not _DETAIL.search(match[0]):
            city, rest = match[0], rest[match.end() :]
    match = re.match(rf"{_HAN}{{1,7}}?(?:新区|区|县|旗|市)(?!{_HAN}?门)", rest)
    # 「小区」 and 「园区」 are no districts.
    if match and not re.search(r"(?:小|园|校|社|厂|景|库|片)区$", match[0]) and not _DETAIL.search(match[0]):
        district, rest = match[0], rest[match.end() :]
    street = rest.strip(" ,，。;；!！、") or None
    known_place = bool(city or district)
    if street and not (
        _DETAIL.search(street) and (known_place or re.search(r"\d|[一二三四五六七八九十]", street))
    ):
        street = None
    if street and len(street) < 3:
        street = None
    if not street and not known_place:
        return None, None, None, None
    return province, city, district, street
