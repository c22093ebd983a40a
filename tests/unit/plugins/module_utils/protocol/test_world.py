"""One world: what the slots' unit says of it, hooks, commands and the import check have too."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.application.confinement import as_service
from ansible_collections.asgi.fleet.plugins.module_utils.protocol import world
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.places import Place, of_entries
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.sandbox import (
    Sandbox,
    directives,
    of_option,
)

RELEASE = "/opt/shop/releases/1.0-abc"


def test_service_and_what_runs_beside_it_have_one_world() -> None:
    unit = world.unit_directives("shop", RELEASE, "green")
    beside = as_service(RELEASE, "hook", "shop", {}, 10, Sandbox(), slot="green")
    assert [value.partition("=")[::2] for name, value in unit if name == "Environment"] == list(
        beside.environment.items()
    )
    assert ("WorkingDirectory", beside.folder) in unit
    runtime = dict(unit)["RuntimeDirectory"], dict(beside.properties)["RuntimeDirectory"]
    assert runtime == ("shop/green", "shop/hook")
    folders = {name for name, _value in unit} - {"Environment", "WorkingDirectory"}
    assert folders == {name for name, _value in beside.properties} - {"LimitNOFILE"}


def test_programs_of_the_release_come_first_for_the_service_too() -> None:
    assert world.variables("shop", RELEASE, "blue")["PATH"].startswith(f"{RELEASE}/.venv/bin:/")


def test_application_has_the_last_word_on_its_environment() -> None:
    beside = as_service(RELEASE, "hook", "shop", {"LANG": "de_DE.UTF-8"}, 10, Sandbox())
    assert beside.environment["LANG"] == "de_DE.UTF-8"


@pytest.mark.parametrize("name", world.METRICS)
def test_metrics_of_each_slot_and_of_what_runs_beside_it_have_a_folder_of_their_own(
    name: str,
) -> None:
    given = {name: "/var/lib/shop/state/prom/", "OTHER": "x/"}
    assert world.of_slot(given, "blue") == {name: "/var/lib/shop/state/prom/blue", "OTHER": "x/"}
    assert world.beside_slots(given, "shop", "import") == {name: "/run/shop/import", "OTHER": "x/"}


def test_places_are_a_releases_own_or_lie_in_the_state() -> None:
    sandbox = of_option(
        {"writable_paths": ["/srv/x", "uploads", {"path": "static", "keep": False}]}
    )
    assert sandbox.places == (Place("uploads"), Place("static", keep=False))
    written = dict(directives(sandbox.of_release(RELEASE)))["ReadWritePaths"]
    assert written == f"/srv/x {RELEASE}/src/static"


@pytest.mark.parametrize(
    ("path", "is_folder"),
    [("uploads", True), ("sql_app.db", False), ("a.b/c", True), (".cache", True), ("x.d/", True)],
)
def test_place_with_an_extension_is_a_file(path: str, *, is_folder: bool) -> None:
    assert Place(path).is_folder is is_folder
    assert of_entries([path, {"path": "/y"}]) == (("/y",), (Place(path),))


def test_release_is_placed_by_its_folder(tmp_path: Path) -> None:
    (tmp_path / "var/lib/shop").mkdir(parents=True)
    (tmp_path / "var/lib/shop/live.sock").symlink_to("/run/shop/blue.sock")
    path = f"{tmp_path}/opt/shop/releases/1.0"
    beside = as_service(path, "import", "shop", {}, 10, Sandbox())
    assert beside.environment["FLEET_SLOT"] == "green"
    assert beside.environment["FLEET_APP"] == "shop"


def test_what_a_timer_runs_has_a_folder_of_its_own() -> None:
    unit = dict(world.unit_directives("shop", RELEASE, "green", runtime="timer-report"))
    assert unit["RuntimeDirectory"] == "shop/timer-report"
