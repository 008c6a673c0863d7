"""Entities in Traditional characters: found where they were typed, as the word that is known."""

from __future__ import annotations

import pytest
from rasa.shared.nlu.constants import ENTITIES, TEXT
from rasa.shared.nlu.training_data.message import Message

from bot.components.simplified_entities import SimplifiedEntityExtractor

PATTERNS = [
    {"name": "product", "pattern": "电饭煲|婴儿推车"},
    {"name": "order_number", "pattern": r"\d{12}"},
]


def extractor() -> SimplifiedEntityExtractor:
    config = {**SimplifiedEntityExtractor.get_default_config(), "use_word_boundaries": False}
    return SimplifiedEntityExtractor(config, None, None, PATTERNS)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["我的電飯煲到哪了", "我的电饭煲到哪了"])
def test_the_value_is_the_known_word_and_the_place_is_hers(text: str) -> None:
    message = Message(data={TEXT: text})
    extractor().process([message])
    (found,) = message.get(ENTITIES)
    assert (found["entity"], found["value"], found["start"], found["end"]) == ("product", "电饭煲", 2, 5)
    assert message.get(TEXT) == text


def test_numbers_and_nothing() -> None:
    message = Message(data={TEXT: "單號202611200001"})
    extractor().process([message])
    assert [e["value"] for e in message.get(ENTITIES)] == ["202611200001"]
    silent = Message(data={TEXT: "隨便看看"})
    extractor().process([silent])
    assert silent.get(ENTITIES) == []
