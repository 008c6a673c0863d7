"""A note for those who pack an order: which order, what it says, summary, a plain yes, one write.

An order has one note. What she adds to hers (再备注一下…) is written after it; anything else replaces it, and
the summary says so. Her words go to the shop as they are: they are facts of a response, never its text.
"""

from __future__ import annotations

import re
from typing import Any

from typing_extensions import override

from actions import parsing
from actions.base import Events, TurnContext, option
from actions.escalating import refuse
from actions.interruptions import COURTESIES, LEAVING
from actions.order_choice import MOVING, NOT_SHIPPED, authority, in_states, item_names
from actions.policy import AnswerPolicy
from actions.shop.models import NOTE_LENGTH, Order
from actions.write_form import Draft, Phase, WriteForm, confirmation, ended, names, phase_of

_NOTE = "order_note"

_NUMBER = re.compile(r"(?:订单号?|单号)?\s*(?<!\d)(?:\d[ \-]?){11}\d(?!\d)\s*(?:这个|这|那)?(?:订单|单)?")
#: What leads to a note: 备注一下, 写上, 备注改成.
_LEAD = re.compile(
    r"(?:订单)?(?:备注|備註|附言|留言|写上|写明|写清楚|注明|标注|标明|附上一?句|附一?句)"
    r"(?:信息|内容|栏|里面?|上面?|那?里)?(?:写错了?|填错了?|忘了?写?|没写)?了?[\s,，。]*"
    r"(?:改成|改为|改一下|换成|写成|写上|写一?下|写|填上?|加上|加一?句|注明)?"
    r"(?:一下子?|一?句|一条|下|上|说|是|为|个)?[\s:：,，、。\"“”「」]*"
)
#: What stands before it, and says nothing itself.
_POLITE = re.compile(
    r"^(?:您好|你好|在吗|亲|请问|麻烦|拜托|辛苦|请|帮我|帮忙|给我|我要|我想要?|想要?|能不能|能否|可不可以|可以|能|还要|还想|再|另外|顺便"
    r"|也|把|给|将|订单|这个?单子?|那个?单子?|这单|那单|刚才|刚刚|刚|下单|买的?|拍的?|时候?|的时候|忘了?|忘记|没有?|我|你们?|您|的|了|里|上|在|做|加|写|填|个|一下|下|[\s,，。!！~～、:：])+"
)
#: What stands behind it, and says nothing either.
_TAIL = re.compile(
    r"(?:[\s,，。!！?？~～\"“”「」]|谢谢(?:您|你|啦|了)?|多谢|感谢|麻烦(?:了|您|你们?)|辛苦(?:了|您)?|拜托(?:了|您)?|可以(?:吗|么|嘛|不)|行(?:吗|么|不)|好(?:吗|么|嘛)"
    r"|能行吗|就行|就可以|即可|吗|么|吧|哈|哦|呢|啦)+$"
)
#: 好的，就写…; 把…备注上.
_ANSWER = re.compile(r"^(?:(?:嗯+|好的?|行)[\s,，]+)?(?:(?:那就|就|请|帮我)?写上?(?:一下|下)?[\s:：,，]*)?")
_TAKES = re.compile(r"^(?:麻烦|请|帮我)*[把将]")
#: 在哪里备注, 怎么备注, 备注能写多少字: how it is done, not what is to be noted.
_HOW = re.compile(r"哪里?|怎么|如何|怎样|什么|啥|多少|几个?字|有没有|能不能看|看[得不]?到|会看|有用|入口")
_ADDS = re.compile(r"再|还[要想有]|另外|补充?|追加|也|一起|加上|加一")
_LEAST = 2  # characters that say something: 轻放
#: Other errands, when they come instead of the note's words.
_NO_NOTE = (
    LEAVING
    | COURTESIES
    | {"greet", "ask_help", "ask_robot", "insult", "probe", "complain", "cancel_order", "request_refund"}
    | {"request_return", "track_shipment", "urge_shipment", "list_orders", "ask_order_status", "verify_me"}
    | {
        "bind_account",
        "unbind_account",
        "share_crisis",
        "ask_coupons",
        "ask_points",
        "open_dispute",
        "cancel_refund",
    }
)


