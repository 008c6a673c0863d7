"""Traditional characters for who asks for them; what people wrote and what is no word stays."""

from __future__ import annotations

from typing import Any

import pytest

from bot.channels.language import AS_IS, asked
from bot.conversation import words
from tests.bot.channels.test_socket import connect
from tests.bot.conversation.desk_harness import Desk
from tests.bot.conversation.harness import Front, Speaker
from tests.bot.conversation.rasa_stub import RasaStub, answer

TRADITIONAL = {"Accept-Language": "zh-Hant"}
CARD: dict[str, Any] = {
    "type": "card",
    "card": "products",
    "data": {
        "products": [
            {"product_id": "货-1", "name": "缤纷发带", "picture": "/static/pictures/发.svg", "price": "89.00"}
        ],
        "number": "单2026",
        "rows": [{"label": "颜色", "values": ["红", "里面绿"], "differs": True}],
    },
}


@pytest.mark.parametrize(
    ("languages", "read"),
    [
        ("zh-Hant", "裡著"),
        ("zh-TW,zh;q=0.9,en-US;q=0.8", "裡著"),
        ("ZH_tw", "裡著"),
        ("zh-HK", "裏着"),
        ("zh-Hant-HK", "裏着"),
        ("en-GB,en;q=0.9,zh-TW;q=0.3", "裡著"),
        ("zh-CN,zh-TW;q=0.5", "里着"),
        ("zh-Hans-HK", "里着"),
        ("zh", "里着"),
        ("en", "里着"),
        ("zh-TW;q=0", "里着"),
        ("zh-TW;q=nan", "里着"),
        ("*,;;q=,zh-", "里着"),
        ("", "里着"),
    ],
)
def test_who_reads_what(languages: str, read: str) -> None:
    inside, on = asked(languages).text("里面"), asked(languages).text("看着")
    assert inside[0] + on[1] == read


def test_links_and_odd_texts_stay() -> None:
    tongue = asked("zh-TW")
    links = "看 https://例.中国/后面/发票?货=里，www.shop.cn/发 里面"
    assert tongue.text(links) == "看 https://例.中国/后面/发票?货=里，www.shop.cn/发 裡面"
    assert tongue.text("") == "" and tongue.text("Order 2026-11") == "Order 2026-11"
    for odd in ("\ud800发票", "发\0票", "发票" * 400, "已经是繁體的發票"):
        assert len(tongue.text(odd)) == len(odd)
    assert tongue.words({"a": [1, None, True, "发票"], "id": "发票"}) == {
        "a": [1, None, True, "發票"],
        "id": "发票",
    }
    assert AS_IS.words("发票") == "发票" and not AS_IS.turns


async def test_words_of_bot_and_system_are_turned_on_their_way_out(front: Front, rasa: RasaStub) -> None:
    shopper = await front.open("u1001")
    buttons = [{"title": "开发票", "payload": "/request_invoice"}]
    rasa.script = lambda request: answer(
        request, [{"text": "发票在里面", "buttons": buttons}, {"text": "给您看看", "custom": CARD}]
    )
    heard = {**shopper.headers, **TRADITIONAL}
    body = {"conversation_id": shopper.conversation_id, "message_id": "m_1", "text": "发票里面有什么"}
    got = await front.request("POST", "/api/v1/chat", json=body, headers=heard)
    first, card = got.json["replies"][0], got.json["replies"][-1]
    assert (first["text"], first["buttons"][0]["title"]) == ("發票在裡面", "開發票")
    (product,) = card["data"]["products"]
    assert product == {**CARD["data"]["products"][0], "name": "繽紛髮帶"}
    assert card["data"]["number"] == "单2026"
    assert card["data"]["rows"][0] == {"label": "顏色", "values": ["紅", "裡面綠"], "differs": True}
    rasa.script = answer
    await shopper.post(button=first["buttons"][0]["id"], message_id="m_2")
    desk = Desk(front)
    agent = await desk.hire("小丽")
    await desk.hands.take_over(shopper.conversation_id, agent)
    await desk.hands.reply(shopper.conversation_id, agent, key="k_1", text="我开发票")

    path = f"/api/v1/conversations/{shopper.conversation_id}/messages"
    page = (await front.request("GET", path, headers=heard)).json
    plain = await shopper.messages()
    by_author = {(m["author"], m["text"]) for m in page["messages"]}
    assert ("shopper", "发票里面有什么") in by_author and ("agent", "我开发票") in by_author
    assert ("shopper", "開發票") in by_author  # the title that she tapped is the bot's
    assert page["agent"] == {"name": "小丽"}
    assert [m["text"] for m in plain if m["text"] == "发票在里面"]  # the record stays as it was
    for one, other in zip(plain, page["messages"], strict=True):
        kept = ("seq", "type", "author", "at", "message_id", "in_reply_to")
        assert [one.get(name) for name in kept] == [other.get(name) for name in kept]

    path = f"/api/v1/conversations/{shopper.conversation_id}/manner"
    plainly = (await front.request("GET", path, headers=shopper.headers)).json
    manner = (await front.request("GET", path, headers=heard)).json
    assert manner["style"] == plainly["style"] and manner["choices"] != plainly["choices"]

    talking = await connect(front)
    await talking.send(
        type="auth", conversation_id=shopper.conversation_id, secret=shopper.secret, lang="zh-Hant"
    )
    assert (await talking.next())["type"] == "ready"
    frames = [await talking.next() for _ in page["messages"]]
    assert [frame["message"] for frame in frames] == page["messages"]
    await talking.socket.close()

    # The past too; what stands there of shoppers and agents stays.
    now = await front.open("u1001")
    path = f"/api/v1/conversations/{now.conversation_id}/earlier"
    past = (await front.request("GET", path, headers={**now.headers, **TRADITIONAL})).json
    assert [m["text"] for m in past["messages"]] == [m["text"] for m in page["messages"]]


