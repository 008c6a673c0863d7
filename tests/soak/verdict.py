"""Audits the books after a soak: record, shop and what each shopper saw."""

from __future__ import annotations

import contextlib
import re
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from bot.conversation.words import APOLOGY
from tests.soak.shoppers import SoakShopper

_ORDER_NUMBER = re.compile(r"(?<!\d)\d{12}(?!\d)")


@dataclass(frozen=True)
class Ownership:
    """Whose is what in the shop: what is private -> the customer whose it is."""

    orders: Mapping[str, str]
    parcels: Mapping[str, str]

    @classmethod
    def read(cls, shop: Path) -> Ownership:
        """Read the shop's own tables."""
        with contextlib.closing(sqlite3.connect(shop)) as db:
            orders = dict(db.execute("SELECT order_number, customer_id FROM orders"))
            parcels = {
                tracking: orders[number]
                for number, tracking in db.execute("SELECT order_number, tracking_number FROM shipments")
            }
        return cls(orders, parcels)


def apologies(record: Path, conversation_id: str) -> frozenset[int]:
    """Return which replies of a conversation are the apology for an answer that could not be had."""
    question = "SELECT seq FROM messages WHERE conversation_id = ? AND code = ?"
    with contextlib.closing(sqlite3.connect(record)) as db:
        return frozenset(seq for (seq,) in db.execute(question, (conversation_id, APOLOGY)))


def unanswered_or_twice(
    shopper: SoakShopper, history: list[dict[str, Any]], sorry: frozenset[int]
) -> Iterator[str]:
    """Yield what is wrong with the answers: each accepted message has exactly one, told in one piece.

    Args:
        shopper: whose.
        history: the conversation as the front has it.
        sorry: which of its replies are apologies.
    """
    stored = Counter(m["message_id"] for m in history if m["author"] == "shopper")
    for sent in shopper.sent:
        where = f"{shopper.name} {sent.message_id}"
        if not sent.accepted:
            yield f"{where} was never accepted"
            continue
        if stored[sent.message_id] != 1:
            yield f"{where} is stored {stored[sent.message_id]} times"
        pieces = list(_answers(history, sent.message_id, sorry))
        if len(pieces) != 1:
            yield f"{where} has {len(pieces)} answers: {pieces}"
    order = [m["message_id"] for m in history if m["author"] == "shopper"]
    answered = [m["in_reply_to"] for m in history if _is_answer(m) and m["in_reply_to"] in stored]
    first = [message_id for message_id, _ in groupby(answered)]
    if first != [message_id for message_id in order if message_id in set(first)]:
        yield f"{shopper.name} was answered out of order"


def _answers(history: list[dict[str, Any]], message_id: str, sorry: frozenset[int]) -> Iterator[list[str]]:
    """Yield the answers to a message: runs of the bot's replies without a gap, else the apology.

    "Still looking" is no answer; an apology is one only where the bot never said anything.
    """
    mine = [m for m in history if m.get("in_reply_to") == message_id and m["author"] != "shopper"]
    said = [m for m in mine if _is_answer(m)]
    if not said:
        yield from ([str(m["text"])] for m in mine if m["seq"] in sorry)
        return
    run: list[dict[str, Any]] = []
    for message in said:
        if run and message["seq"] != run[-1]["seq"] + 1:
            yield [str(m["text"]) for m in run]
            run = []
        run.append(message)
    yield [str(m["text"]) for m in run]


def _is_answer(message: Mapping[str, Any]) -> bool:
    return bool(message["author"] == "bot" and message["type"] != "notice")


def leaks(shopper: SoakShopper, history: Iterable[Mapping[str, Any]], whose: Ownership) -> Iterator[str]:
    """Yield what the shopper was shown of other customers."""
    for message in history:
        if message["author"] == "shopper":
            continue
        shown = repr(message)
        private = {number: whose.orders.get(number) for number in _ORDER_NUMBER.findall(shown)}
        private |= {number: owner for number, owner in whose.parcels.items() if number in shown}
        for number, owner in private.items():
            if owner is not None and owner != shopper.customer_id:
                yield f"{shopper.name} ({shopper.customer_id}) saw {number} of {owner} in {message['seq']}"


def done_twice(shop: Path) -> Iterator[str]:
    """Yield writes that the shop holds more than once: refunds, urges, keys."""
    open_states = "('submitted', 'approved', 'received')"
    questions = {
        "open requests of one order": "SELECT order_number, count(*) FROM after_sales "
        f"WHERE state IN {open_states} GROUP BY order_number HAVING count(*) > 1",
        "refunds of one cancelled order": "SELECT order_number, count(*) FROM after_sales "
        "WHERE kind = 'refund' AND reason = 'changed_mind' GROUP BY order_number HAVING count(*) > 1",
        "urges of one order within the hour": "SELECT a.order_number, count(*) FROM urges a JOIN urges b "
        "ON a.order_number = b.order_number AND a.at < b.at "
        "AND julianday(b.at) - julianday(a.at) < 1 / 24.0 GROUP BY 1",
    }
    with contextlib.closing(sqlite3.connect(shop)) as db:
        for what, question in questions.items():
            for number, count in db.execute(question):
                yield f"{what} {number}: {count}"


def writes_done(shop: Path) -> int:
    """Return how many writes the shop has done under a key."""
    with contextlib.closing(sqlite3.connect(shop)) as db:
        return int(db.execute("SELECT count(*) FROM writes").fetchone()[0])


def left_open(record: Path) -> Iterator[str]:
    """Yield conversations that the record still owes an answer, or that somebody still holds a lease of."""
    with contextlib.closing(sqlite3.connect(record)) as db:
        for cid, pending in db.execute("SELECT id, pending FROM conversations WHERE pending > 0"):
            yield f"{cid} waits for {pending} answers"
