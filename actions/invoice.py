"""Invoices: whether and which, asking for one or changing it, where it is, what a return does to it.

Title, tax number and address are personal data. They live in the form's slots, which the tracker seals with
all else, until the form ends; whoever opened an order by verification alone is never shown those on file.
"""

from __future__ import annotations

from typing import Any

from typing_extensions import override

from actions import invoice_parsing as reading
from actions.base import Events, ShopAction, TurnContext, option
from actions.invoice_facts import (
    is_owner,
    refuse_invoice,
    shown_title,
    tell_current,
    terms_of,
    with_invoice,
)
from actions.labels import label
from actions.order_choice import (
    MOVING,
    Fits,
    Outcome,
    any_order,
    authority,
    choice_options,
    find_order,
    in_states,
    own_orders,
    remember_offer,
    remember_order,
    say_unfound,
)
from actions.shop.models import Order, OrderState
from actions.shop.service_models import Invoice, InvoiceKind, InvoiceState, InvoiceTerms, InvoiceTitle
from actions.write_form import CONFIRM, REQUESTED, Draft, WriteForm, confirmation, names

_KIND, _NAME, _TAX, _EMAIL = "invoice_kind", "invoice_name", "invoice_tax", "invoice_email"
_OPEN = (OrderState.DELIVERED, *MOVING, OrderState.PAID)
_PASTED = 300  # characters: a company's whole data
_SURE = 0.7  # so sure that a message is of another topic, a bare name is not taken for a title
_PERSON, _UNIT = "person", "unit"


