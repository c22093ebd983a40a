"""Filters and actions are documented, as ansible-doc would look for it, with their own options."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "plugins" / "filter"
PACKAGE = "ansible_collections.asgi.fleet.plugins"


def filters() -> list[tuple[str, Path]]:
    """Return each filter with the file that defines it."""
    return [
        (name, path)
        for path in sorted(FOLDER.glob("*.py"))
        for name in importlib.import_module(f"{PACKAGE}.filter.{path.stem}")
        .FilterModule()
        .filters()
    ]


def documentation(name: str, source: Path) -> dict[str, object]:
    """Return the three parts, from a file of the filter's own name or from `source`."""
    sidecar = FOLDER / f"{name}.yml"
    if sidecar.exists():
        parts: dict[str, object] = yaml.safe_load(sidecar.read_text())
        return parts
    assert source.stem == name, f"{name} of {source.name} has no {sidecar.name}"
    texts = {
        target.id: ast.literal_eval(node.value)
        for node in ast.parse(source.read_text()).body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name) and isinstance(node.value, ast.Constant)
    }
    return {
        "DOCUMENTATION": yaml.safe_load(texts["DOCUMENTATION"]),
        "EXAMPLES": texts["EXAMPLES"],
        "RETURN": yaml.safe_load(texts["RETURN"]),
    }


@pytest.mark.parametrize(
    ("name", "source"), filters(), ids=lambda value: getattr(value, "stem", value)
)
def test_filter_is_documented(name: str, source: Path) -> None:
    parts = documentation(name, source)
    about = parts["DOCUMENTATION"]
    assert isinstance(about, dict)
    assert about["name"] == name
    assert about["short_description"]
    assert about["options"]["_input"]["description"]
    assert f"asgi.fleet.{name}" in str(yaml.safe_load(str(parts["EXAMPLES"])))
    returned = parts["RETURN"]
    assert isinstance(returned, dict)
    assert returned["_value"]["description"]


def test_filter_documentation_belongs_to_a_filter() -> None:
    names = {name for name, _ in filters()}
    assert [path.name for path in FOLDER.glob("*.yml") if path.stem not in names] == []


def actions() -> list[str]:
    """Return the action plugins that check options of their own."""
    names = [path.stem for path in (ROOT / "plugins" / "action").glob("*.py")]
    modules = {name: importlib.import_module(f"{PACKAGE}.action.{name}") for name in sorted(names)}
    return [name for name, module in modules.items() if hasattr(module.ActionModule, "options")]


def test_actions_are_found() -> None:
    assert {"check_inputs", "packages", "rollout_gate", "show", "source"} <= set(actions())


@pytest.mark.parametrize("name", actions())
def test_action_takes_the_options_that_its_documentation_names(name: str) -> None:
    options = importlib.import_module(f"{PACKAGE}.action.{name}").ActionModule.options
    module = importlib.import_module(f"{PACKAGE}.modules.{name}")
    documented = yaml.safe_load(module.DOCUMENTATION)["options"]
    assert options.keys() == documented.keys()
    for option, spec in options.items():
        about = documented[option]
        assert spec.get("required", False) == about.get("required", False), option
        assert spec.get("choices") == about.get("choices"), option
        if "default" in spec and "default" in about:
            assert spec["default"] == about["default"], option
