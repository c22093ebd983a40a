"""Every role: its specification says what its defaults are, and its README what both say."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
ROLES = sorted(folder for folder in (ROOT / "roles").iterdir() if folder.is_dir())


def load_docs() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs", ROOT / "tools" / "docs.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["docs"] = module
    spec.loader.exec_module(module)
    return module


docs = load_docs()
each_role = pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)


def load(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(path.read_text()) or {}
    return content


def entry_points(role: Path) -> dict[str, Any]:
    entries: dict[str, Any] = load(role / "meta" / "argument_specs.yml")["argument_specs"]
    return entries


def without_description(options: dict[str, Any], prefix: str = "") -> list[str]:
    """Return the options, also those within others, that lack a description or a type."""
    return [
        f"{prefix}{name}"
        for name, option in options.items()
        if not option.get("description") or not option.get("type")
    ] + [
        lacking
        for name, option in options.items()
        for lacking in without_description(option.get("options", {}), f"{prefix}{name}.")
    ]


def number_of_another(option: dict[str, Any]) -> str | None:
    """Return the default of a number that is another option's, which the description names.

    A specification cannot have it as its default: antsibull-docs wants a number there.
    """
    named = re.search(r"if it differs from O\((\w+)\)", str(option["description"]))
    return f"{{{{ {named[1]} }}}}" if named and option["type"] == "int" else None


@each_role
def test_role_specification_equals_its_defaults(role: Path) -> None:
    specified: dict[str, Any] = {}
    for spec in entry_points(role).values():
        for name, option in spec.get("options", {}).items():
            if not option.get("required"):
                default = option["default"] if "default" in option else number_of_another(option)
                assert default is not None, f"{name} is neither required nor has it a default"
                assert specified.setdefault(name, default) == default
    assert specified == load(role / "defaults" / "main.yml")


@each_role
def test_role_required_option_has_no_default(role: Path) -> None:
    for spec in entry_points(role).values():
        for name, option in spec.get("options", {}).items():
            assert not (option.get("required") and "default" in option), name


@each_role
def test_role_options_carry_the_name_of_the_role(role: Path) -> None:
    for spec in entry_points(role).values():
        foreign = [name for name in spec.get("options", {}) if not name.startswith(f"{role.name}_")]
        assert foreign == []


@each_role
def test_role_describes_every_option(role: Path) -> None:
    for name, spec in entry_points(role).items():
        assert spec["short_description"], name
        assert spec["description"], name
        assert without_description(spec.get("options", {})) == []


@each_role
def test_role_reads_no_text_as_true(role: Path) -> None:
    """`-e name=false` and INI inventories give texts, of which each is true."""
    booleans = {
        name
        for spec in entry_points(role).values()
        for name, option in spec.get("options", {}).items()
        if option["type"] == "bool"
    }
    unread = []
    for path in sorted(role.glob("*/**/*")):
        if path.parent.name in ("meta", "defaults") or path.suffix not in (".yml", ".j2"):
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            # A module converts its options.
            option = re.fullmatch(r'\s+\w+: "\{\{ (\w+) \}\}"', line)
            if line.lstrip().startswith("#") or (option and path.parent.name == "tasks"):
                continue
            read = {name for name in re.findall(r"\w+(?! *\| *bool\b)\b", line) if name in booleans}
            unread += [f"{path.relative_to(role)}:{number}: {name}" for name in sorted(read)]
    assert unread == []


@each_role
def test_role_example_sets_variables_of_the_role(role: Path) -> None:
    for play in yaml.safe_load((role / "meta" / "example.yml").read_text()):
        for one in play["roles"]:
            named = ROOT / "roles" / one["role"].removeprefix("asgi.fleet.")
            main = entry_points(named)["main"]["options"]
            assert one.keys() - {"role"} <= main.keys()
            required = {name for name, option in main.items() if option.get("required")}
            assert required <= one.keys()
        assert play["roles"][-1]["role"] == f"asgi.fleet.{role.name}"


@each_role
def test_role_readme_is_current(role: Path) -> None:
    assert docs.role_page(role).is_current(), "run make docs"


def test_variables_page_is_current() -> None:
    assert docs.variables_page().is_current(), "run make docs"


def make_role(folder: Path) -> Path:
    role = folder / "soup"
    (role / "meta").mkdir(parents=True)
    (role / "meta" / "main.yml").write_text(
        "galaxy_info: {min_ansible_version: '2.19', platforms: [{name: Debian, versions: [sid]}]}"
    )
    spec = {
        "short_description": "Serve soup",
        "description": ["Uses C(spoons) only."],
        "options": {
            "soup_kind": {"type": "str", "required": True, "description": "a|b"},
            "soup_sides": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "description": "What goes with it.",
                "options": {"name": {"type": "str", "required": True, "description": "Name."}},
            },
        },
    }
    (role / "meta" / "argument_specs.yml").write_text(
        yaml.safe_dump({"argument_specs": {"main": spec, "again": spec}}, sort_keys=False)
    )
    (role / "meta" / "example.yml").write_text("---\n- hosts: kitchen\n")
    return role


def test_role_page_shows_description_and_options_once(tmp_path: Path) -> None:
    lines = docs.role_page(make_role(tmp_path)).text.splitlines()
    assert lines[0] == "# soup"
    assert "Uses `spoons` only." in lines
    assert "| `soup_kind` | str | required | a\\|b |" in lines
    assert "| `soup_sides` | list of dict | `[]` | What goes with it. |" in lines
    assert "| `soup_sides[].name` | str | required | Name. |" in lines
    assert len([line for line in lines if line.startswith("| `soup_kind`")]) == 1
    assert "## Entry point `again`" in lines
    assert "Takes the variables above." in lines
    assert lines[lines.index("## Example") :][2:5] == ["```yaml", "- hosts: kitchen", "```"]


def test_page_is_current_only_with_the_same_text(tmp_path: Path) -> None:
    page = docs.Page(tmp_path / "README.md", "text\n")
    assert not page.is_current()
    page.path.write_text("text\n")
    assert page.is_current()
    page.path.write_text("other\n")
    assert not page.is_current()
