"""The brief that an agent reads first: facts of the record and the shop, no guess. Words in ``brief.yml``.

What the bot did, promised and asked is read from what its texts were made of (``told`` in the record, see
``docs/architecture.md``), never from prose. What is not known is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from actions.shop.models import AfterSale, Customer, Order
from bot.conversation.desk_types import DeskConversation, DeskMessage, Escalation, EscalationState
from bot.conversation.types import Author, Kind, Owner
from bot.desk.assist.case import Case, looked_at
from bot.desk.assist.facts import facts_of
from bot.desk.assist.labels import data, label, render, request_state, shop_label
from bot.desk.assist.talk import Asked, answers, is_shopper, quote, wishes, words_of
from persona.privacy.masking import mask_name
from persona.wording.catalogue import Catalogue
from persona.wording.facts import FactError, parse
from persona.wording.filters import deadline, moment

#: Wishes and unanswered messages that are shown: the newest.
MOST_ASKED = 6
MOST_UNANSWERED = 3
MOST_OF_PAGE = 120

_MORE_PICTURES = "utter_picture_more"


@dataclass(frozen=True)
class Who:
    """The shopper: her name masked, and what the shop publishes of her; `lines` are ready to read."""

    name: str | None
    level: str | None
    lines: tuple[str, ...]


@dataclass(frozen=True)
class OrderBrief:
    """The order that is talked of; `dates` are pairs of a Chinese name and a moment as people write it."""

    number: str
    state: str
    state_label: str
    items: tuple[str, ...]
    total: str
    late: bool
    dates: tuple[tuple[str, str], ...]
    request: str | None


@dataclass(frozen=True)
class Deed:
    """Something that the bot did, promised or refused.

    Attributes:
        seq: of the bot's message.
        text: in Chinese.
        due: by when, for a promise.
        overdue: that moment has passed.
    """

    seq: int
    text: str
    due: datetime | None = None
    overdue: bool = False


@dataclass(frozen=True)
class Why:
    """Why the conversation came to a person."""

    reason: str
    label: str
    detail: str | None
    since: datetime


@dataclass(frozen=True)
class Brief:
    """All of it; empty parts are not known or do not apply.

    Attributes:
        care: who needs care, as the shopper mentioned it, in Chinese.
        looking: what she had before her eyes with her last message: goods, her order, else what her page
            calls itself.
        pictures: how many pictures she has sent, in Chinese, with the place of the last one.
        open: what is still open, in Chinese: unanswered words, a question of the bot, requests.
        waits_since: the oldest message that no person (or, with the bot, nobody) has answered.
        waits_minutes: whole minutes since then, or since the escalation while nobody has it.
        complete: False where the shop did not answer everything.
    """

    who: Who
    care: tuple[str, ...]
    looking: str | None
    pictures: Deed | None
    order: OrderBrief | None
    asked: tuple[Asked, ...]
    did: tuple[Deed, ...]
    promised: tuple[Deed, ...]
    refused: tuple[Deed, ...]
    open: tuple[str, ...]
    why: Why | None
    waits_since: datetime | None
    waits_minutes: int | None
    complete: bool

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON; moments in ISO form."""
        plain: dict[str, Any] = _plain(asdict(self))
        return plain


