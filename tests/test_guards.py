"""Guards over language, dialogues and words: what is missing, doubled or out of reach is named."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.app.settings import CONFIG_VARIABLE, Settings, variable

ROOT = Path(__file__).resolve().parents[1]

#: Events of the front: nobody types them, and no button carries them.
EVENTS = {"open_conversation", "identified", "handed_back", "send_picture"}
#: Rasa's own way of saying that it did not understand.
BUILT_IN = {"nlu_fallback"}
#: Stems that are no topic: what all topics share, and what the front itself says.
NO_TOPICS = {"base", "system"}
#: Stems of questions that the shop's policies answer: they have entries and policies, no action and no facts.
RULES = "_rules"
ANSWER_POLICY = "action_answer_policy"
MIN_EXAMPLES = 25
STYLES = {"power", "perfect", "peace", "lively", None}


@cache
def load(path: Path) -> Any:
    return (
        yaml.load(path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        or {}
    )


def yaml_files(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.yml"))


@cache
def examples() -> dict[str, list[str]]:
    """Return intent -> its examples, entity marks removed."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in yaml_files("nlu_data/nlu"):
        for block in load(path).get("nlu") or ():
            if "intent" in block:
                for line in str(block["examples"]).splitlines():
                    text = line.strip().removeprefix("-").strip()
                    if text:
                        found[block["intent"]].append(
                            re.sub(r"\[([^\]]+)\](\([^)]*\)|\{[^}]*\})", r"\1", text)
                        )
    return dict(found)


@cache
def domain() -> dict[str, Any]:
    """Return the merged domain: intents, actions, forms, slots, responses (name -> file stem)."""
    merged: dict[str, Any] = {"intents": set(), "actions": set(), "forms": {}, "slots": {}, "responses": {}}
    for path in yaml_files("bot/domain"):
        data = load(path)
        merged["intents"] |= {i if isinstance(i, str) else next(iter(i)) for i in data.get("intents") or ()}
        merged["actions"] |= {a if isinstance(a, str) else next(iter(a)) for a in data.get("actions") or ()}
        merged["forms"] |= data.get("forms") or {}
        merged["slots"] |= data.get("slots") or {}
        for name, variations in (data.get("responses") or {}).items():
            assert name not in merged["responses"], f"{name} is defined twice"
            merged["responses"][name] = (path.stem, variations)
    return merged


@cache
def steps() -> tuple[set[str], set[str]]:
    """Return the intents and the actions that rules and stories name."""
    intents: set[str] = set()
    actions: set[str] = set()
    for folder in ("bot/rules", "bot/stories"):
        for path in yaml_files(folder):
            data = load(path)
            for block in [*(data.get("rules") or ()), *(data.get("stories") or ())]:
                for step in _flat(block.get("steps") or ()):
                    if step.get("intent"):
                        intents.add(step["intent"])
                    for key in ("action", "active_loop"):
                        if step.get(key):
                            actions.add(step[key])
    return intents, actions


def _flat(items: Any) -> Iterator[dict[str, Any]]:
    for step in items:
        yield from _flat(step["or"]) if "or" in step else (step,)


@cache
def form_actions() -> set[str]:
    """Return the actions that forms and custom slot mappings call by name or by Rasa's naming rules."""
    found = set()
    for form, data in domain()["forms"].items():
        found |= {f"validate_{form}"}
        for slot in (data or {}).get("required_slots") or ():
            found |= {f"action_ask_{slot}", f"action_ask_{form}_{slot}"}
            found |= {f"utter_ask_{slot}", f"utter_ask_{form}_{slot}"}
    for slot in domain()["slots"].values():
        found |= {m["action"] for m in slot.get("mappings") or () if m.get("action")}
    return found


@cache
def strings() -> tuple[set[str], list[re.Pattern[str]]]:
    """Return all string constants of the code, and patterns of the f-strings that build names."""
    constants: set[str] = set()
    patterns = []
    for top in ("actions", "bot", "persona"):
        for path in (ROOT / top).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    constants.add(node.value)
                elif isinstance(node, ast.JoinedStr):
                    parts = [p.value if isinstance(p, ast.Constant) else None for p in node.values]
                    if isinstance(parts[0], str) and parts[0].startswith(("utter_", "action_")):
                        patterns.append(
                            re.compile("".join("\\w+" if p is None else re.escape(p) for p in parts))
                        )
    return constants, patterns


def named_in_code(name: str) -> bool:
    constants, patterns = strings()
    return name in constants or any(p.fullmatch(name) for p in patterns)


def button_intents() -> set[str]:
    options = load(ROOT / "persona/wording/options.yml")
    return {str(option["intent"]) for option in options.values() if "payload" not in option}


