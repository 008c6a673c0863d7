"""Checks that write: keys, rules, whose orders. They set one address to what it is, and urge one order."""

from __future__ import annotations

import re
import secrets
from dataclasses import replace
from typing import Any

from actions.shop.conformance.caller import Caller, Said
from actions.shop.conformance.policies import check_policy_writes
from actions.shop.conformance.reads import NO_CUSTOMER, NO_ORDER, NO_PRODUCT, Subjects
from actions.shop.errors import ShopGarbledError
from actions.shop.http_operations import (
    AddressBody,
    AfterSaleBody,
    ClaimBody,
    InvoiceBody,
    NoteBody,
    OwnBody,
    OwnerVerificationBody,
    PreferenceBody,
    RepairBody,
    SlotBody,
    VerificationBody,
    WatchBody,
)
from actions.shop.http_wire import decode
from actions.shop.models import AfterSaleKind, Order, OrderState, PreferenceKind
from actions.shop.service_models import InvoiceKind, InvoiceTitle

_CHANGEABLE = (OrderState.PAID, OrderState.UNPAID)
_HURRIED = (OrderState.PAID, OrderState.SHIPPED, OrderState.EXCEPTION)


async def check_writes(caller: Caller, subjects: Subjects) -> None:
    """Run every check that writes, with the orders that the reads have found."""
    orders = _read(subjects.orders)
    await _check_verification(caller, orders)
    await _check_owner(caller, orders)
    await check_policy_writes(caller)
    if not orders:
        for name in ("urge", "change_address", "cancel_order", "request_after_sale"):
            caller.report.skipped.setdefault(name, "no order is known")
        return
    await _check_refusals(caller, orders)
    await _check_ownership(caller, orders[0])
    await _check_address(caller, orders)
    await _check_urge(caller, orders)


def _read(values: list[Any]) -> list[Order]:
    found: dict[str, Order] = {}
    for value in values:
        try:
            order: Order = decode(Order, value)
        except ShopGarbledError:
            continue  # told by the reads
        found[order.order_number] = order
    return list(found.values())


def _key() -> str:
    return f"zhixin-check:{secrets.token_hex(8)}"


async def _check_verification(caller: Caller, orders: list[Order]) -> None:
    source = secrets.token_hex(8)
    unknown = await caller.good(
        "verify_order", {"order_number": NO_ORDER}, body=VerificationBody("0000", source)
    )
    if unknown is not None and unknown.at("verified") is True:
        caller.wrong(unknown, "verified", "false for an order that does not exist", "true")
    for order in orders[:1]:
        right = order.address.phone[-4:]
        names = {"order_number": order.order_number}
        wrong = f"{(int(right) + 1) % 10_000:04d}" if right.isdigit() else "0000"
        denied = await caller.good("verify_order", names, body=VerificationBody(wrong, source))
        if denied is not None and denied.at("verified") is True:
            caller.wrong(denied, "verified", "false for wrong digits", "true")
        if right.isascii() and right.isdigit():
            said = await caller.good("verify_order", names, body=VerificationBody(right, source))
            if said is not None and said.at("verified") is False:
                caller.wrong(said, "verified", "true for the last four digits of the order's phone", "false")


async def _check_owner(caller: Caller, orders: list[Order]) -> None:
    """See that a whole account takes the number of the account; nothing is bound by asking."""
    source = secrets.token_hex(8)

    async def owner(number: str, phone: str, wanted: str | None, why: str) -> bool:
        body = OwnerVerificationBody(phone, source)
        said = await caller.good("verify_owner", {"order_number": number}, body=body)
        if said is not None and said.at("customer_id") != wanted:
            expected = f"{'null' if wanted is None else 'the id of its owner'} for {why}"
            caller.wrong(said, "customer_id", expected, "another answer")
        return said is not None

    if not await owner(NO_ORDER, "", None, "no number") or not orders:
        return
    order = orders[-1]  # another than the one whose digits were guessed, where there is one: guesses count
    number, customer_id = order.order_number, order.customer_id
    right = (await caller.ask("customer", {"customer_id": customer_id})).at("phone")
    if not isinstance(right, str) or re.fullmatch("1[0-9]{10}", right) is None:
        caller.report.skipped["verify_owner"] = "the customer's whole mobile number is not told"
        return
    await owner(NO_ORDER, right, None, "an order that does not exist")
    await owner(number, right[:-1] + str((int(right[-1]) + 1) % 10), None, "a wrong number")
    await owner(number, right, customer_id, "the number of her account")


async def _check_refusals(caller: Caller, orders: list[Order]) -> None:
    """See that rules are named, by orders that cannot be cancelled."""
    closed = [order for order in orders if order.state not in (*_CHANGEABLE, OrderState.REFUNDING)]
    for order in closed[:3]:
        body = OwnBody(order.customer_id)
        said = await caller.ask("cancel_order", {"order_number": order.order_number}, body=body, key=_key())
        caller.refused(said, (409, 422), f"cancelling an order that is {order.state.value}", "rule")
        _known_rule(caller, said)
    if not closed:
        caller.report.skipped.setdefault("cancel_order", "every order that is known could be cancelled")
    order = orders[0]
    strange = AfterSaleBody(AfterSaleKind.REFUND, "zhixin_no_such_reason", order.customer_id)
    names = {"order_number": order.order_number}
    said = await caller.ask("request_after_sale", names, body=strange, key=_key())
    caller.refused(said, (409, 422), "a reason that is no code", "rule")
    _known_rule(caller, said)


