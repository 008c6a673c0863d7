"""Rows of the lists and messages of the transcript as HTML: what looks as it did is not made again."""

from __future__ import annotations

from collections import OrderedDict
from functools import lru_cache
from typing import Any

import jinja2
from markupsafe import Markup

from bot.desk.bubbles import Bubble
from bot.desk.listing import Item

#: What is kept at most, of all agents; a row has less than two kilobytes, a message about one.
_MOST_ROWS = 5_000
_MOST_SAID = 10_000


class Rows:
    """Makes rows by the macro ``row`` of ``queue_parts.html``.

    A row is a function of its item alone: what depends on who looks and on the present is part of that, so
    that the item is a complete key, and nothing has to be told that a row is stale.

    Args:
        environment: holds the template, and all that the macro uses as globals and filters.
    """

    def __init__(self, environment: jinja2.Environment) -> None:
        self._environment = environment
        self._made = lru_cache(maxsize=_MOST_ROWS)(self._make)

    def __call__(self, item: Item, compact: bool = False) -> Markup:
        """Return the row, `compact` as it stands beside a conversation."""
        return self._made(item, compact)

    def _make(self, item: Item, compact: bool) -> Markup:
        row: Markup = _macro(self._environment, "queue_parts.html", "row")(item, compact)
        return row


class Said:
    """Makes messages by the macro ``said`` of ``said_parts.html``; the bubble's key holds all of its look.

    A message whose personal data were opened on purpose is not kept.

    Args:
        environment: as of :class:`Rows`.
    """

    def __init__(self, environment: jinja2.Environment) -> None:
        self._environment = environment
        self._kept: OrderedDict[bytes, Markup] = OrderedDict()

    def __call__(self, bubble: Bubble) -> Markup:
        """Return the message."""
        found = self._kept.get(bubble.key)
        if found is not None:
            self._kept.move_to_end(bubble.key)
            return found
        made: Markup = _macro(self._environment, "said_parts.html", "said")(bubble)
        if not bubble.revealed:
            self._kept[bubble.key] = made
            if len(self._kept) > _MOST_SAID:
                self._kept.popitem(last=False)
        return made


def _macro(environment: jinja2.Environment, template: str, name: str) -> Any:
    return getattr(environment.get_template(template).module, name)
