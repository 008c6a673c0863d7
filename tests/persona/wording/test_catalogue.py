"""The project's own words keep the rules: five variations, must facts, limits, tone."""

import pytest

from persona.strategy.strict_yaml import read_mapping
from persona.wording.catalogue import DOMAIN, OPTIONS, load_catalogue
from persona.wording.check import check
from persona.wording.engine import ROOT

TOPICS = sorted(p.stem for p in (ROOT / DOMAIN).glob("*.yml"))
CATALOGUE = load_catalogue(ROOT)


@pytest.mark.parametrize("topic", TOPICS)
def test_the_words_of_a_topic_keep_the_rules(topic: str) -> None:
    found = check(CATALOGUE, frozenset({topic}))
    assert not found, "\n" + "\n".join(map(str, found))


def test_options_labels_and_facts_are_usable() -> None:
    ours = {f"{topic}.yml" for topic in TOPICS}
    found = [v for v in check(CATALOGUE) if v.file not in ours]
    assert not found, "\n" + "\n".join(map(str, found))


def test_every_next_step_has_an_intent_of_the_domain() -> None:
    intents = set()
    for path in (ROOT / DOMAIN).glob("*.yml"):
        for intent in read_mapping(path).get("intents") or ():
            intents.add(intent if isinstance(intent, str) else next(iter(intent)))
    options = read_mapping(ROOT / OPTIONS)
    asked = {name: data["intent"] for name, data in options.items() if "payload" not in data}
    lost = {name: intent for name, intent in asked.items() if "{{" not in intent and intent not in intents}
    assert not lost


def test_what_the_front_says_is_there() -> None:
    spoken = {"privacy_notice", "still_looking", "apology", "rate_limited", "too_long", "empty", "unreadable"}
    assert {f"utter_{name}" for name in spoken} <= set(CATALOGUE.responses)
