"""What visitors get after maintenance mode was switched. Pure text."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.asgi.fleet.plugins.module_utils.protocol.front import Fault, front_fault
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.served import told

#: From where the host asks itself.
ITSELF = ipaddress.ip_address("127.0.0.1")


def maintenance_report(
    results: Mapping[str, Mapping[str, Any]],
    states: Mapping[str, Mapping[str, Any]],
    *,
    enabled: bool,
    allow: Sequence[str] = (),
    check_mode: bool = False,
) -> dict[str, Any]:
    """Return a line for each host, and why the run fails if visitors get something else.

    Args:
        results: What `asgi.fleet.maintenance` returned on each host.
        states: The `state` of `asgi.fleet.app_info` afterwards: of a visitor's path if maintenance
            mode was switched on, which answers 503 then, otherwise of the health path.
        enabled: Whether it was switched on.
        allow: Addresses and networks that are served during maintenance.
        check_mode: Nothing was switched.
    """
    lines, wrong = [], []
    for host, result in results.items():
        if check_mode:
            change = "would change to" if result.get("changed") else "already"
            lines.append(f"{host}: {change}: {result['state']}")
            continue
        fault = _fault(states[host], enabled=enabled, exempt=_is_exempt(allow))
        if fault is None:
            lines.append(f"{host}: {result['state']}: visitors get {503 if enabled else 200}")
        else:
            wrong.append(host)
            but = "visitors do not get the page" if enabled else "visitors are not served"
            lines.append(f"{host}: {result['state']}, but {but}: {told([fault])[0]}")
    failure = ""
    if wrong:
        failure = (
            f"maintenance is {'on' if enabled else 'off'}, and on {', '.join(wrong)} visitors get "
            "something else (see above)"
        )
    return {"lines": lines, "failure": failure}


def _is_exempt(allow: Sequence[str]) -> bool:
    """Return whether the host itself is served during maintenance."""
    networks = (ipaddress.ip_network(entry, strict=False) for entry in allow)
    return any(ITSELF in network for network in networks)


def _fault(state: Mapping[str, Any], *, enabled: bool, exempt: bool) -> Fault | None:
    if "error" in state:
        return Fault(f"the host cannot be asked: {state['error']}", "look at the host", "unknown")
    if state["live"] is None and not enabled:
        return Fault("there is no live release", "run ansible-playbook deploy.yml", "none")
    nginx, https = state["nginx"], state["https"]
    fault = front_fault(nginx, https, maintenance=enabled)
    if not enabled:
        return fault
    if fault is not None and (fault.closed or https["refused"]):
        return fault
    if https is None or exempt or https["status"] == 503:
        return None
    return Fault(
        f"nginx answers with {https['status']}; expected 503",
        "nginx -T | grep maintenance; ansible-playbook playbooks/provision.yml --tags nginx_site",
        str(https["status"]),
    )
