"""Finds products by a shopper's own words: names, aliases, brands, uses, specification, sound.

What she writes is folded (width, case, Traditional signs), rewritten where the shop has another word for it
(``search_words.yml``), cut at filler words and at the words that the catalogue knows. What is left unknown is
taken for a slip where a known word sounds alike; such a word counts half, so that a slip never weighs as much
as a name. A product's score is how much of the query its words explain.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from math import log
from pathlib import Path

import yaml
from sqlalchemy import select
from sqlalchemy.orm import Session

from actions.shop.schema import CategoryRow, ProductRow
from actions.shop.spelling import Spelling

MAX_WORDS = 200  # characters of a query that count

_FILLERS = (
    "有没有|有吗|是不是|能不能|可不可以|我想要|我想买|想要|想买|我要|我买|帮我|给我|请问|推荐|看看|找找|找|买|"
    "那个|这个|那款|这款|那种|一个|一款|一双|一件|一台|一瓶|一箱|什么|哪些|哪款|哪个|怎么样|多少钱|价格|"
    "你们|你家|店里|家里|我们|我的|自己|比较|适合|好用|好吃|好看|便宜|一点|的|了|吗|呢|吧|啊|呀|哦|嘛|和|跟|或者|"
    "东西|可以|搜索|搜一下|搜|查一下|查查|单独|单卖|一下|没有|还|都|就|给|送|用|款|卖|您|你|我|有|是|在|要|想|不|好|个"
)
_CUT = re.compile(rf"[\s\W_]+|(?:{_FILLERS})")
_LATIN = re.compile(r"[a-z0-9][a-z0-9.+-]*")
_CHINESE_RUN = re.compile(r"[\u3400-\u9fff]+")

_WEIGHTS = {"name": 1.0, "alias": 1.0, "brand": 0.8, "tag": 0.5, "use": 0.5, "category": 0.45, "spec": 0.3}
_MINIMUM = 0.2

#: Signs that stand last in a query and name no thing.
_QUALITIES = frozenset("男女款版新大小长短轻薄厚码号点些")
#: How much a word that is only near to what was asked for counts.
_NEAR = 0.5

#: Shorter runs are not cut.
_CUT_FROM = 3

#: Longer texts are sentences: their unknown words are no slips for goods.
_SLIPS_UP_TO = 16
#: What can be meant by a slip: names, and pieces of them of so many signs.
_NAMES = frozenset({"name", "alias", "brand"})
_PIECES = (2, 3, 4)
_NAME = 0.8  # weight from which a word is the name of something


@dataclass(frozen=True)
class _Entry:
    product_id: str
    sold: int
    terms: tuple[tuple[str, str], ...]  # (kind of term, text)
    grams: dict[str, float] = field(hash=False)  # pair of characters -> best weight


@dataclass(frozen=True)
class Query:
    """What a query is taken to say.

    Attributes:
        text: as it is compared, whole.
        words: what is looked for, with how much each counts (1 as typed, less where a slip was put right).
        read_as: the query with its slips put right; None where there are none.
        missing: the thing that is looked for, where the catalogue has no such word; None otherwise.
    """

    text: str
    words: tuple[tuple[str, float], ...]
    read_as: str | None = None
    missing: str | None = None


@cache
def _simplify() -> object:
    import opencc

    return opencc.OpenCC("t2s")


def normalise(text: str) -> str:
    """Return text as it is compared: full-width folded, lower case, simplified."""
    text = unicodedata.normalize("NFKC", text).lower().strip()
    if _CHINESE_RUN.search(text):
        text = _simplify().convert(text.encode("utf-8", "replace").decode())  # type: ignore[attr-defined]
    return text


@cache
def _words_file() -> Mapping[str, Mapping[str, str]]:
    loaded = yaml.safe_load(Path(__file__).with_name("search_words.yml").read_text("utf-8"))
    return {part: {str(k): str(v) for k, v in table.items()} for part, table in loaded.items()}


@cache
def _rewriting() -> tuple[re.Pattern[str], Mapping[str, str]]:
    table = _words_file()["called"]
    longest = sorted(table, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest))), table


def _rewritten(text: str) -> tuple[str, list[str]]:
    """Return the text without the words that the shop calls otherwise, and what it calls them."""
    pattern, table = _rewriting()
    ours = [word for found in pattern.findall(text) for word in table[found].split()]
    return pattern.sub(" ", text), ours


def _near(missing: str) -> list[str]:
    """Return the catalogue's words for what is nearest to a thing that it does not have."""
    table = _words_file()["near"]
    return next((ours.split() for thing, ours in table.items() if thing in missing), [])


