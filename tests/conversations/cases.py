"""Reads the cases: what a shopper types, taps or shows, and what every style must make of it.

A file is a topic, a list of cases::

    - name: 待发货的订单，确认后取消
      kind: happy                # see KINDS
      write: cancel              # the write that is tried, where one is
      who: u1015                 # a demo customer; left out: a stranger
      turns:
        - say: 昨天买的那单不想要了，取消
          says: [utter_cancel_confirm]
          facts: {total: "{p308.total}"}
          offers: [确认]
          tells: [原路]
          cards: [order]
        - tap: 确认
          says: [utter_cancelled]
      outcome:
        orders p308: {state: refunding, cancelled_at: "*"}
      record: {requests: [callback]}

`{p308.total}` is taken from the shop: the newest order of hers with that product; `{u1008[p101].total}` is
somebody else's, `{tail[p308]}` the last four digits of the order's phone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent

#: What may become of a wish.
KINDS = ("happy", "changed_mind", "wrong_data", "not_allowed", "backend_down")

#: The kinds of writes that shoppers try.
WRITES = (
    "address",
    "aftersale",
    "cancel",
    "coupon",
    "invoice",
    "note",
    "price_claim",
    "repair",
    "slot",
    "withdraw",
)


@dataclass(frozen=True)
class Turn:
    """One message and what it must bring in every style.

    Attributes:
        say: what she types.
        looks_at: what her page shows with that, `product_id` or `order_id`.
        tap: the title, or the end of it, of the step that she taps instead.
        picture: she sends a picture instead.
        fault: what is wrong with the shop from now on; "" repairs it.
        says: the responses, in order.
        facts: what facts of these responses must be; others may be told beside them.
        tells: what every text says, facts as they are read.
        offers: titles that are offered.
        cards: kinds of cards, in order; None where they do not matter.
    """

    say: str = ""
    looks_at: Mapping[str, str] | None = None
    tap: str = ""
    picture: bool = False
    fault: str | None = None
    says: tuple[str, ...] = ()
    facts: Mapping[str, Any] | None = None
    tells: tuple[str, ...] = ()
    offers: tuple[str, ...] = ()
    cards: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Case:
    """A whole conversation.

    Attributes:
        topic: the file's stem.
        name: what happens, in Chinese.
        kind: one of :data:`KINDS`.
        turns: the messages.
        who: a demo customer, or "" for a stranger.
        write: one of :data:`WRITES`, or "".
        outcome: what is different in the shop afterwards, by row; nothing else may be.
        record: what stands in the record afterwards: `requests`, `escalations`, `owner`, `care`.
    """

    topic: str
    name: str
    kind: str
    turns: tuple[Turn, ...]
    who: str = ""
    write: str = ""
    outcome: Mapping[str, Any] | None = None
    record: Mapping[str, Any] | None = None

    @property
    def title(self) -> str:
        """Topic and name."""
        return f"{self.topic}: {self.name}"


def all_cases() -> list[Case]:
    """Read all files; those in which the shop is down come last.

    Raises:
        ValueError: a case has a field that there is none of, or lacks one.
    """
    found = [
        _case(path.stem, entry)
        for path in sorted(FOLDER.glob("*.yml"))
        for entry in yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    ]
    return sorted(found, key=lambda case: case.kind == "backend_down")


def _case(topic: str, entry: Mapping[str, Any]) -> Case:
    where = f"{topic}.yml, {entry.get('name')}"
    turns = tuple(_turn(where, turn) for turn in entry["turns"])
    _check(where, entry, Case)
    case = Case(**{**entry, "topic": topic, "turns": turns})
    if case.kind not in KINDS or case.write not in ("", *WRITES):
        raise ValueError(f"{where}: there is no kind {case.kind}, or no write {case.write}")
    return case


def _turn(where: str, entry: Mapping[str, Any]) -> Turn:
    _check(where, entry, Turn)
    if len({"say", "tap", "picture"} & set(entry)) != 1:
        raise ValueError(f"{where}: each turn is typed, tapped or a picture: {entry}")
    if not entry.get("says"):
        raise ValueError(f"{where}: a turn without responses proves nothing: {entry}")
    lists = {name: tuple(value) for name, value in entry.items() if isinstance(value, list)}
    return Turn(**{**entry, **lists})


def _check(where: str, entry: Mapping[str, Any], kind: type) -> None:
    unknown = set(entry) - {field.name for field in fields(kind)}
    if unknown:
        raise ValueError(f"{where}: unknown {', '.join(sorted(unknown))}")
