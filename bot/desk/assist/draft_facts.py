"""Finds what a draft promises against the facts of the order and the shop's rules."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from actions.shop.errors import RuleError
from actions.shop.models import AfterSaleKind, AfterSaleState, Fault, Order, OrderState
from actions.shop.rules import cancelled_state, check_address_change
from bot.desk.assist.case import MOVING, Case
from bot.desk.assist.labels import shop_label
from bot.desk.assist.moments import Named, named_moments
from persona.wording.filters import deadline as as_deadline
from persona.wording.filters import moment as as_moment

#: code, start, end, values of its message.
Found = tuple[str, int, int, dict[str, str]]

_CLAUSE = re.compile(r"[^，。；！？\n]+")
#: The clause tells what was promised once, or says no.
_PAST = re.compile(
    r"原定|原来|本来|承诺|说好|已经?(?:发|到|签)|晚于|没有?|不(?:能|会|是|支持|可以)|无法|如果|要是"
)
_ARRIVES = re.compile(r"送到|送达|到货|能到|会到|前到|就到|到您|派送|签收")
_SHIPS = re.compile(r"发货|发出|寄出|出库|前发|能发|会发")
_APPLIES = re.compile(r"申请|退货|退换|换货|退款")
_UNTIL = re.compile(r"之?前|截止|为止|以内")
_MONEY = re.compile(r"到账|退到|退回|退款|退给")
_AT_ONCE = re.compile(
    r"马上|立刻|立即|当场|当天|今天|今晚|\d+\s*(?:分钟|个?小时)(?:内|之内|以内)?(?!.*审核)|秒到|秒退"
)
_REVIEW = re.compile(r"审核|答复|回复|提交|登记|申请|验收|办理|操作|处理")
_MAY = r"(?<![不没])(?:可以|能够|能(?!不)|同意|给您|帮您|替您)(?!不)[^，。；！？不没]{0,6}"
_RETURN = re.compile(_MAY + r"(?:退货|退换|退掉|退款|退钱|退(?=[了的吗。，！]|$))")
_EXCHANGE = re.compile(_MAY + r"(?:换货|换新|换一[件个双台]|调换|退换)")
_CANCEL = re.compile(_MAY + r"取消")
_ADDRESS = re.compile(
    _MAY
    + r"(?:改地址|修改地址|换地址|改收货)|地址[^，。；！？不没]{0,4}(?:可以|能)(?!不)[^，。；！？不没]{0,4}改"
)
_FREIGHT = re.compile(
    r"运费[^，。；！？您]{0,4}(?:我们|由我们|我来|算我们)[^，。；！？]{0,4}|(?:包|免)(?:退货|寄回)?运费"
)
_CAUSE = re.compile(r"质量|破损|发错|少件|描述不符|瑕疵|问题")


def against_facts(text: str, case: Case) -> Iterator[Found]:
    """Yield promises that contradict the order at hand; nothing where there is none."""
    order = case.order
    if order is None:
        return
    for clause in _CLAUSE.finditer(text):
        yield from _dates(clause, order, case)
        yield from _money(clause, case)
    yield from _rules(text, order, case)


def _dates(clause: re.Match[str], order: Order, case: Case) -> Iterator[Found]:
    words, shipment, terms = clause.group(), order.shipment, case.terms_of(order)
    if _PAST.search(words):
        return
    last = terms.deadline if terms and terms.allowed else None
    applies = bool(_APPLIES.search(words) and _UNTIL.search(words))
    for named in named_moments(words, case.now):
        gone = named.day < case.now.date()  # then it is told, not promised
        if order.state in MOVING and shipment and _ARRIVES.search(words):
            if named.before(shipment.expected_by) and not gone:
                yield _found("arrives_early", clause, named, expected_by=as_moment(shipment.expected_by))
        elif order.state is OrderState.PAID and order.ship_by and _SHIPS.search(words):
            if named.day < order.ship_by.date() and not gone:
                yield _found("ships_early", clause, named, ship_by=as_moment(order.ship_by))
        elif last and applies and named.day > last.date():
            yield _found("deadline_late", clause, named, deadline=as_deadline(last))


def _found(code: str, clause: re.Match[str], named: Named, **values: str) -> Found:
    word = clause.group()[named.start : named.end]
    return code, clause.start() + named.start, clause.start() + named.end, {"word": word, **values}


def _money(clause: re.Match[str], case: Case) -> Iterator[Found]:
    words, terms = clause.group(), case.terms_of(case.order)
    at_once = _AT_ONCE.search(words)
    if terms is None or at_once is None or not _MONEY.search(words):
        return
    if _PAST.search(words) or ("到账" not in words and _REVIEW.search(words)):
        return  # 我现在马上提交退款: the request, not the money
    start = clause.start()
    values = {"word": at_once.group(), "days": str(terms.refund_days[1])}
    yield "money_fast", start + at_once.start(), start + at_once.end(), values


def _rules(text: str, order: Order, case: Case) -> Iterator[Found]:
    terms = case.terms_of(order)
    if terms is not None and order.state is OrderState.DELIVERED:
        rule = shop_label("return_rule", terms.rule)
        if not terms.allowed:
            yield from _match("not_returnable", _RETURN, text, rule=rule)
        if AfterSaleKind.EXCHANGE not in terms.kinds:
            yield from _match("not_exchangeable", _EXCHANGE, text, rule=rule)
        if "no_reason" in terms.reasons and not _CAUSE.search(text) and not _shop_at_fault(case, order):
            yield from _match("shop_pays_all", _FREIGHT, text)
    for code, pattern, judge in (
        ("not_cancellable", _CANCEL, lambda: cancelled_state(order)),
        ("not_addressable", _ADDRESS, lambda: check_address_change(order, order.address)),
    ):
        if refused := _refusal(judge):
            yield from _match(code, pattern, text, rule=shop_label("return_rule", refused))


def _refusal(judge: Callable[[], object]) -> str | None:
    try:
        judge()
    except RuleError as exc:
        return exc.rule
    return None


def _match(code: str, pattern: re.Pattern[str], text: str, **values: str) -> Iterator[Found]:
    match = pattern.search(text)
    if match is not None:
        yield code, match.start(), match.end(), {"word": match.group(), **values}


def _shop_at_fault(case: Case, order: Order) -> bool:
    request = case.request_of(order)
    return (
        request is not None and request.fault is Fault.SHOP and request.state is not AfterSaleState.REJECTED
    )
