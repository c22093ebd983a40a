"""Whether an address by which Ansible reaches a host is one by which the fleet's hosts do.

Ansible's may lead through a forwarded port of one machine, or be loopback: no other host gets
anywhere by these.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

_INSTEAD = "set fleet_address, the one by which the fleet's hosts reach it"


def refuse_unreachable(hosts: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse hosts whose only known address is one that another host cannot use.

    Args:
        hosts: Each host's variables by inventory name: of the applications and the balancers.

    Raises:
        ValueError: With the hosts, and what to set.
    """
    ports: dict[str, tuple[str, str]] = {}
    for host, variables in hosts.items():
        if variables.get("fleet_address"):
            continue
        known = str(variables.get("ansible_host") or host)
        if _is_loopback(known):
            raise ValueError(
                f"{host}: the balancer and the hosts behind it would reach it at {known}, which "
                f"is each machine's own address; expected one of the network; {_INSTEAD}"
            )
        port = str(variables.get("ansible_port") or 22)
        other, first = ports.setdefault(known, (host, port))
        if first != port:
            raise ValueError(
                f"{other} and {host} have one address, {known}, with the SSH ports {first} and "
                f"{port}, so a balancer cannot tell them apart; expected an address for each; "
                f"{_INSTEAD}"
            )


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address.lower() == "localhost"
