"""Identity is proven by a signature on each message, and by nothing else."""

from __future__ import annotations

import time
from typing import Any

import jwt
import pytest

from actions.identity import ACTIONS, FRONT, UNKNOWN_SOURCE, identify, issue_grant

KEY = "k" * 40


@pytest.fixture(autouse=True)
def assertion_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZHIXIN_ASSERTION_KEY", KEY)


def assertion(key: str = KEY, algorithm: str = "HS256", **changes: Any) -> str:
    claims = {
        "iss": FRONT, "aud": ACTIONS, "cid": "c_1", "mid": "m_1", "sub": "u1",
        "orders": ["202611200001"], "net": "n1", "exp": int(time.time()) + 60,
    }  # fmt: skip
    claims.update(changes)
    return jwt.encode({k: v for k, v in claims.items() if v is not None}, key, algorithm=algorithm)


def message(token: object) -> dict[str, Any]:
    return {"metadata": {"assertion": token}, "message_id": "raw"}


def test_a_valid_assertion_proves_customer_orders_and_source() -> None:
    identity = identify("c_1", message(assertion()))
    assert (identity.customer_id, identity.message_id, identity.source) == ("u1", "m_1", "n1")
    assert identity.orders == {"202611200001"}


@pytest.mark.parametrize(
    "token",
    [
        assertion(key="x" * 40),
        assertion(exp=int(time.time()) - 60),
        assertion(exp=int(time.time()) + 7200),
        assertion(exp=None),
        assertion(cid="c_2"),
        assertion(iss=ACTIONS),
        assertion(aud=FRONT),
        assertion(key="", algorithm="none"),
        "rubbish",
        None,
        {"sub": "u1"},
    ],
    ids=[
        "other key", "over", "too long", "endless", "other conversation", "of the actions", "for the front",
        "unsigned", "rubbish", "none", "no text",
    ],
)  # fmt: skip
def test_anything_else_proves_nothing(token: object) -> None:
    identity = identify("c_1", message(token))
    assert identity.anonymous
    assert not identity.orders
    assert identity.source == UNKNOWN_SOURCE


def test_without_a_key_nothing_is_proven(monkeypatch: pytest.MonkeyPatch) -> None:
    token = assertion()
    monkeypatch.delenv("ZHIXIN_ASSERTION_KEY")
    assert identify("c_1", message(token)).anonymous


def test_a_grant_opens_its_order_in_its_own_turn_only() -> None:
    anonymous = message(assertion(sub=None, orders=[]))
    identity = identify("c_1", anonymous)
    grant = issue_grant(identity, "202611200009")
    assert identify("c_1", anonymous, grant).orders == {"202611200009"}
    assert identify("c_1", anonymous, grant).anonymous
    assert not identify("c_1", message(assertion(sub=None, orders=[], mid="m_2")), grant).orders
    assert not identify("c_2", message(assertion(sub=None, orders=[], cid="c_2")), grant).orders


def test_an_assertion_is_no_grant_and_a_forged_grant_opens_nothing() -> None:
    anonymous = message(assertion(sub=None, orders=[]))
    assert not identify("c_1", anonymous, assertion()).orders
    forged = assertion(key="y" * 40, iss=ACTIONS, aud=FRONT)
    assert not identify("c_1", anonymous, forged).orders