def action_names() -> set[str]:
    """Return the names of all actions that the action server would serve.

    In a process of its own: the executor finds every subclass there is, those of other tests too.
    """
    program = (
        "from rasa_sdk.executor import ActionExecutor; e = ActionExecutor(); "
        "e.register_package('actions'); print(*e.actions, sep='\\n')"
    )
    command = [sys.executable, "-c", program]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return set(found.stdout.split())


# --- language ----------------------------------------------------------------------------------------------


def test_every_intent_with_examples_has_enough_of_them() -> None:
    few = {name: len(texts) for name, texts in examples().items() if len(set(texts)) < MIN_EXAMPLES}
    assert not few


def test_every_intent_has_examples_or_a_button_or_is_an_event() -> None:
    silent = domain()["intents"] - set(examples()) - button_intents() - EVENTS - BUILT_IN
    assert not silent


def test_examples_belong_to_intents_of_the_domain() -> None:
    assert not set(examples()) - domain()["intents"]


def test_every_intent_is_answered() -> None:
    intents, _ = steps()
    assert not domain()["intents"] - intents - EVENTS


def test_events_of_the_front_are_answered() -> None:
    intents, _ = steps()
    assert intents >= EVENTS


def test_no_sentence_is_trained_under_two_intents() -> None:
    homes: dict[str, set[str]] = defaultdict(set)
    for intent, texts in examples().items():
        for text in texts:
            plain = unicodedata.normalize("NFKC", text).lower()
            homes[re.sub(r"[\s，。！？,.!?~～]+", "", plain)].add(intent)
    assert not {text: intents for text, intents in homes.items() if len(intents) > 1}


def test_no_sentence_stands_twice_under_one_intent() -> None:
    doubled = {
        intent: sorted({text for text in texts if texts.count(text) > 1})
        for intent, texts in examples().items()
        if len(texts) != len(set(texts))
    }
    assert not doubled


# --- dialogues ---------------------------------------------------------------------------------------------


def test_rules_name_only_what_exists() -> None:
    intents, actions = steps()
    known = domain()["actions"] | set(domain()["forms"]) | set(domain()["responses"])
    built_in = {"action_listen", "action_restart", "action_deactivate_loop", "action_default_fallback"}
    assert not intents - domain()["intents"] - BUILT_IN
    assert not actions - known - built_in


def test_every_action_of_the_domain_is_reached() -> None:
    _, named = steps()
    unreached = {
        name
        for name in domain()["actions"] - named - form_actions()
        if not any(name in text for text in _channel_texts())
    }
    assert not unreached


def _channel_texts() -> list[str]:
    folders = (ROOT / "bot/components", ROOT / "bot/conversation")
    texts = [path.read_text(encoding="utf-8") for folder in folders for path in folder.glob("*.py")]
    # Actions also follow one another (FollowupAction), and the configuration names the fallback.
    texts += [
        "\n".join(re.findall(r"FollowupAction\([^)]*\)|followup[^\n]*", path.read_text(encoding="utf-8")))
        for path in (ROOT / "actions").glob("*.py")
    ]
    return [*texts, (ROOT / "bot/config.yml").read_text(encoding="utf-8")]


@pytest.mark.slow
def test_every_action_of_the_domain_is_written_and_the_other_way_round() -> None:
    own = {"action_session_start", "action_default_fallback"}
    assert domain()["actions"] - action_names() - own == set()
    assert action_names() - domain()["actions"] - own == set()


def test_slots_that_no_rule_reads_do_not_influence_the_policy() -> None:
    read = set()
    for folder in ("bot/rules", "bot/stories"):
        for path in yaml_files(folder):
            read |= set(
                re.findall(r"(?:slot_was_set|- )\s*:?\s*-?\s*(\w+):", path.read_text(encoding="utf-8"))
            )
    influential = {n for n, s in domain()["slots"].items() if s.get("influence_conversation", True)}
    assert not influential - read


# --- words -------------------------------------------------------------------------------------------------


def test_every_response_has_its_five_variations() -> None:
    wrong = {}
    for name, (_, variations) in domain()["responses"].items():
        styles = [next((c["value"] for c in v.get("condition") or ()), None) for v in variations]
        if set(styles) != STYLES or any(not str(v.get("text", "")).strip() for v in variations):
            wrong[name] = styles
    assert not wrong


def test_every_response_that_tells_facts_declares_them_under_its_own_topic() -> None:
    declared = {name: path.stem for path in yaml_files("persona/wording/facts") for name in load(path)}
    for name, (stem, variations) in domain()["responses"].items():
        tells = any("{{" in str(v.get("text")) or "{%" in str(v.get("text")) for v in variations)
        # A response without an entry is one without facts; nothing else may go undeclared.
        assert declared.pop(name, stem if not tells else None) == stem, name
    assert not declared


def test_every_response_is_spoken_somewhere() -> None:
    _, named = steps()
    silent = {
        name
        for name in domain()["responses"]
        if name not in named and name not in form_actions() and not named_in_code(name)
    }
    assert not silent


