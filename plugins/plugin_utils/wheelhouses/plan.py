"""Which builder makes the wheels for which hosts. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

#: The last part of a platform, as `module_utils/releases/platforms.py` says it.
_PYTHON = re.compile(r"Python \S+$")


def wheelhouse_builders(looks: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the builders that must be asked for their platforms: none if no host needs wheels.

    Args:
        looks: What each host said of the release, by its name.
    """
    needing = [look for look in looks.values() if _needs(look)]
    return list(dict.fromkeys(name for look in needing for name in look["builders"]))


def wheelhouse_plan(
    looks: Mapping[str, Mapping[str, Any]], builders: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """Return who builds: for the first host of each release and platform, its builder.

    Args:
        looks: What each host said of the release, by its name.
        builders: What each builder said of itself, by its name; `unreachable` if nothing.

    Returns:
        `makers`: by the name of the host whose settings count, `builder`, `missing` (what the
        builder lacks, such as uv) and `uv` (whether a host needs uv's wheel). `problem`: which
        hosts have no builder, or no interpreter, and what to do; empty if nothing is wrong.
    """
    needing = {host: look for host, look in looks.items() if _needs(look)}
    problems = [*_without_interpreter(needing), *_without_builder(needing, builders)]
    if problems:
        return {"makers": {}, "problem": "; ".join(problems)}
    first: dict[tuple[str, str, str], str] = {}
    makers: dict[str, dict[str, Any]] = {}
    for host, look in needing.items():
        leader = first.setdefault((look["name"], look["id"], look["platform"]), host)
        builder = _builder_of(look, builders)
        maker = makers.setdefault(
            leader,
            {"builder": builder, "missing": builders[builder].get("missing", []), "uv": False},
        )
        maker["uv"] = maker["uv"] or "uv" in look.get("missing", [])
    return {"makers": makers, "problem": ""}


def _needs(look: Mapping[str, Any]) -> bool:
    return not look.get("manifest")


def _builder_of(look: Mapping[str, Any], builders: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the first of a host's builders that has its platform; empty for none."""
    names = look["builders"]
    return next((one for one in names if _platform(builders, one, look) == look["platform"]), "")


def _platform(builders: Mapping[str, Mapping[str, Any]], name: str, look: Mapping[str, Any]) -> str:
    """Return what a builder makes for a host: with the interpreter that the host names, if any."""
    own = str(builders.get(name, {}).get("platform", ""))
    wanted = re.match(r"\d+\.\d+", str(look["python"]))
    return _PYTHON.sub(f"Python {wanted[0]}", own) if wanted else own


def _without_interpreter(needing: Mapping[str, Mapping[str, Any]]) -> Iterable[str]:
    for wanted, hosts in _grouped(
        {host: look["python"] for host, look in needing.items() if not look["interpreter"]}
    ).items():
        yield (
            f"app_python is {wanted}, which {', '.join(hosts)} does not have, and a wheelhouse has "
            f"none; install python{wanted} there, or set python_release_python_mirror to a "
            "mirror of uv's Python builds that it reaches"
        )


def _without_builder(
    needing: Mapping[str, Mapping[str, Any]], builders: Mapping[str, Mapping[str, Any]]
) -> Iterable[str]:
    alone = {
        host: look["platform"] for host, look in needing.items() if not _builder_of(look, builders)
    }
    for platform, hosts in _grouped(alone).items():
        look = needing[hosts[0]]
        names = look["builders"]
        seen = [f"{name} {_platform(builders, name, look) or 'does not answer'}" for name in names]
        yield (
            f"no builder for {platform} ({', '.join(hosts)}): python_release_builders has "
            f"{', '.join(seen)}; add a host of that platform that reaches a package index"
        )


def _grouped(found: Mapping[str, str]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for host, what in found.items():
        groups.setdefault(what, []).append(host)
    return groups
