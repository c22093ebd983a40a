"""The check of names of Debian packages."""

from __future__ import annotations

import re

from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.problems import Findings, seen

_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]+")
_PACKAGE_VERSION = re.compile(r"[a-z0-9][a-z0-9+.-]+[=/:]\S+")


def system_packages(value: object, findings: Findings) -> list[str]:
    """Check names of Debian packages, as Debian Policy 5.6.1 has them; return each once."""
    entries = value if isinstance(value, list) else [value]
    normal: list[str] = []
    for index, entry in enumerate(entries):
        at = f"[{index}]" if isinstance(value, list) else ""
        if isinstance(entry, str) and _PACKAGE.fullmatch(entry):
            normal.append(entry)
        elif isinstance(entry, str) and _PACKAGE_VERSION.fullmatch(entry):
            findings.refuse(
                seen(entry),
                "the name alone, since the host's distribution decides which version it has",
                f"write {re.split('[=/:]', entry)[0]}",
                at=at,
            )
        else:
            findings.refuse(
                seen(entry),
                "the name of a Debian package, such as libpq5: at least two of a-z, 0-9, +, - and "
                "., a letter or digit first",
                at=at,
            )
    return list(dict.fromkeys(normal))
