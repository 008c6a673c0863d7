"""Finds entities by patterns and word lists in Traditional characters too: 電飯煲 is found as 电饭煲.

The message keeps what the shopper typed; only the extractor reads it in Simplified characters, so
that an entity's position is the one in her text, while its value is the word that shop and actions know.
"""

from __future__ import annotations

from typing import Any

from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.nlu.extractors.regex_entity_extractor import RegexEntityExtractor
from rasa.shared.nlu.constants import TEXT
from rasa.shared.nlu.training_data.message import Message
from typing_extensions import override

from persona.temperament.simplified import simplified


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=True)
class SimplifiedEntityExtractor(RegexEntityExtractor):  # type: ignore[misc]  # Rasa is untyped here
    """Rasa's extractor, reading Simplified characters."""

    @override
    def _extract_entities(self, message: Message) -> list[dict[str, Any]]:
        text = message.get(TEXT)
        plain = Message(data={TEXT: simplified(text)}) if text else message
        found: list[dict[str, Any]] = super()._extract_entities(plain)
        return found