class OrderNoteForm(WriteForm):
    """Which order, what is to be noted, summary, confirmation, noted."""

    form = "note_form"
    intents = ("add_order_note",)
    details = (_NOTE,)
    tiers = (in_states(*NOT_SHIPPED), in_states(*MOVING))
    left = "utter_note_left"
    none_fits = "utter_nothing_to_note"
    longest = NOTE_LENGTH * 2

    @override
    async def handle(self, turn: TurnContext) -> Events | None:
        if phase_of(turn, self.form) is Phase.OPENED and asks_how(turn.text):
            answer = AnswerPolicy(self.intents[0])
            return [*(await answer.handle(turn) or ()), *ended()]
        return await super().handle(turn)

    @override
    async def absorb(self, turn: TurnContext, draft: Draft, requested: str | None) -> bool:
        note = note_in(turn.text, asked=requested == _NOTE)
        if note is None or (requested not in (None, _NOTE) and turn.intent not in self.intents):
            return False
        if requested == _NOTE and _is_no(turn, note):
            return False
        if requested is not None and "备注" in turn.text and parsing.gives_up(turn.text):
            return False  # 算了不用备注了
        _without(turn, note)
        draft.details[_NOTE] = {"text": turn.as_typed(note), "adds": _ADDS.search(turn.text) is not None}
        return True

    @override
    def understands(self, turn: TurnContext, requested: str) -> bool:
        return requested == _NOTE and turn.intent not in _NO_NOTE

    @override
    async def answers(self, turn: TurnContext, requested: str | None) -> bool:
        """Words of a note are easily taken for something else: 放门口, 周六送, 发顺丰."""
        if requested == _NOTE and turn.text:
            asks = parsing.is_question(_TAIL.sub("", turn.text))  # 放门口行吗 does not
            return turn.intent not in _NO_NOTE and not asks
        return await super().answers(turn, requested)

    @override
    async def check(self, turn: TurnContext, order: Order, draft: Draft) -> bool:
        if order.state in NOT_SHIPPED:
            return True
        self.refused(turn, order, order.state.value)
        return False

    @override
    def refused(self, turn: TurnContext, order: Order, rule: str) -> None:
        number = order.order_number
        facts: dict[str, Any] = names(order)
        if rule == "note_too_long":
            steps = [option("add_order_note", order_number=number)]
            turn.say("utter_note_too_long", {"most": NOTE_LENGTH}, steps)
        elif order.state in MOVING:
            steps = [option("track_shipment", order_number=number), option("ask_human")]
            turn.say("utter_note_shipped", facts, steps)
            refuse(turn, "note", number)
        else:
            steps = [option("ask_order_status", order_number=number), option("ask_human")]
            turn.say("utter_note_over", facts | {"state": order.state}, steps)

    @override
    async def ask_detail(self, turn: TurnContext, order: Order, draft: Draft, unclear: bool) -> str | None:
        if not draft.details.get(_NOTE):
            turn.say("utter_note_wanted", {"items": item_names(order)}, [option("leave")])
            return _NOTE
        if len(self._whole(turn, order, draft)) > NOTE_LENGTH:
            del draft.details[_NOTE]
            turn.say("utter_note_too_long", {"most": NOTE_LENGTH}, [option("leave")])
            return _NOTE
        return None

    @staticmethod
    def _whole(turn: TurnContext, order: Order, draft: Draft) -> str:
        """Return the note as it will stand; what stands already is told to its owner alone."""
        said = draft.details[_NOTE]
        own = turn.identity.customer_id is not None and turn.identity.customer_id == order.customer_id
        earlier = order.note if own and said["adds"] else None
        return f"{earlier}；{said['text']}" if earlier else str(said["text"])

    @override
    async def summarise(self, turn: TurnContext, order: Order, draft: Draft) -> None:
        note = self._whole(turn, order, draft)
        replaces = order.note is not None and not note.startswith(f"{order.note}；")
        turn.say(
            "utter_note_confirm", names(order) | {"note": note, "replaces": replaces}, confirmation(draft)
        )

    @override
    async def write(self, turn: TurnContext, order: Order, draft: Draft) -> None:
        number, note = order.order_number, self._whole(turn, order, draft)
        owner = authority(turn.identity, number)
        result = await turn.shop.note_order(number, note, customer_id=owner, key=str(draft.key))
        steps = [
            option("ask_order_status", order_number=number),
            option("change_address", order_number=number),
        ]
        turn.say("utter_note_taken", names(result.order) | {"note": note}, steps)


def asks_how(text: str) -> bool:
    """Whether a message asks how notes are made, and gives none: 备注能写多少字."""
    return _HOW.search(text) is not None and parsing.is_question(text) and note_in(text) is None


def note_in(text: str, *, asked: bool = False) -> str | None:
    """Return what a message wants to have noted, None where it does not say.

    Args:
        text: what she typed.
        asked: she was asked for the note's words: all that she says is the note.
    """
    text = _NUMBER.sub(" ", text).strip()
    found = list(_LEAD.finditer(text))
    if not found:
        return _worth(_ANSWER.sub("", text)) if asked else None
    if _HOW.search(text):
        return None
    behind = _worth(text[found[-1].end() :])
    if behind is not None:
        return behind
    # 放门口，帮我备注一下: the words stand before.
    before = re.split(r"[,，。;；\n]", text[: found[0].start()])
    kept = [_TAKES.sub("", clause) for clause in before if _worth(_POLITE.sub("", clause))]
    return _worth("，".join(kept)) if kept else None


def _worth(words: str) -> str | None:
    words = _TAIL.sub("", words.strip(' ,，。:：、"“”「」'))
    bare = _POLITE.sub("", words)
    return words if len(re.sub(r"\W", "", bare)) >= _LEAST else None


def _is_no(turn: TurnContext, note: str) -> bool:
    """Whether an answer to "what shall be noted" says that nothing shall: 不用了."""
    if parsing.is_plain_yes(turn.text) or parsing.gives_up(turn.text):
        return True
    return turn.intent == "deny" and not re.sub(r"不|用|要|了|写|备注|没|有|什么|别|算|吧|\W", "", note)


def _without(turn: TurnContext, note: str) -> None:
    """Let the words of the note name no order: 周六送, 送个杯子."""
    message = dict(turn.message)
    text = str(message.get("text") or "")
    message["text"] = text.replace(note, " ", 1)
    message["entities"] = [
        entity for entity in message.get("entities") or () if str(entity.get("value")) not in note
    ]
    turn.message = message
