"""The intent model, with a cheap encoder in place of the sentence vectors."""

from __future__ import annotations

from pathlib import Path
from zlib import crc32

import numpy as np
import pytest

from bot.components.intent_evaluation import families, sentences
from bot.components.intent_model import Array, IntentModel, train
from bot.components.intent_text import grams, normal, syllable_grams

SENTENCES = {
    "track": ["我的快递到哪了", "包裹到哪儿了", "查一下物流", "快递怎么还没到", "订单202611200001到哪了"],
    "return": ["我想退货", "怎么退货", "不想要了能退吗", "退货运费谁出", "帮我退了吧"],
    "greet": ["你好", "在吗", "您好呀", "hi", "有人吗"],
}


def encode(texts: list[str]) -> Array:
    """Return vectors in which each character has its place."""
    vectors = np.zeros((len(texts), 64), dtype=np.float32)
    for row, text in enumerate(texts):
        for char in text:
            vectors[row, crc32(char.encode()) % 64] += 1
    return vectors


@pytest.fixture(scope="module")
def model() -> IntentModel:
    pairs = [(text, intent) for intent, texts in SENTENCES.items() for text in texts]
    return train([text for text, _ in pairs], [intent for _, intent in pairs], encode)


def best(model: IntentModel, text: str) -> str:
    return model.labels[int(model.probabilities(text, encode).argmax())]


@pytest.mark.parametrize(
    ("text", "intent"),
    [("快递到了吗", "track"), ("这个想退掉", "return"), ("你好啊", "greet"), ("ＨＩ", "greet")],
)
def test_a_new_sentence_is_understood(model: IntentModel, text: str, intent: str) -> None:
    assert best(model, text) == intent


def test_probabilities_are_of_all_intents_and_sum_to_one(model: IntentModel) -> None:
    chances = model.probabilities("快递", encode)
    assert chances.shape == (3,)
    assert chances.sum() == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("text", ["asdf", "😀", "？？？", "", "   ", "ⅣⅣ", "𠀀"])
def test_a_text_without_known_words_is_not_understood(model: IntentModel, text: str) -> None:
    assert not model.understands(text)
    assert np.isfinite(model.probabilities(text, encode)).all()


@pytest.mark.parametrize("text", ["货asdf", "Hi!", "202611209999", "退 😀"])
def test_one_known_word_is_enough(model: IntentModel, text: str) -> None:
    assert model.understands(text)


@pytest.mark.parametrize(
    "text", ["订单202611200001 到哪", "№ 5", "ＡＢＣ１２．５", " a\tb ", "x" * 500 + "1", "㎏ ① ﷺ"]
)
def test_the_normal_form_of_a_normal_text_is_itself(text: str) -> None:
    assert normal(normal(text)) == normal(text)
    assert len(normal(text)) < 4_000


def test_all_order_numbers_are_one_word_and_all_figures_are_alike() -> None:
    assert normal("订单202611200001") == normal("订单202611209999")
    assert normal("买了3件") == normal("买了12件")
    assert normal("买了3件") != normal("买了件")


def test_grams_count_what_is_there() -> None:
    assert grams("ab b") == {"a": 1, "b": 2, "ab": 1, "b b": 1}


def test_syllables_of_the_wrong_sign_are_those_of_the_right_one() -> None:
    assert syllable_grams("退宽") == syllable_grams("退款") == {"·tui": 1, "·kuan": 1, "·tui·kuan": 1}
    assert syllable_grams("退单") != syllable_grams("退款")
    assert set(syllable_grams("xs 0")) == {"·x", "·s", "·x·s", "·0", "·s· ·0"}


@pytest.mark.parametrize(
    ("text", "intent"),
    [("快弟到哪里", "track"), ("我享退伙", "return"), ("我想退貨", "return"), ("查壹下物流", "track")],
)
def test_typos_and_traditional_characters_are_understood(model: IntentModel, text: str, intent: str) -> None:
    assert best(model, text) == intent


@pytest.mark.parametrize("text", ["\ud800退", "臺灣\x00", "𠀀退貨"])
def test_no_character_is_too_strange_for_the_normal_form(text: str) -> None:
    assert normal(normal(text)) == normal(text)


def test_a_stored_model_decides_the_same(model: IntentModel, tmp_path: Path) -> None:
    model.save(tmp_path)
    again = IntentModel.load(tmp_path)
    for text in ("快递到了吗", "退", "asdf", "订单202611200001"):
        assert again.understands(text) == model.understands(text)
        assert again.probabilities(text, encode) == pytest.approx(model.probabilities(text, encode), abs=0.01)


def test_the_same_sentences_give_the_same_model(model: IntentModel) -> None:
    pairs = [(text, intent) for intent, texts in SENTENCES.items() for text in texts]
    again = train([text for text, _ in pairs], [intent for _, intent in pairs], encode)
    assert np.array_equal(again.gram_weights, model.gram_weights)
    assert np.array_equal(again.vector_weights, model.vector_weights)


def test_one_intent_cannot_be_told_apart() -> None:
    with pytest.raises(ValueError, match="two intents"):
        train(["你好", "在吗"], ["greet", "greet"], encode)


def test_families_keep_similar_sentences_of_an_intent_together() -> None:
    found = families(["我想退货", "我想退货呀", "运费谁出", "我想退货", "谢谢"], [*"aaa", *"bb"])
    assert found[0] == found[1]
    assert len({found[0], found[2], found[3]}) == 3


def test_the_projects_sentences_come_without_annotations() -> None:
    texts, intents = sentences()
    assert len(texts) == len(intents) > 1000
    assert not [text for text in texts if "](" in text or "]{" in text]
