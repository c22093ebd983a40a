"""What is installed of a project: decided on the controller by its files, done on each host."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Installation:
    """How the dependencies of a packed tree, and the project itself, are installed.

    Attributes:
        file: The file in the tree that names the dependencies, by its path from the tree's root;
            empty for none. For a lock that uv cannot read (poetry.lock), still that lock.
        exported: That lock as a requirements file, which is installed in its place; empty if uv
            reads `file` itself. Paths in it start in the folder of `file`.
        extras: Extras of the project (PEP 621, optional-dependencies).
        groups: Dependency groups of the project (PEP 735).
        package: Whether the project itself is built and installed; its source is served as it is
            otherwise.
        name: The project's name in pyproject.toml, as uv's --package takes it; empty for none.
        build_environment: Variables of the build, such as the version that its build system would
            ask git for.
        notes: What was found in the project and is not used, and why, a sentence each.
    """

    file: str = ""
    exported: str = ""
    extras: Sequence[str] = ()
    groups: Sequence[str] = ()
    package: bool = False
    name: str = ""
    build_environment: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()


#: The option `installation` of the module that builds a release.
OPTION: dict[str, Any] = {
    "type": "dict",
    "default": {},
    "options": {
        "file": {"type": "str", "default": ""},
        "exported": {"type": "str", "default": ""},
        "extras": {"type": "list", "elements": "str", "default": []},
        "groups": {"type": "list", "elements": "str", "default": []},
        "package": {"type": "bool", "default": False},
        "name": {"type": "str", "default": ""},
        "build_environment": {"type": "dict", "default": {}},
        "notes": {"type": "list", "elements": "str", "default": []},
    },
}


def of_option(option: Mapping[str, Any]) -> Installation:
    """Return the installation that a module's option `installation` describes."""
    told: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in option.items()
    }
    environment = option.get("build_environment", {})
    told["build_environment"] = {name: str(value) for name, value in environment.items()}
    return Installation(**told)


def to_option(installation: Installation) -> dict[str, Any]:
    """Return the option that describes an installation."""
    told = {name: getattr(installation, name) for name in OPTION["options"]}
    return {
        name: list(value) if isinstance(value, tuple) else value for name, value in told.items()
    }
