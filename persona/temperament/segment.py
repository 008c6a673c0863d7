"""Cuts text into words: spaCy's blank Chinese over a private jieba that knows the project's dictionary."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from persona.temperament.light import jieba, spacy

#: The vocabulary of a spaCy pipeline never forgets a string; after so many it is built anew, so that memory
#: stays bounded and shoppers' words do not linger in the process.
MAX_STRINGS = 30_000

#: Words of jieba's dictionary with a lower count are left out.
MIN_COUNT = 4

_lock = threading.Lock()
_segmenters: dict[Path, Any] = {}


def segmenter(dictionary: Path) -> Any:
    """Return the process's private ``jieba.Tokenizer`` that knows `dictionary`; loaded once, ready to use.

    The process-wide jieba stays untouched. Whoever needs the same words (the tokeniser of the NLU pipeline)
    shares this one and spares its memory. A missing dictionary raises FileNotFoundError.
    """
    dictionary = dictionary.resolve()
    with _lock:
        if dictionary not in _segmenters:
            jieba().setLogLevel(logging.WARNING)
            made = jieba().Tokenizer()
            with made.get_dict_file() as lines:
                made.FREQ, made.total = frequencies(lines)
            made.initialized = True
            with dictionary.open("rb") as lines:
                made.load_userdict(lines)
            _segmenters[dictionary] = made
        return _segmenters[dictionary]


def frequencies(lines: Iterable[bytes]) -> tuple[dict[str, int], int]:
    """Read a jieba dictionary (``word count tag`` a line) without its rare words.

    Two words in three were seen less than MIN_COUNT times when it was counted: without them it takes 40 MB
    less, and 2 of 8,104 messages of the corpus show another cue. jieba's own loader keeps a copy of the whole
    in the machine's folder for temporary files, where anyone may write; this one does not.

    Returns:
        the counts by word, 0 for what only begins one, and their sum.
    """
    counts: dict[str, int] = {}
    total = 0
    for line in lines:
        word, count, _ = line.decode("utf-8").split(" ", 2)
        if len(word) > 1 and int(count) < MIN_COUNT:
            continue
        counts[word] = int(count)
        total += int(count)
        for end in range(1, len(word)):
            counts.setdefault(word[:end], 0)
    return counts, total


class Segmentation:
    """Makes spaCy documents of Chinese text. Safe for concurrent reads."""

    def __init__(self, dictionary: Path) -> None:
        self._jieba = segmenter(dictionary)
        self._nlp = self._fresh()

    def _fresh(self) -> Any:
        nlp = spacy().blank("zh")  # segmenter "char": asking for jieba here would load the process-wide one
        nlp.tokenizer.segmenter = "jieba"
        nlp.tokenizer.jieba_seg = self._jieba
        return nlp

    def doc(self, text: str) -> Any:
        """Return the spaCy Doc of `text` (no lone surrogates). Token texts joined give `text` back."""
        nlp = self._nlp
        if len(nlp.vocab.strings) > MAX_STRINGS:
            nlp = self._nlp = self._fresh()
        return nlp.make_doc(text)
