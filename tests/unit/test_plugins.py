"""Every filter of the collection is documented, as ansible-doc would look for it."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "plugins" / "filter"


def filters() -> list[tuple[str, Path]]:
    """Return each filter with the file that defines it."""
    package = "ansible_collections.asgi.fleet.plugins.filter"
    return [
        (name, path)
        for path in sorted(FOLDER.glob("*.py"))
        for name in importlib.import_module(f"{package}.{path.stem}").FilterModule().filters()
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
