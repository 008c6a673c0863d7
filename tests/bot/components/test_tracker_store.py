"""The tracker store: what is kept of a conversation, and that its state survives the cut."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.components.tracker_rows import TrackerConflictError, TrackerRows
from persona.privacy.vault import Vault
from tests.support import postgres

pytestmark = [pytest.mark.model, pytest.mark.usefixtures("rasa_loaded")]

DOMAIN = """
version: "3.1"
intents: [ask, start]
entities: [temperament]
slots:
  temperament:
    {type: categorical, values: [power, neutral], initial_value: neutral, mappings: [{type: custom}]}
  prior: {type: any, mappings: [{type: custom}]}
  grant: {type: text, mappings: [{type: custom}]}
  personalisation: {type: bool, mappings: [{type: custom}]}
  order_number: {type: text, mappings: [{type: custom}]}
  colour: {type: text, mappings: [{type: custom}]}
forms:
  colour_form: {required_slots: [colour]}
"""


@pytest.fixture(scope="module")
def domain(rasa_loaded: None) -> Any:
    from rasa.shared.core.domain import Domain

    return Domain.from_yaml(DOMAIN)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.service)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'tracker.db'}"
    else:
        with postgres.database("tracker") as made:
            yield made


def open_store(url: str, vault: Vault, domain: Any, **more: Any) -> Any:
    from bot.components.tracker_store import BoundedTrackerStore

    return BoundedTrackerStore(domain, url=url, vault=vault, **more)


@pytest.fixture
async def store(url: str, vault: Vault, domain: Any) -> AsyncIterator[Any]:
    store = open_store(url, vault, domain)
    yield store
    store.close()


async def begin(store: Any, name: str = "c_1") -> Any:
    from rasa.shared.core.events import ActionExecuted, SessionStarted

    tracker = await store.get_or_create_tracker(name, append_action_listen=False)
    if not tracker.events:
        for event in (
            ActionExecuted("action_session_start"),
            SessionStarted(),
            ActionExecuted("action_listen"),
        ):
            tracker.update(event)
    return tracker


async def talk(store: Any, count: int, *extra: Any, name: str = "c_1", first: int = 0) -> Any:
    """Have `count` turns of five events; `extra` events go into the first of them."""
    from rasa.shared.core.events import ActionExecuted, BotUttered, UserUttered

    for index in range(first, first + count):
        tracker = await begin(store, name)
        events = [
            UserUttered(
                f"第{index}句",
                {"name": "ask", "confidence": 0.9},
                message_id=f"m_{index}",
                metadata={"assertion": "eyJ.secret", "belief": {"turns": index}},
                parse_data={
                    "intent": {"name": "ask", "confidence": 0.9},
                    "intent_ranking": [{"name": str(i), "confidence": 0.1} for i in range(10)],
                    "entities": [{"entity": "temperament", "value": "power"}],
                    "text": f"第{index}句",
                    "text_tokens": [(0, 2)],
                    "reading": {"temperament": "power"},
                    "belief": {"turns": index + 1},
                },
            ),
            *(extra if index == first else ()),
            ActionExecuted("action_answer"),
            BotUttered(
                f"答{index}",
                {"buttons": [{"title": "查", "payload": "/ask"}], "custom": None},
                {"utter_action": "utter_answer", "facts": {"phone": "13800138000"}, "options": [1]},
            ),
            ActionExecuted("action_listen"),
        ]
        for event in events:
            tracker.update(event)
        await store.save(tracker)
    return tracker


def state(tracker: Any) -> dict[str, Any]:
    return {
        "slots": dict(tracker.current_slot_values()),
        "form": tracker.active_loop_name,
        "action": tracker.latest_action_name,
        "text": tracker.latest_message.text,
        "paused": tracker.is_paused(),
    }


async def test_a_tracker_comes_back_from_memory_and_from_the_row_alike(
    store: Any, url: str, vault: Vault, domain: Any
) -> None:
    from rasa.shared.core.events import SlotSet

    await talk(store, 3, SlotSet("order_number", "202611200001"))
    other = open_store(url, vault, domain)
    fresh = await other.retrieve("c_1")
    live = await store.retrieve("c_1")
    other.close()
    assert state(fresh) == state(live)
    assert [e.as_dict() for e in fresh.events] == [e.as_dict() for e in live.events]
    assert live.get_slot("order_number") == "202611200001"


async def test_an_unknown_conversation_is_stored_with_its_first_turn_only(store: Any) -> None:
    await store.get_or_create_tracker("c_9")
    assert not await store.exists("c_9")
    await talk(store, 1, name="c_9")
    assert await store.exists("c_9")
    assert list(await store.keys()) == ["c_9"]


async def test_a_long_conversation_stays_bounded_and_keeps_slots_and_recent_messages(store: Any) -> None:
    from rasa.shared.core.events import SlotSet, UserUttered

    await talk(store, 1, SlotSet("order_number", "202611200001"), SlotSet("colour", "red"))
    await talk(store, 1, SlotSet("colour", "blue"), first=1)
    sizes = []
    for index in range(2, 80):
        tracker = await talk(store, 1, first=index)
        tracker = await store.retrieve("c_1")
        sizes.append(len(tracker.events))
        await store.save(tracker)
    assert max(sizes) <= 80
    assert min(sizes[30:]) >= 40
    assert (tracker.get_slot("order_number"), tracker.get_slot("colour")) == ("202611200001", "blue")
    kept = [e.message_id for e in tracker.events if isinstance(e, UserUttered)]
    assert kept[-6:] == [f"m_{i}" for i in range(74, 80)]


async def test_the_cut_keeps_the_dialogue_state_that_policies_see(store: Any, domain: Any) -> None:
    from rasa.shared.core.events import SlotSet

    from bot.components.tracker_bounds import bounded

    for index in range(30):
        await talk(store, 1, SlotSet("colour", str(index)), first=index)
    whole = await store.retrieve("c_1")
    from rasa.shared.core.events import ActionExecuted, BotUttered, UserUttered

    for index in range(12):
        for event in (
            UserUttered(f"再{index}", {"name": "ask"}),
            ActionExecuted("action_answer"),
            BotUttered("好"),
            SlotSet("colour", f"later {index}"),
            ActionExecuted("action_listen"),
        ):
            whole.update(event)
    short = bounded(whole)
    assert len(short.events) < len(whole.events)
    assert state(short) == state(whole)
    assert short.past_states(domain)[-12:] == whole.past_states(domain)[-12:]


async def test_no_cut_inside_a_form_until_it_goes_on_for_very_long(store: Any) -> None:
    from rasa.shared.core.events import ActionExecuted, ActiveLoop, SlotSet

    start = [ActionExecuted("colour_form"), ActiveLoop("colour_form"), SlotSet("requested_slot", "colour")]
    await talk(store, 1, *start)
    await talk(store, 30, first=1)
    tracker = await store.retrieve("c_1")
    assert len(tracker.events) > 120
    assert tracker.active_loop_name == "colour_form"
    await store.save(tracker)
    await talk(store, 40, first=31)
    tracker = await store.retrieve("c_1")
    assert len(tracker.events) < 260
    assert tracker.active_loop_name == "colour_form"
    assert tracker.get_slot("requested_slot") == "colour"


async def test_a_form_that_was_left_does_not_come_back_with_the_cut(store: Any) -> None:
    from rasa.shared.core.events import ActiveLoop

    await talk(store, 1, ActiveLoop("colour_form"))
    await talk(store, 1, ActiveLoop(None), first=1)
    await talk(store, 40, first=2)
    tracker = await store.retrieve("c_1")
    assert tracker.active_loop_name is None
    assert len(tracker.events) <= 80


async def test_secrets_facts_and_options_are_not_stored(store: Any, url: str, vault: Vault) -> None:
    from rasa.shared.core.events import SlotSet

    tracker = await talk(store, 2, SlotSet("grant", "eyJ.grant"))
    rows = TrackerRows(url, vault)
    row = rows.load("c_1")
    rows.close()
    assert row is not None
    for secret in ("eyJ", "13800138000", "options", "facts", "text_tokens"):
        assert secret not in str(row.text)
        assert secret not in str([e.as_dict() for e in tracker.events])
    assert tracker.get_slot("grant") is None


async def test_recent_messages_keep_what_a_repeat_needs_and_older_ones_do_not(store: Any) -> None:
    await talk(store, 9)
    tracker = await store.retrieve("c_1")
    users = [e for e in tracker.events if e.type_name == "user"]
    bots = [e for e in tracker.events if e.type_name == "bot"]
    assert ["belief" in e.parse_data for e in users] == [False] * 3 + [True] * 6
    assert [bool(e.data) for e in bots] == [False] * 3 + [True] * 6
    assert [e.text for e in bots] == [f"答{i}" for i in range(9)]


async def test_without_personalisation_all_readings_go(store: Any, url: str, vault: Vault) -> None:
    from rasa.shared.core.events import SlotSet

    await talk(store, 3, SlotSet("temperament", "power"), SlotSet("prior", {"served": "power"}))
    await talk(store, 1, SlotSet("personalisation", False), SlotSet("temperament", "neutral"), first=3)
    rows = TrackerRows(url, vault)
    row = rows.load("c_1")
    rows.close()
    assert row is not None
    for trace in ("reading", "belief", "power", "served"):
        assert trace not in str(row.text)
    tracker = await store.retrieve("c_1")
    assert (tracker.get_slot("personalisation"), tracker.get_slot("prior")) == (False, None)


async def test_a_turn_that_broke_off_leaves_nothing(store: Any) -> None:
    from rasa.shared.core.events import SlotSet

    await talk(store, 1)
    broken = await store.retrieve("c_1")
    broken.update(SlotSet("colour", "half done"))
    again = await store.retrieve("c_1")
    assert again.get_slot("colour") is None


async def test_two_processes_cannot_overwrite_each_other(
    store: Any, url: str, vault: Vault, domain: Any
) -> None:
    from rasa.shared.core.events import SlotSet

    await talk(store, 1)
    other = open_store(url, vault, domain)
    mine, theirs = await store.retrieve("c_1"), await other.retrieve("c_1")
    theirs.update(SlotSet("colour", "theirs"))
    await other.save(theirs)
    with pytest.raises(TrackerConflictError):
        await store.save(mine)
    assert (await store.retrieve("c_1")).get_slot("colour") == "theirs"
    other.close()


async def test_a_change_by_another_process_is_seen(store: Any, url: str, vault: Vault, domain: Any) -> None:
    await talk(store, 1)
    other = open_store(url, vault, domain)
    await talk(other, 1, first=1)
    other.close()
    assert (await store.retrieve("c_1")).latest_message.text == "第1句"


async def test_the_event_broker_gets_each_event_once_and_without_secrets(
    url: str, vault: Vault, domain: Any
) -> None:
    class Broker:
        def __init__(self) -> None:
            self.bodies: list[dict[str, Any]] = []

        def publish(self, body: dict[str, Any]) -> None:
            self.bodies.append(json.loads(json.dumps(body)))

    broker = Broker()
    store = open_store(url, vault, domain, event_broker=broker)
    await talk(store, 30)
    store.close()
    said = [body["text"] for body in broker.bodies if body["event"] == "user"]
    assert said == [f"第{i}句" for i in range(30)]
    assert "eyJ" not in str(broker.bodies)


async def test_a_deleted_conversation_is_gone_from_memory_too(store: Any) -> None:
    await talk(store, 1)
    await store.delete("c_1")
    assert await store.retrieve("c_1") is None


def test_without_keys_there_is_no_store(monkeypatch: pytest.MonkeyPatch, domain: Any) -> None:
    from bot.components.tracker_store import BoundedTrackerStore

    monkeypatch.delenv("ZHIXIN_DATA_KEYS", raising=False)
    with pytest.raises(ValueError, match="ZHIXIN_DATA_KEYS"):
        BoundedTrackerStore(domain)


def test_rasa_finds_the_store_by_its_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, domain: Any
) -> None:
    from rasa.core.tracker_store import TrackerStore
    from rasa.utils.endpoints import EndpointConfig

    monkeypatch.setenv("ZHIXIN_DATA_KEYS", f"k={Vault.new_key()}")
    monkeypatch.setenv("ZHIXIN_TRACKER_URL", f"sqlite:///{tmp_path / 'x.db'}")
    endpoint = EndpointConfig(type="bot.components.tracker_store.BoundedTrackerStore")
    assert type(TrackerStore.create(endpoint, domain)).__name__ == "BoundedTrackerStore"
