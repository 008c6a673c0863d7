"""Wrong input gets a clear refusal as JSON or a kind reply, and changes nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bot.channels.validation import is_blank
from tests.bot.conversation.harness import Front, rows
from tests.bot.conversation.rasa_stub import RasaStub

COUNTS = (
    "select (select count(*) from conversations) || '/' || (select count(*) from messages)"
    " || '/' || (select sum(next_seq) from conversations)"
)


async def raw(front: Front, shopper: Any, body: bytes, **headers: str) -> Any:
    return await front.request("POST", "/api/v1/chat", data=body, headers={**shopper.headers, **headers})


BODIES: dict[str, tuple[bytes, int, str]] = {
    "no body": (b"", 400, "no_body"),
    "only spaces": (b"  \n", 400, "no_body"),
    "bad JSON": (b"{", 400, "bad_json"),
    "no object": (b'["a"]', 400, "bad_json"),
    "a text": (b'"a"', 400, "bad_json"),
    "NaN": (b'{"text": NaN}', 400, "bad_json"),
    "not UTF-8": (b'{"text": "\xff"}', 400, "bad_encoding"),
    "nested without end": (b"[" * 30_000, 400, "bad_json"),
    "too large": (b'{"text": "' + b"a" * 70_000 + b'"}', 413, "body_too_large"),
}


@pytest.mark.parametrize(("body", "status", "code"), BODIES.values(), ids=BODIES.keys())
async def test_wrong_bodies(front: Front, tmp_path: Path, body: bytes, status: int, code: str) -> None:
    shopper = await front.open()
    before = rows(tmp_path / "record.db", COUNTS)
    got = await raw(front, shopper, body)
    assert (got.status, got.json["error"]["code"]) == (status, code)
    assert rows(tmp_path / "record.db", COUNTS) == before


FIELDS: dict[str, tuple[dict[str, Any], int, str]] = {
    "no text": ({}, 422, "invalid_field"),
    "text and button": ({"text": "a", "button": "b"}, 422, "invalid_field"),
    "text is a number": ({"text": 5}, 422, "invalid_field"),
    "text is null": ({"text": None}, 422, "invalid_field"),
    "text is a list": ({"text": ["a"]}, 422, "invalid_field"),
    "message_id is a number": ({"text": "a", "message_id": 5}, 422, "invalid_field"),
    "message_id is empty": ({"text": "a", "message_id": ""}, 422, "invalid_field"),
    "message_id is long": ({"text": "a", "message_id": "m" * 65}, 422, "invalid_field"),
    "message_id of the front": ({"text": "a", "message_id": "front-opened"}, 422, "invalid_field"),
    "message_id with a surrogate": ({"text": "a", "message_id": "\ud800"}, 422, "invalid_field"),
    "conversation_id is a number": ({"text": "a", "conversation_id": 5}, 422, "invalid_field"),
    "an unknown field": ({"text": "a", "metadata": {}}, 422, "unknown_field"),
    "an unknown field with a surrogate": ({"text": "a", "\ud800": 1}, 422, "unknown_field"),
    "identity in the body": ({"text": "a", "customer_id": "u1001"}, 422, "unknown_field"),
    "empty": ({"text": ""}, 422, "text_empty"),
    "spaces": ({"text": " \t\n\u3000\u00a0"}, 422, "text_empty"),
    "invisible": ({"text": "\u200b\u2060\ufeff\ufe0f\u3164"}, 422, "text_empty"),
    "10,000 characters": ({"text": "字" * 10_000}, 422, "text_too_long"),
    "1,001 characters": ({"text": "字" * 1_001}, 422, "text_too_long"),
    "1,001 emoji": ({"text": "😀" * 1_001}, 422, "text_too_long"),
    "NUL": ({"text": "a\0b"}, 400, "unreadable_text"),
    "a lone surrogate": ({"text": "a\ud83d"}, 400, "unreadable_text"),
    "an unknown button": ({"button": "b_unknown"}, 422, "unknown_button"),
    "a payload as button": ({"button": "/cancel_order"}, 422, "unknown_button"),
    "a button that is no text": ({"button": 1}, 422, "invalid_field"),
    "a context that is none": ({"text": "a", "context": "p001"}, 422, "invalid_field"),
    "a context of nothing": ({"text": "a", "context": None}, 422, "invalid_field"),
    "a context with more": ({"text": "a", "context": {"customer_id": "u1001"}}, 422, "unknown_field"),
    "a product that is a number": ({"text": "a", "context": {"product_id": 1}}, 422, "invalid_field"),
    "a product with a space": ({"text": "a", "context": {"product_id": "p 1"}}, 422, "invalid_field"),
    "a long order": ({"text": "a", "context": {"order_id": "2" * 65}}, 422, "invalid_field"),
    "an order in Chinese": ({"text": "a", "context": {"order_id": "订单"}}, 422, "invalid_field"),
    "a long page": ({"text": "a", "context": {"page": "页" * 501}}, 422, "invalid_field"),
    "a page with NUL": ({"text": "a", "context": {"page": "a\0"}}, 422, "invalid_field"),
    "a page with a surrogate": ({"text": "a", "context": {"page": "\ud800"}}, 422, "invalid_field"),
}


@pytest.mark.parametrize(("fields", "status", "code"), FIELDS.values(), ids=FIELDS.keys())
async def test_wrong_fields(
    front: Front, rasa: RasaStub, tmp_path: Path, fields: dict[str, Any], status: int, code: str
) -> None:
    shopper = await front.open()
    before, calls = rows(tmp_path / "record.db", COUNTS), len(rasa.calls)
    body = {"conversation_id": shopper.conversation_id, "message_id": "m_1", **fields}
    got = await raw(front, shopper, json.dumps(body).encode())
    assert (got.status, got.json["error"]["code"]) == (status, code)
    assert set(got.json) == {"error"} and set(got.json["error"]) == {"code", "message"}
    assert rows(tmp_path / "record.db", COUNTS) == before and len(rasa.calls) == calls


async def test_texts_that_a_shopper_must_change_are_explained_in_the_words_of_the_bot(front: Front) -> None:
    shopper = await front.open()
    said = {
        text[:1]: (await shopper.post(text=text)).json["error"]["message"]
        for text in ("字" * 1001, " ", "\0")
    }
    assert said == {
        "字": "utter_too_long/neutral limit=1000",
        " ": "utter_empty/neutral",
        "\0": "utter_unreadable/neutral",
    }


@pytest.mark.parametrize(
    "text",
    [
        "😀",
        "👍🏽👨‍👩‍👧",
        "❤️",
        "字" * 1000,
        "<script>alert(1)</script>",
        "'; DROP TABLE messages; --",
        "{{ 7 * 7 }} {% for x in y %}",
        "/restart",
        '/ask_human{"a": 1}',
        " /cancel_order",
        "\x1b[31m",
        "？",
        "1",
    ],
)
async def test_unusual_texts_are_texts(front: Front, rasa: RasaStub, text: str) -> None:
    shopper = await front.open()
    (reply,) = await shopper.say(text)
    assert reply["text"] == f"答：{text}"
    assert (
        rasa.calls[-1]["text"] == text and "payload" not in rasa.calls[-1] and "event" not in rasa.calls[-1]
    )
    assert (await shopper.messages())[-2]["text"] == text


def test_what_shows_nothing_is_blank() -> None:
    assert is_blank("") and is_blank("\u2800\u200d")
    assert not is_blank("\u200b.") and not is_blank("👍")


async def test_foreign_conversation_and_wrong_secret_are_the_same_refusal(
    front: Front, tmp_path: Path
) -> None:
    mine, foreign = await front.open(), await front.open()
    before = rows(tmp_path / "record.db", COUNTS)
    answers = []
    for conversation_id, secret in (
        (foreign.conversation_id, mine.secret),
        (mine.conversation_id, "wrong"),
        ("c_unknown", mine.secret),
        ("", mine.secret),
        ("字" * 300, mine.secret),
    ):
        body = {"conversation_id": conversation_id, "message_id": "m_1", "text": "在吗"}
        headers = {"X-Conversation-Secret": secret}
        got = await front.request("POST", "/api/v1/chat", json=body, headers=headers)
        answers.append((got.status, got.json))
    assert answers == [answers[0]] * 5 and answers[0][0] == 404
    for method, path, body in (
        ("GET", "messages", None),
        ("GET", "reading", None),
        ("PUT", "personalisation", {"on": False}),
    ):
        whole = f"/api/v1/conversations/{foreign.conversation_id}/{path}"
        got = await front.request(method, whole, json=body, headers=mine.headers)
        assert (got.status, got.json) == answers[0]
        assert (await front.request(method, whole, json=body)).status == 401
    assert rows(tmp_path / "record.db", COUNTS) == before


@pytest.mark.parametrize("after", ["-1", "x", "1.5", "", "9" * 30, "١"])
async def test_wrong_after(front: Front, after: str) -> None:
    shopper = await front.open()
    path = f"/api/v1/conversations/{shopper.conversation_id}/messages"
    got = await front.request("GET", path, params={"after": after}, headers=shopper.headers)
    assert (got.status, got.json["error"]["code"]) == (422, "invalid_parameter")


async def test_messages_after_a_point(front: Front) -> None:
    shopper = await front.open()
    await shopper.say("一")
    everything = await shopper.messages()
    await shopper.say("二")
    new = await shopper.messages(after=everything[-1]["seq"])
    assert [m["text"] for m in new] == ["二", "答：二"]
    assert await shopper.messages(after=new[-1]["seq"]) == []


async def test_unknown_addresses_and_methods_are_json(front: Front) -> None:
    missing = await front.request("GET", "/api/v1/nothing")
    assert (missing.status, missing.json["error"]["code"]) == (404, "not_found")
    wrong = await front.request("GET", "/api/v1/chat")
    assert (wrong.status, wrong.json["error"]["code"]) == (405, "method_not_allowed")
    assert wrong.headers["Allow"] == "POST"


@pytest.mark.parametrize("body", [b"[]", b"{", b'{"customer_id": "u1001"}'])
async def test_wrong_bodies_of_an_opening(front: Front, tmp_path: Path, body: bytes) -> None:
    got = await front.request("POST", "/api/v1/conversations", data=body)
    assert got.status in (400, 422)
    assert rows(tmp_path / "record.db", "select count(*) from conversations") == [(0,)]


@pytest.mark.parametrize("key", ["", "short", "x" * 129, "with space in it"])
async def test_wrong_idempotency_keys(front: Front, key: str) -> None:
    got = await front.request("POST", "/api/v1/conversations", headers={"Idempotency-Key": key})
    assert (got.status, got.json["error"]["code"]) == (422, "invalid_header")


async def test_the_same_key_opens_one_conversation_for_each_who_asks(front: Front, rasa: RasaStub) -> None:
    key = {"Idempotency-Key": "0123456789abcdef"}
    first, again = await front.open(**key), await front.open(**key)
    assert (first.conversation_id, first.secret, first.opening) == (
        again.conversation_id,
        again.secret,
        again.opening,
    )
    customer = await front.open("u1001", **key)
    other = await front.open("u1002", **key)
    assert len({c.conversation_id for c in (first, customer, other)}) == 3
    assert len(rasa.calls) == 3


async def test_a_failure_inside_tells_nothing(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: Any, **__: Any) -> Any:
        raise RuntimeError("secret detail 13812345678")

    shopper = await front.open()
    monkeypatch.setattr(front.conversations._store, "accept", fail)
    got = await shopper.post(text="在吗")
    assert got.status == 500 and "secret" not in json.dumps(got.json) and got.headers["X-Request-Id"]
