"""A shopper's pictures by the API: what is taken, what of it is kept, what is refused."""

from __future__ import annotations

import asyncio
import io
import json
import sqlite3
import struct
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from PIL import Image

from bot.channels.limits import Rate
from bot.conversation.picture_files import MOST_BYTES
from tests.bot.conversation.harness import OPEN_LIMITS, QUICK, Front
from tests.bot.conversation.rasa_stub import RasaStub, answer
from tests.support.photographs import PLACE, form, photograph, post, send


def drawing(kind: str, mode: str = "RGB", size: tuple[int, int] = (20, 10)) -> bytes:
    out = io.BytesIO()
    Image.new(mode, size).save(out, kind)
    return out.getvalue()


def giant_png() -> bytes:
    """Some hundred bytes that say they are 60,000 by 60,000 pixels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(b"\0" * 999))
        + chunk(b"IEND", b"")
    )


def rows(folder: Path, query: str) -> list[Any]:
    with sqlite3.connect(folder / "record.db") as connection:
        return connection.execute(query).fetchall()


async def test_a_picture_is_taken_once_and_says_nothing_of_its_place(
    front: Front, rasa: RasaStub, tmp_path: Path
) -> None:
    rasa.script = lambda turn: answer(turn, [{"text": "图片收到了"}])
    shopper = await front.open("u1001")
    body = photograph()
    got = await send(shopper, body, context=json.dumps({"order_id": "202611200001"}))
    assert got.status == 200, got.json
    assert [reply["text"] for reply in got.json["replies"]] == ["图片收到了"]
    turn = rasa.calls[-1]
    assert (turn["event"], turn.get("text"), turn.get("payload")) == ("picture", None, None)
    assert turn["looking_at"] == {"order_number": "202611200001"}
    again = await send(shopper, body)
    assert again.json == got.json
    other = await send(shopper, photograph(color="blue"))
    assert (other.status, other.json["error"]["code"]) == (409, "message_conflict")
    typed = await shopper.post(text="[图片]", message_id="p_1")
    assert typed.status == 409
    mine = [m for m in await shopper.messages() if m["author"] == "shopper"]
    assert len(mine) == 1
    seen = mine[0]
    assert set(seen) == {
        *("seq", "type", "url", "width", "height", "text", "author", "at", "message_id", "in_reply_to")
    }
    assert (seen["type"], seen["text"], seen["message_id"]) == ("picture", "[图片]", "p_1")
    assert (seen["width"], seen["height"]) == (480, 640)
    async with front.session.get(front.url(seen["url"])) as served:
        assert served.headers["Content-Type"] == "image/jpeg"
        stored = await served.read()
    shown = Image.open(io.BytesIO(stored))
    assert shown.size == (480, 640)
    assert not shown.getexif()
    assert PLACE not in stored
    assert set(shown.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    ((sealed,),) = rows(tmp_path, "SELECT body FROM desk_pictures")
    assert stored[:30] not in sealed.encode()


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 422, "no_picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", 422, "no_picture"),
        (b"<!doctype html><script>alert(1)</script>", 422, "no_picture"),
        (b"\xff\xd8\xff<script>alert(1)</script>", 422, "no_picture"),
        (photograph()[:700], 422, "no_picture"),
        (drawing("GIF", "P"), 422, "picture_kind"),
        (b"\0\0\0\x18ftypheic" + b"\0" * 80, 422, "picture_kind"),
        (giant_png(), 422, "picture_too_many_pixels"),
        (photograph() + b"\0" * MOST_BYTES, 413, "picture_too_large"),
    ],
    ids=["empty", "svg", "html", "magic", "truncated", "gif", "heic", "giant", "large"],
)
async def test_what_is_no_picture_is_refused_and_leaves_nothing(
    front: Front, tmp_path: Path, body: bytes, status: int, code: str
) -> None:
    shopper = await front.open()
    got = await send(shopper, body)
    assert (got.status, got.json["error"]["code"]) == (status, code)
    assert got.json["error"]["message"].startswith("utter_")  # a line of the wording
    assert not [m for m in await shopper.messages() if m["author"] == "shopper"]
    assert rows(tmp_path, "SELECT count(*) FROM desk_pictures") == [(0,)]


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
async def test_what_hides_behind_a_picture_is_left_behind(front: Front, kind: str) -> None:
    shopper = await front.open()
    hidden = b"PK\x03\x04<script>alert(1)</script>"
    assert (await send(shopper, drawing(kind) + hidden)).status == 200
    url = (await shopper.messages())[-2]["url"]
    async with front.session.get(front.url(url)) as served:
        assert b"script" not in await served.read()
        assert served.headers["X-Content-Type-Options"] == "nosniff"


async def test_a_stranger_sends_none(front: Front, tmp_path: Path) -> None:
    shopper = await front.open()
    for headers, status in ({"X-Conversation-Secret": "wrong"}, 404), ({"X-Conversation-Secret": ""}, 401):
        assert (await post(shopper, form(photograph()), **headers)).status == status
    other = await front.open()
    path = f"/api/v1/conversations/{other.conversation_id}/pictures"
    got = await front.request("POST", path, data=form(photograph()), headers=shopper.headers)
    assert got.status == 404
    assert rows(tmp_path, "SELECT count(*) FROM desk_pictures") == [(0,)]


async def test_forms_that_are_none(front: Front) -> None:
    shopper = await front.open()
    twice = form(photograph())
    twice.add_field("message_id", "p_2")
    for data, status in (
        (form(photograph(), None), 422),
        (form(photograph(), "front-1"), 422),
        (form(photograph(), "x" * 2000), 422),
        (form(photograph(), "p_1", surprise="1"), 422),
        (form(photograph(), "p_1", context='{"page": 1}'), 422),
        (form(photograph(), "p_1", context="["), 400),
        (twice, 422),
    ):
        assert (await post(shopper, data)).status == status
    kind = "multipart/form-data; boundary=x"
    for raw, status in (
        (b"--y\r\n\r\n", 400),
        (b"--x\r\nContent-Disposition: form-data; name=file\r\n\r\nabc", 400),
        (b"--x\r\nContent-Disposition: form-data; name=file\r\nContent-Length: -1\r\n\r\nabc\r\n--x--", 400),
        (b"--x\r\nContent-Type: multipart/mixed; boundary=z\r\n\r\n--z--\r\n--x--", 400),
        (b"", 400),
    ):
        got = await post(shopper, raw, **{"Content-Type": kind})
        assert got.status == status, (raw, got.json)
    assert (await post(shopper, b"{}", **{"Content-Type": "application/json"})).status == 415
    assert not [m for m in await shopper.messages() if m["author"] == "shopper"]


async def test_an_endless_file_ends(front: Front) -> None:
    """Chunks without a length: reading stops where the limit is, not where the client does."""
    shopper = await front.open()
    sent = 0

    async def endless() -> Any:
        nonlocal sent
        yield b"--x\r\nContent-Disposition: form-data; name=file\r\n\r\n\xff\xd8\xff"
        while sent < 8 * MOST_BYTES:
            sent += 1 << 18
            yield b"\0" * (1 << 18)

    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    try:
        got = await post(shopper, endless(), **kind)
        assert (got.status, got.json["error"]["code"]) == (413, "picture_too_large")
    except (aiohttp.ClientConnectionError, ConnectionError):
        pass  # closed in the middle of the sending
    assert sent < 4 * MOST_BYTES
    assert (await send(shopper, photograph())).status == 200


async def test_two_at_once_are_two_in_order(front: Front, rasa: RasaStub) -> None:
    shopper = await front.open()
    got = await asyncio.gather(
        send(shopper, photograph(color="green"), "p_1"),
        send(shopper, photograph(color="blue"), "p_2"),
        send(shopper, photograph(color="blue"), "p_2"),
        shopper.post(text="杯子碎了"),
    )
    assert [one.status for one in got] == [200] * 4
    mine = [m for m in await shopper.messages() if m["author"] == "shopper"]
    assert sorted(m["type"] for m in mine) == ["picture", "picture", "text"]
    assert {m["message_id"] for m in mine} >= {"p_1", "p_2"}
    order = [m["message_id"] for m in mine]
    assert [t["message_id"] for t in rasa.calls if t["message_id"] in order] == order


async def test_six_at_once_then_slowly(rasa: RasaStub, tmp_path: Path) -> None:
    limits = replace(OPEN_LIMITS, picture=Rate(0.001, 2))
    async with Front(
        f"sqlite:///{tmp_path / 'record.db'}", rasa.port, patience=QUICK, limits=limits
    ) as front:
        shopper = await front.open()
        for number in range(2):
            assert (await send(shopper, photograph(), f"p_{number}")).status == 200
        got = await send(shopper, photograph(), "p_3")
        assert (got.status, got.json["error"]["code"]) == (429, "rate_limited")
        assert int(got.headers["Retry-After"]) > 1
        assert (await shopper.post(text="还在吗")).status == 200


async def test_a_part_of_endless_headers_is_given_up(front: Front) -> None:
    shopper = await front.open()
    lines = b"a:1\r\n" * 20_000
    body = b'--x\r\nContent-Disposition: form-data; name="file"\r\n' + lines + b"\r\nwhat\r\n--x--\r\n"
    got = await post(shopper, body, **{"Content-Type": "multipart/form-data; boundary=x"})
    assert (got.status, got.json["error"]["code"]) == (400, "bad_form")
