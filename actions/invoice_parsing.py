"""Reads invoice details from what people type or paste: kind, title, tax number, e-mail. Pure functions.

A tax number is judged by its form alone (15 to 20 capitals and digits): old numbers of 15 digits, those of 18
under the present code and those of foreign units do not share a checksum.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from actions.parsing import is_question, normalise
from actions.shop.service_models import InvoiceKind

_SPECIAL = re.compile(r"专票|增专|专用(?:的)?(?:发票)?|增值税专")
_PAPER = re.compile(r"纸质|纸票|纸的|实体发票")
_ELECTRONIC = re.compile(r"电子|普票|电票|普通(?:的)?发票|增普")
_NOT = re.compile(r"(?:不要|不用|不开|别开|不是|不想要)[^,，。;；]{0,6}$")

_MAIL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._%+\-]{0,63}@[A-Za-z0-9\-]+(?:\.[A-Za-z0-9\-]+)*\.[A-Za-z]{2,10}")
_MAIL_TRY = re.compile(r"\S+@\S*|@")
_TAX_LABEL = r"(?:纳税人识别号|统一社会信用代码|社会信用代码|信用代码|纳税识别号|税务登记号|税号)"
_TAX_LABELLED = re.compile(
    rf"{_TAX_LABEL}\s*(?:是|为|改成|改为|换成|[::])*\s*([A-Za-z0-9][A-Za-z0-9 \-]{{3,40}})"
)
#: The signs of a number, also in groups of four; parts of a mail address or a longer number do not count.
_TAX_BARE = re.compile(
    r"(?<![A-Za-z0-9@._])"
    r"(?:[A-Za-z0-9]{15,20}|(?:[A-Za-z0-9]{4}[ \-]){3,4}[A-Za-z0-9]{1,4})"
    r"(?![A-Za-z0-9@._])"
)
_TAX = re.compile(r"[A-Z0-9]{15,20}")

_PERSON = re.compile(r"个人|我自己|私人|本人")
_UNIT = re.compile(
    r"公司|集团|有限|厂$|店$|商行|经营部|工作室|事务所|中心$|医院|诊所|学校|大学|中学|小学|幼儿园|学院|银行|分行|支行|"
    r"研究[院所]|协会|学会|合作社|委员会|政府|[^认]局$|出版社|酒店|宾馆|餐厅|基金会|企业|机构$|大队|支队|村委会|居委会"
)
_COMPANY_WANTED = re.compile(r"单位|公司|企业|对公")
_BEFORE = (
    r"(?:(?:发票)?(?:的)?抬头(?:名称?)?|公司名称?|单位名称?|(?:购买方)?名称|开票名称)\s*"
    r"(?:要?(?:是|写|填|开|为|用|应该是|应该写|改成|改为|换成)|[::])+(?:的是|成|为|给|[::])?\s*"
)
_LABELLED = re.compile(rf"{_BEFORE}([^,，。;；\n\s]{{1,100}})")
_MADE_OUT = re.compile(r"(?:开给|开到|开成|抬头|改成|改为|换成)\s*([^,，。;；\n\s]{2,100})")
_NAME = re.compile(r"[\u4e00-\u9fff·]{2,5}|[A-Za-z][A-Za-z .'\-]{1,60}")
_TAIL = re.compile(r"(?:吧|谢谢|麻烦了?|哈|哦|呀|就行|就可以|的|发票|抬头)+$")
_LEAD = re.compile(
    r"^(?:那|就|应该是|应该写|应该|改成|改为|换成|我要|我想|要|给我|帮我|麻烦|请|开|写|填|用|公司(?:叫|是)|单位(?:叫|是)|叫|是)+"
)
#: What else people paste with their company's data: no part of a title.
_OTHER_DATA = re.compile(
    r"(?:地址|电话|开户行|开户银行|银行账[号户]|账[号户]|邮箱|email|e-mail|手机|税号)\S*", re.I
)
_NO_TITLE = re.compile(
    r"发票|开票|抬头|专票|普票|电子|纸质|增值税|邮箱|税号|订单|退|快递|客服|人工|知道|清楚|什么|怎么|谢谢|好的|好吧|行吧|确认|可以|"
    r"取消|算了|改|错|没有|不用|不要|不对|单位|随便|都行|在吗|快点|等等|等一下|稍等|你好|您好|人呢|哪个|^第|^.?公司$|^.?企业$|^个人$"
)
_NONE = re.compile(r"没有|没得|无$|不知道|不清楚|不用|不要|不填|不需要|跳过|先不|算了|免了|没邮箱")
_MOST_NAME = 100


@dataclass(frozen=True)
class Title:
    """What a message says of the title; both None and False where it says nothing.

    Attributes:
        name: to whom the invoice is made out. Personal data.
        person: a person's invoice is wanted, under a name or none.
        unit: a unit's invoice is wanted, its name not given.
    """

    name: str | None = None
    person: bool = False
    unit: bool = False

    def __bool__(self) -> bool:
        return self.name is not None or self.person or self.unit


def kind(text: str) -> InvoiceKind | None:
    """Return the kind that `text` asks for; None where it names none. 专票 is said before 电子."""
    text = normalise(text)
    for pattern, found in (
        (_SPECIAL, InvoiceKind.SPECIAL),
        (_PAPER, InvoiceKind.PAPER),
        (_ELECTRONIC, InvoiceKind.ELECTRONIC),
    ):
        match = pattern.search(text)
        if match and not _NOT.search(text[: match.start()]):
            return found
    return None


def email(text: str) -> str | None:
    """Return the first e-mail address, or None."""
    match = _MAIL.search(normalise(text))
    return match[0] if match else None


def tries_email(text: str) -> bool:
    """Whether `text` means to give an address, well formed or not."""
    return _MAIL_TRY.search(normalise(text)) is not None


def tax_number(text: str) -> str | None:
    """Return the tax number in capitals without separators, or None."""
    number, _ = _tax(normalise(text))
    return number if number is not None and _TAX.fullmatch(number) else None


def tries_tax_number(text: str) -> bool:
    """Whether `text` names a tax number, of the right form or not."""
    number, labelled = _tax(normalise(text))
    return labelled or number is not None


def _tax(text: str) -> tuple[str | None, bool]:
    """Return what stands where a tax number should, and whether it was called one."""
    text = _MAIL.sub(" ", text)
    match = _TAX_LABELLED.search(text)
    if match:
        return re.sub(r"[ \-]", "", match[1]).upper(), True
    for bare in _TAX_BARE.finditer(text):
        plain = re.sub(r"[ \-]", "", bare[0]).upper()
        if sum(sign.isdigit() for sign in plain) >= 8:  # else it is a word
            return plain, False
    return None, False


def declines(text: str) -> bool:
    """Whether `text` says that there is none, or that it is not needed."""
    return _NONE.search(normalise(text)) is not None and not is_question(text)


def looks_like_unit(name: str) -> bool:
    """Whether a title names a company, a school, an office: what has a tax number."""
    return _UNIT.search(name) is not None


def title(text: str, *, asked: bool = False) -> Title:
    """Return what `text` says of the title.

    Args:
        text: the message.
        asked: the title was asked for, so that a name alone is one.
    """
    text = normalise(text)
    labelled = _LABELLED.search(text)
    bare = _TAX_BARE.sub(" ", _MAIL.sub(" ", text))
    bare = re.sub(rf"{_TAX_LABEL}\s*[::是为]*\s*[A-Za-z0-9\-]*", " ", bare)
    for candidate in (labelled[1] if labelled else "", *_pieces(bare, asked=asked)):
        name = _cleaned(candidate)
        if name and _PERSON.fullmatch(name):
            return Title(person=True)
        if name and (looks_like_unit(name) or (labelled and candidate == labelled[1])):
            return Title(name=name)
        if asked and name and _NAME.fullmatch(name):
            return Title(name=name)
    if is_question(text):
        return Title()
    if _PERSON.search(text):
        return Title(person=True)
    return Title(unit=asked and _COMPANY_WANTED.search(text) is not None)


def _pieces(text: str, *, asked: bool) -> list[str]:
    """Return the stretches of `text` that may be a title, unless it asks something."""
    if is_question(text):
        return []
    made_out = [match[1] for match in _MADE_OUT.finditer(text)]
    rest = _OTHER_DATA.sub(" ", text)
    whole = [rest.strip()] if asked else []
    return [*made_out, *whole, *(piece for piece in re.split(r"[\s,，。;；、:：\n]+", rest) if piece)]


def _cleaned(candidate: str) -> str | None:
    name = _TAIL.sub("", _LEAD.sub("", candidate.strip(" \"'“”「」")))
    if not 2 <= len(name) <= _MOST_NAME or (_NO_TITLE.search(name) and not _PERSON.fullmatch(name)):
        return None
    return name if _PERSON.fullmatch(name) or _UNIT.search(name) or _NAME.fullmatch(name) else None
