"""The public face of the engine: reads messages and histories into a belief."""

from __future__ import annotations

import copy
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from persona.temperament import belief as beliefs
from persona.temperament.calibration import Calibration
from persona.temperament.classifier import Classifier, Tone
from persona.temperament.history import prior_of
from persona.temperament.lexicon import Cue, Hit, Lexicon
from persona.temperament.mood import MoodReader
from persona.temperament.normalise import Normal, Normaliser
from persona.temperament.ownwords import foreign_spans, own_text
from persona.temperament.segment import Segmentation
from persona.temperament.style import FEATURES, Style, measure
from persona.temperament.types import TYPES, Belief, Evidence, History, Mood, Reading, Signal, Turn

#: The project's language data.
DATA_ROOT = Path(__file__).resolve().parents[2] / "nlu_data"

#: Evidence under so many nats is not worth telling.
LEAST = 0.02

_lock = threading.Lock()
_readers: dict[Path, Reader] = {}


@dataclass(frozen=True)
class Measured:
    """What a message shows before any figure weighs it.

    Attributes:
        own: the shopper's own words, normal form.
        text: the whole message, normal form; `hits` point into it.
        hits: the cues found.
        style: the features of style.
    """

    own: str
    text: str
    hits: tuple[Hit, ...]
    style: Style