def test_every_response_that_the_code_names_exists() -> None:
    constants, _ = strings()
    named = {text for text in constants if re.fullmatch(r"utter_[a-z0-9_]+", text)}
    prefixes = {text for text in named if text.endswith("_")}
    # The key under which Rasa's events keep a response's name, and the responses of its own actions.
    rasas_own = {"utter_action", "utter_restart", "utter_default", "utter_back"}
    assert not named - prefixes - rasas_own - set(domain()["responses"])


def test_every_button_leads_to_an_intent() -> None:
    fixed = {intent for intent in button_intents() if "{" not in intent}
    assert not fixed - domain()["intents"]


# --- topics ------------------------------------------------------------------------------------------------


def topics() -> list[str]:
    return sorted({path.stem for path in yaml_files("bot/domain")} - NO_TOPICS)


@pytest.mark.parametrize("topic", topics())
def test_one_topic_one_stem(topic: str) -> None:
    wanted = ["bot/domain/{}.yml"]
    data = load(ROOT / f"bot/domain/{topic}.yml")
    if data.get("responses"):  # what policies answer has no words of its own
        wanted.append("persona/wording/facts/{}.yml")
    if data.get("intents"):
        wanted.append("bot/rules/{}.yml")
        intents = {i if isinstance(i, str) else next(iter(i)) for i in data["intents"]}
        if intents & set(examples()):
            wanted.append("nlu_data/nlu/{}.yml")
    if data.get("actions"):
        wanted += ["actions/{}.py", "tests/actions/test_{}.py"]
    assert not [place.format(topic) for place in wanted if not (ROOT / place.format(topic)).exists()]


@pytest.mark.parametrize("folder", ["nlu_data/nlu", "bot/rules", "persona/wording/facts"])
def test_no_file_belongs_to_no_topic(folder: str) -> None:
    assert not {path.stem for path in yaml_files(folder)} - set(topics()) - NO_TOPICS


@pytest.mark.parametrize("folder", ["actions/policy_topics", "actions/shop/seed/policies"])
def test_entries_and_policies_stand_under_the_stem_of_their_questions(folder: str) -> None:
    assert {path.stem for path in yaml_files(folder)} == {t for t in topics() if t.endswith(RULES)}


# --- policies ----------------------------------------------------------------------------------------------


@cache
def answered_by_policies() -> dict[str, str]:
    """Return intent -> stem, of the rules that lead to the answer from a policy."""
    found = {}
    for path in yaml_files("bot/rules"):
        for rule in load(path).get("rules") or ():
            steps = list(_flat(rule.get("steps") or ()))
            if any(step.get("action") == ANSWER_POLICY for step in steps):
                found |= {step["intent"]: path.stem for step in steps if step.get("intent")}
    return found


def policy_entries() -> dict[str, tuple[str, dict[str, Any]]]:
    """Return intent -> stem and entry."""
    files = yaml_files("actions/policy_topics")
    return {intent: (path.stem, entry) for path in files for intent, entry in load(path).items()}


def test_every_question_that_policies_answer_has_an_entry_beside_it_and_the_other_way_round() -> None:
    entries = {intent: stem for intent, (stem, _) in policy_entries().items()}
    forms = set(domain()["forms"])
    by_forms = {
        step["intent"]
        for path in yaml_files("bot/rules")
        for rule in load(path).get("rules") or ()
        if forms & {step.get("action") for step in _flat(rule.get("steps") or ())}
        for step in _flat(rule.get("steps") or ())
        if step.get("intent")
    }
    # A form may tell the rules before it asks on, or where she only asks.
    assert answered_by_policies() == {i: stem for i, stem in entries.items() if i not in by_forms}
    assert {i for i in entries if i in by_forms} <= {i for i in by_forms if named_in_code(i)}


def test_every_policy_answers_a_question_and_every_question_has_a_policy() -> None:
    asked = {entry["topic"]: stem for stem, entry in policy_entries().values()}
    files = yaml_files("actions/shop/seed/policies")
    delivered = {topic: path.stem for path in files for topic in load(path)}
    assert set(asked) == set(delivered)


def test_every_question_that_policies_answer_can_be_offered_to_tap() -> None:
    options = load(ROOT / "persona/wording/options.yml")
    titled = {option.get("intent") for option in options.values() if "{{" not in str(option["title"])}
    assert not set(policy_entries()) - titled


# --- settings ----------------------------------------------------------------------------------------------


def test_every_variable_that_the_code_reads_is_a_setting() -> None:
    constants, _ = strings()
    read = {text for text in constants if re.fullmatch(r"ZHIXIN_[A-Z0-9_]*[A-Z0-9]", text)}
    assert not read - {variable(name) for name in Settings.__dataclass_fields__} - {CONFIG_VARIABLE}
