"""A front dies between an acknowledgement and the work on it: the work is done once, by the next."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import aiohttp.web
import pytest

from actions.shop.database import upgrade
from actions.shop.seed.demo import seed_demo
from actions.shop.sql import SqlShop
from bot.conversation.schema import SHANGHAI
from tests.bot.conversation.events_harness import KEYS, signature
from tests.bot.conversation.harness import DATA_KEYS, rows, token, until
from tests.bot.conversation.rasa_stub import RasaStub
from tests.bot.conversation.test_crashes import FrontProcess
from tests.bot.conversation.test_webhooks import Receiver

pytestmark = pytest.mark.slow

CUSTOMER = "u1003"


def now() -> datetime:
    return datetime.now(SHANGHAI)


@pytest.fixture
async def process(
    rasa: RasaStub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[FrontProcess]:
    from persona.privacy.vault import Vault

    url = f"sqlite:///{tmp_path / 'shop.db'}"
    upgrade(url)
    seed_demo(url, Vault.from_text(DATA_KEYS))
    monkeypatch.setenv("ZHIXIN_EVENT_KEYS", KEYS)
    made = FrontProcess(tmp_path, rasa.port)
    yield made
    if made.process.returncode is None:
        await made.kill()


async def unsent(tmp_path: Path) -> str:
    """The number of the customer's order that has not been sent."""
    from persona.privacy.vault import Vault

    shop = SqlShop(f"sqlite:///{tmp_path / 'shop.db'}", Vault.from_text(DATA_KEYS))
    orders = await shop.orders(CUSTOMER)
    await shop.close()
    return next(order.order_number for order in orders if order.state.value == "paid")


async def tell(process: FrontProcess, *events: dict[str, Any]) -> int:
    body = json.dumps({"events": list(events)}, ensure_ascii=False).encode()
    timestamp = int(time.time())
    headers = {"X-Zhixin-Timestamp": str(timestamp), "X-Zhixin-Signature": signature(timestamp, body)}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"http://127.0.0.1:{process.port}/api/v1/events", data=body, headers=headers) as got,
    ):
        assert got.status in {200, 202}, await got.text()
        return got.status


def event(kind: str, number: str, **data: Any) -> dict[str, Any]:
    return {
        "event_id": f"kill-{kind}",
        "kind": kind,
        "at": now().isoformat(),
        "customer_id": CUSTOMER,
        "order_number": number,
        "data": data,
    }


class Page:
    """A shopper's page: hears over the WebSocket, and comes back where it broke off."""

    def __init__(self, process: FrontProcess, opened: dict[str, Any]) -> None:
        self.process = process
        self.opened = opened
        self.heard: list[dict[str, Any]] = []

    async def listen(self) -> None:
        while True:
            with contextlib.suppress(aiohttp.ClientError, ConnectionError):
                await self._listen()
            await asyncio.sleep(0.1)

    async def _listen(self) -> None:
        url = f"http://127.0.0.1:{self.process.port}/api/v1/ws"
        async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
            after = max((message["seq"] for message in self.heard), default=0)
            whose = {name: self.opened[name] for name in ("conversation_id", "secret")}
            await socket.send_json({"type": "auth", **whose, "after": after})
            async for frame in socket:
                data = json.loads(frame.data)
                if data["type"] == "message":
                    self.heard.append(data["message"])

    def notices(self) -> list[str]:
        return [m["text"] for m in self.heard if m["type"] == "notice"]


async def open_as_customer(process: FrontProcess) -> dict[str, Any]:
    async with (
        aiohttp.ClientSession() as session,
        session.post(
            f"http://127.0.0.1:{process.port}/api/v1/conversations",
            json={},
            headers={"Authorization": f"Bearer {token(CUSTOMER)}"},
        ) as got,
    ):
        assert got.status == 201
        data: dict[str, Any] = await got.json()
        return data


async def test_killed_after_the_acknowledgement_it_is_told_once_after_the_restart(
    process: FrontProcess, tmp_path: Path
) -> None:
    number = await unsent(tmp_path)
    record = tmp_path / "record.db"
    await process.start()
    page = Page(process, await open_as_customer(process))
    listening = asyncio.create_task(page.listen())
    fault = tmp_path / "shop-fault"
    fault.write_text("delay=5", encoding="utf-8")  # the work hangs at the shop
    promised = (now() + timedelta(days=2)).isoformat()
    sent = event("shipped", number, carrier="顺丰速运", tracking_number="SF1", promised_by=promised)
    delayed = event(
        "delayed", number, expected_by=(now() + timedelta(days=4)).isoformat(), cause="分拨中心积压"
    )
    assert await tell(process, sent, delayed) == 202
    await until(lambda: rows(record, "select 1 from shop_events where lease_holder is not null"))
    await process.kill()
    assert rows(record, "select state, count(*) from shop_events group by 1") == [("waiting", 2)]
    fault.unlink()
    await process.start()  # nobody repeats the events
    await until(lambda: rows(record, "select count(*) from shop_events where state='done'") == [(2,)])
    await until(lambda: len(page.notices()) >= 3)
    assert await tell(process, sent, delayed) == 200
    await asyncio.sleep(0.5)
    listening.cancel()
    told = page.notices()[1:]  # the first is the privacy notice
    assert len(told) == 2 and "SF1" in told[0] and "拒收" in told[1], told
    seen = [message["seq"] for message in page.heard]
    assert seen == sorted(set(seen))


async def test_killed_at_any_moment_each_thing_is_told_once(process: FrontProcess, tmp_path: Path) -> None:
    number = await unsent(tmp_path)
    record = tmp_path / "record.db"
    await process.start()
    await open_as_customer(process)
    promised = (now() + timedelta(days=2)).isoformat()
    batch = [
        event("shipped", number, carrier="顺丰速运", tracking_number="SF1", promised_by=promised),
        event("delayed", number, expected_by=(now() + timedelta(days=4)).isoformat()),
        event("delivered", number),
    ]
    assert await tell(process, *batch) == 202
    await asyncio.sleep(0.03)  # somewhere in the first, the second or the third
    await process.kill()
    await process.start()
    await until(lambda: rows(record, "select count(*) from shop_events where state='done'") == [(3,)])
    said = rows(record, "select code, count(*) from messages where code like 'utter_parcel%' group by 1")
    assert sorted(said) == [
        ("utter_parcel_delivered_notice", 1),
        ("utter_parcel_late_notice", 1),
        ("utter_parcel_shipped_notice", 1),
    ]


async def test_killed_while_it_sends_the_receiver_gets_the_same_id_again(
    process: FrontProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Receiver() as receiver:
        gate, reached = asyncio.Event(), asyncio.Event()

        async def hang(_request: Any, _body: dict[str, Any]) -> Any:
            reached.set()
            await gate.wait()
            return aiohttp.web.Response()

        receiver.behave = hang
        monkeypatch.setenv("ZHIXIN_WEBHOOK_URLS", receiver.url)
        monkeypatch.setenv("ZHIXIN_WEBHOOK_KEY", "w" * 40)
        await process.start()
        await open_as_customer(process)
        await asyncio.wait_for(reached.wait(), 20)
        await process.kill()
        receiver.behave = None
        gate.set()
        await process.start()
        await until(lambda: len(receiver.raw) == 2 and receiver.got)
        ids = {headers["X-Zhixin-Delivery"] for headers, _ in receiver.raw}
        assert len(ids) == 1
