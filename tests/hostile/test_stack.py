"""The real three processes in production mode under hostile strings; no secret is told by anything."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.app import children
from bot.app.front_settings import FrontSettings
from bot.app.settings import (
    OPTIONAL_SECRET_KEYS,
    PROJECT_ROOT,
    SECRET_KEYS,
    Settings,
    SettingsError,
    load,
    variable,
)
from tests.hostile.catalogue import READABLE, leaked
from tests.stack.harness import SPECS, Shopper, Stack

pytestmark = pytest.mark.stack

ALL_SECRETS = (*SECRET_KEYS, *OPTIONAL_SECRET_KEYS)
PASSWORD = "k7Vq2rX9wLmB4nTz"  # of a database, inside its address


def canary(key: str) -> str:
    """The value of a secret that is nowhere else in the world."""
    return base64.urlsafe_b64encode(hashlib.sha256(f"canary {key}".encode()).digest()).decode().rstrip("=")


def secrets() -> dict[str, str]:
    """A canary for each secret, in the form that it has."""
    named = ("data_keys", "token_keys", "event_keys")
    return {key: f"k1={canary(key)}" if key in named else canary(key) for key in ALL_SECRETS}


def told(text: str) -> list[str]:
    """Which secrets a text tells."""
    return [key for key in ALL_SECRETS if canary(key)[:20] in text] + ["password"] * (PASSWORD in text)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("hostile") / "data"
    with Stack(folder, mode="production", log_level="DEBUG", **secrets()) as running:
        yield running


@pytest.fixture(scope="module")
def shoppers(stack: Stack) -> list[Shopper]:
    """One who is known and one who is not, after they have written every hostile string."""
    both = [stack.shopper("u1002"), stack.shopper()]
    for number, text in enumerate(READABLE):
        # Half of them each, and each form of state is met by some: questions wait for these answers too.
        shopper = both[number % 2]
        if number % 10 < 2:
            shopper.say("我要退货" if number % 4 < 2 else "改一下地址")
        replies = shopper.say(text, message_id=f"h-{number}").replies
        assert replies, text
        said = "\n".join(str(reply.get("text", "")) for reply in replies)
        assert not leaked(said), (text, said)
        figures = re.findall(r"\d+", re.sub(r"\d+:\d+", "", said))  # a moment is no product of 7 and 7
        assert "49" not in figures or "7" not in text, (text, said)
    return both


def test_every_hostile_string_is_answered_and_kept_as_it_is(shoppers: list[Shopper]) -> None:
    for parity, shopper in enumerate(shoppers):
        kept = [m["text"] for m in shopper.messages() if str(m.get("message_id", "")).startswith("h-")]
        assert kept == READABLE[parity::2]


def test_nothing_typed_was_a_command(stack: Stack, shoppers: list[Shopper]) -> None:
    """Nobody was restarted, switched off or given to a person, and both are still answered."""
    for shopper in shoppers:
        answer = shopper.say("你好")
        assert answer.replies and not leaked(answer.text)
    # A command would have been answered by what it does; here each was a text that was not understood.
    fresh = stack.shopper()
    for text in ("/restart", "\u200b/personalisation_off", "\uff0fask_human", " /back"):
        before = len(fresh.messages())
        fresh.say(text)
        assert len(fresh.messages()) > before


def lines(stack: Stack, name: str) -> list[str]:
    path = children.log_path(SPECS[name], stack.settings)
    return [line for line in path.read_text("utf-8").splitlines() if line.strip()]


@pytest.mark.parametrize("name", SPECS)
def test_no_line_of_a_log_was_forged(stack: Stack, shoppers: list[Shopper], name: str) -> None:
    assert shoppers
    for line in lines(stack, name):
        if line == "ready":
            continue
        entry = json.loads(line)  # one line, one object: nothing breaks out of it
        assert entry["message"] != "forged" and entry["level"] != "CRITICAL", line
        assert "\x1b" not in line and not leaked(line), line
        assert entry["level"] != "ERROR", line


@pytest.mark.parametrize("name", SPECS)
def test_no_log_tells_a_secret_or_what_was_said(stack: Stack, shoppers: list[Shopper], name: str) -> None:
    assert shoppers
    whole = "\n".join(lines(stack, name))
    assert not told(whole)
    assert shoppers[0].session.secret not in whole
    assert "DROP TABLE" not in whole and "忽略之前的所有指令" not in whole


@pytest.mark.parametrize("name", SPECS)
def test_no_process_shows_a_secret_to_others(stack: Stack, name: str) -> None:
    place = Path(f"/proc/{stack.pid(name)}")
    if not place.exists():
        pytest.skip("no /proc here")
    shown = (place / "cmdline").read_bytes() + (place / "comm").read_bytes() + (place / "status").read_bytes()
    assert not told(shown.decode("utf-8", "replace"))
    # Each process knows the secrets that it needs, and no others.
    known = set(told((place / "environ").read_text("utf-8", "replace")))
    assert known <= {*SPECS[name].keys, "data_keys"} & {*ALL_SECRETS}


# The inner doors

RASA = [
    *(
        "GET /",
        "GET /version",
        "GET /status",
        "GET /conversations/c_1/tracker",
        "GET /conversations/c_1/story",
    ),
    *(
        "POST /conversations/c_1/messages",
        "POST /conversations/c_1/execute",
        "POST /conversations/c_1/predict",
    ),
    *(
        "POST /conversations/c_1/trigger_intent",
        "POST /conversations/c_1/tracker/events",
        "POST /model/train",
    ),
    *("PUT /conversations/c_1/tracker/events", "POST /model/parse", "POST /model/test/intents", "PUT /model"),
    *(
        "POST /model/predict",
        "DELETE /model",
        "GET /domain",
        "POST /webhooks/rest/webhook",
        "GET /webhooks/rest/",
    ),
    *(
        "POST /webhooks/callback/webhook",
        "GET /socket.io/?EIO=4&transport=polling",
        "GET /webhooks/socketio/",
    ),
    *(
        "GET /webhooks/front/",
        "GET /webhooks/front/turn",
        "POST /webhooks/front/turn",
        "PUT /webhooks/front/turn",
    ),
    *("POST /webhooks/front/../../model/train", "GET /webhooks/front/..%2f..%2fdomain", "OPTIONS /domain"),
]
ACTIONS = [
    *(
        "GET /",
        "POST /webhook",
        "POST /webhook/",
        "GET /actions",
        "GET /status",
        "GET /version",
        "PUT /webhook",
    ),
    *("OPTIONS /webhook", "POST /../webhook", "GET /docs", "GET /openapi.json", "POST /health/../webhook"),
]
WRONG = [None, "", "wrong", "\x00", "字".encode().decode("latin-1"), "a" * 5000]


def asked(port: int, line: str, secret: str | None, body: str = "{}") -> tuple[int, str]:
    method, path = line.split(" ")
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    headers = {"Content-Type": "application/json"} | ({} if secret is None else {"X-Zhixin-Secret": secret})
    try:
        connection.request(method, path, body, headers)
        got = connection.getresponse()
        return got.status, got.read().decode("utf-8", "replace")
    except (ValueError, ConnectionError, http.client.HTTPException):
        return 400, ""  # no such header can be sent, or the server hung up
    finally:
        connection.close()


@pytest.mark.parametrize("secret", WRONG, ids=[f"{s!a:.12}" for s in WRONG])
def test_the_inner_doors_open_for_nobody_without_the_secret(stack: Stack, secret: str | None) -> None:
    turn = {"conversation_id": "c_1", "message_id": "m_1", "text": "在吗", "personalisation": True}
    action = {"next_action": "action_listen", "sender_id": "c_1", "tracker": {}, "domain": {}}
    for port, routes in ((stack.settings.rasa_port, RASA), (stack.settings.action_port, ACTIONS)):
        for line in routes:
            for body in ("{}", "[" * 5000, json.dumps(turn), json.dumps(action)):
                status, text = asked(port, line, secret, body)
                # Rasa's CORS answers OPTIONS everywhere, with nothing.
                told_nothing = line.startswith("OPTIONS") and status == 200 and not text
                assert told_nothing or status in (400, 401, 404, 405, 413), (line, status, text[:200])
                assert not leaked(text) and not told(text) and len(text) < 400, (line, text[:400])


def test_one_secret_opens_one_door(stack: Stack) -> None:
    own = secrets()
    assert asked(stack.settings.rasa_port, "POST /webhooks/front/turn", own["action_secret"])[0] == 401
    assert asked(stack.settings.action_port, "POST /webhook", own["rasa_secret"])[0] == 401
    # With its own secret Rasa still has no other entrance, and a malformed call is told so and no more.
    for line in RASA[:20]:
        assert asked(stack.settings.rasa_port, line, own["rasa_secret"])[0] in (404, 405), line
    status, text = asked(stack.settings.rasa_port, "POST /webhooks/front/turn", own["rasa_secret"], "[")
    assert status == 400 and not leaked(text)
    status, text = asked(stack.settings.action_port, "POST /webhook", own["action_secret"], "[" * 3000)
    assert status in (400, 500) and not leaked(text) and len(text) < 200


def test_the_inner_doors_are_on_this_machine_only(stack: Stack) -> None:
    if not Path("/proc/net/tcp").exists():
        pytest.skip("no /proc here")
    listening = {
        row.split()[1]
        for table in ("tcp", "tcp6")
        for row in Path(f"/proc/net/{table}").read_text().splitlines()[1:]
        if row.split()[3] == "0A"
    }
    for port in (stack.settings.rasa_port, stack.settings.action_port, stack.settings.front_port):
        found = {
            address.rpartition(":")[0] for address in listening if int(address.rpartition(":")[2], 16) == port
        }
        assert found == {"0100007F"}, (port, found)


def test_what_the_front_answers_tells_no_secret(stack: Stack) -> None:
    client = http.client.HTTPConnection("127.0.0.1", stack.settings.front_port, timeout=20)
    whole = ""
    for path in (
        "/",
        "/api/v1/openapi.json",
        "/healthz",
        "/readyz",
        "/metrics",
        "/desk/login",
        "/nothing",
        "/demo/login",
    ):
        client.request("GET", path)
        got = client.getresponse()
        whole += str(got.headers) + got.read().decode("utf-8", "replace")
    assert not told(whole) and "Python/" not in whole and "aiohttp" not in whole


# Starts that fail, commands, objects


def command(env: dict[str, str], *arguments: str) -> str:
    ran = subprocess.run(
        [sys.executable, "-m", "bot.app.cli", *arguments],
        cwd=PROJECT_ROOT,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return ran.stdout + ran.stderr


def wrong_settings() -> dict[str, dict[str, str]]:
    good = {variable(key): value for key, value in secrets().items()} | {"ZHIXIN_MODE": "production"}
    address = f"postgresql://zhixin:{PASSWORD}@127.0.0.1:1/none"
    return {
        "a database that is not there": {**good, "ZHIXIN_RECORD_URL": address},
        "an address that is none": {**good, "ZHIXIN_SHOP_URL": f"mysql://zhixin:{PASSWORD}@db/none"},
        "a port that is none": {**good, "ZHIXIN_FRONT_PORT": "many"},
        "keys without names": {
            **good,
            "ZHIXIN_DATA_KEYS": canary("data_keys"),
            "ZHIXIN_TOKEN_KEYS": canary("token_keys"),
        },
        "the same secret twice": {**good, "ZHIXIN_RASA_SECRET": canary("action_secret")},
        "a slip of the pen": {**good, "ZHIXIN_ASSERTION_KEYS": canary("assertion_key")},
        "a short one": {**good, "ZHIXIN_ASSERTION_KEY": canary("assertion_key")[:22]},
    }


@pytest.mark.parametrize("name", wrong_settings())
def test_a_start_that_fails_tells_why_and_no_secret(tmp_path: Path, name: str) -> None:
    env = {**wrong_settings()[name], "ZHIXIN_DATA_DIR": str(tmp_path)}
    output = command(env, "db", "upgrade") if "database" in name else command(env, "run")
    assert output.strip() and not told(output), output
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or not told(path.read_text("utf-8", "replace")), path


def test_help_and_objects_tell_no_secret(tmp_path: Path) -> None:
    env = {variable(key): value for key, value in secrets().items()}
    env |= {"ZHIXIN_MODE": "production", "ZHIXIN_DATA_DIR": str(tmp_path)}
    env["ZHIXIN_TRACKER_URL"] = f"postgresql://zhixin:{PASSWORD}@127.0.0.1/none"
    assert not told(command(env, "--help") + command(env, "run", "--help"))
    settings = load(env, tmp_path)
    shown: list[Any] = [
        settings,
        FrontSettings.from_environment({**env, "ZHIXIN_RECORD_URL": env["ZHIXIN_TRACKER_URL"]}),
    ]
    for one in shown:
        assert not told(f"{one} {one!r}")
    assert isinstance(settings, Settings)
    with pytest.raises(SettingsError) as error:
        load({**env, "ZHIXIN_RASA_PORT": "x", "ZHIXIN_DATA_KEYS": canary("data_keys")}, tmp_path)
    assert not told(f"{error.value} {error.value!r} {error.value.problems}")
