"""The events of a rollout, as the playbooks make them."""

from __future__ import annotations

from typing import Any

from ansible_collections.asgi.fleet.plugins.filter.rollout_events import (
    beginning_events,
    closing_events,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.rollout.waves import plan_waves

from tests import rollouts

DEPLOYMENT = {"app_name": "shop", "fleet_waves": [1]}
ID = "20261128T101112-5f3a"


def test_begin_names_the_hosts_and_the_release_before() -> None:
    hostvars: dict[str, Any] = {"web1": {"rollout_begun": {"live": "1.0"}}}
    plan = plan_waves({"web1": DEPLOYMENT})
    (event,) = beginning_events(plan, ID, "restart", "ada@laptop", hostvars)
    assert (event["event"], event["kind"], event["app"]) == ("begin", "restart", "shop")
    assert (event["hosts"], event["before"]) == (["web1"], "1.0")
    assert "shop" in event["text"]


def test_end_has_the_receipt_and_the_page() -> None:
    record = rollouts.succeeded(4)
    (event,) = closing_events({"record": record, "page": "/srv/www/page.html"})
    assert event["event"] == "end"
    assert event["page"] == "/srv/www/page.html"
    assert record["receipt"] is not None
    assert event["receipt"]["requests"] == record["receipt"]["requests"]


def test_what_has_no_record_is_not_told() -> None:
    assert closing_events({"failed": True, "msg": "stopped"}) == []
