"""How hosts reach what they fetch: indexes, credentials, proxies, authorities. Pure.

uv ignores a variable that it does not know, so that a misspelt one sends a host past the mirror. No
value is shown that may have credentials: these are cut out of URLs, and secrets are called one.
"""

from __future__ import annotations

import difflib
import re
import ssl
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.problems import (
    SET_IN_VAULT,
    Findings,
    Problem,
    kind,
    seen,
)

UV = "python_release_uv_environment"
AUTHORITIES = "host_baseline_certificate_authorities"
APT_PROXY = "host_baseline_apt_proxy"

#: Variables with the URL of an index, or several of them with blanks between.
_INDEXES = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL")
_ONE_INDEX = ("UV_DEFAULT_INDEX", "UV_INDEX_URL")
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
#: What uv and its tools read about the network: a name that is almost one of them is meant to be.
_KNOWN = (
    *_INDEXES,
    *_PROXIES,
    "NO_PROXY",
    "UV_FIND_LINKS",
    "UV_INDEX_STRATEGY",
    "UV_INSECURE_HOST",
    "UV_KEYRING_PROVIDER",
    "UV_NATIVE_TLS",
    "UV_SYSTEM_CERTS",
    "UV_HTTP_TIMEOUT",
    "UV_HTTP_CONNECT_TIMEOUT",
    "UV_HTTP_RETRIES",
    "UV_REQUEST_TIMEOUT",
    "UV_UPLOAD_HTTP_TIMEOUT",
    "UV_OFFLINE",
    "UV_ASTRAL_MIRROR_URL",
    "UV_PYTHON_INSTALL_MIRROR",
    "UV_PYPY_INSTALL_MIRROR",
    "UV_GRAALPY_INSTALL_MIRROR",
    "UV_PYODIDE_INSTALL_MIRROR",
    "UV_PYTHON_DOWNLOADS_JSON_URL",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "SSL_CLIENT_CERT",
)
#: What other tools call it, and uv's name; pip's own variables follow from those.
_INSTEAD = {
    "PIP_INDEX_URL": "UV_DEFAULT_INDEX",
    "PIP_EXTRA_INDEX_URL": "UV_INDEX",
    "PIP_FIND_LINKS": "UV_FIND_LINKS",
    "PIP_PROXY": "HTTPS_PROXY",
    "PIP_CERT": "SSL_CERT_FILE, or the authority in host_baseline_certificate_authorities",
    "PIP_CLIENT_CERT": "SSL_CLIENT_CERT",
    "PIP_TRUSTED_HOST": "the authority in host_baseline_certificate_authorities",
    "PIP_DEFAULT_TIMEOUT": "UV_HTTP_TIMEOUT",
    "PIP_RETRIES": "UV_HTTP_RETRIES",
    "UV_PROXY": "HTTPS_PROXY",
    "UV_HTTP_PROXY": "HTTP_PROXY",
    "UV_HTTPS_PROXY": "HTTPS_PROXY",
    "UV_ALL_PROXY": "ALL_PROXY",
    "UV_NO_PROXY": "NO_PROXY",
    "UV_NO_INDEX": "UV_OFFLINE, or python_release_install_from",
    "UV_USERNAME": "UV_INDEX_<NAME>_USERNAME, for UV_DEFAULT_INDEX: <name>=https://...",
    "UV_PASSWORD": "UV_INDEX_<NAME>_PASSWORD, for UV_DEFAULT_INDEX: <name>=https://...",
}
#: How alike two names are of which one is the other, misspelt.
_ALIKE = 0.86
_CREDENTIALS_OF_INDEX = re.compile(r"UV_INDEX_[A-Z0-9_]+_(USERNAME|PASSWORD)")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_AUTHORITY_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
#: What RFC 3986 allows between :// and @.
_USER_INFO = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:-]|%[0-9A-Fa-f]{2})*")
_QUOTED = "each of @ : / ? # % and blank in a user or password as %40 %3A %2F %3F %23 %25 %20"
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.S)


