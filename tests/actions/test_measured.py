"""The watched shop: passes everything on, counts how each call ends, and tells a backend the trace."""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from actions.measured import OPERATIONS, measured, outcome_of
from actions.shop.errors import NotFoundError, RuleError, ShopTimeoutError, ShopUnavailableError
from actions.shop.gateway import ShopGateway
from actions.shop.open import open_gateway
from persona.telemetry import metrics, tracing


class Shop:
    """Answers with what it was asked, or fails as told."""

    def __init__(self) -> None:
        self.error: BaseException | None = None
        self.closed = False
        self.word = "open"

    async def order(self, order_number: str, *, customer_id: str | None) -> Any:
        if self.error is not None:
            raise self.error
        return order_number, customer_id

    async def close(self) -> None:
        self.closed = True


def count(outcome: str) -> float:
    labels = {"operation": "order", "outcome": outcome}
    return metrics.REGISTRY.get_sample_value("zhixin_shop_calls_total", labels) or 0.0


def test_every_call_of_the_gateway_is_watched() -> None:
    wanted = {n for n, m in vars(ShopGateway).items() if inspect.iscoroutinefunction(m)} - {"close"}
    assert wanted <= OPERATIONS
    assert {"order", "orders", "cancel_order", "now"} <= wanted


async def test_everything_is_passed_on() -> None:
    shop: Any = Shop()
    gateway: Any = measured(shop)
    before = count("ok")
    assert await gateway.order("2026", customer_id="u1") == ("2026", "u1")
    assert await gateway.order("2027", customer_id=None) == ("2027", None)
    assert gateway.word == "open"
    await gateway.close()
    assert shop.closed
    assert count("ok") - before == 2
    with pytest.raises(AttributeError):
        gateway.nothing_like_it()


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (NotFoundError(), "refused"),
        (RuleError("already_shipped"), "refused"),
        (ShopUnavailableError("away"), "unavailable"),
        (ShopTimeoutError("late"), "unavailable"),
        (ZeroDivisionError(), "failed"),
        (asyncio.CancelledError(), "cut_off"),
    ],
)
async def test_how_a_call_ends_is_counted_and_raised(error: BaseException, outcome: str) -> None:
    shop: Any = Shop()
    shop.error = error
    before = count(outcome)
    with pytest.raises(type(error)):
        await measured(shop).order("2026", customer_id="u1")
    assert count(outcome) - before == 1
    assert metrics.SHOP_OUTCOMES.of(outcome_of(error)) == outcome


async def test_a_call_is_logged_without_what_it_was_about(caplog: pytest.LogCaptureFixture) -> None:
    shop: Any = Shop()
    with caplog.at_level(logging.INFO, "zhixin.shop"):
        await measured(shop).order("202611200001", customer_id="u1001")
    (line,) = [record for record in caplog.records if record.name == "zhixin.shop"]
    told = json.dumps({"message": line.getMessage(), **line.fields})  # type: ignore[attr-defined]
    assert "order" in told and "ok" in told
    assert "2026" not in told and "u1001" not in told


async def test_a_backend_hears_of_the_trace() -> None:
    heard: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        heard.append(request.headers.get("traceparent", ""))
        return web.json_response({})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with TestServer(app) as server:
        env = {
            "ZHIXIN_SHOP_KIND": "http",
            "ZHIXIN_SHOP_URL": str(server.make_url("/")),
            "ZHIXIN_SHOP_KEY": "k" * 40,
        }
        gateway = measured(open_gateway(env))
        message = tracing.of_message("c_1", "m_1")
        with tracing.use(message), pytest.raises(ShopUnavailableError):
            await gateway.order("202611200001", customer_id="u1001")  # {} is no order
        await gateway.close()
    found = {tracing.parse(header) for header in heard}
    assert {trace.trace_id for trace in found if trace} == {message.trace_id}
    assert heard and None not in found
