"""Alert rules and dashboards: they use metrics that exist, and each alert has its section."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY, generate_latest

from api import measures  # noqa: F401  # registers the metrics of the API
from scripts.system import CHECKOUT
from tests.support.client import request
from tests.support.server import Server
from worker import metrics

FOLDER = CHECKOUT / "deploy/observability"
RUNBOOK = (CHECKOUT / "docs/runbook.md").read_text()
ALERTS: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"]
    for rule in group["rules"]
]
DASHBOARDS = {
    path.name: json.loads(path.read_text()) for path in sorted((FOLDER / "dashboards").iterdir())
}
# What Prometheus adds to each scrape.
OF_PROMETHEUS = {"up"}
WORDS = {"by", "or", "and", "unless", "bool", "on", "ignoring"}
TYPE = re.compile(r"^# TYPE (\w+) (\w+)$", re.M)
SUFFIXES = {"histogram": ("_bucket", "_sum", "_count")}
ASIDE = re.compile(r'"[^"]*"|\{[^{}]*\}|\[[^\]]*\]|\bby \([^)]*\)')


def exported(text: str) -> set[str]:
    """The names of the series of an exposition, also of those that have no sample yet."""
    return {
        name + suffix for name, kind in TYPE.findall(text) for suffix in SUFFIXES.get(kind, ("",))
    }


def named(expression: str) -> set[str]:
    """The metrics of an expression of PromQL."""
    while ASIDE.search(expression):
        expression = ASIDE.sub(" ", expression)
    return set(re.findall(r"\b[a-z_]\w*\b(?!\s*\()", expression)) - WORDS


def expressions() -> Iterator[tuple[str, str]]:
    for alert in ALERTS:
        yield alert["alert"], alert["expr"]
    for name, dashboard in DASHBOARDS.items():
        for panel in dashboard["panels"]:
            for target in panel["targets"]:
                yield f"{name}: {panel['title']}", target["expr"]


def anchors(text: str) -> dict[str, str]:
    """The section of each heading, by the anchor that GitHub gives it."""
    sections = re.split(r"^## (.*)\n", text, flags=re.M)[1:]
    return {
        re.sub(r"[^\w -]", "", title).replace(" ", "-").lower(): section
        for title, section in zip(sections[::2], sections[1::2], strict=True)
    }


def test_every_metric_of_alerts_and_dashboards_is_exported(server: Server) -> None:
    # A process shows a metric with labels when it has its first sample, but registers it before.
    registered = exported(generate_latest(REGISTRY).decode())
    assert "trace_spans_total" in registered
    assert {"queue_jobs", "db_round_trip_seconds_bucket", *metrics.DATABASE} <= registered
    shown = exported(request("GET", server.url + "/metrics").text)
    assert {"http_requests_total", "db_round_trip_seconds_bucket"} <= shown
    unknown = {
        (where, name)
        for where, expression in expressions()
        for name in named(expression) - registered - shown - OF_PROMETHEUS
    }
    assert not unknown


def test_metrics_of_an_expression_are_found() -> None:
    expression = """
        histogram_quantile(0.9, sum by (le, route) (rate(a_bucket{b="c",d!~"e{f}"}[5m]))) > 2
        or max by (h) (i) / max(j) unless time() - l
    """
    assert named(expression) == {"a_bucket", "i", "j", "l"}


def test_every_alert_has_its_own_section_of_the_runbook() -> None:
    sections = anchors(RUNBOOK)
    urls = {alert["alert"]: alert["annotations"]["runbook_url"] for alert in ALERTS}
    assert len(set(urls.values())) == len(ALERTS)
    for name, url in urls.items():
        page, _, anchor = url.partition("#")
        assert page == "docs/runbook.md"
        assert anchor in sections, url
        assert f"**Alert** `{name}`" in sections[anchor], name
    assert sorted(re.findall(r"\*\*Alert\*\* `(\w+)`", RUNBOOK)) == sorted(urls)


def test_every_alert_says_how_urgent_it_is() -> None:
    assert {alert["labels"]["severity"] for alert in ALERTS} == {"critical", "warning"}
    assert all(alert["annotations"]["summary"] for alert in ALERTS)


def test_every_alert_has_a_test_in_which_it_fires() -> None:
    tests = yaml.safe_load((FOLDER / "alerts_test.yml").read_text())["tests"]
    fired = {
        name
        for test in tests
        for case in test["promql_expr_test"]
        for sample in case["exp_samples"]
        for name in re.findall(r'alertname="(\w+)"', sample["labels"])
    }
    assert fired == {alert["alert"] for alert in ALERTS}
    assert tests[0]["promql_expr_test"][0]["exp_samples"] == []


def promtool(*arguments: str) -> None:
    if not shutil.which("promtool"):
        pytest.skip("there is no promtool: apt-get install prometheus")
    result = subprocess.run(
        ("promtool", *arguments), cwd=FOLDER, capture_output=True, text=True, timeout=120
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_every_alert_fires_for_trouble_and_none_for_a_healthy_clinic() -> None:
    promtool("test", "rules", "alerts_test.yml")


def test_configuration_of_prometheus_is_valid() -> None:
    promtool("check", "config", "prometheus.yml")


def test_every_expression_of_a_dashboard_is_valid(tmp_path: Path) -> None:
    rules = [
        {"record": f"expression:{number}", "expr": expression.replace("$__rate_interval", "1m")}
        for number, (_, expression) in enumerate(expressions())
    ]
    path = tmp_path / "rules.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "dashboards", "rules": rules}]}))
    promtool("check", "rules", str(path))


def test_every_panel_has_a_source_a_unit_and_a_legend() -> None:
    sources = yaml.safe_load((FOLDER / "provisioning/datasources/prometheus.yml").read_text())
    known = {source["uid"] for source in sources["datasources"]}
    assert len({dashboard["uid"] for dashboard in DASHBOARDS.values()}) == len(DASHBOARDS) == 4
    for name, dashboard in DASHBOARDS.items():
        panels = dashboard["panels"]
        assert len({panel["id"] for panel in panels}) == len(panels), name
        for panel in panels:
            assert panel["datasource"]["uid"] in known, (name, panel["title"])
            assert panel["fieldConfig"]["defaults"]["unit"], (name, panel["title"])
            assert all(target["legendFormat"] for target in panel["targets"]), panel["title"]
