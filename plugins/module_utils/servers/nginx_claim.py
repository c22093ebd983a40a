"""What a host's nginx serves already, and how a site gets in beside it: pure decisions.

What is someone's own stays: it is kept, and our files give way; or the site is refused, by the name
of what it would replace or collide with.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch

from ansible_collections.asgi.fleet.plugins.module_utils.servers.changes import COPY_SUFFIX
from ansible_collections.asgi.fleet.plugins.module_utils.servers.nginx_syntax import Directive
from ansible_collections.asgi.fleet.plugins.module_utils.servers.standing import (
    FOREIGN,
    MISSING,
    OURS,
    PACKAGED,
    Verdict,
)

MAIN = "/etc/nginx/nginx.conf"
DEFAULT_SERVER = "/etc/nginx/conf.d/01_default_server.conf"
#: The default pages of Debian's and nginx.org's packages, which answer to any host name.
PAGES = ("/etc/nginx/sites-enabled/default", "/etc/nginx/conf.d/default.conf")
#: What our main configuration and the packages' include: what is left of others' below ours.
INCLUDED = "http { include conf.d/*.conf; include sites-enabled/*; }"
VARIABLE = "nginx_site_main_config_enabled"
_LOOPBACK = ("127.", "[::1]", "localhost")


@dataclass(frozen=True)
class Site:
    """What a site wants.

    Attributes:
        path: Its file.
        domains: Its server names.
        http_port: The port of the redirect.
        https_port: The port of the site.
        ipv6: Whether it listens on IPv6 too.
        main_config: `auto`: replace the main configuration unless it is someone's own; `replace`
            or `keep` it.
        default_server: Whether host names that no site has are to be refused.
        user: The account of nginx's workers, who must reach the application's socket.
        by_address: Whether clients ask for an address instead of a name. They name nobody in the
            handshake, so only the default server of the port serves them.
    """

    path: str
    domains: tuple[str, ...]
    http_port: int = 80
    https_port: int = 443
    ipv6: bool = True
    main_config: str = "auto"
    default_server: bool = True
    user: str = "www-data"
    by_address: bool = False

    @property
    def ports(self) -> tuple[int, int]:
        """The ports on which it listens."""
        return (self.http_port, self.https_port)

    def addresses(self, port: int) -> list[str]:
        """Return the listen addresses of a port, as nginx has them."""
        return [str(port), f"[::]:{port}"] if self.ipv6 else [str(port)]


@dataclass
class NginxVerdict(Verdict):
    """How the site gets in.

    Attributes:
        main_config: Whether to write the main configuration.
        main_kept: Whether someone's own stays.
        backup: Files to keep a copy of, since ours replace them.
        default_http: Where our default server listens for HTTP; nowhere if it stays as it is.
        default_https: The same for HTTPS.
        absent: Files to remove.
    """

    main_config: bool = True
    main_kept: bool = False
    backup: list[str] = field(default_factory=list)
    default_http: list[str] = field(default_factory=list)
    default_https: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Listen:
    """An address on which a server listens.

    Attributes:
        address: `*`, `[::]` or another, without the port.
        port: The port.
        options: The other words.
        at: The directive.
    """

    address: str
    port: int
    options: tuple[str, ...]
    at: Directive

    @property
    def place(self) -> str:
        """The address as `Site.addresses` has it."""
        return str(self.port) if self.address == "*" else f"{self.address}:{self.port}"

    @property
    def is_default(self) -> bool:
        """Whether its server answers host names that no server has."""
        return not {"default_server", "default"}.isdisjoint(self.options)

    @property
    def on_loopback(self) -> bool:
        """Whether only this host reaches it."""
        return self.address.startswith(_LOOPBACK)


def main_counts(origin: str, wanted: str) -> bool:
    """Return whether what the main configuration says now will be so after the run as well.

    Otherwise ours, or the package's, is to be there: `INCLUDED` is what is left of others' then.

    Args:
        origin: Whose it is.
        wanted: As `Site.main_config`.
    """
    return (
        origin == OURS
        or (origin == FOREIGN and wanted != "replace")
        or (origin == PACKAGED and wanted == "keep")
    )


def judge(
    site: Site,
    origins: Mapping[str, str],
    tree: Directive,
    user: str,
    ours: Callable[[str], bool],
    owner: str = "",
) -> NginxVerdict:
    """Decide how a site gets in beside what there is.

    Args:
        site: The site.
        origins: Whose `MAIN` and `PAGES` are.
        tree: The configuration without the site's own files, and without the packages' pages.
        user: The account of the workers where the configuration names none.
        ours: Tells whether a file is one of asgi.fleet's.
        owner: The other site that our default server serves by its address, if there is one.
    """
    verdict = NginxVerdict()
    _judge_main(site, origins[MAIN], tree, user, verdict)
    sites = list(servers(tree, "http"))
    _judge_pages(site, origins, sites, owner, verdict)
    verdict.problems += _by_address(site, sites, owner)
    # Where one of ours is already, it has been so since then.
    if not any(map(ours, (DEFAULT_SERVER, site.path))):
        verdict.problems += _first_servers(site, origins, sites)
    verdict.problems += _streams(site, tree)
    for server, told in _same_names(site, sites):
        if ours(server.file):
            verdict.notes.append(f"{told}: remove the application that is not needed any more")
        else:
            verdict.problems.append(f"{told}: remove the name there, or choose another app_domain")
    verdict.problems += _both_families(site, sites)
    verdict.notes += _unreached(site, sites)
    return verdict


def default_owner(text: str) -> str:
    """Return whose clients our default server serves by their address; empty for nobody's."""
    found = re.search(
        r"^# For clients that ask for an address, as ([a-z0-9-]+) has it\.$", text, re.M
    )
    return found[1] if found else ""


