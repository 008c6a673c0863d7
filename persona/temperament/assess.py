"""Reads whole conversations from JSON lines: the form of ``zhixin assess``.

In, a line each::

    {"id": "c1", "turns": [{"text": "…", "who"?: "shopper" | "agent", "at"?: seconds since the epoch or ISO
    8601}], "history"?: {…}}

``history`` is the record of :class:`persona.temperament.types.History`; fields of the line that are not
named here are ignored. Out, a line
each: ``{"id", "turns": [{"temperament", "probabilities", "evidence", "mood"}]}``, one entry after each
shopper turn, in order. The evidence of the history stands in the first entry.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import Any

from persona.temperament.reader import Reader
from persona.temperament.types import History, Reading, Turn

#: How many turns before a message are handed on as context.
CONTEXT_TURNS = 3

_DIGITS = 6

#: A time without a zone is the shop's.
SHOP_ZONE = timezone(timedelta(hours=8))


@dataclass(frozen=True)
class Conversation:
    """A parsed line: `id` as given, the turns, the history or None."""

    id: str | int
    turns: tuple[Turn, ...]
    history: History | None = None


@dataclass(frozen=True)
class AssessResult:
    """The reading of one line.

    Attributes:
        line: number of the line, from 1.
        id: the id given.
        readings: after each shopper turn, in order.
    """

    line: int
    id: str | int
    readings: tuple[Reading, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the line that ``zhixin assess`` prints."""
        return to_json(self.id, self.readings)


@dataclass(frozen=True)
class BadLine:
    """A line that could not be read: its number, from 1, and why, in one sentence."""

    line: int
    reason: str


def assess_lines(lines: Iterable[str], reader: Reader) -> Iterator[AssessResult | BadLine]:
    """Yield a result or a complaint for each line that is not blank; a bad line does not stop the rest."""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            conversation = parse(line)
        except ValueError as exc:
            yield BadLine(number, str(exc))
            continue
        yield AssessResult(number, conversation.id, readings(conversation, reader))


def to_json(name: str | int, turns: Iterable[Reading]) -> dict[str, Any]:
    """Return what ``zhixin assess`` prints for one conversation."""
    return {"id": name, "turns": [_turn_json(reading) for reading in turns]}


def readings(conversation: Conversation, reader: Reader) -> tuple[Reading, ...]:
    """Read a conversation; one reading after each shopper turn."""
    belief, told = (None, ())
    if conversation.history is not None:
        belief, told = reader.prior(conversation.history)  # type: ignore[assignment]
    out: list[Reading] = []
    for i, turn in enumerate(conversation.turns):
        if turn.who != "shopper":
            continue
        context = conversation.turns[max(0, i - CONTEXT_TURNS) : i]
        reading = reader.read(turn.text, belief=belief, context=context, at=turn.at)
        belief = reading.belief
        if not out:
            reading = replace(reading, evidence=(*told, *reading.evidence))
        out.append(reading)
    return tuple(out)


def parse(line: str) -> Conversation:
    """Parse and check a line; ValueError says in one sentence what is wrong."""
    try:
        data = json.loads(line, parse_constant=_no_constant)
    except RecursionError as exc:
        raise ValueError("JSON nested too deeply") from exc
    except ValueError as exc:
        raise ValueError(f"not JSON: {exc}") from exc
    if not isinstance(data, dict):
        raise ValueError(f"a line must be an object, not {_kind(data)}")
    return conversation(data)


def conversation(data: Mapping[str, Any]) -> Conversation:
    """Check the object of a line; ValueError says in one sentence what is wrong."""
    name = data.get("id")
    if not isinstance(name, (str, int)) or isinstance(name, bool):
        raise ValueError("id is missing" if "id" not in data else f"id must be a string, not {_kind(name)}")
    turns = data.get("turns")
    if not isinstance(turns, list):
        raise ValueError(
            "turns is missing" if "turns" not in data else f"turns must be a list, not {_kind(turns)}"
        )
    history = data.get("history")
    if history is not None and not isinstance(history, dict):
        raise ValueError(f"history must be an object, not {_kind(history)}")
    return Conversation(
        id=name,
        turns=tuple(_turn(turn, i) for i, turn in enumerate(turns)),
        history=History.from_json(history) if history is not None else None,
    )


def _turn(data: Any, i: int) -> Turn:
    if not isinstance(data, dict):
        raise ValueError(f"turns[{i}] must be an object, not {_kind(data)}")
    text, who = data.get("text"), data.get("who", "shopper")
    if not isinstance(text, str):
        raise ValueError(
            f"turns[{i}].text is missing"
            if "text" not in data
            else f"turns[{i}].text must be a string, not {_kind(text)}"
        )
    if who not in ("shopper", "agent"):
        raise ValueError(f"turns[{i}].who must be shopper or agent")
    return Turn(text, who, _time(data.get("at"), i))


def _time(value: Any, i: int) -> float | None:
    if value is None:
        return None
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value.strip().replace("Z", "+00:00"))
            return (moment if moment.tzinfo else moment.replace(tzinfo=SHOP_ZONE)).timestamp()
        except (ValueError, OverflowError):
            pass
    raise ValueError(f"turns[{i}].at must be seconds since the epoch or an ISO 8601 time")


def _turn_json(reading: Reading) -> Mapping[str, Any]:
    return {
        "temperament": reading.temperament.value if reading.temperament else None,
        "probabilities": _exact({kind.value: p for kind, p in reading.probabilities.items()}),
        "evidence": [item.to_json() for item in reading.evidence],
        "mood": reading.mood.value,
    }


def _exact(shares: Mapping[str, float]) -> dict[str, float]:
    """Round, and let the largest share take what rounding left, so that they sum to 1."""
    rounded = {name: round(share, _DIGITS) for name, share in shares.items()}
    largest = max(rounded, key=lambda name: rounded[name])
    rest = sum(share for name, share in rounded.items() if name != largest)
    rounded[largest] = round(1.0 - rest, _DIGITS)
    return rounded


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _kind(value: Any) -> str:
    names = {
        dict: "object",
        list: "list",
        str: "string",
        bool: "boolean",
        int: "number",
        float: "number",
        type(None): "null",
    }
    return names.get(type(value), type(value).__name__)
