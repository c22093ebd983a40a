"""What a project's own files say of it: its name, extras, groups, and the Python that it needs."""

from __future__ import annotations

import configparser
import re
from dataclasses import dataclass, field
from typing import Any

import tomllib
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.entries import SourceError
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.outside import join, table
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.tree import Tree


@dataclass(frozen=True)
class Project:
    """One folder of a tree, and its pyproject.toml.

    Attributes:
        tree: The files of the folder, by their paths from it.
        document: Its pyproject.toml; empty if there is none.
        folder: Where it is in the packed tree.
    """

    tree: Tree
    document: dict[str, Any] = field(default_factory=dict)
    folder: str = ""

    @property
    def name(self) -> str:
        """Its name, as it is written; empty for none."""
        for where in (("project",), ("tool", "poetry"), ("tool", "flit", "metadata")):
            told = table(self.document, *where)
            found = told.get("name") or (told.get("dist-name") or told.get("module"))
            if isinstance(found, str) and found:
                return found
        return ""

    @property
    def extras(self) -> tuple[str, ...]:
        """Its extras, as they are written."""
        legacy = () if self.standard_extras else table(self.document, "tool", "poetry", "extras")
        return (*self.standard_extras, *legacy)

    @property
    def standard_extras(self) -> tuple[str, ...]:
        """Its extras in [project]."""
        return tuple(table(self.document, "project", "optional-dependencies"))

    @property
    def groups(self) -> tuple[str, ...]:
        """Its dependency groups, as they are written, also those of Poetry and PDM."""
        groups = dict.fromkeys(table(self.document, "dependency-groups"))
        groups |= dict.fromkeys(table(self.document, "tool", "poetry", "group"))
        groups |= dict.fromkeys(table(self.document, "tool", "pdm", "dev-dependencies"))
        if "dev-dependencies" in table(self.document, "tool", "uv") or "dev-dependencies" in table(
            self.document, "tool", "poetry"
        ):
            groups["dev"] = None
        return tuple(groups)

    @property
    def default_groups(self) -> tuple[str, ...]:
        """The groups that uv installs unasked."""
        told = table(self.document, "tool", "uv").get("default-groups", ())
        if told == "all":
            return self.groups
        return tuple(str(name) for name in told) if isinstance(told, list) else ()

    @property
    def python(self) -> str:
        """The Python that it needs, as a version specifier; empty if it does not say."""
        told = table(self.document, "project").get("requires-python")
        if isinstance(told, str):
            return told
        told = table(self.document, "tool", "poetry", "dependencies").get("python")
        return _specifier(told) if isinstance(told, str) else ""

    @property
    def build_system(self) -> dict[str, Any]:
        """Its [build-system]."""
        return table(self.document, "build-system")

    @property
    def has_setup(self) -> bool:
        """Whether setup.py or setup.cfg describes a package; many keep only settings there."""
        if "setup.py" in self.tree.paths:
            return True
        return _describes_package(self.tree.read("setup.cfg") or "")

    @property
    def names_dependencies(self) -> bool:
        """Whether the pyproject.toml describes a project, and not only the settings of tools."""
        poetry = table(self.document, "tool", "poetry")
        flit = table(self.document, "tool", "flit", "metadata")
        return bool(
            "project" in self.document
            or "name" in poetry
            or "dependencies" in poetry
            or flit
            or (self.build_system and not self.has_setup)
        )

    @property
    def requirements(self) -> list[str]:
        """The dependencies in [project], as they are written."""
        told = table(self.document, "project").get("dependencies", [])
        return [str(one) for one in told] if isinstance(told, list) else []


def read_project(tree: Tree, folder: str) -> Project:
    """Return the project in a folder of a packed tree.

    Raises:
        SourceError: Its pyproject.toml is no TOML.
    """
    path = join(folder, "pyproject.toml")
    try:
        document = tomllib.loads(tree.read(path) or "")
    except tomllib.TOMLDecodeError as error:
        raise SourceError(f"the source's {path} is not valid TOML: {error}; correct it") from None
    return Project(tree.below(folder), document, folder)


def _describes_package(text: str) -> bool:
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string(text)
    except configparser.Error:
        return False
    return parser.has_section("options") or parser.has_option("metadata", "name")


def _specifier(constraint: str) -> str:
    """Return a constraint of Poetry as a specifier of PEP 440; empty if it says more than one."""
    told = constraint.strip()
    found = re.fullmatch(r"([~^])\s*(\d+)(?:\.(\d+))?((?:\.\d+)*)", told)
    if found:
        sign, major, minor, rest = found.groups()
        upper = f"{major}.{int(minor) + 1}" if sign == "~" and minor else f"{int(major) + 1}"
        return f">={major}{f'.{minor}' if minor else ''}{rest},<{upper}"
    return "" if re.search(r"[\^~|]|^\*$", told.replace("~=", "")) else told
