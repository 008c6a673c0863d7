"""What people at the desk may send with one key: replies in five styles, filled with facts of the order.

``persona/wording/desk/facts.yml`` declares every fact once, with the name of the gap that stands in its place
where nobody knows it: 〔预计送达时间〕. The other files are topics::

    topic: 物流
    replies:
      parcel_moving:
        title: 包裹在路上            # what the agent reads in the list
        shortcut: /wl              # typed in the reply box
        tone: sober                # no emoji in any style; default plain
        suits: {wishes: [track_shipment], states: [shipped], late: false}   # when it is suggested, see Suits
        must: [items, expected_by]
        may: [place]
        texts: {neutral: …, power: …, perfect: …, peace: …, lively: …}

``python -m persona.wording.desk_words`` checks them by the rules of the bot's texts.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from persona.strategy import Strategies, Style
from persona.wording.catalogue import Catalogue, Problem
from persona.wording.check import Violation, check
from persona.wording.desk_replies import DeskReply, Gap, Loaded, load_replies
from persona.wording.emoji import without_emoji
from persona.wording.engine import ROOT, Wording, tidy
from persona.wording.errors import WordingError
from persona.wording.facts import FactError, parse
from persona.wording.rendering import RenderError, Segment

log = logging.getLogger(__name__)

FOLDER = Path("persona/wording/desk")


@dataclass(frozen=True)
class Filled:
    """A reply in words.

    Attributes:
        text: what may be sent, gaps included.
        gaps: the gaps as they stand in the text, in order; empty where all facts were known.
    """

    text: str
    gaps: tuple[str, ...] = ()


class DeskWords:
    """The replies of the desk, read again when a manager edits them."""

    def __init__(
        self, wording: Wording, root: Path = ROOT, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Read the replies under the project's `root`; what is wrong is logged and left out.

        Args:
            wording: gives strategies and labels.
            root: the project's root.
            clock: seconds that only grow.
        """
        self._wording = wording
        self._folder = root / FOLDER
        self._clock = clock
        self._checked = clock()
        self._signature = self._look()
        self._read = load_replies(self._folder, wording.catalogue.labels)
        for problem in self._read.problems:
            log.error("words of the desk: %s (left out)", problem)

    @property
    def replies(self) -> Mapping[str, DeskReply]:
        """The replies by id, in the order of the files."""
        self._refresh()
        return self._read.replies

    @property
    def gaps(self) -> Mapping[str, str]:
        """Name of a fact -> the gap that stands for it."""
        self._refresh()
        return self._read.gaps

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is wrong with the files."""
        return self._read.problems

    @property
    def strategies(self) -> Strategies:
        """The strategies as they stand."""
        return self._wording.strategies

    def missing(self, reply: DeskReply, facts: Mapping[str, Any]) -> frozenset[str]:
        """Return the must facts of a reply that `facts` does not hold."""
        return frozenset(n for n, f in reply.spec.facts.items() if f.must and facts.get(n) is None)

    def say(
        self, reply: DeskReply, facts: Mapping[str, Any], style: Style | str | None, mood: str | None = None
    ) -> Filled:
        """Word a reply; a must fact that is not there becomes a gap, a may fact is left out.

        Args:
            reply: one of :attr:`replies`.
            facts: values by name, as JSON or typed; those that the reply does not declare are ignored.
            style: one of the five; None and unknown serve neutral.
            mood: in an upset one the strategy's sober style speaks, without emoji.

        Raises:
            WordingError: a fact is ill-typed or the text cannot be rendered.
        """
        strategy = self.strategies.of(style)
        upset = self.strategies.is_upset(mood)
        spoken = self.strategies.of(strategy.when_upset) if upset else strategy
        segments = _render(self._read, reply, facts, spoken.style)
        if upset or reply.spec.sober:
            segments = tuple(s if s.fact else Segment(without_emoji(s.text), False) for s in segments)
        found = tuple(s.text for s in segments if s.fact and s.text in self._read.gap_texts)
        return Filled(tidy("".join(s.text for s in segments)), found)

    def catalogue(self) -> Catalogue:
        """Return the replies in the form that :func:`persona.wording.check.check` reads."""
        base = self._wording.catalogue
        return replace(
            base,
            responses={reply.id: reply.spec for reply in self._read.replies.values()},
            options={},
            sandbox=self._read.sandbox,
            problems=self._read.problems,
        )

    def _look(self) -> tuple[tuple[str, int, int], ...]:
        stats = ((p.name, p.stat()) for p in sorted(self._folder.glob("*.yml")))
        return tuple((name, stat.st_mtime_ns, stat.st_size) for name, stat in stats)

    def _refresh(self) -> None:
        now = self._clock()
        if now - self._checked < 2.0:
            return
        self._checked = now
        try:
            signature = self._look()
        except OSError:  # a file that is being replaced: the next look finds it
            return
        if signature == self._signature:
            return
        self._signature = signature
        fresh = load_replies(self._folder, self._wording.catalogue.labels)
        for problem in fresh.problems:
            log.error("words of the desk: %s (the old words are kept)", problem)
        if not fresh.problems:
            self._read = fresh


def _render(read: Loaded, reply: DeskReply, facts: Mapping[str, Any], style: Style) -> tuple[Segment, ...]:
    values: dict[str, Any] = {}
    try:
        for name, fact in reply.spec.facts.items():
            given = facts.get(name)
            values[name] = (
                parse(fact, given) if given is not None else Gap(read.gaps[name]) if fact.must else None
            )
        return read.sandbox.render(reply.spec.texts[style][0], values)
    except (FactError, RenderError) as exc:
        raise WordingError(reply.id, f"{style.value}: {exc}") from exc


def violations(words: DeskWords) -> list[Violation]:
    """Return what is wrong with the texts by the rules of the bot's own."""
    catalogue = words.catalogue()
    topics = {Path(spec.file).stem for spec in catalogue.responses.values()}
    return check(catalogue, frozenset(topics | {Path(p.file).stem for p in catalogue.problems}))


def main() -> int:
    """Print the violations; the exit code is 1 where there are any."""
    found = violations(DeskWords(Wording.load()))
    for violation in found:
        print(violation)
    print(f"{len(found)} to mend" if found else "all fine")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
