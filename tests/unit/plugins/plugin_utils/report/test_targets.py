"""What Prometheus is to scrape: by whom it is reached, and under which labels."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.filter.metrics_targets import FilterModule

targets = FilterModule().filters()["metrics_targets"]


def host(
    listen: str = "10.0.0.7:9464",
    app: str = "shop",
    exporters: tuple[str, ...] = (),
    **more: object,
) -> dict[str, Any]:
    told = {"enabled": True, "listen": listen, "allow": [], "exporters": list(exporters)}
    return {"deployment": {"app_name": app, "app_metrics": told}, **more}


def shown(hostvars: dict[str, dict[str, Any]]) -> list[str]:
    """Return the entries as lines, which are easier to compare."""
    return [
        f"{group['targets'][0]} "
        + " ".join(f"{name}={text}" for name, text in group["labels"].items())
        for group in targets(hostvars, list(hostvars))["groups"]
    ]


def test_entry_is_what_prometheus_reads() -> None:
    assert targets({"web1": host()}, ["web1"]) == {
        "groups": [
            {
                "targets": ["10.0.0.7:9464"],
                "labels": {
                    "job": "asgi_fleet",
                    "app": "shop",
                    "host": "web1",
                    "__metrics_path__": "/metrics",
                },
            }
        ],
        "lines": [],
    }


@pytest.mark.parametrize(
    ("listen", "more", "target"),
    [
        ("10.0.0.7:9464", {"ansible_host": "192.0.2.7"}, "10.0.0.7:9464"),
        ("0.0.0.0:9464", {"ansible_host": "192.0.2.7"}, "192.0.2.7:9464"),
        (
            "[::]:9464",
            {"ansible_host": "192.0.2.7", "fleet_address": "2001:db8::7"},
            "[2001:db8::7]:9464",
        ),
        ("0.0.0.0:9000", {}, "web1.example.com:9000"),
        ("[2001:db8::8]:9464", {}, "[2001:db8::8]:9464"),
    ],
)
def test_target_is_where_the_endpoint_listens(
    listen: str, more: dict[str, Any], target: str
) -> None:
    [line] = shown({"web1.example.com": host(listen, **more)})
    assert line.split()[0] == target


def test_exporters_have_a_job_and_a_path_each() -> None:
    own = {"database": "127.0.0.1:9187", "host": "127.0.0.1:9101"}
    told = host(exporters=("host", "nginx"), gunicorn_service_metrics_exporters=own)
    assert shown({"web1": told}) == [
        "10.0.0.7:9464 job=asgi_fleet app=shop host=web1 __metrics_path__=/metrics",
        "10.0.0.7:9464 job=asgi_fleet_host host=web1 __metrics_path__=/metrics/host",
        "10.0.0.7:9464 job=asgi_fleet_nginx host=web1 __metrics_path__=/metrics/nginx",
        "10.0.0.7:9464 job=asgi_fleet_database app=shop host=web1 "
        "__metrics_path__=/metrics/database",
    ]


def test_machine_of_two_applications_is_scraped_once_as_a_host() -> None:
    lines = shown(
        {
            "web1-shop": host(exporters=("host",)),
            "web1-blog": host("10.0.0.7:9465", "blog", exporters=("host", "nginx")),
        }
    )
    assert [line.partition(" __")[0] for line in lines] == [
        "10.0.0.7:9464 job=asgi_fleet app=shop host=web1-shop",
        "10.0.0.7:9464 job=asgi_fleet_host host=web1-shop",
        "10.0.0.7:9465 job=asgi_fleet app=blog host=web1-blog",
        "10.0.0.7:9465 job=asgi_fleet_nginx host=web1-blog",
    ]


def test_machine_is_one_wherever_its_endpoints_listen() -> None:
    lines = shown(
        {
            "shop": host("10.0.0.7:9464", exporters=("host",), ansible_host="192.0.2.7"),
            "blog": host("0.0.0.0:9465", "blog", exporters=("host",), ansible_host="192.0.2.7"),
            # Another one behind the same address.
            "wiki": host(
                "10.0.0.8:9464",
                "wiki",
                exporters=("host",),
                ansible_host="192.0.2.7",
                ansible_port=2222,
            ),
        }
    )
    assert [line.partition(" __")[0] for line in lines if "_host " in line] == [
        "10.0.0.7:9464 job=asgi_fleet_host host=shop",
        "10.0.0.8:9464 job=asgi_fleet_host host=wiki",
    ]


def test_what_prometheus_cannot_reach_is_named() -> None:
    off = host()
    off["deployment"]["app_metrics"]["enabled"] = False
    assert targets({"web1": host("127.0.0.1:9464"), "web2": off}, ["web1", "web2"]) == {
        "groups": [],
        "lines": [
            "left out: web1 listens at 127.0.0.1:9464, where Prometheus cannot ask; set "
            "app_metrics.listen and app_metrics.allow"
        ],
    }
