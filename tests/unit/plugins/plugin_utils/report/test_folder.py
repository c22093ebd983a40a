"""Where a rollout writes: beside the inventory, and never in what Ansible reads as one."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.folder import report_folder


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "inventory" / "production").mkdir(parents=True)
    (tmp_path / "inventory" / "base").mkdir()
    (tmp_path / "hosts.yml").write_text("")
    (tmp_path / "inventory" / "production" / "hosts.yml").write_text("")
    return tmp_path


@pytest.mark.parametrize(
    ("sources", "wanted", "expected"),
    [
        (["inventory/production"], "", "inventory/rollouts/production"),
        (["inventory/production/"], "", "inventory/rollouts/production"),
        (["hosts.yml"], "", "rollouts"),
        (["inventory/production/hosts.yml"], "", "inventory/rollouts/production"),
        (["web1,web2,"], "", "rollouts"),
        ([], "", "rollouts"),
        (["inventory/base", "inventory/production"], "", "inventory/rollouts/production"),
        (["inventory/production", "web9,"], "", "inventory/rollouts/production"),
        (["inventory/production"], "www", "www"),
        (["inventory/production"], "/srv/www", "/srv/www"),
    ],
)
def test_folder_is_beside_the_inventory_or_where_it_is_wanted(
    here: Path, sources: list[str], wanted: str, expected: str
) -> None:
    assert report_folder(sources, wanted, str(here)) == str(here / expected)


def test_folder_of_an_absolute_source_does_not_depend_on_where_one_is(here: Path) -> None:
    found = report_folder([str(here / "inventory" / "production")], "", "/")
    assert found == str(here / "inventory" / "rollouts" / "production")


def test_folder_below_the_home_of_the_operator(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(here))
    assert report_folder([], "~/www", "/") == str(here / "www")