def network_problems(given: Mapping[str, object]) -> list[Problem]:
    """Return a problem for each role variable by which a host would not reach what it fetches.

    Args:
        given: The role variables that the user has set.
    """
    return [
        *_environment_problems(given.get(UV)),
        *_authority_problems(given.get(AUTHORITIES)),
        *_apt_problems(given.get(APT_PROXY)),
    ]


def _environment_problems(environment: object) -> list[Problem]:
    findings = Findings(UV)
    if environment is None:
        return []
    if not isinstance(environment, Mapping):
        findings.refuse(
            kind(environment),
            "a mapping of uv's variables",
            "write UV_DEFAULT_INDEX: https://mirror.example.com/simple below it",
        )
        return findings.problems
    for key, value in environment.items():
        name, at = str(key), f".{key}"
        if not _check_name(name, at, findings):
            continue
        if isinstance(value, (list, tuple, Mapping)) or value is None:
            findings.refuse(
                kind(value),
                "a text",
                "write several URLs as one text, with a blank between (UV_INDEX) or a comma "
                "(UV_FIND_LINKS)",
                at=at,
            )
            continue
        _check_value(name, str(value), at, findings)
    return findings.problems


def _check_name(name: str, at: str, findings: Findings) -> bool:
    """Refuse a name that neither uv nor the tools that it calls would read."""
    expected = "the name of a variable"
    if not _NAME.fullmatch(name):
        findings.refuse("no variable that a tool would read", expected, "correct the name", at=at)
        return False
    upper = name.upper()
    if upper in _KNOWN and (name == upper or upper.endswith("_PROXY")):
        return True
    if upper in _INSTEAD or upper.startswith("PIP_"):
        instead = _INSTEAD.get(upper, "the variable of uv that does the same, if there is one")
        findings.refuse(
            "not a variable of uv", "uv's own, from which pip's follow", f"use {instead}", at=at
        )
        return False
    if _CREDENTIALS_OF_INDEX.fullmatch(name):
        return True
    alike = difflib.get_close_matches(upper, _KNOWN, 1, _ALIKE)
    if not alike and "PROXY" in upper:
        alike = ["HTTPS_PROXY"]
    if not alike and upper.startswith("UV_INDEX_"):
        alike = ["UV_INDEX_<NAME>_USERNAME or UV_INDEX_<NAME>_PASSWORD"]
    if alike:
        findings.refuse("not a variable of uv", "one that it reads", f"use {alike[0]}", at=at)
    return not alike


def _check_value(name: str, value: str, at: str, findings: Findings) -> None:
    upper = name.upper()
    if upper in _PROXIES:
        _check_proxy(value, at, findings)
    elif upper == "NO_PROXY":
        if "://" in value:
            findings.refuse(
                seen(value), "names of hosts, with commas between", "leave out https://", at=at
            )
    elif name in _INDEXES:
        _check_indexes(name, value, at, findings)
    elif name == "SSL_CERT_FILE" and not value.startswith("/"):
        text = "a certificate itself" if "-----BEGIN" in value else seen(value)
        findings.refuse(
            text,
            "the absolute path of a file on the host",
            f"put the certificate into {AUTHORITIES}, and remove this",
            at=at,
        )


def _check_indexes(name: str, value: str, at: str, findings: Findings) -> None:
    words = value.split()
    if name in _ONE_INDEX and len(words) > 1:
        findings.refuse(
            f"{len(words)} words",
            f"the URL of one index, with {_QUOTED}",
            "put further indexes into UV_INDEX",
            at=at,
        )
        return
    for word in words:
        url = re.sub(r"^[A-Za-z0-9_.-]+=", "", word)
        if "://" not in url:
            if not url.startswith(("/", ".")):
                findings.refuse(
                    seen(url.rpartition("@")[2]),
                    "a URL",
                    f"write https://{url}" if "@" not in url else "begin it with https://",
                    at=at,
                )
        elif _badly_quoted(url):
            findings.refuse(
                "a URL with a character in its user or password that has another meaning there",
                _QUOTED,
                "quote it; or name the index, as in <name>=https://..., and give both as they are "
                "in UV_INDEX_<NAME>_USERNAME and UV_INDEX_<NAME>_PASSWORD",
                at=at,
            )


