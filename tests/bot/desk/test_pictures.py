"""Pictures: made anew, sealed, served to whoever has the signed address, and to nobody else."""

from __future__ import annotations

import io
import sqlite3
from pathlib import Path

import aiohttp
import pytest
from PIL import Image

from bot.conversation.picture_files import MOST_BYTES, UnfitPictureError, fit
from tests.bot.desk.harness import Browser, Page
from tests.bot.desk.stage import Stage
from tests.bot.desk.test_customer import held


def picture(
    kind: str = "JPEG", size: tuple[int, int] = (640, 480), mode: str = "RGB", **options: object
) -> bytes:
    out = io.BytesIO()
    Image.new(mode, size, "red").save(out, kind, **options)
    return out.getvalue()


def with_place() -> bytes:
    """A photograph that says where it was taken, and lies on its side."""
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "SECRET-CAMERA"
    exif.get_ifd(0x8825)[2] = (31.0, 12.0, 0.0)
    return picture(exif=exif.tobytes())


async def send(browser: Browser, cid: str, body: bytes, key: str = "picture-1", **headers: str) -> Page:
    form = aiohttp.FormData()
    form.add_field("key", key)
    form.add_field("file", body, filename="a.jpg", content_type="image/jpeg")
    sent = {"Origin": browser.desk.origin, "X-CSRF-Token": browser.csrf, **headers}
    return await browser.request("POST", f"/desk/c/{cid}/picture", data=form, headers=sent)


def test_a_picture_is_upright_small_and_says_nothing_of_its_place() -> None:
    made = fit(with_place())
    assert (made.width, made.height, made.kind) == (480, 640, "jpg")
    assert b"SECRET-CAMERA" not in made.body
    assert not Image.open(io.BytesIO(made.body)).getexif()
    large = fit(picture(size=(4000, 1000)))
    assert (large.width, large.height) == (1600, 400)


def test_what_is_clear_stays_clear() -> None:
    made = fit(picture("PNG", mode="RGBA"))
    assert made.kind == "png"
    assert fit(picture("WEBP")).kind == "jpg"


def test_a_photograph_with_clear_parts_goes_onto_white() -> None:
    noise = Image.effect_noise((1200, 900), 90).convert("RGBA")
    noise.paste((0, 0, 0, 0), (0, 0, 300, 300))
    out = io.BytesIO()
    noise.save(out, "WEBP", quality=60)
    made = fit(out.getvalue())
    assert made.kind == "jpg" and len(made.body) < 1 << 20
    assert min(Image.open(io.BytesIO(made.body)).getpixel((100, 100))) > 245  # type: ignore[type-var,arg-type]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "no_picture"),
        (b"GIF89a" + b"\0" * 50, "kind"),
        (b"\0\0\0\x18ftypheic" + b"\0" * 50, "heic"),
        (b"\xff\xd8\xff<script>alert(1)</script>", "no_picture"),
        (b"RIFF0000WAVEfmt ", "no_picture"),
        (b"", "no_picture"),
        (picture()[:400], "no_picture"),
        (picture() + b"\0" * MOST_BYTES, "too_large"),
        (picture("PNG", size=(10_000, 10_000), mode="1"), "too_many_pixels"),
    ],
)
def test_what_is_no_picture_is_refused(body: bytes, why: str) -> None:
    with pytest.raises(UnfitPictureError) as refused:
        fit(body)
    assert refused.value.why == why


async def test_the_shopper_gets_it_and_nobody_who_guesses(stage: Stage, tmp_path: Path) -> None:
    browser, cid = await held(stage, "u1002")
    for _ in range(2):
        got = await send(browser, cid, with_place())
        assert got.status == 200, got.text
    conversation = await stage.desk.reader.conversation(cid, "")
    assert conversation is not None
    sent = [m for m in conversation.messages if m.agent_id]
    assert len(sent) == 1
    url = sent[0].content["picture"]["url"]
    async with stage.desk.front.session.get(stage.origin + url) as served:
        assert served.status == 200
        assert served.headers["Content-Type"] == "image/jpeg"
        assert served.headers["X-Content-Type-Options"] == "nosniff"
        body = await served.read()
    assert Image.open(io.BytesIO(body)).size == (480, 640)
    name = url.rpartition("/")[2]
    for wrong in (
        name.replace(".jpg", ".png"),
        name[:-5] + ("1" if name[-5] == "0" else "0") + ".jpg",
        "p_" + "A" * 32 + name[34:],
        "../secrets.json",
    ):
        async with stage.desk.front.session.get(f"{stage.origin}/pictures/{wrong}") as refused:
            assert refused.status == 404
    with sqlite3.connect(tmp_path / "record.db") as connection:
        stored = connection.execute("SELECT body FROM desk_pictures").fetchall()
    assert len(stored) == 1
    assert body[:40] not in stored[0][0].encode()
    stage.clock.advance(days=92)
    async with stage.desk.front.session.get(stage.origin + url) as ended:
        assert ended.status == 404
    # With the next picture what has ended is deleted.
    again = await stage.desk.parts.pictures.keep(cid, b"x", kind="png", width=1, height=1)
    with sqlite3.connect(tmp_path / "record.db") as connection:
        left = [row[0] for row in connection.execute("SELECT id FROM desk_pictures")]
    assert len(left) == 1
    assert left[0] in again.url


async def test_who_may_not_send_sends_none(stage: Stage) -> None:
    browser, cid = await held(stage, "u1002")
    await stage.agent("wangjie", "王杰")
    other = await stage.browser("wangjie")
    assert (await send(other, cid, picture())).status == 403
    assert (await send(browser, cid, picture(), **{"X-CSRF-Token": "wrong"})).status == 403
    assert (await send(browser, cid, picture(), **{"Origin": "https://evil.example"})).status == 403
    bad = await send(browser, cid, b"<html>")
    assert (bad.status, bad.text) == (422, "只能发送 JPG、PNG 或 WebP 图片，这个文件不是，或者已损坏。")
    large = await send(browser, cid, picture() + b"\0" * MOST_BYTES)
    assert large.status == 413
    assert (await send(browser, cid, picture(), key="no")).status == 400


async def test_erasing_a_customer_takes_pictures_along(stage: Stage, tmp_path: Path) -> None:
    from bot.conversation.privacy import erase_customer

    browser, cid = await held(stage, "u1002")
    assert (await send(browser, cid, picture())).status == 200
    await stage.desk.database.write(lambda c: erase_customer(c, "u1002"))
    with sqlite3.connect(tmp_path / "record.db") as connection:
        assert connection.execute("SELECT count(*) FROM desk_pictures").fetchone() == (0,)
