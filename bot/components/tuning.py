"""Every change of this project to Rasa's internals, each with its reason.

Rasa is pinned to 3.6.21; ``tests/bot/components/test_tuning.py`` holds the stock behaviour against each
change. They take effect by :func:`apply`, which the input channel calls when it is imported.
"""

from __future__ import annotations

import functools
import importlib
import importlib.abc
import importlib.machinery
import json
import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from types import ModuleType
from typing import Any

logger = logging.getLogger(__name__)

#: Names of the actions that failed in the current turn; None outside of a turn.
failed_actions: ContextVar[list[str] | None] = ContextVar("failed_actions", default=None)

# --- TensorFlow -------------------------------------------------------------------------------------------

_NEURAL = ("tensorflow", "tensorflow_addons", "tensorflow_hub", "tensorflow_text", "keras")


class _AbsentMeta(type):
    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Absent


class Absent(metaclass=_AbsentMeta):
    """Stands for anything of TensorFlow in the definitions of Rasa's neural components.

    It may be subclassed, used as a decorator and named in annotations, which is all that an import
    does; making one of its subclasses is an error.
    """

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """Act as a decorator, or refuse to exist."""
        if cls is not Absent:
            raise RuntimeError(f"{cls.__name__} needs TensorFlow, which this process runs without")
        return args[0] if len(args) == 1 and not kwargs and callable(args[0]) else Absent


