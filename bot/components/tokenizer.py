"""Cuts Chinese into words with the project's own dictionary, shared with the temperament engine."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from rasa.engine.graph import ExecutionContext
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.tokenizers.tokenizer import Token, Tokenizer
from rasa.shared.nlu.training_data.message import Message

from persona.temperament.segment import segmenter

ROOT = Path(__file__).resolve().parents[2]


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.MESSAGE_TOKENIZER, is_trainable=False)
class DictionaryTokenizer(Tokenizer):  # type: ignore[misc]  # rasa is untyped
    """A jieba tokenizer that leaves the process-wide jieba alone.

    Rasa's own loads its dictionary into the process-wide jieba and trains no anew when the file changes.
    Offsets are those of the text as given; white space makes no token.
    """

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        """Return the defaults: `dictionary` is a file of jieba's user form, under the project's root."""
        return {
            "dictionary": "nlu_data/dictionary.txt",
            "intent_tokenization_flag": False,
            "intent_split_symbol": "_",
            "token_pattern": None,
            "prefix_separator_symbol": None,
        }

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__(config)
        self._jieba = segmenter(ROOT / config["dictionary"])

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> DictionaryTokenizer:
        """Make the tokenizer; FileNotFoundError if the dictionary is missing."""
        return cls(config)

    @staticmethod
    def supported_languages() -> list[str]:
        """It is made for Chinese."""
        return ["zh"]

    @staticmethod
    def required_packages() -> list[str]:
        """Name the package that must be there."""
        return ["jieba"]

    @classmethod
    def fingerprint_addon(cls, config: dict[str, Any]) -> str | None:
        """Make Rasa's training cache see a changed dictionary."""
        name = config.get("dictionary") or cls.get_default_config()["dictionary"]
        return hashlib.sha256((ROOT / name).read_bytes()).hexdigest()

    def tokenize(self, message: Message, attribute: str) -> list[Token]:
        """Return the words of one attribute of `message` with their offsets."""
        text: str = message.get(attribute)
        words = self._jieba.tokenize(text)
        tokens = [Token(word, start) for word, start, _ in words if not word.isspace()]
        return list(self._apply_token_pattern(tokens))
