"""Checks a draft against the shopper's style, the order's facts and the shop's rules; see ``draft.yml``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Any

from bot.desk.assist.case import Case
from bot.desk.assist.draft_facts import against_facts
from bot.desk.assist.labels import data, label
from persona.privacy.anonymise import find_personal
from persona.strategy import Strategies, Strategy, Style
from persona.wording.emoji import EMOJI, find_emoji

_GAP = re.compile(r"〔[^〔〕]*〕")


class Severity(str, Enum):
    """How much a warning matters."""

    STOP = "stop"  # must not be sent like this
    WARN = "warn"
    HINT = "hint"


@dataclass(frozen=True)
class DraftWarning:
    """One thing about a draft.

    Attributes:
        code: what kind.
        severity: how much it matters.
        message: what the agent reads.
        start: offset in the draft, in code points.
        end: end offset, exclusive; the whole draft where it is about all of it.
    """

    code: str
    severity: Severity
    message: str
    start: int
    end: int


@dataclass(frozen=True)
class _Rule:
    code: str
    severity: Severity
    message: str
    patterns: tuple[re.Pattern[str], ...]


def check_draft(
    text: str,
    style: Style | str | None,
    mood: str | None,
    case: Case | None,
    strategies: Strategies,
) -> tuple[DraftWarning, ...]:
    """Return what to change before `text` is sent, the gravest first, then by place; never raises on a text.

    Args:
        text: the draft as typed.
        style: the style served; None and unknown are neutral.
        mood: the shopper's mood.
        case: the shop's facts; None leaves out what is checked against them.
        strategies: the strategies as they stand.
    """
    if not text.strip():
        return ()
    strategy = strategies.of(style)
    upset = strategies.is_upset(mood)
    found = [*_forbidden(text, strategy, strategies), *_by_rules(text, strategy, mood, upset)]
    found += [*_emoji(text, strategy, mood, upset), *_length(text, strategy), *_gaps(text), *_personal(text)]
    if case is not None:
        found += (_worded("facts", *entry) for entry in against_facts(text, case))
    order = list(Severity)
    return tuple(sorted(_without_doubles(found), key=lambda w: (order.index(w.severity), w.start, w.code)))


def _forbidden(text: str, strategy: Strategy, strategies: Strategies) -> Iterator[DraftWarning]:
    said = data("draft.yml")["forbidden"]
    for word, instead in strategies.common.forbidden.items():
        yield from _words(text, word, "forbidden", said["common"], instead=instead)
    for word in strategy.forbidden:
        yield from _words(text, word, f"style_{strategy.style.value}", said[strategy.style.value])


def _words(text: str, word: str, code: str, entry: Mapping[str, Any], **more: str) -> Iterator[DraftWarning]:
    at = text.find(word)
    if at >= 0:  # told once, at its first place
        message = entry["message"].format(word=word, **more)
        yield DraftWarning(code, Severity(entry["severity"]), message, at, at + len(word))


def _by_rules(text: str, strategy: Strategy, mood: str | None, upset: bool) -> Iterator[DraftWarning]:
    groups = ["everyone", strategy.style.value, *(["upset"] if upset else [])]
    for rule in (rule for name in groups for rule in _rules().get(name, ())):
        match = next((m for pattern in rule.patterns if (m := pattern.search(text))), None)
        if match is not None:
            message = rule.message.format(word=match.group().strip(), mood=label("mood", mood or ""))
            yield DraftWarning(rule.code, rule.severity, message, *match.span())


@cache
def _rules() -> Mapping[str, tuple[_Rule, ...]]:
    texts = data("draft.yml")
    groups = {"everyone": texts["everyone"], "upset": texts["upset"], **texts["styles"]}
    return {
        name: tuple(
            _Rule(
                rule["code"],
                Severity(rule["severity"]),
                rule["message"],
                tuple(re.compile(pattern, re.DOTALL) for pattern in rule["patterns"]),
            )
            for rule in rules
        )
        for name, rules in groups.items()
    }


def _emoji(text: str, strategy: Strategy, mood: str | None, upset: bool) -> Iterator[DraftWarning]:
    used = find_emoji(text)
    first = EMOJI.search(text)
    if first is None or not used:
        return
    entries = data("draft.yml")["emoji"]
    code = "upset" if upset else "none" if strategy.emoji.max == 0 else "too_many"
    if code == "too_many" and len(used) <= strategy.emoji.max:
        return
    entry = entries[code]
    message = entry["message"].format(
        most=strategy.emoji.max, count=len(used), mood=label("mood", mood or "")
    )
    yield DraftWarning(f"emoji_{code}", Severity(entry["severity"]), message, *first.span())


def _length(text: str, strategy: Strategy) -> Iterator[DraftWarning]:
    limit = data("draft.yml")["limits"][strategy.style.value]
    chars = len(re.sub(r"\s", "", text))
    if chars > limit["chars"]:
        yield DraftWarning("too_long", Severity.WARN, limit["message"].format(chars=chars), 0, len(text))


def _gaps(text: str) -> Iterator[DraftWarning]:
    entry = data("draft.yml")["gap"]
    for match in _GAP.finditer(text):
        message = entry["message"].format(word=match.group())
        yield DraftWarning("gap", Severity(entry["severity"]), message, *match.span())


def _personal(text: str) -> Iterator[DraftWarning]:
    entries = data("draft.yml")["personal"]
    for found in find_personal(text):
        if found.kind in entries:
            yield _worded("personal", found.kind, found.start, found.end, {})


def _worded(group: str, code: str, start: int, end: int, values: Mapping[str, str]) -> DraftWarning:
    entry = data("draft.yml")[group][code]
    return DraftWarning(code, Severity(entry["severity"]), entry["message"].format(**values), start, end)


def _without_doubles(found: list[DraftWarning]) -> list[DraftWarning]:
    """Leave out a warning whose words lie within those of another of the same severity, and repeated ones."""
    kept: list[DraftWarning] = []
    for one in sorted(found, key=lambda w: (w.start, -w.end)):
        inside = any(
            other.start <= one.start
            and one.end <= other.end
            and other.severity is one.severity
            and (other.code == one.code or other.end - other.start <= 12)
            for other in kept
        )
        if not inside:
            kept.append(one)
    return kept
