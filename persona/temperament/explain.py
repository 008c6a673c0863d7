"""Says in Chinese, for agents, why the engine believes what it believes; the words are in ``explain.yml``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from persona.temperament.types import Evidence, History, Temperament

#: How many quotes and facts a reason names at most.
MOST = 3


@dataclass(frozen=True)
class Reason:
    """Why a type is believed: by the wording, by the history, by both in one sentence; "" for none."""

    wording: str
    history: str
    sentence: str


class Explainer:
    """Turns evidence into sentences."""

    def __init__(self, data: dict[str, Any]) -> None:
        self._data = data

    @classmethod
    def load(cls, path: Path) -> Explainer:
        """Read ``explain.yml``."""
        return cls(yaml.safe_load(path.read_text("utf-8")))

    def explain(
        self, kind: Temperament | None, evidence: Sequence[Evidence], history: History | None = None
    ) -> Reason:
        """Explain why `kind` is served.

        Args:
            kind: the type served; None explains that nothing is known.
            evidence: all evidence of the conversation so far, history's included.
            history: the record, for its figures.
        """
        say = self._data["sentences"]
        if kind is None:
            return Reason("", "", say["unknown"])
        ours = sorted((e for e in evidence if e.type is kind and e.weight > 0), key=lambda e: -e.weight)
        quotes = "".join(
            f"“{q}”" for q in _unique(e.text.strip() for e in ours if e.cue.startswith("lexicon:"))[:MOST]
        )
        names = [e.cue.partition(":")[2] for e in ours if e.cue.startswith("style:") and e.weight >= 0.1]
        styles = "、".join(_unique(self._data["style"][n] for n in names if n in self._data["style"])[:MOST])
        facts = "，".join(
            _unique(
                self._fact(e.cue.partition(":")[2], history) for e in ours if e.cue.startswith("history:")
            )[:MOST]
        )
        wording = (
            say["wording"].format(quotes=quotes)
            if quotes
            else say["style"].format(styles=styles)
            if styles
            else ""
        )
        if not wording and any(e.cue == "classifier" for e in ours):
            wording = say["classifier"].format(type=self._data["types"][kind.value])
        told = say["history"].format(facts=facts) if facts else ""
        if quotes and facts:
            sentence = say["wording_and_history"].format(quotes=quotes, facts=facts)
        elif styles and facts:
            sentence = say["style_and_history"].format(styles=styles, facts=facts)
        else:
            sentence = wording or told or say["unknown"]
        return Reason(wording, told, sentence)

    def _fact(self, name: str, history: History | None) -> str:
        template: str = self._data["history"].get(name, "")
        if "{" not in template:
            return template
        if history is None:
            return ""
        return template.format(
            orders=history.orders,
            urges=history.urges,
            browses=history.browses,
            minutes_to_buy=round(history.minutes_to_buy or 0),
            review_chars=round(history.review_chars),
            **{
                f: f"{round(100 * getattr(history, f))}%"
                for f in (
                    "express_share",
                    "detail_share",
                    "compare_share",
                    "custom_share",
                    "same_brand_share",
                    "new_arrival_share",
                )
            },
        )


def _unique(items: Any) -> list[str]:
    return [item for item in dict.fromkeys(items) if item]
