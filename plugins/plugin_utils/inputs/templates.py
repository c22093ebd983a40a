"""The files of the controller that role variables name: templates, and a lock.

A role reads them when it needs them, which is after it has changed the host. Here they are found as
the role will find them, and a template is compiled: what is missing or misspelt is refused before.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.problems import (
    Findings,
    Problem,
    kind,
    seen,
)
from jinja2 import Environment, FileSystemLoader, TemplateSyntaxError, meta, nodes
from jinja2.exceptions import TemplateNotFound
from jinja2.filters import FILTERS
from jinja2.tests import TESTS

#: Variables that name a file, and the folder of a role in which Ansible looks for one.
FILES = {
    "gunicorn_service_process_template": "templates",
    "gunicorn_service_service_template": "templates",
    "gunicorn_service_settings_template": "templates",
    "gunicorn_service_socket_template": "templates",
    "haproxy_balancer_template": "templates",
    "nginx_site_error_template": "templates",
    "nginx_site_main_template": "templates",
    "nginx_site_maintenance_template": "templates",
    "nginx_site_template": "templates",
    "python_release_server_lock": "files",
}
#: Switched off by an empty text.
OPTIONAL = ("python_release_server_lock",)

#: Of Ansible's `template`, besides the variables of the host and of the role.
_OF_ANSIBLE = re.compile(
    r"ansible_\w+|template_\w+|lookup|query|q|now|undef|omit|range|dict|namespace|lipsum|cycler"
    r"|joiner|vars|environment|hostvars|groups|group_names|inventory_\w+|play_\w+|playbook_dir"
    r"|role_\w+|item|slot"
)
_WORD = re.compile(r"[A-Za-z_]\w*")
#: Changes how the rest of the file is read; only Ansible knows how.
_OVERRIDES = "#jinja2:"


@dataclass(frozen=True)
class Engine:
    """What only Ansible knows.

    Attributes:
        roles: The folder of the roles.
        base: The folder of the playbook, in which Ansible looks last.
        has_filter: Whether it has a filter of that name.
        has_test: Whether it has a test of that name.
    """

    roles: Path
    base: Path
    has_filter: Callable[[str], bool]
    has_test: Callable[[str], bool]

    def places(self, role: str, folder: str) -> list[Path]:
        """Return where Ansible looks for a relative path that a task of the role names."""
        own = self.roles / role
        looked = (own / folder, own, own / "tasks" / folder, own / "tasks", self.base / folder)
        return [*looked, self.base]


def file_problems(
    given: Mapping[str, object], engine: Engine, names: Iterable[str] = ()
) -> list[Problem]:
    """Return a problem for each file that is not there, or is no template that can be rendered.

    Args:
        given: The role variables that the user has set, templates resolved.
        engine: What only Ansible knows.
        names: The names of the host's variables.
    """
    problems = []
    for variable, folder in FILES.items():
        if variable not in given or (variable in OPTIONAL and given[variable] == ""):
            continue
        role = next(r for r in _roles(engine.roles) if variable.startswith(f"{r}_"))
        findings = Findings(variable, f"correct it, or remove it to have the role's own {folder}")
        path = _found(given[variable], engine.places(role, folder), folder, findings)
        if path is not None:
            text = _read(path, findings)
            if text is not None and folder == "templates":
                _compile(path, text, engine, role, set(names), findings)
        problems += findings.problems
    return problems


@cache
def _roles(folder: Path) -> tuple[str, ...]:
    return tuple(sorted(os.listdir(folder)))


def _found(value: object, places: list[Path], folder: str, findings: Findings) -> Path | None:
    """Find a file as Ansible does."""
    expected = f"the path of a file on the controller, absolute or below one of {_shown(places)}"
    if not isinstance(value, str):
        findings.refuse(kind(value), expected)
        return None
    if not value.strip():
        findings.refuse("empty", expected)
        return None
    if value.startswith(("/", "~")):
        candidates = [Path(value).expanduser()]
        expected = "the path of a file on the controller"
    else:
        # Ansible does not look in templates/templates.
        doubled = value.split("/")[0] == folder
        candidates = [place / value for place in places if not (doubled and place.name == folder)]
    for path in candidates:
        if path.is_file():
            return path
        if path.exists():
            findings.refuse(f"{seen(value)}, which is not a file", expected)
            return None
    findings.refuse(f"{seen(value)}, which does not exist", expected)
    return None


def _shown(places: list[Path]) -> str:
    """Return folders for a message: those that exist, from here where they are below."""
    here = Path.cwd()
    there = [path for path in places if path.is_dir()]
    return ", ".join(
        str(path.relative_to(here)) if path.is_relative_to(here) else str(path) for path in there
    )


def _read(path: Path, findings: Findings) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        findings.refuse(f"{path}, which cannot be read ({error.strerror})", "a file that can")
    except UnicodeDecodeError:
        findings.refuse(f"{path}, which is not UTF-8", "a text in UTF-8")
    return None


def _compile(
    path: Path, text: str, engine: Engine, role: str, names: set[str], findings: Findings
) -> None:
    """Compile a template, and every other that it names."""
    places = engine.places(role, "templates")
    # The folder of the first one comes first, as in Ansible's lookup.
    loader = FileSystemLoader([path.parent, *places])
    environment = Environment(loader=loader, trim_blocks=True, autoescape=False)  # noqa: S701
    environment.filters = _Known(FILTERS, engine.has_filter)
    environment.tests = _Known(TESTS, engine.has_test)
    known = names | _words(engine.roles / role)
    own = (engine.roles / role).resolve()
    waiting, done = [(path, text)], {path.resolve()}
    while waiting:
        at, source = waiting.pop()
        if source.startswith(_OVERRIDES):
            continue
        try:
            tree = environment.parse(source)
            undeclared = meta.find_undeclared_variables(tree)
        except TemplateSyntaxError as error:
            findings.refuse(
                f"{at}, line {error.lineno}: {str(error.message).rstrip('.')}",
                "a Jinja template",
                f"correct {at.name}",
            )
            continue
        if not at.resolve().is_relative_to(own):
            _refuse_unknown(at, tree, undeclared - known, findings)
        for other in _named(tree, environment, at, findings):
            if other.resolve() == at.resolve():
                findings.refuse(
                    f"{at}, which extends {other.name}, and so itself",
                    "a file with another name than the template that it extends",
                    f"rename {at.name}",
                )
            elif other.resolve() not in done:
                done.add(other.resolve())
                waiting.append((other, other.read_text(encoding="utf-8")))


class _Known(dict[str, Any]):
    """Filters or tests by name, for a compilation that calls none."""

    def __init__(self, of_jinja: Mapping[str, Any], has: Callable[[str], bool]) -> None:
        super().__init__(of_jinja)
        self.has = has

    def get(self, name: str, default: Any = None) -> Any:  # noqa: ANN401
        """Return something for a name that Ansible knows."""
        return _never if name in self or self.has(name) else default


def _never(*_given: object, **_named: object) -> None:
    """Stand for a filter; Jinja leaves a constant that cannot be computed to the rendering."""
    raise NotImplementedError


@cache
def _words(role: Path) -> frozenset[str]:
    """Return every word in a role's YAML: its variables, and what its tasks register, are there."""
    found: set[str] = set()
    for folder in ("defaults", "vars", "tasks", "meta"):
        for path in (role / folder).glob("*.yml"):
            found.update(_WORD.findall(path.read_text(encoding="utf-8")))
    return frozenset(found)


