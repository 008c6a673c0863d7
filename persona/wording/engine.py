"""Speak: response name, facts and style in, words and buttons out."""

from __future__ import annotations

import json
import logging
import re
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from persona.strategy import Strategies, Strategy, Style
from persona.wording.again import Candidate, choose, with_opening
from persona.wording.catalogue import (
    Catalogue,
    OptionSpec,
    Problem,
    ResponseSpec,
    load_catalogue,
    watched_files,
)
from persona.wording.clauses import arrange, card
from persona.wording.emoji import without_emoji
from persona.wording.errors import WordingError
from persona.wording.facts import FactError, FactSpec, FactText, parse
from persona.wording.rendering import RenderError, Segment

log = logging.getLogger(__name__)

#: The project's root, where nothing else is said.
ROOT = Path(__file__).parents[2]
#: What is said where a response cannot be spoken.
APOLOGY = "utter_apology"
#: The next step that brings a person.
PERSON = "ask_human"
#: The names of a policy's parts among the labels.
_PARTS = "policy_part"

Option = Mapping[str, Any]  # {"id": "track_shipment", "args": {"order_number": "…"}}


@dataclass(frozen=True)
class Button:
    """A next step to tap.

    Attributes:
        title: what the shopper reads.
        payload: what is sent when tapped: ``/intent{"entity": "value"}``, or ``front:…`` for the front alone.
    """

    title: str
    payload: str


@dataclass(frozen=True)
class Utterance:
    """What is said.

    Attributes:
        text: all of it, for who reads nothing else.
        buttons: next steps.
        card: what is drawn with it where cards are drawn, ``{"type": "card", "card", "data"}``: of a
            policy, with what the text leaves out.
    """

    text: str
    buttons: tuple[Button, ...] = ()
    card: Mapping[str, Any] | None = None


