"""Misbehaviour on demand: what a reference backend does wrong, and how long.

A fault is words separated by commas, several faults are separated by semicolons:

* ``slow=2``: answer so many seconds later;
* ``status=500`` (with ``retry_after=3``): do nothing and answer that; with ``done``, do it first;
* ``lost``: do it, then cut the connection; ``down``: cut it before anything is done;
* ``half``: send half of the answer and cut the connection;
* ``garbage``, ``html``, ``huge``, ``redirect``: send that instead of an answer;
* ``types``: send all money as numbers; ``spoil=<path>:<how>``: spoil one field, e.g. ``spoil=total:number``,
  ``spoil=items.*.state:unknown``; how is one of number, text, null, drop, naive, unknown, short, list;
* ``duplicate``: do it twice, as a proxy that repeats requests would;
* ``skew=3600``: tell a time that is so many seconds off;
* ``deny``: refuse the credentials; ``open``: let everybody in;
* ``only=<operation>|<operation>`` and ``times=3`` say where, and how often.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

_FLAGS = frozenset(
    {"lost", "down", "half", "garbage", "html", "huge", "redirect", "types", "duplicate", "done"}
    | {"deny", "open"}
)
_SPOILED = frozenset({"number", "text", "null", "drop", "naive", "unknown", "short", "list"})


@dataclass(frozen=True)
class ServerFault:
    """One fault; see the module."""

    flags: frozenset[str] = frozenset()
    slow_s: float = 0.0
    status: int = 0
    retry_after: str = ""
    skew_s: float = 0.0
    spoil: tuple[tuple[str, str], ...] = ()
    only: frozenset[str] = frozenset()
    times: int | None = None

    @classmethod
    def read(cls, text: str) -> ServerFault:
        """Read one fault.

        Raises:
            ValueError: says which word is not known.
        """
        fault = cls()
        for word in filter(None, (part.strip() for part in text.split(","))):
            fault = fault._with(word)
        return fault

    def _with(self, word: str) -> ServerFault:
        name, _, value = word.partition("=")
        if name in _FLAGS and not value:
            return replace(self, flags=self.flags | {name})
        if name == "spoil":
            path, _, how = value.rpartition(":")
            if not path or how not in _SPOILED:
                raise ValueError(f"{word!r}: spoil=<path>:<{'|'.join(sorted(_SPOILED))}> is wanted")
            return replace(self, spoil=(*self.spoil, (path, how)))
        readers: dict[str, Callable[[], ServerFault]] = {
            "slow": lambda: replace(self, slow_s=float(value)),
            "status": lambda: replace(self, status=int(value)),
            "retry_after": lambda: replace(self, retry_after=value),
            "skew": lambda: replace(self, skew_s=float(value)),
            "only": lambda: replace(self, only=frozenset(value.split("|"))),
            "times": lambda: replace(self, times=int(value)),
        }
        if name not in readers:
            raise ValueError(f"{word!r} is no fault that is known")
        try:
            return readers[name]()
        except ValueError:
            raise ValueError(f"{word!r}: a number is wanted") from None

    def and_also(self, other: ServerFault) -> ServerFault:
        """Return what goes wrong where both are on."""
        return replace(
            self,
            flags=self.flags | other.flags,
            slow_s=self.slow_s + other.slow_s,
            status=other.status or self.status,
            retry_after=other.retry_after or self.retry_after,
            skew_s=self.skew_s + other.skew_s,
            spoil=self.spoil + other.spoil,
        )

    def __contains__(self, flag: str) -> bool:
        """Say whether a word is among the flags."""
        return flag in self.flags


@dataclass
class FaultBook:
    """The faults that are switched on; those with a number of times end by themselves."""

    faults: list[ServerFault] = field(default_factory=list)
    text: str = ""

    def switch(self, text: str) -> None:
        """Replace all faults; "" ends them.

        Raises:
            ValueError: a word is not known; nothing was changed.
        """
        self.faults = [ServerFault.read(part) for part in text.split(";") if part.strip()]
        self.text = text

    def of(self, operation: str) -> ServerFault:
        """Return all that goes wrong with this call, in one, and count it."""
        whole = ServerFault()
        for at, fault in enumerate(self.faults):
            if (fault.only and operation not in fault.only) or fault.times == 0:
                continue
            if fault.times is not None:
                self.faults[at] = replace(fault, times=fault.times - 1)
            whole = whole.and_also(fault)
        return whole


def spoiled(answer: Any, path: str, how: str) -> Any:
    """Return an answer with one field made wrong; a path that leads nowhere changes nothing."""
    return _spoil(answer, path.split("."), how)


def _spoil(value: Any, path: list[str], how: str) -> Any:
    if not path:
        return _WRONG[how](value)
    head, rest = path[0], path[1:]
    if isinstance(value, list):
        wanted = range(len(value)) if head == "*" else [int(head)] if head.isdigit() else []
        return [_spoil(item, rest, how) if at in wanted else item for at, item in enumerate(value)]
    if not isinstance(value, dict) or head not in value:
        return value
    if how == "drop" and not rest:
        return {name: item for name, item in value.items() if name != head}
    return {**value, head: _spoil(value[head], rest, how)}


def money_as_numbers(answer: Any) -> Any:
    """Return an answer whose amounts are numbers, as most backends send them at first."""
    if isinstance(answer, dict):
        return {name: money_as_numbers(item) for name, item in answer.items()}
    if isinstance(answer, list):
        return [money_as_numbers(item) for item in answer]
    if isinstance(answer, str) and answer.count(".") == 1 and answer.replace(".", "").isdigit():
        return float(answer)
    return answer


def _number(value: Any) -> Any:
    try:
        return float(value)
    except (TypeError, ValueError):
        return 7


_WRONG: dict[str, Callable[[Any], Any]] = {
    "number": _number,
    "text": lambda value: "7" if not isinstance(value, str) else "spoiled",
    "null": lambda value: None,
    "drop": lambda value: value,
    "naive": lambda value: str(value)[:19],
    "unknown": lambda value: "no_such_code",
    "short": lambda value: str(value)[:-1],
    "list": lambda value: [value],
}
