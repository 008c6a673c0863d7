"""Which policy answers which question, and what must be known for it: reads ``policy_topics/*.yml``.

A question's entry names the topic of the policy, how its order is found, and what else the shop is asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from pathlib import Path
from typing import Any

from actions.shop.models import OrderState
from persona.strategy.strict_yaml import YamlError, read_mapping

FOLDER = Path(__file__).with_suffix("")
_OPTIONS = Path(__file__).resolve().parents[1] / "persona" / "wording" / "options.yml"

#: What else can be asked of the shop; those of an order need one.
OF_ORDERS = frozenset({"return", "aftersale", "price", "invoice", "payment", "warranty"})
NEEDS = OF_ORDERS | {"promotions", "customer"}

_KEYS = {"topic", "order", "product", "first", "fits", "needs", "options"}


class OrderUse(str, Enum):
    """How the order that a question is about is found."""

    NO = "no"  # never looked for
    IF_CLEAR = "if_clear"  # used where it is clear, else the answer is a general one
    ASK = "ask"  # which one is asked


@dataclass(frozen=True)
class PolicyTopic:
    """How one question is answered from the shop's policies.

    Attributes:
        intent: the question.
        topic: the policy that answers it.
        order: how its order is found.
        product: whether a product named or talked of belongs to it.
        fits: states of orders that it is likely about; () for all.
        first: those of them that come before the others where she has such an order.
        needs: what else is asked of the shop, of :data:`NEEDS`.
        options: next steps, in order of usefulness (names of options.yml).
        file: the file that says so.
    """

    intent: str
    topic: str
    order: OrderUse = OrderUse.NO
    product: bool = False
    fits: tuple[OrderState, ...] = ()
    first: tuple[OrderState, ...] = ()
    needs: frozenset[str] = frozenset()
    options: tuple[str, ...] = ()
    file: str = ""


class TopicError(ValueError):
    """An entry that cannot be used; the message names file, intent and what is wrong."""


def read_topics(paths: Iterable[Path], options: Iterable[str]) -> dict[str, PolicyTopic]:
    """Read entries from several files, strictly.

    Args:
        paths: the files, intent → entry.
        options: the next steps that exist.

    Raises:
        TopicError: a file cannot be read, or an entry says something unknown or stands twice.
    """
    known = frozenset(options)
    found: dict[str, PolicyTopic] = {}
    for path in paths:
        try:
            entries = read_mapping(path)
        except YamlError as exc:
            raise TopicError(str(exc)) from exc
        for intent, data in entries.items():
            where = f"{path.name}: {intent}"
            if intent in found:
                raise TopicError(f"{where}: is already in {found[intent].file}")
            found[intent] = _topic(where, str(intent), data, known, path.name)
    return found


@lru_cache(maxsize=1)
def topics() -> Mapping[str, PolicyTopic]:
    """Return the project's entries by intent, read once per process.

    Raises:
        TopicError: one of the files is wrong.
    """
    return read_topics(sorted(FOLDER.glob("*.yml")), read_mapping(_OPTIONS))


def _topic(where: str, intent: str, data: Any, options: frozenset[str], file: str) -> PolicyTopic:
    if not isinstance(data, dict):
        raise TopicError(f"{where}: must be like {{topic: return_fee, order: if_clear}}")
    _only(where, "key", data, _KEYS)
    order = data.get("order", OrderUse.NO.value)
    # YAML reads a bare no as false.
    order = OrderUse.NO.value if order is False else order
    _only(where, "order", [order], {use.value for use in OrderUse})
    fits = _names(where, "fits", data)
    first = _names(where, "first", data)
    needs = _names(where, "needs", data)
    steps = _names(where, "options", data)
    _only(where, "state", fits, {state.value for state in OrderState})
    _only(where, "state that fits", first, set(fits))
    _only(where, "need", needs, NEEDS)
    _only(where, "option", steps, options)
    if order == OrderUse.NO.value and (fits or OF_ORDERS & set(needs)):
        raise TopicError(f"{where}: fits and needs of orders say nothing where order is no")
    topic, product = data.get("topic"), data.get("product", False)
    if not isinstance(topic, str) or not topic:
        raise TopicError(f"{where}: topic is missing")
    if not isinstance(product, bool):
        raise TopicError(f"{where}: product must be true or false")
    return PolicyTopic(
        intent=intent,
        topic=topic,
        order=OrderUse(order),
        product=product,
        fits=tuple(OrderState(state) for state in fits),
        first=tuple(OrderState(state) for state in first),
        needs=frozenset(needs),
        options=tuple(steps),
        file=file,
    )


def _names(where: str, key: str, data: Mapping[str, Any]) -> list[str]:
    value = data.get(key, [])
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise TopicError(f"{where}: {key} must be a list of names")
    if len(set(value)) != len(value):
        raise TopicError(f"{where}: {key} says something twice")
    return value


def _only(where: str, what: str, names: Iterable[Any], known: Iterable[str]) -> None:
    unknown = [str(name) for name in names if name not in set(known)]
    if unknown:
        raise TopicError(f"{where}: unknown {what} {', '.join(unknown)}")
