"""The channel over HTTP, with a real (tiny) model and a real little action server."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from persona.privacy.vault import Vault
from persona.temperament.types import Belief
from tests.bot.components.conftest import Actions, Front, serving

pytestmark = pytest.mark.model

BELIEF = {
    "prior": [-0.2, -2.5, -2.5, -2.5],
    "evidence": [2.0, 0, 0, 0],
    "turns": 3,
    "served": "power",
    "seen": [],
}
PRIOR = {
    "prior": [-3.0, -0.2, -3.0, -3.0],
    "evidence": [0, 0, 0, 0],
    "turns": 0,
    "served": "perfect",
    "seen": [],
}


async def test_a_turn_answers_with_intent_reading_belief_and_replies(front: Front) -> None:
    answer = await front.say("你好呀")
    assert answer["message_id"] == "m_1"
    assert (answer["replayed"], answer["failed"]) == (False, False)
    assert answer["intent"]["name"] == "hello"
    assert 0 < answer["intent"]["confidence"] <= 1
    assert answer["replies"] == [{"text": "你好"}]
    assert "history_held" not in answer
    assert set(answer["reading"]["probabilities"]) == {"power", "perfect", "peace", "lively"}
    assert answer["belief"]["turns"] >= 0


@pytest.mark.parametrize("secret", [None, "", "a-secret-of-the-test", "ä"])
async def test_a_wrong_secret_is_refused(front: Front, actions: Actions, secret: str | None) -> None:
    body = {"conversation_id": "c_1", "message_id": "m_1", "text": "我的订单呢"}
    status, _ = await front.post(body, secret=secret)
    assert status == 401
    assert actions.calls == []


@pytest.mark.parametrize(
    "wrong",
    [
        b"",
        b"no json",
        b"[" * 100_000,
        [],
        {},
        {"text": ""},
        {"text": "  \n"},
        {"text": 5},
        {"text": "你好", "payload": "/hello"},
        {"text": "你\0好"},
        {"text": "\ud800"},
        {"text": "长" * 4001},
        {"text": "你好", "message_id": ""},
        {"text": "你好", "message_id": 7},
        {"text": "你好", "conversation_id": "c 1"},
        {"text": "你好", "belief": "power"},
        {"text": "你好", "personalisation": "no"},
        {"text": "你好", "people": "none"},
        {"payload": "hello"},
        {"payload": "/hello{"},
        {"event": "exploded"},
        {"event": "handed_back", "settled": "solved"},
        {"event": "handed_back", "settled": {"by": "agent"}},
        {"event": "handed_back", "settled": {"outcome": "solved", "by": ["agent"]}},
        {"event": "handed_back", "settled": {"outcome": "x" * 65, "by": "agent"}},
        {"text": "你好", "looking_at": "p001"},
        {"text": "你好", "looking_at": {"product_id": 5}},
        {"text": "你好", "looking_at": {"order_number": "2026 1"}},
    ],
    ids=range(28),
)
async def test_a_malformed_call_is_refused(front: Front, wrong: Any) -> None:
    body = (
        {"conversation_id": "c_1", "message_id": "m_1", **wrong}
        if isinstance(wrong, dict) and wrong
        else wrong
    )
    status, answer = await front.post(body)
    assert status == 400
    assert answer["error"] == "malformed"


@pytest.mark.parametrize(
    "typed", ["/restart", "  /open_conversation", '/start_form{"colour": "red"}', "/", "//hello"]
)
async def test_typed_commands_are_plain_text(front: Front, typed: str) -> None:
    answer = await front.say(typed)
    tracker = await front.agent.tracker_store.retrieve("c_1")
    assert answer["intent"]["name"] not in {"restart", "open_conversation", "start_form"}
    assert tracker.latest_message.text == typed.replace("/", "／", 1)
    assert tracker.active_loop_name is None


SETTLED = {"outcome": "solved", "by": "agent", "order_number": "202611200001"}


async def test_a_hand_back_says_nothing_and_is_no_failure(front: Front, actions: Actions) -> None:
    actions.answers["action_handed_back"] = {"events": [], "responses": []}
    told = await front.turn(event="handed_back", settled={**SETTLED, "colour": "red"}, belief=BELIEF)
    assert (told["failed"], told["replies"]) == (False, [])
    assert actions.calls[0]["tracker"]["latest_message"]["metadata"]["settled"] == SETTLED
    again = await front.turn(event="handed_back", message_id="m_1")
    assert (again["replayed"], again["failed"]) == (True, False)
    assert len(actions.calls) == 1


@pytest.mark.parametrize("answer", ["nothing", "an error"])
async def test_the_message_after_a_hand_back_meets_no_form_of_before(
    front: Front, actions: Actions, answer: str
) -> None:
    asked = await front.say("选颜色")
    assert (asked["replies"], asked["form_open"]) == ([{"text": "什么颜色？"}], True)
    actions.answers["action_handed_back"] = (
        {"events": [], "responses": []} if answer == "nothing" else {"events": "broken"}
    )
    assert (await front.turn(event="handed_back", settled=SETTLED))["form_open"] is False
    tracker = await front.agent.tracker_store.retrieve("c_1")
    assert tracker.active_loop_name is None
    assert (await front.say("你好呀"))["replies"] == [{"text": "你好"}]


async def test_what_is_settled_counts_with_its_event_alone(front: Front, actions: Actions) -> None:
    await front.say("我的订单呢", settled=SETTLED)
    assert "settled" not in actions.calls[0]["tracker"]["latest_message"]["metadata"]


@pytest.mark.parametrize(
    ("told", "noted"), [({}, None), ({"people": True}, None), ({"people": False}, False)]
)
async def test_the_actions_hear_that_nobody_is_at_the_desk(
    front: Front, actions: Actions, told: dict[str, bool], noted: bool | None
) -> None:
    await front.say("我的订单呢", **told)
    await front.turn(payload="/ask_order", **told)
    heard = [call["tracker"]["latest_message"]["metadata"].get("people") for call in actions.calls]
    assert heard == [noted, noted]


async def test_what_she_looks_at_counts_with_its_message_alone(front: Front, actions: Actions) -> None:
    await front.say("我的订单呢", looking_at={"product_id": "p003", "page": "x"})
    await front.turn(payload="/ask_order", looking_at={})
    first, second = (call["tracker"]["latest_message"]["metadata"] for call in actions.calls)
    assert first["looking_at"] == {"product_id": "p003"}
    assert "looking_at" not in second
    heard = [e for e in actions.calls[1]["tracker"]["events"] if e["event"] == "user"]
    assert [e.get("metadata", {}).get("looking_at") for e in heard] == [{"product_id": "p003"}, None]


async def test_a_tapped_button_brings_its_intent_and_entities(front: Front, actions: Actions) -> None:
    answer = await front.turn(payload='/ask_order{"order_number": "202611200001"}', belief=BELIEF)
    assert answer["intent"] == {"name": "ask_order", "confidence": 1.0}
    assert [(e["entity"], e["value"]) for e in answer["entities"]] == [("order_number", "202611200001")]
    assert answer["reading"] is None
    assert answer["belief"] == Belief.from_json(BELIEF).to_json()
    assert actions.calls[0]["tracker"]["slots"]["temperament"] == "power"
    assert actions.calls[0]["tracker"]["slots"]["order_number"] == "202611200001"


async def test_an_event_of_the_front_is_an_intent(front: Front) -> None:
    answer = await front.turn(event="opened")
    assert answer["intent"]["name"] == "open_conversation"
    assert answer["replies"] == [{"text": "欢迎"}]


async def test_a_picture_is_an_event_that_actions_hear_of(front: Front, actions: Actions) -> None:
    told = await front.turn(event="picture", pictures=True, belief=BELIEF)
    assert told["intent"] == {"name": "send_picture", "confidence": 1.0}
    assert (told["reading"], told["belief"]) == (None, Belief.from_json(BELIEF).to_json())
    message = actions.calls[0]["tracker"]["latest_message"]
    assert message["intent"]["name"] == "send_picture"
    assert message["metadata"]["pictures"] is True


async def test_actions_get_the_assertion_of_this_message_only(front: Front, actions: Actions) -> None:
    await front.say("我的订单呢", assertion="eyJ.first")
    await front.say("查一下订单", assertion="eyJ.second")
    first, second = actions.calls
    assert first["tracker"]["latest_message"]["metadata"]["assertion"] == "eyJ.first"
    assert second["tracker"]["latest_message"]["metadata"]["assertion"] == "eyJ.second"
    assert "eyJ.first" not in str(second)


async def test_a_repeated_message_is_answered_from_the_record(front: Front, actions: Actions) -> None:
    first = await front.say("我的订单呢")
    await front.say("你好")
    again = await front.turn(message_id="m_1", text="我的订单呢")
    assert again == {**first, "replayed": True}
    assert len(actions.calls) == 1


async def test_a_repeat_after_a_restart_of_rasa_is_answered_from_the_record(
    tiny_model: Path, actions: Actions, tmp_path: Path, vault: Vault
) -> None:
    url = f"sqlite:///{tmp_path / 'tracker.db'}"
    async with serving(tiny_model, actions, url, vault) as front:
        first = await front.say("我的订单呢")
    async with serving(tiny_model, actions, url, vault) as front:
        again = await front.turn(message_id="m_1", text="我的订单呢")
    assert again == {**first, "replayed": True}
    assert len(actions.calls) == 1


async def test_concurrent_repeats_join_the_running_turn(front: Front, actions: Actions) -> None:
    body = {"conversation_id": "c_1", "message_id": "m_9", "text": "慢慢来"}
    calls = [asyncio.create_task(front.post(body)) for _ in range(3)]
    await asyncio.wait_for(actions.begun.wait(), 10)
    actions.release.set()
    answers = [await call for call in calls]
    assert len(actions.calls) == 1
    assert {answer["replies"][0]["text"] for _, answer in answers} == {"action_slow 1"}


async def test_a_turn_is_finished_although_its_caller_hangs_up(front: Front, actions: Actions) -> None:
    body = {"conversation_id": "c_1", "message_id": "m_9", "text": "慢慢来"}
    call = asyncio.create_task(front.post(body))
    await asyncio.wait_for(actions.begun.wait(), 10)
    call.cancel()
    await asyncio.sleep(0.05)
    actions.release.set()
    status, again = await front.post(body)
    assert status == 200
    assert again["replies"] == [{"text": "action_slow 1"}]
    assert len(actions.calls) == 1


async def test_messages_of_one_conversation_run_one_after_the_other(front: Front, actions: Actions) -> None:
    slow = asyncio.create_task(front.say("慢慢来"))
    await asyncio.wait_for(actions.begun.wait(), 10)
    after = asyncio.create_task(front.say("你好"))
    await asyncio.sleep(0.1)
    assert not after.done()
    actions.release.set()
    await slow
    await after
    tracker = await front.agent.tracker_store.retrieve("c_1")
    said = [e.text for e in tracker.events if e.type_name in {"user", "bot"}]
    assert said == ["慢慢来", "action_slow 1", "你好", "你好"]


async def test_a_failed_action_is_told_and_stays_told(front: Front) -> None:
    answer = await front.say("东西坏了")
    assert (answer["failed"], answer["replies"]) == (True, [])
    again = await front.turn(message_id="m_1", text="东西坏了")
    assert again == {**answer, "replayed": True}
    assert (await front.say("你好"))["failed"] is False


async def test_an_unreachable_action_server_is_a_failure(front: Front) -> None:
    front.agent.processor.action_endpoint.url = "http://127.0.0.1:9/webhook"
    assert (await front.say("我的订单呢"))["failed"] is True


async def test_a_store_that_fails_records_nothing_and_the_repeat_runs(
    front: Front, actions: Actions, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> int:
        raise OSError("disk full")

    with monkeypatch.context() as broken:
        broken.setattr(front.agent.tracker_store._rows, "save", refuse)
        assert (await front.say("我的订单呢"))["failed"] is True
    again = await front.turn(message_id="m_1", text="我的订单呢")
    assert (again["failed"], again["replayed"]) == (False, False)
    assert len(actions.calls) == 2


async def test_history_is_read_before_the_message_and_gives_the_prior(front: Front, actions: Actions) -> None:
    actions.answers["action_read_history"] = {
        "events": [{"event": "slot", "name": "prior", "value": PRIOR}],
        "responses": [],
    }
    earlier = {"belief": BELIEF, "at": "2026-11-20T10:00:00+08:00"}
    answer = await front.turn(event="opened", history_wanted=True, assertion="eyJ.x", earlier=earlier)
    assert answer["history_held"] is True
    assert actions.calls[0]["tracker"]["latest_message"]["metadata"]["earlier"] == earlier
    assert [call["next_action"] for call in actions.calls] == ["action_read_history"]
    assert actions.calls[0]["tracker"]["latest_message"]["metadata"]["assertion"] == "eyJ.x"
    assert answer["belief"]["prior"] == PRIOR["prior"]
    tracker = await front.agent.tracker_store.retrieve("c_1")
    assert tracker.get_slot("prior") == PRIOR
    assert tracker.get_slot("temperament") == "perfect"


async def test_a_prior_found_in_mid_conversation_keeps_the_evidence(front: Front, actions: Actions) -> None:
    actions.answers["action_read_history"] = {
        "events": [{"event": "slot", "name": "prior", "value": PRIOR}],
        "responses": [],
    }
    answer = await front.turn(event="identified", history_wanted=True, belief=BELIEF)
    assert answer["belief"]["prior"] == PRIOR["prior"]
    assert answer["belief"]["evidence"] == BELIEF["evidence"]


async def test_a_history_that_cannot_be_read_spoils_no_answer(front: Front, actions: Actions) -> None:
    actions.answers["action_read_history"] = {"events": "nonsense"}
    answer = await front.say("你好", history_wanted=True)
    assert answer["history_held"] is False
    again = await front.turn(message_id="m_1", text="你好", history_wanted=True)
    assert again == {**answer, "replayed": True}
    assert (answer["failed"], answer["replies"]) == (False, [{"text": "你好"}])


async def test_without_personalisation_nothing_is_read_or_kept(front: Front, actions: Actions) -> None:
    await front.say("快点！马上给我查订单", belief=BELIEF)
    answer = await front.say("快点！我的订单呢", personalisation=False, belief=BELIEF, history_wanted=True)
    assert (answer["reading"], answer["belief"]) == (None, None)
    assert "action_read_history" not in [call["next_action"] for call in actions.calls]
    assert actions.calls[-1]["tracker"]["slots"]["temperament"] == "neutral"
    tracker = await front.agent.tracker_store.retrieve("c_1")
    kept = [e.as_dict() for e in tracker.events]
    assert "evidence" not in str(kept)
    assert "power" not in str(kept)


async def test_without_personalisation_signals_are_told_and_stand_nowhere(
    front: Front, actions: Actions
) -> None:
    text = "我的订单呢，充电器冒烟了！"
    answer = await front.say(text, personalisation=False, message_id="m_9")
    assert answer["signals"] == {"mood": "calm", "names": ["safety"]}
    assert answer["reading"] is None
    again = await front.say(text, personalisation=False, message_id="m_9")
    assert again == {**answer, "replayed": True}  # else a lost answer would lose the danger
    await front.say("你好", personalisation=False)
    tracker = await front.agent.tracker_store.retrieve("c_1")
    for kept in (*actions.calls, *(event.as_dict() for event in tracker.events)):
        assert "safety" not in str(kept) and "signals" not in str(kept)
    for other in (
        await front.turn(payload="/ask_order", personalisation=False),
        await front.turn(event="opened", personalisation=False),
        await front.say(text, personalisation=True),  # its reading tells
    ):
        assert "signals" not in other
    assert [signal["name"] for signal in other["reading"]["signals"]] == ["safety"]


@pytest.mark.parametrize("personalisation", [True, False])
async def test_a_turn_that_broke_off_still_tells_of_danger(
    front: Front, monkeypatch: pytest.MonkeyPatch, personalisation: bool
) -> None:
    def refuse(*_: Any) -> int:
        raise OSError("disk full")

    monkeypatch.setattr(front.agent.tracker_store._rows, "save", refuse)
    answer = await front.say("充电器冒烟了", personalisation=personalisation)
    assert (answer["failed"], answer["reading"]) == (True, None)
    assert answer["signals"]["names"] == ["safety"]


async def test_offsets_are_those_of_the_text_as_typed(front: Front) -> None:
    answer = await front.say("  订单202611200001到哪了")
    (entity,) = answer["entities"]
    assert (entity["start"], entity["end"]) == (4, 16)


@pytest.mark.parametrize("text", ["asdf", "😀", "？？？", "xqz wvk"])
async def test_input_without_known_features_falls_back(front: Front, text: str) -> None:
    assert (await front.say(text))["intent"]["name"] == "nlu_fallback"


async def test_health_is_true_only_with_a_model(front: Front) -> None:
    async with front.session.get(f"{front.url}/health") as answer:
        assert answer.status == 200
    processor, front.agent.processor = front.agent.processor, None
    async with front.session.get(f"{front.url}/health") as answer:
        assert answer.status == 503
    status, _ = await front.post({"conversation_id": "c", "message_id": "m", "text": "你好"})
    assert status == 503
    front.agent.processor = processor