class Wording:
    """The words of the project, read again when a manager edits them."""

    def __init__(
        self,
        root: Path,
        catalogue: Catalogue,
        *,
        reload_every: float = 2.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """See :meth:`load`."""
        self._root = root
        self._catalogue = catalogue
        self._every = reload_every
        self._clock = clock
        self._checked = clock()
        self._signature = _signature(root)

    @classmethod
    def load(
        cls,
        root: Path = ROOT,
        *,
        reload_every: float = 2.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> Wording:
        """Read the words under the project's `root` (the folder that holds ``bot`` and ``persona``).

        Responses that are wrong are logged and left out.

        Args:
            root: the project's root.
            reload_every: seconds between two looks at the files.
            clock: seconds that only grow.

        Raises:
            StrategyError: where the strategies cannot be used.
        """
        signature = _signature(root)
        catalogue = load_catalogue(root)
        _log_problems(catalogue.problems, "left out")
        wording = cls(root, catalogue, reload_every=reload_every, clock=clock)
        wording._signature = signature
        return wording

    @property
    def catalogue(self) -> Catalogue:
        """The words as they stand."""
        return self._catalogue

    @property
    def strategies(self) -> Strategies:
        """The strategies as they stand."""
        return self._catalogue.strategies

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is wrong with the files."""
        return self._catalogue.problems

    def __contains__(self, response: str) -> bool:
        return response in self._catalogue.responses

    def declared_facts(self, response: str) -> frozenset[str]:
        """Return the names of a response's facts; none where it is unknown."""
        spec = self._catalogue.responses.get(response)
        return frozenset(spec.facts) if spec else frozenset()

    def fact_problems(self, response: str, facts: Mapping[str, Any]) -> list[str]:
        """Say what is wrong with an action's facts: missing, ill-typed or not declared. For tests."""
        spec = self._catalogue.responses.get(response)
        if spec is None:
            return [f"{response}: there is no such response"]
        found = [f"{response}: fact {name} is not declared" for name in facts if name not in spec.facts]
        try:
            _parse_facts(spec, facts)
        except WordingError as exc:
            found.append(str(exc))
        return found

    def say(  # noqa: PLR0917  all but the first three have defaults
        self,
        response: str,
        facts: Mapping[str, Any],
        style: Style | str | None,
        options: Sequence[Option | str] = (),
        mood: str | None = None,
        salt: str = "",
        said: Sequence[str] = (),
        in_form: bool = False,
    ) -> Utterance:
        """Choose and render the words of a response.

        Args:
            response: its name, ``utter_…``.
            facts: JSON values by name.
            style: one of the five; None and unknown serve neutral.
            options: next steps in order of usefulness; empty takes those of the facts file.
            mood: the shopper's mood; in an upset one nobody jokes and no emoji is shown.
            salt: chooses among several texts of one style; the same salt gives the same words.
            said: texts that she was given lately. None of them is given again word for word, nor one that
                opens or ends alike, where the style has another; else an opening says that it is the same,
                and a person is offered. What the strategies allow to repeat is repeated.
            in_form: a form goes on; its questions are repeated too.

        Raises:
            WordingError: for an unknown response, a missing or ill-typed fact, a text that cannot
                be rendered or an unknown option. Its message holds no value of a fact.
        """
        self._refresh()
        catalogue = self._catalogue
        spec = catalogue.responses.get(response)
        if spec is None:
            raise WordingError(response, _why_missing(catalogue, response))
        strategy = catalogue.strategies.of(style)
        upset = catalogue.strategies.is_upset(mood)
        spoken = catalogue.strategies.of(strategy.when_upset) if upset else strategy
        plain = upset or spec.sober
        texts = (
            _finished(segments, plain) for segments in render_texts(catalogue, spec, facts, spoken, salt)
        )
        buttons = build_buttons(catalogue, spec, options or spec.options, strategy)
        if not said or may_repeat(catalogue, spec, options or spec.options):
            said = ()
        text, repeated = choose(texts, said)
        if not text:
            raise WordingError(response, f"the {spoken.style.value} text is empty")
        if repeated and not (in_form and _is_question(text)):
            manner = catalogue.strategies.of(spoken.when_upset) if plain else spoken
            text = with_opening(text, manner.again, salt, said)
            buttons = _with_person(catalogue, buttons)
        return Utterance(text, buttons, _card(catalogue, spec, facts, spoken))

    def apology(self, style: Style | str | None = None) -> Utterance:
        """Return the apology for a fault of ours; without style the neutral one. Never raises."""
        try:
            return self.say(APOLOGY, {}, style)
        except WordingError:
            log.exception("the apology itself cannot be spoken")
            return Utterance("抱歉，这一步没有办成，您的信息没有改动。请再发一次，或者找人工客服。")

    def _refresh(self) -> None:
        now = self._clock()
        if now - self._checked < self._every:
            return
        self._checked = now
        signature = _signature(self._root)
        if signature == self._signature:
            return
        self._signature = signature
        fresh = load_catalogue(self._root, self._catalogue)
        _log_problems(fresh.problems, "the old words are kept where there are any")
        self._catalogue = fresh
        log.info("words read again: %d responses", len(fresh.responses))


def render_texts(
    catalogue: Catalogue, spec: ResponseSpec, facts: Mapping[str, Any], strategy: Strategy, salt: str = ""
) -> Iterator[tuple[Segment, ...]]:
    """Yield the texts of one style, prose and facts apart, the one that the salt chooses first.

    Raises:
        WordingError: a fact or a text is wrong.
    """
    values = fact_values(spec, facts, strategy)
    texts = spec.texts.get(strategy.style) or spec.texts[Style.NEUTRAL]
    start = zlib.crc32(f"{spec.name}\0{salt}".encode("utf-8", "replace"))
    for index in range(len(texts)):
        try:
            yield catalogue.sandbox.render(texts[(start + index) % len(texts)], values)
        except RenderError as exc:
            raise WordingError(spec.name, f"{strategy.style.value}: {exc}") from exc


def _finished(segments: tuple[Segment, ...], plain: bool) -> Candidate:
    """Return what would be said; without emoji where they are out of place."""
    if plain:
        segments = tuple(s if s.fact else Segment(without_emoji(s.text), False) for s in segments)
    ends = [s.text.strip() if not s.fact else "" for s in (*segments[:1], *segments[-1:])]
    return Candidate(tidy("".join(s.text for s in segments)), *ends)


def _card(
    catalogue: Catalogue, spec: ResponseSpec, facts: Mapping[str, Any], strategy: Strategy
) -> dict[str, Any] | None:
    """Return the card of an answer from a policy, None of any other and where nothing was left out."""
    fact = next((f for f in spec.facts.values() if f.type == "clauses" and f.cut != "untold"), None)
    names = catalogue.labels.get(_PARTS)
    if fact is None or names is None:
        return None
    values = fact_values(spec, facts, strategy)
    return card(str(values.get("rule") or ""), values[fact.name], names)


def may_repeat(catalogue: Catalogue, spec: ResponseSpec, options: Iterable[Option | str]) -> bool:
    """Say whether a response may be said twice in the same words: as the strategies say, or a choice."""
    if catalogue.strategies.common.repeats(spec.name):
        return True
    if any(fact.type == "clauses" for fact in spec.facts.values()):
        return False
    named = (catalogue.options.get(o if isinstance(o, str) else str(o.get("id"))) for o in options)
    return any(option is not None and option.kind == "choice" for option in named)


def _is_question(text: str) -> bool:
    """Say whether a text asks: nobody opens a question with a remark that it was asked before."""
    return without_emoji(text).rstrip("～ ").endswith(("？", "?"))


def _with_person(catalogue: Catalogue, buttons: tuple[Button, ...]) -> tuple[Button, ...]:
    """Offer a person too; whoever hears the same twice may need one."""
    spec = catalogue.options.get(PERSON)
    if spec is None or any(button.payload == f"/{PERSON}" for button in buttons):
        return buttons
    return (*buttons, _button(catalogue, "", {"id": PERSON}))


def fact_values(spec: ResponseSpec, facts: Mapping[str, Any], strategy: Strategy) -> dict[str, Any]:
    """Return the typed facts as one style tells them: extras it does not tell are None, rows are cut."""
    values = _parse_facts(spec, facts)
    for fact in spec.facts.values():
        if fact.extra and fact.extra not in strategy.extras:
            values[fact.name] = None
        elif fact.type == "clauses" and values[fact.name] is not None:
            untold = fact.cut == "untold"
            values[fact.name] = arrange(values[fact.name], strategy.policy, untold=untold)
        elif fact.cut and values[fact.name] is not None:
            values[fact.name] = values[fact.name][: strategy.recommendations]
    return values


def build_buttons(
    catalogue: Catalogue, spec: ResponseSpec, options: Iterable[Option | str], strategy: Strategy
) -> tuple[Button, ...]:
    """Order and cut the next steps and give them title and payload; choices are never cut."""
    wanted = [{"id": o} if isinstance(o, str) else o for o in options]
    unknown = [str(o.get("id")) for o in wanted if o.get("id") not in catalogue.options]
    if unknown:
        raise WordingError(spec.name, f"options.yml has no option {', '.join(unknown)}")
    first = {name: rank for rank, name in enumerate(strategy.options.first)}
    choices = [o for o in wanted if catalogue.options[o["id"]].kind == "choice"]
    steps = [o for o in wanted if catalogue.options[o["id"]].kind == "step"]
    steps.sort(key=lambda o: first.get(o["id"], len(first)))
    if not spec.menu:
        steps = steps[: strategy.options.steps]
    return tuple(_button(catalogue, spec.name, option) for option in (*choices, *steps))


def tidy(text: str) -> str:
    """Take out what a blank fact leaves behind; a blank line would split the message in two."""
    lines = (re.sub(r"[ \t\u3000]+$", "", line) for line in text.strip().splitlines())
    return "\n".join(line for line in lines if line.strip())


def _button(catalogue: Catalogue, response: str, option: Option) -> Button:
    spec = catalogue.options[option["id"]]
    args = option.get("args") or {}
    values = {k: FactText(v) if isinstance(v, str) else v for k, v in args.items()}
    try:
        title = "".join(s.text for s in catalogue.sandbox.render(spec.title, values))
        payload = spec.payload or _payload(catalogue, spec, args, values)
    except (RenderError, ValueError) as exc:
        raise WordingError(response, f"option {spec.id}: {exc}") from exc
    return Button(" ".join(title.split()), payload)


def _payload(
    catalogue: Catalogue, spec: OptionSpec, args: Mapping[str, Any], values: Mapping[str, Any]
) -> str:
    assert spec.intent is not None  # noqa: S101  (the catalogue has made sure)
    intent = "".join(s.text for s in catalogue.sandbox.render(spec.intent, values))
    if not re.fullmatch(r"[a-z_]+", intent):
        raise ValueError("its intent is no name of an intent")
    entities = {k: args[k] for k in spec.args if args.get(k) is not None}
    return f"/{intent}" + (json.dumps(entities, ensure_ascii=False) if entities else "")


def _parse_facts(spec: ResponseSpec, facts: Mapping[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, fact in spec.facts.items():
        value = facts.get(name)
        if value is None and fact.must:
            raise WordingError(spec.name, f"fact {name} is missing")
        values[name] = None if value is None else _parse_fact(spec.name, fact, value)
    return values


def _parse_fact(response: str, fact: FactSpec, value: Any) -> Any:
    try:
        return parse(fact, value)
    except FactError as exc:
        raise WordingError(response, str(exc)) from exc


def _why_missing(catalogue: Catalogue, response: str) -> str:
    known = [str(p) for p in catalogue.problems if p.response == response]
    return known[0] if known else "there is no such response"


def _signature(root: Path) -> tuple[tuple[str, int, int], ...]:
    found = []
    for path in watched_files(root):
        try:
            stat = path.stat()
        except OSError:
            continue
        found.append((str(path), stat.st_mtime_ns, stat.st_size))
    return tuple(found)


def _log_problems(problems: Iterable[Problem], outcome: str) -> None:
    for problem in problems:
        log.error("words: %s (%s)", problem, outcome)
