"""The desk's Chinese words that stand in no template, from ``words.yml``."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

_FILE = Path(__file__).parent / "words.yml"


@functools.cache
def _all() -> Mapping[str, Mapping[Any, str]]:
    loaded: Mapping[str, Mapping[Any, str]] = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return loaded


def word(group: str, key: object, **values: object) -> str:
    """Return a sentence, its placeholders filled; KeyError where there is none."""
    return _all()[group][key].format(**values)


def words(group: str) -> Mapping[Any, str]:
    """Return a whole group, e.g. the names of the roles."""
    return _all()[group]


def span(seconds: float) -> str:
    """Return a time to wait as people say it: 40 秒, 15 分钟, 2 小时; rounded up."""
    whole = max(1, int(seconds + 0.999))
    if whole < 60:
        return f"{whole} 秒"
    minutes = -(-whole // 60)
    if minutes < 120:
        return f"{minutes} 分钟"
    return f"{-(-minutes // 60)} 小时"
