"""The locations of an nginx site: what differs by path, and who is let in. Pure.

A path has the settings of those above it, and changes some. nginx itself would not hand them down:
its locations stand side by side, and the longest one counts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs import config_values
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.problems import (
    Findings,
    kind,
    seen,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.text.numbers import integer

KEYS = ("allow", "burst", "login", "max_body_size", "rate")
PATHS = "nginx_site_paths"

_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)+")
_RATE = re.compile(r"[1-9][0-9]{0,5}r/[sm]")
_BODY = re.compile(r"0|[1-9][0-9]{0,6}[kmgKMG]?")
_USER = re.compile(r"[A-Za-z0-9._@+-]{1,64}")
_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")
_HEADER_VALUE = re.compile(r"[ !#%-\[\]-~]{0,1500}")
#: nginx asks crypt(3) for each request, in the process that serves everybody: what takes long there
#: would hold all visitors. So the costly forms are limited: 16 ms for bcrypt, 10 ms for SHA.
_HASHES = (
    re.compile(r"\$apr1\$[./A-Za-z0-9]{1,8}\$[./A-Za-z0-9]{22}"),
    re.compile(r"\$2[aby]\$0[4-8]\$[./A-Za-z0-9]{53}"),
    re.compile(r"\$5\$(rounds=[1-9][0-9]{3,4}\$)?[./A-Za-z0-9]{1,16}\$[./A-Za-z0-9]{43}"),
    re.compile(r"\$6\$(rounds=[1-9][0-9]{3,4}\$)?[./A-Za-z0-9]{1,16}\$[./A-Za-z0-9]{86}"),
    re.compile(r"\{SSHA\}[A-Za-z0-9+/]{32,}={0,2}"),
)
_SLOW = re.compile(r"\$2[aby]\$[0-9]{2}\$|\$[56]\$rounds=|\$(y|gy|7|argon2)")
#: The settings of a location that everybody may ask.
OPEN = {"login": False, "allow": [], "zone": "", "burst": 0, "max_body_size": ""}
#: Headers that nginx, the application or another variable sets.
OWN_HEADERS = frozenset(
    (
        *("alt-svc", "cache-control", "connection", "content-encoding", "content-length"),
        *("content-type", "date", "etag", "last-modified", "link", "location", "retry-after"),
        *("server", "set-cookie", "strict-transport-security", "transfer-encoding", "vary"),
        *("www-authenticate", "x-request-id"),
    )
)


def site_locations(site: Mapping[str, Any]) -> dict[str, Any]:
    """Return the locations of a site, and the zones that its limits need.

    Args:
        site: `name`, `root_path`, `health_path` (as visitors ask for it), `static` (paths as
            visitors ask for them), `paths` by the path in the application, and the settings of the
            whole site, of which `max_body_size` is empty where the server has it already.
    """
    root = site["root_path"]
    own = {f"{root}{path}": given for path, given in site["paths"].items()}
    base = {key: site[key] for key in ("allow", "burst", "login", "rate", "max_body_size")}
    statics = list(site["static"])
    zones = [{"name": f"{site['name']}_site", "rate": base["rate"]}] if base["rate"] else []
    named = {"": zones[0]["name"] if zones else ""}
    for number, (path, given) in enumerate(sorted(own.items())):
        if given.get("rate"):
            named[path] = f"{site['name']}_{number}"
            zones.append({"name": named[path], "rate": given["rate"]})
    locations = [_location(f"{root}/", _merged(f"{root}/", own, base, named))]
    for number, path in enumerate(sorted({*own, *statics})):
        merged = _merged(path, own, base, named)
        if path in own:
            # Without the slash it is the same thing, and /administrator is not.
            locations.append(_location(f"= {path}", merged))
        if path in statics:
            static = f"fleet_{site['name']}_static_{number}"
            locations.append(
                _location(f"^~ {path}/", merged)
                | {"static": True, "former": f"{static}_former", "application": f"{static}_rest"}
            )
        else:
            locations.append(_location(f"{path}/", merged))
    health = _merged(site["health_path"], own, base, named)
    if health["login"] or health["allow"]:
        # Balancers and the deployment itself ask for it, without a password.
        locations.append(_location(f"= {site['health_path']}", OPEN))
    return {"locations": locations, "zones": zones}


def _location(match: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    return {"match": match, "static": False, **settings}


def _merged(
    path: str, own: Mapping[str, Any], base: Mapping[str, Any], named: Mapping[str, str]
) -> dict[str, Any]:
    """Return the settings of a path, with those of the paths above it."""
    settings, zone = dict(base), named[""]
    for above in sorted(own):
        if path == above or path.startswith(f"{above}/"):
            settings |= own[above]
            zone = named.get(above, zone) if settings.get("rate") else ""
    return {
        "login": bool(settings["login"]),
        "allow": list(settings["allow"]),
        "zone": zone,
        "burst": int(settings["burst"]),
        "max_body_size": str(settings["max_body_size"]),
    }


def site_refusals(site: Mapping[str, Any]) -> list[str]:
    """Return a line for each value that is wrong.

    Args:
        site: As `site_locations`; with `users` and `headers` as well.
    """
    findings = [
        _settings("nginx_site", {key: site[key] for key in ("allow", "burst", "rate")}, "_"),
        _paths(site),
        _users(site),
        _headers(site["headers"]),
    ]
    return [problem.message for one in findings for problem in one.problems]


def _paths(site: Mapping[str, Any]) -> Findings:
    findings = Findings(PATHS, config_values.ADVICE)
    if not isinstance(site["paths"], Mapping):
        findings.refuse(seen(site["paths"]), "a mapping of paths to settings")
        return findings
    for path, given in site["paths"].items():
        if not isinstance(path, str) or not _PATH.fullmatch(path):
            findings.refuse(
                "not a path", "a path of the application such as /upload", at=f".{path}"
            )
        elif not isinstance(given, Mapping) or not given or {*given} - {*KEYS}:
            unknown = sorted(map(str, {*given} - {*KEYS})) if isinstance(given, Mapping) else []
            findings.refuse(
                f"given {', '.join(unknown)}" if unknown else seen(given),
                f"a mapping of some of {', '.join(KEYS)}",
                at=f".{path}",
            )
        else:
            findings.problems += _settings(f"{PATHS}.{path}", given, ".").problems
            findings.problems += _place(path, site).problems
    return findings


def _place(path: str, site: Mapping[str, Any]) -> Findings:
    findings = Findings(f"{PATHS}.{path}", config_values.ADVICE)
    whole = f"{site['root_path']}{path}"
    if whole == site["health_path"]:
        findings.refuse(
            "the health path", "another path, since the deployment must always get its answer"
        )
    for static in site["static"]:
        if whole.startswith(f"{static}/"):
            findings.refuse(
                f"below {static}, whose files nginx serves itself",
                f"{static} as a whole, or a path elsewhere",
            )
    return findings


def _settings(variable: str, given: Mapping[str, Any], separator: str) -> Findings:
    findings = Findings(variable, config_values.ADVICE)
    rate = given.get("rate", "")
    if rate != "" and not (isinstance(rate, str) and _RATE.fullmatch(rate)):
        findings.refuse(
            seen(rate),
            "requests by second or minute of one address, such as 20r/s or 5r/m",
            at=f"{separator}rate",
        )
    burst = integer(given.get("burst", 0))
    if burst is None or not 0 <= burst <= 100000:
        findings.refuse(seen(given["burst"]), "a number from 0 to 100000", at=f"{separator}burst")
    body = given.get("max_body_size", "1m")
    if not _BODY.fullmatch(str(body)):
        findings.refuse(
            seen(body), "a size such as 100m, or 0 for no limit", at=f"{separator}max_body_size"
        )
    login = given.get("login", False)
    if not isinstance(login, bool):
        findings.refuse(seen(login), "true or false", at=f"{separator}login")
    allow = given.get("allow", [])
    if not isinstance(allow, Sequence) or isinstance(allow, str):
        findings.refuse(seen(allow), "a list of addresses and networks", at=f"{separator}allow")
        return findings
    for entry in allow:
        if not config_values.is_network(entry):
            findings.refuse(
                seen(entry),
                "an address or a network such as 192.0.2.0/24; nginx looks for no names here",
                at=f"{separator}allow",
            )
    return findings


def _users(site: Mapping[str, Any]) -> Findings:
    """Check the users; what is in the place of a hash may be a password, and is not shown."""
    findings = Findings("nginx_site_users", "set it in a file that ansible-vault encrypts")
    users = site["users"]
    if not isinstance(users, Mapping):
        findings.refuse(kind(users), "a mapping of users to hashes of their passwords")
        return findings
    for user, value in users.items():
        if not isinstance(user, str) or not _USER.fullmatch(user):
            findings.refuse(
                "not a name", "letters, digits and any of . _ @ + -", "rename it", at=f".{user}"
            )
        elif not isinstance(value, str) or not any(one.fullmatch(value) for one in _HASHES):
            slow = isinstance(value, str) and bool(_SLOW.match(value))
            findings.refuse(
                "a hash that takes nginx long for each request, while it serves nobody else"
                if slow
                else "no hash that nginx can check",
                "one of bcrypt with a cost up to 08, apr1, SHA-256 or SHA-512 with up to 99999 "
                "rounds, or {SSHA}",
                "make one with `openssl passwd -6`, and set it in a file that ansible-vault "
                "encrypts",
                at=f".{user}",
            )
    asked = [
        "nginx_site_login",
        *(
            f"{PATHS}.{path}.login"
            for path, given in (site["paths"].items() if isinstance(site["paths"], Mapping) else ())
            if isinstance(given, Mapping) and given.get("login") is True
        ),
    ]
    if not site["login"]:
        asked = asked[1:]
    if asked and not users:
        findings.refuse(
            f"empty, but {asked[0]} is true", "at least one user, since nobody could log in"
        )
    return findings


def _headers(headers: object) -> Findings:
    findings = Findings("nginx_site_security_headers", config_values.ADVICE)
    if not isinstance(headers, Mapping):
        findings.refuse(seen(headers), "a mapping of headers to their values")
        return findings
    for name, value in headers.items():
        if not isinstance(name, str) or not _HEADER.fullmatch(name):
            findings.refuse("not the name of a header", "such as Permissions-Policy", at=f".{name}")
        elif name.lower() in OWN_HEADERS:
            findings.refuse(
                "a header that nginx, the application or another variable sets",
                "a header about security such as Permissions-Policy",
                "remove it",
                at=f".{name}",
            )
        elif not isinstance(value, str) or not _HEADER_VALUE.fullmatch(value):
            findings.refuse(
                seen(value),
                'one line of ASCII without ", $ and \\, or an empty text to leave the header out',
                at=f".{name}",
            )
    return findings
