"""The facts of a response: what is declared, and how JSON becomes typed values."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation
from typing import Any

from persona.strategy.model import PARTS

#: The shop's time zone (Asia/Shanghai has had no daylight saving since 1991).
SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")

TYPES = ("text", "int", "money", "datetime", "date", "flag", "list", "rows", "clauses")
#: Types that a column of `rows` may have.
COLUMN_TYPES = ("text", "int", "money", "datetime", "date", "flag")

#: Columns of `clauses`, the statements of an answer from the shop's rules (:mod:`persona.wording.clauses`).
CLAUSE_COLUMNS = {"part": "text", "text": "text", "core": "flag"}

# Frames a fact in rendered text. Noncharacters: Unicode keeps them for such internal use.
OPEN, CLOSE = "\ufdd0", "\ufdd1"
_FRAMES = re.compile(f"[{OPEN}{CLOSE}]")


class FactError(ValueError):
    """A fact that does not fit its declaration; the message names the fact, never its value."""


class FactText(str):
    """Text that comes from a fact or a label, not from a writer."""

    __slots__ = ()


@dataclass(frozen=True)
class FactSpec:
    """How one fact is declared.

    Attributes:
        name: the variable in the texts.
        type: one of :data:`TYPES`.
        must: whether every style has to tell it.
        sample: the JSON value that checks render with.
        shows: pattern that the text must match instead of a form of the value (required for a
            `flag` that is a must); for a flag it counts while the flag is true.
        shows_false: the same while a flag is false; None demands nothing.
        columns: type of each column of `rows`; undeclared columns are text.
        key: column of `rows` whose value each row shows; None for the first column of the sample.
        cut: ``recommendations`` to cut rows or list to what the strategy recommends at most; ``untold``
            leaves of clauses those that the style did not tell at first.
        extra: kind of extra; told only in styles whose strategy lists it.
        where: flag; the fact must be told only where that is true.
    """

    name: str
    type: str
    must: bool
    sample: Any
    shows: str | None = None
    shows_false: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    key: str | None = None
    cut: str | None = None
    extra: str | None = None
    where: str | None = None

    @classmethod
    def from_yaml(cls, name: str, data: Any, *, must: bool) -> FactSpec:
        """Read one declaration; FactError says what is wrong with it."""
        if not name.isidentifier():
            raise FactError(f"fact {name!r}: the name must be an identifier")
        if not isinstance(data, dict):
            raise FactError(f"fact {name}: must be like {{type: text, sample: …}}")
        known = {"type", "sample", "shows", "shows_false", "columns", "key", "cut", "extra", "where"}
        if unknown := set(map(str, data)) - known:
            raise FactError(f"fact {name}: unknown field {', '.join(sorted(unknown))}")
        if data.get("type") not in TYPES:
            raise FactError(f"fact {name}: type must be one of {', '.join(TYPES)}, not {data.get('type')!r}")
        if "sample" not in data:
            raise FactError(f"fact {name}: sample is missing")
        for optional in ("shows", "shows_false", "key", "extra", "where"):
            if data.get(optional) is not None and not isinstance(data[optional], str):
                raise FactError(f"fact {name}: {optional} must be a text, not {data[optional]!r}")
        columns = data.get("columns", {})
        if not isinstance(columns, dict) or not all(isinstance(c, str) for c in columns):
            raise FactError(f"fact {name}: columns must map names to types")
        if data.get("cut") not in (None, "untold" if data["type"] == "clauses" else "recommendations"):
            raise FactError(f"fact {name}: cut can only be recommendations, or untold for clauses")
        spec = cls(name=name, must=must, **{k: data[k] for k in known & set(data)})
        spec._validate()
        return spec

    def _validate(self) -> None:
        for label, pattern in (("shows", self.shows), ("shows_false", self.shows_false)):
            try:
                re.compile(pattern or "")
            except (re.error, TypeError) as exc:
                raise FactError(f"fact {self.name}: {label} is no pattern ({exc})") from exc
        if self.must and self.type == "flag" and not self.shows:
            raise FactError(f"fact {self.name}: a flag that must be told needs shows: <pattern>")
        if self.extra and self.must:
            raise FactError(f"fact {self.name}: an extra belongs under may")
        if (self.columns or self.key) and self.type != "rows":
            raise FactError(f"fact {self.name}: columns and key belong to rows")
        if self.where and not self.must:
            raise FactError(f"fact {self.name}: where belongs under must")
        if self.cut and self.type not in ("rows", "list", "clauses"):
            raise FactError(f"fact {self.name}: only rows and lists can be cut")
        for column, kind in self.columns.items():
            if kind not in COLUMN_TYPES:
                raise FactError(f"fact {self.name}.{column}: type must be one of {', '.join(COLUMN_TYPES)}")
        parse(self, self.sample)

    def key_column(self) -> str | None:
        """Return the column that stands for a row, or None where the sample has no row."""
        return self.key or next(iter(self.sample[0]), None) if self.sample else self.key


def parse(spec: FactSpec, value: Any) -> Any:
    """Turn a JSON value into the typed value that texts and filters see.

    Raises:
        FactError: where the value does not fit the declared type.
    """
    if spec.type == "list":
        if isinstance(value, str) or not isinstance(value, Sequence):
            raise FactError(f"fact {spec.name}: is no list of text")
        return [_scalar(f"{spec.name}[{i}]", "text", item) for i, item in enumerate(value)]
    if spec.type in ("rows", "clauses"):
        if isinstance(value, str) or not isinstance(value, Sequence):
            raise FactError(f"fact {spec.name}: is no list of rows")
        if spec.type == "clauses":
            return _clauses(replace(spec, columns=CLAUSE_COLUMNS), value)
        return [_row(spec, i, row) for i, row in enumerate(value)]
    return _scalar(spec.name, spec.type, value)


def _clauses(spec: FactSpec, value: Sequence[Any]) -> list[dict[str, Any]]:
    rows = [_row(spec, i, row) for i, row in enumerate(value)]
    if not rows or not all(row["text"] and row["part"] in PARTS for row in rows):
        raise FactError(f"fact {spec.name}: must have statements with part and text")
    return [{**row, "core": row["core"] is not False} for row in rows]


def _row(spec: FactSpec, index: int, row: Any) -> dict[str, Any]:
    if not isinstance(row, Mapping):
        raise FactError(f"fact {spec.name}[{index}]: is no mapping")
    out: dict[str, Any] = {}
    for column, value in row.items():
        where = f"{spec.name}[{index}].{column}"
        if column in spec.columns:
            out[column] = None if value is None else _scalar(where, spec.columns[column], value)
        else:
            out[column] = _untyped(value)
    for column in spec.columns:
        out.setdefault(column, None)
    return out


def _untyped(value: Any) -> Any:
    if isinstance(value, str):
        return FactText(_FRAMES.sub("", value))
    if isinstance(value, Mapping):
        return {k: _untyped(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_untyped(v) for v in value]
    return value


def _scalar(where: str, kind: str, value: Any) -> Any:
    if kind == "text" and isinstance(value, str):
        return FactText(_FRAMES.sub("", value))
    if kind == "int" and isinstance(value, int) and not isinstance(value, bool):
        return value
    if kind == "flag" and isinstance(value, bool):
        return value
    if kind == "money":
        return to_money(value, where)
    if kind == "datetime":
        return to_datetime(value, where)
    if kind == "date":
        return to_date(value, where)
    raise FactError(f"fact {where}: is no {kind} but {type(value).__name__}")


def to_money(value: Any, where: str = "money") -> Decimal:
    """Return yuan with two digits from a JSON string, an int or a Decimal; FactError otherwise."""
    if isinstance(value, (str, int, Decimal)) and not isinstance(value, bool):
        try:
            amount = Decimal(value)
            if amount.is_finite():
                return amount.quantize(Decimal("0.01"))
        except InvalidOperation:
            pass
    raise FactError(f"fact {where}: is no money (a string like 89.00) but {type(value).__name__}")


def to_datetime(value: Any, where: str = "datetime") -> datetime:
    """Return an aware moment in the shop's time zone from ISO 8601; FactError without an offset."""
    moment = value
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value.replace("Z", "+00:00"))
        except ValueError as exc:
            raise FactError(f"fact {where}: is no ISO 8601 moment") from exc
    if not isinstance(moment, datetime):
        raise FactError(f"fact {where}: is no datetime but {type(value).__name__}")
    if moment.tzinfo is None:
        raise FactError(f"fact {where}: the moment has no time zone")
    return moment.astimezone(SHANGHAI)


def to_date(value: Any, where: str = "date") -> date:
    """Return a day from ISO 8601; FactError otherwise."""
    if isinstance(value, datetime):
        return to_datetime(value, where).date()
    if isinstance(value, date):
        return value
    if isinstance(value, str):
        try:
            return date.fromisoformat(value)
        except ValueError as exc:
            raise FactError(f"fact {where}: is no ISO 8601 day") from exc
    raise FactError(f"fact {where}: is no date but {type(value).__name__}")
