"""Cards as plain words, for channels that cannot draw them and for screen readers.

The words are in ``cards.yml``, one text for each kind of card: a card holds facts only, so it is the same in
every style.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Template

from persona.wording.engine import tidy
from persona.wording.rendering import RenderError, Sandbox

log = logging.getLogger(__name__)

_FOLDER = Path(__file__).parent
_MONEY = ("price", "total", "amount", "freight", "discount", "threshold")


class CardTexts:
    """Says a card in plain words."""

    def __init__(self, templates: Mapping[str, Template]) -> None:
        """See :meth:`load`."""
        self._templates = templates

    @classmethod
    def load(cls, folder: Path = _FOLDER) -> CardTexts:
        """Read ``cards.yml`` and ``labels.yml``.

        Raises:
            RenderError: a text is broken Jinja.
            ValueError: the file is not kinds and texts.
        """
        texts = yaml.safe_load((folder / "cards.yml").read_text(encoding="utf-8"))
        labels = yaml.safe_load((folder / "labels.yml").read_text(encoding="utf-8"))
        if not isinstance(texts, dict) or not all(isinstance(text, str) for text in texts.values()):
            raise ValueError("cards.yml must hold a text for each kind of card")
        sandbox = Sandbox(labels)
        return cls({kind: sandbox.compile(text) for kind, text in texts.items()})

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of card that have words."""
        return frozenset(self._templates)

    def say(self, kind: str, data: Mapping[str, Any]) -> str:
        """Return the words of a card; "" for an unknown kind or data that do not fit (the log says why)."""
        template = self._templates.get(kind)
        if template is None:
            log.warning("cards.yml has no words for card %r", kind)
            return ""
        try:
            return tidy("".join(s.text for s in Sandbox.render(template, _typed(data))))
        except RenderError as exc:
            log.error("card %r cannot be said: %s", kind, exc)
            return ""


def _typed(value: Any, key: str = "") -> Any:
    """Return JSON with its times and amounts as such, told by their names (``…_at``, ``price`` …)."""
    if isinstance(value, Mapping):
        return {str(name): _typed(item, str(name)) for name, item in value.items()}
    if isinstance(value, list):
        return [_typed(item) for item in value]
    if isinstance(value, str):
        try:
            if key == "at" or key.endswith(("_at", "_by")):
                return datetime.fromisoformat(value)
            if key.endswith(_MONEY):
                return Decimal(value)
        except (ValueError, InvalidOperation):
            return value
    return value