@pytest.mark.parametrize(
    ("told", "said", "read"),
    [
        ({"response": "utter_welcome_order", "facts": {"name": "范小里"}}, "范小里的后面", "范小里的後面"),
        (
            {"response": "utter_my_addresses", "facts": {"addresses": [{"place": "后里区", "consignee": 7}]}},
            "里面：后里区，后里区（里）",
            "裡面：后里区，后里区（裡）",
        ),
        ({"response": "utter_note_taken", "facts": {"note": "发.*"}}, "发.*发面", "发.*發麵"),
        ({"response": "utter_track_moving", "facts": {"place": "发货区"}}, "发货区", "發貨區"),
        ({"response": "utter_note_taken", "facts": {"note": "发"}}, "发面", "發麵"),
        ({"response": "utter_invoice_confirm", "facts": {"title": ["发"]}}, "发面", "發麵"),
    ],
)
async def test_her_name_in_a_sentence_of_the_bot_stays(
    front: Front, rasa: RasaStub, told: Any, said: str, read: str
) -> None:
    shopper = await front.open()
    rasa.script = lambda request: answer(request, [{"text": said, "told": told}])
    heard = {**shopper.headers, **TRADITIONAL}
    body = {"conversation_id": shopper.conversation_id, "message_id": "m_1", "text": "在吗"}
    got = await front.request("POST", "/api/v1/chat", json=body, headers=heard)
    assert got.json["replies"][0]["text"] == read
    path = f"/api/v1/conversations/{shopper.conversation_id}/messages"
    page = (await front.request("GET", path, headers=heard)).json
    assert page["messages"][-1]["text"] == read
    assert (await shopper.messages())[-1]["text"] == said


class Chinese(Speaker):
    """Says one line of the front in Chinese."""

    def say(self, response: str, facts: Any, style: str, options: Any = ()) -> Any:
        said = super().say(response, facts, style, options)
        return type(said)(f"请检查里面 {facts}", said.buttons) if response == words.TOO_LONG else said


async def test_refusals_that_a_shopper_reads(rasa: RasaStub, tmp_path: Any) -> None:
    async with Front(f"sqlite:///{tmp_path / 'r.db'}", rasa.port, speaker=Chinese()) as front:
        shopper = await front.open()
        body = {"conversation_id": shopper.conversation_id, "message_id": "m_1", "text": "长" * 1001}
        for headers, said in ((TRADITIONAL, "請檢查裡面"), ({"Accept-Language": "en"}, "请检查里面")):
            got = await front.request(
                "POST", "/api/v1/chat", json=body, headers={**shopper.headers, **headers}
            )
            assert got.status == 422 and got.json["error"]["message"].startswith(said)
        # Over the socket `lang` counts; the header of the handshake is the browser's.
        for lang, header, said in (
            ({"lang": "zh-TW"}, {}, "請檢查裡面"),
            ({}, TRADITIONAL, "请检查里面"),
            ({"lang": "zh-Hans"}, TRADITIONAL, "请检查里面"),
        ):
            talking = await connect(front, headers=header)
            await talking.send(
                type="auth", conversation_id=shopper.conversation_id, secret=shopper.secret, **lang
            )
            await talking.send(type="message", message_id="m_1", text="长" * 1001)
            frame = await talking.next()
            while frame["type"] != "error":
                frame = await talking.next()
            assert frame["error"]["message"].startswith(said)
            await talking.socket.close()
        for wrong in ("", "zh;q=1", "x" * 99, 5, ["zh"]):
            talking = await connect(front)
            await talking.send(
                type="auth", conversation_id=shopper.conversation_id, secret=shopper.secret, lang=wrong
            )
            assert (await talking.next())["error"]["code"] == "invalid_field"
            assert await talking.closed() == 4401
