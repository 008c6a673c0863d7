"""Warranty of what was bought, and repairs: what is covered, asking for one, where it stands."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from typing import Any

from typing_extensions import override

from actions import parsing
from actions.aftersale import is_open, own_requests, request_of
from actions.base import Events, ShopAction, TurnContext, option
from actions.cards import aftersale_card
from actions.escalating import refuse
from actions.order import describe
from actions.order_choice import (
    MOVING,
    Choice,
    Fits,
    Outcome,
    authority,
    find_order,
    in_states,
    own_orders,
    remember_order,
    say_unfound,
)
from actions.product import ProductWarranty
from actions.repair_state import repair_days, tell_repair, warranties_of
from actions.shop.models import AfterSale, AfterSaleKind, Fault, Order, OrderState
from actions.shop.service_models import Warranty
from actions.write_form import READS, Draft, WriteForm, confirmation, names

_PRODUCT, _FAULT = "repair_product", "repair_fault"
#: Of so many of her newest delivered orders it is looked up what can be repaired.
_LOOKED_AT = 10
_LONGEST_FAULT = 200
_CLOSED = frozenset({OrderState.UNPAID, OrderState.CANCELLED, OrderState.REFUNDED, OrderState.REFUNDING})

#: What a wish for a repair consists of when it does not say what is wrong.
_ONLY_THE_WISH = re.compile(
    r"有没有|有木有|报修|送修|返修|维修|保修|质保|联保|修一修|修一下|修修|修理|返厂|上门|师傅|修|申请|登记|办理|安排|进度|服务|售后"
    r"|能不能|可不可以|可以|能|怎么|如何|怎样|多少钱|费用|花钱|出钱|付费|免费|流程|帮我|帮忙|麻烦|给我|给|一下|下个?"
    r"|我要|我想|想要|我|要|想|你们|您好|你好|在吗|请问|请|谢谢|辛苦|这个|那个|这台|那台|这单|那单|订单|的|了|吗|么|呢|吧|呀|啊"
    r"|不|退|换|货|过保|在保|坏|东西|买|走|去|把|就|行|好|还|它|哪|里|寄|回|厂|在|期|内|家|个|新"
)
_SIGNS = re.compile(r"\W|\d|_")
_SAYS_WHAT = 2  # characters left that tell a fault: 没声, 漏水; asked for it, one will do: 不亮
#: Small talk and errands that are never a description of a fault.
_NO_FAULT = READS | {
    *("greet", "ask_help", "ask_robot", "ask_name", "chitchat", "share_joy", "probe", "insult", "verify_me"),
    *(
        "bind_account",
        "unbind_account",
        "ask_service_hours",
        "ask_points",
        "ask_membership",
        "ask_coupons",
        "list_orders",
    ),
    *("ask_recommendation", "ask_new_arrivals", "cancel_order", "request_return", "request_exchange"),
    *("request_refund", "change_address", "choose", "give_order_number", "give_phone_tail", "choose_order"),
}


class AskMyWarranty(ShopAction):
    """Tells the warranty of what she bought: until when, what it covers, and what holds afterwards."""

    @override
    def name(self) -> str:
        return "action_ask_my_warranty"

    @override
    async def handle(self, turn: TurnContext) -> Events | None:
        choice = await find_order(turn, in_states(OrderState.DELIVERED), in_states(OrderState.PAID, *MOVING))
        if choice.outcome is Outcome.NO_SUCH_PRODUCT:  # she has not bought it: what it has, then
            return await ProductWarranty().handle(turn)
        if choice.order is None:
            return say_unfound(turn, choice, "ask_my_warranty", "utter_no_orders")
        order = choice.order
        if order.state in _CLOSED:  # nothing of hers to have a warranty
            turn.say(*describe(order, await turn.shop.now()))
            return remember_order(order)
        lines = meant_lines(turn.text, await warranties_of(turn, order.order_number))
        if len(lines) == 1:
            self._tell(turn, order, lines[0])
        elif lines:
            rows = [
                {
                    "product": line.short_name,
                    "covered": line.covered,
                    "until": line.until,
                    "paid_repair": line.paid_repair,
                }
                for line in lines
            ]
            turn.say("utter_my_warranties", {"count": len(rows), "lines": rows}, _next(order, lines))
        return remember_order(order)

    @staticmethod
    def _tell(turn: TurnContext, order: Order, line: Warranty) -> None:
        facts: dict[str, Any] = {"product": line.short_name, "number": order.order_number}
        terms = {"terms": line.terms.rstrip("。. ")}
        steps = _next(order, [line])
        if line.rule == "not_delivered" and line.months:
            turn.say("utter_my_warranty_waiting", facts | terms | {"months": line.months}, steps)
        elif line.until is None:
            turn.say("utter_my_warranty_none", facts | terms | {"paid_repair": line.paid_repair}, steps)
        elif line.covered:
            facts |= terms | {"until": line.until, "months": line.months} | repair_days([line])
            turn.say("utter_my_warranty_covered", facts, steps)
        else:
            facts |= {"until": line.until, "months": line.months, "paid_repair": line.paid_repair}
            turn.say("utter_my_warranty_expired", facts, steps)


def _next(order: Order, lines: Sequence[Warranty]) -> list[dict[str, Any]]:
    number = order.order_number
    if any(can_be_repaired(line) for line in lines):
        return [option("request_repair", order_number=number), option("ask_human")]
    return [option("ask_return_policy", order_number=number), option("ask_human")]


def can_be_repaired(line: Warranty) -> bool:
    """Whether the shop repairs it, for nothing or for money."""
    return line.covered or line.paid_repair


def meant_lines(text: str, lines: Sequence[Warranty]) -> list[Warranty]:
    """Return the lines whose goods the words name; all of them where they name none."""
    return [lines[i] for i in parsing.match_words(text, [line.short_name for line in lines])] or list(lines)


class RepairForm(WriteForm):
    """Which order and piece, what is wrong with it, summary with cost and time, confirmation, submitted."""

    form = "repair_form"
    intents = ("request_repair",)
    details = (_PRODUCT, _FAULT)
    tiers = (in_states(OrderState.DELIVERED), in_states(*MOVING))
    left = "utter_repair_left"
    none_fits = "utter_nothing_to_repair"
    taken_back = frozenset({"cancel_refund"})  # 不修了, before anything was submitted

    @override
    async def fitting(self, turn: TurnContext) -> tuple[Fits, ...]:
        """Put the orders first in which something can be repaired."""
        at_home = [o for o in await own_orders(turn) if o.state is OrderState.DELIVERED][:_LOOKED_AT]
        found = await asyncio.gather(*(warranties_of(turn, order.order_number) for order in at_home))
        able = {
            order.order_number
            for order, lines in zip(at_home, found, strict=True)
            if any(can_be_repaired(line) for line in lines)
        }
        return (lambda order: order.order_number in able, *self.tiers)

    @override
    async def absorb(self, turn: TurnContext, draft: Draft, requested: str | None) -> bool:
        before = dict(draft.details)
        tapped = turn.entity("product_id")
        if tapped:
            draft.details[_PRODUCT] = tapped
        elif requested == _PRODUCT and turn.text and draft.order_number:
            lines = await self._repairable(turn, draft.order_number)
            index = parsing.ordinal(turn.text, len(lines))
            named = [lines[index]] if index is not None else meant_lines(turn.text, lines)
            if len(named) == 1:
                draft.details[_PRODUCT] = named[0].product_id
        # The name of an order's goods answers the question for the order, and is no fault.
        told = requested in (None, _FAULT) or turn.intent in ("request_repair", "report_problem")
        fault = _fault(turn, asked=requested == _FAULT) if told else None
        if fault is not None:
            draft.details[_FAULT] = turn.as_typed(fault)
        return draft.details != before

    @override
    def understands(self, turn: TurnContext, requested: str) -> bool:
        return requested == _PRODUCT

    @override
    async def answers(self, turn: TurnContext, requested: str | None) -> bool:
        """A fault is told in many words, and is easily taken for a problem or a complaint."""
        if requested == _FAULT and turn.text:
            return _fault(turn, asked=True) is not None
        return await super().answers(turn, requested)

    @staticmethod
    async def _repairable(turn: TurnContext, number: str) -> list[Warranty]:
        return [line for line in await warranties_of(turn, number) if can_be_repaired(line)]

    @override
    async def check(self, turn: TurnContext, order: Order, draft: Draft) -> bool:
        number = order.order_number
        request = await turn.shop.after_sale_of_order(number, customer_id=authority(turn.identity, number))
        if request is not None and is_open(request):
            self.refused(turn, order, "already_open")
            return False
        lines = await warranties_of(turn, number)
        able = [line for line in lines if can_be_repaired(line)]
        chosen = draft.details.get(_PRODUCT)
        if chosen is None and len(able) > 1:
            named = meant_lines(turn.text, able)
            able = named if len(named) == 1 else able
        if chosen is not None:
            able = [line for line in able if line.product_id == chosen]
        if not able:
            waiting = any(line.rule == "not_delivered" for line in lines)
            self.refused(turn, order, "not_delivered" if waiting else "no_repair")
            return False
        if len(able) == 1:
            draft.details[_PRODUCT] = able[0].product_id
        return True

    @override
    def refused(self, turn: TurnContext, order: Order, rule: str) -> None:
        number = order.order_number
        facts: dict[str, Any] = names(order)
        if rule == "already_open":
            steps = [option("ask_aftersale_progress", order_number=number), option("ask_human")]
            turn.say("utter_aftersale_already_open", facts, steps)
        elif rule == "not_delivered":
            steps = [option("ask_order_status", order_number=number), option("ask_human")]
            turn.say("utter_repair_not_delivered", facts, steps)
        else:
            steps = [option("ask_return_policy", order_number=number), option("ask_human")]
            turn.say("utter_repair_not_offered", facts, steps)
            refuse(turn, "repair", number)

    @override
    async def ask_detail(self, turn: TurnContext, order: Order, draft: Draft, unclear: bool) -> str | None:
        lines = await self._repairable(turn, order.order_number)
        chosen = draft.details.get(_PRODUCT)
        if chosen is None:
            options = [
                option(
                    "choose_repair_item",
                    product=line.short_name,
                    product_id=line.product_id,
                    order_number=order.order_number,
                )
                for line in lines
            ]
            turn.say("utter_repair_which_item", {"count": len(lines)}, options)
            return _PRODUCT
        if not draft.details.get(_FAULT):
            line = next(line for line in lines if line.product_id == chosen)
            turn.say("utter_repair_ask_fault", {"product": line.short_name}, [option("leave")])
            return _FAULT
        return None

    @override
    async def summarise(self, turn: TurnContext, order: Order, draft: Draft) -> None:
        line = await self._line(turn, order, draft)
        facts: dict[str, Any] = {"product": line.short_name, "number": order.order_number}
        facts |= {"fault": draft.details[_FAULT], **repair_days([line])}
        facts |= {"until": line.until} if line.until else {}
        response = "utter_repair_confirm_free" if line.covered else "utter_repair_confirm_paid"
        turn.say(response, facts, confirmation(draft))

    async def _line(self, turn: TurnContext, order: Order, draft: Draft) -> Warranty:
        lines = await warranties_of(turn, order.order_number)
        return next(line for line in lines if line.product_id == draft.details[_PRODUCT])

    @override
    async def write(self, turn: TurnContext, order: Order, draft: Draft) -> None:
        number = order.order_number
        line = await self._line(turn, order, draft)
        result = await turn.shop.request_repair(
            number,
            line.product_id,
            str(draft.details[_FAULT]),
            customer_id=authority(turn.identity, number),
            key=str(draft.key),
        )
        request = result.request
        facts: dict[str, Any] = {"product": line.short_name, "number": number, **repair_days([line])}
        facts |= {"review_by": request.review_by, "request": request.request_number}
        facts["free"] = request.fault is Fault.SHOP
        turn.say("utter_repair_submitted", facts, [option("ask_repair_progress", order_number=number)])
        turn.card("aftersale", aftersale_card(request, order))


def _fault(turn: TurnContext, *, asked: bool) -> str | None:
    """Return what the message says is wrong; None where it says nothing of the kind.

    Unasked, only what is left of a wish for a repair counts; asked for, everything but other errands does.
    """
    text = turn.text.strip()
    if not text or parsing.order_numbers(text) == [_SIGNS.sub("", text)] or parsing.is_plain_yes(text):
        return None
    if asked and (turn.intent in _NO_FAULT or parsing.gives_up(text)):
        return None
    rest = text
    for word in turn.entities("product"):
        rest = rest.replace(word, "")
    rest = _SIGNS.sub("", _ONLY_THE_WISH.sub("", rest))
    if turn.intent in ("affirm", "deny") and len(rest) <= _SAYS_WHAT:  # 没有
        return None
    return text[:_LONGEST_FAULT] if len(rest) >= (1 if asked else _SAYS_WHAT) else None


class AskRepairProgress(ShopAction):
    """Tells where a repair stands; without one, how a repair goes and how to ask for it."""

    @override
    def name(self) -> str:
        return "action_ask_repair_progress"

    @override
    async def handle(self, turn: TurnContext) -> Events | None:
        requests = [r for r in await own_requests(turn) if r.kind is AfterSaleKind.REPAIR]
        under_way = {r.order_number for r in requests if is_open(r)}
        known = {r.order_number for r in requests}
        choice = await find_order(
            turn, lambda o: o.order_number in under_way, lambda o: o.order_number in known
        )
        if choice.order is not None:
            request = await self._request(turn, choice.order, requests)
            if request is not None:
                await tell_repair(turn, choice.order, request)
                return remember_order(choice.order)
        return self._without(turn, choice)

    @staticmethod
    async def _request(turn: TurnContext, order: Order, requests: Sequence[AfterSale]) -> AfterSale | None:
        found = next((r for r in requests if r.order_number == order.order_number), None)
        if found is None:
            newest = await request_of(turn, order.order_number)
            found = newest if newest is not None and newest.kind is AfterSaleKind.REPAIR else None
        return found

    @staticmethod
    def _without(turn: TurnContext, choice: Choice) -> Events:
        if choice.outcome in (Outcome.VERIFY, Outcome.NOT_HERS, Outcome.NO_ORDERS, Outcome.SEVERAL):
            return say_unfound(turn, choice, "ask_repair_progress", "utter_no_repair")
        number = choice.order.order_number if choice.order else None
        turn.say("utter_no_repair", options=[option("request_repair", order_number=number)])
        return remember_order(choice.order) if choice.order else []