def _known_rule(caller: Caller, said: Said) -> None:
    rule = said.at("error", "rule")
    if said.status not in (409, 422):
        return
    known = caller.rules_of(said.operation)
    if rule not in known:
        got = f'"{rule}"' if isinstance(rule, str) else "no rule"
        caller.wrong(said, "error.rule", "one of " + ", ".join(sorted(known)), got)


async def _check_ownership(caller: Caller, order: Order) -> None:
    names = {"order_number": order.order_number}
    bodies: dict[str, Any] = {
        "cancel_order": OwnBody(NO_CUSTOMER),
        "urge": OwnBody(NO_CUSTOMER),
        "change_address": AddressBody(order.address, NO_CUSTOMER),
        "request_after_sale": AfterSaleBody(AfterSaleKind.REFUND, "late", NO_CUSTOMER),
    }
    for operation, body in bodies.items():
        for who in (names, {"order_number": NO_ORDER}):
            said = await caller.ask(operation, who, body=body, key=_key())
            what = "a write to an order of somebody else" if who is names else "a write to no order"
            caller.refused(said, (404,), what, "not_found")
    await _check_services(caller, order)
    without = await caller.ask("urge", names, body=OwnBody(order.customer_id))
    caller.refused(without, (400,), "a write without Idempotency-Key")


async def _check_services(caller: Caller, order: Order) -> None:
    """See that the services around an order refuse strangers, and what does not exist; nothing is written."""
    names = {"order_number": order.order_number}
    title = InvoiceTitle("zhixin check")
    product_id = order.items[0].product_id if order.items else NO_PRODUCT
    calls: list[tuple[str, dict[str, str], Any]] = [
        ("request_invoice", names, InvoiceBody(InvoiceKind.ELECTRONIC, title, NO_CUSTOMER)),
        ("claim_price_protection", names, OwnBody(NO_CUSTOMER)),
        ("note_order", names, NoteBody("zhixin check", NO_CUSTOMER)),
        ("withdraw_after_sale", {"request_number": "zhixin-no-such-request"}, OwnBody(order.customer_id)),
        ("request_repair", names, RepairBody(product_id, "zhixin check", NO_CUSTOMER)),
        ("choose_slot", names, SlotBody("zhixin-no-such-slot", NO_CUSTOMER)),
        ("claim_coupon", {"promotion_id": "zhixin-no-such-promotion"}, ClaimBody(order.customer_id)),
        ("watch_stock", {"product_id": NO_PRODUCT}, WatchBody(order.customer_id)),
        (
            "note_preference",
            {"product_id": NO_PRODUCT},
            PreferenceBody(order.customer_id, PreferenceKind.DISLIKED),
        ),
    ]
    for operation, where, body in calls:
        said = await caller.ask(operation, where, body=body, key=_key())
        if said.status == 501:
            if operation not in caller.report.not_offered:
                caller.report.not_offered.append(operation)
            continue
        what = "an order of somebody else" if where is names else "an id that does not exist"
        caller.refused(said, (404,), what, "not_found")


async def _check_address(caller: Caller, orders: list[Order]) -> None:
    """Set an order's address to what it is, twice under one key; then something else under the same key."""
    order = next((one for one in orders if one.state in _CHANGEABLE), None)
    if order is None:
        caller.report.skipped["change_address"] = "no order that is not dispatched is known"
        return
    names, key = {"order_number": order.order_number}, _key()
    body = AddressBody(order.address, order.customer_id)
    first = await caller.good("change_address", names, body=body, key=key)
    if first is None:
        return
    _repeated(caller, first, wanted=False)
    again = await caller.good("change_address", names, body=body, key=key)
    if again is not None:
        _repeated(caller, again, wanted=True)
        if again.at("order") != first.at("order"):
            caller.wrong(again, "order", "the same outcome under the same key", "another one")
    other = AddressBody(replace(order.address, street=order.address.street + " 1"), order.customer_id)
    reused = await caller.ask("change_address", names, body=other, key=key)
    caller.refused(reused, (409, 422), "a key that was used for another write", "key_reused")
    after = await caller.ask("order", names)
    if after.at("address", "street") not in (None, order.address.street):
        caller.wrong(after, "address.street", "what it was before the refused write", "what was refused")


async def _check_urge(caller: Caller, orders: list[Order]) -> None:
    order = next((one for one in orders if one.state in _HURRIED), None)
    if order is None:
        caller.report.skipped["urge"] = "no order that can be hurried is known"
        return
    names, key, body = {"order_number": order.order_number}, _key(), OwnBody(order.customer_id)
    first = await caller.ask("urge", names, body=body, key=key)
    if first.status == 409 and first.at("error", "rule") == "urged_recently":
        caller.report.skipped["urge"] = "the order was urged within the last hour"
        return
    first_good = await caller.good("urge", names, body=body, key=key)  # the same key: the outcome again
    if first.status != 200 or first_good is None:
        caller.refused(first, (200,), "urging an order that waits")
        return
    _repeated(caller, first, wanted=False)
    _repeated(caller, first_good, wanted=True)
    if first_good.at("order", "urged_at") != first.at("order", "urged_at"):
        caller.wrong(first_good, "order.urged_at", "what it was the first time", "another moment")
    if first.at("order", "urged_at") is None:
        caller.wrong(first, "order.urged_at", "the moment of urging", "null")


def _repeated(caller: Caller, said: Said, *, wanted: bool) -> None:
    found = said.at("repeated")
    if found is not wanted and (isinstance(found, bool) or (found is None and wanted)):
        word: dict[bool | None, str] = {True: "true", False: "false"}
        why = "the same key again" if wanted else "a new key"
        caller.wrong(said, "repeated", f"{word[wanted]} for {why}", word.get(found, "nothing"))
