"""The contract file, the table of operations and the dataclasses say the same, and its examples hold."""

from __future__ import annotations

import types
from collections.abc import Iterator
from dataclasses import MISSING, fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest
from openapi_spec_validator import validate_spec

from actions.shop import rules, service_rules
from actions.shop.contract.document import answer_schema, document, mismatches, operations, resolved
from actions.shop.errors import KeyReusedError, NotFoundError, NotOfferedError, RuleError, ShopError
from actions.shop.http_answers import Answer, AwayError, content
from actions.shop.http_operations import OPERATIONS, Moment, Operation
from actions.shop.http_wire import SCORES, decode, dumps, encode
from actions.shop.policy_rules import POLICY_RULES

SCHEMAS = document()["components"]["schemas"]
_PLAIN = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    Decimal: {"$ref": "#/components/schemas/Money"},
    datetime: {"$ref": "#/components/schemas/Timestamp"},
    date: {"$ref": "#/components/schemas/Date"},
}


def name_of(kind: type) -> str:
    return "ShopTime" if kind is Moment else kind.__name__


def shape(kind: Any) -> Any:
    """Return the part of a schema that a type decides."""
    if kind in _PLAIN:
        return _PLAIN[kind]
    parts = get_args(kind)
    if get_origin(kind) in (Union, types.UnionType):
        inner = shape(next(part for part in parts if part is not type(None)))
        if "type" in inner and inner["type"] != "array":
            return {"type": [inner["type"], "null"]}
        return {"oneOf": [inner, {"type": "null"}]}
    if get_origin(kind) is tuple:
        if parts[1:] == (Ellipsis,):
            return {"type": "array", "items": shape(parts[0])}
        size = len(parts)
        return {"type": "array", "prefixItems": [shape(p) for p in parts], "minItems": size, "maxItems": size}
    return {"$ref": f"#/components/schemas/{name_of(kind)}"}


def agrees(said: Any, wanted: Any) -> bool:
    """Say whether a schema has at least this shape; it may say more (meaning, bounds, codes)."""
    if isinstance(wanted, dict):
        return isinstance(said, dict) and all(agrees(said.get(key), value) for key, value in wanted.items())
    return bool(said == wanted)


def kinds(kind: Any, seen: set[Any]) -> Iterator[Any]:
    """Yield every dataclass and enum that a type is made of."""
    for part in get_args(kind):
        yield from kinds(part, seen)
    if not isinstance(kind, type) or kind in seen:
        return
    if issubclass(kind, Enum):
        seen.add(kind)
        yield kind
    elif is_dataclass(kind):
        seen.add(kind)
        yield kind
        for hint in get_type_hints(kind).values():
            yield from kinds(hint, seen)


def all_kinds() -> list[Any]:
    seen: set[Any] = set()
    return [
        kind
        for operation in OPERATIONS.values()
        for root in (operation.answer, operation.body)
        for kind in kinds(root, seen)
    ]


@pytest.mark.parametrize("kind", all_kinds(), ids=name_of)
def test_schema_and_dataclass_agree_field_by_field(kind: Any) -> None:
    said = SCHEMAS[name_of(kind)]
    assert said["description"]
    if issubclass(kind, Enum):
        assert said["enum"] == [member.value for member in kind]
        return
    hints = get_type_hints(kind)
    assert list(said["properties"]) == [field.name for field in fields(kind)]
    for field in fields(kind):
        wanted = shape(hints[field.name])
        if (kind, field.name) in SCORES:
            wanted = {"$ref": "#/components/schemas/Score"}
        property_ = said["properties"][field.name]
        if field.name == "reasons":  # its items have codes beside their type
            assert property_["items"]["type"] == "string"
            wanted = {"type": "array"}
        assert agrees(property_, wanted), (field.name, property_, wanted)
        assert property_["description"], field.name
    needed = [
        field.name
        for field in fields(kind)
        if field.default is MISSING
        and field.default_factory is MISSING
        and type(None) not in get_args(hints[field.name])
    ]
    assert said.get("required", []) == needed


def test_the_file_is_valid_openapi() -> None:
    validate_spec(document())


def test_no_schema_is_left_that_nothing_uses() -> None:
    known = {name_of(kind) for kind in all_kinds()}
    assert set(SCHEMAS) - known == {"Money", "Score", "Timestamp", "Date", "RuleCode", "Error"}


