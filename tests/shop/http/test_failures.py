"""Each way a backend can fail is one named error, and no write is done twice."""

from __future__ import annotations

import asyncio
import gc
import logging
import socket
import warnings
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web

from actions.shop.errors import (
    NotFoundError,
    NotOfferedError,
    RuleError,
    ShopCircuitOpenError,
    ShopError,
    ShopGarbledError,
    ShopRefusedError,
    ShopTimeoutError,
    ShopUnavailableError,
)
from actions.shop.http_answers import retry_after
from actions.shop.http_breaker import Breaker, BreakerState
from actions.shop.http_transport import HttpOptions
from actions.shop.models import Order, OrderState
from persona.telemetry import tracing
from tests.shop.helpers import order_in
from tests.shop.http.conftest import KEY, Seconds, Stage

Answering = Callable[[web.Request], Awaitable[web.StreamResponse]]
SmallServer = Callable[[Answering], Awaitable[str]]


async def paid(stage: Stage) -> Order:
    return await order_in(stage.sql, OrderState.PAID)


@pytest.mark.parametrize(
    ("fault", "kind", "attempts"),
    [
        ("status=500", ShopUnavailableError, 3),
        ("status=502", ShopUnavailableError, 3),
        ("status=503", ShopUnavailableError, 3),
        ("status=429", ShopUnavailableError, 3),
        ("status=400", ShopUnavailableError, 1),
        ("status=418", ShopUnavailableError, 1),
        ("status=403", ShopRefusedError, 1),
        ("deny", ShopRefusedError, 1),
        ("status=501", NotOfferedError, 1),
        ("status=404", ShopGarbledError, 1),
        ("status=409", ShopGarbledError, 1),
        ("status=204", ShopGarbledError, 1),
        ("down", ShopUnavailableError, 3),
        ("half", ShopUnavailableError, 3),
        ("garbage", ShopGarbledError, 1),
        ("html", ShopGarbledError, 1),
        ("huge", ShopGarbledError, 1),
        ("redirect", ShopGarbledError, 1),
        ("types", ShopGarbledError, 1),
    ],
)
async def test_a_read_that_fails(stage: Stage, fault: str, kind: type[ShopError], attempts: int) -> None:
    number = (await paid(stage)).order_number
    stage.faults(f"{fault},only=order")
    with pytest.raises(kind) as caught:
        await stage.shop.order(number, customer_id=None)
    assert type(caught.value) is kind
    assert len(stage.seconds.slept) == attempts - 1
    assert number not in str(caught.value)
    assert KEY not in repr(caught.value)
    stage.faults("")
    assert (await stage.shop.order(number, customer_id=None)).order_number == number


async def test_a_slow_read_is_a_timeout_and_a_slow_write_too(stage: Stage) -> None:
    order = await paid(stage)
    shop = stage.make(options=HttpOptions(call_timeout_s=0.05, budget_s=0.4, attempts=2, pause_s=0.01))
    stage.faults("slow=5")
    with pytest.raises(ShopTimeoutError):
        await shop.order(order.order_number, customer_id=None)
    with pytest.raises(ShopTimeoutError):
        await shop.cancel_order(order.order_number, customer_id=None, key="k")
    assert len(stage.seconds.slept) == 1  # the read alone was tried again


