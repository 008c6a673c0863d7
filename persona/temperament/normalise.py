"""Brings text into one form for matching, and knows where each character came from."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

#: Only the head of a message is read: what is longer is nearly always pasted, and the cost stays bounded.
MAX_CHARS = 400

#: Stands for a figure, a long number (order, phone), a link, a name or place that was masked.
FIGURE, NUMBER, LINK, MASKED = "0", "№", "↗", "某"

#: First private-use code point; one for each group of emoji, so that a group is one character of normal text.
EMOJI_BASE = 0xE000

#: Numbers that are words: hotlines for complaints, and what young people type for laughter and praise.
_SPOKEN = re.compile(r"12315|12345|12300|315|6{3,}|23{2,}")

_MASKS = {
    FIGURE: "数字|金额|日期|时间",
    NUMBER: "订单|身份证号|电话|邮箱|运单|商品",
    LINK: "链接|图片",
    MASKED: "姓名|组织机构|地址|站点",
}
_EMOJI_ANY = (
    "[\U0001f1e6-\U0001f1ff\U0001f300-\U0001faff\u2600-\u27bf\u2b00-\u2bff]"
    "[\ufe0f\u200d\U0001f3fb-\U0001f3ff\u2640\u2642]*"
)
_KAOMOJI_ANY = (
    r"[(（][^\w\s一-鿿()（）,，。.、;；:：!！?？\"“”'@#%&*+=\[\]0-9／/-][^\w\s一-鿿()（）]{1,7}[)）]"
)


@dataclass(frozen=True)
class Normal:
    """Text in normal form with the way back.

    Attributes:
        text: the normal form: simplified, half width, lower case, runs of a character cut to two, figures,
            numbers, links and emoji each as one character.
        starts: for each character of `text`, where its source starts in the text as typed (code points).
        ends: where its source ends (exclusive).
    """

    text: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]

    def source(self, start: int, end: int) -> tuple[int, int]:
        """Return the span in the text as typed of the non-empty span [start, end) of the normal form."""
        return self.starts[start], self.ends[end - 1]


class Normaliser:
    """Brings text into normal form. Never raises on any ``str``."""

    def __init__(self, emoji: Mapping[str, list[str]]) -> None:
        """Take the groups of emoji: name to spellings (emoji, names in brackets, faces of punctuation)."""
        import opencc

        self._simplify = opencc.OpenCC("t2s").convert
        self.groups = {name: chr(EMOJI_BASE + i + 1) for i, name in enumerate(emoji)}
        self._spelling = {
            s.lower(): self.groups[name] for name, spellings in emoji.items() for s in spellings
        }
        listed = sorted((re.escape(s) + "\ufe0f?" for n in emoji.values() for s in n), key=len, reverse=True)
        masks = "|".join(rf"\[(?:{names})x\]" for names in _MASKS.values())
        self._mask = {f"[{n}x]": char for char, names in _MASKS.items() for n in names.split("|")}
        self._piece = re.compile(
            rf"(?P<listed>{'|'.join(listed)})|(?P<mask>{masks})|(?P<link>(?:https?|file)://[!-~]+)"
            rf"|(?P<digits>[0-9０-９]+(?:[.．][0-9０-９]+)?)|(?P<emoji>{_EMOJI_ANY}|{_KAOMOJI_ANY}|\[[A-Z][A-Za-z]{{2,12}}\])",
            re.IGNORECASE,
        )

    @classmethod
    def load(cls, root: Path) -> Normaliser:
        """Read ``emoji.yml`` under `root` (the folder of the temperament's language data)."""
        data: dict[str, Any] = yaml.safe_load((root / "emoji.yml").read_text("utf-8"))
        return cls({str(name): [str(s) for s in spellings] for name, spellings in data["groups"].items()})

    def __call__(self, text: str) -> Normal:
        """Return the normal form of the first :data:`MAX_CHARS` code points of `text`."""
        text = text[:MAX_CHARS]
        out: list[tuple[str, int, int]] = []
        last = 0
        for match in self._piece.finditer(text):
            self._plain(text, last, match.start(), out)
            last = match.end()
            if match.lastgroup == "digits" and _SPOKEN.fullmatch(match.group()):
                out.extend(
                    (char, match.start() + i, match.start() + i + 1) for i, char in enumerate(match.group())
                )
                continue
            out.append((self._symbol(match), match.start(), last))
        self._plain(text, last, len(text), out)
        out = _cut_runs(out)
        chars, starts, ends = zip(*out, strict=True) if out else ((), (), ())
        return Normal("".join(chars), tuple(starts), tuple(ends))

    def _symbol(self, match: re.Match[str]) -> str:
        kind, found = match.lastgroup, match.group()
        if kind == "listed":
            return (
                self._spelling[found.lower().rstrip("\ufe0f")]
                if found.lower() not in self._spelling
                else (self._spelling[found.lower()])
            )
        if kind == "mask":
            return self._mask[found.lower()]
        if kind == "link":
            return LINK
        if kind == "digits":
            return NUMBER if len(found) >= 9 else FIGURE
        return chr(EMOJI_BASE)

    def _plain(self, text: str, start: int, end: int, out: list[tuple[str, int, int]]) -> None:
        if start == end:
            return
        # One harmless character for each that OpenCC or spaCy cannot take keeps the positions.
        clean = "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in text[start:end])
        simple = self._simplify(clean)
        if len(simple) != len(clean):  # a phrase changed its length: convert one by one to keep the way back
            simple = "".join((self._simplify(c) or c)[:1] for c in clean)
        for i, char in enumerate(simple):
            at = start + i
            category = unicodedata.category(char)
            if category == "Cf":  # zero-width and direction marks: nobody sees them, so they part no word
                continue
            if char.isspace() or category in {"Cc", "Zs", "Zl", "Zp"}:
                out.append((" ", at, at + 1))
                continue
            private = "\ue000" <= char <= "\uf8ff"  # typed private-use characters are not our emoji groups
            for folded in unicodedata.normalize("NFKC", "\ufffd" if private else char).lower()[:4]:
                out.append((folded if not folded.isspace() else " ", at, at + 1))


def _cut_runs(pieces: list[tuple[str, int, int]]) -> list[tuple[str, int, int]]:
    """Cut runs of one character to two (blanks to one); the last one kept stretches over what was dropped."""
    out: list[tuple[str, int, int]] = []
    for char, start, end in pieces:
        keep = 1 if char == " " else 2
        if len(out) >= keep and all(c == char for c, _, _ in out[-keep:]):
            out[-1] = (char, out[-1][1], end)
        else:
            out.append((char, start, end))
    return out
