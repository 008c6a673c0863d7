"""The few words that the front adds to a message on channels that only have text: ``phrases.yml``."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import yaml

_FILE = Path(__file__).with_name("phrases.yml")


@cache
def phrases() -> Mapping[str, str]:
    """Return name -> words, some with ``{places}``."""
    found: Mapping[str, str] = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return found
