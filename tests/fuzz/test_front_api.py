"""The front keeps to its OpenAPI document, whatever is sent: schemathesis asks it what nobody would."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import settings
from schemathesis.config import SchemathesisConfig

from tests.fuzz.live import LiveFront
from tests.fuzz.pace import pace

PACE = pace(20)
#: What may be answered to a request of the right form, beside what schemathesis expects itself.
USUAL = ["2xx", "3xx", "401", "403", "404", "409", "429"]
CONFIG = {
    "checks": {
        "positive_data_acceptance": {"expected-statuses": USUAL},
        # It wants 401. A wrong secret is the same 404 as no conversation, on purpose; tests/bot/channels
        # looks at that.
        "ignored_auth": {"enabled": False},
    },
    "operations": [
        {  # a button that was not offered; a text that shows nothing
            "include-name": "POST /api/v1/chat",
            "checks": {"positive_data_acceptance": {"expected-statuses": [*USUAL, "422"]}},
        },
        {  # hardly any of these files is a picture, or context JSON
            "include-name": "POST /api/v1/conversations/{conversation_id}/pictures",
            "checks": {"positive_data_acceptance": {"expected-statuses": [*USUAL, "400", "422"]}},
        },
        {  # no cursor that we have made
            "include-name": "GET /api/v1/conversations/{conversation_id}/earlier",
            "checks": {"positive_data_acceptance": {"expected-statuses": [*USUAL, "422"]}},
        },
        {  # this front has no shop
            "include-path-regex": "^/(api/v1/shelf/|demo/products|demo/my-orders)",
            "checks": {
                "positive_data_acceptance": {"expected-statuses": [*USUAL, "503"]},
                "not_a_server_error": {"enabled": False},
            },
        },
        {  # these are no handshakes
            "include-name": "GET /api/v1/ws",
            "checks": {"positive_data_acceptance": {"expected-statuses": ["426"]}},
        },
    ],
}


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveFront]:
    with LiveFront(tmp_path_factory.mktemp("live")) as running:
        yield running


@pytest.fixture(scope="module")
def document(live: LiveFront) -> Any:
    return _document(live, {})


@pytest.fixture(scope="module")
def right_form(live: LiveFront) -> Any:
    return _document(live, {"generation": {"mode": "positive"}})


def _document(live: LiveFront, more: dict[str, Any]) -> Any:
    config = SchemathesisConfig.from_dict({**CONFIG, **more})
    return schemathesis.openapi.from_url(f"{live.url}/api/v1/openapi.json", config=config)


strangers = schemathesis.pytest.from_fixture("document")
inside = schemathesis.pytest.from_fixture("right_form")


@strangers.parametrize()
@PACE
def test_strangers(case: schemathesis.Case) -> None:
    case.call_and_validate()


@inside.parametrize()
@PACE
def test_inside_a_conversation(case: schemathesis.Case, live: LiveFront) -> None:
    """Requests of the right form, to a conversation that is there and with what opens it."""
    if "conversation_id" in (case.path_parameters or {}):
        case.path_parameters["conversation_id"] = live.conversation.conversation_id
    if isinstance(case.body, dict) and "conversation_id" in case.body:
        case.body["conversation_id"] = live.conversation.conversation_id
    case.call_and_validate(headers=live.credentials)


def test_from_call_to_call(right_form: Any, live: LiveFront) -> None:
    """Conversations are opened, written to, read, switched and logged into, as the links lead."""
    secrets: dict[str, str] = {}
    reached: set[str] = set()

    class Talk(right_form.as_state_machine()):  # type: ignore[misc]
        def get_call_kwargs(self, case: schemathesis.Case) -> dict[str, Any]:
            body = case.body if isinstance(case.body, dict) else {}
            found = (case.path_parameters or {}).get("conversation_id") or body.get("conversation_id")
            secret = secrets.get(found, "") if isinstance(found, str) else ""
            headers = {"X-Conversation-Secret": secret} if secret else {}
            if secret and case.operation.label.endswith("identify"):
                headers["Authorization"] = live.credentials["Authorization"]
            return {"headers": headers} if headers else {}

        def after_call(self, response: Any, case: schemathesis.Case) -> None:
            if response.status_code in (200, 201) and case.operation.label == "POST /api/v1/conversations":
                opened = response.json()
                secrets[opened["conversation_id"]] = opened["secret"]
            if response.status_code < 300:
                reached.add(case.operation.label)

    Talk.run(settings=settings(pace(25), stateful_step_count=12))
    assert secrets
    assert {label for label in reached if "conversation" in label or "chat" in label} >= {
        "POST /api/v1/conversations",
        "POST /api/v1/chat",
        "GET /api/v1/conversations/{conversation_id}/messages",
        "GET /api/v1/conversations/{conversation_id}/earlier",
        "PUT /api/v1/conversations/{conversation_id}/personalisation",
        "POST /api/v1/conversations/{conversation_id}/identify",
    }
