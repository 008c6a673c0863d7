"""Reads ``deploy/compose.yml`` as an engine would: variables filled in, merges done."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml

from bot.app.settings import PROJECT_ROOT

DEPLOY = PROJECT_ROOT / "deploy"

_VARIABLE = re.compile(r"\$\{(\w+)(?:(:[?-])([^}]*))?\}")


class MissingVariableError(Exception):
    """A variable that compose demands has no value."""


def example() -> list[str]:
    """Return the names of ``example.env`` that must be given."""
    lines = (DEPLOY / "example.env").read_text("utf-8").splitlines()
    return [line.partition("=")[0] for line in lines if line and not line.startswith("#")]


def read(values: Mapping[str, str]) -> dict[str, Any]:
    """Return the compose file with `values` filled in.

    Raises:
        MissingVariableError: names the variable.
    """

    def fill(found: re.Match[str]) -> str:
        name, kind, rest = found.groups()
        if values.get(name):
            return values[name]
        if kind == ":-":
            return str(rest)
        raise MissingVariableError(name)

    text = (DEPLOY / "compose.yml").read_text("utf-8")
    code = "\n".join(line.split(" # ")[0] for line in text.splitlines() if not line.lstrip().startswith("#"))
    loaded: dict[str, Any] = yaml.safe_load(_VARIABLE.sub(fill, code))
    return loaded
