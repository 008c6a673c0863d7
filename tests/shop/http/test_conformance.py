"""The check passes on the reference backend, and names the very field of whatever is spoiled."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from aiohttp import web

from actions.shop.conformance.report import Finding, Report
from actions.shop.conformance.run import check
from actions.shop.http_auth import ApiKey, ClientCredentials, NoAuth, OAuth2
from actions.shop.http_operations import OPERATIONS
from bot.app.settings import PROJECT_ROOT
from tests.shop.http.conftest import KEY, Stage
from tests.shop.http.test_failures import SmallServer
from tests.support.shop import NOW

CUSTOMER = "u1008"


async def checked(stage: Stage, *, write: bool = False, **more: object) -> Report:
    return await check(
        stage.url,
        ApiKey(KEY),
        customer_id=CUSTOMER,
        write=write,
        now=NOW,
        **more,  # type: ignore[arg-type]
    )


def general(path: str) -> str:
    return re.sub(r"\[\d+\]", "[]", path)


def places(report: Report) -> set[tuple[str, str]]:
    return {(f.operation, general(f.path)) for f in report.findings}


async def test_the_reference_backend_keeps_the_contract(stage: Stage) -> None:
    report = await checked(stage, write=True)
    assert report.findings == []
    assert report.good
    assert report.not_offered == []
    reads = {name for name, operation in OPERATIONS.items() if operation.repeatable}
    assert reads - set(report.checked) == {"stock_watchers"}
    writes = {"urge", "cancel_order", "request_after_sale", "verify_order", "request_invoice", "choose_slot"}
    assert writes | {"verify_owner"} <= set(report.checked)


async def test_without_being_asked_nothing_is_written(stage: Stage) -> None:
    report = await checked(stage)
    assert report.good
    keyed = {name for name, operation in OPERATIONS.items() if operation.keyed}
    assert not keyed & set(stage.reference.calls)
    assert not {"verify_order", "verify_owner"} & set(stage.reference.calls)


async def test_oauth2_and_a_single_order_do_too(stage: Stage) -> None:
    credentials = ClientCredentials(f"{stage.url}/oauth/token", "zhixin", "client-secret")
    number = (await stage.sql.orders(CUSTOMER))[0].order_number
    report = await check(stage.url, OAuth2(credentials), order_number=number, now=NOW)
    assert report.good
    assert report.skipped["customer"] == "no --customer was given"


#: Rounds of spoiled fields that do not hide each other: (operation, spoil, path, expected, got).
SPOILED = {
    "fields": [
        ("order", "total:number", "total", '"89.00"', "the number"),
        ("order", "placed_at:naive", "placed_at", "offset", "the string"),
        ("order", "items.*.unit_price:number", "items[].unit_price", '"89.00"', "the number"),
        ("order", "address.phone:null", "address.phone", "a string", "null"),
        ("order", "address.city:drop", "address.city", "a string", "missing"),
        ("customer", "name:number", "name", "a string", "a number"),
        ("customer", "registered_at:naive", "registered_at", "offset", "the string"),
        ("history", "orders.*.total:number", "orders[].total", '"89.00"', "the number"),
        ("history", "urges:null", "urges", "a whole number", "null"),
        ("return_terms", "refunds.0.amount:number", "refunds[].amount", '"89.00"', "the number"),
        ("return_terms_of", "items.*.terms.allowed:null", "items[].terms.allowed", "true or false", "null"),
        ("product", "price:number", "price", '"89.00"', "the number"),
        ("product", "rating:number", "rating", '"4.8"', "the number"),
        ("product", "skus.*.stock:null", "skus[].stock", "a whole number", "null"),
        ("product", "listed_on:number", "listed_on", "a day", "the number"),
        ("now", "now:naive", "now", "offset", "the string"),
        ("promotions", "items.*.ends_at:naive", "items[].ends_at", "offset", "the string"),
        ("invoice_terms", "amount:number", "amount", '"89.00"', "the number"),
        ("payment", "due:number", "due", '"89.00"', "the number"),
        ("warranties", "items.*.covered:number", "items[].covered", "true or false", "the number"),
        ("delivery_slots", "allowed:null", "allowed", "true or false", "null"),
    ],
    "whole": [
        ("order", "items:drop", "items", "an array", "missing"),
        ("orders", "items:null", "items", "an array", "null"),
        ("return_terms_of", "items.0.order_number:text", "items", "every order", "none for 1"),
    ],
    "lists": [
        ("order", "total:short", "total", '"89.00"', "the string"),
        ("orders", "items:drop", "items", "an array", "missing"),
    ],
}


@pytest.mark.parametrize("spoiled", SPOILED)
async def test_the_very_field_that_is_wrong_is_named(stage: Stage, spoiled: str) -> None:
    rows = SPOILED[spoiled]
    stage.faults(";".join(f"only={operation},spoil={spoil}" for operation, spoil, *_ in rows))
    number = (await stage.sql.orders(CUSTOMER))[0].order_number
    report = await checked(stage, order_number=number)
    assert not report.good
    for operation, _, path, expected, got in rows:
        found = [f for f in report.findings if (f.operation, general(f.path)) == (operation, path)]
        assert len(found) == 1, (operation, path, report.findings)
        assert expected in found[0].expected
        assert got in found[0].got
    assert {f.operation for f in report.findings} == {operation for operation, *_ in rows}


async def test_all_that_is_wrong_is_named_at_once(stage: Stage) -> None:
    stage.faults("types")
    report = await checked(stage)
    assert {("order", "total"), ("product", "price"), ("order", "items[].unit_price")} <= places(report)
    assert ("order", "address.phone") not in places(report)
    assert len(report.findings) == len({(f.operation, general(f.path), f.expected) for f in report.findings})


@pytest.mark.parametrize(
    ("fault", "operation", "path", "got"),
    [
        ("open", "now", "", "200"),
        ("only=order,status=500", "order", "", "500 fault"),
        ("only=order,html", "order", "", "content of type text/html"),
        ("only=order,garbage", "order", "", "no JSON"),
        ("only=order,half", "order", "", "a broken connection"),
        ("only=order,down", "order", "", "a broken connection"),
        ("only=product,redirect", "product", "", "302"),
        ("only=now,skew=3600", "now", "now", "15:30"),
        ("only=product,status=501", "product", "", "501"),
        ("slow=2,only=product", "product", "", "no answer within"),
    ],
)
async def test_other_trouble_is_named_too(
    stage: Stage, fault: str, operation: str, path: str, got: str
) -> None:
    stage.faults(fault)
    report = await checked(stage, timeout_s=0.5 if "slow" in fault else 30.0)
    found = [f for f in report.findings if (f.operation, f.path) == (operation, path)]
    assert found, report.findings
    assert any(got in finding.got for finding in found)


async def test_what_a_backend_does_without_is_no_fault(stage: Stage) -> None:
    stage.faults("only=payment|coupons,status=501")
    report = await checked(stage)
    assert report.good
    assert report.not_offered == ["coupons", "payment"]


async def test_wrong_credentials_are_said_and_end_the_check(stage: Stage) -> None:
    report = await check(stage.url, ApiKey("wrong"), customer_id=CUSTOMER, now=NOW)
    assert [f.got for f in report.findings] == ["401 unauthorized"]
    nobody = await check("http://127.0.0.1:9", NoAuth(), now=NOW)
    assert not nobody.good
    assert "broken connection" in nobody.findings[0].got


@pytest.mark.parametrize(
    ("spoil", "operation", "path", "expected"),
    [
        ("repeated:drop", "change_address", "repeated", "true for the same key again"),
        ("order.address:null", "change_address", "order.address", "an object"),
        ("order.urged_at:null", "urge", "order.urged_at", "the moment of urging"),
        ("verified:text", "verify_order", "verified", "true or false"),
        ("customer_id:null", "verify_owner", "customer_id", "the id of its owner"),
        ("customer_id:number", "verify_owner", "customer_id", "a string or null"),
    ],
)
async def test_what_is_wrong_with_writes_is_named(
    stage: Stage, spoil: str, operation: str, path: str, expected: str
) -> None:
    stage.faults(f"only={operation},spoil={spoil}")
    report = await checked(stage, write=True)
    found = [f for f in report.findings if (f.operation, f.path) == (operation, path)]
    assert found, report.findings
    assert expected in found[0].expected


async def test_a_backend_without_idempotency_is_found_out(stage: Stage, small_server: SmallServer) -> None:
    """It gives each write a key of its own, so that the shop never sees one twice."""
    import aiohttp

    count = 0

    async def handle(request: web.Request) -> web.StreamResponse:
        nonlocal count
        headers = {k: v for k, v in request.headers.items() if k in ("X-Api-Key", "Content-Type")}
        if "Idempotency-Key" in request.headers:
            count += 1
            headers["Idempotency-Key"] = f"own-{count}"
        async with (
            aiohttp.ClientSession() as session,
            session.request(
                request.method, stage.url + request.raw_path, data=await request.read(), headers=headers
            ) as answer,
        ):
            return web.Response(
                body=await answer.read(), status=answer.status, content_type=answer.content_type
            )

    report = await check(await small_server(handle), ApiKey(KEY), customer_id=CUSTOMER, write=True, now=NOW)
    found = {(f.operation, f.path) for f in report.findings}
    assert ("change_address", "repeated") in found
    assert any("a key that was used for another write" in f.expected for f in report.findings)


def test_a_report_tells_people_and_machines() -> None:
    report = Report("http://shop")
    report.passed("order")
    report.add(Finding("order", "items[2].total", "money", "a number", "GET /v1/orders/1"))
    report.add(Finding("order", "items[3].total", "money", "a number", "GET /v1/orders/1"))
    report.skipped["urge"] = "no order"
    lines = list(report.lines())
    assert lines[0] == "✗ order: items[2].total: expected money, got a number (GET /v1/orders/1)"
    assert lines[1] == "- urge: not wholly checked, no order"
    assert lines[-1] == "1 checks of 1 operations: 1 wrong"
    told = json.loads(json.dumps(report.as_json()))
    assert told["good"] is False
    assert told["findings"][0]["path"] == "items[2].total"
    assert not Report("http://shop").good


@pytest.mark.slow
def test_serve_and_check_work_from_the_command_line(tmp_path: Path) -> None:
    env = {k: v for k, v in os.environ.items() if not k.startswith("ZHIXIN_")}
    env |= {"ZHIXIN_DATA_DIR": str(tmp_path), "PYTHONPATH": str(PROJECT_ROOT)}
    command = [sys.executable, "-m", "bot.app.cli", "shop"]
    server = subprocess.Popen(
        [*command, "serve", "--port", "0"], env=env, cwd=PROJECT_ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        url = server.stdout.readline().split()[-1]
        key = server.stdout.readline().strip().rpartition("=")[2]

        def run(*arguments: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                [*command, "check", url, "--customer", CUSTOMER, *arguments],
                env={**env, "ZHIXIN_SHOP_KEY": key},
                cwd=PROJECT_ROOT,
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )

        good = run("--write")
        assert (good.returncode, "all as the contract says" in good.stdout) == (0, True), good.stdout
        wrong = run("--json", "--key", "another")
        assert wrong.returncode == 1
        assert json.loads(wrong.stdout)["findings"][0]["got"] == "401 unauthorized"
        assert key not in good.stdout + wrong.stdout + good.stderr + wrong.stderr
    finally:
        server.send_signal(signal.SIGTERM)
        assert server.wait(timeout=30) == 0