@pytest.mark.parametrize(
    ("spoil", "path"),
    [
        ("total:number", "total"),
        ("items.0.quantity:text", "items[0].quantity"),
        ("placed_at:naive", "placed_at"),
        ("state:unknown", "state"),
        ("address.phone:null", "address.phone"),
        ("address:list", "address"),
        ("payment_method:drop", "payment_method"),
        ("express:number", "express"),
    ],
)
async def test_an_answer_of_wrong_types_names_the_field_and_no_value(
    stage: Stage, spoil: str, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    order = await paid(stage)
    stage.faults(f"spoil={spoil},only=order")
    with pytest.raises(ShopGarbledError) as caught:
        await stage.shop.order(order.order_number, customer_id=None)
    assert caught.value.path == path
    assert stage.shop.transport.breaker.state is BreakerState.CLOSED
    for personal in (order.address.phone, order.address.consignee, order.address.street):
        assert personal not in str(caught.value) + caplog.text


async def test_unknown_fields_are_ignored_and_missing_optional_ones_are_none(stage: Stage) -> None:
    order = await order_in(stage.sql, OrderState.PAID)
    stage.faults("spoil=urged_at:drop,spoil=express_fee:number,only=order")
    assert (await stage.shop.order(order.order_number, customer_id=None)).urged_at is None


@pytest.mark.parametrize(
    "spoil", ["customer_id:text", "order_number:text"]
)  # a backend that does not look whose it is
async def test_an_answer_about_another_one_never_passes(stage: Stage, spoil: str) -> None:
    order = (await stage.sql.orders("u1001"))[0]
    stage.faults(f"spoil={spoil}")
    with pytest.raises(ShopGarbledError) as caught:
        await stage.shop.order(order.order_number, customer_id="u1001")
    assert caught.value.path == spoil.partition(":")[0]
    stage.faults("spoil=items.0.customer_id:text")
    with pytest.raises(ShopGarbledError):
        await stage.shop.orders("u1001")


async def test_retry_after_is_honoured_within_the_budget(stage: Stage) -> None:
    number = (await paid(stage)).order_number
    stage.faults("status=503,retry_after=2,times=1")
    await stage.shop.order(number, customer_id=None)
    assert stage.seconds.slept == [2.0]
    stage.faults("status=503,retry_after=60,times=1")
    with pytest.raises(ShopUnavailableError):
        await stage.shop.order(number, customer_id=None)
    assert stage.seconds.slept == [2.0]  # a wait beyond the budget is not begun


def test_retry_after_as_a_date_counts_from_the_answers_own_date() -> None:
    date = "Fri, 20 Nov 2026 06:30:00 GMT"
    later = "Fri, 20 Nov 2026 06:30:07 GMT"
    assert retry_after({"Retry-After": later, "Date": date}) == 7.0
    assert retry_after({"Retry-After": date, "Date": later}) == 0.0
    for nothing in ({}, {"Retry-After": "soon"}, {"Retry-After": later}, {"Retry-After": "-3"}):
        assert retry_after(nothing) is None


async def test_pauses_grow_with_jitter_and_the_budget_ends_them(stage: Stage) -> None:
    number = (await paid(stage)).order_number
    stage.faults("status=503,retry_after=0")
    shop = stage.make(options=HttpOptions(budget_s=5.0, attempts=9, pause_s=0.2))
    shop.transport.breaker._threshold = 100
    with pytest.raises(ShopUnavailableError):
        await shop.order(number, customer_id=None)
    assert stage.seconds.slept == pytest.approx([0.2, 0.4, 0.8, 1.6])  # 3.2 more would not fit
    assert sum(stage.seconds.slept) < 5.0


@pytest.mark.parametrize("fault", ["lost", "half", "down"])
async def test_a_write_whose_connection_failed_is_sent_again_once_and_done_once(
    stage: Stage, fault: str
) -> None:
    order = await order_in(stage.sql, OrderState.SHIPPED)
    before = (await stage.sql.history(order.customer_id)).urges
    stage.faults(f"{fault},only=urge,times=1")
    result = await stage.shop.urge(order.order_number, customer_id=None, key="k")
    assert result.repeated is (fault != "down")
    assert (await stage.sql.history(order.customer_id)).urges == before + 1
    assert len(stage.seconds.slept) == 1


@pytest.mark.parametrize(
    ("fault", "done"),
    [
        ("lost", True),
        ("half", True),
        ("status=500,done", True),
        ("status=502", False),
        ("down", False),
        ("garbage,done", True),
        ("html,done", True),
        ("types", True),
        ("spoil=order.state:unknown", True),
        ("spoil=order.order_number:text", True),
    ],
)
async def test_a_write_that_may_have_happened_says_so(stage: Stage, fault: str, done: bool) -> None:
    order = await order_in(stage.sql, OrderState.SHIPPED)
    before = (await stage.sql.history(order.customer_id)).urges
    stage.faults(f"{fault},only=urge")
    with pytest.raises(ShopTimeoutError):
        await stage.shop.urge(order.order_number, customer_id=None, key="k")
    assert (await stage.sql.history(order.customer_id)).urges == before + done
    stage.faults("")
    again = await stage.shop.urge(order.order_number, customer_id=None, key="k")
    assert again.repeated is done
    assert (await stage.sql.history(order.customer_id)).urges == before + 1


@pytest.mark.parametrize("fault", ["status=503", "status=429", "deny", "status=400"])
async def test_a_write_that_was_surely_not_done_is_not_sent_again(stage: Stage, fault: str) -> None:
    order = await order_in(stage.sql, OrderState.SHIPPED)
    stage.faults(f"{fault},only=urge")
    with pytest.raises(ShopUnavailableError) as caught:
        await stage.shop.urge(order.order_number, customer_id=None, key="k")
    assert not isinstance(caught.value, ShopTimeoutError)
    assert stage.seconds.slept == []
    assert stage.reference.calls["urge"] == 0


async def test_a_proxy_that_repeats_a_write_does_it_once(stage: Stage) -> None:
    order = await order_in(stage.sql, OrderState.SHIPPED)
    before = (await stage.sql.history(order.customer_id)).urges
    stage.faults("duplicate")
    result = await stage.shop.urge(order.order_number, customer_id=None, key="k")
    assert result.repeated
    assert stage.reference.calls["urge"] == 2
    assert (await stage.sql.history(order.customer_id)).urges == before + 1


async def test_verifying_is_never_repeated(stage: Stage) -> None:
    order = await order_in(stage.sql, OrderState.SHIPPED)
    stage.faults("lost,only=verify_order")
    with pytest.raises(ShopUnavailableError):
        await stage.shop.verify_order(order.order_number, "0000", source="n")
    assert stage.reference.calls["verify_order"] == 1
    stage.faults("lost,only=verify_owner")
    with pytest.raises(ShopUnavailableError):
        await stage.shop.verify_owner(order.order_number, "13800001234", source="n")
    assert stage.reference.calls["verify_owner"] == 1


async def test_an_owner_that_is_no_identifier_is_not_believed(stage: Stage) -> None:
    order = await order_in(stage.sql, OrderState.SHIPPED)
    phone = (await stage.sql.customer(order.customer_id)).phone
    stage.faults("only=verify_owner,spoil=customer_id:number")
    with pytest.raises(ShopGarbledError):
        await stage.shop.verify_owner(order.order_number, phone, source="n")


async def test_a_backend_without_owner_verification_says_so(stage: Stage) -> None:
    stage.faults("only=verify_owner,status=501")
    with pytest.raises(NotOfferedError):
        await stage.shop.verify_owner("", "", source="n")


async def test_the_breaker_opens_tries_and_closes(stage: Stage) -> None:
    number = (await paid(stage)).order_number
    breaker = stage.shop.transport.breaker
    stage.faults("status=503")
    for _ in range(2):
        with pytest.raises(ShopUnavailableError):
            await stage.shop.order(number, customer_id=None)
    assert breaker.state is BreakerState.OPEN
    asked = len(stage.seconds.slept)
    with pytest.raises(ShopCircuitOpenError):
        await stage.shop.order(number, customer_id=None)
    assert len(stage.seconds.slept) == asked  # nothing was waited for, nothing sent
    stage.seconds.now += 5
    assert breaker.state is BreakerState.HALF_OPEN
    with pytest.raises(ShopUnavailableError):
        await stage.shop.order(number, customer_id=None)  # one attempt, and it rests twice as long
    assert len(stage.seconds.slept) == asked
    stage.seconds.now += 9
    assert breaker.state is BreakerState.OPEN
    stage.seconds.now += 1
    stage.faults("")
    await stage.shop.order(number, customer_id=None)
    assert breaker.state is BreakerState.CLOSED


def fail_for_a_second(stage: Stage) -> None:
    """Let the breaker see a shop that is away, until it opens."""
    for _ in range(5):
        assert stage.shop.transport.breaker.state is BreakerState.CLOSED
        stage.shop.transport.breaker.failed()
        stage.seconds.now += 0.2
    assert stage.shop.transport.breaker.state is BreakerState.OPEN


def test_a_moment_in_which_many_calls_fail_together_opens_nothing() -> None:
    seconds = Seconds()
    breaker = Breaker("test", clock=seconds)
    for moment in range(2):  # between the two it answers: each row begins anew
        for _ in range(50):
            breaker.failed()
        assert breaker.state is BreakerState.CLOSED, moment
        breaker.succeeded()
        seconds.now += 0.5
    for _ in range(4):
        breaker.failed()
    seconds.now += 0.5
    breaker.failed()
    assert breaker.state is BreakerState.OPEN


async def test_only_one_call_tries_while_the_breaker_is_half_open(stage: Stage) -> None:
    number = (await paid(stage)).order_number
    fail_for_a_second(stage)
    stage.seconds.now += 5
    results = await asyncio.gather(
        *(stage.shop.order(number, customer_id=None) for _ in range(4)), return_exceptions=True
    )
    assert sum(isinstance(result, Order) for result in results) == 1
    assert sum(isinstance(result, ShopCircuitOpenError) for result in results) == 3


async def test_a_call_that_was_given_up_lets_the_next_one_try(stage: Stage) -> None:
    number = (await paid(stage)).order_number
    breaker = stage.shop.transport.breaker
    fail_for_a_second(stage)
    stage.seconds.now += 5
    stage.faults("slow=30,times=1")
    call = asyncio.create_task(stage.shop.order(number, customer_id=None))
    while stage.reference.faults.faults[0].times:  # noqa: ASYNC110 (the server's own side)
        await asyncio.sleep(0.001)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert breaker.state is BreakerState.HALF_OPEN
    await stage.shop.order(number, customer_id=None)


async def test_rules_and_what_is_not_found_are_no_failures(stage: Stage) -> None:
    shipped = await order_in(stage.sql, OrderState.SHIPPED)
    for at in range(8):
        with pytest.raises(NotFoundError):
            await stage.shop.order("202611200000", customer_id=None)
        with pytest.raises(RuleError):
            await stage.shop.cancel_order(shipped.order_number, customer_id=None, key=f"k{at}")
    assert stage.shop.transport.breaker.state is BreakerState.CLOSED
    assert stage.seconds.slept == []


async def test_nobody_there_is_unavailable(stage: Stage) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shop = stage.make(url=f"http://127.0.0.1:{port}")
    with pytest.raises(ShopUnavailableError) as caught:
        await shop.order("202611200001", customer_id=None)
    assert not isinstance(caught.value, ShopTimeoutError)
    with pytest.raises(ShopUnavailableError) as caught:
        await shop.urge("202611200001", customer_id=None, key="k")
    assert not isinstance(caught.value, ShopTimeoutError)  # nothing was sent, so nothing was done


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'{"now": "2026-11-20T14:30:00+08:00"}', "text/plain"),
        (b"", "application/json"),
        (b"null", "application/json"),
        (b"[1]", "application/json"),
        (b"[" * 100_000, "application/json"),
        (b'{"now": NaN}', "application/json"),
        (b'{"now": ' + b"9" * 5000 + b"}", "application/json"),
        (b'{"now": "2026-11-20T14:30:00"}', "application/json"),
        (b'{"now": "9999-12-31T23:59:59-23:59"}', "application/json"),
        (b'{"now": "2026-02-30T00:00:00Z"}', "application/json"),
        (b'\xef\xbb\xbf{"now"', "application/json"),
    ],
)
async def test_what_is_no_answer_is_garbled(
    stage: Stage, small_server: SmallServer, body: bytes, kind: str
) -> None:
    async def handle(_request: web.Request) -> web.StreamResponse:
        return web.Response(body=body, content_type=kind)

    shop = stage.make(url=await small_server(handle))
    with pytest.raises(ShopGarbledError):
        await shop.now()


