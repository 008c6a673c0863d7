"""Names of codes for cards, from the same ``labels.yml`` that the responses use."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from functools import lru_cache
from pathlib import Path

import yaml

_LABELS = Path(__file__).resolve().parents[1] / "persona" / "wording" / "labels.yml"


@lru_cache(maxsize=1)
def _labels() -> Mapping[str, Mapping[str, str]]:
    labels: Mapping[str, Mapping[str, str]] = yaml.safe_load(_LABELS.read_text("utf-8"))
    return labels


def label(group: str, code: str | Enum) -> str:
    """Return the name of a code.

    Raises:
        KeyError: the group or the code has no label; a test holds every code of the shop against the file.
    """
    return _labels()[group][str(code.value if isinstance(code, Enum) else code)]
