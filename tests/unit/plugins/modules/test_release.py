"""The module around builds and pruning: arguments, check mode, what is left and what is removed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.host.locking import locked
from ansible_collections.asgi.fleet.plugins.module_utils.releases import build
from ansible_collections.asgi.fleet.plugins.module_utils.releases.build import BuildError, Recipe
from ansible_collections.asgi.fleet.plugins.modules import release

from tests.unit.plugins.module_utils.slot_host import make_release

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def shop(tmp_path: Path) -> Application:
    return Application("shop", str(tmp_path))


@pytest.fixture
def run_release(
    run_module: Run, shop: Application, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., dict[str, Any]]:
    monkeypatch.setattr(release, "Application", partial(Application, root=shop.root))
    return lambda **arguments: run_module(release, name="shop", **arguments)


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[Recipe]:
    """The recipes that were built, by nobody."""
    recipes: list[Recipe] = []

    def build(recipe: Recipe, manifest: Mapping[str, Any]) -> dict[str, Any]:
        recipes.append(recipe)
        return {**manifest, "built_at": 1}

    monkeypatch.setattr(release, "build", build)
    return recipes


PRESENT = {"id": "1.0-abcdef01", "module": "main:app", "user": "shop", "uv": "/opt/uv/bin/uv"}


def test_release_is_built_with_everything_given(
    run_release: Run, shop: Application, built: list[Recipe]
) -> None:
    answer = run_release(
        **PRESENT,
        kind="wheel",
        archive="/var/cache/shop.whl",
        python="3.13",
        server_packages=["gunicorn==27.0.1"],
        environment='TOKEN="a\\"b"\n',
        secret_names=["TOKEN"],
        uv_environment='UV_OFFLINE="1"\n',
        manifest={"built_by": "ada"},
    )
    path = f"{shop.releases}/1.0-abcdef01"
    assert not answer["failed"]
    assert (answer["changed"], answer["path"]) == (True, path)
    assert answer["manifest"] == {"built_by": "ada", "built_at": 1}
    assert built == [
        Recipe(
            path=path,
            kind="wheel",
            uv="/opt/uv/bin/uv",
            module="main:app",
            user="shop",
            archive="/var/cache/shop.whl",
            python="3.13",
            server_packages=["gunicorn==27.0.1"],
            environment={"TOKEN": 'a"b'},
            secret_names=["TOKEN"],
            uv_environment={"UV_OFFLINE": "1"},
        )
    ]


def test_release_that_is_complete_is_not_built_again(
    run_release: Run, shop: Application, built: list[Recipe]
) -> None:
    make_release(shop, PRESENT["id"], commit="abc")
    answer = run_release(**PRESENT)
    assert (answer["changed"], answer["manifest"]) == (False, {"commit": "abc"})
    assert built == []


def test_release_that_another_build_just_made_is_not_built_again(
    run_release: Run, built: list[Recipe], monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[dict[str, str] | None] = [None, {"commit": "abc"}]
    monkeypatch.setattr(release, "read_manifest", lambda _: looks.pop(0))
    assert run_release(**PRESENT)["manifest"] == {"commit": "abc"}
    assert built == []


def test_release_waits_for_another_build_in_vain(
    run_release: Run, shop: Application, built: list[Recipe], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "BUILD_PATIENCE", 0)
    with locked(shop.path("opt", "shop", "build.lock"), 0):
        answer = run_release(**PRESENT)
    assert answer["msg"] == (
        "another build of shop has been running on this host for more than 0 s; "
        "wait for it to end and run again"
    )
    assert built == []


def test_release_in_check_mode_is_not_built(
    run_release: Run, shop: Application, built: list[Recipe]
) -> None:
    answer = run_release(**PRESENT, _ansible_check_mode=True)
    assert (answer["changed"], answer["manifest"]) == (True, {})
    assert built == []
    assert not Path(shop.releases).exists()


def test_release_that_cannot_be_built_says_why(
    run_release: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(*_: object) -> None:
        raise BuildError("app_module is main:app; importing it failed")

    monkeypatch.setattr(release, "build", build)
    answer = run_release(**PRESENT)
    assert answer["failed"]
    assert answer["msg"] == "app_module is main:app; importing it failed"


@pytest.mark.parametrize("missing", PRESENT)
def test_release_needs(run_release: Run, missing: str) -> None:
    answer = run_release(**{name: PRESENT[name] for name in PRESENT if name != missing})
    assert answer["failed"]
    assert answer["msg"] == f"state is present but all of the following are missing: {missing}"


@pytest.fixture
def releases(shop: Application) -> Path:
    """Releases 1 to 5, the oldest first; 1 is pinned, 2 is live, and 6 is half-built."""
    for number in (5, 4, 3, 2, 1):
        make_release(shop, str(number), built_at=number, pinned=number == 1)
    (make_release(shop, "6") / "manifest.json").unlink()
    blue = shop.slot("blue")
    Path(blue.release_link).parent.mkdir()
    Path(blue.release_link).symlink_to("../releases/2")
    Path(shop.live_link).parent.mkdir(parents=True)
    Path(shop.live_link).symlink_to(blue.socket)
    return Path(shop.releases)


def left(releases: Path) -> list[str]:
    return sorted(path.name for path in releases.iterdir())


def test_prune_removes_the_oldest_unneeded_and_what_is_torn(
    run_release: Run, releases: Path
) -> None:
    answer = run_release(state="pruned", keep=1)
    assert (answer["changed"], answer["removed"]) == (True, ["6", "3", "4"])
    assert left(releases) == ["1", "2", "5"]
    again = run_release(state="pruned", keep=1)
    assert (again["changed"], again["removed"]) == (False, [])


def test_prune_in_check_mode_only_tells(run_release: Run, releases: Path) -> None:
    answer = run_release(state="pruned", keep=1, _ansible_check_mode=True)
    assert (answer["changed"], answer["removed"]) == (True, ["6", "3", "4"])
    assert left(releases) == ["1", "2", "3", "4", "5", "6"]


def test_prune_on_a_bare_host_does_nothing(run_release: Run) -> None:
    answer = run_release(state="pruned")
    assert (answer["failed"], answer["changed"], answer["removed"]) == (False, False, [])


def test_release_is_pinned_and_unpinned(run_release: Run, shop: Application) -> None:
    folder = make_release(shop, "1.0", id="1.0", built_at=1)

    def kept() -> bool:
        return bool(json.loads((folder / "manifest.json").read_text()).get("pinned"))

    assert run_release(state="pinned", id="1.0", _ansible_check_mode=True)["changed"]
    assert not kept()
    assert run_release(state="pinned", id="1.0")["changed"]
    assert kept()
    assert not run_release(state="pinned", id="1.0")["changed"]
    assert run_release(state="pruned", keep=0)["removed"] == []
    assert run_release(state="unpinned", id="1.0")["changed"]
    assert run_release(state="pruned", keep=0)["removed"] == ["1.0"]


def test_release_that_is_not_there_cannot_be_pinned(run_release: Run) -> None:
    assert run_release(state="pinned", id="1.9")["msg"] == (
        "release is 1.9; shop has no such complete release on this host; "
        "ansible-playbook playbooks/releases.yml lists them"
    )
