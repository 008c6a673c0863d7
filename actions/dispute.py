"""Disputes: what she and a seller cannot agree on goes to a person, with the story and its order."""

from __future__ import annotations

import re
from typing import Any

from typing_extensions import override

from actions.aftersale import own_requests
from actions.base import Events, TurnContext, option
from actions.complaint import StoryForm, ended_story, order_of_story
from actions.escalating import level_of
from actions.policy import AnswerPolicy
from actions.policy_topics import topics
from actions.service_time import next_answer

_INTENT = "open_dispute"
_LONGEST = 500

#: Words that ask for a dispute to be opened, and say not about what.
_EMPTY_WORDS = re.compile(
    r"交易|纠纷单?|申请|提交|发起|登记|受理|介入|平台|官方|你们|您们?|仲裁|处理|专员|客服|刚才|刚刚|昨天|前天|之前|入口|操作|失败|为什么|怎么样?|如何"
    r"|没人管|结果|进度|可以|麻烦|谢谢|帮忙|帮|给|请|好|行|嗯|先|就|那个?|单子?|叫|让|填|弄|做|办|不了|一个|一下|一份|个|下|我们?|要|想|在|哪里?"
    r"|还|过|是|干什么|什么|有|查|开|提|走|能不能|能|去|找|把|的|了|吧|啊|吗|呢|呀|这|[^\w]|[a-z]",
    re.IGNORECASE,
)
#: What a dispute is, how long it takes, where it stands: a question, no wish to open one.
_ASKS = re.compile(r"什么[是叫]|什么意思|[干是]什么|多久|几天|多长时间|结果|进度|怎么样了|条件")


class DisputeForm(StoryForm):
    """Takes down what a dispute is about, and hands it to a person."""

    form = "dispute_form"
    intent = _INTENT
    asks = "utter_dispute_ask_story"
    left = "utter_dispute_left"
    empty = _EMPTY_WORDS

    @override
    async def handle(self, turn: TurnContext) -> Events | None:
        if turn.intent == _INTENT and _ASKS.search(turn.text) and _INTENT in topics():
            return [*(await AnswerPolicy(_INTENT).handle(turn) or ()), *ended_story()]
        return await super().handle(turn)

    @override
    async def take_down(self, turn: TurnContext) -> Events:
        when = await next_answer(turn)
        number = await _order_of(turn)
        facts: dict[str, Any] = {"order_number": number} if number else {}
        if when.live:
            turn.say("utter_dispute_transfer", facts)
        else:
            facts |= when.facts() | when.absence()
            turn.say("utter_dispute_recorded", facts, [option("ask_callback")])
        turn.directive(
            "escalate",
            reason="dispute",
            detail=turn.typed[:_LONGEST],
            order_number=number,
            live=when.live,
            level=await level_of(turn),
            answer_by=when.answer_by,
        )
        return []


async def _order_of(turn: TurnContext) -> str | None:
    """Return the order in dispute: named, talked of or her only one, else the only one asked about."""
    number = await order_of_story(turn)
    if number is not None:
        return number
    asked = {request.order_number for request in await own_requests(turn)}
    return next(iter(asked)) if len(asked) == 1 else None
