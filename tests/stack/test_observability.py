"""The real processes, watched: one trace through all of them, clean logs, true figures, an end in order."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import threading
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bot.app import children
from bot.app.client import ApiError, ChatSession, FrontClient, FrontUnreachableError
from persona.telemetry import tracing
from tests.stack.harness import SPECS, Stack, until

pytestmark = pytest.mark.stack

GIVEN = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
RASA_METRICS = "/webhooks/front/metrics"


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack as production logs, behind a proxy of this machine."""
    folder = tmp_path_factory.mktemp("watched") / "data"
    with Stack(folder, log_format="json", trusted_proxies="127.0.0.0/8", drain_s=0.2) as running:
        yield running


def raw_log(stack: Stack, name: str) -> str:
    return children.log_path(SPECS[name], stack.settings).read_text("utf-8")


def lines(stack: Stack, name: str) -> list[dict[str, Any]]:
    """Return the log lines of a process: each is an object, but for the word that it serves."""
    return [json.loads(line) for line in raw_log(stack, name).splitlines() if line != "ready"]


def get(port: int, path: str, **headers: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def figures(port: int, path: str = "/metrics") -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    status, text = get(port, path)
    assert status == 200
    return {
        (s.name, frozenset(s.labels.items())): s.value
        for family in text_string_to_metric_families(text)
        for s in family.samples
    }


# -- one trace ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", ["", GIVEN])
def test_one_message_is_followed_through_all_processes(watched: Stack, given: str) -> None:
    shopper = watched.shopper("u1002")
    cid, message_id = shopper.session.conversation_id, f"trace_{uuid.uuid4().hex}"
    body = {"conversation_id": cid, "message_id": message_id, "text": "我的快递到哪了"}
    headers = {"X-Conversation-Secret": shopper.session.secret, **({"traceparent": given} if given else {})}
    watched.client().request("POST", "/api/v1/chat", body, headers)
    trace_id = given[3:35] or tracing.of_message(cid, message_id).trace_id
    found = {
        name: [told for told in lines(watched, name) if told.get("trace_id") == trace_id] for name in SPECS
    }
    assert any(line["message"] == "answered" for line in found["front"])
    assert any(line["message"] == "turn" and line["intent"] for line in found["rasa"])
    assert any(line["message"].startswith("action ") for line in found["actions"])
    assert any(line["message"] == "shop call" and line["operation"] for line in found["actions"])
    for name, told in found.items():
        assert all(line["process"] == name and line["conversation_id"] == cid for line in told), told


# -- nothing personal --------------------------------------------------------------------------------------

PRIVATE = {
    "name": "欧阳清扬",
    "phone": "13912345678",
    "address": "江苏省南京市玄武区珠江路88号3栋402室",
    "identity": "320102199003071234",
    "bank card": "6222021234567890128",
    "mail": "ouyang.qingyang@example.com",
}


def test_no_log_holds_anything_personal_or_secret(watched: Stack) -> None:
    """Says it all in every place that a shopper can write to, in good days and in bad ones."""
    said = (
        "收件人{name}，电话{phone}，地址{address}，身份证{identity}，卡号{bank card}，邮箱{mail}，快递到哪了"
    )
    everything = said.format_map(PRIVATE)
    shopper = watched.shopper("u1006")
    secrets = {shopper.session.secret, watched.token("u1006")}
    client = watched.client()

    def try_all(shopper_of: Any) -> None:
        for text in (
            everything,
            "改地址",
            everything,
            "转人工，我叫" + PRIVATE["name"],
            PRIVATE["phone"],
            "取消",
        ):
            shopper_of.say(text)

    try_all(shopper)
    watched.fault("down")
    try_all(watched.shopper("u1011"))
    watched.fault("")
    headers = {"X-Conversation-Secret": shopper.session.secret}
    whole: dict[str, Any] = {"conversation_id": shopper.session.conversation_id}
    for body in (
        {**whole, "message_id": PRIVATE["phone"], "text": everything},
        {**whole, "message_id": PRIVATE["phone"], "text": "别的"},
        {**whole, "message_id": "x", everything: everything},
        {**whole, "message_id": "y", "button": PRIVATE["phone"]},
        {"conversation_id": everything, "message_id": "z", "text": everything},
    ):
        try:
            client.request("POST", "/api/v1/chat", body, headers)
        except ApiError as refused:
            assert refused.status < 500, refused
    for port, path, name in (
        (watched.settings.rasa_port, "/webhooks/front/turn", "rasa_secret"),
        (watched.settings.action_port, "/webhook", "action_secret"),
    ):
        secret = getattr(watched.settings, name)
        for body in (
            {"text": everything, "conversation_id": everything, "message_id": "1"},
            {
                "next_action": everything,
                "tracker": {
                    "sender_id": everything,
                    "slots": {"a": everything},
                    "latest_message": {"text": everything},
                    "events": [],
                },
            },
            [everything],
        ):
            inner = FrontClient(f"http://127.0.0.1:{port}")
            with contextlib.suppress(ApiError):
                inner.request("POST", path, body, {"X-Zhixin-Secret": secret})
    watched.kill("actions")  # what Rasa says of an action server that is away
    thread = threading.Thread(target=lambda: watched.returning(shopper).say(everything), daemon=True)
    thread.start()
    time.sleep(1.5)
    watched.start("actions")
    thread.join(40)
    settings = watched.settings
    secrets |= {settings.rasa_secret, settings.action_secret, settings.assertion_key, settings.data_keys}
    secrets |= {
        part.partition("=")[2] for key in (settings.token_keys, settings.data_keys) for part in key.split(",")
    }
    for name in SPECS:
        told = raw_log(watched, name)
        for kind, private in {**PRIVATE, **{f"secret {n}": s for n, s in enumerate(secrets)}}.items():
            assert private not in told, f"{kind} in {name}'s log"
        for text in ("玄武区", "珠江路", "收件人", "快递到哪了"):
            assert text not in told, f"{text} in {name}'s log"
        assert lines(watched, name)  # each an object
        assert not re.search(r"(?<![0-9A-Za-z.])1[3-9]\d{9}(?![0-9A-Za-z])", told)


# -- figures and health ------------------------------------------------------------------------------------


def test_the_three_tell_what_they_do_and_to_whom(watched: Stack) -> None:
    settings = watched.settings
    doors = {
        "front": (settings.front_port, "/metrics"),
        "rasa": (settings.rasa_port, RASA_METRICS),
        "actions": (settings.action_port, "/metrics"),
    }
    before = {name: figures(*door) for name, door in doors.items()}
    shopper = watched.shopper("u1001")
    shopper.say("我的快递到哪了")
    shopper.say("咕噜咕噜哇啦哇啦")
    after = {name: figures(*door) for name, door in doors.items()}

    def more(process: str, name: str, **labels: str) -> float:
        key = (name, frozenset(labels.items()))
        return after[process].get(key, 0.0) - before[process].get(key, 0.0)

    assert more("front", "zhixin_messages_total", channel="rest", kind="text") == 2
    assert more("rasa", "zhixin_intents_total", intent="track_shipment") == 1
    assert more("rasa", "zhixin_turns_total", outcome="ok") >= 2
    assert more("rasa", "zhixin_stage_seconds_count", stage="parse") == 2
    assert (
        sum(
            v - before["actions"].get(k, 0.0)
            for k, v in after["actions"].items()
            if k[0] == "zhixin_actions_total"
        )
        >= 1
    )
    assert (
        sum(
            v - before["actions"].get(k, 0.0)
            for k, v in after["actions"].items()
            if k[0] == "zhixin_shop_calls_total"
        )
        >= 1
    )
    for name, (port, path) in doors.items():
        assert ("zhixin_build_info", "process", name) in {
            (k[0], *label) for k in after[name] for label in k[1]
        }
        assert get(port, path, **{"X-Forwarded-For": "127.0.0.1"})[0] in (401, 404)
        values = {value for _, labels in after[name] for _, value in labels}
        assert not any(re.search(r"c_\w{20}|u1\d{3}|\d{9}|[一-鿿]", value) for value in values), name
        assert len(after[name]) < 1500


def test_each_process_says_what_it_can_do(watched: Stack) -> None:
    assert json.loads(get(watched.settings.front_port, "/readyz")[1])["degraded"] == []
    status, told = get(watched.settings.action_port, "/health")
    assert (status, json.loads(told)) == (200, {"status": "ok", "shop": True})
    told = get(watched.settings.rasa_port, "/webhooks/front/health")[1]
    assert json.loads(told) == {"ready": True, "draining": False, "checks": {"model": True, "trackers": True}}


# -- the end -----------------------------------------------------------------------------------------------

SAYINGS = ("我的快递到哪了", "我有多少积分", "你们几点下班", "查一下我的订单", "有什么耳机推荐", "谢谢")


class Chatting(threading.Thread):
    """A shopper who says one thing after another, and each again under its id until it is answered."""

    def __init__(self, number: int, url: str, token: str, over: threading.Event) -> None:
        super().__init__(daemon=True)
        self._url, self._number, self._over = url, number, over
        self.session = ChatSession.open(FrontClient(url), token)
        self.accepted: list[str] = []
        self.refused: set[str] = set()

    def run(self) -> None:
        turn = 0
        while not self._over.is_set():
            message_id = f"end_{self._number}_{turn}"
            self._say(SAYINGS[(turn + self._number) % len(SAYINGS)], message_id)
            self.accepted.append(message_id)
            turn += 1

    def _say(self, text: str, message_id: str) -> None:
        body = {"conversation_id": self.session.conversation_id, "message_id": message_id, "text": text}
        headers = {"X-Conversation-Secret": self.session.secret}
        while True:
            try:
                answer = FrontClient(self._url).request("POST", "/api/v1/chat", body, headers)
                if not answer.get("pending"):
                    return
            except ApiError as refused:
                assert refused.status in (503, 429), refused
                self.refused.add(str(refused.body["error"]["code"]))
            except FrontUnreachableError:
                self.refused.add("unreachable")
            time.sleep(0.2)


def stop_the_front(stack: Stack) -> None:
    """As the supervisor does first, and as an update of one front among several does."""
    stack.stop("front")


def stop_at_once(stack: Stack) -> None:
    """As a service manager that signals all processes of a unit; the supervisor's signals come on top."""
    for name in SPECS:
        os.kill(stack.pid(name), signal.SIGTERM)
    for name in ("front", "rasa", "actions"):
        stack.stop(name)


def test_told_to_stop_under_load_every_message_is_answered_once(watched: Stack) -> None:
    over = threading.Event()
    customers = [f"u10{n:02d}" for n in range(1, 11)]
    shoppers = [Chatting(n, watched.url, watched.token(c), over) for n, c in enumerate(customers)]
    for shopper in shoppers:
        shopper.start()
    for stop in (stop_the_front, stop_at_once):
        reached = [len(s.accepted) for s in shoppers]
        until(lambda r=reached: all(len(s.accepted) > n + 1 for s, n in zip(shoppers, r, strict=True)), 60)
        began = len(lines(watched, "front"))
        stop(watched)
        told = lines(watched, "front")[began:]
        assert any(line["message"].startswith("told to stop") for line in told)
        assert not [line for line in told if line["level"] in ("ERROR", "CRITICAL")]
        watched.heal()
    reached = [len(s.accepted) for s in shoppers]
    until(lambda: all(len(s.accepted) > n + 1 for s, n in zip(shoppers, reached, strict=True)), 60)
    over.set()
    for shopper in shoppers:
        shopper.join(30)
        assert not shopper.is_alive()
    assert any("restarting" in s.refused for s in shoppers)
    for shopper in shoppers:
        client = FrontClient(watched.url)
        said = ChatSession(client, shopper.session.conversation_id, shopper.session.secret).messages()
        mine = [m["message_id"] for m in said if m["author"] == "shopper"]
        assert mine == shopper.accepted  # each stored once, in order
        for message_id in mine:
            answers = [m for m in said if m["in_reply_to"] == message_id]
            words = [m for m in answers if m["type"] != "notice"]
            # Where the actions ended first the one answer may be the apology, a notice with a way on.
            kept = words or [m for m in answers if m.get("buttons")]
            assert len({m["at"] for m in kept}) == 1, (message_id, answers)