class InvoiceForm(WriteForm):
    """Which order, which kind, to whom, the tax number of a unit, summary, confirmation, asked for."""

    form = "invoice_form"
    intents = ("request_invoice", "change_invoice")
    details = (_KIND, _NAME, _TAX, _EMAIL)
    tiers = (in_states(*_OPEN), any_order)
    left = "utter_invoice_left"
    none_fits = "utter_nothing_to_invoice"
    longest = _PASTED

    @override
    async def fitting(self, turn: TurnContext) -> tuple[Fits, ...]:
        if turn.intent != "change_invoice":
            return self.tiers
        return (*await with_invoice(turn), *self.tiers)

    # -- reading ----------------------------------------------------------------------------------

    @override
    async def absorb(self, turn: TurnContext, draft: Draft, requested: str | None) -> bool:
        before = dict(draft.details)
        text = turn.text
        tapped = turn.entity(_KIND)
        kind = InvoiceKind(tapped) if tapped in {k.value for k in InvoiceKind} else reading.kind(text)
        if kind is not None:
            draft.details[_KIND] = kind.value
        self._take_title(turn, draft, requested)
        number, address = reading.tax_number(text), reading.email(text)
        if number is not None:
            draft.details[_TAX] = number
        elif requested == _TAX and (turn.intent == "deny" or reading.declines(text)):
            draft.details[_TAX] = ""
        if address is not None:
            draft.details[_EMAIL] = address
        return draft.details != before

    @staticmethod
    def _take_title(turn: TurnContext, draft: Draft, requested: str | None) -> None:
        title = reading.title(turn.text, asked=requested == _NAME) if turn.text else reading.Title()
        if turn.entity("invoice_title") == _PERSON:
            title = reading.Title(person=True)
        name = turn.as_typed(title.name) if title.name else None
        name = name or (label("invoice_title", _PERSON) if title.person else None)
        if name is not None and name != draft.details.get(_NAME):
            draft.details[_NAME] = name
            draft.details.pop(_TAX, None)  # it was another's

    @override
    def understands(self, turn: TurnContext, requested: str) -> bool:
        text = turn.text
        if reading.kind(text) is not None or reading.tries_tax_number(text) or reading.tries_email(text):
            return True
        title = reading.title(text, asked=requested == _NAME)
        if title.name is None or reading.looks_like_unit(title.name):
            return bool(title)
        sure = (turn.message.get("intent") or {}).get("confidence")
        return sure is not None and float(sure) < _SURE

    @override
    async def answers(self, turn: TurnContext, requested: str | None) -> bool:
        text = turn.text if len(turn.text) <= self.longest else ""
        title = reading.title(text, asked=True) if requested == _NAME else reading.Title()
        if title.person or (title.name is not None and reading.looks_like_unit(title.name)):
            return True  # whatever 换成个人 was taken for
        if requested == CONFIRM and (reading.tries_email(text) or reading.tries_tax_number(text)):
            return True
        found: bool = await super().answers(turn, requested)
        return found

    @override
    async def _reselect(self, turn: TurnContext, draft: Draft, requested: str | None) -> bool:
        named = requested in self.details and reading.title(turn.text).name is not None
        if named or reading.tries_tax_number(turn.text):
            return False  # account and phone numbers stand beside a company's name; none is an order's
        return await super()._reselect(turn, draft, requested)

    # -- asking -----------------------------------------------------------------------------------

    @override
    async def check(self, turn: TurnContext, order: Order, draft: Draft) -> bool:
        terms = await terms_of(turn, order.order_number)
        if not terms.allowed:
            refuse_invoice(turn, order, terms.rule, terms.deadline)
            return False
        fresh = turn.intent == "request_invoice" and not draft.details
        if fresh and terms.rule == "can_change" and turn.slot(REQUESTED) not in self.details:
            tell_current(turn, order, terms)
            return False
        return True

    @override
    def refused(self, turn: TurnContext, order: Order, rule: str) -> None:
        refuse_invoice(turn, order, rule, None)

    @override
    async def ask_detail(self, turn: TurnContext, order: Order, draft: Draft, unclear: bool) -> str | None:
        terms = await terms_of(turn, order.order_number)
        if terms.rule == "can_change" and terms.current is not None:
            if not draft.details:
                return self._ask_change(turn, order, terms.current, unclear=unclear)
            _complete(draft, terms.current, shown=is_owner(turn, order))
        return (
            self._settle_kind(turn, order, draft, terms)
            or self._ask_name(turn, order, draft, unclear=unclear)
            or self._ask_tax(turn, draft)
        )

    @staticmethod
    def _ask_change(turn: TurnContext, order: Order, current: Invoice, *, unclear: bool) -> str:
        if unclear:
            turn.say("utter_invoice_title_unclear")
            return _NAME
        facts = names(order) | {"kind": current.kind} | shown_title(turn, order, current)
        turn.say("utter_invoice_change_wanted", facts)
        return _NAME

    @staticmethod
    def _settle_kind(turn: TurnContext, order: Order, draft: Draft, terms: InvoiceTerms) -> str | None:
        wanted = draft.details.get(_KIND)
        if wanted is None and len(terms.kinds) == 1:
            wanted = draft.details[_KIND] = terms.kinds[0].value
        if wanted in {kind.value for kind in terms.kinds}:
            return None
        draft.details.pop(_KIND, None)
        options = [option("choose_invoice_kind", invoice_kind=kind) for kind in terms.kinds]
        if wanted is not None:
            turn.say("utter_invoice_kind_not_offered", names(order) | {"kind": wanted}, options)
        else:
            turn.say("utter_invoice_which_kind", names(order) | {"amount": terms.amount}, options)
        return _KIND

    @staticmethod
    def _ask_name(turn: TurnContext, order: Order, draft: Draft, *, unclear: bool) -> str | None:
        if draft.details.get(_NAME):
            return None
        special = draft.details[_KIND] == InvoiceKind.SPECIAL.value
        asked_for_unit = turn.entity("invoice_title") == _UNIT or reading.title(turn.text, asked=True).unit
        if special or asked_for_unit:
            turn.say("utter_invoice_unit_wanted", names(order) | {"special": special})
        elif unclear and turn.slot(REQUESTED) == _NAME:
            turn.say("utter_invoice_title_unclear", options=_titles())
        else:
            turn.say("utter_invoice_title_wanted", names(order) | {"kind": draft.details[_KIND]}, _titles())
        return _NAME

    @staticmethod
    def _ask_tax(turn: TurnContext, draft: Draft) -> str | None:
        special = draft.details[_KIND] == InvoiceKind.SPECIAL.value
        given = draft.details.get(_TAX)
        if given or not (special or reading.looks_like_unit(draft.details[_NAME])):
            return None
        if given == "" and not special:
            return None  # schools and offices may have none
        draft.details.pop(_TAX, None)
        malformed = reading.tries_tax_number(turn.text) and reading.tax_number(turn.text) is None
        facts = {"title": draft.details[_NAME], "malformed": malformed, "special": special}
        turn.say("utter_invoice_tax_wanted", facts, [] if special else [option("no_tax_number")])
        return _TAX

    # -- summary and write ------------------------------------------------------------------------

    @override
    async def summarise(self, turn: TurnContext, order: Order, draft: Draft) -> None:
        terms = await terms_of(turn, order.order_number)
        facts = _given(order, draft) | {"amount": terms.amount}
        if draft.details[_KIND] == InvoiceKind.ELECTRONIC.value:
            facts["hours"] = terms.issue_hours
            if not draft.details.get(_EMAIL):
                facts["no_email"] = True
        if reading.tries_email(turn.text) and reading.email(turn.text) is None:
            facts["bad_email"] = True
        if terms.current is not None and terms.current.state is not InvoiceState.REVERSED:
            facts["issued"] = terms.current.state is InvoiceState.ISSUED
            turn.say("utter_invoice_change_confirm", facts, confirmation(draft))
        else:
            turn.say("utter_invoice_confirm", facts, confirmation(draft))

    @override
    async def write(self, turn: TurnContext, order: Order, draft: Draft) -> None:
        number = order.order_number
        details = draft.details
        result = await turn.shop.request_invoice(
            number,
            InvoiceKind(details[_KIND]),
            InvoiceTitle(details[_NAME], details.get(_TAX) or None, details.get(_EMAIL) or None),
            customer_id=authority(turn.identity, number),
            key=str(draft.key),
        )
        invoice = result.invoice
        facts = _given(order, draft) | {"amount": invoice.amount, "issue_by": invoice.issue_by}
        steps = [option("ask_invoice_status", order_number=number), option("list_orders")]
        turn.say("utter_invoice_requested", facts, steps)


