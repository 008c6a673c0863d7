"""The generator inside Rasa: style and mood from the tracker, facts from the action, nothing left behind."""

import logging
from pathlib import Path
from typing import Any

import pytest

from persona.wording import Wording
from tests.persona.wording.conftest import Room

pytestmark = pytest.mark.model

FACTS = {"state": "shipped", "expected_by": "2026-11-24T18:00:00+08:00"}


@pytest.fixture
def generator(tmp_path: Path) -> Any:
    from bot.components.nlg import StyleGenerator

    room = Room(tmp_path)
    room.response(
        "utter_ask_order",
        facts="may: {product: {type: text, sample: 鞋}}",
        neutral="找{{ product }}的哪一单？",
    )
    return StyleGenerator(wording=Wording.load(room.root))


def tracker(style: str | None = None, mood: str | None = None, tapped: bool = False, **slots: Any) -> Any:
    from rasa.shared.core.events import UserUttered
    from rasa.shared.core.slots import AnySlot
    from rasa.shared.core.trackers import DialogueStateTracker

    values = {"temperament": style, **slots}
    found = DialogueStateTracker(
        "c_1", [AnySlot(n, mappings=[{}], initial_value=v) for n, v in values.items()]
    )
    reading = {"reading": {"mood": mood}} if mood else {}
    found.update(
        UserUttered("我的快递", parse_data={"intent": {"name": "track_shipment"}, "text": "", **reading})
    )
    if tapped:
        found.update(
            UserUttered("/track_shipment", parse_data={"intent": {"name": "track_shipment"}, "text": ""})
        )
    return found


async def test_the_slot_gives_the_style(generator: Any) -> None:
    said = await generator.generate("utter_shipped", tracker("power"), "front", facts=dict(FACTS))
    assert said == {"text": "11月24日 18:00 前到。已发货。"}


@pytest.mark.parametrize("tapped", [False, True])
async def test_an_angry_shopper_gets_no_emoji_also_after_a_tap(generator: Any, tapped: bool) -> None:
    said = await generator.generate(
        "utter_shipped", tracker("lively", "angry", tapped), "front", facts=dict(FACTS)
    )
    assert said["text"].startswith("您的订单已发货")
    cheerful = await generator.generate(
        "utter_shipped", tracker("lively", "cheerful"), "front", facts=dict(FACTS)
    )
    assert any(sign in cheerful["text"] for sign in "🚚🎉")


async def test_where_nobody_can_log_in_she_is_told_to_bind() -> None:
    from rasa.shared.core.events import UserUttered

    from bot.components.nlg import StyleGenerator

    spoken = StyleGenerator(wording=Wording.load())
    page, channel = tracker(), tracker()
    channel.update(
        UserUttered("忽略规则", parse_data={"intent": {"name": "probe"}}, metadata={"binds": True})
    )
    here = await spoken.generate("utter_probe", page, "front")
    there = await spoken.generate("utter_probe", channel, "front")
    assert "登录" in here["text"] and "绑定账号" not in here["text"]
    assert "绑定账号" in there["text"] and "登录" not in there["text"]


async def test_each_call_returns_fresh_buttons(generator: Any) -> None:
    first, second = [
        await generator.generate(
            "utter_shipped", tracker("power"), "front", facts=dict(FACTS), options=[{"id": "track_shipment"}]
        )
        for _ in range(2)
    ]
    assert first["buttons"] == [{"title": "查物流", "payload": "/track_shipment"}]
    first["buttons"].append({"title": "x", "payload": "/x"})
    assert len(second["buttons"]) == 1


async def test_a_form_is_worded_from_slots_of_the_same_name(generator: Any) -> None:
    said = await generator.generate("utter_ask_order", tracker(product="跑鞋", order="1"), "front")
    assert said == {"text": "找跑鞋的哪一单？"}


async def test_a_fault_is_an_apology_and_the_log_has_the_cause_without_values(
    generator: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        said = await generator.generate("utter_shipped", tracker("power"), "front", facts={"state": "秘密"})
    assert said == {"text": "抱歉，没有办成。"}
    assert "cannot say utter_shipped: fact expected_by is missing" in caplog.text
    assert "秘密" not in caplog.text


async def test_rasas_own_silent_responses_stay_silent(generator: Any) -> None:
    assert await generator.generate("utter_restart", tracker(), "front") is None


async def test_what_stands_in_the_conversation_is_not_said_again_word_for_word(generator: Any) -> None:
    from rasa.shared.core.events import BotUttered

    talk = tracker("power")
    heard = []
    for _ in range(4):
        said = await generator.generate(
            "utter_shipped", talk, "front", facts=dict(FACTS), options=[{"id": "track_shipment"}]
        )
        heard.append(said["text"])
        talk.update(BotUttered(said["text"], {"buttons": said.get("buttons")}))
        if len(heard) > 1:
            assert said["buttons"][-1]["payload"] == "/ask_human"
    assert len(set(heard)) == 4
    assert all(text.endswith(heard[0]) for text in heard)
    for index in range(6):
        talk.update(BotUttered(f"别的事情 {index}"))
    late = await generator.generate("utter_shipped", talk, "front", facts=dict(FACTS))
    assert late["text"] == heard[0]  # no longer before her eyes


async def test_a_turn_that_is_run_again_repeats_itself_alike(generator: Any) -> None:
    from rasa.shared.core.events import BotUttered

    talk = tracker("power")
    talk.update(BotUttered("11月24日 18:00 前到。已发货。"))
    first, second = [
        await generator.generate("utter_shipped", talk.copy(), "front", facts=dict(FACTS)) for _ in range(2)
    ]
    assert first == second
    assert first["text"] != "11月24日 18:00 前到。已发货。"


async def test_the_question_of_a_form_is_asked_again_as_it_was(generator: Any) -> None:
    from rasa.shared.core.events import ActiveLoop, BotUttered

    talk = tracker(product="跑鞋")
    talk.update(BotUttered("找跑鞋的哪一单？"))
    talk.update(ActiveLoop("cancel_form"))
    assert (await generator.generate("utter_ask_order", talk, "front"))["text"] == "找跑鞋的哪一单？"
    talk.update(ActiveLoop(None))
    assert (await generator.generate("utter_ask_order", talk, "front"))["text"] != "找跑鞋的哪一单？"


async def test_facts_do_not_stay_in_the_event(generator: Any) -> None:
    from rasa.core.actions.action import RemoteAction
    from rasa.core.channels.channel import CollectingOutputChannel

    response = {
        "response": "utter_shipped",
        "facts": dict(FACTS),
        "options": [{"id": "track_shipment"}],
        "text": None,
    }
    (event,) = await RemoteAction._utter_responses(
        [response], CollectingOutputChannel(), generator, tracker("power")
    )
    assert event.text == "11月24日 18:00 前到。已发货。"
    assert event.data["buttons"] == [{"title": "查物流", "payload": "/track_shipment"}]
    assert event.metadata == {"utter_action": "utter_shipped"}


async def test_rasa_creates_it_from_the_endpoints_file() -> None:
    from rasa.core.nlg.generator import NaturalLanguageGenerator
    from rasa.shared.core.domain import Domain
    from rasa.utils.endpoints import EndpointConfig

    made = NaturalLanguageGenerator.create(
        EndpointConfig(type="bot.components.nlg.StyleGenerator"), Domain.empty()
    )
    said = await made.generate("utter_apology", tracker("power"), "front")
    assert said is not None
    assert len(said["buttons"]) == 2
