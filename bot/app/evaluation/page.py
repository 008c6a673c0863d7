"""The page of an evaluation: one file, no script, nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2

from bot.app.evaluation.figures import Figures
from bot.app.evaluation.queries import IntentMap

_FOLDER = Path(__file__).parent
_CONFUSIONS = 40


def render(data: str, models: Mapping[str, Figures], intents: IntentMap) -> str:
    """Return the page.

    Args:
        data: name of the data, as shown.
        models: name (``ours``, ``stock``) -> its figures; the first one is shown in full.
        intents: what was right.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER), autoescape=True, undefined=jinja2.StrictUndefined
    )
    environment.filters["percent"] = _percent
    ours = next(iter(models.values()))
    labels = sorted(ours.labels, key=lambda label: (not intents.in_scope(label), ours.labels[label][1]))
    return environment.get_template("page.html").render(
        data=data,
        models=models,
        ours=ours,
        labels=[(label, intents.in_scope(label)) for label in labels],
        confusions=ours.confusions[:_CONFUSIONS],
        most=max(total for total, _ in ours.histogram) or 1,
    )


def _percent(value: Any) -> str:
    return "–" if value is None else f"{value * 100:.1f}%"
