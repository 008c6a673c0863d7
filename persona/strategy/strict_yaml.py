"""YAML as people edit it: no duplicate keys, no dates guessed, errors with file and line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml


class YamlError(ValueError):
    """A file that cannot be read; the message names file, line and cause."""


# libyaml reads ten times as fast, and words are read again while the bot runs.
if TYPE_CHECKING or not yaml.__with_libyaml__:  # noqa: SIM108  mypy follows the statement only
    _Base = yaml.SafeLoader
else:
    _Base = yaml.CSafeLoader


class _Loader(_Base):
    """A safe loader that rejects duplicate keys and leaves timestamps as text."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)  # type: ignore[no-untyped-call]
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"{key!r} stands here a second time", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


# YAML guesses that 2026-11-24 is a date; facts are typed by their declaration instead.
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read_mapping(path: Path) -> dict[str, Any]:
    """Read a file that holds one mapping; an empty file is an empty mapping.

    Raises:
        YamlError: where the file cannot be read, is no YAML, repeats a key or holds something else.
    """
    try:
        data = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506  it is a SafeLoader
    except OSError as exc:
        raise YamlError(f"{path.name}: cannot be read ({exc.strerror})") from exc
    except UnicodeDecodeError as exc:
        raise YamlError(f"{path.name}: is not UTF-8 ({exc.reason} at byte {exc.start})") from exc
    except (yaml.YAMLError, TypeError) as exc:
        raise YamlError(f"{path.name}: {_one_line(exc)}") from exc
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise YamlError(f"{path.name}: must hold a mapping, not {type(data).__name__}")
    return data


def _one_line(exc: Exception) -> str:
    if isinstance(exc, yaml.MarkedYAMLError) and exc.problem_mark is not None:
        return f"line {exc.problem_mark.line + 1}: {exc.problem or exc.context}"
    return " ".join(str(exc).split())
