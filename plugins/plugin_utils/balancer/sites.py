"""The sites of a balancer: from the inventory's hosts, and as HAProxy's configuration names them.

`balancer_sites` belongs to the deployment: it reads the variables of the group `app`.
`haproxy_sites` belongs to the role: it turns the role's sites into what the template prints.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypedDict, cast

from ansible_collections.asgi.fleet.plugins.plugin_utils.balancer.refusals import (
    refuse_doubles,
    refuse_more_than_words,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.certificate_pair import (
    missing_cryptography,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.problems import Findings
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.spec import BY_NAME
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.tls import public_part
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.values import address, request_name

try:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding
except ImportError:
    # Refused by missing_cryptography() where it is needed.
    pass

#: Debian's and Ubuntu's bundle of public authorities (package ca-certificates).
SYSTEM_AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
#: What must be the same on all hosts of an application, for one site in front of them.
COMMON = ("app_domain", "app_health_path", "app_root_path", "app_tls")


class Server(TypedDict, total=False):
    """One host of a site.

    Attributes:
        name: Its inventory name.
        address: An IP address, or a name that the balancer can resolve when it starts.
        port: Where nginx listens for HTTPS.
        certificate: The self-signed certificate to trust, as PEM; empty when it is not known, or
            an authority has signed the certificate.
        ca_path: Certificate authorities to trust, a path on the balancer; empty for the system's.
    """

    name: str
    address: str
    port: int
    certificate: str
    ca_path: str


class Site(TypedDict, total=False):
    """An application behind the balancer."""

    name: str
    domains: list[str]
    health_path: str
    servers: list[Server]
    server_name: str
    certificate_path: str


class SiteQuestion(TypedDict):
    """What to request of a site, to see what its visitors get."""

    name: str
    domain: str
    path: str


class SiteCertificate(TypedDict):
    """The inputs for a site's certificate on the balancer; without a key."""

    name: str
    domains: list[str]
    tls: dict[str, str]
    host: str


def address_of(host: str, variables: Mapping[str, Any]) -> str:
    """Return the address at which the fleet's hosts reach this host.

    Args:
        host: Its inventory name.
        variables: Its variables; `fleet_address` and `ansible_host` are used.

    Raises:
        ValueError: It is neither an address nor a host name.
    """
    own = _checked(host, variables, "fleet_address")
    if own:
        return str(own)
    given = variables.get("ansible_host")
    findings = Findings(
        "ansible_host" if given else "the inventory name", "correct it, or set fleet_address"
    )
    found = address(given or host, findings)
    if findings.problems:
        raise ValueError(f"{host}: {findings.problems[0].message}")
    return found


