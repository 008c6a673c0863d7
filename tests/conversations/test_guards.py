"""The cases as a whole: whether they play every kind of end for every write, and reach every topic."""

from __future__ import annotations

from collections import Counter
from itertools import product
from pathlib import Path

import pytest
import yaml

from actions.shop.policy_file import delivered_topics
from persona.wording.engine import Wording
from tests.conversations.cases import KINDS, WRITES, Case, all_cases

PROJECT = Path(__file__).resolve().parents[2]

#: Words of the front alone: news of the shop and notices about the chat, which no message is answered with.
_FRONT_ONLY = {"notice", "system"}


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    return all_cases()


@pytest.fixture(scope="module")
def wording() -> Wording:
    return Wording.load()


def test_there_are_enough_cases_with_names_of_their_own(cases: list[Case]) -> None:
    assert len(cases) >= 60
    names = Counter(case.title for case in cases)
    assert [name for name, times in names.items() if times > 1] == []


def test_every_write_is_played_to_every_kind_of_end(cases: list[Case]) -> None:
    played = {(case.write, case.kind) for case in cases}
    assert [pair for pair in product(WRITES, KINDS) if pair not in played] == []


def test_what_is_written_shows_in_the_shop(cases: list[Case]) -> None:
    idle = [case.title for case in cases if case.write and case.kind == "happy" and not case.outcome]
    assert idle == []
    kept = ("changed_mind", "not_allowed")
    odd = [
        case.title
        for case in cases
        if case.write and case.kind in kept and case.outcome and case.turns[-1].tap != "确认"
    ]
    assert odd == [], "what was taken back or refused must leave no trace"


def test_every_topic_and_every_response_named_is_there(cases: list[Case], wording: Wording) -> None:
    spoken = {response for case in cases for turn in case.turns for response in turn.says}
    assert sorted(response for response in spoken if response not in wording) == []
    files: dict[str, set[str]] = {}
    for name, spec in wording.catalogue.responses.items():
        files.setdefault(Path(spec.file).stem, set()).add(name)
    silent = [topic for topic, names in files.items() if topic not in _FRONT_ONLY and not names & spoken]
    assert silent == []


def test_every_group_of_policies_is_asked_about(cases: list[Case]) -> None:

    told = {
        turn.facts["rule"] for case in cases for turn in case.turns if turn.facts and "rule" in turn.facts
    }
    titles = {topic: policy.title for topic, policy in delivered_topics().items()}

    for path in sorted((PROJECT / "actions/policy_topics").glob("*.yml")):
        topics = {entry["topic"] for entry in yaml.safe_load(path.read_text(encoding="utf-8")).values()}
        asked = {titles[topic] for topic in topics} & told
        assert asked, f"no case asks about {path.stem}: {sorted(titles[topic] for topic in topics)}"
