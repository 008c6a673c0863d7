"""Return, exchange and refund: requesting, progress, and what the shop's rules allow."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from typing_extensions import override

from actions import parsing
from actions.base import Events, ShopAction, TurnContext, option
from actions.cards import aftersale_card
from actions.escalating import insisted, refuse
from actions.interruptions import PICTURES
from actions.order import describe
from actions.order_choice import (
    MOVING,
    Choice,
    Fits,
    Outcome,
    authority,
    choice_options,
    find_order,
    in_states,
    item_names,
    load_order,
    own_orders,
    remember_offer,
    remember_order,
    say_unfound,
)
from actions.payment import tell_given_back
from actions.policy_aside import tell_aside
from actions.policy_values import review_is_late
from actions.repair_state import tell_repair
from actions.returnable import TWINS, allowed_tiers, refuse_all, terms_of
from actions.shop.errors import NotFoundError, ShopUnavailableError
from actions.shop.models import (
    RETURN_REASONS,
    AfterSale,
    AfterSaleKind,
    AfterSaleState,
    Fault,
    Order,
    OrderState,
    ReturnTerms,
)
from actions.write_form import Draft, WriteForm, confirmation, ended, names

_KIND, _REASON = "aftersale_kind", "aftersale_reason"
_KIND_OF_INTENT = {
    "request_return": AfterSaleKind.RETURN,
    "request_exchange": AfterSaleKind.EXCHANGE,
    "request_refund": AfterSaleKind.REFUND,
}
#: What came wrong: the reason is known, and not asked for again.
_REASON_OF_INTENT = {
    "report_damaged": "damaged",
    "report_missing_item": "missing_parts",
    "report_wrong_item": "wrong_item",
}
_INTENT_OF_KIND = {kind: intent for intent, kind in _KIND_OF_INTENT.items()}
#: Reasons that a photograph can show.
_SHOWN = frozenset({"damaged", "wrong_item", "missing_parts", "quality", "not_as_described"})
_OVER = (OrderState.CANCELLED, OrderState.REFUNDED, OrderState.REFUNDING)


class AfterSaleForm(WriteForm):
    """Which order, what kind, why, summary, confirmation, submitted."""

    form = "aftersale_form"
    intents = (*_KIND_OF_INTENT, "report_problem", *_REASON_OF_INTENT)
    details = (_KIND, _REASON)
    tiers = (in_states(OrderState.DELIVERED), in_states(*MOVING), in_states(OrderState.PAID))
    left = "utter_aftersale_left"
    none_fits = "utter_nothing_to_return"
    taken_back = frozenset({"cancel_refund"})  # 不退了, before anything was submitted

    @override
    def opening_intent(self, turn: TurnContext, draft: Draft) -> str:
        wanted = draft.details.get(_KIND)
        return _INTENT_OF_KIND[AfterSaleKind(wanted)] if wanted else super().opening_intent(turn, draft)

    @override
    async def fitting(self, turn: TurnContext) -> tuple[Fits, ...]:
        wanted = turn.slot(_KIND) or _KIND_OF_INTENT.get(turn.intent)
        return await allowed_tiers(turn, self.tiers, AfterSaleKind(wanted) if wanted else None)

    @override
    async def which(self, turn: TurnContext, choice: Choice, draft: Draft) -> Events:
        if choice.outcome is Outcome.SEVERAL and await refuse_all(turn, choice.candidates):
            return ended(*await insisted(turn))
        return await super().which(turn, choice, draft)

    @override
    async def absorb(self, turn: TurnContext, draft: Draft, requested: str | None) -> bool:
        before = dict(draft.details)
        if turn.intent in _KIND_OF_INTENT:
            draft.details[_KIND] = _KIND_OF_INTENT[turn.intent].value
        tapped = turn.entity("reason")
        known = _REASON_OF_INTENT.get(turn.intent) or parsing.reason(turn.text)
        reason = tapped if tapped in RETURN_REASONS else known
        if reason is None and requested == _REASON and turn.text:
            reason = await self._ordinal(turn, draft)
        if reason is not None:
            draft.details[_REASON] = reason
        return draft.details != before

    async def _ordinal(self, turn: TurnContext, draft: Draft) -> str | None:
        """Return the reason that 第二个 means in the list shown."""
        if draft.order_number is None:
            return None
        reasons = _offered(await terms_of(turn, draft.order_number), draft)
        index = parsing.ordinal(turn.text, len(reasons))
        return reasons[index] if index is not None else None

    @override
    def understands(self, turn: TurnContext, requested: str) -> bool:
        return requested == _REASON and parsing.reason(turn.text) is not None

    @override
    async def check(self, turn: TurnContext, order: Order, draft: Draft) -> bool:
        terms = await terms_of(turn, order.order_number)
        if terms.allowed or _never_received(order, draft):
            known = _REASON_OF_INTENT.get(turn.intent)
            if known in terms.reasons and _KIND not in draft.details:
                await tell_aside(turn, turn.intent, order)
            return True
        _refuse(turn, order, terms.rule, terms.deadline)
        return False

    @override
    def refused(self, turn: TurnContext, order: Order, rule: str) -> None:
        _refuse(turn, order, rule, None)

    @override
    async def ask_detail(self, turn: TurnContext, order: Order, draft: Draft, unclear: bool) -> str | None:
        terms = await terms_of(turn, order.order_number)
        if _never_received(order, draft):
            draft.details[_KIND] = AfterSaleKind.REFUND.value
            return None
        if not self._settle_kind(turn, order, draft, terms):
            return _KIND
        reason = draft.details.get(_REASON)
        if reason in terms.reasons:
            return None
        facts = {"kind": draft.details[_KIND], "items": item_names(order)}
        options = [option("choose_reason", reason=code) for code in _offered(terms, draft)]
        if reason is not None:
            del draft.details[_REASON]
            facts |= {"reason": reason, "rule": terms.rule}
            turn.say("utter_reason_not_accepted", facts, options)
            refuse(turn, "aftersale", order.order_number, reason)
        else:
            turn.say("utter_aftersale_why", facts, options)
        return _REASON

    @staticmethod
    def _settle_kind(turn: TurnContext, order: Order, draft: Draft, terms: ReturnTerms) -> bool:
        """Settle what is asked for within what is offered; False where she was asked."""
        wanted = draft.details.get(_KIND)
        kind = AfterSaleKind(wanted) if wanted else None
        if kind is None and len(terms.kinds) == 1:
            kind = terms.kinds[0]
        if kind is not None and kind not in terms.kinds and TWINS.get(kind) in terms.kinds:
            kind = TWINS[kind]
        if kind in terms.kinds:
            draft.details[_KIND] = kind.value if kind else None
            return True
        options = [
            option("choose_kind", kind=k, intent=_INTENT_OF_KIND[k], order_number=order.order_number)
            for k in terms.kinds
        ]
        facts: dict[str, Any] = {"items": item_names(order)}
        if kind is not None:
            draft.details.pop(_KIND, None)
            turn.say("utter_kind_not_offered", facts | {"kind": kind, "rule": terms.rule}, options)
            refuse(turn, "aftersale", order.order_number, kind.value)
        else:
            turn.say("utter_aftersale_which_kind", facts, options)
        return False

    @override
    async def summarise(self, turn: TurnContext, order: Order, draft: Draft) -> None:
        kind, facts = await self._facts(turn, order, draft)
        if kind is not AfterSaleKind.EXCHANGE and "amount" not in facts:
            raise ShopUnavailableError("the terms do not say what goes back")  # no amount is made up
        turn.say(f"utter_{kind.value}_confirm", facts, confirmation(draft))

    @staticmethod
    async def _facts(turn: TurnContext, order: Order, draft: Draft) -> tuple[AfterSaleKind, dict[str, Any]]:
        terms = await terms_of(turn, order.order_number)
        kind, reason = AfterSaleKind(draft.details[_KIND]), str(draft.details[_REASON])
        fault = RETURN_REASONS[reason]
        facts: dict[str, Any] = names(order) | {
            "reason": reason,
            "review_hours": terms.review_hours,
            "days": terms.refund_days[1],
        }
        amount = terms.refund(kind, fault)
        if amount is not None and kind is not AfterSaleKind.EXCHANGE:
            facts["amount"] = amount
        if reason in _SHOWN and turn.takes_pictures and not turn.slot(PICTURES):
            facts["photo"] = True
        if kind is AfterSaleKind.REFUND:
            facts["refuse"] = order.state in MOVING
        else:
            facts |= {"shop_pays": fault is Fault.SHOP, "check_hours": terms.check_hours}
        return kind, facts

    @override
    async def write(self, turn: TurnContext, order: Order, draft: Draft) -> None:
        number = order.order_number
        kind, facts = await self._facts(turn, order, draft)
        result = await turn.shop.request_after_sale(
            number,
            kind,
            str(draft.details[_REASON]),
            customer_id=authority(turn.identity, number),
            key=str(draft.key),
        )
        request = result.request
        facts |= {"review_by": request.review_by, "request": request.request_number}
        if kind is not AfterSaleKind.EXCHANGE:
            facts["amount"] = request.refund_amount
        turn.say(
            f"utter_{kind.value}_submitted", facts, [option("ask_aftersale_progress", order_number=number)]
        )
        turn.card("aftersale", aftersale_card(request, order))


def _never_received(order: Order, draft: Draft) -> bool:
    """Whether she says that a delivered parcel never reached her: refunded whatever the other terms are."""
    return order.state is OrderState.DELIVERED and draft.details.get(_REASON) == "not_received"


def _offered(terms: ReturnTerms, draft: Draft) -> list[str]:
    """Return the reasons to choose from, the likelier first; never_received needs no list."""
    return [code for code in RETURN_REASONS if code in terms.reasons]


def _refuse(turn: TurnContext, order: Order, rule: str, deadline: datetime | None) -> None:
    """Say why nothing can be asked for, and what can be done instead."""
    number = order.order_number
    facts: dict[str, Any] = names(order)
    if rule == "already_open":
        steps = [option("ask_aftersale_progress", order_number=number)]
        steps += [option("cancel_refund", order_number=number), option("ask_human")]
        turn.say("utter_aftersale_already_open", facts, steps)
    elif rule == "not_paid":
        turn.say("utter_aftersale_unpaid", facts, [option("cancel_order", order_number=number)])
    elif order.state in _OVER:
        steps = [option("ask_aftersale_progress", order_number=number), option("ask_human")]
        turn.say("utter_aftersale_over", facts | {"state": order.state}, steps)
    elif rule == "too_late":
        facts |= {"deadline": deadline} if deadline else {}
        steps = [option("request_repair", order_number=number), option("ask_human")]
        turn.say("utter_aftersale_too_late", facts, steps)
        refuse(turn, "aftersale", number)
    else:
        turn.say("utter_aftersale_refused", facts | {"rule": rule}, [option("ask_human")])
        refuse(turn, "aftersale", number)


class AskAfterSaleProgress(ShopAction):
    """Tells where a request stands and when the next thing happens."""

    @override
    def name(self) -> str:
        return "action_ask_aftersale_progress"

    @override
    async def handle(self, turn: TurnContext) -> Events | None:
        requests = await own_requests(turn)
        orders = {order.order_number: order for order in await own_orders(turn)}
        concerned = {request.order_number for request in requests}
        choice = await find_order(
            turn,
            lambda o: any(r.order_number == o.order_number and is_open(r) for r in requests),
            in_states(OrderState.REFUNDING),
            lambda o: o.order_number in concerned,
        )
        if choice.order is None:
            return say_unfound(turn, choice, "ask_aftersale_progress", "utter_no_aftersale")
        order = choice.order
        request = next((r for r in requests if r.order_number == order.order_number), None)
        if request is None and order.order_number not in orders:
            request = await request_of(turn, order.order_number)
        if request is not None and request.kind is AfterSaleKind.REPAIR:
            await tell_repair(turn, order, request)
        elif request is not None:
            self._tell(turn, order, request, await turn.shop.now())
        elif order.state in _OVER:
            turn.say(*describe(order, await turn.shop.now()))
        elif not await tell_given_back(turn, order):
            steps = [option("request_return", order_number=order.order_number), option("ask_human")]
            turn.say("utter_no_aftersale_for_order", names(order), steps)
        return remember_order(order)

    @staticmethod
    def _tell(turn: TurnContext, order: Order, request: AfterSale, now: datetime) -> None:
        facts: dict[str, Any] = names(order) | {"kind": request.kind, "request": request.request_number}
        if request.kind is not AfterSaleKind.EXCHANGE:
            facts["amount"] = request.refund_amount
        steps = [option("ask_human")]
        if request.state is AfterSaleState.SUBMITTED:
            facts["review_by"] = request.review_by
        elif request.state is AfterSaleState.APPROVED:
            facts["shop_pays"] = request.fault is Fault.SHOP
            facts["return_address"] = request.return_address
        elif request.state is AfterSaleState.REJECTED:
            steps = [option("ask_human"), option("ask_return_policy", order_number=order.order_number)]
        if request.refund_by is not None:
            facts["refund_by"] = request.refund_by
        if request.steps:
            facts["since"] = request.steps[-1].at
        facts = {key: value for key, value in facts.items() if value is not None}
        late = "_late" if review_is_late(request, now) else ""
        turn.say(f"utter_aftersale_{request.state.value}{late}", facts, steps)
        turn.card("aftersale", aftersale_card(request, order))


def is_open(request: AfterSale) -> bool:
    """Whether a request is still under way."""
    return request.state in (AfterSaleState.SUBMITTED, AfterSaleState.APPROVED, AfterSaleState.RECEIVED)


async def own_requests(turn: TurnContext) -> list[AfterSale]:
    """Return the requests that the sender may see, newest first for each order."""
    found: list[AfterSale] = []
    if turn.identity.customer_id is not None:
        found = list(await turn.shop.after_sales(turn.identity.customer_id))
    for number in sorted(turn.identity.orders):
        try:
            request = await request_of(turn, number)
        except NotFoundError:
            continue
        found += [request] if request else []
    return found


async def request_of(turn: TurnContext, number: str) -> AfterSale | None:
    """Return the newest request of one order, or None; NotFoundError where the order is not hers."""
    return await turn.shop.after_sale_of_order(number, customer_id=authority(turn.identity, number))


class AskReturnPolicy(ShopAction):
    """Says what may be sent back, until when, and who pays: for her order, or else in general."""

    @override
    def name(self) -> str:
        return "action_ask_return_policy"

    @override
    async def handle(self, turn: TurnContext) -> Events | None:
        choice = await find_order(turn, *await allowed_tiers(turn, AfterSaleForm.tiers))
        if choice.outcome is Outcome.SEVERAL and await refuse_all(turn, choice.candidates):
            return await insisted(turn)
        if choice.outcome is Outcome.SEVERAL:
            options = choice_options(choice.candidates, "ask_return_policy")
            turn.say("utter_return_policy_which", {"count": len(choice.candidates)}, options)
            return remember_offer(choice.candidates, "ask_return_policy")
        if choice.outcome is Outcome.NOT_HERS:
            return say_unfound(turn, choice, "ask_return_policy", "utter_return_policy_general")
        if choice.order is None:
            steps = [option("verify_me")] if turn.identity.anonymous else [option("list_orders")]
            turn.say("utter_return_policy_general", options=steps)
            return None
        order = await load_order(turn, choice.order.order_number)
        terms = await terms_of(turn, order.order_number)
        if not terms.allowed:
            _refuse(turn, order, terms.rule, terms.deadline)
            return [*remember_order(order), *await insisted(turn)]
        self._tell(turn, order, terms)
        return remember_order(order)

    @staticmethod
    def _tell(turn: TurnContext, order: Order, terms: ReturnTerms) -> None:
        facts: dict[str, Any] = names(order) | {
            "rule": terms.rule,
            "review_hours": terms.review_hours,
            "check_hours": terms.check_hours,
            "days": terms.refund_days[1],
        }
        steps = [option(_INTENT_OF_KIND[kind], order_number=order.order_number) for kind in terms.kinds]
        if terms.deadline is None:
            turn.say("utter_return_policy_before_delivery", facts | {"total": order.total}, steps)
            return
        facts |= {"deadline": terms.deadline, "quality_only": "no_reason" not in terms.reasons}
        turn.say("utter_return_policy", facts, steps)