def fleet_addresses(hosts: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the addresses of some hosts, each once, in their order.

    Args:
        hosts: Each host's variables by inventory name.
    """
    return list(dict.fromkeys(address_of(host, variables) for host, variables in hosts.items()))


def balancer_sites(hosts: Mapping[str, Mapping[str, Any]], certificate_path: str) -> list[Site]:
    """Return the sites of a balancer, one for each application, in the order of the inventory.

    Computed from the inventory alone, so that `--limit` leaves out no host.

    Args:
        hosts: Each application host's variables by inventory name; `host_certificate` is the
            certificate with its chain that was read from the host in this run, if it was.
        certificate_path: Where a site's certificate is on the balancer; `{}` is its name.

    Raises:
        ValueError: A variable is not valid, or differs between hosts of one application.
    """
    sites: dict[str, tuple[str, dict[str, Any], Site]] = {}
    for host, variables in hosts.items():
        if _checked(host, variables, "app_mount_of"):
            # Its requests are those of the site on which it is mounted, on the same machine.
            continue
        name = str(_checked(host, variables, "app_name"))
        common = {key: _checked(host, variables, key) for key in COMMON}
        first, expected, site = sites.setdefault(
            name, (host, common, _site(name, common, certificate_path))
        )
        for key, value in common.items():
            if value != expected[key]:
                raise ValueError(
                    f"{key} is different on {first} and {host}, which both serve {name}; expected "
                    "one value behind the balancer; set the same for both, or give them different "
                    "names"
                )
        # A value that is no number is refused with the other words of the configuration.
        port = cast("int", variables.get("nginx_site_https_port") or 443)
        server = Server(name=host, address=address_of(host, variables), port=port)
        anchor = trust_anchor(str(variables.get("host_certificate") or ""))
        if anchor:
            server["certificate"] = anchor
        site["servers"].append(server)
    return [entry[-1] for entry in sites.values()]


def balancer_certificates(hosts: Mapping[str, Mapping[str, Any]]) -> list[SiteCertificate]:
    """Return the inputs for the balancer's certificates, one for each application.

    Args:
        hosts: Each application host's variables by inventory name.

    Raises:
        ValueError: as `balancer_sites`.
    """
    return [
        SiteCertificate(
            name=site["name"],
            domains=site["domains"],
            tls=public_part(_tls(site["servers"][0]["name"], hosts)),
            host=site["servers"][0]["name"],
        )
        for site in balancer_sites(hosts, "")
    ]


def _tls(host: str, hosts: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    return cast("dict[str, str]", _checked(host, hosts[host], "app_tls"))


def balancer_lines(sites: Iterable[Site]) -> list[str]:
    """Return lines of text that say what a balancer serves.

    Args:
        sites: From `balancer_sites`.
    """
    return [
        f"  {site['name']} ({', '.join(site['domains'])}) from "
        + ", ".join(f"{server['name']} at {server['address']}" for server in site["servers"])
        for site in sites
    ]


def site_questions(sites: Iterable[Site]) -> list[SiteQuestion]:
    """Return what to request of each site, to see what its visitors get.

    Args:
        sites: From `balancer_sites`.
    """
    return [
        SiteQuestion(
            name=site["name"], domain=request_name(site["domains"]), path=site["health_path"]
        )
        for site in sites
    ]


def servers_of_machines(sites: Iterable[Site], hosts: Iterable[str]) -> list[str]:
    """Return all servers on the machines of some hosts, as `site/server`.

    Two applications on one machine have two inventory names; what interrupts one interrupts both.

    Args:
        sites: From `balancer_sites`.
        hosts: Inventory names.
    """
    named = set(hosts)
    pairs = [(site["name"], server) for site in sites for server in site["servers"]]
    machines = {server["address"] for _site, server in pairs if server["name"] in named}
    return [f"{site}/{server['name']}" for site, server in pairs if server["address"] in machines]


def _checked(host: str, variables: Mapping[str, Any], name: str) -> object:
    variable, findings = BY_NAME[name], Findings(name)
    value = variables.get(name)
    checked = variable.check(variable.default if value is None else value, findings)
    if findings.problems:
        raise ValueError(f"{host}: {findings.problems[0].message}")
    return checked


def trust_anchor(chain: str) -> str:
    """Return the self-signed certificate of a chain, as PEM; empty if there is none.

    Args:
        chain: PEM text; a self-signed certificate alone is a chain of one.

    Raises:
        ValueError: `cryptography` is missing.
    """
    if not chain.strip():
        return ""
    if refusal := missing_cryptography():
        raise ValueError(refusal)
    for certificate in x509.load_pem_x509_certificates(chain.encode()):
        if certificate.issuer == certificate.subject:
            return certificate.public_bytes(Encoding.PEM).decode()
    return ""


def _site(name: str, common: Mapping[str, Any], certificate_path: str) -> Site:
    # nginx removes the prefix again before it proxies to the application.
    return Site(
        name=name,
        domains=common["app_domain"],
        health_path=f"{common['app_root_path']}{common['app_health_path']}",
        servers=[],
        certificate_path=certificate_path.format(name),
    )


# For the template


class PrintedServer(TypedDict):
    """A server as its line in the configuration names it."""

    name: str
    address: str
    ca_path: str


class PrintedSite(TypedDict):
    """A site as the configuration names it; `matches` are the arguments of its ACL's `-m`."""

    name: str
    server_name: str
    domains: list[str]
    matches: list[str]
    certificate_path: str
    health_path: str
    servers: list[PrintedServer]


def haproxy_sites(
    sites: Sequence[Site], directory: str, present: Iterable[str]
) -> list[PrintedSite]:
    """Return what the template prints.

    A server is verified against its trusted certificate, from this run or an earlier one;
    otherwise against certificate authorities. So a server with a self-signed certificate that was
    never read fails its check, and gets no requests.

    Args:
        sites: The role's sites.
        directory: Folder of the trusted certificates.
        present: Paths of the certificates that exist there.

    Raises:
        ValueError: A value is not valid, or a name or domain appears twice.
    """
    for site in sites:
        refuse_more_than_words(site)
    refuse_doubles(sites)
    known = {*present, *pins(sites, directory)}
    return [
        PrintedSite(
            name=site["name"],
            server_name=site.get("server_name") or request_name(site["domains"]),
            domains=site["domains"],
            matches=[match(domain) for domain in site["domains"]],
            certificate_path=site.get("certificate_path", ""),
            health_path=site["health_path"],
            servers=[
                PrintedServer(
                    name=server["name"],
                    address=f"{literal(server['address'])}:{server.get('port', 443)}",
                    ca_path=_ca_path(site["name"], server, directory, known),
                )
                for server in site["servers"]
            ],
        )
        for site in sites
    ]


def pins(sites: Iterable[Site], directory: str) -> dict[str, str]:
    """Return the trusted certificates of the servers, as texts by path.

    Args:
        sites: The role's sites.
        directory: Folder of the trusted certificates.
    """
    return {
        pin_path(directory, site["name"], server["name"]): server["certificate"]
        for site in sites
        for server in site["servers"]
        if server.get("certificate")
    }


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


def match(domain: str) -> str:
    """Return how HAProxy compares a host name with a domain: `str www.example.com`."""
    return f"end {domain[1:]}" if domain.startswith("*.") else f"str {domain}"


def literal(address: str) -> str:
    """Return an address as HAProxy wants it before a port: IPv6 in brackets."""
    return f"[{address}]" if ":" in address else address
