"""Pictures that are none, forms that never end: a shopper's upload costs no more than it may."""

from __future__ import annotations

import asyncio
import io
import struct
import zlib

import pytest
from PIL import Image

from bot.channels.serving import Defences
from tests.bot.conversation.harness import Front, Shopper
from tests.hostile.wire import Wire, answers_others, status
from tests.support.photographs import photograph, send

PART = b'--x\r\nContent-Disposition: form-data; name="%s"\r\n%s\r\n'


@pytest.fixture
def defences() -> Defences:
    return Defences(head_s=5.0, body_s=3.0, steady=1000.0, idle_s=5.0)


def head(shopper: Shopper, secret: str | None = None) -> bytes:
    return (
        f"POST /api/v1/conversations/{shopper.conversation_id}/pictures HTTP/1.1\r\nHost: a\r\n"
        f"X-Conversation-Secret: {shopper.secret if secret is None else secret}\r\n"
        "Content-Type: multipart/form-data; boundary=x\r\nTransfer-Encoding: chunked\r\n\r\n"
    ).encode()


def chunk(data: bytes) -> bytes:
    return b"%x\r\n" % len(data) + data + b"\r\n"


async def answered(front: Front, shopper: Shopper, *pieces: bytes, secret: str | None = None) -> int:
    wire = await Wire.to(front)
    await wire.send(head(shopper, secret))
    for piece in pieces:
        await wire.send(chunk(piece))
    return status(await wire.rest())


async def test_who_may_not_write_is_refused_before_a_byte_is_read(front: Front) -> None:
    shopper = await front.open()
    assert await answered(front, shopper, secret="wrong") == 404


async def test_an_upload_that_never_ends_is_answered_408_and_gives_its_place_back(front: Front) -> None:
    shopper = await front.open()
    begun = PART % (b"file", b"") + b"\xff\xd8\xff"
    wires = [await Wire.to(front) for _ in range(4)]
    for wire in wires:
        await wire.send(head(shopper) + chunk(begun))
    await answers_others(front)
    assert [status(await wire.rest()) for wire in wires] == [408] * 4
    assert (await send(shopper, photograph())).status == 200


async def test_a_slow_line_that_goes_on_steadily_gets_through(front: Front) -> None:
    """Longer than any body may take that stands still."""
    shopper = await front.open()
    file = photograph() + b"\0" * 60_000
    wire = await Wire.to(front)
    begun = asyncio.get_running_loop().time()
    await wire.send(head(shopper) + chunk(PART % (b"message_id", b"") + b"p_1\r\n" + PART % (b"file", b"")))
    while asyncio.get_running_loop().time() - begun < 4.5:
        await wire.send(chunk(file[:1200]))
        file = file[1200:]
        await asyncio.sleep(0.1)
    await wire.send(chunk(file + b"\r\n--x--\r\n") + b"0\r\n\r\n")
    assert status(await wire.head()) == 200
    wire.close()


@pytest.mark.parametrize(
    "pieces",
    [
        [PART % (b"a%d" % number, b"") + b"\r\n" for number in range(30)],
        [PART % (b"message_id", b"") + b"m" * 60_000] * 3,
        [PART % (b"file", b"Content-Length: -1\r\n") + b"\xff\xd8\xff", *[b"\0" * 65_000] * 20],
        [PART % (b"file", b"X-A: " + b"a" * 20_000 + b"\r\n")],
    ],
    ids=["parts", "field", "length", "header"],
)
async def test_forms_that_go_on_and_on_are_refused(front: Front, pieces: list[bytes]) -> None:
    shopper = await front.open()
    assert await answered(front, shopper, *pieces) in (400, 422)
    await answers_others(front)


def bomb(chunks: int) -> bytes:
    """A picture of a pixel whose comments unpack to a gigabyte."""

    def piece(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    out = io.BytesIO()
    Image.new("RGB", (1, 1)).save(out, "PNG")
    plain = out.getvalue()
    text = piece(b"zTXt", b"Comment\0\0" + zlib.compress(b"a" * (1 << 24), 9))
    return plain[:33] + text * chunks + plain[33:]


async def test_what_unpacks_to_more_than_it_is_fills_no_memory(front: Front) -> None:
    shopper = await front.open()
    got = await send(shopper, bomb(64))
    assert got.status in (200, 422)
    flat = io.BytesIO()
    Image.new("1", (7_000, 7_000)).save(flat, "PNG")  # 49 megapixels in some kilobytes
    assert len(flat.getvalue()) < 100_000
    assert (await send(shopper, flat.getvalue(), "p_2")).status == 200
    seen = [m for m in await shopper.messages() if m["type"] == "picture"]
    assert (seen[-1]["width"], seen[-1]["height"]) == (1600, 1600)
    thin = io.BytesIO()
    Image.new("1", (1, 40_000)).save(thin, "PNG")
    assert (await send(shopper, thin.getvalue(), "p_3")).status == 200
