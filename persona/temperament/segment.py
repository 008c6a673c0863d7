"""Cuts text into words: spaCy's blank Chinese over a private jieba that knows the project's dictionary."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import Any

from persona.temperament.light import spacy

#: The vocabulary of a spaCy pipeline never forgets a string; after so many it is built anew, so that memory
#: stays bounded and shoppers' words do not linger in the process.
MAX_STRINGS = 30_000

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
            import jieba

            jieba.setLogLevel(logging.WARNING)
            made = jieba.Tokenizer()
            made.initialize()
            with dictionary.open("rb") as lines:
                made.load_userdict(lines)
            _segmenters[dictionary] = made
        return _segmenters[dictionary]


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
