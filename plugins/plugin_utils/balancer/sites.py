"""The sites of a balancer, from the inventory's hosts: it reads the variables of the group `app`.

`printed.py` turns them into what the template prints.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypedDict, cast

from ansible_collections.asgi.fleet.plugins.module_utils.protocol.authorities import (
    SYSTEM_AUTHORITIES,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.acme import LETS_ENCRYPT
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

#: The defaults of the role tls_certificate: variables of a loop's items cannot be left out.
ACME = {
    "directory": LETS_ENCRYPT,
    "contact": "",
    "challenge": "http-01",
    "hook": "",
    "profile": "",
    "ca_bundle": "",
}
#: What must be the same on all hosts of an application, for one site in front of them.
COMMON = ("app_domain", "app_health_path", "app_root_path", "app_tls", "fleet_sticky_sessions")


class Server(TypedDict, total=False):
    """One host of a site.

    Attributes:
        name: Its inventory name.
        address: An IP address, or a name that the balancer can resolve when it starts.
        port: Where nginx listens for HTTPS.
        certificate: The self-signed certificate to trust, as PEM, or `SYSTEM_AUTHORITIES`, if
            whoever the balancer's system trusts has signed it; empty when it is not known.
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
    sticky_sessions_enabled: bool


class SiteQuestion(TypedDict):
    """What to request of a site, to see what its visitors get."""

    name: str
    domain: str
    path: str
    certificate: str


class SiteCertificate(TypedDict):
    """The inputs for a site's certificate on the balancer; without a key.

    Attributes:
        name: Of the site.
        domains: Its names and addresses.
        tls: What is public of `app_tls`.
        acme: The keys of the mode acme, each there in every mode.
        host: A host whose variables have the secrets.
    """

    name: str
    domains: list[str]
    tls: dict[str, str]
    acme: dict[str, str]
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
        chain = str(variables.get("host_certificate") or "")
        if chain.strip():
            server["certificate"] = trust_anchor(chain) or SYSTEM_AUTHORITIES
        site["servers"].append(server)
    return [entry[-1] for entry in sites.values()]


def balancer_certificates(hosts: Mapping[str, Mapping[str, Any]]) -> list[SiteCertificate]:
    """Return the inputs for the balancer's certificates, one for each application.

    Args:
        hosts: Each application host's variables by inventory name.

    Raises:
        ValueError: as `balancer_sites`.
    """
    found = []
    for site in balancer_sites(hosts, ""):
        host = site["servers"][0]["name"]
        public = public_part(_tls(host, hosts))
        acme = {key: public.get(key, value) for key, value in ACME.items()}
        found.append(
            SiteCertificate(
                name=site["name"], domains=site["domains"], tls=public, acme=acme, host=host
            )
        )
    return found


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
            name=site["name"],
            domain=request_name(site["domains"]),
            path=site["health_path"],
            certificate=site.get("certificate_path", ""),
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
        sticky_sessions_enabled=common["fleet_sticky_sessions"],
    )
