"""Audits what became of shoppers on messaging channels: by record, by platform, by log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from bot.conversation.words import APOLOGY


@dataclass(frozen=True)
class Got:
    """A part as a platform took it.

    Attributes:
        text: all its words.
        key: against doubles; empty where the platform knows none.
        life: how many fronts there were before the one that sent it.
    """

    text: str
    key: str = ""
    life: int = 0


@dataclass(frozen=True)
class History:
    """What became of one shopper.

    Attributes:
        who: channel and name.
        keyed: her platform shows a key's part once.
        acknowledged: what she wrote, in order; the platform heard that it is taken.
        record: her conversation as clients see it.
        got: what her platform took, in order.
        told: how often the log says that a part for her may come twice.
    """

    who: str
    keyed: bool
    acknowledged: Sequence[str]
    record: Sequence[Mapping[str, Any]]
    got: Sequence[Got]
    told: int = 0


def audit(history: History, began: Sequence[str]) -> tuple[list[str], int]:
    """Return the promises that were broken to one shopper, and how many parts came twice to her.

    Args:
        history: hers.
        began: what ended the front before each life, e.g. ``["", "end", "kill"]``.
    """
    wrong = [*_stored(history), *_answered(history)]
    shown = list(history.got)
    if history.keyed:
        first = {part.key: part for part in reversed(shown)}
        shown = [part for part in shown if first[part.key] is part]
    expected = [str(m["text"]).strip() for m in history.record if m["author"] != "shopper"]
    found, doubles = _delivered([text for text in expected if text], shown, began)
    wrong += [f"{history.who}: {line}" for line in found]
    if doubles and history.keyed:
        wrong.append(f"{history.who}: {doubles} parts were shown twice under two keys")
    if not history.keyed and doubles > history.told:
        wrong.append(f"{history.who}: {doubles} parts came twice, the log tells of {history.told}")
    return wrong, doubles


def _stored(history: History) -> list[str]:
    hers = [m["text"] for m in history.record if m["author"] == "shopper"]
    ids = [m["message_id"] for m in history.record if m["author"] == "shopper"]
    if hers == list(history.acknowledged) and len(set(ids)) == len(ids):
        return []
    missing = Counter(history.acknowledged) - Counter(hers)
    more = Counter(hers) - Counter(history.acknowledged)
    if missing or more:
        return [f"{history.who}: lost {missing.total()} acknowledged messages, {more.total()} too many"]
    return [f"{history.who}: her messages are out of order"]


def _answered(history: History) -> list[str]:
    wrong = []
    order = [m["message_id"] for m in history.record if m["author"] == "shopper"]
    answers = [m for m in history.record if m["author"] == "bot" and m["type"] != "notice"]
    to_hers = [m for m in answers if m["in_reply_to"] in set(order)]
    # An apology is the answer where the bot never said anything.
    silent = set(order) - {m["in_reply_to"] for m in to_hers}
    sorry = [m for m in history.record if m.get("code") == APOLOGY and m["in_reply_to"] in silent]
    to_hers = sorted([*to_hers, *sorry], key=lambda m: int(m["seq"]))
    seqs = {m["seq"]: at for at, m in enumerate(m for m in history.record if m["author"] != "shopper")}
    for message_id in order:
        mine = [seqs[m["seq"]] for m in to_hers if m["in_reply_to"] == message_id]
        if not mine or mine != list(range(mine[0], mine[0] + len(mine))):
            wrong.append(f"{history.who}: {message_id} has {'several answers' if mine else 'no answer'}")
    first = [message_id for message_id, _ in groupby(m["in_reply_to"] for m in to_hers)]
    if first != [message_id for message_id in order if message_id in set(first)]:
        wrong.append(f"{history.who}: was answered out of order")
    return wrong


def _delivered(expected: Sequence[str], shown: Sequence[Got], began: Sequence[str]) -> tuple[list[str], int]:
    """Return what is wrong with what was shown, which is all that is expected, in order; and the doubles."""
    wrong, doubles, next_one = [], 0, 0
    for place, part in enumerate(shown):
        at = start = next_one
        end = 0
        while at < len(expected):
            found = part.text.find(expected[at], end)
            if found < 0 or (found > 0 and not part.text[:found].endswith("\n\n")):
                break
            end, at = found + len(expected[at]), at + 1
        if at > start:
            next_one = at
        elif not place or shown[place - 1].text != part.text:
            wrong.append(f"part {place + 1} is not the next: {part.text[:40]!r}")
        else:
            doubles += 1
            before = shown[place - 1].life
            if "kill" not in began[before + 1 : part.life + 1]:
                wrong.append(f"part {place + 1} came twice without a kill")
    if next_one < len(expected):
        wrong.append(f"{len(expected) - next_one} replies were not delivered: {expected[next_one][:40]!r}")
    return wrong, doubles
