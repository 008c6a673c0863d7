"""Dashboard, alerts and page against the figures: what they ask for exists, with its labels."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.conversation.watching import FAMILIES
from persona.telemetry import metrics

ROOT = Path(__file__).resolve().parents[3]
DASHBOARD = json.loads((ROOT / "deploy/grafana/zhixin.json").read_text("utf-8"))
RULES = yaml.safe_load((ROOT / "deploy/prometheus/zhixin-rules.yml").read_text("utf-8"))["groups"][0]["rules"]
SCRAPES = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text("utf-8"))["scrape_configs"]
PAGE = (ROOT / "docs/observability.md").read_text("utf-8")

PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
FROM_SCRAPING = {"job", "instance"}
WORDS = {
    "by",
    "without",
    "on",
    "ignoring",
    "and",
    "or",
    "unless",
    "group_left",
    "group_right",
    "bool",
    "offset",
}
#: Functions and aggregations that the expressions use.
FUNCTIONS = {"sum", "max", "rate", "increase", "delta", "topk", "histogram_quantile", "clamp_min"} | {
    "max_over_time"
}


def known() -> dict[str, set[str]]:
    """Return series → its labels, as the three processes tell them."""
    found: dict[str, set[str]] = {"up": set()}
    for name, collector in metrics.REGISTRY._names_to_collectors.items():
        labels = set(getattr(collector, "_labelnames", ()))
        found[name] = labels | ({"le"} if name.endswith("_bucket") else set())
    found |= {name: set(labels) for name, _, labels in FAMILIES}
    return found


KNOWN = known()


def expressions() -> Iterator[tuple[str, str]]:
    for panel in PANELS:
        for target in panel["targets"]:
            yield f"panel {panel['title']}", target["expr"]
    for rule in RULES:
        yield f"alert {rule['alert']}", rule["expr"]


ALL = list(expressions())


def selectors(expr: str) -> Iterator[tuple[str, set[str]]]:
    """Yield each series that an expression asks for, with the labels it selects by."""
    plain = re.sub(r"\b(by|without|on|ignoring)\s*\([^)]*\)", " ", expr)
    matched = re.sub(r'"[^"]*"', '""', plain)
    matched = re.sub(r"\[[^\]]*\]", " ", matched)
    for found in re.finditer(r"([a-zA-Z_:][\w:]*)\s*(\{[^}]*\}|\()?", matched):
        name, more = found.groups()
        inside = matched[: found.start()].count("{") > matched[: found.start()].count("}")
        if inside or name in WORDS:
            continue
        if more == "(":
            assert name in FUNCTIONS, name
            continue
        yield name, set(re.findall(r"(\w+)\s*[=!]", more or ""))


@pytest.mark.parametrize(("where", "expr"), ALL, ids=[f"{n}-{where}" for n, (where, _) in enumerate(ALL)])
def test_what_is_asked_for_exists(where: str, expr: str) -> None:
    asked = list(selectors(expr))
    assert asked, expr
    labels: set[str] = set()
    for name, chosen in asked:
        assert name in KNOWN, f"{where}: there is no {name}"
        assert chosen <= KNOWN[name] | FROM_SCRAPING, f"{where}: {name} has no {chosen - KNOWN[name]}"
        labels |= KNOWN[name]
    for group in re.findall(r"\b(?:by|on)\s*\(([^)]*)\)", expr):
        wanted = {part.strip() for part in group.split(",") if part.strip()}
        assert wanted <= labels | FROM_SCRAPING, f"{where}: nothing has {wanted - labels}"
    assert expr.count("(") == expr.count(")") and expr.count("{") == expr.count("}")
    for name, _ in asked:
        if name.endswith(("_total", "_bucket")):
            assert re.search(rf"(?:rate|increase)\({name}\b", expr), f"{where}: {name} only ever grows"


def test_a_query_for_what_there_is_not_would_be_found() -> None:
    assert dict(selectors('sum by (le) (rate(zhixin_nothing_total{a="x{y"}[5m])) > 3')) == {
        "zhixin_nothing_total": {"a"}
    }


def test_values_that_are_asked_for_can_occur() -> None:
    lists = {
        "stage": metrics.STAGES,
        "outcome": [metrics.OUTCOMES, metrics.SHOP_OUTCOMES],
        "state": {"waiting", "aside"},
        "owner": {"waiting", "human", "bot"},
    }
    for where, expr in ALL:
        for label, value in re.findall(r'(\w+)="(\w+)"', expr):
            lists_of = lists.get(label)
            if isinstance(lists_of, set):
                assert value in lists_of, f"{where}: {value}"
            elif lists_of is not None:
                several = lists_of if isinstance(lists_of, list) else [lists_of]
                assert any(one.of(value) == value for one in several), f"{where}: {value}"


def test_every_figure_is_shown_or_alerted_on_and_documented() -> None:
    ours = {re.sub(r"_(total|bucket|sum|count|created)$", "", n) for n in KNOWN if n.startswith("zhixin_")}
    asked = {
        re.sub(r"_(total|bucket|sum|count)$", "", name) for _, expr in ALL for name, _ in selectors(expr)
    }
    assert ours <= asked, ours - asked
    for name in ours:
        assert f"`{name}" in PAGE, f"docs/observability.md does not say what {name} is"


def test_the_dashboard_is_one_that_grafana_takes() -> None:
    assert DASHBOARD["uid"] == "zhixin" and DASHBOARD["schemaVersion"] >= 36 and DASHBOARD["id"] is None
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)
    names = {variable["name"] for variable in DASHBOARD["templating"]["list"]}
    assert {"datasource", "job"} <= names
    for panel in PANELS:
        assert panel["type"] in {"timeseries", "stat", "bargauge"}
        assert panel["title"] and panel["targets"]
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])
        for part in (panel, *panel["targets"]):
            assert part["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        for variable in re.findall(r"\$(\w+)", json.dumps(panel["targets"])):
            assert variable in names | {"__rate_interval"}


def test_no_two_panels_lie_on_each_other() -> None:
    def box(panel: dict[str, Any]) -> tuple[int, int, int, int]:
        place = panel["gridPos"]
        return place["x"], place["y"], place["x"] + place["w"], place["y"] + place["h"]

    for panel in DASHBOARD["panels"]:
        assert box(panel)[0] >= 0 and box(panel)[2] <= 24
    for one, other in combinations(DASHBOARD["panels"], 2):
        a, b = box(one), box(other)
        assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1], (one["title"], other["title"])


def test_alerts_say_how_bad_it_is_and_what_it_is() -> None:
    assert len({rule["alert"] for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert rule["annotations"]["summary"]
        assert re.fullmatch(r"\d+[smh]", rule.get("for", "0s"))
        assert f"`{rule['alert']}`" in PAGE, (
            f"docs/observability.md does not say what to do about {rule['alert']}"
        )


def test_each_process_is_scraped_where_it_tells() -> None:
    paths = {scrape["job_name"]: scrape["metrics_path"] for scrape in SCRAPES}
    assert paths == {
        "zhixin-front": "/metrics",
        "zhixin-rasa": "/webhooks/front/metrics",
        "zhixin-actions": "/metrics",
    }
