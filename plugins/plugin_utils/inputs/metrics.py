"""Checks `app_metrics`, and derives the roles' variables and the firewall's rules from it. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.problems import (
    Findings,
    Problem,
    kind,
    seen,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.values import boolean
from ansible_collections.asgi.fleet.plugins.plugin_utils.sizing.worker_class import DRAINING

KEYS = ("enabled", "listen", "allow", "exporters")
#: Of the distribution, which the role installs.
EXPORTERS = ("host", "nginx")
#: The role's variables that follow from it.
DERIVED = {
    f"gunicorn_service_metrics_{key}": "app_metrics"
    for key in ("enabled", "listen", "allow", "packaged_exporters", "host", "https_port")
}
DEFAULT_LISTEN = "127.0.0.1:9464"
LOWEST_PORT, HIGHEST_PORT = 1024, 65535
#: Where exporters of the distribution listen (the role's `__gunicorn_service_metrics_addresses`),
#: and where nginx counts itself unless the user says otherwise.
EXPORTER_PORTS = {"host": 9100, "nginx": 9113}
DEFAULT_STATUS = "127.0.0.1:9112"
_EXPORTER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
_LOCALHOST = re.compile(r"localhost:([0-9]{1,5})")
_LISTEN = re.compile(r"(?:\[(?P<v6>[0-9a-fA-F:.]+)\]|(?P<v4>[0-9.]+)):(?P<port>[0-9]{1,5})")


def metrics(value: object, findings: Findings) -> dict[str, Any]:
    """Check whether metrics are served, where, and to whom.

    Returns:
        `enabled`, `listen`, `allow`, whose networks have no host bits, and `exporters`, a list.
    """
    normal: dict[str, Any] = {
        "enabled": False,
        "listen": DEFAULT_LISTEN,
        "allow": [],
        "exporters": [],
    }
    if not isinstance(value, Mapping):
        findings.refuse(kind(value), "a mapping of enabled, listen, allow and exporters")
        return normal
    for key in value:
        if key not in KEYS:
            expected = "enabled, listen, allow or exporters"
            findings.refuse("unknown", expected, "remove it", at=f".{key}")
    if "enabled" in value:
        inner = Findings(f"{findings.variable}.enabled", findings.advice)
        normal["enabled"] = boolean(value["enabled"], inner)
        findings.problems += [Problem(findings.variable, one.message) for one in inner.problems]
    if "listen" in value:
        normal["listen"] = _listen(value["listen"], findings)
    normal["exporters"] = _exporters(value.get("exporters", []), findings)
    given = value.get("allow", [])
    networks = given if isinstance(given, list) else [given]
    normal["allow"] = [
        network
        for number, one in enumerate(networks)
        if (network := _network(one, findings, f".allow[{number}]"))
    ]
    if not networks and not findings.problems and not _is_loopback(normal["listen"]):
        findings.refuse(
            f"empty and {findings.variable}.listen is {normal['listen']}",
            "the networks that may ask, such as 10.0.0.0/8",
            f"add Prometheus' own, or set {findings.variable}.listen to a loopback address",
            at=".allow",
        )
    if normal["enabled"] and networks and not findings.problems:
        _reachable(normal, findings)
    return normal


def _reachable(normal: Mapping[str, Any], findings: Findings) -> None:
    """Refuse networks from which nobody can reach the address: they would be for nothing."""
    listen = normal["listen"]
    address = _address(listen)
    networks = [ipaddress.ip_network(network) for network in normal["allow"]]
    if address.is_loopback and not any(network.is_loopback for network in networks):
        findings.refuse(
            f"{normal['allow'][0]} and {findings.variable}.listen is {listen}, where only the host "
            "itself can ask",
            "an address that they reach",
            f"set {findings.variable}.listen to one, such as 0.0.0.0:{port_of(listen)}, or remove "
            f"{findings.variable}.allow",
            at=".allow",
        )
    # Of all addresses, `::` has those of IPv4 as well.
    elif address != ipaddress.ip_address("::") and not any(
        network.version == address.version for network in networks
    ):
        findings.refuse(
            f"{normal['allow'][0]} and {findings.variable}.listen is {listen}",
            f"a network of IPv{address.version}, since no other reaches that address",
            f"add one, or set {findings.variable}.listen to an address that they reach",
            at=".allow",
        )


def _exporters(value: object, findings: Findings) -> list[str]:
    """Return the names of those that are wanted, in the order of `EXPORTERS`."""
    if isinstance(value, bool):
        return list(EXPORTERS) if value else []
    names = value if isinstance(value, list) else [value]
    unknown = [name for name in names if name not in EXPORTERS]
    if unknown:
        expected = f"true, false, or a list of {' and '.join(EXPORTERS)}"
        findings.refuse(seen(unknown[0]), expected, at=".exporters")
    return [name for name in EXPORTERS if name in names]


def _listen(value: object, findings: Findings) -> str:
    expected = (
        f"an address and a port from {LOWEST_PORT} to {HIGHEST_PORT}, such as "
        f"{DEFAULT_LISTEN}, 10.0.0.7:9464 or [::]:9464"
    )
    text = value if isinstance(value, str) else ""
    found = _LISTEN.fullmatch(text)
    try:
        address = ipaddress.ip_address((found["v6"] or found["v4"]) if found else "")
        is_known = bool(found) and LOWEST_PORT <= int(found["port"] if found else 0) <= HIGHEST_PORT
        # A link-local address of IPv6 is none without its interface.
        is_known &= not (
            address.is_multicast
            or (address.version == 6 and address.is_link_local)
            or address == ipaddress.ip_address("255.255.255.255")
        )
    except ValueError:
        is_known = False
    if not is_known or not found:
        findings.refuse(seen(value), expected, at=".listen")
        return DEFAULT_LISTEN
    shown = f"[{address}]" if address.version == 6 else str(address)
    return f"{shown}:{int(found['port'])}"


def _network(value: object, findings: Findings, at: str) -> str:
    try:
        network = ipaddress.ip_network(value if isinstance(value, str) else "", strict=False)
    except ValueError:
        findings.refuse(seen(value), "a network in CIDR notation, such as 10.0.0.0/8", at=at)
        return ""
    if network.prefixlen == 0:
        findings.refuse(
            f"{network}, everybody", "the networks that may ask", "name Prometheus' own", at=at
        )
    return str(network)


def _address(listen: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    return ipaddress.ip_address(listen.rpartition(":")[0].strip("[]"))


def _is_loopback(listen: str) -> bool:
    return _address(listen).is_loopback


def port_of(listen: str) -> int:
    """Return the port of an address such as `127.0.0.1:9464`."""
    return int(listen.rpartition(":")[2])


def wire_metrics(deployment: Mapping[str, Any], https_port: object) -> dict[str, Any]:
    """Return the service's variables.

    Args:
        deployment: The checked variables, see `spec.Deployment`; may lack invalid ones.
        https_port: nginx's port for HTTPS.
    """
    told = deployment.get("app_metrics") or {}
    return {
        "gunicorn_service_metrics_enabled": told.get("enabled", False),
        "gunicorn_service_metrics_listen": told.get("listen", DEFAULT_LISTEN),
        "gunicorn_service_metrics_allow": told.get("allow", []),
        "gunicorn_service_metrics_packaged_exporters": told.get("exporters", []),
        "gunicorn_service_metrics_host": deployment.get("health_host", ""),
        "gunicorn_service_metrics_https_port": https_port,
    }


def metrics_rules(deployment: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the firewall's rules for those who may ask; none for a loopback address."""
    told = deployment.get("app_metrics") or {}
    if not told.get("enabled") or _is_loopback(told["listen"]):
        return []
    return [
        {
            "port": port_of(told["listen"]),
            "proto": "tcp",
            "from_ip": network,
            "comment": f"metrics of {deployment.get('app_name', '')}",
        }
        for network in told["allow"]
    ]


