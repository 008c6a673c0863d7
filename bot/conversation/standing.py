"""Steps that are offered at all times: the widget's shortcuts, and what its cards lead on to.

They are taps like those of offered buttons: no words of the shopper, so nothing about her temperament can be
read from them. Whose order it is that a step names, and whether a product is for sale, is checked by the
action, as with what is typed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from bot.conversation.types import OutButton

_FILE = Path(__file__).with_name("standing.yml")
_ID = re.compile(r"menu-(?P<name>[a-z]+)(?:-(?P<value>[0-9A-Za-z_-]{1,50}))?")
_ORDER = "order_number"
#: What a step may name, by the entity it is passed on as.
_VALUES = {_ORDER: re.compile(r"[0-9A-Za-z]{1,40}"), "product_id": re.compile(r"[0-9A-Za-z_-]{1,50}")}


@cache
def steps() -> Mapping[str, Mapping[str, Any]]:
    """Return name -> ``title``, ``intent`` and, where it may name something, ``about``: the entity."""
    found: Mapping[str, Mapping[str, Any]] = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return found


def standing_button(button_id: str) -> OutButton | None:
    """Return the step with this id, None where there is no such step."""
    found = _ID.fullmatch(button_id)
    step = steps().get(found["name"]) if found else None
    if found is None or step is None:
        return None
    title, payload, value = step["title"], f"/{step['intent']}", found["value"]
    if value is None:
        return OutButton(title, payload)
    about = step.get("about")
    if about is None or not _VALUES[about].fullmatch(value):
        return None
    # An order's number says to her which one; the id of goods says nothing.
    return OutButton(f"{title} {value}" if about == _ORDER else title, payload + json.dumps({about: value}))
