"""The sites of a balancer as its configuration names them: what the template prints."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import TypedDict

from ansible_collections.asgi.fleet.plugins.module_utils.protocol.authorities import (
    SYSTEM_AUTHORITIES,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.balancer.refusals import (
    as_address,
    refuse_doubles,
    refuse_more_than_words,
    refuse_thumbprints,
    refuse_two_without_names,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.balancer.sites import Server, Site
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.values import request_name


class PrintedServer(TypedDict):
    """A server as its line in the configuration names it.

    Attributes:
        name: Its name.
        address: Its address and port.
        ca_path: What its certificate is verified with.
        verified_name: What its certificate must name, where the site has no name for all.
        cookie: What the cookie of a visitor says who stays with it.
    """

    name: str
    address: str
    ca_path: str
    verified_name: str
    cookie: str


class PrintedSite(TypedDict):
    """A site as the configuration names it.

    Attributes:
        name: Its name.
        server_name: The name that its servers show a certificate for; empty for a site without
            names.
        host: What requests to its servers say in `Host`.
        domains: Its names and addresses, as `certificates.list` has them.
        matches: The arguments of its ACL's `-m`.
        without_name: Whether clients reach it by an address, and so name nobody in the handshake.
        certificate_path: Its certificate.
        health_path: The path of its health check.
        thumbprint: Of the ACME account, whose challenges are answered; empty for none.
        sticky: Whether a visitor stays with a server.
        servers: Its servers.
    """

    name: str
    server_name: str
    host: str
    domains: list[str]
    matches: list[str]
    without_name: bool
    certificate_path: str
    health_path: str
    thumbprint: str
    sticky: bool
    servers: list[PrintedServer]


def haproxy_sites(
    sites: Sequence[Site],
    directory: str,
    present: Iterable[str],
    thumbprints: Mapping[str, str] | None = None,
) -> list[PrintedSite]:
    """Return what the template prints.

    A server is verified against its trusted certificate, from this run or an earlier one;
    otherwise against certificate authorities. So a server with a self-signed certificate that was
    never read fails its check, and gets no requests.

    Args:
        sites: The role's sites.
        directory: Folder of the trusted certificates.
        present: Paths of the certificates that exist there.
        thumbprints: Of the ACME account that obtains a site's certificate, by the site's name.

    Raises:
        ValueError: A value is not valid, or a name or domain appears twice.
    """
    for site in sites:
        refuse_more_than_words(site)
    refuse_doubles(sites)
    refuse_two_without_names(sites)
    refuse_thumbprints(thumbprints or {}, [site["name"] for site in sites])
    known = {*present, *pins(sites, directory)}
    printed = [_printed(site, directory, known, thumbprints or {}) for site in sites]
    # The first certificate of the list is the one for clients that name nobody.
    return sorted(printed, key=lambda site: not site["without_name"])


def _printed(
    site: Site, directory: str, known: set[str], thumbprints: Mapping[str, str]
) -> PrintedSite:
    names = [domain for domain in site["domains"] if not as_address(domain)]
    addresses = [as_address(domain) for domain in site["domains"] if as_address(domain)]
    server_name = _server_name(site)
    return PrintedSite(
        name=site["name"],
        server_name=server_name,
        host=server_name or literal(addresses[0]),
        domains=[*names, *addresses],
        matches=[match(domain) for domain in [*names, *addresses]],
        without_name=bool(addresses),
        certificate_path=site.get("certificate_path", ""),
        health_path=site["health_path"],
        thumbprint=thumbprints.get(site["name"], ""),
        sticky=site.get("sticky_sessions_enabled", False),
        servers=[
            PrintedServer(
                name=server["name"],
                address=f"{literal(server['address'])}:{server.get('port', 443)}",
                ca_path=_ca_path(site["name"], server, directory, known),
                verified_name=(
                    ""
                    if server_name or _is_trusted_alone(site["name"], server, directory, known)
                    else addresses[0]
                ),
                cookie=cookie(site["name"], server["name"]),
            )
            for server in site["servers"]
        ],
    )


def pins(sites: Iterable[Site], directory: str) -> dict[str, str]:
    """Return the trusted certificates of the servers, as texts by path.

    `SYSTEM_AUTHORITIES` stands for the content of that file: a server always has a file of its
    own, so that a certificate of another kind is an addition to it, and no other configuration.
    A site without a name has none of the kind, since HAProxy compares no addresses.

    Args:
        sites: The role's sites.
        directory: Folder of the trusted certificates.
    """
    return {
        pin_path(directory, site["name"], server["name"]): server["certificate"]
        for site in sites
        for server in site["servers"]
        if _certificate(site, server)
    }


def _certificate(site: Site, server: Server) -> str:
    certificate = server.get("certificate", "")
    return certificate if certificate != SYSTEM_AUTHORITIES or _server_name(site) else ""


def _server_name(site: Site) -> str:
    return site.get("server_name") or request_name(
        [domain for domain in site["domains"] if not as_address(domain)]
    )


def pin_path(directory: str, site: str, server: str) -> str:
    """Return the path of a server's trusted certificate."""
    return f"{directory}/{site}/{server}.pem"


def stale_pins(sites: Iterable[Site], directory: str, present: Iterable[str]) -> list[str]:
    """Return the paths of trusted certificates whose servers are no longer configured.

    Args:
        sites: The role's sites.
        directory: Folder of the trusted certificates.
        present: Paths of the certificates that exist there.
    """
    wanted = {
        pin_path(directory, site["name"], server["name"])
        for site in sites
        for server in site["servers"]
    }
    return sorted(set(present) - wanted)


def _ca_path(site: str, server: Server, directory: str, known: set[str]) -> str:
    path = pin_path(directory, site, server["name"])
    return path if path in known else server.get("ca_path") or SYSTEM_AUTHORITIES


def _is_trusted_alone(site: str, server: Server, directory: str, known: set[str]) -> bool:
    """Return whether what the server is verified with has signed nobody else's certificate.

    HAProxy compares names only, never the addresses of a certificate.
    """
    return _ca_path(site, server, directory, known) != SYSTEM_AUTHORITIES


def cookie(site: str, server: str) -> str:
    """Return what stands for a server in the cookie of a visitor.

    The same at every balancer, and after a change of the server's address. It does not tell the
    address, other than HAProxy's `dynamic`, whose key would have to be a secret.
    """
    return hashlib.sha256(f"{site}/{server}".encode()).hexdigest()[:16]


def match(domain: str) -> str:
    """Return how HAProxy compares a host name with a domain: `str www.example.com`."""
    return f"end {domain[1:]}" if domain.startswith("*.") else f"str {literal(domain)}"


def literal(address: str) -> str:
    """Return an address as HAProxy wants it before a port: IPv6 in brackets."""
    return f"[{address}]" if ":" in address else address