class _AbsentModule(ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Absent


class _AbsentFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname.partition(".")[0] in _NEURAL:
            return importlib.machinery.ModuleSpec(fullname, self, is_package=True)
        return None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        return _AbsentModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        return None


#: What imports, directly or not, all of Rasa that is imported while it loads, serves or trains a model.
_RASA = ("rasa.core.run", "rasa.engine.recipes.default_components", "rasa.model_training")


def load_rasa_without_tensorflow() -> bool:
    """Import Rasa so that TensorFlow is loaded neither now nor later in this process; say whether it worked.

    Why: our pipeline has no neural component, but Rasa imports all of its own, and TensorFlow with
    them: 7.5 s of the start and 300 MB. Their definitions meet :class:`Absent` instead. Afterwards an
    import of TensorFlow fails as if it were not installed, so that libraries that look for it (thinc)
    go without. If TensorFlow is loaded already, or Rasa has been loaded like this before, nothing
    changes. :func:`needs_tensorflow` says whether a pipeline can do without.
    """
    if "tensorflow" in sys.modules:
        return sys.modules["tensorflow"] is None
    finder = _AbsentFinder()
    sys.meta_path.insert(0, finder)
    try:
        for name in _RASA:
            importlib.import_module(name)
    finally:
        sys.meta_path.remove(finder)
        for name in [name for name in sys.modules if name.partition(".")[0] in _NEURAL]:
            del sys.modules[name]
        for name in _NEURAL:
            sys.modules[name] = None  # type: ignore[assignment]
    return True


_NEURAL_COMPONENTS = frozenset(
    {
        "DIETClassifier",
        "ResponseSelector",
        "TEDPolicy",
        "UnexpecTEDIntentPolicy",
        "LanguageModelFeaturizer",
        "ConveRTFeaturizer",
    }
)


def needs_tensorflow(config: Mapping[str, Any]) -> bool:
    """Say whether a Rasa configuration (config.yml) names a component that runs on TensorFlow."""
    named = [*(config.get("pipeline") or ()), *(config.get("policies") or ())]
    return any(str(part.get("name", "")).rpartition(".")[2] in _NEURAL_COMPONENTS for part in named)


# --- What is slow in each turn ----------------------------------------------------------------------------


def apply() -> None:
    """Make all changes; a second call changes nothing."""
    from rasa.core.actions.action import ActionBotResponse, RemoteAction
    from rasa.core.policies.rule_policy import RulePolicy
    from rasa.engine.runner.dask import DaskGraphRunner
    from rasa.shared.core.domain import Domain
    from rasa.shared.core.events import Event

    _replace(RemoteAction, "_validate_action_result", _validator_built_once)
    _replace(Event, "resolve_by_type", _event_classes_by_name)
    _replace(DaskGraphRunner, "run", _graph_in_order)
    _replace(Domain, "is_empty", _emptiness_by_a_glance)
    _replace(RulePolicy, "_find_action_from_rules", _text_rules_only_where_there_are_any)
    _replace(RulePolicy, "_get_possible_keys", _rules_by_their_last_state)
    _replace(RemoteAction, "run", _failure_noticed)
    _replace(ActionBotResponse, "run", _failure_noticed)


def _replace(owner: type, name: str, make: Callable[[Any], Any]) -> None:
    stock = getattr(owner, name)
    if getattr(stock, "_zhixin_stock", None) is not None:
        return
    tuned = make(stock)
    tuned._zhixin_stock = stock
    static = isinstance(owner.__dict__[name], staticmethod)
    setattr(owner, name, staticmethod(tuned) if static else tuned)


def _validator_built_once(stock: Callable[..., bool]) -> Callable[..., bool]:
    """Check an action's reply against JSON schemas that are compiled once, each event against its own.

    Why: `jsonschema.validate` checks the schema itself and builds its validator anew for every reply (15 ms),
    and tries each event against the schemas of all kinds of events. What does not pass here goes to the
    stock check, which decides and says what is wrong.
    """
    from jsonschema.validators import validator_for
    from rasa.core.actions.action import RemoteAction

    whole = RemoteAction.action_response_format_spec()
    event = whole["properties"]["events"]["items"]
    common = {key: value for key, value in event.items() if key != "oneOf"}
    kinds: dict[str, Any] = {}
    for kind in event["oneOf"]:
        # Each names its event by a constant, so only the one of the same name can match.
        schema = {
            **common,
            "properties": {**common["properties"], **kind["properties"]},
            "required": [*common["required"], *kind.get("required", ())],
        }
        kinds[kind["properties"]["event"]["const"]] = validator_for(whole)(schema)
    frame = {**whole, "properties": {**whole["properties"], "events": {"type": "array"}}}
    outside = validator_for(whole)(frame)

    def passes(result: Any) -> bool:
        if not outside.is_valid(result) or not isinstance(result, dict):
            return False
        for item in result.get("events", ()):
            name = item.get("event") if isinstance(item, dict) else None
            kind = kinds.get(name) if isinstance(name, str) else None
            if kind is None or not kind.is_valid(item):
                return False
        return True

    @functools.wraps(stock)
    def validate(self: Any, result: dict[str, Any]) -> bool:
        return passes(result) or stock(self, result)

    return validate


def _event_classes_by_name(stock: Callable[..., Any]) -> Callable[..., Any]:
    """Find an event's class in a table.

    Why: Rasa walks all subclasses of `Event` for every event that it reads, in a store or in an
    action's reply.
    """
    known: dict[str, Any] = {}

    @functools.wraps(stock)
    def resolve(type_name: str, default: Any = None) -> Any:
        found = known.get(type_name)
        if found is None:
            found = stock(type_name, default)
            if found is not None and found is not default:
                known[type_name] = found
        return found

    return resolve


def _graph_in_order(stock: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Run the graph's nodes one after the other in an order that is found once.

    Why: for each message and each prediction Rasa cuts out the part of the graph that is needed and has
    dask plan and schedule it, although it never changes and runs in one thread.
    """
    from rasa.engine.exceptions import GraphRunError

    def order(runner: Any, targets: tuple[str, ...]) -> list[tuple[str, Any, tuple[str, ...]]]:
        plans: dict[tuple[str, ...], Any] = runner.__dict__.setdefault("_zhixin_plans", {})
        if targets not in plans:
            schema = runner._graph_schema.minimal_graph_schema(list(targets))
            plan: list[tuple[str, Any, tuple[str, ...]]] = []
            done: set[str] = set()

            def visit(name: str) -> None:
                if name in done or name not in schema.nodes:
                    return
                done.add(name)
                needs = tuple(schema.nodes[name].needs.values())
                for need in needs:
                    visit(need)
                plan.append((name, runner._instantiated_nodes[name], needs))

            for target in targets:
                visit(target)
            plans[targets] = plan
        found: list[tuple[str, Any, tuple[str, ...]]] = plans[targets]
        return found

    @functools.wraps(stock)
    def run(
        self: Any, inputs: dict[str, Any] | None = None, targets: list[str] | None = None
    ) -> dict[str, Any]:
        wanted = tuple(targets or self._graph_schema.target_names)
        plan = order(self, wanted)
        results: dict[str, Any] = {}
        for name, value in (inputs or {}).items():
            if isinstance(value, str) and any(value == node for node, _, _ in plan):
                raise GraphRunError(f"Input value '{value}' clashes with a node name.")
            results[name] = (name, value)
        try:
            for name, node, needs in plan:
                # What nobody provides goes in by its name, as dask would do; the node complains.
                results[name] = node(*(results.get(need, need) for need in needs))
        except RuntimeError as exc:
            raise GraphRunError("Error running runner.") from exc
        return dict(results[target] for target in wanted)

    return run


def _emptiness_by_a_glance(stock: Callable[..., bool]) -> Callable[..., bool]:
    """Say that a domain with actions of its own is not empty.

    Why: Rasa asks this for each message, and finds out by writing the domain and a new empty one out and
    comparing both.
    """

    @functools.wraps(stock)
    def is_empty(self: Any) -> bool:
        return False if self.user_actions else stock(self)

    return is_empty


def _last_state(rule_key: str) -> dict[str, Any]:
    states: list[dict[str, Any]] = json.loads(rule_key)
    return states[-1] if states else {}


def _text_rules_only_where_there_are_any(stock: Callable[..., Any]) -> Callable[..., Any]:
    """Match a message's text against the rules only where a rule could match it.

    Why: for each message Rasa first looks for a rule on its very text, then for one on its intent, and
    works out the whole history of states both times. Where every rule that can follow a message names an
    intent, the first search finds nothing, for in its states the message has a text in place of an intent.
    """
    from rasa.core.policies.rule_policy import RULES, RULES_FOR_LOOP_UNHAPPY_PATH

    def hopeless(policy: Any) -> bool:
        known = policy.__dict__.get("_zhixin_no_text_rules")
        if known is None or known[0] is not policy.lookup:
            last = [
                _last_state(key)
                for name in (RULES, RULES_FOR_LOOP_UNHAPPY_PATH)
                for key in policy.lookup.get(name, {})
            ]
            heard = [
                s for s in last if s.get("prev_action", {}).get("action_name") in {None, "action_listen"}
            ]
            known = (policy.lookup, all(s.get("user", {}).get("intent") for s in heard))
            policy.__dict__["_zhixin_no_text_rules"] = known
        return bool(known[1])

    @functools.wraps(stock)
    def find(self: Any, tracker: Any, domain: Any, use_text_for_last_user_input: bool) -> Any:
        if use_text_for_last_user_input and hopeless(self):
            return None, None, False
        return stock(self, tracker, domain, use_text_for_last_user_input)

    return find


def _rules_by_their_last_state(stock: Callable[..., set[str]]) -> Callable[..., set[str]]:
    """Ask only those rules whose last state has the conversation's last action and intent.

    Why: Rasa asks every rule, state by state, for each prediction.
    """

    def sort(lookup: dict[str, str]) -> dict[tuple[Any, Any], list[str]]:
        table: dict[tuple[Any, Any], list[str]] = {}
        for key in lookup:
            state = _last_state(key)
            sign = (state.get("prev_action", {}).get("action_name"), state.get("user", {}).get("intent"))
            table.setdefault(sign, []).append(key)
        return table

    @functools.wraps(stock)
    def possible(self: Any, lookup: dict[str, str], states: list[Any]) -> set[str]:
        if not states:
            return stock(self, lookup, states)
        tables: dict[int, Any] = self.__dict__.setdefault("_zhixin_rule_tables", {})
        known = tables.get(id(lookup))
        if known is None or known[0] is not lookup or known[1] != len(lookup):
            known = tables[id(lookup)] = (lookup, len(lookup), sort(lookup))
        action = states[-1].get("prev_action", {}).get("action_name")
        intent = states[-1].get("user", {}).get("intent")
        # A rule that leaves an intent or the action open may match any.
        signs = {(a, i) for a in (action, None) for i in (intent, None)}
        asked = {key: lookup[key] for sign in signs for key in known[2].get(sign, ())}
        return stock(self, asked, states)

    return possible


# --- What Rasa keeps quiet about --------------------------------------------------------------------------


def _failure_noticed(stock: Callable[..., Any]) -> Callable[..., Any]:
    """Note that an action failed.

    Why: Rasa logs what an action raises, drops its events and goes on, so that its caller takes a
    broken turn for a silent one. The exception still reaches Rasa; a rejection (the form's way of
    stepping aside) is no failure.
    """
    from rasa.core.actions.action import ActionExecutionRejection

    @functools.wraps(stock)
    async def run(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return await stock(self, *args, **kwargs)
        except ActionExecutionRejection:
            raise
        except Exception:
            noted = failed_actions.get()
            if noted is not None:
                noted.append(self.name())
            raise

    return run
