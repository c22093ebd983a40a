"""The line of ansible-playbook that a command stands for. Pure: texts in, texts out."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from asgi_fleet.commands import Command

#: The callback that leaves stdout to what a playbook shows: the JSON alone.
QUIET = {"ANSIBLE_STDOUT_CALLBACK": "asgi.fleet.quiet"}
#: What `-e name=value` takes as it is; anything else is written as JSON.
_PLAIN = re.compile(r"[\w.,:/@%+-]+", re.ASCII)
#: What Ansible would take for a template.
_TEMPLATE = re.compile(r"\{[{%#]")


@dataclass(frozen=True)
class Line:
    """What is typed in a clone.

    Attributes:
        playbook: As it is written there.
        before: Options before it: the inventories.
        after: Options after it.
        environment: What stands before all that.
    """

    playbook: str
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)

    def text(self) -> str:
        """Return it as a shell takes it."""
        set_ = [f"{name}={shlex.quote(value)}" for name, value in self.environment.items()]
        typed = shlex.join(("ansible-playbook", *self.before, self.playbook, *self.after))
        return " ".join((*set_, typed))


@dataclass(frozen=True)
class Common:
    """The options that every command has, as ansible-playbook has them."""

    inventories: tuple[str, ...] = ()
    limit: str = ""
    extra_vars: tuple[str, ...] = ()
    check: bool = False
    diff: bool = False
    ask_vault_pass: bool = False
    vault_password_files: tuple[str, ...] = ()
    ask_pass: bool = False
    ask_become_pass: bool = False
    verbosity: int = 0
    json: bool = False


def line_of(
    command: Command,
    values: Mapping[str, object],
    common: Common,
    rest: Sequence[str] = (),
    *,
    path: Callable[[str], str] = str,
) -> Line:
    """Return the line that a command stands for.

    Args:
        command: From the table.
        values: What its options and its argument were given, by their variables.
        common: The options that every command has.
        rest: What stands after `--`.
        path: Returns the path of a file as somebody in a clone has to write it.
    """
    given = dict(values)
    hosts = str(given.pop("--limit", ""))
    # As Ansible joins them: those of both.
    limit = ":&".join(filter(None, (hosts, common.limit)))
    settings = [*command.variables, *given.items()]
    environment: dict[str, str] = {}
    if common.json:
        settings.append((command.json, "json"))
        environment |= QUIET
        if common.verbosity:
            environment["ANSIBLE_VERBOSE_TO_STDERR"] = "true"
    if command.rest and rest:
        settings.append((command.rest, list(rest)))
    after = [
        *(("--limit", limit) if limit else ()),
        *_each("-e", (setting(name, value) for name, value in settings)),
        *_each("-e", (_extra(text, path) for text in common.extra_vars)),
        *(("--check",) if common.check else ()),
        *(("--diff",) if common.diff else ()),
        *(("--ask-vault-pass",) if common.ask_vault_pass else ()),
        *_each("--vault-password-file", map(path, common.vault_password_files)),
        *(("--ask-pass",) if common.ask_pass else ()),
        *(("--ask-become-pass",) if common.ask_become_pass else ()),
        *(("-" + "v" * common.verbosity,) if common.verbosity else ()),
        *(() if command.rest else rest),
    ]
    # web1, is a list of hosts.
    before = _each("-i", (one if "," in one else path(one) for one in common.inventories))
    return Line(command.playbook, tuple(before), tuple(after), environment)


def setting(name: str, value: object) -> str:
    """Return what `-e` takes to set a variable to a text, a number or a list of texts."""
    if not isinstance(value, list) and _PLAIN.fullmatch(str(value)):
        return f"{name}={value}"
    return f"{{{json.dumps(name)}: {_written(value)}}}"


def _written(value: object) -> str:
    """Return a value as JSON; in YAML, of which that is a part, where it must be no template."""
    if isinstance(value, list):
        return f"[{', '.join(map(_written, value))}]"
    text = json.dumps(str(value), ensure_ascii=False)
    return f"!unsafe {text}" if _TEMPLATE.search(text) else text


def _extra(text: str, path: Callable[[str], str]) -> str:
    return f"@{path(text[1:])}" if text.startswith("@") else text


def _each(flag: str, values: Iterable[str]) -> list[str]:
    return [part for value in values for part in (flag, value)]
