"""The scripted mix of conversations: what the bench's shoppers type."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle, islice


@dataclass(frozen=True)
class Line:
    """One message; `action` says that answering it takes a custom action (facts from the shop)."""

    text: str
    action: bool


#: Sixteen messages of one visit; rotated, so that conversations differ in their order.
VISIT: tuple[Line, ...] = (
    Line("你好", False),
    Line("我的快递到哪了", True),
    Line("我昨天那单发货了没有", True),
    Line("好的谢谢", False),
    Line("我现在有多少积分", True),
    Line("你是机器人吗", False),
    Line("有没有适合送爸妈的东西推荐一下", True),
    Line("帮我看看退款走到哪一步了", True),
    Line("哈哈今天天气真不错", False),
    Line("这个东西什么时候能送到？我后天就要出差了，最好明天下午之前能收到", True),
    Line("我是什么会员", True),
    Line("快点行不行", True),
    Line("麻烦再查一下物流，好几天没动了", True),
    Line("嗯嗯", False),
    Line("最近有什么新品", True),
    Line("没事了，再见", False),
)


def conversation(number: int, length: int = len(VISIT)) -> Iterator[Line]:
    """Yield the messages of conversation `number`: the visit from another beginning, over and over."""
    start = (number * 5) % len(VISIT)
    return islice(cycle(VISIT[start:] + VISIT[:start]), length)


def action_share() -> float:
    """Return the share of messages that take an action."""
    return sum(line.action for line in VISIT) / len(VISIT)


def mean_length() -> float:
    """Return the mean length of a message in characters."""
    return sum(len(line.text) for line in VISIT) / len(VISIT)
