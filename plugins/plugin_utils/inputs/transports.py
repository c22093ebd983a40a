"""What brings code to a host or to the controller must be encrypted, or pinned by a digest.

Whoever sits between could otherwise put code of their own into a release.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.problems import (
    Findings,
    Problem,
    seen,
)

#: Schemes that neither encrypt nor know the server.
CLEAR = ("http", "git", "ftp", "git+http", "git+git")
_CLEAR_URL = re.compile(r"(?:git\+)?(?:http|git|ftp)://[^\s,]*", re.IGNORECASE)
#: A git commit names all that it contains.
_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
SECURE = "https, or another transport that encrypts and knows the server"

#: Variables that switch checks of uv and git off, unless their value is one of `_OFF`.
UNCHECKED = {
    "UV_INSECURE_HOST": "accepts any certificate of that host",
    "UV_INSECURE_NO_ZIP_VALIDATION": "accepts archives that other tools read differently",
    "UV_NO_VERIFY_HASHES": "accepts what does not have the hash of its lock",
    "GIT_SSL_NO_VERIFY": "accepts any certificate",
}
_OFF = ("", "0", "false", "no", "off", "f", "n")


def is_clear(url: str) -> bool:
    """Return whether what comes from a URL can be changed on its way."""
    try:
        parts = urlsplit(url)
    except ValueError:
        # Brackets without an address: whatever it leads to.
        return url.partition(":")[0].lower() in CLEAR
    return parts.scheme.lower() in CLEAR and not is_loopback(parts.hostname or "")


def is_loopback(host: str) -> bool:
    """Return whether a host name is this machine itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def check_transport(source: Mapping[str, object], findings: Findings) -> None:
    """Refuse a valid source that somebody on the way could change.

    An archive's URL always comes with a checksum. A package's version pins nothing.
    """
    url, version = str(source.get("url") or ""), str(source.get("version") or "")
    if source.get("type") == "git" and is_clear(url) and not _COMMIT.fullmatch(version):
        findings.refuse(
            seen(url),
            f"{SECURE}, or version to be a full commit of 40 digits",
            "use https or ssh, or set version to the commit",
            at=".url",
        )
    for key in ("index", "find_links"):
        place = str(source.get(key) or "")
        if is_clear(place):
            findings.refuse(
                seen(place), SECURE, "use https, or a proxy on 127.0.0.1 of the host", at=f".{key}"
            )


def uv_problems(
    environment: object, mirror: object, prefix: str = "python_release_"
) -> list[Problem]:
    """Return a problem for each setting of uv that lets somebody on the way change its packages.

    Args:
        environment: Its environment variables; anything but a mapping is refused elsewhere.
        mirror: Where Python comes from.
        prefix: Of the variables that messages name.
    """
    findings = Findings(f"{prefix}uv_environment")
    mirror_findings = Findings(f"{prefix}python_mirror")
    if is_clear(str(mirror or "")):
        mirror_findings.refuse(seen(mirror), SECURE, "use https, or a file:// URL of the host")
    for name, value in environment.items() if isinstance(environment, Mapping) else ():
        text = str(value)
        unchecked = UNCHECKED.get(name)
        if unchecked and not (text.lower() in _OFF or _all_loopback(name, text)):
            findings.refuse(
                f"{seen(text)}, which {unchecked}",
                "checks to stay on",
                "remove it; host_baseline_certificate_authorities trusts one of your own",
                at=f".{name}",
            )
        for url in clear_urls(name, text):
            findings.refuse(seen(url), SECURE, "use https", at=f".{name}")
    return mirror_findings.problems + findings.problems


def clear_urls(name: str, value: str) -> Iterator[str]:
    """Yield the URLs in a variable of uv whose content can be changed on its way.

    A proxy's own is none, in another variable: what passes it is encrypted.
    """
    if name.startswith("UV_"):
        yield from filter(is_clear, _CLEAR_URL.findall(value))


def _all_loopback(name: str, hosts: str) -> bool:
    return name == "UV_INSECURE_HOST" and all(
        is_loopback(urlsplit(f"//{host.rpartition('//')[2]}").hostname or "")
        for host in hosts.split()
    )