def _titles() -> list[dict[str, Any]]:
    return [option("choose_invoice_title", invoice_title=who) for who in (_PERSON, _UNIT)]


def _given(order: Order, draft: Draft) -> dict[str, Any]:
    """Return what she gave herself: shown back to her in full, to be checked."""
    facts = names(order) | {"kind": draft.details[_KIND], "title": draft.details[_NAME]}
    facts |= {"tax": draft.details[_TAX]} if draft.details.get(_TAX) else {}
    return facts | ({"email": draft.details[_EMAIL]} if draft.details.get(_EMAIL) else {})


def _complete(draft: Draft, current: Invoice, *, shown: bool) -> None:
    """Take from the invoice there is what is not to change; its title only for whom it may be shown to."""
    draft.details.setdefault(_KIND, current.kind.value)
    if not shown:
        return
    draft.details.setdefault(_NAME, current.title.name)
    if draft.details[_NAME] == current.title.name and current.title.tax_number:
        draft.details.setdefault(_TAX, current.title.tax_number)
    if current.title.email:
        draft.details.setdefault(_EMAIL, current.title.email)


class AskInvoice(ShopAction):
    """Says whether an invoice can be had for an order, which kinds, until when; in general to strangers."""

    intent = "ask_invoice"

    @override
    def name(self) -> str:
        return f"action_{self.intent}"

    @override
    async def handle(self, turn: TurnContext) -> Events | None:
        choice = await find_order(turn, in_states(*_OPEN), any_order)
        if choice.outcome is Outcome.VERIFY and choice.named is None:
            turn.say("utter_invoice_general", options=[option("verify_me"), option("ask_human")])
            return None
        if choice.outcome is Outcome.SEVERAL:
            options = choice_options(choice.candidates, self.intent)
            turn.say("utter_invoice_which", {"count": len(choice.candidates)}, options)
            return remember_offer(choice.candidates, self.intent)
        if choice.order is None:
            return say_unfound(turn, choice, self.intent, "utter_nothing_to_invoice")
        await self.tell(turn, choice.order)
        return remember_order(choice.order)

    @staticmethod
    async def tell(turn: TurnContext, order: Order) -> None:
        """Answer for one order."""
        terms = await terms_of(turn, order.order_number)
        if terms.current is not None:
            tell_current(turn, order, terms)
        elif not terms.allowed:
            refuse_invoice(turn, order, terms.rule, terms.deadline)
        else:
            facts: dict[str, Any] = names(order) | {
                "kinds": [{"kind": kind} for kind in terms.kinds],
                "amount": terms.amount,
            }
            if InvoiceKind.ELECTRONIC in terms.kinds:
                facts["hours"] = terms.issue_hours
            if terms.deadline is not None:
                facts["deadline"] = terms.deadline
            steps = [option("request_invoice", order_number=order.order_number), option("ask_human")]
            turn.say("utter_invoice_possible", facts, steps)


class AskInvoiceStatus(AskInvoice):
    """Tells where the invoice is, and by when it is issued."""

    intent = "ask_invoice_status"

    @override
    async def handle(self, turn: TurnContext) -> Events | None:
        choice = await find_order(turn, *await with_invoice(turn), in_states(*_OPEN), any_order)
        if choice.order is None:
            return say_unfound(turn, choice, self.intent, "utter_nothing_to_invoice")
        await self.tell(turn, choice.order)
        return remember_order(choice.order)


class AskInvoiceReissue(AskInvoice):
    """Tells what a return or refund does to the invoice: the rule, and how her own stands."""

    intent = "ask_invoice_reissue"

    @override
    async def handle(self, turn: TurnContext) -> Events | None:
        facts: dict[str, Any] = {"whole": True, "part": True}
        orders = await own_orders(turn)
        choice = await find_order(turn, *await with_invoice(turn)) if orders else None
        steps = [option("ask_invoice_status"), option("ask_human")]
        if choice is None or choice.order is None:
            turn.say("utter_invoice_after_return", facts, steps if orders else [option("ask_human")])
            return None
        order = choice.order
        terms = await terms_of(turn, order.order_number)
        if terms.current is None:
            turn.say("utter_invoice_after_return", facts, steps)
            return remember_order(order)
        tell_current(turn, order, terms)
        turn.say("utter_invoice_after_return", facts, [])
        return remember_order(order)
