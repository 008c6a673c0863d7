"""Reads the desk's replies from YAML: ``persona/wording/desk``, see :mod:`persona.wording.desk_words`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Template

from persona.strategy import Style
from persona.strategy.strict_yaml import YamlError, read_mapping
from persona.wording.catalogue import Problem, ResponseSpec
from persona.wording.facts import FactError, FactSpec, FactText
from persona.wording.filters import FILTERS, labelled
from persona.wording.rendering import RenderError, Sandbox

FACTS_FILE = "facts.yml"

_SHORTCUT = re.compile(r"/[a-z][a-z0-9]{0,9}")
Declared = dict[str, Mapping[str, Any]]  # name of a fact -> its declaration

_FIELDS = {"title", "shortcut", "tone", "suits", "must", "may", "texts"}
_SETS = ("wishes", "states", "requests", "rules", "reasons")
_FLAGS = ("late", "allowed", "order", "upset")


@dataclass(frozen=True)
class Suits:
    """When a reply is offered as a suggestion; what is empty or None does not matter.

    Attributes:
        wishes: intents of the shopper that it answers.
        states: states that the order at hand must be in.
        requests: states of the order's newest after-sales request, one of which must hold.
        rules: clauses of the return terms, one of which must hold for the order now.
        reasons: reasons of the escalation that it answers.
        late: the parcel is (true) or is not (false) later than promised, or the dispatch overdue.
        allowed: the return terms of the order allow something now, or nothing.
        order: an order is at hand, or none.
        upset: the shopper is upset, or is not.
    """

    wishes: frozenset[str] = frozenset()
    states: frozenset[str] = frozenset()
    requests: frozenset[str] = frozenset()
    rules: frozenset[str] = frozenset()
    reasons: frozenset[str] = frozenset()
    late: bool | None = None
    allowed: bool | None = None
    order: bool | None = None
    upset: bool | None = None


@dataclass(frozen=True)
class DeskReply:
    """One reply of the catalogue.

    Attributes:
        id: its name.
        topic: Chinese name of its topic.
        title: what the agent reads.
        shortcut: ``/`` and letters.
        suits: when it is suggested; None for canned replies that never are.
        spec: its texts and facts.
    """

    id: str
    topic: str
    title: str
    shortcut: str
    suits: Suits | None
    spec: ResponseSpec


class Gap(FactText):
    """Stands for a fact that nobody knows; every filter prints it as it is."""

    __slots__ = ()


class GapSandbox(Sandbox):
    """Renders texts in which facts may be missing."""

    def __init__(self, labels: Mapping[str, Mapping[str, str]]) -> None:
        super().__init__(labels)
        filters = {**FILTERS, "label": labelled(labels)}
        self._env.filters.update({name: _or_gap(write) for name, write in filters.items()})


def _or_gap(write: Callable[..., FactText]) -> Callable[..., FactText]:
    def filtered(value: Any, *arguments: Any, **named: Any) -> FactText:
        return value if isinstance(value, Gap) else write(value, *arguments, **named)

    return filtered


@dataclass(frozen=True)
class Loaded:
    """All replies at one moment; what is wrong with the files is left out and named."""

    replies: Mapping[str, DeskReply]
    gaps: Mapping[str, str]
    gap_texts: frozenset[str]
    sandbox: GapSandbox
    problems: tuple[Problem, ...]


def load_replies(folder: Path, labels: Mapping[str, Mapping[str, str]]) -> Loaded:
    """Read the topics of a folder and its ``facts.yml``."""
    problems: list[Problem] = []
    sandbox = GapSandbox(labels)
    declared, gaps = _facts(folder / FACTS_FILE, problems)
    replies: dict[str, DeskReply] = {}
    shortcuts: dict[str, str] = {}
    for path in sorted(folder.glob("*.yml")):
        if path.name == FACTS_FILE:
            continue
        data = _read(path, problems)
        topic, entries = data.get("topic"), data.get("replies")
        if not isinstance(topic, str) or not isinstance(entries, dict):
            problems.append(Problem(path.name, "", "must have topic: and replies:"))
            continue
        for name, entry in entries.items():
            try:
                reply = _reply(str(name), topic, path.name, entry, declared=declared, sandbox=sandbox)
                for taken, what in (
                    (reply.id in replies, reply.id),
                    (reply.shortcut in shortcuts, reply.shortcut),
                ):
                    if taken:
                        raise ValueError(f"{what} stands here a second time")
            except (ValueError, RenderError) as exc:
                problems.append(Problem(path.name, str(name), str(exc)))
                continue
            replies[reply.id] = reply
            shortcuts[reply.shortcut] = reply.id
    return Loaded(replies, gaps, frozenset(gaps.values()), sandbox, tuple(problems))


def _read(path: Path, problems: list[Problem]) -> dict[str, Any]:
    try:
        return read_mapping(path)
    except YamlError as exc:
        problems.append(Problem(path.name, "", str(exc)))
        return {}


def _facts(path: Path, problems: list[Problem]) -> tuple[Declared, dict[str, str]]:
    """Return the declarations by name, and the gaps."""
    declared: Declared = {}
    gaps: dict[str, str] = {}
    for name, data in _read(path, problems).items():
        try:
            if not isinstance(data, dict) or not isinstance(data.get("gap"), str):
                raise FactError(f"fact {name}: must be like {{type: text, sample: …, gap: 名称}}")
            declaration = {key: value for key, value in data.items() if key != "gap"}
            FactSpec.from_yaml(str(name), declaration, must=False)
            if declaration["type"] in ("flag", "rows"):
                raise FactError(f"fact {name}: a {declaration['type']} leaves no gap")
        except FactError as exc:
            problems.append(Problem(path.name, str(name), str(exc)))
            continue
        declared[str(name)] = declaration
        gaps[str(name)] = f"〔{data['gap']}〕"
    return declared, gaps


def _reply(
    name: str, topic: str, file: str, entry: Any, *, declared: Declared, sandbox: Sandbox
) -> DeskReply:
    if not isinstance(entry, dict):
        raise ValueError("must have title:, shortcut: and texts:")
    if unknown := set(map(str, entry)) - _FIELDS:
        raise ValueError(f"unknown field {', '.join(sorted(unknown))}")
    title, shortcut = entry.get("title"), entry.get("shortcut")
    if not isinstance(title, str) or not title.strip():
        raise ValueError("title is missing")
    if not isinstance(shortcut, str) or not _SHORTCUT.fullmatch(shortcut):
        raise ValueError("shortcut must be / and small letters, like /tk")
    if entry.get("tone", "plain") not in ("plain", "sober"):
        raise ValueError("tone must be plain or sober")
    facts: dict[str, FactSpec] = {}
    for group in ("must", "may"):
        for fact in _texts(entry, group):
            if fact in facts or fact not in declared:
                raise ValueError(
                    f"{group}: {fact} is {'named twice' if fact in facts else 'not in facts.yml'}"
                )
            facts[fact] = FactSpec.from_yaml(fact, declared[fact], must=group == "must")
    spec = ResponseSpec(
        name=name,
        file=file,
        texts=_variations(entry.get("texts"), frozenset(facts), sandbox),
        facts=facts,
        options=(),
        sober=entry.get("tone") == "sober",
        menu=False,
    )
    suits = _suits(entry["suits"]) if "suits" in entry else None
    return DeskReply(name, topic, title.strip(), shortcut, suits, spec)


def _texts(entry: Mapping[str, Any], field: str) -> tuple[str, ...]:
    value = entry.get(field, [])
    if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
        raise ValueError(f"{field} must be a list of names")
    return tuple(value)


def _variations(data: Any, names: frozenset[str], sandbox: Sandbox) -> dict[Style, tuple[Template, ...]]:
    if not isinstance(data, dict) or set(data) != {style.value for style in Style}:
        raise ValueError(f"texts must hold {', '.join(style.value for style in Style)}")
    made: dict[Style, tuple[Template, ...]] = {}
    for style in Style:
        text = data[style.value]
        if not isinstance(text, str) or not text.strip():
            raise ValueError(f"{style.value}: text is missing")
        try:
            made[style] = (sandbox.compile(text.strip(), names),)
        except RenderError as exc:
            raise ValueError(f"{style.value}: {exc}") from exc
    return made


def _suits(data: Any) -> Suits:
    if not isinstance(data, dict):
        raise ValueError("suits must be a mapping; {} suits always")
    if unknown := set(map(str, data)) - {*_SETS, *_FLAGS}:
        raise ValueError(f"suits: unknown field {', '.join(sorted(unknown))}")
    for flag in _FLAGS:
        if data.get(flag) is not None and not isinstance(data[flag], bool):
            raise ValueError(f"suits: {flag} must be true or false")
    read: dict[str, Any] = {name: frozenset(_texts(data, name)) for name in _SETS}
    return Suits(**read | {flag: data.get(flag) for flag in _FLAGS})
