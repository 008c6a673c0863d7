"""The sandbox in which a writer's text meets the facts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError, Undefined, meta, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from persona.wording.facts import CLOSE, OPEN, FactError
from persona.wording.filters import FILTERS, labelled, shown

_PARTS = re.compile(f"{OPEN}([^{CLOSE}]*){CLOSE}")


class RenderError(ValueError):
    """A text that cannot be rendered; the message says why, without values of facts."""


@dataclass(frozen=True)
class Segment:
    """A stretch of rendered text; `fact` says that it was a fact or a label, not prose."""

    text: str
    fact: bool


class Sandbox:
    """Compiles and renders texts. Facts are data: what they contain is never a template."""

    def __init__(self, labels: Mapping[str, Mapping[str, str]]) -> None:
        self.labels = labels
        self._compiled: dict[tuple[str, frozenset[str] | None], Template] = {}
        self._env = ImmutableSandboxedEnvironment(
            undefined=StrictUndefined,
            autoescape=False,  # plain text: who puts it into a page escapes there
            trim_blocks=True,
            lstrip_blocks=True,
            finalize=_frame,
        )
        self._env.globals.clear()
        self._env.filters.update(FILTERS, label=labelled(labels))

    def compile(self, source: str, declared: frozenset[str] | None = None) -> Template:
        """Compile a text that may use the declared names (None: any).

        Raises:
            RenderError: for broken Jinja, an undeclared name, an unknown filter or group of labels.
        """
        key = (source, declared)
        if key in self._compiled:  # an edit of one text compiles one text
            return self._compiled[key]
        try:
            tree = self._env.parse(source)
            unknown = meta.find_undeclared_variables(tree) - declared if declared is not None else set()
            if unknown:
                raise RenderError(f"uses {', '.join(sorted(unknown))}, which is not declared among its facts")
            for node in tree.find_all(nodes.Filter):
                group = node.args[0] if node.name == "label" and node.args else None
                if isinstance(group, nodes.Const) and group.value not in self.labels:
                    raise RenderError(f"labels.yml has no group {group.value!r}")
            self._compiled[key] = self._env.from_string(tree)
        except TemplateError as exc:
            line = getattr(exc, "lineno", None)
            raise RenderError(f"template: {exc.message}" + (f" (line {line})" if line else "")) from exc
        return self._compiled[key]

    @staticmethod
    def render(template: Template, values: Mapping[str, Any]) -> tuple[Segment, ...]:
        """Render and return the stretches of prose and of facts in order."""
        try:
            framed = template.render(values)
        except KeyError as exc:
            raise RenderError(f"no label {exc}") from exc
        except (TemplateError, TypeError, FactError) as exc:
            raise RenderError(f"{type(exc).__name__}: {exc}") from exc
        except (ValueError, AttributeError, ArithmeticError) as exc:
            # Their messages may quote a value.
            raise RenderError(f"{type(exc).__name__} while rendering") from exc
        segments = []
        for index, part in enumerate(_PARTS.split(framed.strip())):
            if part:
                segments.append(Segment(part, fact=index % 2 == 1))
        return tuple(segments)


def _frame(value: Any) -> Any:
    if isinstance(value, Undefined):
        return value
    fact = shown(value)
    return value if fact is None else f"{OPEN}{fact}{CLOSE}"
