"""Rasa's intent classifier: :mod:`bot.components.intent_model` as a component."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any

import numpy as np
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.shared.nlu.constants import INTENT, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.components.intent_model import Array, Encoder, IntentModel, sentence_encoder, train
from bot.components.intent_text import normal

#: Sentences of at most so many characters are remembered with what they were taken for.
SHORT = 16


@cache
def shared_encoder() -> Encoder:
    """Return the process's one sentence encoder."""
    return sentence_encoder()


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class LinearIntentClassifier(IntentClassifier, GraphComponent):  # type: ignore[misc]  # rasa is untyped
    """Classifies by character n-grams and sentence vectors.

    A text without any known character or word gets all intents with confidence 0, and so the fallback.
    """

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        """Return the defaults: `ranking_length` intents are told beside the best one."""
        return {"ranking_length": 10}

    def __init__(
        self,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        model: IntentModel | None = None,
    ) -> None:
        self._length = int(config["ranking_length"])
        self._storage = model_storage
        self._resource = resource
        self._model = model
        # Much of what shoppers write is the same few short sentences.
        self._remembered = lru_cache(maxsize=512)(self._probabilities)

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> LinearIntentClassifier:
        """Make an untrained classifier."""
        return cls(config, model_storage, resource)

    @classmethod
    def load(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> LinearIntentClassifier:
        """Load a trained classifier; ValueError if there is none."""
        with model_storage.read_from(resource) as folder:
            return cls(config, model_storage, resource, IntentModel.load(folder))

    def train(self, training_data: TrainingData) -> Resource:
        """Train on all examples that have an intent, and store the model."""
        examples = [e for e in training_data.intent_examples if e.get(TEXT) and e.get(INTENT)]
        self._model = train(
            [e.get(TEXT) for e in examples], [e.get(INTENT) for e in examples], shared_encoder()
        )
        with self._storage.write_to(self._resource) as folder:
            self._model.save(folder)
        return self._resource

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        """Leave the examples as they are: nothing behind this component learns from its guesses."""
        return training_data

    def process(self, messages: list[Message]) -> list[Message]:
        """Set `intent` and `intent_ranking` of each message."""
        for message in messages:
            ranking = self._ranking(message.get(TEXT) or "")
            message.set("intent", dict(ranking[0]), add_to_output=True)
            message.set("intent_ranking", ranking[: self._length], add_to_output=True)
        return messages

    def _ranking(self, text: str) -> list[dict[str, Any]]:
        if self._model is None:
            raise ValueError("the intent classifier is not trained")
        if not self._model.understands(text):
            return [{"name": label, "confidence": 0.0} for label in self._model.labels]
        plain = normal(text)
        chances = self._remembered(plain) if len(plain) <= SHORT else self._probabilities(plain)
        best = np.argsort(-chances, kind="stable")
        return [{"name": self._model.labels[i], "confidence": float(chances[i])} for i in best]

    def _probabilities(self, plain: str) -> Array:
        if self._model is None:
            raise ValueError("the intent classifier is not trained")
        return self._model.probabilities(plain, shared_encoder())
