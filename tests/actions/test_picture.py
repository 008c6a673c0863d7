"""Pictures: acknowledged as kept, never looked at, and no interruption of what is under way."""

from __future__ import annotations

from typing import Any

import pytest

from actions.aftersale import AfterSaleForm
from actions.complaint import ComplaintForm
from actions.picture import TakePicture
from actions.shop.models import OrderState
from actions.shop.sql import SqlShop
from tests.shop.helpers import order_in
from tests.support.stage import Scene, Stage

#: What only somebody who has looked at a picture could say.
CLAIMS = ("看到您", "图上", "照片里", "图里有", "确实破", "看得出", "从图")


def sent(message_id: str, intent: str = "send_picture") -> dict[str, Any]:
    return {"event": "user", "message_id": message_id, "parse_data": {"intent": {"name": intent}}}


async def picture(stage: Stage, *before: dict[str, Any]) -> Scene:
    return await stage.play(TakePicture(), intent="send_picture", events=before)


async def test_outside_of_a_form_it_is_asked_what_it_is_about(shop: SqlShop) -> None:
    scene = await picture(Stage(shop))
    assert scene.responses == ["utter_picture_what"]
    for style, text in scene.texts().items():
        assert "看不了" in text
        assert not [claim for claim in CLAIMS if claim in text]
        titles = [button.title for button in scene.worded(style).buttons]
        assert sorted(titles) == sorted(["申请售后", "问商品", "找人工客服"])


async def test_what_she_looks_at_goes_along_with_the_steps(shop: SqlShop) -> None:
    stage = Stage(shop, metadata={"looking_at": {"product_id": "p101", "order_number": "202611200001"}})
    buttons = (await picture(stage)).worded("neutral").buttons
    payloads = " ".join(button.payload for button in buttons)
    assert "p101" in payloads
    assert "202611200001" in payloads


async def test_several_in_a_row_are_counted(shop: SqlShop) -> None:
    stage = Stage(shop)
    said = [(await picture(stage)).said]
    for number in (2, 3):
        scene = await picture(stage, sent(f"m_{number - 1}"))
        assert scene.responses == ["utter_picture_more"]
        assert scene.facts == {"count": number}
        said.append(scene.said)
    first_again = await picture(stage, sent("m_3"), sent("m_x", "thank"))
    assert first_again.responses == ["utter_picture_what"]
    assert stage.slots["pictures"] == 1


async def test_a_form_goes_on_where_it_was(shop: SqlShop) -> None:
    await order_in(shop, OrderState.DELIVERED, customer_id="u1006")
    stage = Stage(shop, "u1006", metadata={"pictures": True})
    opened = [{"event": "user"}, {"event": "active_loop", "name": "aftersale_form"}]
    asked = await stage.play(AfterSaleForm(), "打开箱子发现碎了", intent="report_damaged", events=opened)
    stage.slots["interruptions"] = 1
    requested = stage.slots["requested_slot"]
    assert requested
    scene = await picture(stage)
    assert scene.responses == ["utter_picture_kept"]
    between = [{"event": "user"}, {"event": "action", "name": "action_take_picture"}]
    again = await stage.play(AfterSaleForm(), intent="send_picture", events=between)
    assert again.responses[-1:] == asked.responses[-1:]
    assert stage.slots["requested_slot"] == requested
    assert stage.slots["interruptions"] == 1  # a picture is none
    more = await picture(stage, sent("m_2"))
    assert more.responses == ["utter_picture_more"]
    quiet = await stage.play(AfterSaleForm(), intent="send_picture", events=between)
    assert quiet.said == []
    assert stage.slots["requested_slot"] == requested


async def test_a_story_goes_on_where_it_was(shop: SqlShop) -> None:
    stage = Stage(shop, "u1006")
    opened = [{"event": "user"}, {"event": "active_loop", "name": "complaint_form"}]
    await stage.play(ComplaintForm(), "我要投诉", intent="complain", events=opened)
    message = await stage.play(ComplaintForm(), intent="send_picture", events=[{"event": "user"}])
    assert message.events == []  # another rule answers
    assert (await picture(stage)).responses == ["utter_picture_kept"]
    between = [{"event": "user"}, {"event": "action", "name": "action_take_picture"}]
    again = await stage.play(ComplaintForm(), intent="send_picture", events=between)
    assert again.responses == ["utter_complaint_ask_story"]


@pytest.mark.parametrize(
    ("reason", "can", "came", "invited"),
    [
        ("damaged", True, None, True),
        ("damaged", True, 1, False),
        ("damaged", False, None, False),
        ("no_reason", True, None, False),
    ],
)
async def test_a_photograph_is_invited_where_it_helps_and_can_be_sent(
    shop: SqlShop, reason: str, can: bool, came: int | None, invited: bool
) -> None:
    order = await order_in(shop, OrderState.DELIVERED, customer_id="u1006")
    stage = Stage(shop, "u1006", metadata={"pictures": can})
    slots = {
        "pending_task": "aftersale_form",
        "write_order": order.order_number,
        "aftersale_kind": "return",
        "aftersale_reason": reason,
        "pictures": came,
    }
    opened = [{"event": "user"}, {"event": "active_loop", "name": "aftersale_form"}]
    scene = await stage.play(AfterSaleForm(), intent="request_return", events=opened, slots=slots)
    assert scene.responses == ["utter_return_confirm"]
    assert ("photo" in scene.facts) is invited
    for text in scene.texts().values():
        assert ("照片" in text) is invited
