"""Each change to Rasa's internals against the stock behaviour, which every change keeps at hand."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.model, pytest.mark.usefixtures("rasa_loaded")]


def stock(function: Any) -> Any:
    return function._zhixin_stock


def outcome(function: Any, *args: Any) -> Any:
    try:
        return function(*args)
    except Exception as exc:
        return type(exc), str(exc)


@pytest.mark.parametrize(
    "reply",
    [
        {"events": [], "responses": []},
        {"events": [{"event": "slot", "name": "x", "value": 1}], "responses": [{"text": "好"}]},
        {},
        {"events": {}},
        {"events": [{"event": "slot"}]},
        {"events": [{"event": 5}]},
        {"events": [{"event": "nothing_known"}]},
        {"events": [{"event": "slot", "name": 7, "value": 1}]},
        {"events": [{"event": "slot", "name": "x", "value": None, "timestamp": "now"}]},
        {"events": [{"event": "action", "name": None}, {"event": "followup", "name": "x"}], "more": 1},
        {"responses": ["text"]},
        {"responses": {}},
        [],
        None,
    ],
    ids=range(14),
)
def test_replies_of_actions_are_judged_as_before(reply: Any) -> None:
    from rasa.core.actions.action import RemoteAction

    action = RemoteAction("action_x", None)
    tuned = RemoteAction._validate_action_result
    assert outcome(tuned, action, reply) == outcome(stock(tuned), action, reply)


@pytest.mark.parametrize("name", ["user", "bot", "slot", "action", "active_loop", "topic", "no_such_event"])
def test_event_classes_are_found_as_before(name: str) -> None:
    from rasa.shared.core.events import Event

    tuned = Event.resolve_by_type
    assert outcome(tuned, name) == outcome(stock(tuned), name)
    assert outcome(tuned, name) == outcome(stock(tuned), name)


def test_an_unknown_event_gets_the_default_each_time() -> None:
    from rasa.shared.core.events import Event, SlotSet, UserUttered

    assert Event.resolve_by_type("still_unknown", UserUttered) is UserUttered
    assert Event.resolve_by_type("still_unknown", SlotSet) is SlotSet


def test_the_graph_gives_what_dask_gives(tiny_model: Path) -> None:
    from rasa.core.agent import Agent
    from rasa.core.channels.channel import UserMessage
    from rasa.engine.runner.dask import DaskGraphRunner
    from rasa.shared.core.trackers import DialogueStateTracker

    processor = Agent.load(tiny_model).processor
    target = processor.model_metadata.nlu_target
    runs = []
    for run in (DaskGraphRunner.run, stock(DaskGraphRunner.run)):
        for text in ("我的订单呢", "订单202611200001到哪了", "asdf"):
            tracker = DialogueStateTracker.from_events("x", [])
            inputs = {"__message__": [UserMessage(text)], "__tracker__": tracker}
            runs.append(
                run(processor.graph_runner, inputs, [target])[target][0].as_dict(only_output_properties=True)
            )
    assert runs[:3] == runs[3:]


def conversations(processor: Any) -> list[Any]:
    """Return trackers in the states that rules tell apart: begun, heard, answered, inside a form, left."""
    from rasa.shared.core.events import ActionExecuted, ActiveLoop, SessionStarted, SlotSet, UserUttered
    from rasa.shared.core.trackers import DialogueStateTracker

    listen = ActionExecuted("action_listen")
    begun = [ActionExecuted("action_session_start"), SessionStarted(), listen]
    form = [
        ActionExecuted("colour_form"),
        ActiveLoop("colour_form"),
        SlotSet("requested_slot", "colour"),
        listen,
    ]
    left = [ActionExecuted("colour_form"), ActiveLoop(None), SlotSet("requested_slot", None)]

    def heard(name: str) -> UserUttered:
        return UserUttered("话", {"name": name, "confidence": 0.9})

    intents = ("hello", "ask_order", "start_form", "give_colour", "nlu_fallback", "restart")
    told = [[], begun, [*begun, heard("start_form"), *form, heard("give_colour"), *left]]
    for name in intents:
        told.append([*begun, heard(name)])
        told.append([*begun, heard("hello"), ActionExecuted("utter_hello"), listen, heard(name)])
        told.append([*begun, heard("start_form"), *form, heard(name)])
        told.append([*begun, heard(name), ActionExecuted("utter_hello")])
    slots = processor.domain.slots
    return [DialogueStateTracker.from_events("x", events, slots) for events in told]


def test_rules_decide_as_before(tiny_model: Path) -> None:
    from rasa.core.agent import Agent
    from rasa.core.policies.rule_policy import RulePolicy

    processor = Agent.load(tiny_model).processor
    policy = next(
        node._component
        for node in processor.graph_runner._instantiated_nodes.values()
        if isinstance(node._component, RulePolicy)
    )
    found, possible = RulePolicy._find_action_from_rules, RulePolicy._get_possible_keys

    def decide() -> list[Any]:
        made = []
        for tracker in conversations(processor):
            prediction = policy.predict_action_probabilities(tracker, processor.domain)
            made.append(
                (prediction.probabilities, prediction.is_end_to_end_prediction, prediction.hide_rule_turn)
            )
        return made

    tuned = decide()
    RulePolicy._find_action_from_rules, RulePolicy._get_possible_keys = stock(found), stock(possible)
    try:
        assert decide() == tuned
    finally:
        RulePolicy._find_action_from_rules, RulePolicy._get_possible_keys = found, possible
    assert len({str(made) for made in tuned}) > 5


def test_a_rule_on_a_text_is_still_looked_for(tiny_model: Path) -> None:
    from rasa.core.agent import Agent
    from rasa.core.policies.rule_policy import RulePolicy

    processor = Agent.load(tiny_model).processor
    policy = next(
        node._component
        for node in processor.graph_runner._instantiated_nodes.values()
        if isinstance(node._component, RulePolicy)
    )
    key = '[{"prev_action": {"action_name": "action_listen"}, "user": {"text": "话"}}]'
    policy.lookup = {**policy.lookup, "rules": {**policy.lookup["rules"], key: "utter_hello"}}
    tracker = conversations(processor)[3]
    assert policy.predict_action_probabilities(tracker, processor.domain).is_end_to_end_prediction


def test_a_domain_is_empty_as_before(tiny_model: Path) -> None:
    from rasa.core.agent import Agent
    from rasa.shared.core.domain import Domain

    one_slot = Domain.from_yaml("slots: {x: {type: text, mappings: [{type: custom}]}}")
    for domain in (Domain.empty(), Agent.load(tiny_model).domain, one_slot):
        assert domain.is_empty() is stock(Domain.is_empty)(domain)


def test_the_graph_complains_as_before(tiny_model: Path) -> None:
    from rasa.core.agent import Agent
    from rasa.engine.runner.dask import DaskGraphRunner

    processor = Agent.load(tiny_model).processor
    target = processor.model_metadata.nlu_target
    for inputs in ({}, {"__message__": target}):
        got = outcome(DaskGraphRunner.run, processor.graph_runner, inputs, [target])
        expected = outcome(stock(DaskGraphRunner.run), processor.graph_runner, inputs, [target])
        assert got[0] is expected[0]


async def test_a_failing_action_fails_as_before_and_is_noted() -> None:
    from rasa.core.actions.action import RemoteAction
    from rasa.shared.core.domain import Domain
    from rasa.shared.core.trackers import DialogueStateTracker
    from rasa.shared.exceptions import RasaException

    from bot.components.tuning import failed_actions

    noted: list[str] = []
    failed_actions.set(noted)
    tracker = DialogueStateTracker.from_events("x", [])
    for run in (RemoteAction.run, stock(RemoteAction.run)):
        with pytest.raises(RasaException, match="no endpoint is configured"):
            await run(RemoteAction("action_x", None), None, None, tracker, Domain.empty())
    assert noted == ["action_x"]


def test_a_second_application_changes_nothing() -> None:
    from rasa.core.actions.action import RemoteAction

    from bot.components import tuning

    before = RemoteAction.run
    tuning.apply()
    assert RemoteAction.run is before
    assert not hasattr(stock(before), "_zhixin_stock")


def run_python(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or done.stderr


def test_rasa_loads_without_tensorflow() -> None:
    code = """
