"""What a client may do to the front's sockets: the front goes on answering others, and comes to itself."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import socket
import zlib
from pathlib import Path

import aiohttp
import pytest

from bot.channels.limits import Rate, RateLimits
from bot.channels.serving import Defences, most_connections
from tests.bot.conversation.harness import OPEN_LIMITS, Front
from tests.bot.conversation.rasa_stub import RasaStub
from tests.hostile.wire import Wire, answers_others, exchange, harmless, responses, status

BOMB = gzip.compress(b" " * 20_000_000)
HOST = b"Host: shop.example\r\n"
CHAT = b"POST /api/v1/chat HTTP/1.1\r\n" + HOST + b"X-Conversation-Secret: s\r\n"


@pytest.fixture
def defences() -> Defences:
    return Defences(head_s=0.4, body_s=0.6, idle_s=0.5, most=120)


# Slow clients


async def test_a_head_that_never_ends_is_hung_up(front: Front) -> None:
    wires = [await Wire.to(front) for _ in range(20)]
    for wire in wires:
        await wire.send(b"POST /api/v1/chat HTTP/1.1\r\nHost: a\r\nX-a: ")
    await answers_others(front)
    assert {await wire.rest() for wire in wires} == {b""}


async def test_a_client_that_says_nothing_is_hung_up(front: Front) -> None:
    assert await exchange(front, b"") == b""


async def test_a_drop_now_and_then_buys_no_time(front: Front) -> None:
    wire = await Wire.to(front)
    await wire.send(b"GET / HTTP/1.1\r\n")

    async def drip() -> None:
        while True:
            await wire.send(b"X-a: b\r\n")
            await asyncio.sleep(0.05)

    dripping = asyncio.create_task(drip())
    assert await wire.rest() == b""
    dripping.cancel()


async def test_the_head_of_a_second_request_has_an_end_too(front: Front) -> None:
    wire = await Wire.to(front)
    await wire.send(b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n")
    assert status(await wire.head()) == 200
    await wire.send(b"GET /healthz HT")
    assert responses(await wire.rest()) == 0


@pytest.mark.parametrize(
    "begun",
    [
        CHAT + b'Content-Length: 400\r\n\r\n{"text": "',
        CHAT + b'Transfer-Encoding: chunked\r\n\r\n5\r\n{"tex\r\n',
        b"POST /desk/login HTTP/1.1\r\n" + HOST + b"Content-Length: 400\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\n\r\nlogin=",
    ],
    ids=["length", "chunks", "form"],
)
async def test_a_body_that_never_ends_is_answered_408(front: Front, begun: bytes) -> None:
    wire = await Wire.to(front)
    await wire.send(begun)
    await answers_others(front)
    answer = await wire.rest()
    # The desk refuses a form without its page's origin before it reads it.
    assert status(answer) == (403 if b"login" in begun else 408) and responses(answer) == 1


async def test_a_body_that_nobody_reads_holds_no_connection(front: Front) -> None:
    answer = await exchange(front, b"POST /nothing HTTP/1.1\r\n" + HOST + b"Content-Length: 9999\r\n\r\nx")
    assert status(answer) == 404 and responses(answer) == 1


async def test_a_client_that_leaves_in_the_middle_is_no_error_of_ours(
    front: Front, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(5):
        wire = await Wire.to(front)
        await wire.send(CHAT + b"Content-Length: 400\r\n\r\n{")
        sock = wire.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")  # leave with a reset
        wire.writer.transport.abort()
    await answers_others(front)
    assert not [record for record in caplog.records if record.levelname in ("ERROR", "CRITICAL")]


# Many


async def test_a_thousand_idle_connections_leave_room_for_others(rasa: RasaStub, tmp_path: Path) -> None:
    patient = Defences(head_s=60, body_s=60, idle_s=60, most=100)
    most_connections()  # this process holds both ends
    async with Front(f"sqlite:///{tmp_path / 'r.db'}", rasa.port, defences=patient) as front:
        busy = await front.open()
        async with front.session.ws_connect(front.url("/api/v1/ws")) as talking:
            frame = {"type": "auth", "conversation_id": busy.conversation_id, "secret": busy.secret}
            await talking.send_json(frame)
            assert (await talking.receive_json())["type"] == "ready"
            idle = [await Wire.to(front) for _ in range(1000)]
            await answers_others(front)
            await talking.send_json({"type": "ping"})  # a conversation is not idle, and is kept
            while (await talking.receive_json())["type"] != "pong":
                pass
        for wire in idle:
            wire.close()
        await answers_others(front)


def test_a_process_takes_the_files_it_may_have() -> None:
    import resource

    most = most_connections()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert 64 <= most < soft and soft >= min(hard, 16_384)


async def test_one_address_cannot_open_all_conversations(rasa: RasaStub, tmp_path: Path) -> None:
    limits = RateLimits(OPEN_LIMITS.address, Rate(0.01, 3), OPEN_LIMITS.conversation)
    url = f"sqlite:///{tmp_path / 'r.db'}"
    async with Front(url, rasa.port, limits=limits, trusted_proxies=("127.0.0.0/8",)) as front:

        async def opening(address: str) -> int:
            headers = {"X-Forwarded-For": address}
            got = await front.request("POST", "/api/v1/conversations", headers=headers)
            if got.status == 429:
                assert int(got.headers["Retry-After"]) > 0 and got.json["error"]["code"] == "rate_limited"
            return got.status

        assert [await opening("203.0.113.7") for _ in range(5)] == [201, 201, 201, 429, 429]
        # What the client itself writes before what the proxy added moves nothing.
        assert await opening("198.51.100.1, 203.0.113.7") == 429
        assert await opening("203.0.113.8") == 201
        # A provider's customer has a whole /64 of IPv6.
        assert [await opening(f"2001:db8::{n}") for n in range(1, 5)] == [201, 201, 201, 429]


# Large


LARGE = {
    "a header": b"GET /healthz HTTP/1.1\r\n" + HOST + b"X-a: " + b"a" * 100_000 + b"\r\n\r\n",
    "an address": b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
    "a query": b"GET /healthz?" + b"a" * 100_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
    "a method": b"A" * 100_000 + b" / HTTP/1.1\r\n" + HOST + b"\r\n",
}


@pytest.mark.parametrize("data", LARGE.values(), ids=LARGE)
async def test_what_is_too_large_is_refused(front: Front, data: bytes) -> None:
    answer = await exchange(front, data)
    if answer:  # or hung up before it was sent to its end
        assert status(answer) == 400
        harmless(answer, "aaaa", "AAAA")
    await answers_others(front)


async def test_too_many_headers_cost_nothing(front: Front) -> None:
    many = b"".join(b"X-%d: a\r\n" % n for n in range(20_000))
    answer = await exchange(front, b"GET /healthz HTTP/1.1\r\n" + HOST + many + b"Connection: close\r\n\r\n")
    assert not answer or status(answer) in (200, 400)
    await answers_others(front)


async def test_chunks_without_end_are_cut_at_the_limit(front: Front) -> None:
    wire = await Wire.to(front)
    await wire.send(CHAT + b"Transfer-Encoding: chunked\r\n\r\n")
    for _ in range(6):
        await wire.send(b"4000\r\n" + b" " * 0x4000 + b"\r\n")
    answer = await wire.rest()
    assert status(answer) == 413 and responses(answer) == 1
    harmless(answer)


@pytest.mark.parametrize("path", ["/api/v1/chat", "/api/v1/conversations", "/desk/login", "/demo/login"])
async def test_packed_bodies_are_never_unpacked(front: Front, path: str) -> None:
    for packing in ("gzip", "deflate", "br", "GZIP", "gzip, identity", "x"):
        body = BOMB if "gzip" in packing.lower() else zlib.compress(b" " * 1000)
        head = f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Encoding: {packing}\r\nConnection: close\r\n"
        answer = await exchange(front, head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        assert status(answer) == 415 and responses(answer) == 1
        harmless(answer)


DEEP = {
    "lists": b"[" * 60_000,
    "objects": b'{"a":' * 10_000,
    "closed": b'{"text":' + b"[" * 15_000 + b"]" * 15_000 + b"}",
    "digits": b'{"text": ' + b"9" * 60_000 + b"}",
    "keys": b"{" + b",".join(b'"k%d":1' % n for n in range(6000)) + b"}",
    "twice": b'{"text": "a", "text": "b", "message_id": "m", "conversation_id": "c"}',
    "prototype": b'{"__proto__": {"admin": true}, "constructor": {}, "text": "a"}',
}


@pytest.mark.parametrize("body", DEEP.values(), ids=DEEP)
async def test_json_that_is_deep_or_large(front: Front, body: bytes) -> None:
    shopper = await front.open()
    got = await front.request("POST", "/api/v1/chat", data=body, headers=shopper.headers)
    assert got.status in (400, 404, 422), got.json
    await answers_others(front)


# Two readings of one request


SMUGGLED = b"GET /healthz HTTP/1.1\r\nHost: inner\r\n\r\n"
SHAPES = {
    "length and chunks": CHAT
    + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    + SMUGGLED,
    "chunks and length": CHAT
    + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"
    + SMUGGLED,
    "two lengths": CHAT + b"Content-Length: 0\r\nContent-Length: 40\r\n\r\n" + SMUGGLED,
    "two lengths in one": CHAT + b"Content-Length: 0, 40\r\n\r\n" + SMUGGLED,
    "a signed length": CHAT + b"Content-Length: +0\r\n\r\n" + SMUGGLED,
    "a negative length": CHAT + b"Content-Length: -1\r\n\r\n" + SMUGGLED,
    "a length in hex": CHAT + b"Content-Length: 0x10\r\n\r\n" + SMUGGLED,
    "a space before the colon": CHAT + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "an unknown encoding": CHAT + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "chunked, then another": CHAT + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "a folded header": CHAT + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "a chunk size that overflows": CHAT
    + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff1\r\n"
    + SMUGGLED,
    "a negative chunk": CHAT + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n" + SMUGGLED,
    "a NUL in a header": CHAT + b"X-a: a\0b\r\nContent-Length: 0\r\n\r\n" + SMUGGLED,
    "a bare return": CHAT + b"X-a: a\rContent-Length: 0\r\n\r\n" + SMUGGLED,
}


@pytest.mark.parametrize("data", SHAPES.values(), ids=SHAPES)
async def test_a_request_that_can_be_read_in_two_ways_hides_no_other(front: Front, data: bytes) -> None:
    answer = await exchange(front, data)
    assert status(answer) in (400, 401, 408, 413, 422)
    assert responses(answer) == 1 and b'"status":"ok"' not in answer
    harmless(answer, "inner")
    await answers_others(front)


async def test_pipelined_requests_are_answered_in_their_order(front: Front) -> None:
    wire = await Wire.to(front)
    await wire.send(SMUGGLED + b"GET /nothing HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    answer = await wire.rest()
    assert responses(answer) == 2 and answer.index(b"200 OK") < answer.index(b"404 ")


GARBAGE = {
    "a TLS hello": bytes.fromhex("1603010200010001fc0303") + b"\0" * 100,
    "another protocol": b"SSH-2.0-OpenSSH_9.0\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "no version": b"GET /\r\n\r\n",
    "a wrong version": b"GET / HTTP/9.9\r\nHost: a\r\n\r\n",
    "an escape": b"GET / HTTP/1.1\r\nHost: a\r\n\x1b[31mX: y\r\n\r\n",
    "a header in an address": b"GET /a\nX-Injected: 1 HTTP/1.1\r\nHost: a\r\n\r\n",
}


@pytest.mark.parametrize("data", GARBAGE.values(), ids=GARBAGE)
async def test_what_is_no_http(front: Front, data: bytes, caplog: pytest.LogCaptureFixture) -> None:
    answer = await exchange(front, data)
    if answer and data != GARBAGE["no version"]:  # that is HTTP/0.9, which has the page
        assert status(answer) in (400, 404, 505)
        harmless(answer, "SSH", "Injected")
    # It costs no line in the log: who knocks a million times would fill a disk.
    assert not [record for record in caplog.records if record.levelno >= 30]
    await answers_others(front)


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PROPFIND", "get", "DELETE", "OPTIONS"])
async def test_methods_that_nothing_takes(front: Front, method: str) -> None:
    answer = await exchange(
        front, method.encode() + b" /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    )
    assert status(answer) in (400, 404, 405)
    harmless(answer)


# Names and places


@pytest.mark.parametrize(
    "path", [b"/", b"/desk/", b"/desk/login", b"/desk", b"/nothing", b"/api/v1/openapi.json"]
)
async def test_a_foreign_host_is_repeated_nowhere(front: Front, path: bytes) -> None:
    head = b"GET " + path + b" HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Host: evil.example\r\n"
    more = b"Forwarded: host=evil.example\r\nConnection: close\r\nAccept: text/html\r\n\r\n"
    answer = await exchange(front, head + more)
    assert responses(answer) == 1 and b"evil.example" not in answer
    assert status(answer) < 500


PATHS = [
    b"/static/../page.py",
    b"/static/..%2fpage.py",
    b"/static/%2e%2e/page.py",
    b"/static/%2e%2e%2fpage.py",
    b"/static/..%5cpage.py",
    b"/static/....//page.py",
    b"/static//etc/passwd",
    b"/static/%2fetc%2fpasswd",
    b"/static/index.html%00.png",
    b"/static/../../../../../../etc/passwd",
    b"/static/.%2e/.%2e/app/settings.py",
    b"/static/%252e%252e/page.py",
    b"/static/%c0%ae%c0%ae/page.py",
    b"/static/",
    b"/static/.",
    b"/desk/static/../app.py",
    b"/desk/static/%2e%2e%2fapp.py",
    b"/desk/static/..%2f..%2fapp.py",
    b"/desk/static//etc/passwd",
    b"/pictures/../../etc/passwd",
    b"/pictures/..%2f..%2fetc%2fpasswd",
    b"/pictures/%00",
    b"/pictures/p_1-20261122-deadbeef.png",
    b"/pictures/" + b"a" * 4000,
    b"//evil.example/%2e%2e",
]


async def test_no_path_leads_out(front: Front) -> None:
    for path in PATHS:
        answer = await exchange(front, b"GET " + path + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert status(answer) in (400, 403, 404), answer[:300]
        assert b"root:" not in answer and b"import " not in answer and b"Traceback" not in answer
        assert b"Location:" not in answer


# WebSocket


async def _refused(front: Front, data: str | bytes, *, compress: int = 0) -> list[aiohttp.WSMessage]:
    """Send a frame where the first one is awaited; return what comes."""
    heard = []
    async with front.session.ws_connect(front.url("/api/v1/ws"), compress=compress) as ws:
        sending = ws.send_str(data) if isinstance(data, str) else ws.send_bytes(data)
        with contextlib.suppress(ConnectionError):
            await sending
        async for frame in ws:
            heard.append(frame)
        assert ws.close_code in (4401, 1009, 1007, 1006, 1002, None)
    return heard


FRAMES: dict[str, str | bytes] = {
    "no JSON": "hello",
    "deep": "[" * 30_000,
    "large": "a" * 100_000,
    "bytes": b"\x00" * 100,
    "a list": "[]",
    "no fields": '{"type": "auth"}',
    "a wrong secret": '{"type": "auth", "conversation_id": "c_1", "secret": "s"}',
    "an object for a text": '{"type": "auth", "conversation_id": {"$ne": null}, "secret": {"$ne": null}}',
    "a surrogate": '{"type": "auth", "conversation_id": "\\ud800", "secret": "\\ud800"}',
    "another field": '{"type": "auth", "conversation_id": "c", "secret": "s", "customer_id": "u1001"}',
    "a number for after": '{"type": "auth", "conversation_id": "c", "secret": "s", "after": 1e99}',
}


@pytest.mark.parametrize("data", FRAMES.values(), ids=FRAMES)
async def test_first_frames_that_prove_nothing(front: Front, data: str | bytes) -> None:
    for frame in await _refused(front, data):
        assert set(json.loads(frame.data)) <= {"type", "error", "message_id"}
    await answers_others(front)


async def test_a_small_frame_that_unpacks_to_a_large_one(front: Front) -> None:
    assert await _refused(front, " " * 30_000_000, compress=15) == []
    await answers_others(front)


async def test_a_message_in_pieces_without_end(front: Front) -> None:
    wire = await Wire.to(front)
    await wire.send(
        b"GET /api/v1/ws HTTP/1.1\r\n" + HOST + b"Upgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    assert status(await wire.head()) == 101
    piece = bytes([0, 0x80 | 126]) + (4096).to_bytes(2, "big") + b"\0\0\0\0" + b"a" * 4096
    await wire.send(bytes([1]) + piece[1:])
    for _ in range(20):
        await wire.send(piece)
    assert (1009).to_bytes(2, "big") in await wire.rest()
    await answers_others(front)


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://shop.example.evil.example",
        "null",
        "file://",
        "http://shop.example:81",
        "http://user@shop.example",
        "http://[",
        "javascript:alert(1)",
    ],
)
async def test_pages_of_elsewhere_open_no_socket(front: Front, origin: str) -> None:
    answer = await exchange(
        front,
        b"GET /api/v1/ws HTTP/1.1\r\n" + HOST + b"Upgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        b"Origin: " + origin.encode() + b"\r\n\r\n",
    )
    assert status(answer) == 403 and responses(answer) == 1
    harmless(answer, "evil")


@pytest.mark.parametrize("path", ["/desk/login", "/desk/password", "/api/v1/conversations"])
async def test_a_form_of_endless_parts_is_refused_before_it_is_read(front: Front, path: str) -> None:
    """aiohttp 3.9 holds each part of a form to the limit, and counts no parts."""
    part = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n' + b"a" * 30_000 + b"\r\n"
    head = f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=x\r\n".encode()
    answer = await exchange(front, head + b"Content-Length: %d\r\n\r\n" % (len(part) * 5) + part * 5)
    assert status(answer) == 413 and responses(answer) == 1
    wire = await Wire.to(front)
    await wire.send(head + b"Transfer-Encoding: chunked\r\n\r\n")
    for _ in range(3):
        await wire.send(b"%x\r\n" % len(part) + part + b"\r\n")
    assert status(await wire.rest()) == 413
    await answers_others(front)
