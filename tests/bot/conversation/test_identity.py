"""Identity is proven: assertions out, grants in, and what an invalid one cannot do."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest

from bot.conversation.assertion import Assertions
from bot.conversation.errors import AssertionInvalidError
from bot.conversation.schema import SHANGHAI
from tests.bot.conversation.harness import ASSERTION_KEY, Front, rows, token, vault
from tests.bot.conversation.rasa_stub import RasaStub, answer

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=SHANGHAI)


def read(call: dict[str, Any]) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(
        call["assertion"],
        ASSERTION_KEY,
        algorithms=["HS256"],
        issuer="zhixin-front",
        audience="zhixin-actions",
    )
    return claims


def grant(cid: str, mid: str, *, key: str = ASSERTION_KEY, at: datetime = NOW, **changes: Any) -> str:
    claims = {
        "iss": "zhixin-actions",
        "aud": "zhixin-front",
        "cid": cid,
        "mid": mid,
        "orders": ["202611200001"],
        "iat": int(at.timestamp()),
        "exp": int(at.timestamp()) + 120,
        **changes,
    }
    return jwt.encode({k: v for k, v in claims.items() if v is not None}, key, algorithm="HS256")


async def test_each_message_carries_a_signed_identity(front: Front, rasa: RasaStub) -> None:
    shopper = await front.open("u1001")
    await shopper.say("我的订单", "m_1")
    claims = read(rasa.calls[-1])
    assert (claims["cid"], claims["mid"], claims["sub"]) == (shopper.conversation_id, "m_1", "u1001")
    assert claims["orders"] == [] and claims["exp"] - claims["iat"] <= 300
    assert len(claims["net"]) == 32 and "127.0.0.1" not in str(claims)
    anonymous = await front.open()
    await anonymous.say("我的订单")
    assert "sub" not in read(rasa.calls[-1])


async def test_logging_in_within_a_conversation(front: Front, rasa: RasaStub) -> None:
    shopper = await front.open()
    path = f"/api/v1/conversations/{shopper.conversation_id}/identify"
    headers = {**shopper.headers, "Authorization": f"Bearer {token('u1001')}"}
    first = await front.request("POST", path, headers=headers)
    assert first.status == 200 and first.json["replies"][0]["text"] == "答：identified"
    assert first.json["replies"][0]["in_reply_to"] is None
    assert (await front.request("POST", path, headers=headers)).json == first.json
    await shopper.say("我的订单")
    assert read(rasa.calls[-1])["sub"] == "u1001"
    other = {**shopper.headers, "Authorization": f"Bearer {token('u1002')}"}
    conflict = await front.request("POST", path, headers=other)
    assert (conflict.status, conflict.json["error"]["code"]) == (409, "identity_conflict")
    assert (await front.request("POST", path, headers=shopper.headers)).status == 401
    wrong = {**headers, "X-Conversation-Secret": "wrong"}
    assert (await front.request("POST", path, headers=wrong)).status == 404


async def test_a_verified_order_travels_with_later_messages_of_this_conversation_alone(
    front: Front, rasa: RasaStub
) -> None:
    shopper, other = await front.open(), await front.open()

    def script(request: dict[str, Any]) -> dict[str, Any]:
        at = datetime.now(SHANGHAI)
        made = grant(request["conversation_id"], request["message_id"], at=at)
        directive = {"type": "directive", "directive": "verified", "grant": made}
        return answer(request, [{"text": "核对好了"}, {"custom": directive}])

    rasa.script = script
    (reply,) = await shopper.say("202611200001 尾号 1234")
    assert reply["text"] == "核对好了"
    rasa.script = answer
    await shopper.say("到哪了")
    assert read(rasa.calls[-1])["orders"] == ["202611200001"]
    await other.say("到哪了")
    assert read(rasa.calls[-1])["orders"] == []


async def test_a_forged_grant_opens_nothing_and_is_not_called_a_success(front: Front, rasa: RasaStub) -> None:
    shopper = await front.open()

    def script(request: dict[str, Any]) -> dict[str, Any]:
        made = grant(
            request["conversation_id"], request["message_id"], key="x" * 40, at=datetime.now(SHANGHAI)
        )
        directive = {"type": "directive", "directive": "verified", "grant": made}
        return answer(request, [{"custom": directive}])

    rasa.script = script
    (reply,) = await shopper.say("202611200001 尾号 1234")
    assert reply["text"].startswith("utter_apology")
    rasa.script = answer
    await shopper.say("到哪了")
    assert read(rasa.calls[-1])["orders"] == []


@pytest.mark.parametrize(
    "made",
    [
        grant("c_1", "m_1", key="another-key-another-key-another-key-0"),
        grant("c_2", "m_1"),
        grant("c_1", "m_2"),
        grant("c_1", "m_1", iss="zhixin-front"),
        grant("c_1", "m_1", aud="zhixin-actions"),
        grant("c_1", "m_1", at=NOW - timedelta(seconds=200)),
        grant("c_1", "m_1", at=NOW + timedelta(seconds=60)),
        grant("c_1", "m_1", exp=None),
        grant("c_1", "m_1", orders=["1", "2"]),
        grant("c_1", "m_1", orders=[]),
        grant("c_1", "m_1", orders="1"),
        jwt.encode({"iss": "zhixin-actions", "aud": "zhixin-front"}, None, algorithm="none"),
        "",
        None,
        5,
    ],
)
def test_grants_that_open_nothing(made: Any) -> None:
    with pytest.raises(AssertionInvalidError):
        Assertions(ASSERTION_KEY, lambda: NOW).granted_orders(made, conversation_id="c_1", message_id="m_1")


def test_a_grant_opens_its_order_and_an_old_one_only_with_a_replayed_turn() -> None:
    assertions = Assertions(ASSERTION_KEY, lambda: NOW)
    ids = {"conversation_id": "c_1", "message_id": "m_1"}
    assert assertions.granted_orders(grant("c_1", "m_1"), **ids) == ("202611200001",)
    old = grant("c_1", "m_1", at=NOW - timedelta(hours=1))
    assert assertions.granted_orders(old, **ids, replayed=True) == ("202611200001",)
    with pytest.raises(AssertionInvalidError):
        assertions.granted_orders(grant("c_1", "m_1", at=NOW - timedelta(days=2)), **ids, replayed=True)


async def test_a_request_for_a_person_is_stored_once_with_its_deadline(
    front: Front, rasa: RasaStub, tmp_path: Path
) -> None:
    shopper = await front.open("u1001")
    directive = {
        "type": "directive",
        "directive": "request_human",
        "reason": "ask",
        "contact": None,
        "answer_by": "2026-11-22T10:00:00+08:00",
    }
    rasa.script = lambda request: answer(request, [{"text": "记下了"}, {"custom": directive}])
    await shopper.say("转人工", "m_1")
    await shopper.say("转人工", "m_1")
    query = "select kind, customer_id, contact, answer_by, count(*) from service_requests"
    moment = datetime(2026, 11, 22, 10, 0, tzinfo=SHANGHAI)
    assert rows(tmp_path / "record.db", query) == [
        ("human", "u1001", None, int(moment.timestamp()) * 1000, 1)
    ]


async def test_a_contact_given_later_completes_the_open_request(
    front: Front, rasa: RasaStub, tmp_path: Path
) -> None:
    shopper = await front.open("u1001")
    first = {"type": "directive", "directive": "complaint", "reason": "送来是碎的", "contact": None}
    later = {"type": "directive", "directive": "complaint", "reason": "", "contact": "13912345678"}
    other = {"type": "directive", "directive": "request_human", "reason": "ask", "contact": "13912345678"}
    for number, custom in enumerate((first, {**later, "completes": True}, {**other, "completes": True})):
        rasa.script = lambda request, custom=custom: answer(request, [{"text": "好"}, {"custom": custom}])
        await shopper.say("说明", f"m_{number}")
    stored = rows(
        tmp_path / "record.db", "select kind, contact, reason, conversation_id from service_requests"
    )
    assert [row[0] for row in stored] == ["complaint", "human"], "what completes nothing is a request itself"
    (_, contact, reason, conversation) = stored[0]
    assert vault().open(contact, f"service_requests.contact/{conversation}") == "13912345678"
    assert vault().open(reason, f"service_requests.reason/{conversation}") == "送来是碎的"


async def test_a_call_back_is_changed_and_taken_back_in_its_own_row(
    front: Front, rasa: RasaStub, tmp_path: Path
) -> None:
    shopper = await front.open("u1001")
    base = {"type": "directive", "directive": "callback", "reason": "打给我", "contact": "13912345678"}
    first = {**base, "answer_by": "2026-11-22T10:00:00+08:00"}
    moved = {**base, "contact": None, "answer_by": "2026-11-23T12:00:00+08:00", "completes": True}
    away = {**base, "contact": None, "answer_by": None, "withdraws": True}
    query = "select contact, answer_by, done_at, conversation_id from service_requests"
    stored = []
    for number, custom in enumerate((first, moved, away, away)):
        rasa.script = lambda request, custom=custom: answer(request, [{"text": "好"}, {"custom": custom}])
        await shopper.say("说明", f"m_{number}")
        stored.append(rows(tmp_path / "record.db", query))
    assert all(len(found) == 1 for found in stored)
    (contact, answer_by, done_at, conversation) = stored[1][0]
    assert vault().open(contact, f"service_requests.contact/{conversation}") == "13912345678"
    assert answer_by == int(datetime(2026, 11, 23, 12, 0, tzinfo=SHANGHAI).timestamp()) * 1000
    assert done_at is None
    assert stored[2][0][2] is not None


@pytest.mark.parametrize(
    "directive",
    [
        {"directive": "unheard_of"},
        {"directive": "personalisation", "on": "no"},
        {"directive": "request_human", "reason": 5},
        {"directive": "complaint", "reason": "x", "answer_by": "tomorrow"},
        {"directive": None},
        {"directive": "request_human", "reason": "x", "live": "yes"},
        {"directive": "request_human", "reason": "x", "live": True, "level": "g" * 17},
        {"directive": "escalate", "reason": "temperament", "live": True},
        {"directive": "escalate", "live": True},
    ],
)
async def test_a_directive_that_cannot_be_obeyed_is_no_success(
    front: Front, rasa: RasaStub, directive: dict[str, Any]
) -> None:
    shopper = await front.open()
    rasa.script = lambda request: answer(
        request, [{"text": "办好了"}, {"custom": {"type": "directive", **directive}}]
    )
    assert (await shopper.say("办一下"))[-1]["text"].startswith("utter_apology")
