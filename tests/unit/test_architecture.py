"""The folders of plugins/: each says what it may import, keeps to it, and none goes in a circle."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from graphlib import TopologicalSorter
from itertools import chain
from pathlib import Path

import pytest

PLUGINS = Path(__file__).resolve().parents[2] / "plugins"
ROOTS = ("module_utils", "plugin_utils")
#: What both sides know: the types that cross between hosts and controller.
PROTOCOL = "module_utils/protocol"
COLLECTION = "ansible_collections.asgi.fleet.plugins."


def sources(*folders: str) -> list[Path]:
    return sorted(chain.from_iterable((PLUGINS / folder).rglob("*.py") for folder in folders))


#: Every folder below the roots, such as `module_utils/host`.
PACKAGES = sorted(
    {path.parent.relative_to(PLUGINS).as_posix() for path in sources(*ROOTS)} - set(ROOTS)
)
each_package = pytest.mark.parametrize("package", PACKAGES)


def imports(files: Iterable[Path]) -> set[str]:
    """Return what files import of the collection, also within functions, as `module_utils/host`."""
    names: set[str] = set()
    for path in files:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path}:{node.lineno} is a relative import"
                names |= {f"{node.module}.{alias.name}" for alias in node.names}
    ours = (name.removeprefix(COLLECTION) for name in names if name.startswith(COLLECTION))
    return {"/".join(name.split(".")[:2]) for name in ours}


def docstring(package: str) -> str:
    return ast.get_docstring(ast.parse((PLUGINS / package / "__init__.py").read_text())) or ""


def allowed(package: str) -> set[str]:
    """Return what a package says that it may import, in the last line of its docstring."""
    last = docstring(package).splitlines()[-1]
    told = re.fullmatch(r"May import: (?:nothing\b.*|(?P<names>[a-z_]+(?:, [a-z_]+)*))\.", last)
    assert told, f"{package}: {last!r}; expected May import: nothing, or names"
    root = package.partition("/")[0]
    return {
        PROTOCOL if name == "protocol" else f"{root}/{name}"
        for name in (told["names"] or "").split(", ")
        if name
    }


@pytest.mark.parametrize("package", [*ROOTS, *PACKAGES])
def test_package_says_what_it_is_for(package: str) -> None:
    assert docstring(package)


@each_package
def test_package_imports_what_it_says_it_may(package: str) -> None:
    may = allowed(package)
    assert may <= set(PACKAGES), "of packages that are there"
    if package.startswith("plugin_utils/"):
        may.add(PROTOCOL)
    assert imports(sources(package)) - {package} <= may


def test_packages_do_not_import_each_other_in_a_circle() -> None:
    graph = {package: imports(sources(package)) - {package} for package in PACKAGES}
    # Raises CycleError, which names the circle.
    assert list(TopologicalSorter(graph).static_order())


def test_host_code_imports_no_controller_code() -> None:
    found = imports(sources("module_utils", "modules"))
    assert {name for name in found if not name.startswith("module_utils/")} == set()


def test_controller_code_knows_of_host_code_the_protocol_alone() -> None:
    found = imports(sources("plugin_utils", "filter", "action", "callback"))
    assert {name for name in found if not name.startswith("plugin_utils/")} <= {PROTOCOL}


@pytest.mark.parametrize("root", ROOTS)
def test_code_lies_in_packages_and_not_beside_them(root: str) -> None:
    assert [path.name for path in (PLUGINS / root).glob("*.py")] == ["__init__.py"]


@pytest.mark.parametrize(
    "path", sources("module_utils", "modules"), ids=lambda path: str(path.relative_to(PLUGINS))
)
def test_host_code_has_the_syntax_of_the_oldest_host(path: Path) -> None:
    ast.parse(path.read_text(), feature_version=(3, 10))
