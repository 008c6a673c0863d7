"""Whatever a manager saves, reading the words again never raises: the fault is named, the rest speaks on."""

from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from persona.wording.catalogue import load_catalogue
from persona.wording.check import check
from tests.persona.wording.conftest import Room

pytestmark = pytest.mark.slow

OF_FACTS = [
    "must",
    "may",
    "tone",
    "options",
    "menu",
    "type",
    "sample",
    "columns",
    "key",
    "cut",
    "extra",
    "shows",
    "tells",
    "payload",
]
OF_OTHERS = ["text", "condition", "title", "intent", "args", "kind", "id"]
VALUES = ["x", "rows", "flag", "list", "{{ x }}", "{% if %}"]
NAMES = st.sampled_from(OF_FACTS + OF_OTHERS + VALUES)
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 5), st.floats(allow_nan=False), NAMES, st.text(max_size=5)
)
KEYS = st.one_of(NAMES, st.integers())
ANYTHING: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=12,
)
FACT = st.dictionaries(
    st.sampled_from(["type", "sample", "shows", "columns", "key", "cut", "extra"]), ANYTHING
)
FACTS = st.one_of(
    ANYTHING,
    st.fixed_dictionaries({}, optional={
        "must": st.one_of(ANYTHING, st.dictionaries(st.just("x"), FACT)),
        "may": ANYTHING, "options": ANYTHING, "tone": ANYTHING, "menu": ANYTHING, "tells": ANYTHING,
    }),
)  # fmt: skip


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(response=ANYTHING, facts=FACTS, option=ANYTHING, label=ANYTHING)
def test_reading_never_raises(room: Room, response: Any, facts: Any, option: Any, label: Any) -> None:
    old = load_catalogue(room.root)
    odd = {"responses": {"utter_odd": response, "utter_plain": [{"text": "好"}]}}
    room.write("bot/domain/odd.yml", yaml.safe_dump(odd, allow_unicode=True))
    room.write("persona/wording/facts/odd.yml", yaml.safe_dump({"utter_plain": facts}, allow_unicode=True))
    room.write("persona/wording/options.yml", yaml.safe_dump({"odd": option}, allow_unicode=True))
    room.write("persona/wording/labels.yml", yaml.safe_dump({"odd": label}, allow_unicode=True))
    try:
        fresh = load_catalogue(room.root, old)
        check(fresh)
        assert "utter_apology" in fresh.responses
        assert "utter_shipped" in fresh.responses
    finally:
        room.restore()
