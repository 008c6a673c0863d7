"""Tells a shopper's own words from what is quoted, pasted or sent by a button."""

from __future__ import annotations

import re
from difflib import SequenceMatcher

from persona.temperament.normalise import Normal

#: A stretch of at least so many characters shared with the agent's last message is copied from it.
COPIED_CHARS = 8

#: A line of at least so many characters with product-page features and no speech is pasted.
PASTED_CHARS = 28

_QUOTED = re.compile(
    r"(?:[一-鿿]{0,4}(?:说|写|显示|回复|讲|标|叫)[的了着是我: ]*)?"
    r"[“\"「『《【][^”\"」』》】]{2,120}[”\"」』》】]"
)
#: Lines that shop clients write in the shopper's name.
_CLIENT = re.compile(
    r"(?:咨询|查询)?(?:订单号|订单编号|商品id|商品号|货运单号|运单号) ?[::] ?;? ?[№0a-z]*"
    r"|订单金额 ?[::] ?0?[元]?|下单时间 ?[::] ?(?:[0: ./\-年月日]|nan)*"
    r"|顾客通过点击web咚咚某?(?:信息发送)?[::]?|(?:订单业务|商品信息|返修退换货|配送|售后)咨询(?= |$)"
    r"|京东快递\(移动端\)|请选择咨询订单|我要转人工"
)
_FORWARDED = re.compile(
    r"(?:客服|商家|卖家|店家|快递员?|他们?|她|对方|页面|详情|短信|系统|上面)"
    r"(?:跟我|和我|给我)?(?:说|回复|写|显示|发|讲)(?:的|了|过)?(?:是)? ?[::]"
)
_SPEECH = re.compile(r"[我你您吗呢吧啊呀哦嘛啦么怎谢请]|什么|多少|能不能|可以")
_PRODUCT = re.compile(
    r"[/|×*★●■◆【】+]|0(?:g|kg|ml|l|cm|mm|寸|英寸|w|v|mah|gb|tb|片|只|支|包|袋|盒|瓶|件套|克|毫升|厘米|升)|(?:款|色|装|型|版|系列|套装|材质|规格|适用|品牌|产地|净含量|官方|旗舰|正品|新款)"
)


def foreign_spans(normal: Normal, agent: str | None = None) -> list[tuple[int, int]]:
    """Return the spans of the normal form that are not the shopper's own words.

    Args:
        normal: the message in normal form.
        agent: the agent's last message in normal form, to find what was copied from it.
    """
    text = normal.text
    spans = [m.span() for m in _QUOTED.finditer(text)]
    spans += [m.span() for m in _CLIENT.finditer(text)]
    spans += [(m.end(), len(text)) for m in _FORWARDED.finditer(text)]
    spans += _pasted(text)
    if agent and len(text) >= COPIED_CHARS:
        block = SequenceMatcher(None, text, agent[:200], autojunk=False).find_longest_match(
            0, len(text), 0, min(200, len(agent))
        )
        if block.size >= COPIED_CHARS:
            spans.append((block.a, block.a + block.size))
    return sorted(spans)


def _pasted(text: str) -> list[tuple[int, int]]:
    """Stretches between blanks or sentence ends that read like a product page."""
    spans = []
    for match in re.finditer(rf"[^。!！?？]{{{PASTED_CHARS},}}", text):
        part = match.group()
        features = len(_PRODUCT.findall(part))
        if features >= 4 and features * 14 >= len(part) and len(_SPEECH.findall(part)) <= len(part) // 40:
            spans.append(match.span())
    return spans


def own_text(normal: Normal, foreign: list[tuple[int, int]]) -> str:
    """Return the normal form with foreign spans blanked out, same length."""
    chars = list(normal.text)
    for start, end in foreign:
        chars[start:end] = " " * (end - start)
    return "".join(chars)