def test_the_table_and_the_file_have_the_same_operations() -> None:
    assert set(operations()) == set(OPERATIONS)


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=lambda operation: operation.name)
def test_an_operation_is_described_whole(operation: Operation) -> None:
    said = operations()[operation.name]
    assert (said["method"], said["path"]) == (operation.method, operation.path)
    assert said["summary"]
    assert said["description"]
    assert said["x-zhixin-core"] is operation.core
    parameters = [resolved(parameter) for parameter in said.get("parameters", [])]
    query = [parameter["name"] for parameter in parameters if parameter["in"] == "query"]
    assert tuple(query) == operation.query
    keyed = any(parameter["name"] == "Idempotency-Key" for parameter in parameters)
    assert keyed is operation.keyed is ("422" in said["responses"])
    assert ("requestBody" in said) is (operation.body is not None)
    answers = set(said["responses"])
    assert {"200", "400", "401", "403", "429", "500", "503"} <= answers
    assert ("501" in answers) is not operation.core
    wanted = shape(operation.answer)
    schema = answer_schema(operation.name)
    if get_origin(operation.answer) is tuple:
        assert schema["required"] == ["items"]
        schema = schema["properties"]["items"]
    assert agrees(schema, wanted)


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=lambda operation: operation.name)
def test_every_example_fits_its_schema_and_is_read(operation: Operation) -> None:
    said = operations()[operation.name]
    good = said["responses"]["200"]["content"]["application/json"]
    assert good["examples"]
    for example in good["examples"].values():
        assert not list(mismatches(good["schema"], example["value"]))
        value = example["value"]["items"] if get_origin(operation.answer) is tuple else example["value"]
        read = decode(operation.answer, value)
        assert encode(read) == value
    if operation.body is not None:
        body = said["requestBody"]["content"]["application/json"]
        for example in body["examples"].values():
            assert not list(mismatches(body["schema"], example["value"]))
            assert encode(decode(operation.body, example["value"])) == example["value"]


_MEANS: dict[str, type[Exception]] = {
    "400": ShopError,
    "401": ShopError,
    "403": ShopError,
    "404": NotFoundError,
    "409": RuleError,
    "422": KeyReusedError,
    "429": AwayError,
    "500": AwayError,
    "501": NotOfferedError,
    "503": AwayError,
}


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=lambda operation: operation.name)
def test_every_example_of_an_error_is_understood(operation: Operation) -> None:
    for status, response in operations()[operation.name]["responses"].items():
        if status == "200":
            continue
        said = resolved(response)["content"]["application/json"]
        assert said["examples"]
        for code, example in said["examples"].items():
            assert not list(mismatches(said["schema"], example["value"]))
            answer = Answer(int(status), {"Content-Type": "application/json"}, dumps(example["value"]))
            with pytest.raises(_MEANS[status]) as caught:
                content(answer)
            if isinstance(caught.value, RuleError):
                assert caught.value.rule == code


def test_every_rule_of_the_embedded_shop_has_a_code() -> None:
    known = {*rules.RULES, *service_rules.SERVICE_RULES, *POLICY_RULES}
    assert known <= set(SCHEMAS["RuleCode"]["enum"])


@pytest.mark.parametrize(
    ("operation", "spoil", "path", "expected"),
    [
        ("order", lambda a: a.update(total=2899.0), "total", '"89.00"'),
        ("order", lambda a: a.update(total="2899"), "total", '"89.00"'),
        ("order", lambda a: a.update(state="sent"), "state", "one of unpaid, paid, shipped"),
        ("order", lambda a: a.update(placed_at="2026-11-18T09:12:00"), "placed_at", "offset"),
        ("order", lambda a: a.pop("items"), "items", "an array"),
        ("order", lambda a: a["shipment"].update(carrier=None), "shipment.carrier", "a string"),
        ("order", lambda a: a["items"][0].update(quantity="1"), "items[0].quantity", "a whole number"),
        ("order", lambda a: a["address"].pop("phone"), "address.phone", "a string"),
        ("customer", lambda a: a.update(birthday="2.4.1996"), "birthday", "a day"),
        ("return_terms", lambda a: a.update(refund_days=[1]), "refund_days", "at least 2"),
        ("product", lambda a: a.update(rating=4.8), "rating", '"4.8"'),
    ],
)
def test_what_does_not_fit_is_named(operation: str, spoil: Any, path: str, expected: str) -> None:
    examples = operations()[operation]["responses"]["200"]["content"]["application/json"]["examples"]
    answer = decode(OPERATIONS[operation].answer, examples["usual"]["value"])
    value = encode(answer)
    spoil(value)
    (found,) = mismatches(answer_schema(operation), value)
    assert found.path == path
    assert expected in found.expected


def test_personal_values_are_not_repeated() -> None:
    examples = operations()["customer"]["responses"]["200"]["content"]["application/json"]["examples"]
    value = {**examples["usual"]["value"], "birthday": "13800001234"}
    (found,) = mismatches(answer_schema("customer"), value)
    assert "1380" not in found.got
