"""Finds products by a shopper's own words: scores names, aliases, brands and categories.

No segmenter: a shopper's "那个降噪的耳机" is cut at filler words, and what is left is compared with the terms
of each product by containment and by shared pairs of characters. Typos are for later.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import log

from sqlalchemy import select
from sqlalchemy.orm import Session

from actions.shop.schema import CategoryRow, ProductRow

MAX_WORDS = 200  # characters of a query that count

_FILLERS = (
    "有没有|有吗|是不是|能不能|可不可以|我想要|我想买|想要|想买|我要|我买|帮我|给我|请问|推荐|看看|找找|找|买|"
    "那个|这个|那款|这款|那种|一个|一款|一双|一件|一台|一瓶|一箱|什么|哪些|哪款|哪个|怎么样|多少钱|价格|"
    "你们|你家|店里|家里|我们|我的|自己|比较|适合|好用|好吃|好看|便宜|一点|的|了|吗|呢|吧|啊|呀|哦|嘛|和|跟|或者|"
    "还|都|就|给|送|用|款|卖|您|你|我|有|是|在|要|想|不|好|个"
)
_CUT = re.compile(rf"[\s\W_]+|(?:{_FILLERS})")
_LATIN = re.compile(r"[a-z0-9][a-z0-9.+-]*")

_WEIGHTS = {"name": 1.0, "alias": 1.0, "brand": 0.8, "tag": 0.5, "category": 0.45, "spec": 0.3}
_MINIMUM = 0.2


@dataclass(frozen=True)
class _Entry:
    product_id: str
    sold: int
    terms: tuple[tuple[str, str], ...]  # (kind of term, text)
    grams: dict[str, float] = field(hash=False)  # pair of characters -> best weight


def normalise(text: str) -> str:
    """Return text as it is compared: full-width folded, lower case."""
    return unicodedata.normalize("NFKC", text).lower().strip()


def words_of(query: str) -> list[str]:
    """Return what is left of a query without fillers: Chinese runs and Latin or numeric words."""
    text = normalise(query)[:MAX_WORDS]
    latin = _LATIN.findall(text)
    rest = _LATIN.sub(" ", text)
    chinese = [part for part in _CUT.split(rest) if part]
    return list(dict.fromkeys(chinese + [word for word in latin if len(word) > 1]))


def _grams(text: str) -> set[str]:
    runs = re.findall(r"[\u4e00-\u9fff]+", text)
    pairs = {run[i : i + 2] for run in runs for i in range(len(run) - 1)}
    return pairs | set(_LATIN.findall(text))


class SearchIndex:
    """An immutable index of the catalogue, a few hundred bytes per product."""

    def __init__(self, entries: Sequence[_Entry]) -> None:
        self._entries = entries
        spread: dict[str, int] = {}
        for entry in entries:
            for gram in entry.grams:
                spread[gram] = spread.get(gram, 0) + 1
        total = max(len(entries), 1)
        self._rarity = {gram: log(1 + total / count) for gram, count in spread.items()}
        self._most_sold = max((entry.sold for entry in entries), default=1) or 1

    @classmethod
    def read(cls, session: Session) -> SearchIndex:
        """Build the index from the tables, in two queries."""
        categories = {
            row.code: (row.label, *row.aliases)
            for row in session.execute(select(CategoryRow.code, CategoryRow.label, CategoryRow.aliases))
        }
        columns = (
            ProductRow.product_id, ProductRow.name, ProductRow.short_name, ProductRow.brand, ProductRow.tags,
            ProductRow.aliases, ProductRow.specs, ProductRow.category, ProductRow.sold_30_days,
        )  # fmt: skip
        return cls(
            [
                _entry(
                    row.product_id,
                    row.sold_30_days,
                    [
                        ("name", [row.name, row.short_name]),
                        ("alias", row.aliases),
                        ("brand", [row.brand]),
                        ("tag", row.tags),
                        ("category", categories[row.category]),
                        ("spec", [value for _, value in row.specs]),
                    ],
                )
                for row in session.execute(select(*columns))
            ]
        )

    def find(self, query: str, limit: int) -> list[tuple[str, float]]:
        """Return (product id, score in 0..1), best first; nothing where nothing fits."""
        words = words_of(query)
        if not words or limit <= 0:
            return []
        text = normalise(query)[:MAX_WORDS]
        scored = [(entry.product_id, self._score(entry, words, text), entry.sold) for entry in self._entries]
        fitting = [(pid, score, sold) for pid, score, sold in scored if score >= _MINIMUM]
        fitting.sort(key=lambda found: (-round(found[1], 3), -found[2], found[0]))
        return [(product_id, round(score, 3)) for product_id, score, _ in fitting[:limit]]

    def _score(self, entry: _Entry, words: Sequence[str], text: str) -> float:
        length = sum(map(len, words))
        score = sum(self._word(entry, word) * len(word) for word in words) / length
        for kind, term in entry.terms:
            # a whole name inside the query counts whatever stands around it, or was cut out of it as a filler
            if len(term) > 1 and term in text:
                score = max(score, _WEIGHTS[kind] * (0.7 + 0.25 * min(1.0, len(term) / length)))
        # popularity only settles what the words leave open
        return min(1.0, score * 0.97 + (0.03 * entry.sold / self._most_sold if score else 0.0))

    def _word(self, entry: _Entry, word: str) -> float:
        best = 0.0
        for kind, term in entry.terms:
            if word == term:
                best = max(best, _WEIGHTS[kind])
            elif len(word) > 1 and word in term:
                best = max(best, _WEIGHTS[kind] * 0.9)
            elif len(term) > 1 and term in word:
                best = max(best, _WEIGHTS[kind] * (0.5 + 0.4 * len(term) / len(word)))
        grams = _grams(word)
        if grams:
            unknown = log(1 + len(self._entries))
            total = sum(self._rarity.get(gram, unknown) for gram in grams)
            shared = sum(self._rarity[gram] * entry.grams[gram] for gram in grams if gram in entry.grams)
            best = max(best, 0.85 * shared / total)
        return best


def _entry(product_id: str, sold: int, groups: Iterable[tuple[str, Iterable[str]]]) -> _Entry:
    terms: list[tuple[str, str]] = []
    grams: dict[str, float] = {}
    for kind, texts in groups:
        for text in map(normalise, texts):
            terms.append((kind, text))
            for gram in _grams(text):
                grams[gram] = max(grams.get(gram, 0.0), _WEIGHTS[kind])
    return _Entry(product_id, sold, tuple(terms), grams)
