"""Runs the whole check."""

from __future__ import annotations

from datetime import datetime

from actions.shop.conformance.caller import Caller
from actions.shop.conformance.reads import Subjects, check_reads
from actions.shop.conformance.report import Report
from actions.shop.conformance.writes import check_writes
from actions.shop.http_auth import Auth
from actions.shop.http_wire import SHANGHAI


async def check(
    url: str,
    auth: Auth,
    *,
    customer_id: str = "",
    order_number: str = "",
    write: bool = False,
    now: datetime | None = None,
    timeout_s: float = 10.0,
) -> Report:
    """Hold a backend against the contract.

    Args:
        url: its base address.
        auth: credentials that must open it.
        customer_id: a customer to check with; her orders are found by it.
        order_number: an order to check with.
        write: also run the checks that write, see :mod:`actions.shop.conformance.writes`.
        now: the present; this machine's by default.
        timeout_s: longest wait for one answer.
    """
    report = Report(url)
    subjects = Subjects(customer_id, [order_number] if order_number else [])
    async with Caller(url, auth, report, timeout_s) as caller:
        await check_reads(caller, subjects, now or datetime.now(SHANGHAI))
        if write and report.checked:
            await check_writes(caller, subjects)
    return report
