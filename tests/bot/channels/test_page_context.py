"""What she is looking at: stored sealed with her message, told to Rasa with that message alone."""

from __future__ import annotations

import asyncio
from pathlib import Path

from bot.channels.page_context import page_context_text
from tests.bot.conversation.harness import Front, rows, vault
from tests.bot.conversation.rasa_stub import RasaStub

SEEN = {"product_id": "p003", "order_id": "202611200001", "page": "https://shop.example/p/3?q=<b>&a='"}
BODIES = "select seq, body from messages where author = 'shopper' order by seq"


async def test_it_is_told_with_its_message_and_with_no_other(
    front: Front, rasa: RasaStub, tmp_path: Path
) -> None:
    shopper = await front.open()
    for context in (SEEN, {"page": "首页"}, {}, None):
        more = {} if context is None else {"context": context}
        assert (await shopper.post(text="这个防水吗", **more)).status == 200
    told = [call.get("looking_at") for call in rasa.calls if "text" in call]
    assert told == [{"product_id": "p003", "order_number": "202611200001"}, None, None, None]
    assert "shop.example" not in str(rasa.calls)

    def kept(seq: int, body: str) -> str:
        return vault().open(body, f"messages.body/{shopper.conversation_id}/{seq}")

    stored = rows(tmp_path / "record.db", BODIES)
    assert all("p003" not in body for _, body in stored)
    assert [("p003" in kept(*row), "首页" in kept(*row)) for row in stored] == [
        (True, False),
        (False, True),
        (False, False),
        (False, False),
    ]
    assert all("context" not in message for message in await shopper.messages())


async def test_a_repeat_changes_nothing(front: Front, rasa: RasaStub, tmp_path: Path) -> None:
    shopper = await front.open()
    first = await shopper.post(message_id="m_x", text="多少钱", context={"product_id": "p003"})
    again = await shopper.post(message_id="m_x", text="多少钱", context={"product_id": "p004"})
    assert first.json == again.json and again.status == 200
    assert [call.get("looking_at") for call in rasa.calls if "text" in call] == [{"product_id": "p003"}]
    (row,) = rows(tmp_path / "record.db", BODIES)
    assert "p004" not in vault().open(row[1], f"messages.body/{shopper.conversation_id}/{row[0]}")


async def test_frames_carry_it_and_wrong_ones_are_refused(front: Front, rasa: RasaStub) -> None:
    shopper = await front.open()
    async with front.session.ws_connect(front.url("/api/v1/ws")) as socket:
        auth = {"conversation_id": shopper.conversation_id, "secret": shopper.secret, "after": 9}
        await socket.send_json({"type": "auth", **auth})
        sent = {"type": "message", "message_id": "m_1", "text": "有货吗"}
        await socket.send_json({**sent, "context": {"product_id": "p 3"}})
        await socket.send_json({**sent, "context": {"product_id": "p003"}})
        frames = []
        while not any(frame["type"] == "accepted" for frame in frames):
            frames.append(await asyncio.wait_for(socket.receive_json(), 10))
    (error,) = (frame for frame in frames if frame["type"] == "error")
    assert (error["message_id"], error["error"]["code"]) == ("m_1", "invalid_field")
    assert [call.get("looking_at") for call in rasa.calls if "text" in call] == [{"product_id": "p003"}]


def test_a_part_of_a_form_is_read_alike() -> None:
    assert page_context_text('{"product_id": "p003"}') == {"product_id": "p003"}
    assert page_context_text(" ") == page_context_text("{}") == {}
