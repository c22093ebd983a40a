"""Which variable of the deployment helps, by what uv, pip or git said. Pure."""

from __future__ import annotations

import re

from ansible_collections.asgi.fleet.plugins.module_utils.host.hints import hint
from ansible_collections.asgi.fleet.plugins.module_utils.releases.recipe import Recipe
from ansible_collections.asgi.fleet.plugins.module_utils.releases.server_set import (
    OLDER_SETUPTOOLS,
    WITHOUT_PKG_RESOURCES,
)

#: Where an operator says how hosts reach packages.
SETTINGS = "python_release_uv_environment"
#: What uv, pip and git say, and what to do; {} is the prefix of the variables.
_ADVICE = (
    (
        r"incompatible with the project's Python requirement"
        r"|current Python version \([^)]*\) does not satisfy"
        r"|requires a different Python",
        "{}python chooses the interpreter",
    ),
    (
        r"Extra `[^`]*` is not defined|Requested extra not found"
        r"|Group `[^`]*` is not defined|dependency group '[^']*' was not found",
        "{}dependencies names the extras and groups",
    ),
    (
        r"`uv.lock`, needs to be updated|needs to be updated, but `--(?:locked|frozen)`",
        "run uv lock in the project and commit uv.lock, which does not fit its pyproject.toml",
    ),
    (
        r"[Bb]uilding a package is not possible in non-package mode"
        r"|Multiple top-level (?:packages|modules) discovered"
        r"|Unable to determine which files to ship"
        r"|No file/folder found for package"
        r"|Expected a Python module at",
        "{}package: false serves the source as it is, and installs its dependencies alone",
    ),
    (
        r"unable to detect version|Unable to determine version"
        r"|Error getting the version from source",
        "{}package: false serves the source as it is; a version that comes from git needs a source "
        "of the type git",
    ),
)
#: What the network did, the first that fits.
_NETWORK = (
    (
        r"401 (?:Client )?(?:Error|Unauthorized)|\(401 Unauthorized\)|403 Client Error"
        r"|\(403 Forbidden\)|Authentication failed for '|could not read Username for '",
        f"the index does not accept the credentials: {SETTINGS} has them, as UV_INDEX_<NAME>_"
        "USERNAME and UV_INDEX_<NAME>_PASSWORD of an index that UV_DEFAULT_INDEX or UV_INDEX calls "
        "<name>=https://...; those of a git repository are part of its URL",
    ),
    (
        r"UnknownIssuer|CERTIFICATE_VERIFY_FAILED|server certificate verification failed"
        r"|SSL certificate problem",
        "the host does not trust that certificate: host_baseline_certificate_authorities makes it "
        "trust an authority of your own (playbooks/provision.yml sets it up)",
    ),
    (
        r"proxy authorization required|407 Proxy Auth|tunnel failed, response 407"
        r"|HTTP code 407 from proxy",
        f"the proxy does not accept the credentials: HTTPS_PROXY in {SETTINGS} has them, as "
        "http://<user>:<password>@<proxy>:<port>",
    ),
    (
        r"tunnel error: unsuccessful|Tunnel connection failed|tunnel failed, response"
        r"|HTTP code \d+ from proxy",
        f"the proxy, HTTPS_PROXY in {SETTINGS}, does not lead there: have it allow the address, or "
        "name in NO_PROXY what is reached without it",
    ),
    (
        r"tunnel error: failed to create underlying connection|Cannot connect to proxy",
        f"the host does not reach the proxy, HTTPS_PROXY in {SETTINGS}",
    ),
    (
        r"tcp connect error|NewConnectionError|Couldn't connect to server|ConnectTimeout"
        r"|operation timed out|Network is unreachable|dns error|Could not resolve host",
        f"the host does not reach that address: {SETTINGS} says where packages are (UV_DEFAULT_"
        "INDEX) and by which proxy (HTTPS_PROXY)",
    ),
)


def advised(output: str, prefix: str) -> list[str]:
    """Return sentences about what helps, without a full stop; none if nothing is known to.

    Args:
        output: What uv printed.
        prefix: Prefix of the variables, such as app_.
    """
    # uv breaks its lines where a terminal of its own would.
    text = " ".join(output.split())
    known = [told.format(prefix) for words, told in _ADVICE if re.search(words, text)]
    network = [told for words, told in _NETWORK if re.search(words, text)]
    return [*known, *network[:1], *filter(None, [hint(output)])]


def missing_module(output: str, recipe: Recipe) -> str:
    """Return a sentence, with a blank behind it, about a module that was not installed, or nothing.

    Args:
        output: What the import of the application printed.
        recipe: The release.
    """
    missing = re.findall(r"ModuleNotFoundError: No module named '([^'.]+)", output)
    if not missing or recipe.kind != "tree":
        return ""
    if missing[-1] == "pkg_resources":
        # Virtual environments had it until Python 3.12: who imports it does not always name it.
        return (
            "pkg_resources comes with setuptools before "
            f"{WITHOUT_PKG_RESOURCES['setuptools']}, which nothing asks for: "
            f"add {OLDER_SETUPTOOLS} to the dependencies, or to "
            "python_release_server_packages. "
        )
    chosen = [*recipe.installation.extras, *recipe.installation.groups]
    return (
        f"{missing[-1]} is not installed: {recipe.prefix}dependencies (file, extras, groups) says "
        f"what is, here {recipe.used or 'no file'}"
        f"{' with ' + ', '.join(chosen) if chosen else ''}. "
    )