def servers(tree: Directive, kind: str) -> Iterator[Directive]:
    """Yield the servers of a kind, `http` or `stream`."""
    for block in tree.inside(kind):
        yield from block.inside("server")


def server_names(server: Directive) -> list[str]:
    """Return the names of a server, in lower case."""
    return [name.lower() for one in server.inside("server_name") for name in one.words]


def _spelt_out(name: str) -> tuple[str, ...]:
    """Return the names that a name stands for: `.example.com` is two."""
    return (name[1:], f"*{name}") if name.startswith(".") else (name,)


def listens(server: Directive) -> list[Listen]:
    """Return where a server of HTTP listens; on port 80 if it does not say."""
    found = [read_listen(one) for one in server.inside("listen")]
    return [one for one in found if one] if found else [Listen("*", 80, (), server)]


def read_listen(at: Directive) -> Listen | None:
    """Read a directive `listen`; None for a socket of the file system."""
    if not at.words or at.words[0].startswith("unix:"):
        return None
    place, options = at.words[0], at.words[1:]
    if place.isdigit():
        return Listen("*", int(place), options, at)
    address, colon, port = place.rpartition(":")
    if not colon or not port.isdigit():
        address, port = place, "80"
    every = address in ("*", "0.0.0.0")  # noqa: S104 (nginx listens, not this program)
    return Listen("*" if every else address, int(port), options, at)


def _judge_main(site: Site, origin: str, tree: Directive, user: str, verdict: NginxVerdict) -> None:
    if site.main_config == "replace" or (site.main_config == "auto" and origin != FOREIGN):
        if origin == FOREIGN:
            verdict.backup.append(MAIN)
            verdict.notes.append(
                f"{MAIN} is someone's own and is replaced, since {VARIABLE} is true, or "
                f"nginx_site_main_template is yours; it is kept as {MAIN}{COPY_SUFFIX}"
            )
        return
    verdict.main_config = False
    verdict.main_kept = origin == FOREIGN
    if origin == MISSING:
        return
    if not any(
        fnmatch(site.path, os.path.join(os.path.dirname(MAIN), one.words[0]))
        for http in tree.inside("http")
        for one in http.inside("include")
        if one.words
    ):
        verdict.problems.append(
            f"{MAIN} is kept, and does not include {site.path}: add `include "
            f"{os.path.dirname(site.path)}/*.conf;` to its block `http`, or set {VARIABLE}: true "
            f"to replace it (it is then kept as {MAIN}{COPY_SUFFIX})"
        )
    if site.main_config != "auto":
        return
    named = next((one.words[0] for one in tree.inside("user") if one.words), user)
    if named not in (site.user, "root"):
        verdict.problems.append(
            f"{MAIN} is kept, and its workers run as {named}, who could not reach the "
            f"application: write `user {site.user};` there, or set nginx_site_user and "
            f"gunicorn_service_socket_group to {named}, or {VARIABLE}: true to replace it"
        )
    verdict.notes.append(
        f"{MAIN} is someone's own (it has no mark of asgi.fleet, and is not as its package has it) "
        "and is kept, and so are its workers' limits and nginx's unit: nginx_site_worker_* and "
        f"nginx_site_sandbox_* have no effect there; set {VARIABLE}: false if that is as you want "
        f"it, or true to replace it (it is then kept as {MAIN}{COPY_SUFFIX})"
    )


def _judge_pages(
    site: Site,
    origins: Mapping[str, str],
    sites: list[Directive],
    owner: str,
    verdict: NginxVerdict,
) -> None:
    """Remove the packages' pages, and have our default server listen where no other one does."""
    if not site.default_server:
        return
    verdict.absent = [path for path in PAGES if origins[path] == PACKAGED]
    taken = {
        one.place: one.at
        for one in (listen for server in sites for listen in listens(server))
        if one.is_default
    }
    wanted = [site.addresses(port) for port in site.ports]
    if not owner:
        verdict.default_http, verdict.default_https = (
            [place for place in places if place not in taken] for places in wanted
        )
    if not owner and not verdict.default_http + verdict.default_https:
        verdict.absent.append(DEFAULT_SERVER)
    stay = {place: taken[place] for places in wanted for place in places if place in taken}
    if stay:
        verdict.notes.append(
            "unknown host names are answered by a default server that is there already and stays: "
            + ", ".join(f"{at.place} (listen {place})" for place, at in stay.items())
            + "; set nginx_site_default_server_enabled: false if that is as you want it"
        )
    answering = {at.file for at in stay.values()}
    verdict.notes += [
        f"{path} is someone's own (it is not as its package has it) and is kept"
        for path in PAGES
        if origins[path] == FOREIGN and path not in answering
    ]