async def test_a_text_that_nobody_can_write_is_garbled(stage: Stage, small_server: SmallServer) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        hours = '{"opens": "09:00\\ud800", "closes": "22:00", "answer_minutes": 5}'
        return web.Response(body=hours.encode(), content_type="application/json")

    shop = stage.make(url=await small_server(handle))
    with pytest.raises(ShopGarbledError) as caught:
        await shop.service_hours()
    assert caught.value.path == "opens"


async def test_a_compressed_answer_is_not_unfolded(stage: Stage, small_server: SmallServer) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        assert request.headers["Accept-Encoding"] == "identity"
        return web.Response(body=b"\x1f\x8b", headers={"Content-Encoding": "gzip"})

    shop = stage.make(url=await small_server(handle))
    with pytest.raises(ShopGarbledError):
        await shop.service_hours()


async def test_no_http_at_all_is_an_error_of_ours(stage: Stage) -> None:
    async def babble(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(babble, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    shop = stage.make(url=f"http://127.0.0.1:{port}")
    with pytest.raises(ShopUnavailableError):
        await shop.service_hours()
    server.close()
    await server.wait_closed()


async def test_cookies_are_not_kept_and_the_trace_goes_along(stage: Stage, small_server: SmallServer) -> None:
    seen: list[dict[str, str]] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        seen.append(dict(request.headers))
        response = web.json_response({"opens": "09:00", "closes": "22:00", "answer_minutes": 5})
        response.set_cookie("session", "abc")
        return response

    shop = stage.make(url=await small_server(handle) + "/base/", headers=tracing.outgoing_headers)
    with tracing.use(None) as trace:
        await shop.service_hours()
        await shop.service_hours()
    assert all("Cookie" not in headers for headers in seen)
    assert {headers["traceparent"].split("-")[1] for headers in seen} == {trace.trace_id}
    assert seen[0]["X-Api-Key"] == KEY


async def test_secrets_show_nowhere(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    texts = [repr(stage.shop.transport._auth), repr(stage.reference.guard)]
    for fault in ("deny", "status=500", "garbage", "down", "slow=0"):
        stage.faults(fault)
        try:
            await stage.shop.customer("u1006")
        except ShopError as exc:
            texts += [str(exc), repr(exc), repr(exc.__cause__), repr(exc.__context__)]
    assert KEY not in "".join(texts) + caplog.text


async def test_a_closed_shop_leaves_nothing_open(stage: Stage) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", ResourceWarning)
        shop = stage.make()
        await shop.service_hours()
        await shop.close()
        with pytest.raises(ShopUnavailableError):
            await shop.service_hours()
        await shop.close()
        del shop
        gc.collect()


async def test_one_session_serves_many_calls(stage: Stage) -> None:
    await asyncio.gather(*(stage.shop.customer("u1006") for _ in range(20)))
    session = stage.shop.transport._session
    await stage.shop.customer("u1001")
    assert stage.shop.transport._session is session
