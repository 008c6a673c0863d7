"""The figures: labels from lists only, nothing that grows with what people say, readers that may."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from persona.telemetry import metrics
from persona.telemetry.access import LOOPBACK, Readers


@given(st.lists(st.text(max_size=20), max_size=30))
def test_what_is_not_on_the_list_is_other(values: list[str]) -> None:
    known = metrics.Known("a", "b")
    assert {known.of(value) for value in values} <= {"a", "b", metrics.OTHER}
    assert known.of(None) == metrics.OTHER


@given(st.lists(st.text(min_size=1, max_size=20), min_size=1, max_size=200))
def test_names_of_exceptions_are_told_apart_up_to_a_number(values: list[str]) -> None:
    known = metrics.FirstSeen(5)
    assert len({known.of(value) for value in values}) <= 6
    assert known.of("not an identifier") == metrics.OTHER


def test_an_error_is_counted_by_its_kind() -> None:
    def count(kind: str) -> float:
        return metrics.REGISTRY.get_sample_value("zhixin_errors_total", {"kind": kind}) or 0.0

    before, plain = count("ZeroDivisionError"), count("logged")
    logger = logging.Logger("of the test")
    logger.addHandler(metrics.CountErrors())
    try:
        raise ZeroDivisionError("13800138000")
    except ZeroDivisionError:
        logger.exception("failed")
    logger.error("said")
    logger.warning("not counted")
    assert (count("ZeroDivisionError"), count("logged")) == (before + 1, plain + 1)
    assert b"13800138000" not in metrics.exposition()


def test_a_stage_is_measured_however_it_ends() -> None:
    def count() -> float:
        return metrics.REGISTRY.get_sample_value("zhixin_stage_seconds_count", {"stage": "keep"}) or 0.0

    before = count()
    with pytest.raises(KeyError), metrics.stage("keep"):
        raise KeyError
    with metrics.stage("keep"):
        pass
    assert count() == before + 2


def test_a_snapshot_tells_what_was_found_last_and_nothing_where_nothing_was() -> None:
    registry = CollectorRegistry()
    snapshot = metrics.Snapshot(registry, [("zhixin_x", "X.", ("owner",)), ("zhixin_y", "Y.", ())])
    snapshot.put("zhixin_x", {("bot",): 3.0})
    snapshot.put("zhixin_y", {(): 0.0})
    told = {s.name: s.value for f in text_string_to_metric_families(_text(registry)) for s in f.samples}
    assert told == {"zhixin_x": 3.0, "zhixin_y": 0.0}
    snapshot.clear()
    assert not _text(registry).strip()
    assert {"zhixin_x", "zhixin_y"} <= metrics.names(registry)


def _text(registry: CollectorRegistry) -> str:
    return metrics.exposition(registry).decode()


def test_our_own_registry_holds_ours_and_the_process_and_nothing_of_others() -> None:
    names = {f.name for f in text_string_to_metric_families(_text(metrics.REGISTRY))}
    strangers = {n for n in names if not n.startswith(("zhixin_", "process_", "python_"))}
    assert not strangers
    assert not any(name.endswith("_created") for name in names)


SECRET = "a-secret-of-the-tests"


@pytest.mark.parametrize(
    ("remote", "headers", "may"),
    [
        ("127.0.0.1", {}, True),
        ("::1", {}, True),
        ("::ffff:127.0.0.1", {}, True),
        ("10.1.2.3", {}, False),
        ("", {}, False),
        (None, {}, False),
        ("127.0.0.1", {"X-Forwarded-For": "127.0.0.1"}, False),
        ("127.0.0.1", {"X-Forwarded-For": ""}, False),
        ("127.0.0.1", {"Forwarded": "for=127.0.0.1"}, False),
        ("127.0.0.1", {"Via": "1.1 proxy"}, False),
        ("10.1.2.3", {"X-Zhixin-Secret": SECRET}, True),
        ("10.1.2.3", {"Authorization": f"Bearer {SECRET}"}, True),
        ("10.1.2.3", {"Authorization": f"Basic {SECRET}"}, False),
        ("10.1.2.3", {"X-Zhixin-Secret": SECRET[:-1]}, False),
        ("10.1.2.3", {"X-Zhixin-Secret": "ä"}, False),
        ("10.1.2.3", {"Authorization": "Bearer "}, False),
    ],
)
def test_who_may_read(remote: str | None, headers: dict[str, str], may: bool) -> None:
    assert Readers(LOOPBACK, SECRET).may(remote, headers) is may
    assert Readers("", SECRET).may(remote, headers) is (may and bool(headers))
    assert Readers("").may(remote, headers) is False


def test_a_network_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="nonsense"):
        Readers("127.0.0.0/8, nonsense")
