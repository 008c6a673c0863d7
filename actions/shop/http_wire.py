"""Turns the shop's dataclasses into JSON and back, driven by their types alone.

On the wire: money is a string with two places, a moment is RFC 3339 with its offset, a date ``YYYY-MM-DD``,
an enum its value, a tuple an array. Decoding is strict about what could mislead a shopper (a float for money,
a moment without an offset, an unknown state) and names the field; unknown fields are ignored, so that a
backend may say more; a field that may be None, or has a default, may be left out.
"""

from __future__ import annotations

import json
import math
import re
import types
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints
from zoneinfo import ZoneInfo

from actions.shop.errors import ShopGarbledError
from actions.shop.models import Product

SHANGHAI = ZoneInfo("Asia/Shanghai")

#: Decimals that are no money: as many places as they have.
SCORES = frozenset({(Product, "rating")})

_Decoder = Callable[[Any, str], Any]
_Encoder = Callable[[Any], Any]

_MONEY = re.compile(r"\d{1,12}(?:\.\d{1,2})?", re.ASCII)
_CENT = Decimal("0.01")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_MOMENT = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt](\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?(?:([Zz])|([+-])(\d{2}):(\d{2}))", re.ASCII
)
_LONGEST_WHOLE = 2**53  # JSON's numbers are exact up to here for every reader
_NAMES: dict[type, str] = {
    dict: "an object",
    list: "an array",
    str: "a string",
    bool: "true or false",
    int: "a number",
    float: "a number",
    type(None): "null",
}


def kind_of(value: Any) -> str:
    """Return what a JSON value is, in words, without saying it."""
    return _NAMES.get(type(value), type(value).__name__)


def dumps(value: Any) -> bytes:
    """Return a dataclass, or JSON's own types, as the bytes of a JSON text."""
    return json.dumps(encode(value), ensure_ascii=False, separators=(",", ":")).encode()


def loads(body: bytes) -> Any:
    """Read a JSON text.

    Raises:
        ShopGarbledError: it is none, is nested too deeply, or holds numbers that JSON does not know.
    """

    def refuse(name: str) -> Any:
        raise ValueError(name)

    try:
        return json.loads(body.decode("utf-8"), parse_constant=refuse)
    except (ValueError, RecursionError):
        raise ShopGarbledError("the answer is no JSON text in UTF-8") from None


def encode(value: Any) -> Any:
    """Return a value as JSON carries it."""
    if is_dataclass(value) and not isinstance(value, type):
        return _encoder(type(value))(value)
    if isinstance(value, list | tuple):
        return [encode(item) for item in value]
    if isinstance(value, dict):
        return {str(key): encode(item) for key, item in value.items()}
    return _plain(value)


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Decimal):
        return money(value)
    return value.isoformat() if isinstance(value, date) else value


def money(value: Decimal) -> str:
    """Return an amount of yuan as the wire carries it."""
    return str(value.quantize(_CENT))


def decode(kind: Any, value: Any, path: str = "") -> Any:
    """Read a value of a type (a dataclass, ``tuple[Order, ...]``, ``Decimal`` …) from JSON.

    Raises:
        ShopGarbledError: names the field that is missing or not what it must be.
    """
    return decoder(kind)(value, path)


@cache
def decoder(kind: Any) -> _Decoder:
    """Return what reads a type; built once, for an order is read in nearly every turn."""
    if kind in _SIMPLE:
        return _SIMPLE[kind]
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return _optional(kind)
    if origin is tuple:
        return _array(kind)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _choice(kind)
    if is_dataclass(kind):
        return _object(kind)
    raise TypeError(f"no way to read {kind!r} from JSON")


def _optional(kind: Any) -> _Decoder:
    (inner,) = (part for part in get_args(kind) if part is not type(None))
    read = decoder(inner)
    return lambda value, path: None if value is None else read(value, path)


def _array(kind: Any) -> _Decoder:
    parts = get_args(kind)
    if len(parts) == 2 and parts[1] is Ellipsis:
        read = decoder(parts[0])

        def many(value: Any, path: str) -> Any:
            if type(value) is not list:
                raise ShopGarbledError(f"an array is wanted, not {kind_of(value)}", path)
            return tuple([read(item, f"{path}[{at}]") for at, item in enumerate(value)])

        return many
    readers = [decoder(part) for part in parts]

    def row(value: Any, path: str) -> Any:
        if type(value) is not list or len(value) != len(readers):
            raise ShopGarbledError(f"an array of {len(readers)} is wanted", path)
        return tuple(
            [read(item, f"{path}[{at}]") for at, (read, item) in enumerate(zip(readers, value, strict=True))]
        )

    return row


