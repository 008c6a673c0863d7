"""``POST /api/v1/events``: signed, read strictly, stored before it is acknowledged, each event told apart."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import pytest_asyncio

from actions.shop.models import AfterSaleState, MemberLevel
from bot.channels.event_reading import FORMS, LEVELS, RETURN_STATES, EventFaultsError, read_event
from bot.channels.events import LARGEST_BODY, MOST_EVENTS
from bot.channels.openapi import document
from bot.channels.openapi_events import DATA, EXAMPLES, example
from bot.conversation.privacy import erase_customer, export_customer
from bot.conversation.shop_news import NewsKind, ShopNews
from tests.bot.conversation.events_harness import KEYS, ON_TIME, SECRET, Told, open_told, signature
from tests.bot.conversation.harness import Front, vault
from tests.bot.conversation.rasa_stub import RasaStub
from tests.support.shop import Clock

SCHEMAS = document(demo=True)["components"]["schemas"]


@pytest_asyncio.fixture
async def told(rasa: RasaStub, tmp_path: Path) -> AsyncIterator[Told]:
    made = open_told(f"sqlite:///{tmp_path / 'record.db'}", rasa.port, tmp_path)
    async with made.front:
        made.shop.away = True  # what is taken waits, so that it can be looked at
        yield made


def check(schema: str, value: Any) -> None:
    whole = {"$ref": f"#/components/schemas/{schema}", "components": {"schemas": SCHEMAS}}
    jsonschema.Draft202012Validator(whole).validate(value)


def test_the_document_names_what_is_read() -> None:
    assert set(FORMS) == set(DATA) == set(EXAMPLES) == set(NewsKind)
    for kind, form in FORMS.items():
        assert set(DATA[kind]) == {*form.needed, *form.optional}
    assert set(LEVELS) == {level.value for level in MemberLevel}
    assert set(RETURN_STATES) <= {state.value for state in AfterSaleState}


@pytest.mark.parametrize("kind", NewsKind)
def test_each_example_is_a_good_event(kind: NewsKind) -> None:
    given = example(kind)
    check("Event", given)
    clock = Clock()
    clock.forward(days=10)
    news = read_event(given, clock())
    assert ShopNews.from_json(news.to_json()) == news
    assert all(isinstance(value, str) for value in news.data.values())


async def test_the_answers_are_as_the_document_says(told: Told) -> None:
    promised = document(demo=True)["paths"]["/api/v1/events"]["post"]["responses"]
    good = told.event("delivered", ON_TIME)
    bad = told.event("shipped", ON_TIME, data={"carrier": ""})
    other = {**good, "at": "2026-11-19T10:00:00+08:00"}
    sent: list[tuple[Any, int, list[str]]] = [
        (good, 202, ["accepted"]),
        (good, 200, ["repeated"]),
        (other, 409, ["conflict"]),
        (bad, 422, ["invalid"]),
        ({"events": [bad, told.event("paid", ON_TIME), other, good]}, 202,
         ["invalid", "accepted", "conflict", "repeated"]),
        ({"events": [bad, good]}, 200, ["invalid", "repeated"]),
        ({"events": [7, None]}, 422, ["invalid", "invalid"]),
    ]  # fmt: skip
    for body, status, results in sent:
        got = await told.post(body)
        assert got.status == status, got.json
        assert [result["status"] for result in got.json["results"]] == results
        schema = promised[str(status)]["content"]["application/json"]["schema"]
        jsonschema.Draft202012Validator({**schema, "components": {"schemas": SCHEMAS}}).validate(got.json)
    conflict = (await told.post(other)).json["results"][0]
    assert conflict["event_id"] == good["event_id"] and conflict["errors"][0]["field"] == "event_id"
    assert await told.events_in("waiting") == 2


async def test_an_id_twice_in_one_batch_is_judged_like_a_repetition(told: Told) -> None:
    one = told.event("delivered", ON_TIME)
    got = await told.post({"events": [one, one, {**one, "kind": "paid"}]})
    assert [result["status"] for result in got.json["results"]] == ["accepted", "repeated", "conflict"]


async def test_a_repetition_may_be_written_differently(told: Told) -> None:
    one = told.event("paid", ON_TIME, data={"amount": "9.00", "method": "微信支付"})
    assert (await told.post(one)).status == 202
    turned = {**one, "at": "2026-11-20T06:30:00Z", "data": dict(reversed(list(one["data"].items())))}
    assert (await told.post(turned)).status == 200


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"X_Zhixin_Timestamp": None}, "timestamp_missing"),
        ({"X_Zhixin_Timestamp": "soon"}, "timestamp_malformed"),
        ({"X_Zhixin_Timestamp": "99999999999"}, "timestamp_out_of_window"),
        ({"X_Zhixin_Signature": None}, "signature_missing"),
        ({"X_Zhixin_Signature": "v2=" + "0" * 64}, "signature_malformed"),
        ({"X_Zhixin_Signature": "v1=" + "0" * 63}, "signature_malformed"),
        ({"X_Zhixin_Signature": "v1=" + "0" * 64}, "signature_wrong"),
    ],
)
async def test_what_is_not_signed_is_not_read(told: Told, headers: dict[str, Any], code: str) -> None:
    got = await told.post(told.event("delivered", ON_TIME), **headers)
    assert (got.status, got.json["error"]["code"]) == (401, code)
    assert await told.events_in("waiting") == 0


async def test_a_signature_holds_for_its_body_its_time_and_five_minutes(told: Told) -> None:
    raw = json.dumps(told.event("delivered", ON_TIME)).encode()
    now = int(told.clock().timestamp())
    for timestamp, status in ((now - 301, 401), (now + 301, 401), (now - 299, 202), (now + 299, 200)):
        signed = {
            "X_Zhixin_Timestamp": str(timestamp),
            "X_Zhixin_Signature": signature(timestamp, raw),
        }
        assert (await told.post(None, raw=raw, **signed)).status == status
    changed = await told.post(None, raw=raw + b" ", X_Zhixin_Signature=signature(now, raw))
    assert changed.json["error"]["code"] == "signature_wrong"
    moved = await told.post(None, raw=raw, X_Zhixin_Signature=signature(now - 1, raw))
    assert moved.json["error"]["code"] == "signature_wrong"


async def test_keys_can_be_changed(told: Told) -> None:
    raw = json.dumps(told.event("delivered", ON_TIME)).encode()
    now = int(told.clock().timestamp())
    both = f"{signature(now, raw, 'x' * 40)},{signature(now, raw, 'f' * 40)}"
    assert (await told.post(None, raw=raw, X_Zhixin_Signature=both)).status == 202
    assert (await told.post(None, raw=raw, X_Zhixin_Signature=signature(now, raw, SECRET))).status == 200


async def test_without_keys_nobody_may_tell_anything(rasa: RasaStub, tmp_path: Path) -> None:
    async with Front(f"sqlite:///{tmp_path / 'record.db'}", rasa.port) as front:
        got = await front.request("POST", "/api/v1/events", json={})
        assert (got.status, got.json["error"]["code"]) == (401, "events_off")


@pytest.mark.parametrize(
    ("raw", "status", "code"),
    [
        (b"", 400, "no_body"),
        (b"[]", 400, "bad_json"),
        (b"{", 400, "bad_json"),
        (b'{"events": NaN}', 400, "bad_json"),
        (b"\xff\xfe", 400, "bad_encoding"),
        (b'{"events": []}', 422, "invalid_field"),
        (b'{"events": {}}', 422, "invalid_field"),
        (b'{"events": [1], "more": 1}', 422, "unknown_field"),
        (b"[" * 100_000, 400, "bad_json"),
        (json.dumps({"events": [1] * (MOST_EVENTS + 1)}).encode(), 422, "invalid_field"),
        (b" " * (LARGEST_BODY + 1), 413, "body_too_large"),
    ],
)
async def test_what_is_no_request_is_refused(told: Told, raw: bytes, status: int, code: str) -> None:
    got = await told.post(None, raw=raw)
    assert (got.status, got.json["error"]["code"]) == (status, code)


async def test_a_whole_batch_of_long_reviews_fits(told: Told) -> None:
    review = {"stars": 5, "text": "好" * 3000, "pictures": 1}
    batch = [told.event("reviewed", ON_TIME, product_id="p209", data=review) for _ in range(100)]
    assert (await told.post({"events": batch})).status == 202
    assert await told.events_in("waiting") == 100


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"event_id": ""}, ["event_id"]),
        ({"event_id": "x" * 129}, ["event_id"]),
        ({"event_id": "带中文"}, ["event_id"]),
        ({"kind": "exploded"}, ["kind"]),
        ({"kind": None}, ["kind"]),
        ({"at": "2026-11-20 10:00"}, ["at"]),
        ({"at": "2026-11-20T10:00:00"}, ["at"]),
        ({"at": "2026-13-20T10:00:00+08:00"}, ["at"]),
        ({"at": "2026-11-20T14:45:00+08:00"}, ["at"]),
        ({"at": 1}, ["at"]),
        ({"customer_id": 5}, ["customer_id"]),
        ({"order_number": None}, ["order_number"]),
        ({"product_id": "p1"}, ["product_id"]),
        ({"colour": 1, "color": 2}, ["color", "colour"]),
        ({"data": []}, ["data"]),
        ({"data": {"carrier": "顺丰"}}, ["data.tracking_number"]),
        ({"data": {"carrier": "顺丰\0", "tracking_number": "\ud800"}},
         ["data.carrier", "data.tracking_number"]),
        ({"data": {"carrier": "x" * 41, "tracking_number": "1", "promised_by": "morgen"}},
         ["data.carrier", "data.promised_by"]),
        ({"data": {"carrier": "a", "tracking_number": "b", "price": 1}}, ["data.price"]),
    ],
)  # fmt: skip
def test_every_fault_is_named_by_its_field(changes: dict[str, Any], fields: list[str]) -> None:
    good = {**example(NewsKind.SHIPPED), "at": "2026-11-20T10:00:00+08:00"}
    with pytest.raises(EventFaultsError) as caught:
        read_event({**good, **changes}, Clock()())
    assert [fault.field for fault in caught.value.faults] == fields


@pytest.mark.parametrize(
    ("kind", "data", "field"),
    [
        ("reviewed", {"stars": 6}, "data.stars"),
        ("reviewed", {"stars": True}, "data.stars"),
        ("reviewed", {}, "data.stars"),
        ("browsed", {"seconds": -1}, "data.seconds"),
        ("browsed", {"seconds": 3, "compared": "yes"}, "data.compared"),
        ("profile_changed", {}, "data"),
        ("profile_changed", {"level": "platinum"}, "data.level"),
        ("profile_changed", {"points": 1.5}, "data.points"),
        ("delayed", {}, "data"),
        ("returned", {"amount": 89.0}, "data.amount"),
        ("returned", {"amount": "89.001"}, "data.amount"),
        ("returned", {"amount": "1e3"}, "data.amount"),
        ("returned", {"state": "lost"}, "data.state"),
        ("restocked", {"stock": -1}, "data.stock"),
    ],
)
def test_data_is_read_by_its_kind(kind: str, data: dict[str, Any], field: str) -> None:
    given = {**example(NewsKind(kind)), "at": "2026-11-20T10:00:00+08:00", "data": data}
    with pytest.raises(EventFaultsError) as caught:
        read_event(given, Clock()())
    assert [fault.field for fault in caught.value.faults] == [field]


async def test_what_is_told_lies_sealed_is_copied_and_erased(told: Told, tmp_path: Path) -> None:
    profile = {"name": "欧阳明月", "phone": "13812345678"}
    got = await told.post(told.event("profile_changed", customer_id=ON_TIME[0], data=profile))
    assert got.status == 202
    raw = b"".join(path.read_bytes() for path in tmp_path.glob("record.db*"))  # noqa: ASYNC240
    assert "欧阳明月".encode() not in raw and b"13812345678" not in raw
    database = told.front.conversations._store.database
    copy = await database.read(lambda c: export_customer(c, vault(), ON_TIME[0]))
    assert copy["events"][0]["data"] == profile
    await database.write(lambda c: erase_customer(c, ON_TIME[0]))
    assert await told.events_in("waiting") == 0


async def test_what_is_acknowledged_was_stored_by_somebody_with_a_key(told: Told) -> None:
    assert KEYS.startswith("new=")
    other = await told.post(told.event("delivered", ON_TIME), X_Zhixin_Signature=signature(0, b"", "z" * 40))
    assert other.status == 401 and await told.events_in("waiting") == 0