def words_of(query: str) -> list[str]:
    """Return what is left of a query without fillers: Chinese runs and Latin or numeric words."""
    text = normalise(query)[:MAX_WORDS]
    latin = _LATIN.findall(text)
    rest = _LATIN.sub(" ", text)
    chinese = [part for part in _CUT.split(rest) if part]
    return list(dict.fromkeys(chinese + [word for word in latin if len(word) > 1]))


def _grams(text: str) -> set[str]:
    pairs = {run[i : i + 2] for run in _CHINESE_RUN.findall(text) for i in range(len(run) - 1)}
    return pairs | set(_LATIN.findall(text))


class SearchIndex:
    """An immutable index of the catalogue, a few kilobytes per product."""

    def __init__(self, entries: Sequence[_Entry]) -> None:
        self._entries = entries
        self._with_gram: dict[str, list[int]] = defaultdict(list)
        self._with_sign: dict[str, list[int]] = defaultdict(list)  # terms of one character
        self._known: dict[str, float] = {}
        for at, entry in enumerate(entries):
            for gram in entry.grams:
                self._with_gram[gram].append(at)
            for kind, term in entry.terms:
                if len(term) == 1:
                    self._with_sign[term].append(at)
                self._known[term] = max(self._known.get(term, 0.0), _WEIGHTS[kind])
        total = max(len(entries), 1)
        self._rarity = {gram: log(1 + total / len(at)) for gram, at in self._with_gram.items()}
        self._most_sold = max((entry.sold for entry in entries), default=1) or 1
        self._longest = max(map(len, self._known), default=0)
        self._spelling: Spelling | None = None

    @classmethod
    def read(cls, session: Session, before: SearchIndex | None = None) -> SearchIndex:
        """Read the tables in two queries and return their index: the one `before` where nothing changed."""
        categories = {
            row.code: (row.label, *row.aliases)
            for row in session.execute(select(CategoryRow.code, CategoryRow.label, CategoryRow.aliases))
        }
        columns = (
            ProductRow.product_id, ProductRow.name, ProductRow.short_name, ProductRow.brand, ProductRow.tags,
            ProductRow.aliases, ProductRow.specs, ProductRow.category, ProductRow.sold_30_days,
            ProductRow.search_words,
        )  # fmt: skip
        entries = [
            _entry(
                row.product_id,
                row.sold_30_days,
                [
                    ("name", [row.name, row.short_name]),
                    ("alias", row.aliases),
                    ("brand", [row.brand]),
                    ("tag", row.tags),
                    ("use", row.search_words),
                    ("category", categories[row.category]),
                    ("spec", [value for _, value in row.specs]),
                ],
            )
            for row in session.execute(select(*columns))
        ]
        return before if before is not None and before._entries == entries else cls(entries)

    def find(self, query: str, limit: int) -> list[tuple[str, float]]:
        """Return (product id, score in 0..1), best first; nothing where nothing fits."""
        return self.look(self.understand(query), limit)

    def look(self, query: Query, limit: int) -> list[tuple[str, float]]:
        """Return (product id, score in 0..1), best first, of a query that is understood."""
        if not query.words or limit <= 0:
            return []
        candidates: set[int] = set()
        for word, _ in (*query.words, (query.text, 1.0)):
            candidates.update(at for gram in _grams(word) for at in self._with_gram.get(gram, ()))
            candidates.update(self._with_sign.get(word, ()))
        fitting = []
        for entry in map(self._entries.__getitem__, candidates):
            score = self._score(entry, query)
            if score >= _MINIMUM:
                fitting.append((entry.product_id, score, entry.sold))
        fitting.sort(key=lambda found: (-round(found[1], 3), -found[2], found[0]))
        return [(product_id, round(score, 3)) for product_id, score, _ in fitting[:limit]]

    def understand(self, query: str) -> Query:
        """Say what a query is taken to say."""
        text = normalise(query)[:MAX_WORDS]
        rest, ours = _rewritten(text)
        read = self._read if len(text) <= _SLIPS_UP_TO else self._as_typed
        words = dict.fromkeys(ours, 1.0)
        read_as, missing = text, None
        for word in words_of(rest):
            pieces = read(word)
            if _CHINESE_RUN.fullmatch(word):
                missing = word if self._lacks(pieces[-1]) else None
            for piece, meant, counts in pieces:
                if meant not in words:
                    words[meant] = counts
                    read_as = read_as.replace(piece, meant)
        near = _near(missing) if missing is not None else []
        if near:
            text, words = "", dict.fromkeys(near, _NEAR)
        return Query(text, tuple(words.items()), None if near or read_as == text else read_as, missing)

    def _lacks(self, piece: tuple[str, str, float]) -> bool:
        """Say whether the last piece of a word names a thing that the catalogue does not have: 手机壳."""
        typed, meant, _ = piece
        return (
            typed == meant
            and typed not in _QUALITIES
            and typed not in self._with_sign
            and not self._knows(typed)
        )

    def _read(self, word: str) -> list[tuple[str, str, float]]:
        """Return the pieces of a word: as typed, as they are read, and how much each counts."""
        pieces = self._cut(word)
        if all(map(self._knows, pieces)):
            return [(piece, piece, 1.0) for piece in pieces]
        spelling = self._speller()
        if not any(self._known.get(piece, 0.0) >= _NAME for piece in pieces):
            whole = spelling.meant(word)
            if whole is not None:
                return [(word, *whole)]
        return [
            (piece, *((None if self._knows(piece) else spelling.meant(piece)) or (piece, 1.0)))
            for piece in pieces
        ]

    def _as_typed(self, word: str) -> list[tuple[str, str, float]]:
        return [(piece, piece, 1.0) for piece in self._cut(word)]

    def _knows(self, word: str) -> bool:
        """Say whether the catalogue has this word, or all its parts."""
        if word in self._known:
            return True
        grams = _grams(word)
        return bool(grams) and all(gram in self._with_gram for gram in grams)

    def _cut(self, word: str) -> list[str]:
        """Cut a run at the words that the catalogue knows: 降燥耳机 into 降燥 and 耳机."""
        if word in self._known or len(word) < _CUT_FROM or not _CHINESE_RUN.fullmatch(word):
            return [word]
        pieces: list[str] = []
        rest = start = 0
        while start < len(word):
            lengths = range(min(len(word) - start, self._longest), 1, -1)
            length = next((n for n in lengths if word[start : start + n] in self._known), 0)
            if not length:
                start += 1
                continue
            pieces += [word[rest:start], word[start : start + length]]
            rest = start = start + length
        return [piece for piece in (*pieces, word[rest:]) if piece]

    def _speller(self) -> Spelling:
        """Return what puts slips right; it is built with the first unknown word."""
        if self._spelling is None:
            names = {term for entry in self._entries for kind, term in entry.terms if kind in _NAMES}
            pieces = {
                run[start : start + size]
                for name in names
                for run in _CHINESE_RUN.findall(name)
                for size in _PIECES
                for start in range(len(run) - size + 1)
            }
            self._spelling = Spelling(names=names, pieces=pieces - names)
        return self._spelling

    def _score(self, entry: _Entry, query: Query) -> float:
        length = sum(len(word) for word, _ in query.words)
        score = sum(self._word(entry, word) * len(word) * counts for word, counts in query.words) / length
        for kind, term in entry.terms:
            # a whole name inside the query counts whatever stands around it, or was cut out of it as a filler
            if len(term) > 1 and term in query.text:
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
