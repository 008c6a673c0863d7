"""Finds the word that was meant by a misspelt one: the same or nearly the same sound, or one sign amiss.

Input methods offer the wrong sign for the right sound (尔机 for 耳机), and n and ng, z and zh are one to many
who type; some type the sound itself (erji). Sounds are syllables without tones.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterable
from functools import lru_cache

_CHINESE = re.compile(r"[\u3400-\u9fff]")
_TYPED_SOUND = re.compile(r"[a-z]{4,24}")

#: Shortest word in which one sign amiss is still told, and longest that is looked at.
_SHORTEST, _LONGEST = 3, 10

#: How much a word found by sound, or by nearly its sound, counts beside one that was typed right.
SAME, NEAR = 0.5, 0.42


@lru_cache(maxsize=8192)
def _syllable(char: str) -> str:
    if not _CHINESE.match(char):
        return char
    # the table of phrases takes 40 MB and tells readings apart that a slip does not
    os.environ.setdefault("PYPINYIN_NO_PHRASES", "true")
    from pypinyin import lazy_pinyin

    return str(lazy_pinyin(char)[0])


def sound_of(word: str) -> str:
    """Return the syllables of a word without tones, in one: ``erji`` for 耳机."""
    return "".join(map(_syllable, word))


def _one_less(text: str) -> set[str]:
    return {text[:i] + text[i + 1 :] for i in range(len(text))}


def within_one(one: str, other: str) -> bool:
    """Say whether two texts differ by at most one sign put in, left out or exchanged."""
    if abs(len(one) - len(other)) > 1:
        return False
    if len(one) > len(other):
        one, other = other, one
    at = next((i for i, sign in enumerate(one) if sign != other[i]), len(one))
    return one[at:] == other[at + 1 :] or one[at + 1 :] == other[at + 1 :]


class Spelling:
    """The words that can be meant.

    Args:
        names: whole words; found by their sound, by nearly their sound, and with one sign amiss.
        pieces: parts of names; found by their very sound alone.
    """

    def __init__(self, names: Iterable[str], pieces: Iterable[str] = ()) -> None:
        self._sounds: dict[str, list[str]] = defaultdict(list)
        self._names: dict[str, list[str]] = defaultdict(list)  # sound -> names
        self._nearly: dict[str, set[str]] = defaultdict(set)  # one letter less -> sounds
        self._signs: dict[str, set[str]] = defaultdict(set)  # one sign less -> names
        for word in sorted(filter(_can_be_meant, names)):
            sound = sound_of(word)
            self._sounds[sound].append(word)
            self._names[sound].append(word)
            if len(word) >= _SHORTEST:
                for less in (sound, *_one_less(sound)):
                    self._nearly[less].add(sound)
                for less in (word, *_one_less(word)):
                    self._signs[less].add(word)
        for word in sorted(filter(_can_be_meant, pieces)):
            self._sounds[sound_of(word)].append(word)

    def meant(self, word: str) -> tuple[str, float] | None:
        """Return the word that was meant and how much it counts, or None. `word` is none of the words."""
        if _TYPED_SOUND.fullmatch(word):
            heard = self._names.get(word)
            return (heard[0], SAME) if heard else None
        if not (2 <= len(word) <= _LONGEST and all(map(_CHINESE.match, word))):
            return None
        sound = sound_of(word)
        same = self._sounds.get(sound)
        if same:
            return same[0], SAME
        if len(word) < _SHORTEST:
            return None
        sounds = {s for less in (sound, *_one_less(sound)) for s in self._nearly.get(less, ())}
        near = {w for s in sounds if within_one(s, sound) for w in self._names[s] if len(w) == len(word)}
        signs = {w for less in (word, *_one_less(word)) for w in self._signs.get(less, ())}
        # 充电线 for 充电器 is no slip: of short words only a sign put in or left out
        signs = {w for w in signs if len(w) != len(word) or len(w) > _SHORTEST}
        found = min(near | {w for w in signs if within_one(w, word)}, default=None)
        return (found, NEAR) if found else None


def _can_be_meant(word: str) -> bool:
    return 2 <= len(word) <= _LONGEST and _CHINESE.search(word) is not None
