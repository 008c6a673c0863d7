"""What every table of the shop is built on."""

from __future__ import annotations

from enum import Enum

from sqlalchemy import CheckConstraint
from sqlalchemy.orm import declarative_base

Base = declarative_base()


def one_of(column: str, kind: type[Enum]) -> CheckConstraint:
    """Return a constraint that admits the values of an enum alone; its name is made of both."""
    values = ", ".join(f"'{member.value}'" for member in kind)
    return CheckConstraint(f"{column} IN ({values})", name=f"ck_{kind.__name__.lower()}_{column}")
