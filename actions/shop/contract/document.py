"""Reads the contract, and checks values against its schemas in words that name the field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import RefResolver

PATH = Path(__file__).with_name("openapi.yml")


@dataclass(frozen=True)
class Mismatch:
    """One place where a value is not what the contract says.

    Attributes:
        path: where, e.g. ``items[2].total``; "" for the whole.
        expected: what is wanted, in words.
        got: what stands there, in words; values of personal fields are not repeated.
    """

    path: str
    expected: str
    got: str


@lru_cache(maxsize=1)
def document() -> dict[str, Any]:
    """Return the whole contract; read once."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    loaded: dict[str, Any] = yaml.load(PATH.read_bytes(), Loader=loader)  # noqa: S506 (a safe loader)
    return loaded


@lru_cache(maxsize=1)
def operations() -> dict[str, dict[str, Any]]:
    """Return operationId -> operation, with ``method`` and ``path`` beside what the file says."""
    return {
        operation["operationId"]: {**operation, "method": method.upper(), "path": path}
        for path, methods in document()["paths"].items()
        for method, operation in methods.items()
    }


def resolved(node: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a ``$ref`` points to, or the node itself."""
    while "$ref" in node:
        found: Any = document()
        for part in node["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        node = found
    return node


def answer_schema(operation: str) -> dict[str, Any]:
    """Return the schema of an operation's good answer."""
    content = operations()[operation]["responses"]["200"]["content"]
    schema: dict[str, Any] = content["application/json"]["schema"]
    return schema


def mismatches(schema: Mapping[str, Any], value: Any) -> Iterator[Mismatch]:
    """Yield every place where `value` does not fit a schema of the contract."""
    resolver = RefResolver("", document())
    for error in Draft202012Validator(schema, resolver=resolver).iter_errors(value):
        yield from _told(error)


def _told(error: ValidationError) -> Iterator[Mismatch]:
    deeper = _of_the_real_choice(error)
    if deeper:
        for one in deeper:
            yield from _told(one)
        return
    path = _path(error)
    schema: Any = error.schema
    if error.validator == "required":
        lacking: Any = error.validator_value
        found: Any = error.instance
        for name in lacking:
            if name not in found:
                wanted = _wanted(resolved(schema["properties"][name]))
                yield Mismatch(f"{path}.{name}".lstrip("."), wanted, "nothing: the field is missing")
        return
    yield Mismatch(path, _expected(error), told(error.instance, path))


def _of_the_real_choice(error: ValidationError) -> list[ValidationError]:
    """Return the errors of "this, or null" that tell about this: the value was meant to be it."""
    if error.validator != "oneOf" or not error.context:
        return []
    return [e for e in error.context if e.schema_path[0] == 0]


def _path(error: ValidationError) -> str:
    parts = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.absolute_path]
    return "".join(parts).lstrip(".")


def _expected(error: ValidationError) -> str:
    schema: Any = error.schema
    checks = {
        "minimum": f"{error.validator_value} or more",
        "maximum": f"{error.validator_value} or less",
        "minItems": f"at least {error.validator_value} items",
        "maxItems": f"at most {error.validator_value} items",
        "maxLength": f"at most {error.validator_value} characters",
        "minLength": "a text that is not empty",
    }
    return checks.get(str(error.validator)) or _wanted(schema)


_TYPES = {
    "string": "a string",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "object": "an object",
    "array": "an array",
    "null": "null",
}


def _wanted(schema: Mapping[str, Any]) -> str:
    schema = resolved(schema)
    if "oneOf" in schema:
        return " or ".join(_wanted(option) for option in schema["oneOf"])
    if "enum" in schema:
        return "one of " + ", ".join("null" if code is None else str(code) for code in schema["enum"])
    examples = schema.get("examples")
    if "pattern" in schema and examples:
        format_of = {"date-time": "a moment with its offset", "date": "a day"}
        return f'{format_of.get(str(schema.get("format")), "a string")} like "{examples[0]}"'
    if "pattern" in schema:
        return f"a string that fits {schema['pattern']}"
    kinds = schema.get("type", "object")
    return " or ".join(_TYPES[kind] for kind in ([kinds] if isinstance(kinds, str) else kinds))


_PERSONAL = frozenset(
    {
        "name",
        "phone",
        "consignee",
        "street",
        "birthday",
        "email",
        "tax_number",
        "title",
        "district",
        "text",
        "note",
        "description",
    }
)


def told(value: Any, path: str = "") -> str:
    """Return what stands somewhere, short; of personal fields only its kind."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else f"an array of {len(value)}"
    kind = "the string" if isinstance(value, str) else "the number"
    if path.rpartition(".")[2].partition("[")[0] in _PERSONAL:
        return f"a {kind.removeprefix('the ')}"
    text = str(value)
    return f'{kind} "{text[:60]}"' if isinstance(value, str) else f"{kind} {text[:60]}"
