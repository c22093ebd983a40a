"""Which variable of the deployment helps, by what uv said. Pure."""

from __future__ import annotations

import re

from ansible_collections.asgi.fleet.plugins.module_utils.host.hints import hint
from ansible_collections.asgi.fleet.plugins.module_utils.releases.recipe import Recipe
from ansible_collections.asgi.fleet.plugins.module_utils.releases.server_set import (
    OLDER_SETUPTOOLS,
    WITHOUT_PKG_RESOURCES,
)

#: What uv says, and what to do; {} is the prefix of the variables.
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


def advised(output: str, prefix: str) -> list[str]:
    """Return sentences about what helps, without a full stop; none if nothing is known to.

    Args:
        output: What uv printed.
        prefix: Prefix of the variables, such as app_.
    """
    # uv breaks its lines where a terminal of its own would.
    text = " ".join(output.split())
    known = [told.format(prefix) for words, told in _ADVICE if re.search(words, text)]
    return [*known, *filter(None, [hint(output)])]


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
