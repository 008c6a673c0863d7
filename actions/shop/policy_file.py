"""Policies as YAML: reads the delivered ones strictly, and lists what is wrong with them.

``python -m actions.shop.policy_file [FILE …]`` checks all delivered files, or those named.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from actions.shop.policy_models import Clause, Part, Policy, Tone
from actions.shop.policy_rules import validate
from actions.shop.policy_terms import OTHER_GROUP, terms

logger = logging.getLogger(__name__)

FOLDER = Path(__file__).parent / "seed" / "policies"

_CLAUSE_KEYS = ("part", "text", "core", "tone", "categories", "states", "when")
_POLICY_KEYS = ("title", "clauses")
#: YAML reads a bare ``yes`` and ``no`` as true and false.
_TONES = {True: "yes", False: "no"}
#: ``[!flag]`` without quotes is a tag of YAML.
_BARE_FLAG = re.compile(r"[\[,-]\s*![a-z]")


class PolicyFileError(ValueError):
    """Policies that cannot be taken as they stand.

    Attributes:
        problems: Chinese lines, each with file, topic and clause.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        """Keep the lines."""
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Refuses a key that stands twice, of which YAML would silently take the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """See the base."""
        seen = set()
        for key, _ in node.value:
            if key.value in seen:
                said = terms().problems["twice"].format(name=key.value)
                raise yaml.constructor.ConstructorError(None, None, said, key.start_mark)
            seen.add(key.value)
        found: dict[Any, Any] = super().construct_mapping(node, deep)
        return found


@dataclass
class _Reader:
    """One file being read; problems are gathered, not thrown one by one."""

    name: str
    categories: Collection[str] | None
    problems: list[str] = field(default_factory=list)

    def note(self, where: str, name: str, /, **gaps: object) -> None:
        said = terms().file_problems[name].format(**gaps)
        self.problems.append(f"{self.name}: {where + '：' if where else ''}{said}")

    def policies(self, text: str) -> list[Policy]:
        try:
            data = yaml.load(text, Loader=_Loader)  # noqa: S506 - a safe loader
        except yaml.MarkedYAMLError as exc:
            at = exc.problem_mark.line if exc.problem_mark is not None else 0
            bare = _BARE_FLAG.search(text.splitlines()[at] if at < len(text.splitlines()) else "")
            self.note(str(at + 1), "tag" if bare else "yaml", detail=exc.problem)
            return []
        except yaml.YAMLError as exc:
            self.note("", "yaml", detail=str(exc).splitlines()[0])
            return []
        if not self._is(data, dict, "", "topic: {title, clauses}"):
            return []
        found = [self._policy(topic, value) for topic, value in data.items()]
        return [policy for policy in found if policy is not None]

    def _policy(self, topic: object, data: Any) -> Policy | None:
        before = len(self.problems)
        where = str(topic)
        if not self._mapping(data, where, _POLICY_KEYS, required=_POLICY_KEYS):
            return None
        clauses = data.get("clauses", [])
        if not self._is(clauses, list, f"{where} · clauses", "[…]"):
            return None
        self._is(data.get("title", ""), str, f"{where} · title", "text")
        number = terms().problems["clause"]
        read = [
            self._clause(clause, f"{where} · {number.format(number=at)}")
            for at, clause in enumerate(clauses, start=1)
        ]
        if len(self.problems) > before:
            return None
        policy = Policy(where, data["title"], tuple(clause for clause in read if clause is not None))
        wrong = validate(policy, categories=self.categories)
        self.problems += [f"{self.name}: {where} · {problem}" for problem in wrong]
        return None if wrong else policy

    def _clause(self, data: Any, where: str) -> Clause | None:
        before = len(self.problems)
        if not self._mapping(data, where, _CLAUSE_KEYS, required=("part", "text")):
            return None
        tone = data.get("tone", Tone.INFO.value)
        part = self._one_of(data.get("part", ""), terms().parts, f"{where} · part")
        tone = self._one_of(_TONES.get(tone, tone) if isinstance(tone, bool) else tone, terms().tones, where)
        self._is(data.get("text", ""), str, f"{where} · text", "text")
        self._is(data.get("core", True), bool, f"{where} · core", "true / false")
        lists = {name: self._texts(data.get(name, []), f"{where} · {name}") for name in _CLAUSE_KEYS[4:]}
        if len(self.problems) > before:
            return None
        return Clause(Part(part), data["text"], data.get("core", True), Tone(tone), **lists)

    def _mapping(self, data: Any, where: str, known: Sequence[str], required: Iterable[str]) -> bool:
        if not self._is(data, dict, where, "{" + ", ".join(known) + "}"):
            return False
        before = len(self.problems)
        for name in data:
            if name not in known:
                self.note(where, "unknown", name=name)
        for name in required:
            if name not in data:
                self.note(where, "missing", name=name)
        return len(self.problems) == before

    def _is(self, data: Any, kind: type, where: str, wanted: str) -> bool:
        if isinstance(data, kind):
            return True
        self.note(where, "shape", wanted=wanted)
        return False

    def _one_of(self, value: Any, known: Mapping[str, str], where: str) -> str:
        if not isinstance(value, str) or value not in known:
            self.note(where, "value", name=value, known="、".join(known))
        return str(value)

    def _texts(self, value: Any, where: str) -> tuple[str, ...]:
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            self.note(where, "shape", wanted="[…]")
            return ()
        return tuple(value)