def metrics_problems(deployment: Mapping[str, Any], settings: Mapping[str, Any]) -> list[Problem]:
    """Return a problem if nothing can count, or the user's own rules keep Prometheus out.

    Whatever these say of the port counts, since a rule may also close it on purpose.

    Args:
        deployment: The checked variables, see `spec.Deployment`; may lack invalid ones.
        settings: The role variables of a host, the user's and the derived ones.
    """
    told = deployment.get("app_metrics") or {}
    findings = Findings("app_metrics")
    chosen = settings.get("gunicorn_service_worker_class", DRAINING)
    if told.get("enabled") and chosen != DRAINING:
        findings.refuse(
            f"enabled and gunicorn_service_worker_class is {seen(chosen)}",
            f"{DRAINING}, which alone counts requests",
            "remove gunicorn_service_worker_class, or set app_metrics.enabled: false",
        )
    rules = settings.get("host_baseline_firewall_rules") or []
    named = {str(rule.get("port")) for rule in rules if isinstance(rule, Mapping)}
    wanted = metrics_rules(deployment)
    if (
        wanted
        and settings.get("host_baseline_firewall_enabled", True) is not False
        and not any(one == str(wanted[0]["port"]) or ":" in one for one in named)
    ):
        rule = f"{{port: {wanted[0]['port']}, from_ip: {wanted[0]['from_ip']}}}"
        findings.refuse(
            f"enabled at {told['listen']}, and host_baseline_firewall_rules has no rule for it",
            f"one for each network of app_metrics.allow, such as {rule}",
            "add it to host_baseline_firewall_rules",
        )
    if told.get("enabled"):
        _free_port(told, settings, findings)
    return [*findings.problems, *_address_problems(told, settings)]