def _by_address(site: Site, sites: list[Directive], owner: str) -> Iterator[str]:
    """Yield why clients that ask for an address would not meet this site."""
    if not site.by_address:
        return
    meet = "clients that ask for an address (app_domain, nginx_site_health_check_sources) meet the"
    if not site.default_server:
        yield (
            f"{meet} default server, and nginx_site_default_server_enabled: false leaves that to "
            "others: set it to true, or have names only"
        )
    elif owner:
        yield (
            f"{meet} default server, which is {owner}'s: only one application of a host can be "
            f"reached so; have names only for this one, or for {owner}"
        )
    else:
        for one in (listen for server in sites for listen in listens(server)):
            if one.is_default and one.place in site.addresses(site.https_port):
                yield (
                    f"{meet} default server of port {one.port}, which is someone's own "
                    f"({one.at.place}): remove `default_server` there, or have names only"
                )


def _first_servers(site: Site, origins: Mapping[str, str], sites: list[Directive]) -> Iterator[str]:
    """Yield the servers for any host name that are so by being the first that nginx reads."""
    first: dict[str, tuple[Directive, Listen]] = {}
    for server in sites:
        for one in listens(server):
            if one.is_default or one.place not in first:
                first[one.place] = (server, one)
    # It is the default on port 80 until it is removed.
    paged = PACKAGED in (origins[path] for path in PAGES)
    for place in (place for port in site.ports for place in site.addresses(port)):
        if place not in first:
            continue
        server, one = first[place]
        replaced = one.is_default or (paged and one.port == 80)
        if not replaced and {*server_names(server)} <= {"_", ""}:
            yield (
                f"{server.place} answers every host name on port {one.port} because nginx reads it "
                "first, which would end: if it is to go on so, write "
                f"`listen {place} default_server;` there; otherwise remove it, or give it a "
                "server_name"
            )


def _streams(site: Site, tree: Directive) -> Iterator[str]:
    for kind in ("stream", "mail"):
        for server in servers(tree, kind):
            for one in filter(None, map(read_listen, server.inside("listen"))):
                if one.port in site.ports and "udp" not in one.options:
                    yield (
                        f"the block `{kind}` of nginx listens on port {one.port} already "
                        f"({one.at.place}): set {_variable(site, one.port)} to a free port, and "
                        "pass requests on to it from there"
                    )


def _same_names(site: Site, sites: list[Directive]) -> Iterator[tuple[Directive, str]]:
    """Yield the servers that have one of the names."""
    for server in sites:
        ports = {one.port for one in listens(server) if not one.on_loopback}
        names = {name for word in server_names(server) for name in _spelt_out(word)}
        same = sorted(names & {*site.domains})
        if same and ports & {*site.ports}:
            yield (
                server,
                f"{', '.join(same)} is served already, by {server.place}, and nginx serves only "
                "the first of both",
            )


def _both_families(site: Site, sites: list[Directive]) -> Iterator[str]:
    for one in (listen for server in sites for listen in listens(server)):
        if one.port in site.ports and "ipv6only=off" in one.options:
            yield (
                f"{one.at.place} has ipv6only=off and so listens on IPv4's port {one.port} too, "
                f"where the site's own `listen {one.port}` would fail: write `listen {one.port};` "
                "there as well, without ipv6only=off"
            )


def _unreached(site: Site, sites: list[Directive]) -> Iterator[str]:
    """Yield the addresses that other sites have for themselves."""
    places: dict[str, str] = {}
    for one in (listen for server in sites for listen in listens(server)):
        own = one.address not in ("*", "[::]") and not one.on_loopback
        if own and one.port in site.ports:
            places.setdefault(one.place, one.at.place)
    for place, at in places.items():
        yield (
            f"requests to {place} do not reach the site, since {at} listens on that address: "
            f"{', '.join(site.domains)} must not lead there"
        )


def _variable(site: Site, port: int) -> str:
    return "nginx_site_http_port" if port == site.http_port else "nginx_site_https_port"


@dataclass(frozen=True)
class Build:
    """What `nginx -V` tells.

    Attributes:
        config: The file that it reads.
        user: The account of its workers, if the configuration names none.
    """

    config: str = MAIN
    user: str = "nobody"

    @classmethod
    def of(cls, output: str) -> Build:
        """Read the output."""
        options = dict(re.findall(r"--(conf-path|user)=(\S+)", output))
        return cls(options.get("conf-path", MAIN), options.get("user", "nobody"))


def build_problems(build: Build, executable: str) -> Iterator[str]:
    """Yield why this nginx cannot be configured."""
    if build.config != MAIN:
        yield (
            f"{executable} reads {build.config}, so it is not the nginx of a package of Debian, "
            f"Ubuntu or nginx.org, which read {MAIN}: install one of those instead, or deploy to "
            "another host"
        )
