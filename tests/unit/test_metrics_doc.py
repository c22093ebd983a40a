"""What docs/metrics says to Prometheus and Grafana is of metrics and labels that exist."""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "metrics"
#: Labels that Prometheus adds, and that histograms have.
ALWAYS = {"app", "instance", "job", "le"}
#: What comes from elsewhere: the exporter of the distribution, and Prometheus itself.
OTHERS = {
    *("node_filesystem_avail_bytes", "node_filesystem_size_bytes", "node_reboot_required"),
    *("apt_upgrades_pending", "up"),
}
DASHBOARD = json.loads((FOLDER / "dashboard.json").read_text(encoding="utf-8"))
ALERTS = yaml.safe_load((FOLDER / "alerts.yml").read_text(encoding="utf-8"))
RULES = [rule for group in ALERTS["groups"] for rule in group["rules"]]


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The program's own."""
    monkeypatch.syspath_prepend(str(ROOT / "roles" / "gunicorn_service" / "files"))
    return importlib.import_module("metrics_text")


def expressions() -> Iterator[str]:
    yield from (rule["expr"] for rule in RULES)
    for panel in DASHBOARD["panels"]:
        yield from (target["expr"] for target in panel["targets"])
    yield from (variable["query"]["query"] for variable in variables() if "query" in variable)
    yield from (one["expr"] for one in DASHBOARD["annotations"]["list"])
    yield from re.findall(r"`(sum by .*?)`", (ROOT / "docs" / "metrics.md").read_text())


def variables() -> list[dict[str, Any]]:
    found = DASHBOARD["templating"]["list"]
    return [one for one in found if isinstance(one["query"], dict)]


@pytest.mark.parametrize("expression", sorted(set(expressions())))
def test_expression_names_metrics_and_labels_that_exist(table: ModuleType, expression: str) -> None:
    known: dict[str, set[str]] = {}
    for metric in table.METRICS:
        suffixes = ("_bucket", "_sum", "_count") if metric.type == "histogram" else ("",)
        for suffix in suffixes:
            known[table.PREFIX + metric.name + suffix] = ALWAYS | set(metric.labels)
    named = re.findall(r"\b((?:asgi_fleet|node|apt)_\w+|up)\b(?:\{(.*?)\})?", expression)
    assert named
    of_ours: set[str] = set()
    for name, selector in named:
        assert name in known or name in OTHERS, name
        if name in known:
            of_ours |= known[name]
            assert set(re.findall(r"(\w+)=", selector)) <= known[name], selector
    for labels in re.findall(r"\b(?:by|on|group_left) ?\(([\w, ]+)\)", expression):
        allowed = of_ours or ALWAYS
        assert {label.strip() for label in labels.split(",")} <= allowed, labels


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule["alert"]))
def test_alert_says_what_is_and_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("warning", "critical")
    assert rule["annotations"]["summary"]
    assert rule["annotations"]["action"]
    for playbook in re.findall(r"playbooks/\w+\.yml", rule["annotations"]["action"]):
        assert (ROOT / playbook).exists()


def test_label_that_the_targets_have_does_not_part_what_is_one() -> None:
    """What takes the hosts together takes together what discovery from files tells apart by."""
    assert set(re.findall(r"without \((.*?)\)", str(RULES))) == {"instance, host"}


def test_each_alert_is_shown_to_fire() -> None:
    tests = yaml.safe_load((FOLDER / "alerts_test.yml").read_text(encoding="utf-8"))["tests"]
    fired = {
        one["alertname"] for test in tests for one in test["alert_rule_test"] if one["exp_alerts"]
    }
    assert fired == {rule["alert"] for rule in RULES}


def test_panels_do_not_overlap_and_have_ids_of_their_own() -> None:
    cells: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        own = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & own, panel["title"]
        cells |= own
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))
