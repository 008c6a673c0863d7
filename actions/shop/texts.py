"""What the shop writes into the progress of a request, read from ``texts.yml`` once."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import yaml


@lru_cache(maxsize=1)
def texts() -> dict[str, str]:
    """Return the texts by name."""
    path = Path(__file__).with_name("texts.yml")
    loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {str(name): str(text) for name, text in loaded.items()}
