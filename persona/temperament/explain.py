"""Says in Chinese, for agents, why the engine believes what it believes; the words are in ``explain.yml``.

Works on live readings and on stored ones (:meth:`Reading.to_json`), and loads neither spaCy nor the model, so
that the agents' desk can explain what the record holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from persona.temperament.types import TYPES, Evidence, History, Reading, Temperament

#: How many quotes and facts an explanation names at most.
MOST = 3

#: A longer quote is cut.
QUOTE_CHARS = 18

#: A habit of style is told from so many nats on.
LEAST_STYLE = 0.1

_ROOT = Path(__file__).resolve().parents[2] / "nlu_data" / "temperament"
_EDGES = " \t\n\u3000，,。.、;；:：!！?？~～"


@dataclass(frozen=True)
class Explanation:
    """Why a type is served.

    Attributes:
        words: by what he said and how, as a sentence; "" where his words do not speak for it.
        history: by what he bought, returned, wrote and looked at, as a sentence; "" for none.
        sentence: both in one, never empty.
    """

    words: str
    history: str
    sentence: str


class Explainer:
    """Turns evidence into sentences."""

    def __init__(self, data: Mapping[str, Any], says: Mapping[str, str]) -> None:
        """Take the content of ``explain.yml`` and what each cue of the lexicon says."""
        self._data = data
        self._says = dict(says)

    @classmethod
    def load(cls, folder: Path = _ROOT) -> Explainer:
        """Read ``explain.yml`` and the lexicon in `folder` (``nlu_data/temperament``)."""
        says: dict[str, str] = {}
        for kind in TYPES:
            lexicon = yaml.safe_load((folder / "lexicon" / f"{kind.value}.yml").read_text("utf-8"))
            says |= {f"{kind.value}.{cue['id']}": str(cue["says"]) for cue in lexicon["cues"]}
        return cls(yaml.safe_load((folder / "explain.yml").read_text("utf-8")), says)

    def label(self, cue: str) -> str:
        """Return what a cue (``lexicon:power.hurry``, ``style:short``) is called; never empty or an error."""
        source, _, name = cue.partition(":")
        found: str | None = None
        if source == "lexicon":
            found = self._says.get(name)
        elif source == "style":
            found = self._data["style"].get(name)
        elif source == "history":
            found = self._data["history"].get(name, {}).get("plain")
        return found or self._data["cues"].get(cue) or str(self._data["cues"]["other"])

    def explain(
        self, kind: Temperament | None, evidence: Iterable[Evidence], history: History | None = None
    ) -> Explanation:
        """Explain why `kind` is served.

        Args:
            kind: the type served; None explains that nothing is known.
            evidence: all evidence of the conversation so far, history's included.
            history: the record, for its figures; without it facts are told without figures.
        """
        say = self._data["sentences"]
        if kind is None:
            return Explanation("", "", say["unknown"])
        ours = sorted((e for e in evidence if e.type is kind and e.weight > 0), key=lambda e: -e.weight)
        words = self._words(kind, ours)
        facts = "，".join(
            _unique(
                self._fact(e.cue.partition(":")[2], history) for e in ours if e.cue.startswith("history:")
            )[:MOST]
        )
        told = say["history"].format(facts=facts) if facts else ""
        both = say["both"].format(words=words, facts=facts) if words and facts else words or told
        return Explanation(words, told, both or say["unknown"])

    def _words(self, kind: Temperament, ours: Sequence[Evidence]) -> str:
        """The sentence about what he said: a correction, else quotes, else habits, else the whole tone."""
        say, name = self._data["sentences"], self._data["types"][kind.value]
        for item in ours:
            source, _, by = item.cue.partition(":")
            if source == "correction" and by in say["corrected"]:
                return str(say["corrected"][by]).format(type=name)
        quotes = _quotes(e.text for e in ours if e.cue.startswith("lexicon:"))
        if quotes:
            return str(say["words"]).format(quotes="".join(f"“{q}”" for q in quotes))
        habits = _unique(
            self._data["style"].get(e.cue.partition(":")[2], "")
            for e in ours
            if e.cue.startswith("style:") and e.weight >= LEAST_STYLE
        )
        if habits:
            return str(say["style"]).format(styles="、".join(habits[:MOST]))
        return str(say["classifier"]).format(type=name) if any(e.cue == "classifier" for e in ours) else ""

    def _fact(self, name: str, history: History | None) -> str:
        says: Mapping[str, str] = self._data["history"].get(name, {})
        if history is None:
            return says.get("plain", "")
        if "share" in says and history.orders > 0:
            count = round(min(1.0, getattr(history, says["share"])) * history.orders)
            return says["all" if count == history.orders else "some"].format(
                orders=history.orders, count=count
            )
        if "with" not in says:
            return says.get("plain", "")
        return says["with"].format(
            orders=history.orders,
            urges=history.urges,
            browses=history.browses,
            minutes_to_buy=round(history.minutes_to_buy or 0),
            review_chars=round(history.review_chars),
            detail_share=f"{history.detail_share:.0%}",
            compare_share=f"{history.compare_share:.0%}",
        )


@lru_cache(maxsize=1)
def default_explainer() -> Explainer:
    """Return the process's explainer over the project's language data."""
    return Explainer.load()


def cue_label(cue: str) -> str:
    """Return the Chinese name of a cue, as evidence carries it; never raises."""
    return default_explainer().label(cue)


def explain(readings: Sequence[Reading | Mapping[str, Any]], history: History | None = None) -> Explanation:
    """Explain the type that the last of a conversation's readings serves.

    Args:
        readings: of the shopper's messages so far, oldest first: live ones, or their stored JSON form.
            Evidence that is not in the documented form is left out.
        history: the record that the prior was made of. Its evidence is added where the readings hold none.
    """
    if not readings:
        return default_explainer().explain(None, ())
    evidence = [item for reading in readings for item in _evidence(reading)]
    if history is not None and not any(e.cue.startswith("history:") for e in evidence):
        from persona.temperament.calibration import Calibration
        from persona.temperament.history import prior_of

        bound = Calibration.load(_ROOT / "calibration.yml").bound
        evidence += prior_of(history, bound)[1]
    return default_explainer().explain(_served(readings[-1]), evidence, history)


def _served(reading: Reading | Mapping[str, Any]) -> Temperament | None:
    if isinstance(reading, Reading):
        return reading.temperament
    try:
        return Temperament(reading.get("temperament"))
    except ValueError:
        return None


def _evidence(reading: Reading | Mapping[str, Any]) -> list[Evidence]:
    if isinstance(reading, Reading):
        return list(reading.evidence)
    out = []
    for item in reading.get("evidence") or ():
        try:
            out.append(Evidence.from_json(item))
        except (KeyError, TypeError, ValueError):
            continue
    return out


def _quotes(texts: Iterable[str]) -> list[str]:
    """Trim quotes, leave out those that stand inside another one, cut long ones; at most MOST."""
    trimmed = _unique(text.strip(_EDGES) for text in texts)
    whole = [q for q in trimmed if not any(q != other and q in other for other in trimmed)]
    return [q if len(q) <= QUOTE_CHARS else q[: QUOTE_CHARS - 1] + "…" for q in whole[:MOST]]


def _unique(items: Iterable[str]) -> list[str]:
    return [item for item in dict.fromkeys(items) if item]
