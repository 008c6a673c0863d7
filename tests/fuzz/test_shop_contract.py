"""The reference backend keeps to the contract that it is the model of, whatever is asked of it.

The operations that switch faults are none of the contract's, and are not asked.
"""

from __future__ import annotations

import asyncio
import shutil
import threading
from collections.abc import Coroutine, Iterator
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import pytest
import requests
import schemathesis
from aiohttp.test_utils import TestServer
from schemathesis.config import SchemathesisConfig

from actions.shop.contract.document import document
from actions.shop.http_operations import API_KEY_HEADER, KEY_HEADER, OPERATIONS, Operation
from actions.shop.keys import MAX_KEY_LENGTH
from actions.shop.reference.guard import Guard
from actions.shop.reference.server import Reference, make_app
from actions.shop.sql import SqlShop
from tests.fuzz.pace import pace
from tests.support.shop import VAULT, Clock, demo_template

T = TypeVar("T")

KEY = "reference-key-of-the-tests"
PACE = pace(4)
CONFIG: dict[str, Any] = {
    # A contract cannot say it in each of its strings: NUL stands in no text. tests/shop/http looks at it.
    "generation": {"allow-x00": False},
    "checks": {
        "positive_data_acceptance": {"expected-statuses": ["2xx", "401", "404", "409"]},
        # test_who_has_no_key_is_told_nothing looks at it, for each operation once.
        "ignored_auth": {"enabled": False},
    },
    "operations": [
        {  # GET is allowed there: a product may have the id "search"
            "include-name": f"POST /v1/products/{name}",
            "checks": {"allow_header_conformance": {"enabled": False}},
        }
        for name in ("search", "recommendations")
    ],
}
_NUMBERS = count(1)


class LiveBackend:
    """A reference backend over a demo shop of its own, on a loop in a thread."""

    def __init__(self, folder: Path) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="live-backend", daemon=True)
        self._file = folder / "shop.db"
        self._shop: SqlShop
        self._server: TestServer
        self.reference: Reference
        self.url = ""
        #: What there is: name of a parameter -> values.
        self.known: dict[str, list[str]] = {}

    def __enter__(self) -> LiveBackend:
        shutil.copy(demo_template(), self._file)
        self._thread.start()
        self.run(self._begin())
        return self

    def __exit__(self, *_: object) -> None:
        self.run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the backend's loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    async def _begin(self) -> None:
        self._shop = SqlShop(f"sqlite:///{self._file}", VAULT, Clock())
        self.reference = Reference(self._shop, Guard(keys=(KEY,)))
        self._server = TestServer(make_app(self.reference))
        await self._server.start_server()
        self.url = str(self._server.make_url("/")).rstrip("/")
        customers = ["u1001", "u1006", "u1008"]
        orders = [order for each in customers for order in await self._shop.orders(each)]
        requests = [one for each in customers for one in await self._shop.after_sales(each)]
        self.known = {
            "customer_id": customers,
            "order_number": [order.order_number for order in orders],
            "order_numbers": [order.order_number for order in orders],
            "product_id": sorted({item.product_id for order in orders for item in order.items}),
            "request_number": [one.request_number for one in requests],
        }

    async def _end(self) -> None:
        await self._server.close()
        await self._shop.close()


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveBackend]:
    with LiveBackend(tmp_path_factory.mktemp("backend")) as running:
        yield running


@pytest.fixture(scope="module")
def contract() -> Any:
    return _loaded({})


@pytest.fixture(scope="module")
def right_form() -> Any:
    return _loaded(
        {"generation": {"mode": "positive", "allow-x00": False}, "phases": {"coverage": {"enabled": False}}}
    )


def _loaded(more: dict[str, Any]) -> Any:
    return schemathesis.openapi.from_dict(document(), config=SchemathesisConfig.from_dict({**CONFIG, **more}))


anything = schemathesis.pytest.from_fixture("contract")
sensible = schemathesis.pytest.from_fixture("right_form")


@anything.parametrize()
@PACE
def test_whatever_is_asked(case: schemathesis.Case[Any], live: LiveBackend) -> None:
    own_key(case)
    case.call_and_validate(base_url=live.url, headers={API_KEY_HEADER: KEY})


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=lambda operation: operation.name)
def test_who_has_no_key_is_told_nothing(operation: Operation, live: LiveBackend) -> None:
    before = live.reference.calls.total()
    path = operation.path.replace("{", "").replace("}", "")
    for headers in ({}, {API_KEY_HEADER: KEY[:-1]}, {"Authorization": f"Bearer {KEY}"}):
        got = requests.request(operation.method, live.url + path, headers=headers, data=b"[", timeout=20)
        assert got.status_code == 401 and got.json()["error"]["code"] == "unauthorized"
    assert live.reference.calls.total() == before


@sensible.parametrize()
@PACE
def test_what_is_there(case: schemathesis.Case[Any], live: LiveBackend) -> None:
    """Requests of the right form for customers, orders and products that there are."""
    for place in (case.path_parameters, case.query, case.body):
        if isinstance(place, dict):
            named_ones(place, live.known)
    own_key(case)
    case.call_and_validate(base_url=live.url, headers={API_KEY_HEADER: KEY})


def own_key(case: schemathesis.Case[Any]) -> None:
    """Let each write be one of its own: the same key for another write is refused, as the contract says."""
    headers: Any = case.headers
    given = headers.get(KEY_HEADER) if headers else None
    if isinstance(given, str) and 0 < len(given) <= MAX_KEY_LENGTH:
        headers[KEY_HEADER] = str(next(_NUMBERS)).ljust(len(given), "k")


def named_ones(place: dict[str, Any], known: dict[str, list[str]]) -> None:
    """Put what there is where something is named; which of them, the text that stood there decides."""
    for name, there in known.items():
        if isinstance(place.get(name), str) and there:
            place[name] = there[sum(map(ord, place[name])) % len(there)]


def test_the_shop_was_really_asked(live: LiveBackend) -> None:
    """Runs last: nearly every operation got as far as the shop."""
    operations = {
        each["operationId"] for methods in document()["paths"].values() for each in methods.values()
    }
    assert not operations - set(live.reference.calls)