class Reader:
    """Reads temperament. One per process and data folder is enough; reading is safe from several threads."""

    def __init__(self, root: Path) -> None:
        """Load everything from `root` (``nlu_data``); prefer :meth:`load`, which keeps what it loaded."""
        data = root / "temperament"
        self._normalise = Normaliser.load(data)
        self._lexicon = Lexicon.load(data / "lexicon", self._normalise)
        self._mood = MoodReader.load(data / "mood.yml", self._normalise)
        self._segment = Segmentation(root / "dictionary.txt")
        self._classifier = Classifier.load(data / "model")
        self.calibration = Calibration.load(data / "calibration.yml")

    @classmethod
    def load(cls, root: Path | None = None) -> Reader:
        """Return the process's reader for `root` (default: the project's ``nlu_data``).

        Takes 2-3 s the first time. FileNotFoundError or ValueError name a data file that is missing or wrong.
        """
        where = (root or DATA_ROOT).resolve()
        with _lock:
            if where not in _readers:
                _readers[where] = cls(where)
            return _readers[where]

    def with_calibration(self, calibration: Calibration) -> Reader:
        """Return a reader with other figures over the same data (to measure parts of the engine)."""
        other = copy.copy(self)
        other.calibration = calibration
        return other

    def warm(self) -> None:
        """Pay every lazy cost now, so that the first shopper does not."""
        self.read(
            "您好，请问这个什么时候能发货？麻烦帮我催一下😊", context=(Turn("抱歉，暂时无法确定", "agent"),)
        )
        self.prior(History(orders=3, express_share=1.0))

    def neutral_belief(self) -> Belief:
        """Return the belief about a shopper of whom nothing is known."""
        return Belief(prior=beliefs.normalised((0.0, 0.0, 0.0, 0.0)))

    def prior(self, history: History) -> tuple[Belief, tuple[Evidence, ...]]:
        """Return the belief that `history` alone gives, and what moved it (``history:<feature>``)."""
        logs, evidence = prior_of(history, self.calibration.bound)
        start = Belief(prior=beliefs.normalised(logs))
        return replace(start, served=beliefs.served(start, self.calibration.belief)), evidence

    def carry(self, earlier: Belief, prior: Belief) -> Belief:
        """Return `earlier` with the prior of `prior` under the evidence gathered so far.

        For the moment an identity becomes known in the middle of a conversation. The old prior
        is replaced, not added to, so doing it twice changes nothing.
        """
        joined = replace(earlier, prior=prior.prior)
        return replace(joined, served=beliefs.served(joined, self.calibration.belief))

    def read(
        self,
        text: str,
        *,
        belief: Belief | None = None,
        context: Sequence[Turn] = (),
        at: float | None = None,
    ) -> Reading:
        """Read one shopper message. Never raises on any text; the cost does not grow with the conversation.

        Args:
            text: the message as typed.
            belief: the belief so far; None for a new conversation without history.
            context: the turns before it, oldest first; only the last few are looked at.
            at: when it came (seconds since the epoch), for the pace.

        Returns:
            the reading; a message without words of the shopper's own (empty, a link, an order
            number) leaves the belief as it was.
        """
        before = belief if belief is not None else self.neutral_belief()
        normal, own, measured = self._measured(text, context, at)
        mood = self._mood.read(normal, own, text)
        if measured is None:
            return self._reading(before, (), mood)
        figures = self.calibration.belief
        cues, style = self._cues(measured.hits, normal, text), self._style(measured.style, text)
        evidence = beliefs.discounted(cues, style, before, figures.repeat)
        after = beliefs.updated(before, evidence, self._classifier.tone(own), figures)
        evidence += self._toned(before, after, text)
        return self._reading(after, tuple(e for e in evidence if abs(e.weight) >= LEAST), mood)

    def feel(self, text: str, *, context: Sequence[Turn] = ()) -> tuple[Mood, tuple[Signal, ...]]:
        """Return mood and signals of a message, the same as :meth:`read` does, and nothing of the type.

        For a shopper who has switched personalisation off: no style is measured, there is no evidence and no
        belief. Never raises on any text.

        Args:
            text: the message as typed.
            context: the turns before it, oldest first, so that words quoted from the agent do not count.
        """
        normal = self._normalise(text)
        agent, _ = self._before(context, None)
        mood, _, signals = self._mood.read(normal, own_text(normal, foreign_spans(normal, agent)), text)
        return mood, signals

    def measure(self, text: str, *, context: Sequence[Turn] = (), at: float | None = None) -> Measured | None:
        """Return what :meth:`read` weighs in a message; None where nothing is the shopper's own."""
        return self._measured(text, context, at)[2]

    @property
    def classifier(self) -> Classifier:
        """The trained classifier."""
        return self._classifier

    @property
    def cues(self) -> tuple[Cue, ...]:
        """All cues of the lexicon, in a fixed order."""
        return self._lexicon.cues

    def _measured(
        self, text: str, context: Sequence[Turn], at: float | None
    ) -> tuple[Normal, str, Measured | None]:
        normal = self._normalise(text)
        agent, gap = self._before(context, at)
        foreign = foreign_spans(normal, agent)
        own = own_text(normal, foreign)
        if not any(c.isalpha() or "\ue000" <= c <= "\uf8ff" or c in "?!" for c in own.replace("某", "")):
            return normal, own, None
        kinds = self._lexicon.kinds_of_reply(agent) if agent else frozenset[str]()
        hits = self._lexicon.find(self._segment.doc(normal.text), kinds, foreign)
        return normal, own, Measured(own, normal.text, tuple(hits), measure(own, kinds, gap))

    def _toned(self, before: Belief, after: Belief, text: str) -> list[Evidence]:
        """What the trained classifier's opinion of the whole conversation moved with this message."""
        old, new = Tone.of(before.tone).score(), Tone.of(after.tone).score()
        scale = self.calibration.belief.tone
        return [
            Evidence("classifier", text, 0, len(text), kind, scale * (b - a))
            for kind, a, b in zip(TYPES, old, new, strict=True)
        ]

    def _before(self, context: Sequence[Turn], at: float | None) -> tuple[str | None, float | None]:
        """Return the agent's last message in normal form, and the seconds since the shopper's last."""
        if not context:
            return None, None
        last = context[-1]
        if last.who != "shopper":
            return self._normalise(last.text[:200]).text, None
        gap = at - last.at if at is not None and last.at is not None else None
        agent = context[-2] if len(context) > 1 and context[-2].who != "shopper" else None
        return (self._normalise(agent.text[:200]).text if agent else None), gap

    def _cues(self, hits: Sequence[Hit], normal: Normal, text: str) -> list[Evidence]:
        scale = self.calibration.scale["cue"]
        count: dict[str, int] = {}
        out = []
        for hit in hits:
            times = count[hit.cue.id] = count.get(hit.cue.id, 0) + 1
            start, end = normal.source(hit.start, hit.end)
            weight = hit.cue.weight * scale * self.calibration.belief.repeat ** (times - 1)
            out.append(Evidence(f"lexicon:{hit.cue.id}", text[start:end], start, end, hit.cue.type, weight))
        return out

    def _style(self, style: Style, text: str) -> list[Evidence]:
        scale = self.calibration.scale["style"]
        out = []
        for kind, weights in zip(TYPES, self.calibration.style, strict=True):
            for name, weight, value in zip(FEATURES, weights, style.vector, strict=True):
                if weight and value:
                    out.append(Evidence(f"style:{name}", text, 0, len(text), kind, weight * value * scale))
        return out

    def _reading(
        self, belief: Belief, evidence: tuple[Evidence, ...], shown: tuple[Mood, str, tuple[Signal, ...]]
    ) -> Reading:
        mood, words, signals = shown
        figures = self.calibration.belief
        return Reading(
            temperament=belief.served,
            secondary=beliefs.secondary(belief, figures),
            probabilities=dict(zip(TYPES, beliefs.probabilities(belief, figures), strict=True)),
            evidence=evidence,
            mood=mood,
            signals=signals,
            belief=belief,
            mood_words=words,
        )
