"""Photographs as phones take them, and how a shopper's program sends one."""

from __future__ import annotations

import io
from typing import Any

import aiohttp
from PIL import Image

#: What must not be left of where and with what a picture was taken.
PLACE = b"GPS-WITNESS"


def photograph(size: tuple[int, int] = (640, 480), color: str = "red") -> bytes:
    """Return a picture that says where and with what it was taken, and lies on its side."""
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = PLACE.decode()
    exif.get_ifd(0x8825)[2] = (31.0, 12.0, 0.0)
    out = io.BytesIO()
    Image.new("RGB", size, color).save(out, "JPEG", exif=exif.tobytes(), comment=PLACE, icc_profile=PLACE)
    return out.getvalue()


def form(body: bytes, message_id: str | None = "p_1", **more: str) -> aiohttp.FormData:
    """Return the form of a picture; None leaves the id out."""
    made = aiohttp.FormData()
    for name, value in {"message_id": message_id, **more}.items():
        if value is not None:
            made.add_field(name, value)
    made.add_field("file", body, filename="a.jpg", content_type="image/jpeg")
    return made


async def post(shopper: Any, data: Any, **headers: str) -> Any:
    """Send a form, or what is none, to a conversation (:class:`tests.bot.conversation.harness.Shopper`)."""
    path = f"/api/v1/conversations/{shopper.conversation_id}/pictures"
    return await shopper.front.request("POST", path, data=data, headers={**shopper.headers, **headers})


async def send(shopper: Any, body: bytes, message_id: str = "p_1", **more: str) -> Any:
    """Send a picture to a conversation."""
    return await post(shopper, form(body, message_id, **more))