def make_brief(conversation: DeskConversation, case: Case, catalogue: Catalogue, now: datetime) -> Brief:
    """Return the brief.

    Args:
        conversation: what the record knows.
        case: what the shop knows.
        catalogue: the bot's responses, for the types of their facts.
        now: the present.
    """
    told = [(message, *_told(message, catalogue)) for message in conversation.messages]
    spoken = [(message, name, facts) for message, name, facts in told if name]
    escalation = next((e for e in conversation.escalations if e.state is not EscalationState.ENDED), None)
    since = _waits_since(conversation, escalation)
    return Brief(
        care=tuple(label("care", code) for code in conversation.care),
        who=_who(case.customer, conversation, case.orders, case.after_sales),
        looking=_looking(conversation, case),
        pictures=_pictures(conversation),
        order=_order(case, conversation),
        asked=wishes(conversation)[-MOST_ASKED:],
        did=_deeds("did", spoken),
        promised=_promises(spoken, now),
        refused=_deeds("told_no", spoken),
        open=_open(conversation, spoken, now),
        why=_why(escalation),
        waits_since=since,
        waits_minutes=None if since is None else max(0, int((now - since).total_seconds() // 60)),
        complete=case.complete,
    )


Spoken = Sequence[tuple[DeskMessage, str, Mapping[str, Any]]]


def _told(message: DeskMessage, catalogue: Catalogue) -> tuple[str, Mapping[str, Any]]:
    """Return the response of a bot's text and its facts, typed as declared; "" where it is not known."""
    told = message.content.get("told")
    if message.author is not Author.BOT or not answers(message) or not isinstance(told, Mapping):
        return "", {}
    name, given = str(told.get("response") or ""), told.get("facts")
    spec = catalogue.responses.get(name)
    if spec is None or not isinstance(given, Mapping):
        return name, {}
    facts: dict[str, Any] = dict.fromkeys(spec.facts)
    for fact in spec.facts.values():
        try:
            facts[fact.name] = None if given.get(fact.name) is None else parse(fact, given[fact.name])
        except FactError:  # declared otherwise when it was said
            continue
    return name, facts


def _deeds(group: str, spoken: Spoken) -> tuple[Deed, ...]:
    """Return what was done or refused; the same words count once, at their last place."""
    texts = data("brief.yml")[group]
    found: dict[str, Deed] = {}
    for message, name, facts in spoken:
        if name in texts and (text := render(texts[name], facts)):
            found.pop(text, None)
            found[text] = Deed(message.seq, text)
    return tuple(found.values())


def _promises(spoken: Spoken, now: datetime) -> tuple[Deed, ...]:
    """Return what was promised; of several promises about one thing the last one counts."""
    texts = data("brief.yml")["promised"]
    found: dict[str, Deed] = {}
    for message, name, facts in spoken:
        entry = texts.get(name)
        if entry is None:
            continue
        due = facts.get(entry["at"]) if "at" in entry else None
        if "at" in entry and due is None:
            continue
        text = render(entry["text"], {**facts, "at": due})
        if text:
            about = text.replace(moment(due), "").replace(deadline(due), "") if due else text
            found.pop(about, None)
            found[about] = Deed(message.seq, text, due, due is not None and due < now)
    return tuple(found.values())


def _open(conversation: DeskConversation, spoken: Spoken, now: datetime) -> tuple[str, ...]:
    texts, lines = data("brief.yml"), []
    last = max((m.seq for m in conversation.messages if answers(m)), default=0)
    waiting = [m for m in conversation.messages if is_shopper(m) and m.seq > last and words_of(m).strip()]
    if waiting:
        words = "；".join(f"“{quote(words_of(m))}”" for m in waiting[-MOST_UNANSWERED:])
        lines.append(render(texts["unanswered"], {"quote": words}))
    # That a further picture has come, too, answers no question that was asked before.
    asked = [one for one in spoken if one[1] != _MORE_PICTURES]
    if asked and conversation.owner is not Owner.CLOSED:
        message, name, facts = asked[-1]
        agents = any(m.author is Author.AGENT and m.seq > message.seq for m in conversation.messages)
        if name in texts["asks"] and not agents:
            lines.append(render(texts["asks"][name], facts))
    for request in conversation.requests:
        if request.done_at is None:
            overdue = request.answer_by is not None and request.answer_by < now
            values = {"kind": request.kind, "at": request.answer_by, "overdue": overdue}
            lines.append(render(texts["request"], values))
    return tuple(line for line in lines if line)


def _pictures(conversation: DeskConversation) -> Deed | None:
    found = [m.seq for m in conversation.messages if is_shopper(m) and m.kind is Kind.PICTURE]
    if not found:
        return None
    return Deed(found[-1], render(data("brief.yml")["pictures"], {"count": len(found)}) or "")


def _looking(conversation: DeskConversation, case: Case) -> str | None:
    if case.seen is not None:
        return case.seen.name
    page = looked_at(conversation)
    number = page.get("order_id")
    if number is not None and any(order.order_number == number for order in case.orders):
        return render(data("brief.yml")["looking_order"], {"number": number})
    return quote(page["page"], MOST_OF_PAGE) if "page" in page else None


def _why(escalation: Escalation | None) -> Why | None:
    if escalation is None:
        return None
    detail = quote(escalation.detail, 120) if escalation.detail else None
    return Why(escalation.reason.value, label("reason", escalation.reason), detail, escalation.opened_at)


def _waits_since(conversation: DeskConversation, escalation: Escalation | None) -> datetime | None:
    """Return since when somebody waits: the first unanswered words, or the escalation."""
    last = max((m.seq for m in conversation.messages if answers(m)), default=0)
    unanswered = next((m.at for m in conversation.messages if is_shopper(m) and m.seq > last), None)
    if escalation is not None and escalation.first_reply_at is None:
        return min(filter(None, (unanswered, escalation.opened_at)))
    return unanswered


def _who(
    customer: Customer | None,
    conversation: DeskConversation,
    orders: Sequence[Order],
    after_sales: Sequence[AfterSale],
) -> Who:
    texts = data("brief.yml")["who"]
    lines: list[str | None] = []
    if customer is not None:
        lines.append(render(texts["level"], {"level": customer.level.value}))
        lines.append(render(texts["since"], {"at": customer.registered_at}))
    elif conversation.customer_id is None:
        lines.append(texts["anonymous"])
    if conversation.orders:
        lines.append(render(texts["verified"], {"count": len(conversation.orders)}))
    if customer is not None:
        lines.append(render(texts["orders"], {"count": len(orders)}))
        lines.append(render(texts["after_sales"], {"count": len(after_sales)}) if after_sales else None)
    return Who(
        name=mask_name(customer.name) if customer else None,
        level=shop_label("member_level", customer.level) if customer else None,
        lines=tuple(line for line in lines if line),
    )


def _order(case: Case, conversation: DeskConversation) -> OrderBrief | None:
    order = case.order
    if order is None:
        return None
    facts = facts_of(case, conversation)
    known = facts | {
        "placed_at": order.placed_at,
        "paid_at": order.paid_at,
        "cancelled_at": order.cancelled_at,
        "shipped_at": order.shipment.shipped_at if order.shipment else None,
    }
    named: Mapping[str, str] = data("brief.yml")["dates"][order.state.value]
    request = case.request_of(order)
    return OrderBrief(
        number=order.order_number,
        state=order.state.value,
        state_label=shop_label("order_state", order.state),
        items=tuple(item.short_name for item in order.items),
        total=str(order.total),
        late=bool(case.is_late(order)),
        dates=tuple((name, str(deadline(known[fact]))) for name, fact in named.items() if known.get(fact)),
        request=request_state(request) if request else None,
    )


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value.isoformat() if isinstance(value, date) else value