def _free_port(told: Mapping[str, Any], settings: Mapping[str, Any], findings: Findings) -> None:
    """Refuse the port of another program that this deployment sets up on the host."""
    status = settings.get("gunicorn_service_metrics_status_listen", DEFAULT_STATUS)
    of_exporters = {
        str(EXPORTER_PORTS[name]): f"the exporter {name}"
        for name in told.get("exporters", [])
        if name not in (settings.get("gunicorn_service_metrics_exporters") or {})
    }
    if "nginx" in told.get("exporters", []):
        of_exporters[str(status).rpartition(":")[2]] = "gunicorn_service_metrics_status_listen"
    of_nginx = {
        str(settings[name]): name
        for name in ("nginx_site_http_port", "nginx_site_https_port")
        if name in settings
    }
    port = str(port_of(told["listen"]))
    if holder := (of_exporters | of_nginx).get(port):
        findings.refuse(
            f"{told['listen']}, and {holder} has port {port}",
            "a port of its own",
            "change app_metrics.listen",
            at=".listen",
        )


def _address_problems(told: Mapping[str, Any], settings: Mapping[str, Any]) -> list[Problem]:
    """Refuse exporters, and a status of nginx, that are elsewhere than on a loopback address."""
    expected = "a loopback address and a port, such as 127.0.0.1:9187"
    findings = Findings("gunicorn_service_metrics_exporters")
    given = settings.get(findings.variable) or {}
    for name, address in given.items() if isinstance(given, Mapping) else ():
        if not isinstance(name, str) or not _EXPORTER.fullmatch(name):
            findings.refuse(
                f"an exporter with the name {seen(name)}",
                "letters, digits, - and _, since /metrics/<name> is asked for it",
                "rename it",
            )
        elif not _is_on_loopback(address):
            findings.refuse(seen(address), expected, at=f".{name}")
    status = Findings("gunicorn_service_metrics_status_listen")
    place = settings.get(status.variable, DEFAULT_STATUS)
    if "nginx" in told.get("exporters", []) and not _is_on_loopback(place):
        status.refuse(seen(place), expected.replace("9187", "9112"))
    return [*findings.problems, *status.problems]


def _is_on_loopback(value: object) -> bool:
    text = value if isinstance(value, str) else ""
    if found := _LOCALHOST.fullmatch(text):
        return 0 < int(found[1]) <= HIGHEST_PORT
    try:
        found = _LISTEN.fullmatch(text)
        return bool(found) and _is_loopback(text) and 0 < port_of(text) <= HIGHEST_PORT
    except ValueError:
        return False


def shared_listeners(
    deployments: Mapping[str, tuple[str, Mapping[str, Any]]],
) -> list[tuple[Problem, str, str]]:
    """Return a problem for two applications of one machine whose metrics have one port.

    Args:
        deployments: By inventory name, the machine and the checked variables.

    Returns:
        Each problem with the two hosts.
    """
    found = []
    taken: dict[tuple[str, int], str] = {}
    for host, (machine, deployment) in deployments.items():
        told = deployment.get("app_metrics") or {}
        if not told.get("enabled"):
            continue
        port = port_of(told["listen"])
        other = taken.setdefault((machine, port), host)
        if other != host:
            findings = Findings("app_metrics")
            findings.refuse(
                f"port {port} on both {other} and {host}, which are one machine ({machine})",
                "another port for each application there",
                "change app_metrics.listen of one of them",
            )
            found.append((findings.problems[0], other, host))
    return found


def shared_addresses(
    deployments: Mapping[str, tuple[str, Mapping[str, Any]]],
) -> list[tuple[Problem, str, str]]:
    """Return a problem for two machines whose metrics have one address, which only one can have.

    On the other one nothing would answer, and Prometheus would take the first for both.

    Args:
        deployments: By inventory name, the machine and the checked variables.

    Returns:
        Each problem with the two hosts.
    """
    found = []
    taken: dict[str, tuple[str, str]] = {}
    for host, (machine, deployment) in deployments.items():
        told = deployment.get("app_metrics") or {}
        if not told.get("enabled"):
            continue
        address = _address(told["listen"])
        if address.is_loopback or address.is_unspecified:
            continue
        other, known = taken.setdefault(str(address), (host, machine))
        if known != machine:
            findings = Findings("app_metrics")
            findings.refuse(
                f"{told['listen']} on {host}, and {other} listens at {address} too, which is "
                f"another machine ({known}; {machine})",
                "an address of each machine's own",
                'set app_metrics.listen to an address of each host, such as "{{ ansible_host }}:'
                f'{port_of(told["listen"])}", or to 0.0.0.0:{port_of(told["listen"])}',
                at=".listen",
            )
            found.append((findings.problems[0], other, host))
    return found