def _choice(kind: type[Enum]) -> _Decoder:
    members: dict[Any, Enum] = {member.value: member for member in kind}
    wanted = ", ".join(members)

    def read(value: Any, path: str) -> Any:
        found = members.get(value) if type(value) is str else None
        if found is None:
            raise ShopGarbledError(f"one of {wanted} is wanted", path)
        return found

    return read


def _object(kind: Any) -> _Decoder:
    hints = get_type_hints(kind)
    plan = [
        (
            field.name,
            _score if (kind, field.name) in SCORES else decoder(hints[field.name]),
            may_be_left_out(field, hints[field.name]),
            field.default is MISSING and field.default_factory is MISSING,
        )
        for field in fields(kind)
    ]

    def read(value: Any, path: str) -> Any:
        if type(value) is not dict:
            raise ShopGarbledError(f"an object is wanted, not {kind_of(value)}", path)
        found = {}
        for name, one, optional, no_default in plan:
            where = f"{path}.{name}" if path else name
            if name in value:
                found[name] = one(value[name], where)
            elif not optional:
                raise ShopGarbledError("is missing", where)
            elif no_default:
                found[name] = None
        return kind(**found)

    return read


def may_be_left_out(field: Any, hint: Any) -> bool:
    """Say whether an answer may lack a field: it may be None, or has a default."""
    has_default = field.default is not MISSING or field.default_factory is not MISSING
    return has_default or type(None) in get_args(hint)


def _text(value: Any, path: str) -> str:
    if type(value) is not str:
        raise ShopGarbledError(f"a string is wanted, not {kind_of(value)}", path)
    if not value.isascii() or "\0" in value:
        try:
            value.encode()
        except UnicodeEncodeError:
            raise ShopGarbledError("holds half a character (a lone surrogate)", path) from None
        if "\0" in value:
            raise ShopGarbledError("holds a NUL character", path)
    return value


def _whole(value: Any, path: str) -> int:
    if type(value) is float and value.is_integer():  # JSON Schema counts 3.0 among the whole numbers
        value = int(value)
    if type(value) is not int:
        raise ShopGarbledError(f"a whole number is wanted, not {kind_of(value)}", path)
    if abs(value) > _LONGEST_WHOLE:
        raise ShopGarbledError("the number is out of range", path)
    return value


def _real(value: Any, path: str) -> float:
    if type(value) not in (int, float) or not abs(value) <= _LONGEST_WHOLE or not math.isfinite(value):
        raise ShopGarbledError(f"a number is wanted, not {kind_of(value)}", path)
    return float(value)


def _flag(value: Any, path: str) -> bool:
    if type(value) is not bool:
        raise ShopGarbledError(f"true or false is wanted, not {kind_of(value)}", path)
    return value


def _amount(value: Any, path: str) -> Decimal:
    if type(value) is not str:
        raise ShopGarbledError(f'money is a string like "89.00", not {kind_of(value)}', path)
    if not _MONEY.fullmatch(value):
        raise ShopGarbledError('money is a string like "89.00": digits and two places', path)
    return Decimal(value).quantize(_CENT)


def _score(value: Any, path: str) -> Decimal:
    if type(value) is not str or not re.fullmatch(r"\d{1,3}(\.\d{1,2})?", value, re.ASCII):
        raise ShopGarbledError('a score is a string like "4.8"', path)
    return Decimal(value)


def _day(value: Any, path: str) -> date:
    if type(value) is str and _DATE.fullmatch(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise ShopGarbledError("a date like 2026-11-20 is wanted", path)


def moment(value: Any, path: str = "") -> datetime:
    """Read a moment; it comes back in the shop's time zone.

    Raises:
        ShopGarbledError: it is none, or has no offset.
    """
    found = _MOMENT.fullmatch(value) if type(value) is str else None
    if found:
        day, clock, fraction, _, sign, hours, minutes = found.groups()
        offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
        try:
            naive = datetime.fromisoformat(f"{day}T{clock}")
            zone = timezone(-offset if sign == "-" else offset)
            micros = int((fraction or "0").ljust(6, "0")[:6])
            return naive.replace(microsecond=micros, tzinfo=zone).astimezone(SHANGHAI)
        except (ValueError, OverflowError):
            pass
    raise ShopGarbledError("a moment with its offset is wanted, like 2026-11-20T14:30:00+08:00", path)


_SIMPLE: dict[Any, _Decoder] = {
    str: _text,
    int: _whole,
    float: _real,
    bool: _flag,
    Decimal: _amount,
    date: _day,
    datetime: moment,
}


@cache
def _encoder(kind: Any) -> _Encoder:
    names = [(field.name, (kind, field.name) in SCORES) for field in fields(kind)]

    def write(value: Any) -> Any:
        return {
            name: str(getattr(value, name)) if score else encode(getattr(value, name))
            for name, score in names
        }

    return write
