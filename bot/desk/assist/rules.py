"""The shop's rules for an order now, and what an agent may do with it; the words are in ``rules.yml``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from actions.shop.errors import RuleError
from actions.shop.models import AfterSaleKind, Order
from actions.shop.rules import cancelled_state, check_address_change, check_urge
from bot.conversation.desk_types import DeskConversation
from bot.desk.assist.case import Case
from bot.desk.assist.facts import facts_of
from bot.desk.assist.labels import data, label, render, request_state, shop_label


@dataclass(frozen=True)
class Rules:
    """What holds for one order now.

    Attributes:
        order_number: which order.
        clause: Chinese name of the return clause that applies; "" where it is not known.
        lines: the rules with their dates and amounts.
        never: what must not be promised.
    """

    order_number: str
    clause: str
    lines: tuple[str, ...]
    never: tuple[str, ...]


@dataclass(frozen=True)
class Act:
    """Something that an agent may do with an order.

    Attributes:
        code: ``cancel_order``, ``change_address``, ``urge`` or ``after_sale``.
        title: its Chinese name.
        allowed: whether the rules allow it now.
        why_not: the Chinese reason where they do not, else "".
        kinds: for ``after_sale``: code and name of the kinds that may be asked for.
        reasons: for ``after_sale``: code and name of the reasons that hold.
    """

    code: str
    title: str
    allowed: bool
    why_not: str = ""
    kinds: tuple[tuple[str, str], ...] = ()
    reasons: tuple[tuple[str, str], ...] = ()


def rules_of(case: Case, conversation: DeskConversation) -> Rules | None:
    """Return the rules for the order at hand; None where there is no such order."""
    order = case.order
    if order is None:
        return None
    values: dict[str, Any] = facts_of(case, conversation)
    request = case.request_of(order)
    if request is not None:
        values["request_state"] = request_state(request)
    texts, terms = data("rules.yml"), case.terms_of(order)
    sources = [*(texts["terms"].get(terms.rule, ()) if terms else ()), *texts["always"]]
    return Rules(
        order_number=order.order_number,
        clause=shop_label("return_rule", terms.rule) if terms else "",
        lines=_known(sources, values),
        never=_known(texts["never"][order.state.value], values),
    )


def _known(sources: list[str], values: dict[str, Any]) -> tuple[str, ...]:
    typed = {**dict.fromkeys(_NAMES), **values}
    return tuple(line for source in sources if (line := render(source, typed)))


#: Every value that a rule may ask for; one that is not known leaves its line out.
_NAMES = (
    "total", "deadline", "promised_by", "expected_by", "request", "request_state", "pay_by",
    "ship_by", "review_hours", "check_hours", "days", "claim_by", "refund_by", "warranty_months",
    "warranty_terms",
)  # fmt: skip


def acts_of(case: Case, order: Order) -> tuple[Act, ...]:
    """Return what an agent may do with `order`, each with the reason where it is not allowed.

    The shop decides again when it is done: this only spares the agent a useless try.
    """
    return (
        _act("cancel_order", lambda: cancelled_state(order)),
        _act("change_address", lambda: check_address_change(order, order.address)),
        _act("urge", lambda: check_urge(order, case.now)),
        _after_sale(case, order),
    )


def _act(code: str, judge: Callable[[], object]) -> Act:
    try:
        judge()
    except RuleError as exc:
        return Act(code, label("act", code), False, shop_label("return_rule", exc.rule))
    return Act(code, label("act", code), True)


def _after_sale(case: Case, order: Order) -> Act:
    title, terms = label("act", "after_sale"), case.terms_of(order)
    if terms is None:
        return Act("after_sale", title, False, label("why_not", "shop_away"))
    if not terms.allowed:
        return Act("after_sale", title, False, shop_label("return_rule", terms.rule))
    return Act(
        "after_sale",
        title,
        True,
        kinds=tuple((k.value, shop_label("aftersale_kind", k)) for k in AfterSaleKind if k in terms.kinds),
        reasons=tuple((r, shop_label("reason", r)) for r in terms.reasons),
    )
