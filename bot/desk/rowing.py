"""Rows of the lists as HTML: one that looks as it did is not made again."""

from __future__ import annotations

from functools import lru_cache
from typing import cast

import jinja2
from markupsafe import Markup

from bot.desk.listing import Item

#: Rows that are kept, of all agents and lists; one has less than two kilobytes.
_MOST = 5_000


class Rows:
    """Makes rows by the macro ``row`` of ``queue_parts.html``.

    A row is a function of its item alone: what depends on who looks and on the present is part of that, so
    that the item is a complete key, and nothing has to be told that a row is stale.

    Args:
        environment: holds the template, and all that the macro uses as globals and filters.
    """

    def __init__(self, environment: jinja2.Environment) -> None:
        self._environment = environment
        self._made = lru_cache(maxsize=_MOST)(self._make)

    def __call__(self, item: Item, compact: bool = False) -> Markup:
        """Return the row, `compact` as it stands beside a conversation."""
        return self._made(item, compact)

    def _make(self, item: Item, compact: bool) -> Markup:
        parts = self._environment.get_template("queue_parts.html").module
        return cast(Markup, parts.row(item, compact))  # type: ignore[attr-defined]
