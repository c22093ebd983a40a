"""The inventory that `init` writes: two files, as a careful person would have written them."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined

HOSTS, VARIABLES = "hosts.yml", "group_vars/app.yml"


@dataclass(frozen=True)
class Host:
    """A host: its name in the inventory, its address, and the port of ssh (0 for the usual one)."""

    name: str
    address: str
    port: int = 0
    user: str = ""

    @classmethod
    def read(cls, text: str, number: int) -> Host:
        """Read `[user@]address[:port]`, where an IPv6 address with a port has brackets.

        Args:
            text: As it was typed.
            number: Its place among the hosts, from 1 on: an address gets a name from it.

        Raises:
            ValueError: It is nothing like that.
        """
        user, _at, place = text.rpartition("@")
        if _is_address(place):
            return cls(f"web{number}", place, user=user)
        parts = urlsplit(f"ssh://{place}")
        address = parts.hostname or ""
        if parts.path or not address:
            raise ValueError(text)
        name = f"web{number}" if _is_address(address) else address
        return cls(name, address, parts.port or 0, user)

    @property
    def variables(self) -> dict[str, object]:
        """What Ansible must be told of it."""
        named = {} if self.address == self.name else {"ansible_host": self.address}
        return named | ({"ansible_port": self.port} if self.port else {})


@dataclass(frozen=True)
class Answers:
    """What the inventory says.

    Attributes:
        name: `app_name`.
        source: `app_source`.
        module: `app_module`; empty to have it found.
        note: Where the module was found.
        domains: `app_domain`.
        hosts: The hosts that serve.
        user: Who logs in there.
    """

    name: str
    source: Mapping[str, str]
    module: str
    note: str
    domains: tuple[str, ...]
    hosts: tuple[Host, ...]
    user: str


def files(answers: Answers, folder: Path) -> dict[str, str]:
    """Return the texts of the files of an inventory, by their paths in its folder."""
    environment = Environment(
        loader=PackageLoader("asgi_fleet"),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
        # What is written is YAML.
        autoescape=False,  # noqa: S701
    )
    environment.filters["yaml"] = _yaml
    told = {
        "answers": answers,
        "source": _relative(answers.source, folder),
        "version": answers.source.get("version", ""),
    }
    return {
        name: environment.get_template(f"{Path(name).name}.j2").render(told)
        for name in (HOSTS, VARIABLES)
    }


def write(texts: Mapping[str, str], folder: Path) -> None:
    """Write files into a folder that is made for them.

    Raises:
        FileExistsError: There is something in the folder.
    """
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        raise FileExistsError(folder)
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _relative(source: Mapping[str, str], folder: Path) -> dict[str, object]:
    """Return a source whose folder is named from the inventory, if the inventory is in there.

    The inventory itself is then no part of a release.
    """
    given: dict[str, object] = dict(source)
    if source["type"] == "git":
        given["version"] = "{{ app_version }}"
    root = Path(source.get("path", "/nowhere"))
    inside = folder.resolve()
    if inside.is_relative_to(root):
        given["path"] = "{{ inventory_dir }}/" + os.path.relpath(root, inside)
        given["exclude"] = [f"/{inside.relative_to(root)}/"]
    return given


def _yaml(value: object) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=1000)
    return re.sub(r"\n\.\.\.\n$", "", text).strip()


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