import sys
from bot.components import tuning
assert tuning.load_rasa_without_tensorflow()
import bot.components.front_channel, bot.components.nlg, bot.components.tracker_store, rasa.model_training
from rasa.nlu.classifiers.diet_classifier import DIETClassifier
loaded = [n for n in sys.modules if n.partition('.')[0] in ('tensorflow', 'keras') and sys.modules[n]]
try:
    import tensorflow
except ImportError:
    loaded.append('absent')
try:
    from rasa.utils.tensorflow.models import RasaModel
    RasaModel()
except RuntimeError as exc:
    loaded.append(str(exc))
print(loaded)
"""
    assert run_python(code) == "['absent', 'RasaModel needs TensorFlow, which this process runs without']"


@pytest.mark.parametrize(
    ("config", "needed"),
    [
        (
            {"pipeline": [{"name": "LogisticRegressionClassifier"}], "policies": [{"name": "RulePolicy"}]},
            False,
        ),
        ({"pipeline": [{"name": "DIETClassifier"}]}, True),
        ({"policies": [{"name": "rasa.core.policies.ted_policy.TEDPolicy"}]}, True),
        ({}, False),
    ],
)
def test_neural_components_are_known(config: dict[str, Any], needed: bool) -> None:
    from bot.components.tuning import needs_tensorflow

    assert needs_tensorflow(config) is needed


def test_all_components_that_use_tensorflow_are_known() -> None:
    """Rasa's own components whose source imports TensorFlow are exactly those that are listed."""
    import inspect

    from rasa.engine.recipes import default_components

    from bot.components.tuning import _NEURAL_COMPONENTS

    neural = {
        part.__name__
        for part in default_components.DEFAULT_COMPONENTS
        if "import tensorflow as tf" in Path(inspect.getfile(part)).read_text("utf-8")
    }
    assert neural <= _NEURAL_COMPONENTS
