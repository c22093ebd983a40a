"""What Prometheus is to scrape, by its discovery from files (file_sd), from the inventory. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypedDict

#: What files Prometheus reads; it takes JSON in all of them, since YAML contains it.
SUFFIXES = (".json", ".yml", ".yaml")
#: Exporters of a machine, whatever applications it has.
OF_MACHINES = ("host", "nginx")
JOB = "asgi_fleet"


class Group(TypedDict):
    """One entry of the file: https://prometheus.io/docs (configuration, file_sd_config)."""

    targets: list[str]
    labels: dict[str, str]


class Targets(TypedDict):
    """What is written, and what is said about it."""

    groups: list[Group]
    lines: list[str]


def targets(
    hostvars: Mapping[str, Mapping[str, Any]],
    hosts: Iterable[str],
    address_of: Callable[[str, Mapping[str, Any]], str],
) -> Targets:
    """Return one entry for each host and each path that its endpoint answers.

    The exporters of a machine that has several applications are scraped once, by the endpoint of
    the first of them that passes them on.

    Args:
        hostvars: The variables of all hosts, among them `deployment`, the checked ones.
        hosts: Inventory names.
        address_of: Returns at which address a host is reached.
    """
    groups: list[Group] = []
    machines: set[tuple[str, str]] = set()
    lines: list[str] = []
    for host in hosts:
        variables = hostvars[host]
        told = variables["deployment"]["app_metrics"]
        if not told["enabled"]:
            continue
        listen, _colon, port = told["listen"].rpartition(":")
        address = ipaddress.ip_address(listen.strip("[]"))
        if address.is_loopback:
            lines.append(
                f"left out: {host} listens at {told['listen']}, where Prometheus cannot ask; set "
                "app_metrics.listen and app_metrics.allow"
            )
            continue
        reached = address_of(host, variables) if address.is_unspecified else str(address)
        target = f"{f'[{reached}]' if ':' in reached else reached}:{port}"
        app = variables["deployment"]["app_name"]
        named = [*told["exporters"], *(variables.get("gunicorn_service_metrics_exporters") or {})]
        groups.append(_group(target, "", {"app": app, "host": host}))
        places = (reached, _machine(host, variables))
        for name in dict.fromkeys(named):
            known = {(place, name) for place in places}
            if name not in OF_MACHINES:
                groups.append(_group(target, name, {"app": app, "host": host}))
            elif not known & machines:
                machines |= known
                groups.append(_group(target, name, {"host": host}))
    return {"groups": groups, "lines": lines}


def _machine(host: str, variables: Mapping[str, Any]) -> str:
    """Return the machine of an inventory name, as the check of the inputs tells them apart."""
    return f"{variables.get('ansible_host') or host} port {variables.get('ansible_port') or 22}"


def _group(target: str, exporter: str, labels: Mapping[str, str]) -> Group:
    """Return an entry, whose labels set the job and the path of the scrape as well."""
    path = f"/metrics/{exporter}" if exporter else "/metrics"
    job = f"{JOB}_{exporter}" if exporter else JOB
    return {"targets": [target], "labels": {"job": job, **labels, "__metrics_path__": path}}
