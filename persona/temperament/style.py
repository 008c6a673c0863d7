"""Features of a message beyond its words: length, questions, marks, pace."""

from __future__ import annotations

import re
from dataclasses import dataclass

#: Names and order of the features; `Style.vector` follows it.
FEATURES = (
    "short",
    "long",
    "questions",
    "clauses",
    "figures",
    "particles",
    "tildes",
    "shouts",
    "dots",
    "polite",
    "plain_thanks",
    "you_formal",
    "imperative",
    "answers_question",
    "after_refusal",
    "pushes_on",
    "asks_on",
    "burst",
    "bare",
    "reasons",
)

_PARTICLE = re.compile(r"[呀啦哟嘛呗喽咯哒滴捏哈哇噢吖]")
_POLITE = re.compile(r"(?:请|您|麻烦|谢谢|辛苦|劳驾|不好意思)")
_THANKS = re.compile(
    r"^(?:好|好的|嗯|嗯嗯|哦|没有?了?|暂时没有了?|不用了|行|ok|知道了)?[ ，,。]*"
    r"(?:谢谢|多谢|谢了|感谢)?[ ，,。!！~]*$"
)
_QUESTION = re.compile(
    r"[?？]|(?:吗|么|呢|吧)(?=[ ，,。]|$)"
    r"|(?:什么|多少|怎么|哪|几|谁|是否|能不能|可不可以|有没有|是不是|为何|为啥|啥|多久|多长)"
)
_IMPERATIVE = re.compile(
    r"(?:^|[ ，,。])(?:帮我|给我|退|换|取消|改|查|催|发|开|申请|处理|安排|转|联系|补|退款|拦截|别)"
)
#: What softens a message: asking, politeness, particles, plain agreement.
_SOFT = re.compile(r"[?？吗么呢吧谢您请好嗯哦]")
_REASON = re.compile(r"但是?|可是|不过|只是|而且|因为|所以|如果|的话")
_PUSH = re.compile(r"(?:那|可是|但是|可|但|不是|不行|为什么|凭什么|怎么|就|必须|到底|我要|不能|等不)")


@dataclass(frozen=True)
class Style:
    """The features of one message, each in 0..1 (:data:`FEATURES`)."""

    vector: tuple[float, ...]

    def __getitem__(self, name: str) -> float:
        return self.vector[FEATURES.index(name)]


def measure(own: str, kinds: frozenset[str], gap: float | None = None) -> Style:
    """Measure the shopper's own words.

    Args:
        own: normal form with foreign spans blanked out.
        kinds: the kinds of the agent's last message (``refusal``, ``closing``).
        gap: seconds since the shopper's message before, where both times are known.
    """
    body = " ".join(own.split())
    chars = len(body.replace(" ", ""))
    questions = len(_QUESTION.findall(body))
    courtesy = bool(_THANKS.match(body))
    refusal = "refusal" in kinds
    values = {
        "short": float(0 < chars <= 6 and not courtesy),
        "long": min(1.0, max(0.0, (chars - 25) / 50)),
        "questions": min(1.0, questions / 3),
        "clauses": min(1.0, len(re.findall(r"[，,。;；!！?？ ]", body)) / 6),
        "figures": min(1.0, body.count("0") / 3),
        "particles": min(1.0, len(_PARTICLE.findall(body)) / 2),
        "tildes": float("~" in body),
        "shouts": min(1.0, len(re.findall(r"[!！]", body)) / 2),
        "dots": float(".." in body or "…" in body or "。。" in body),
        "polite": min(1.0, len(_POLITE.findall(body)) / 2),
        "plain_thanks": float(courtesy and chars > 0),
        "you_formal": float("您" in body),
        "imperative": float(_IMPERATIVE.search(body) is not None),
        "answers_question": float(0 < chars <= 4 and questions == 0 and not courtesy),
        "after_refusal": float(refusal and questions == 0 and 0 < chars <= 12),
        "pushes_on": float(refusal and chars > 3 and _PUSH.search(body) is not None),
        "asks_on": float(
            questions > 0 and body.startswith(("那", "还有", "另外", "如果", "就是", "意思", "所以", "哦"))
        ),
        "bare": float(0 < chars <= 10 and _SOFT.search(body) is None),
        "reasons": float(_REASON.search(body) is not None),
        "burst": float(gap is not None and 0 <= gap < 4),
    }
    return Style(tuple(values[name] for name in FEATURES))
