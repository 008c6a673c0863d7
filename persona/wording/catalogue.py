"""Read the words from YAML: texts of the domain, facts, next steps, labels.

A response that is wrong is left out and reported; the others keep speaking.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from jinja2 import Template

from persona.strategy import Strategies, StrategyError, Style, load_strategies
from persona.strategy.strict_yaml import YamlError, read_mapping
from persona.wording.facts import FactError, FactSpec
from persona.wording.rendering import RenderError, Sandbox

DOMAIN = Path("bot/domain")
FACTS = Path("persona/wording/facts")
OPTIONS = Path("persona/wording/options.yml")
LABELS = Path("persona/wording/labels.yml")
STRATEGIES = Path("persona/strategy/strategies")

_INTENT = re.compile(r"[a-z_]+|\{\{ *[a-z_]+ *\}\}")
_PAYLOAD = re.compile(r"front:[a-z_]+")


@dataclass(frozen=True)
class Problem:
    """Something wrong with a file: which file, which response (or ""), and what."""

    file: str
    response: str
    message: str

    def __str__(self) -> str:
        return ": ".join(part for part in (self.file, self.response, self.message) if part)


@dataclass(frozen=True)
class OptionSpec:
    """One next step of ``options.yml``.

    Attributes:
        id: its name.
        title: template of the button's title.
        intent: template of the intent; None where there is a literal payload.
        args: names of the arguments that become entities of the payload.
        kind: ``step`` (the strategy may cut it) or ``choice`` (never cut).
        static_title: the title where it needs no argument, else None.
        payload: what is sent as it stands (``front:…``: the front itself acts), or None.
    """

    id: str
    title: Template
    intent: Template | None
    args: tuple[str, ...]
    kind: str
    static_title: str | None
    payload: str | None = None


@dataclass(frozen=True)
class ResponseSpec:
    """One response: its texts by style, its facts, its manner.

    Attributes:
        name: ``utter_…``.
        file: the domain file it stands in.
        texts: the variations of each style, compiled.
        facts: its facts by name.
        options: next steps that it offers where the caller names none.
        sober: it tells something unpleasant: no emoji, no jokes.
        menu: all its steps are shown; the strategy orders but does not cut.
        tells: what every text says whatever the facts are: name -> pattern.
    """

    name: str
    file: str
    texts: Mapping[Style, tuple[Template, ...]]
    facts: Mapping[str, FactSpec]
    options: tuple[Mapping[str, Any], ...]
    sober: bool
    menu: bool
    tells: Mapping[str, re.Pattern[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Catalogue:
    """All words at one moment."""

    responses: Mapping[str, ResponseSpec]
    options: Mapping[str, OptionSpec]
    labels: Mapping[str, Mapping[str, str]]
    strategies: Strategies
    sandbox: Sandbox
    problems: tuple[Problem, ...]

    def repaired_from(self, old: Catalogue) -> Catalogue:
        """Return this catalogue with the old words where the new ones are broken."""
        broken = {(p.file, p.response) for p in self.problems}
        files = {f for f, response in broken if not response}
        named = {response for _, response in broken if response}
        kept = {
            name: spec
            for name, spec in old.responses.items()
            if f"facts/{spec.file}" in files
            or (name not in self.responses and (name in named or spec.file in files or LABELS.name in files))
        }
        return replace(
            self,
            responses={**self.responses, **kept},
            options=old.options if OPTIONS.name in files or LABELS.name in files else self.options,
        )


def watched_files(root: Path) -> list[Path]:
    """Return every file that the words are made of, in a fixed order."""
    folders = [root / DOMAIN, root / FACTS, root / STRATEGIES]
    found = [p for folder in folders for p in sorted(folder.glob("*.yml"))]
    return [*found, root / OPTIONS, root / LABELS]


def load_catalogue(root: Path, old: Catalogue | None = None) -> Catalogue:
    """Read all words under the project's `root`.

    What cannot be read is replaced from `old`, where given.

    Raises:
        StrategyError: where the strategies cannot be read and there are no old ones.
    """
    problems: list[Problem] = []
    try:
        strategies = load_strategies(root / STRATEGIES)
    except StrategyError as exc:
        if old is None:
            raise
        problems.append(Problem("strategies", "", str(exc)))
        strategies = old.strategies
    read = _labels(root / LABELS, problems)
    labels: Mapping[str, Mapping[str, str]] = read if read is not None else old.labels if old else {}
    sandbox = old.sandbox if old and old.sandbox.labels == labels else Sandbox(labels)
    options = _options(root / OPTIONS, sandbox, problems)
    facts = _fact_files(root / FACTS, problems)
    responses: dict[str, ResponseSpec] = {}
    seen: dict[str, str] = {}
    for path in sorted((root / DOMAIN).glob("*.yml")):
        for name, variations in _responses_of(path, problems).items():
            if not isinstance(name, str):
                problems.append(Problem(path.name, "", f"responses: {name!r} is no name"))
                continue
            if name in seen:
                problems.append(Problem(path.name, name, f"is already in {seen[name]}"))
                continue
            seen[name] = path.name
            try:
                declared = _declared(name, facts.pop(name, None), options)
                responses[name] = _response(name, path.name, variations, declared, sandbox)
            except (FactError, RenderError, ValueError) as exc:
                problems.append(Problem(path.name, name, str(exc)))
    broken = {p.file for p in problems if not p.response}
    for name, (file, _) in facts.items():
        if file not in broken:
            problems.append(Problem(f"facts/{file}", name, "has facts but no texts in bot/domain"))
    fresh = Catalogue(responses, options, labels, strategies, sandbox, tuple(problems))
    return fresh.repaired_from(old) if old else fresh


def _read(path: Path, label: str, problems: list[Problem]) -> dict[str, Any] | None:
    try:
        return read_mapping(path)
    except YamlError as exc:
        problems.append(Problem(label, "", str(exc)))
        return None


def _labels(path: Path, problems: list[Problem]) -> dict[str, dict[str, str]] | None:
    data = _read(path, path.name, problems)
    for group, codes in (data or {}).items():
        if (
            not isinstance(group, str)
            or not isinstance(codes, dict)
            or not all(isinstance(k, str) and isinstance(v, str) and v for k, v in codes.items())
        ):
            problems.append(
                Problem(path.name, "", f"{group}: must map codes to Chinese (quote true, on, no)")
            )
            return None
    return data


def _options(path: Path, sandbox: Sandbox, problems: list[Problem]) -> dict[str, OptionSpec]:
    options = {}
    for name, data in (_read(path, path.name, problems) or {}).items():
        if not isinstance(name, str):
            problems.append(Problem(path.name, "", f"{name!r} is no name"))
            continue
        try:
            options[name] = _option(name, data, sandbox)
        except (ValueError, RenderError) as exc:
            problems.append(Problem(path.name, "", f"{name}: {exc}"))
    return options


def _option(name: str, data: Any, sandbox: Sandbox) -> OptionSpec:
    if not isinstance(data, dict):
        raise ValueError("must be like {title: 查物流, intent: track_shipment, args: [order_number]}")
    if unknown := set(data) - {"title", "intent", "args", "kind", "payload"}:
        raise ValueError(f"unknown field {', '.join(map(str, unknown))}")
    title, intent, args, kind, payload = (
        data.get("title"),
        data.get("intent"),
        data.get("args", []),
        data.get("kind", "step"),
        data.get("payload"),
    )
    if not isinstance(title, str) or not title.strip():
        raise ValueError("title is missing")
    if payload is not None:
        if "intent" in data or "args" in data:
            raise ValueError("payload stands instead of intent and args")
        if not isinstance(payload, str) or not _PAYLOAD.fullmatch(payload):
            raise ValueError("payload must be like front:cancel_wait")
    elif not isinstance(intent, str) or not _INTENT.fullmatch(intent):
        raise ValueError("intent must be the name of an intent or one {{ argument }}")
    if not isinstance(args, list) or not all(isinstance(a, str) for a in args):
        raise ValueError("args must be a list of names")
    if kind not in ("step", "choice"):
        raise ValueError(f"kind must be step or choice, not {kind!r}")
    return OptionSpec(
        id=name,
        title=sandbox.compile(title),
        intent=None if payload is not None else sandbox.compile(str(intent)),
        args=tuple(args),
        kind=kind,
        static_title=None if "{{" in title else title.strip(),
        payload=payload,
    )


def _fact_files(folder: Path, problems: list[Problem]) -> dict[str, tuple[str, Any]]:
    found: dict[str, tuple[str, Any]] = {}
    for path in sorted(folder.glob("*.yml")):
        for key, data in (_read(path, f"facts/{path.name}", problems) or {}).items():
            name = str(key)
            if name in found:
                problems.append(Problem(f"facts/{path.name}", name, f"is already in {found[name][0]}"))
            else:
                found[name] = (path.name, data)
    return found


def _responses_of(path: Path, problems: list[Problem]) -> dict[str, Any]:
    data = _read(path, path.name, problems)
    responses = (data or {}).get("responses") or {}
    if not isinstance(responses, dict):
        problems.append(Problem(path.name, "", "responses: must map names to variations"))
        return {}
    return responses


@dataclass(frozen=True)
class _Declared:
    facts: Mapping[str, FactSpec]
    options: tuple[Mapping[str, Any], ...] = ()
    sober: bool = False
    menu: bool = False
    tells: Mapping[str, re.Pattern[str]] = field(default_factory=dict)


def _declared(name: str, entry: tuple[str, Any] | None, known: Mapping[str, OptionSpec]) -> _Declared:
    if entry is None:
        return _Declared({})
    file, data = entry
    where = f"facts/{file}"
    if not isinstance(data, dict):
        raise ValueError(f"{where}: must have must:, may:, tells:, tone:, options: or menu:")
    if unknown := set(data) - {"must", "may", "tells", "tone", "options", "menu"}:
        raise ValueError(f"{where}: unknown field {', '.join(map(str, unknown))}")
    facts: dict[str, FactSpec] = {}
    for group in ("must", "may"):
        declarations = data.get(group) or {}
        if not isinstance(declarations, dict):
            raise ValueError(f"{where}: {group}: must map names of facts to their declarations")
        for fact, spec in declarations.items():
            if fact in facts:
                raise ValueError(f"{where}: fact {fact} stands under must and may")
            facts[str(fact)] = FactSpec.from_yaml(str(fact), spec, must=group == "must")
    if data.get("tone", "plain") not in ("plain", "sober"):
        raise ValueError(f"{where}: tone must be plain or sober, not {data.get('tone')!r}")
    if not isinstance(data.get("menu", False), bool):
        raise ValueError(f"{where}: menu must be true or false")
    return _Declared(
        facts,
        _default_options(where, data.get("options") or [], known),
        sober=data.get("tone") == "sober",
        menu=data.get("menu", False),
        tells=_tells(where, data.get("tells") or {}),
    )


def _tells(where: str, patterns: Any) -> Mapping[str, re.Pattern[str]]:
    if not isinstance(patterns, dict) or not all(isinstance(p, str) and p for p in patterns.values()):
        raise ValueError(f"{where}: tells: must map what is told to a pattern")
    try:
        return {str(name): re.compile(pattern) for name, pattern in patterns.items()}
    except re.error as exc:
        raise ValueError(f"{where}: tells: {exc}") from exc


def _default_options(
    where: str, offered: Any, known: Mapping[str, OptionSpec]
) -> tuple[Mapping[str, Any], ...]:
    if not isinstance(offered, list):
        raise ValueError(f"{where}: options: must be a list of names")
    options = tuple({"id": o} if isinstance(o, str) else o for o in offered)
    for option in options:
        if not isinstance(option, dict) or not isinstance(option.get("id"), str) or option["id"] not in known:
            raise ValueError(f"{where}: options: options.yml has no usable {option!r}")
        if not isinstance(option.get("args", {}), dict):
            raise ValueError(f"{where}: options: args of {option['id']} must be a mapping")
    return options


def _response(name: str, file: str, variations: Any, declared: _Declared, sandbox: Sandbox) -> ResponseSpec:
    if not isinstance(variations, list) or not variations:
        raise ValueError("must be a list of variations")
    texts: dict[Style, list[Template]] = {}
    names = frozenset(declared.facts)
    for index, variation in enumerate(variations, start=1):
        style = _style_of(variation, index)
        text = variation.get("text")
        if not isinstance(text, str) or not text.strip():
            raise ValueError(f"variation {index} ({style.value}): text is missing")
        try:
            texts.setdefault(style, []).append(sandbox.compile(text.strip(), names))
        except RenderError as exc:
            raise ValueError(f"variation {index} ({style.value}): {exc}") from exc
    if Style.NEUTRAL not in texts:
        raise ValueError("has no neutral variation (one without condition)")
    return ResponseSpec(
        name=name,
        file=file,
        texts={style: tuple(found) for style, found in texts.items()},
        facts=declared.facts,
        options=declared.options,
        sober=declared.sober,
        menu=declared.menu,
        tells=declared.tells,
    )


def _style_of(variation: Any, index: int) -> Style:
    if not isinstance(variation, dict):
        raise ValueError(f"variation {index}: must have text: and, but for neutral, condition:")
    if unknown := set(variation) - {"text", "condition"}:
        raise ValueError(f"variation {index}: unknown field {', '.join(map(str, unknown))}")
    condition = variation.get("condition")
    if condition is None:
        return Style.NEUTRAL
    try:
        ((kind, slot, value),) = [(c["type"], c["name"], c["value"]) for c in condition]
        if (kind, slot) == ("slot", "temperament"):
            return Style(value)
    except (KeyError, TypeError, ValueError):
        pass
    raise ValueError(
        f"variation {index}: condition must be "
        "[{type: slot, name: temperament, value: power|perfect|peace|lively}]"
    )