def _refuse_unknown(at: Path, tree: nodes.Template, names: set[str], findings: Findings) -> None:
    """Refuse variables that are nowhere set, unless the template provides for that."""
    optional = {
        _variable(node.node)
        for node in tree.find_all((nodes.Filter, nodes.Test))
        if node.name in ("default", "d", "defined", "undefined")
    }
    lines = {node.name: node.lineno for node in reversed(list(tree.find_all(nodes.Name)))}
    for name in sorted(names - optional):
        if not _OF_ANSIBLE.fullmatch(name):
            findings.refuse(
                f"{at}, line {lines.get(name, 1)}: {name} is set nowhere",
                "variables of the host or of the role",
                f"correct the name, set it, or write {name} | default(...)",
            )


def _variable(node: nodes.Node | None) -> str:
    """Return the variable of `a`, `a.b` or `a['b'].c`; empty for another expression."""
    while isinstance(node, nodes.Getattr | nodes.Getitem):
        node = node.node
    return str(node.name) if isinstance(node, nodes.Name) else ""


def _named(
    tree: nodes.Template, environment: Environment, at: Path, findings: Findings
) -> Iterator[Path]:
    """Yield the templates that one extends, includes or imports, and refuse what is missing."""
    kinds = (nodes.Extends, nodes.Include, nodes.Import, nodes.FromImport)
    found: Iterator[Any] = tree.find_all(kinds)
    for node in found:
        # Names that are computed are known when it is rendered.
        wanted = _constant(node.template)
        paths = [path for path in (_file(environment, name) for name in wanted) if path]
        if paths:
            yield paths[0]
        elif wanted and not getattr(node, "ignore_missing", False):
            findings.refuse(
                f"{at}, line {node.lineno}: {' or '.join(wanted)} does not exist",
                "a template beside it, or one of the role",
                "correct the name",
            )


def _constant(template: nodes.Expr) -> list[str]:
    try:
        value = template.as_const()
    except nodes.Impossible:
        return []
    return [value] if isinstance(value, str) else list(value)


def _file(environment: Environment, name: str) -> Path | None:
    loader = environment.loader
    if loader is None:
        return None
    try:
        _source, path, _fresh = loader.get_source(environment, name)
    except (TemplateNotFound, UnicodeDecodeError):
        return None
    return Path(path) if path else None
