"""What a balancer cannot be configured with, of the role's sites."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.config_values import file_path
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.problems import Findings, seen
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.values import (
    address,
    domains,
    number,
    url_path,
)

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
#: SHA-256 in base64url (RFC 7638).
THUMBPRINT = re.compile(r"[A-Za-z0-9_-]{43}")


def as_address(domain: str) -> str:
    """Return an IP address in its normal form; empty for anything else."""
    # The zone of fe80::1%eth0 could be any text.
    if "%" in domain:
        return ""
    try:
        return ipaddress.ip_address(domain).compressed
    except ValueError:
        return ""


def refuse_more_than_words(site: Mapping[str, Any]) -> None:
    """Refuse what would be a directive of its own: each value becomes a word of a line.

    Raises:
        ValueError: With the value.
    """
    findings = Findings(f"haproxy_balancer_sites: {seen(site['name'])}", "correct it")
    names = [name for name in site["domains"] if not as_address(str(name))]
    if names or not site["domains"]:
        domains(names, findings)
    url_path(site["health_path"], findings)
    if site.get("server_name"):
        domains(site["server_name"], findings)
    paths = [site.get("certificate_path"), *(server.get("ca_path") for server in site["servers"])]
    for path in filter(None, paths):
        file_path(path, findings)
    for server in site["servers"]:
        address(server["address"], findings)
        number(1, 65535)(server.get("port", 443), findings)
    if findings.problems:
        raise ValueError(findings.problems[0].message)


def refuse_doubles(sites: Sequence[Mapping[str, Any]]) -> None:
    """Refuse sites, servers and domains that are there twice.

    Raises:
        ValueError: With the name.
    """
    owners: dict[str, str] = {}
    names: set[str] = set()
    for site in sites:
        servers = [server["name"] for server in site["servers"]]
        for name in (site["name"], *servers):
            if not NAME.fullmatch(name):
                raise ValueError(
                    f"the name {name} is not one for HAProxy; expected letters, digits, '.', '_' "
                    "and '-', first a letter or digit; rename it"
                )
        if site["name"] in names:
            raise ValueError(
                f"the site {site['name']} is there twice; expected each once; merge their servers"
            )
        names.add(site["name"])
        if len(set(servers)) < len(servers):
            double = sorted({name for name in servers if servers.count(name) > 1})
            raise ValueError(
                f"{site['name']} has {', '.join(double)} twice; expected each once; remove one"
            )
        for domain in site["domains"]:
            owner = owners.setdefault(domain, site["name"])
            if owner != site["name"]:
                raise ValueError(
                    f"{domain} belongs to both {owner} and {site['name']}; expected one site for "
                    "each domain behind the balancer; remove it from one of them"
                )


def refuse_two_without_names(sites: Sequence[Mapping[str, Any]]) -> None:
    """Refuse two sites that clients reach by an address.

    Such a client names nobody in the TLS handshake, and there is one certificate for all of them.

    Raises:
        ValueError: With the sites.
    """
    found = [
        (site["name"], domain)
        for site in sites
        for domain in site["domains"]
        if as_address(str(domain))
    ]
    for name, domain in found[1:]:
        first, other = found[0]
        if name != first:
            raise ValueError(
                f"{first} has the address {other} and {name} the address {domain} among their "
                "domains; expected one site with addresses behind a balancer, since a client that "
                "asks for an address does not tell for which one; give the other one a name"
            )


def refuse_thumbprints(thumbprints: Mapping[str, str], sites: Sequence[str]) -> None:
    """Refuse what is not the thumbprint of an account, or is for a site that is not there.

    Raises:
        ValueError: With the site.
    """
    for name, thumbprint in thumbprints.items():
        if name not in sites:
            raise ValueError(
                f"haproxy_balancer_acme_thumbprints has {seen(name)}, which is no site; expected "
                f"one of {', '.join(sites)}; correct it"
            )
        if not isinstance(thumbprint, str) or not THUMBPRINT.fullmatch(thumbprint):
            raise ValueError(
                f"haproxy_balancer_acme_thumbprints.{name} is {seen(thumbprint)}; expected the "
                "thumbprint of an account's key, 43 characters of base64url (RFC 7638); correct it"
            )
