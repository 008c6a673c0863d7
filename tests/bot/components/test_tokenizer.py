"""The tokenizer: our dictionary, a private jieba, true offsets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.model, pytest.mark.usefixtures("rasa_loaded")]


def tokenizer(**config: Any) -> Any:
    from bot.components.tokenizer import DictionaryTokenizer

    whole = {**DictionaryTokenizer.get_default_config(), **config}
    return DictionaryTokenizer.create(whole, None, None, None)


def tokens(text: str, **config: Any) -> list[Any]:
    from rasa.shared.nlu.training_data.message import Message

    return list(tokenizer(**config).tokenize(Message({"text": text}), "text"))


@pytest.mark.parametrize("text", ["  我的 快递😀到哪了？\n急", "订单202611200001", "ＡＢＣ ok", "🤷🏽‍♀️", " "])
def test_offsets_are_those_of_the_text(text: str) -> None:
    found = tokens(text)
    assert all(text[token.start : token.end] == token.text for token in found)
    assert "".join(token.text for token in found) == "".join(text.split())


def test_the_dictionary_decides_and_the_process_wide_jieba_knows_nothing(tmp_path: Path) -> None:
    import jieba

    dictionary = tmp_path / "words.txt"
    dictionary.write_text("蓝月亮洗衣凝珠 5 n\n", "utf-8")
    text = "买了蓝月亮洗衣凝珠"
    assert [t.text for t in tokens(text, dictionary=str(dictionary))][-1] == "蓝月亮洗衣凝珠"
    assert "蓝月亮洗衣凝珠" not in list(jieba.cut(text))


def test_the_training_cache_sees_a_changed_dictionary(tmp_path: Path) -> None:
    from bot.components.tokenizer import DictionaryTokenizer

    dictionary = tmp_path / "words.txt"
    dictionary.write_text("一\n", "utf-8")
    before = DictionaryTokenizer.fingerprint_addon({"dictionary": str(dictionary)})
    assert DictionaryTokenizer.fingerprint_addon({"dictionary": str(dictionary)}) == before
    dictionary.write_text("二\n", "utf-8")
    assert DictionaryTokenizer.fingerprint_addon({"dictionary": str(dictionary)}) != before


def test_a_missing_dictionary_is_an_error() -> None:
    with pytest.raises(FileNotFoundError):
        tokenizer(dictionary="nlu_data/no_such_file.txt")
