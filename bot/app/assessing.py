"""One line of `zhixin assess`: a conversation in, the reading after each shopper turn out."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from persona.temperament.types import History, Turn

if TYPE_CHECKING:
    from persona.temperament.reader import Reader
    from persona.temperament.types import Belief, Evidence

_DIGITS = 6


def assess(reader: Reader, line: dict[str, Any]) -> dict[str, Any]:
    """Read the conversation of one line.

    Args:
        reader: the engine.
        line: ``{"id", "turns": [{"text", "who"?, "at"?}], "history"?}``; `at` is ISO 8601 or seconds
            since the epoch.

    Returns:
        ``{"id", "turns"}`` with one reading for each shopper turn, in order.

    Raises:
        KeyError, TypeError, ValueError: the line has another form.
    """
    turns = _turns(line["turns"])
    belief: Belief | None = None
    pending: tuple[Evidence, ...] = ()
    if line.get("history") is not None:
        if not isinstance(line["history"], dict):
            raise TypeError("history must be an object")
        belief, pending = reader.prior(History.from_json(line["history"]))
    readings = []
    for number, turn in enumerate(turns):
        if turn.who != "shopper":
            continue
        reading = reader.read(
            turn.text, belief=belief, context=turns[max(0, number - 8) : number], at=turn.at
        )
        belief = reading.belief
        data = reading.to_json()
        data["probabilities"] = _exact({t.value: p for t, p in reading.probabilities.items()})
        data["evidence"] = [e.to_json() for e in pending] + data["evidence"]
        pending = ()  # what history says is told once, with the first reading
        readings.append(data)
    return {"id": line["id"], "turns": readings}


def _turns(raw: Any) -> list[Turn]:
    if not isinstance(raw, list):
        raise TypeError("turns must be a list")
    turns = []
    for number, item in enumerate(raw, start=1):
        if not isinstance(item, dict) or not isinstance(item.get("text"), str):
            raise TypeError(f"turn {number} must be an object with a text")
        who = item.get("who") or "shopper"
        if who not in ("shopper", "agent"):
            raise ValueError(f"turn {number}: who must be shopper or agent, not {who!r}")
        turns.append(Turn(item["text"], who, _moment(item.get("at"), number)))
    return turns


def _moment(at: Any, number: int) -> float | None:
    if at is None:
        return None
    if isinstance(at, int | float) and not isinstance(at, bool):
        return float(at)
    if isinstance(at, str):
        try:
            return datetime.fromisoformat(at.replace("Z", "+00:00")).timestamp()
        except ValueError:
            pass
    raise ValueError(f"turn {number}: at must be ISO 8601 or seconds since the epoch")


def _exact(shares: dict[str, float]) -> dict[str, float]:
    """Round, and let the largest share take what rounding left, so that they sum to 1."""
    rounded = {name: round(share, _DIGITS) for name, share in shares.items()}
    largest = max(rounded, key=lambda name: rounded[name])
    rest = sum(share for name, share in rounded.items() if name != largest)
    rounded[largest] = round(1.0 - rest, _DIGITS)
    return rounded
