"""Whether hosts that install from wheels name builders that there are. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.problems import (
    Findings,
    Problem,
    seen,
)

WAYS = ("index", "wheelhouse")
#: Ansible knows it without an inventory.
CONTROLLER = "localhost"


def wheelhouse_problems(settings: Mapping[str, Any], hosts: Collection[str]) -> list[Problem]:
    """Return what is wrong with where hosts install from, and with who builds for them.

    Args:
        settings: The role variables of a host that the user has set.
        hosts: All hosts of the inventory.
    """
    way = settings.get("python_release_install_from", WAYS[0])
    if way not in WAYS:
        findings = Findings("python_release_install_from")
        findings.refuse(
            seen(way), " or ".join(WAYS), "wheelhouse is for hosts that reach no package index"
        )
        return findings.problems
    builders = settings.get("python_release_builders", [])
    findings = Findings("python_release_builders")
    if not isinstance(builders, list) or not all(isinstance(one, str) for one in builders):
        findings.refuse(seen(builders), "a list of names of hosts", "write it as [build1, build2]")
    elif way == "wheelhouse" and not builders:
        findings.refuse(
            "empty, and python_release_install_from is wheelhouse",
            "hosts of the inventory that reach a package index, one of each platform",
            "set it in group_vars/app.yml, such as [build1]",
        )
    else:
        for unknown in (one for one in builders if one != CONTROLLER and one not in hosts):
            findings.refuse(
                seen(unknown),
                "the name of a host of the inventory, or localhost",
                "add it to the inventory, outside of the group app if it serves nothing",
            )
    return findings.problems
