"""The web application as a whole: document, health, page, headers, demo and production, what it loads."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from bot.app.front_settings import FrontError, FrontSettings
from bot.channels.openapi import document
from bot.channels.page import Page
from tests.bot.conversation.desk_harness import Desk
from tests.bot.conversation.harness import ASSERTION_KEY, DATA_KEYS, TOKEN_KEYS, Answer, Front, token
from tests.bot.conversation.rasa_stub import RasaStub, answer

ROOT = Path(__file__).parents[3]
METHODS = {"get", "post", "put", "delete", "patch"}


def check(operation: dict[str, Any], got: Answer, schemas: dict[str, Any]) -> None:
    """Hold a real answer against what the document promises."""
    promised = operation["responses"][str(got.status)]["content"]["application/json"]["schema"]
    jsonschema.Draft202012Validator({**promised, "components": {"schemas": schemas}}).validate(got.json)


async def test_the_document_tells_the_truth(front: Front, rasa: RasaStub) -> None:
    served = (await front.request("GET", "/api/v1/openapi.json")).json
    assert served == document(demo=True)
    paths, schemas = served["paths"], served["components"]["schemas"]
    for schema in schemas.values():
        jsonschema.Draft202012Validator.check_schema(schema)
    everything = {"custom": {"type": "card", "card": "order", "text": "订单", "data": {"order_number": "1"}}}
    rasa.script = lambda request: answer(
        request, [{"text": "好"}, {"text": "选", "buttons": [{"title": "查", "payload": "/a"}]}, everything]
    )
    one = "/api/v1/conversations/{conversation_id}"
    opened = await front.request(
        "POST", "/api/v1/conversations", headers={"Authorization": f"Bearer {token('u1001')}"}
    )
    check(paths["/api/v1/conversations"]["post"], opened, schemas)
    secret = {"X-Conversation-Secret": opened.json["secret"]}
    cid = opened.json["conversation_id"]
    body = {"conversation_id": cid, "message_id": "m_1", "text": "查订单"}
    jsonschema.validate(body, {"$ref": "#/components/schemas/Chat", "components": {"schemas": schemas}})
    told: list[tuple[str, str, Answer]] = [
        ("/api/v1/chat", "post", await front.request("POST", "/api/v1/chat", json=body, headers=secret)),
        ("/api/v1/chat", "post", await front.request("POST", "/api/v1/chat", json=body)),
        ("/api/v1/chat", "post", await front.request("POST", "/api/v1/chat", headers=secret)),
    ]
    for changes in ({"text": "别的"}, {"message_id": 1}, {"conversation_id": "c_x"}):
        sent = {**body, **changes}
        told.append(
            ("/api/v1/chat", "post", await front.request("POST", "/api/v1/chat", json=sent, headers=secret))
        )
    real = {
        (f"{one}/messages", "get"): {},
        (f"{one}/reading", "get"): {},
        (f"{one}/personalisation", "put"): {"json": {"on": True}},
        (f"{one}/identify", "post"): {"headers": {**secret, "Authorization": f"Bearer {token('u1001')}"}},
    }
    for (path, method), options in real.items():
        whole = path.replace("{conversation_id}", cid)
        told.append(
            (path, method, await front.request(method.upper(), whole, **{"headers": secret, **options}))
        )
        told.append((path, method, await front.request(method.upper(), whole, **{**options, "headers": {}})))
    told += [
        ("/demo/shoppers", "get", await front.request("GET", "/demo/shoppers")),
        ("/demo/login", "post", await front.request("POST", "/demo/login", json={"customer_id": "u1001"})),
        ("/demo/login", "post", await front.request("POST", "/demo/login", json={"customer_id": "nobody"})),
        ("/demo/login", "post", await front.request("POST", "/demo/login", json={"x": 1})),
        ("/healthz", "get", await front.request("GET", "/healthz")),
        ("/readyz", "get", await front.request("GET", "/readyz")),
        ("/api/v1/ws", "get", await front.request("GET", "/api/v1/ws")),
    ]
    for path, method, got in told:
        check(paths[path][method], got, schemas)
    statuses = {(path, got.status) for path, _, got in told}
    assert {("/api/v1/chat", s) for s in (200, 400, 401, 404, 409, 422)} <= statuses


async def test_the_document_tells_the_truth_while_people_answer(front: Front, rasa: RasaStub) -> None:
    served = document(demo=True)
    paths, schemas = served["paths"], served["components"]["schemas"]
    desk = Desk(front)
    agent = await desk.hire("小陈", presence="busy")
    wish = {
        "type": "directive",
        "directive": "request_human",
        "reason": "转人工",
        "live": True,
        "level": "gold",
    }
    shopper = await front.open()
    read = "/api/v1/conversations/{conversation_id}/messages"
    whole = read.replace("{conversation_id}", shopper.conversation_id)

    async def say(line: str) -> dict[str, Any]:
        got = await shopper.post(text=line)
        check(paths["/api/v1/chat"]["post"], got, schemas)
        return dict(got.json)

    async def page() -> dict[str, Any]:
        got = await front.request("GET", whole, headers=shopper.headers)
        check(paths[read]["get"], got, schemas)
        return dict(got.json)

    assert set(await say("在吗")) == {"owner", "style", "replies"}
    rasa.script = lambda request: answer(request, [{"text": "现在转人工。"}, {"custom": wish}])
    waiting = await say("转人工")
    assert (waiting["owner"], waiting["queue"]["position"]) == ("WAITING", 1)
    assert waiting["queue"]["minutes"] >= 1
    assert (await page())["queue"]["position"] == 1
    await desk.hands.take_over(shopper.conversation_id, agent)
    assert (await say("您好"))["agent"] == {"name": "小陈"}
    picture = {"url": "/static/pictures/p101.svg", "width": 320, "height": 240}
    await desk.hands.reply(shopper.conversation_id, agent, key="k1", text="看这张", picture=picture)
    await desk.hands.reply(shopper.conversation_id, agent, key="k2", text="还有别的吗")
    told = await page()
    assert (told["owner"], told["agent"]) == ("HUMAN", {"name": "小陈"})
    first, second = told["messages"][-2:]
    assert (first["type"], first["author"], first["agent"]) == ("picture", "agent", {"name": "小陈"})
    assert {**picture, "text": "看这张"}.items() <= first.items()
    assert (second["type"], second["text"]) == ("text", "还有别的吗")
    await desk.hands.hand_back(shopper.conversation_id, agent, outcome="solved")
    rasa.script = answer
    assert set(await say("好的")) == {"owner", "style", "replies"}
    await desk.hands.take_over(shopper.conversation_id, agent)
    await desk.hands.close(shopper.conversation_id, agent, outcome="solved")
    assert (await page())["owner"] == "CLOSED"
    refused = await shopper.post(text="还在吗")
    check(paths["/api/v1/chat"]["post"], refused, schemas)
    assert refused.status == 409


async def test_every_route_is_in_the_document(front: Front) -> None:
    undocumented = {"/", "/favicon.ico", "/static/{path}", "/pictures/{file}", "/api/v1/openapi.json"}
    undocumented.add("/metrics")  # for who runs it
    undocumented |= {"/widget.js", "/widget", "/widget/", "/widget/a/{build}/{path}"}
    undocumented |= {"/demo", "/demo/", "/demo/p/{product_id}", "/demo/orders", "/demo/orders/{number}"}
    undocumented.add("/demo/files/{path}")
    served = {
        (route.resource.canonical, route.method.lower())
        for route in front.server.app.router.routes()
        if route.resource is not None and route.method != "HEAD"
    }
    written = {
        (path, method)
        for path, item in document(demo=True)["paths"].items()
        for method in METHODS & item.keys()
    }
    # The desk's pages are for people with an account, and no part of the API.
    shoppers = {r for r in served if r[0] not in undocumented and not r[0].startswith("/desk")}
    assert shoppers == written


async def test_nothing_of_the_demo_exists_in_production(rasa: RasaStub, tmp_path: Path) -> None:
    async with Front(f"sqlite:///{tmp_path / 'record.db'}", rasa.port, demo=False) as front:
        shopper = await front.open()
        for method, path in (
            ("GET", "/demo/shoppers"),
            ("POST", "/demo/login"),
            ("GET", "/demo/"),
            ("GET", "/demo/p/p201"),
            ("GET", "/demo/files/shop.js"),
            ("GET", "/demo/products"),
            ("GET", "/demo/my-orders"),
            ("GET", f"/api/v1/conversations/{shopper.conversation_id}/reading"),
        ):
            got = await front.request(method, path, headers=shopper.headers)
            assert (got.status, got.json["error"]["code"]) == (404, "not_found")
        served = (await front.request("GET", "/api/v1/openapi.json")).json
        assert not [path for path in served["paths"] if "demo" in path or "reading" in path]
        assert not [name for name in served["components"]["schemas"] if name.startswith("Demo")]


async def test_a_demo_shopper_logs_in_and_is_that_customer(front: Front, rasa: RasaStub) -> None:
    shoppers = (await front.request("GET", "/demo/shoppers")).json["shoppers"]
    assert len(shoppers) >= 16 and {"customer_id", "name", "hint"} <= set(shoppers[0])
    login = await front.request("POST", "/demo/login", json={"customer_id": shoppers[0]["customer_id"]})
    headers = {"Authorization": f"Bearer {login.json['token']}"}
    assert (await front.request("POST", "/api/v1/conversations", headers=headers)).status == 201
    assert rasa.calls[-1]["history_wanted"] is True


async def test_the_reading_behind_the_replies(front: Front) -> None:
    shopper = await front.open()
    await shopper.say("快点", "m_1")
    path = f"/api/v1/conversations/{shopper.conversation_id}/reading"
    got = (await front.request("GET", path, headers=shopper.headers)).json
    assert got["style"] == "power" and got["message_id"] == "m_1"
    assert got["reading"]["temperament"] == "power" and got["intent"]["name"] == "ask_order_status"


async def test_ready_says_what_is_missing(front: Front, rasa: RasaStub) -> None:
    ready = await front.request("GET", "/readyz")
    assert (ready.status, ready.json["ready"]) == (200, True)
    parts = {"database", "record", "migrations", "rasa", "actions", "shop", "disk"}
    assert set(ready.json["checks"]) == parts
    assert not ready.json["draining"] and not ready.json["degraded"]


async def test_not_ready_without_rasa(front: Front, rasa: RasaStub) -> None:
    await rasa.stop()
    got = await front.request("GET", "/readyz")
    assert got.status == 503
    assert got.json["ready"] is False
    assert {name for name, works in got.json["checks"].items() if not works} == {"rasa", "actions"}
    assert (await front.request("GET", "/healthz")).status == 200


@pytest.mark.parametrize("path", ["/healthz", "/api/v1/nothing", "/", "/static/none.js", "/readyz"])
async def test_security_headers_are_on_every_response(front: Front, path: str) -> None:
    async with front.session.get(front.url(path), headers={"X-Request-Id": "abc-1"}) as got:
        policy = got.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "script-src 'self'" in policy
        assert "unsafe" not in policy and "*" not in policy
        assert got.headers["X-Content-Type-Options"] == "nosniff"
        assert got.headers["X-Frame-Options"] == "DENY"
        assert got.headers["Referrer-Policy"] == "no-referrer"
        assert got.headers["X-Request-Id"] == "abc-1"
        assert "Server" not in got.headers


async def test_a_request_id_of_nonsense_is_replaced(front: Front) -> None:
    async with front.session.get(front.url("/healthz"), headers={"X-Request-Id": "a b<script>"}) as got:
        assert got.headers["X-Request-Id"] and "<" not in got.headers["X-Request-Id"]


async def test_files_below_the_roots_only(tmp_path: Path, front: Front) -> None:
    first, second = tmp_path / "widget", tmp_path / "static"
    for root in (first, second):
        (root / "pictures").mkdir(parents=True)
    (first / "app.js").write_text("1")
    (second / "pictures" / "p001.svg").write_text("<svg/>")
    (second / ".hidden.js").write_text("1")
    (second / "code.py").write_text("1")
    (tmp_path / "secret.js").write_text("1")
    (first / "link.js").symlink_to(tmp_path / "secret.js")
    page = Page((first, second))
    from aiohttp import web
    from aiohttp.test_utils import TestClient, TestServer

    app = web.Application()
    app.add_routes(page.routes())
    async with TestClient(TestServer(app)) as client:
        script = await client.get("/static/app.js")
        assert script.headers["Content-Type"] == "text/javascript; charset=utf-8"
        picture = await client.get("/static/pictures/p001.svg")
        assert picture.status == 200 and picture.headers["Content-Type"] == "image/svg+xml"
        for path in (
            "/static/../secret.js",
            "/static/%2e%2e/secret.js",
            "/static/..%2fsecret.js",
            "/static/link.js",
            "/static/.hidden.js",
            "/static/code.py",
            "/static/pictures",
            "/static//etc/passwd",
            "/static/%00.js",
        ):
            assert (await client.get(path)).status == 404, path


ENVIRONMENT = {
    "ZHIXIN_DATA_KEYS": DATA_KEYS,
    "ZHIXIN_ASSERTION_KEY": ASSERTION_KEY,
    "ZHIXIN_RASA_SECRET": "s" * 40,
    "ZHIXIN_TOKEN_KEYS": TOKEN_KEYS,
}


@pytest.mark.parametrize("name", ENVIRONMENT)
def test_no_secret_has_a_default(name: str) -> None:
    with pytest.raises(FrontError, match=name):
        FrontSettings.from_environment({k: v for k, v in ENVIRONMENT.items() if k != name})


def test_what_is_not_said_to_be_a_demo_is_none() -> None:
    assert FrontSettings.from_environment(ENVIRONMENT).demo is False
    assert FrontSettings.from_environment({**ENVIRONMENT, "ZHIXIN_MODE": "demo"}).demo is True
    limits = FrontSettings.from_environment({**ENVIRONMENT, "ZHIXIN_RATE_CONVERSATION": "2/9"}).limits
    assert (limits.conversation.per_s, limits.conversation.burst) == (2, 9)
    with pytest.raises(FrontError, match="rate"):
        FrontSettings.from_environment({**ENVIRONMENT, "ZHIXIN_RATE_CONVERSATION": "fast"})


def test_the_front_says_the_real_words_and_loads_nothing_heavy() -> None:
    script = (
        "import sys\n"
        "import bot.app.front as front\n"
        "from bot.conversation.words import Lines\n"
        "from persona.wording import Wording\n"
        "Lines(Wording.load()).check()\n"
        "heavy = {'rasa', 'rasa_sdk', 'tensorflow', 'spacy', 'pandas', 'sklearn', 'alembic', 'jieba'}\n"
        "print(sorted(heavy & {name.partition('.')[0] for name in sys.modules}))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_a_taken_port_is_one_clear_sentence(tmp_path: Path) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        env = {**os.environ, **ENVIRONMENT, "ZHIXIN_DATA_DIR": str(tmp_path), "ZHIXIN_FRONT_PORT": str(port)}
        done = subprocess.run(
            [sys.executable, "-m", "bot.app.front"],
            cwd=ROOT,
            env=env,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in done.stderr and "Traceback" not in done.stderr