def read_text(text: str, name: str, *, categories: Collection[str] | None = None) -> tuple[Policy, ...]:
    """Read policies from YAML.

    Args:
        text: topic → title and clauses.
        name: of the file, for the problems.
        categories: the codes that exist, see :func:`~actions.shop.policy_rules.validate`.

    Raises:
        PolicyFileError: anything is wrong; nothing is returned then.
    """
    reader = _Reader(name, categories)
    found = reader.policies(text)
    if reader.problems:
        raise PolicyFileError(reader.problems)
    return tuple(found)


def read_files(paths: Iterable[Path]) -> dict[str, tuple[Policy, ...]]:
    """Read several files strictly, by file stem.

    Raises:
        PolicyFileError: what is wrong with all of them, also a topic that stands in two.
    """
    found: dict[str, tuple[Policy, ...]] = {}
    problems: list[str] = []
    homes: dict[str, str] = {}
    for path in paths:
        try:
            policies = read_text(path.read_text(encoding="utf-8"), path.name, categories=terms().categories)
        except PolicyFileError as exc:
            problems += exc.problems
            continue
        for policy in policies:
            if policy.topic in homes:
                said = terms().file_problems["topic_twice"]
                problems.append(f"{path.name}: {said.format(name=policy.topic, file=homes[policy.topic])}")
            homes[policy.topic] = path.name
        found[path.stem] = policies
    if problems:
        raise PolicyFileError(problems)
    return found


def delivered() -> dict[str, tuple[Policy, ...]]:
    """Return the policies that this software comes with, by group (file stem), read once per process.

    A file with a problem is left out and logged: the shop answers what it can. :func:`main` is the check.
    """
    return _delivered()[0]


def delivered_whole() -> bool:
    """Say whether no file was left out: else what is missing may be delivered all the same."""
    return _delivered()[1]


@lru_cache(maxsize=1)
def _delivered() -> tuple[dict[str, tuple[Policy, ...]], bool]:
    found: dict[str, tuple[Policy, ...]] = {}
    whole = True
    for path in sorted(FOLDER.glob("*.yml")):
        try:
            found |= read_files([path])
        except PolicyFileError as exc:
            logger.error("a file of policies is left out: %s", exc.problems[0])
            whole = False
    return found, whole


def delivered_topics() -> dict[str, Policy]:
    """Return the delivered policies by topic."""
    return {policy.topic: policy for policies in delivered().values() for policy in policies}


def group_of(topic: str) -> str:
    """Return the group that a topic is shown under: the file that delivers it, else ``other``."""
    for group, policies in delivered().items():
        if any(policy.topic == topic for policy in policies):
            return group if group in terms().groups else OTHER_GROUP
    return OTHER_GROUP


def as_data(policy: Policy) -> dict[str, Any]:
    """Return what YAML says of a policy; defaults are left out."""
    return {"title": policy.title, "clauses": [_clause_data(clause) for clause in policy.clauses]}


def _clause_data(clause: Clause) -> dict[str, Any]:
    data: dict[str, Any] = {"part": clause.part.value}
    if not clause.core:
        data["core"] = False
    if clause.tone is not Tone.INFO:
        data["tone"] = clause.tone.value
    for name in _CLAUSE_KEYS[4:]:
        if getattr(clause, name):
            data[name] = list(getattr(clause, name))
    data["text"] = clause.text
    return data


class _Dumper(yaml.SafeDumper):
    """Writes a clause on a line of its own, as people do."""


def _represent(dumper: yaml.SafeDumper, data: dict[str, Any]) -> yaml.Node:
    flow = "part" in data
    return dumper.represent_mapping("tag:yaml.org,2002:map", data.items(), flow_style=flow)


_Dumper.add_representer(dict, _represent)


def write_text(policies: Iterable[Policy]) -> str:
    """Return policies as YAML that :func:`read_text` reads back the same."""
    data = {policy.topic: as_data(policy) for policy in policies}
    written: str = yaml.dump(data, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=10_000)
    return written


def words_to_avoid(policies: Iterable[Policy], name: str) -> list[str]:
    """Return where delivered texts use words that this shop does not say."""
    clause_words, sentence = terms().problems["clause"], terms().avoided
    return [
        f"{name}: {policy.topic} · {clause_words.format(number=at)}：{sentence.format(name=word)}"
        for policy in policies
        for at, clause in enumerate(policy.clauses, start=1)
        for word in terms().avoid
        if word in clause.text
    ]


def main(arguments: Sequence[str], say: Callable[[str], None] = print) -> int:
    """List the problems of the delivered files, or of those named; 1 where there are any."""
    paths = [Path(name) for name in arguments] or sorted(FOLDER.glob("*.yml"))
    problems: list[str] = []
    found: dict[str, tuple[Policy, ...]] = {}
    try:
        found = read_files(paths)
    except PolicyFileError as exc:
        problems += exc.problems
    for stem, policies in found.items():
        problems += words_to_avoid(policies, f"{stem}.yml")
    for problem in problems:
        say(problem)
    if not problems:
        topics = sum(len(policies) for policies in found.values())
        clauses = sum(len(policy.clauses) for policies in found.values() for policy in policies)
        say(f"{len(found)} files, {topics} topics, {clauses} clauses: nothing is wrong")
    return 1 if problems else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
