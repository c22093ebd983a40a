"""What the tools of a build are told of indexes, proxies and authorities. Pure.

The operator tells uv, in variables of its own. pip, which brings uv itself, and git, which uv and
build systems call, know others for the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from urllib.parse import quote, urlsplit

#: What the host's own environment may say: indexes, proxies and authorities.
_OF_THE_HOST = re.compile(
    r"UV_\w+|PIP_\w+|(?:https?|all|no)_proxy|SSL_CERT_(?:FILE|DIR)|REQUESTS_CA_BUNDLE"
    r"|GIT_SSL_CAINFO",
    re.I,
)
#: Tools prefer one or the other case, so that the host's value would win over the operator's.
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
#: Variables in which tools other than uv look for the file of authorities: pip, what downloads with
#: requests, git, and Rust's cargo.
_AUTHORITIES = ("PIP_CERT", "REQUESTS_CA_BUNDLE", "GIT_SSL_CAINFO", "CARGO_HTTP_CAINFO")
#: Variables of uv that pip knows by another name.
_SAME = {
    "UV_HTTP_TIMEOUT": "PIP_DEFAULT_TIMEOUT",
    "UV_HTTP_RETRIES": "PIP_RETRIES",
    "UV_INSECURE_HOST": "PIP_TRUSTED_HOST",
    "SSL_CLIENT_CERT": "PIP_CLIENT_CERT",
}
_NAMED = re.compile(r"(?P<name>[A-Za-z0-9_.-]+)=(?P<url>\S+)")
_OFF = ("", "0", "false", "no", "off", "f", "n")


def tool_environment(
    given: Mapping[str, str], host: Mapping[str, str], *, store: str = ""
) -> dict[str, str]:
    """Return the variables by which uv, and the tools that it calls, reach the network.

    What the operator gives wins over what the host's own environment says, which wins over the
    host's store of authorities.

    Args:
        given: python_release_uv_environment.
        host: The environment of this process.
        store: The file of authorities that the host trusts; empty for none.
    """
    own = {name: value for name, value in host.items() if _OF_THE_HOST.fullmatch(name)}
    # uv brings its own authorities; those of a company's package index are in the host's store.
    told = {**({"UV_SYSTEM_CERTS": "true"} if store else {}), **own, **given}
    for lower in _PROXIES:
        places = [(source, name) for source in (given, own) for name in (lower, lower.upper())]
        found = next((source[name] for source, name in places if name in source), None)
        if found is not None:
            told[lower] = told[lower.upper()] = found
    for name in _AUTHORITIES:
        places = [(source, one) for source in (given, own) for one in (name, "SSL_CERT_FILE")]
        file = next((source[one] for source, one in places if source.get(one)), store)
        if file:
            told[name] = file
    return told


def pip_environment(told: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that make pip go where uv goes, credentials included.

    Args:
        told: As `tool_environment` returns them.
    """
    pip = {theirs: told[ours] for ours, theirs in _SAME.items() if told.get(ours)}
    default = told.get("UV_DEFAULT_INDEX") or told.get("UV_INDEX_URL")
    if default:
        pip["PIP_INDEX_URL"] = _with_credentials(default, told)
    more = [*told.get("UV_INDEX", "").split(), *told.get("UV_EXTRA_INDEX_URL", "").split()]
    if more:
        pip["PIP_EXTRA_INDEX_URL"] = " ".join(_with_credentials(one, told) for one in more)
    if told.get("UV_FIND_LINKS"):
        pip["PIP_FIND_LINKS"] = " ".join(filter(None, told["UV_FIND_LINKS"].split(",")))
    if told.get("UV_OFFLINE", "").lower() not in _OFF:
        pip["PIP_NO_INDEX"] = "1"
    return {**told, **pip}


def credential_names(index: str) -> tuple[str, str]:
    """Return the variables in which uv looks for the credentials of a named index."""
    name = re.sub(r"[^A-Z0-9]", "_", index.upper())
    return f"UV_INDEX_{name}_USERNAME", f"UV_INDEX_{name}_PASSWORD"


def urls(value: str) -> Iterator[str]:
    """Yield the URLs in a variable; UV_INDEX may name its indexes: `internal=https://...`."""
    yield from re.findall(r"https?://[^\s,]+", value)


def _with_credentials(index: str, told: Mapping[str, str]) -> str:
    """Return the URL of an index as UV_INDEX has it, `name=url` or a URL, with its credentials."""
    named = _NAMED.fullmatch(index)
    if not named:
        return index
    url = named["url"]
    user, password = (told.get(one, "") for one in credential_names(named["name"]))
    if not (user or password) or "@" in urlsplit(url).netloc:
        return url
    scheme, _slashes, rest = url.partition("://")
    secret = f"{quote(user, safe='')}:{quote(password, safe='')}" if password else quote(user, "")
    return f"{scheme}://{secret}@{rest}"
