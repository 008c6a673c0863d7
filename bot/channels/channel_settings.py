"""Reads a platform's settings: ``ZHIXIN_<NAME>_<FIELD>`` into the frozen dataclass of its module."""

from __future__ import annotations

import importlib
import pkgutil
import re
import typing
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from types import ModuleType
from typing import Any

from bot.channels import platforms
from bot.channels.base import Platform, SettingsProblem, Tools

_NAME = re.compile(r"[a-z][a-z0-9_]{1,15}")


@dataclass(frozen=True)
class Kind:
    """A platform that can be switched on."""

    name: str
    settings: type[Any]
    make: Callable[[Any, Tools], Platform]


def known() -> tuple[str, ...]:
    """Return the names of all platforms."""
    return tuple(sorted(found.name for found in pkgutil.iter_modules(platforms.__path__)))


def kind(name: str) -> Kind:
    """Return a platform by its name; SettingsProblem where there is none."""
    if not _NAME.fullmatch(name) or name not in known():
        raise SettingsProblem(f"ZHIXIN_CHANNELS: there is no channel {name!r}; known: {', '.join(known())}")
    module: ModuleType = importlib.import_module(f"{platforms.__name__}.{name}")
    return Kind(name, module.Settings, module.make)


def variable(name: str, key: str) -> str:
    """Return the variable of a platform's setting."""
    return f"ZHIXIN_{name}_{key}".upper()


def variables(name: str) -> tuple[str, ...]:
    """Return all variables of a platform."""
    return tuple(variable(name, field.name) for field in fields(kind(name).settings))


def read(name: str, environ: Mapping[str, str]) -> Any:
    """Return the platform's settings, checked.

    A field is a ``str``, ``int``, ``float``, ``bool`` (on, off) or ``tuple[str, ...]`` (separated by commas);
    one without default must be given. Where the class has ``problems()``, its sentences are raised too.

    Raises:
        SettingsProblem: names everything that is wrong at once.
    """
    shape = kind(name).settings
    hints = typing.get_type_hints(shape)
    wrong: list[str] = []
    values: dict[str, Any] = {}
    for field in fields(shape):
        label = variable(name, field.name)
        text = environ.get(label, "").strip()
        if not text:
            if field.default is MISSING and field.default_factory is MISSING:
                wrong.append(f"{label} is not set")
            continue
        try:
            values[field.name] = _parse(hints[field.name], text)
        except ValueError as exc:
            wrong.append(f"{label}: {exc}")
    if wrong:
        raise SettingsProblem(*wrong)
    try:
        settings = shape(**values)
    except ValueError as exc:
        raise SettingsProblem(*(f"ZHIXIN_{name.upper()}_…: {arg}" for arg in exc.args)) from None
    try:
        said = tuple(settings.problems()) if hasattr(settings, "problems") else ()
    except ValueError as exc:  # of a platform of one's own: no reason for a trace
        said = (f"ZHIXIN_{name.upper()}_…: {exc}",)
    if said:
        raise SettingsProblem(*said)
    return settings


def _parse(shape: Any, text: str) -> Any:
    if shape is bool:
        if text.lower() not in ("on", "off"):
            raise ValueError("must be on or off")
        return text.lower() == "on"
    if shape in (int, float):
        try:
            return shape(text)
        except ValueError:
            raise ValueError("must be a number") from None
    if shape is str:
        return text
    return tuple(part.strip() for part in text.split(",") if part.strip())