def _badly_quoted(url: str) -> bool:
    """Return whether the credentials in a URL are not what was meant."""
    rest = url.partition("://")[2]
    netloc = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if "@" in netloc:
        return not _USER_INFO.fullmatch(netloc.rpartition("@")[0])
    # A password that has a slash ends the host: https://user:pass/word@host
    host_and_port = netloc.rpartition("]")[2]
    port = host_and_port.partition(":")[2]
    return "@" in rest and bool(port) and not port.isdigit()


def _check_proxy(value: str, at: str, findings: Findings, example: str = "HTTPS_PROXY") -> None:
    """Refuse the URL of a proxy that one of the tools would not understand."""
    if not value:
        # What the host's own environment says is switched off.
        return
    scheme = value.partition("://")[0].lower() if "://" in value else ""
    expected = "http://<proxy>:<port>, with <user>:<password>@ if it asks for them"
    if scheme not in ("http", "https"):
        text = "a URL without http://" if not scheme else seen(value)
        shown = value.rpartition("@")[2]
        findings.refuse(
            text,
            expected,
            f"write {example}: http://{shown}"
            if not scheme and shown == value and re.fullmatch(r"[\w.:\[\]-]+", shown)
            else "use the proxy's port for HTTP",
            at=at,
        )
    elif _badly_quoted(value):
        findings.refuse(
            "a URL with a character in its user or password that has another meaning there",
            _QUOTED,
            f"quote it, and {SET_IN_VAULT}",
            at=at,
        )
    elif not _has_host(value):
        findings.refuse(seen(value), expected, at=at)


def _has_host(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False


def _authority_problems(value: object) -> Iterator[Problem]:
    findings = Findings(AUTHORITIES)
    example = "{{ lookup('ansible.builtin.file', 'authority.pem') }}"
    if value is not None and not isinstance(value, Mapping):
        findings.refuse(
            kind(value), "certificates in PEM by name", f'write it as example: "{example}"'
        )
    for name, text in value.items() if isinstance(value, Mapping) else ():
        if not _AUTHORITY_NAME.fullmatch(str(name)):
            findings.refuse(
                seen(str(name)), "lower-case letters, digits, - and _ in a name", "rename it"
            )
            continue
        problem = _of_certificate(text)
        if problem:
            findings.refuse(
                problem,
                "the certificate of one authority in PEM",
                f'write {name}: "{example}"',
                at=f".{name}",
            )
    yield from findings.problems


def _of_certificate(text: object) -> str:
    """Return what a value is that is no certificate; empty if it is one."""
    if not isinstance(text, str):
        return kind(text)
    if "{{" in text:
        return "a template that cannot be resolved; see whether its file is there"
    if "PRIVATE KEY-----" in text:
        return "a private key, or has one with it"
    found = _CERTIFICATE.findall(text)
    if len(found) != 1:
        looks_like_path = "\n" not in text.strip() and "-----" not in text
        return seen(text) if looks_like_path else f"a text with {len(found)} certificates"
    try:
        ssl.PEM_cert_to_DER_cert(found[0].replace("\r", ""))
    except ValueError:
        return "a certificate that is cut or damaged"
    return ""


def _apt_problems(value: object) -> list[Problem]:
    findings = Findings(APT_PROXY)
    if value is not None and not isinstance(value, str):
        findings.refuse(kind(value), "the URL of a proxy, or an empty text")
    elif value:
        _check_proxy(value, "", findings, APT_PROXY)
        user_info = re.split(r"[/?#]", value.partition("://")[2], maxsplit=1)[0].rpartition("@")[0]
        if re.search(r"%(20|09|0[aAdD])", user_info):
            findings.refuse(
                "a URL with a blank in its user or password",
                "none, which apt_auth.conf(5) cannot hold",
                "have the proxy's account renamed",
            )
    return findings.problems
