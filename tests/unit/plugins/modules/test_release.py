"""The module around builds and pruning: arguments, check mode, what is left and what is removed."""

from __future__ import annotations

import base64
import json
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.application.provenance import (
    PARENTS,
    claim,
)
from ansible_collections.asgi.fleet.plugins.module_utils.host.accounts import AccountError
from ansible_collections.asgi.fleet.plugins.module_utils.host.locking import locked
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.installation import Installation
from ansible_collections.asgi.fleet.plugins.module_utils.releases import exclusive
from ansible_collections.asgi.fleet.plugins.module_utils.releases.recipe import BuildError, Recipe
from ansible_collections.asgi.fleet.plugins.modules import release

from tests.unit.plugins.module_utils.slot_host import make_release

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def shop(tmp_path: Path) -> Application:
    application = Application("shop", str(tmp_path))
    claim(application, parents=PARENTS)
    return application


@pytest.fixture
def run_release(
    run_module: Run, shop: Application, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., dict[str, Any]]:
    monkeypatch.setattr(release, "Application", partial(Application, root=shop.root))
    return lambda **arguments: run_module(release, name="shop", **arguments)


@dataclass
class Built:
    """What was built, by nobody, and which accounts were made before."""

    recipes: list[Recipe] = field(default_factory=list)
    beside: list[list[str]] = field(default_factory=list)
    archives: list[bytes] = field(default_factory=list)
    accounts: list[str] = field(default_factory=list)


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> Built:
    """Have nothing be built and no account be made."""
    done = Built()

    def build(
        recipe: Recipe, manifest: Mapping[str, Any], manifests: Mapping[str, object]
    ) -> dict[str, Any]:
        done.recipes.append(recipe)
        done.beside.append(sorted(manifests))
        # One that came with the call is gone when the module has ended.
        path = Path(recipe.archive)
        done.archives.append(path.read_bytes() if path.is_file() else b"")
        return {**manifest, "built_at": 1}

    def ensure_account(name: str, _application: str, **_given: bool) -> bool:
        assert done.recipes == []
        done.accounts.append(name)
        return True

    monkeypatch.setattr(release, "build", build)
    monkeypatch.setattr(release, "ensure_account", ensure_account)
    return done


#: Any program serves as uv where nothing is built.
PRESENT = {"id": "1.0-abcdef01", "module": "main:app", "user": "shop", "uv": sys.executable}


def test_release_is_built_with_everything_given(
    run_release: Run, shop: Application, built: Built
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
        prefix="app_",
        manifest={"built_by": "ada"},
        installation={"file": "uv.lock", "extras": ["server"], "package": True},
        project="backend",
    )
    path = f"{shop.releases}/1.0-abcdef01"
    assert not answer["failed"]
    assert (answer["changed"], answer["path"]) == (True, path)
    assert answer["manifest"] == {"built_by": "ada", "built_at": 1}
    assert answer["missing"] == []
    assert built.accounts == ["shop", "shop-build"]
    assert built.recipes == [
        Recipe(
            path=path,
            kind="wheel",
            uv=sys.executable,
            module="main:app",
            user="shop",
            builder="shop-build",
            memory_max="50%",
            archive="/var/cache/shop.whl",
            python="3.13",
            server_packages=["gunicorn==27.0.1"],
            environment={"TOKEN": 'a"b'},
            secret_names=["TOKEN"],
            uv_environment={"UV_OFFLINE": "1"},
            prefix="app_",
            installation=Installation("uv.lock", extras=("server",), package=True),
            project="backend",
        )
    ]


def test_release_is_built_beside_those_that_are_complete(
    run_release: Run, shop: Application, built: Built
) -> None:
    make_release(shop, "0.9", environment="a")
    (make_release(shop, "0.8") / "manifest.json").unlink()
    assert run_release(**PRESENT, archive="/var/cache/shop.tar.gz")["changed"]
    assert built.beside == [["0.9"]]
    (recipe,) = built.recipes
    assert (recipe.kind, recipe.prefix) == ("tree", "python_release_")


@pytest.mark.parametrize(
    "name", ["shop-1.4.2-py3-none-any.whl", "../../etc/shop-1.4.2-py3-none-any.whl"]
)
def test_archive_within_the_call_is_built_under_its_own_name(
    run_release: Run, built: Built, name: str
) -> None:
    content = b"PK\x03\x04\xff"
    answer = run_release(
        **PRESENT,
        kind="wheel",
        content=base64.b64encode(content).decode(),
        archive_name=name,
        _ansible_inject_invocation=True,
    )
    assert (answer["failed"], answer["changed"]) == (False, True)
    (recipe,) = built.recipes
    assert Path(recipe.archive).name == "shop-1.4.2-py3-none-any.whl"
    assert built.archives == [content]
    # The module's own folder, which Ansible removes when the module ends.
    assert "ansible-moduletmp" in str(Path(recipe.archive).parent)
    assert Path(recipe.archive).parent.stat().st_mode & 0o077 == 0
    assert base64.b64encode(content).decode() not in str(answer)


@pytest.mark.parametrize("look", [False, True])
@pytest.mark.parametrize("check_mode", [False, True])
def test_complete_release_needs_no_uv_and_no_account(
    run_release: Run, shop: Application, built: Built, look: bool, check_mode: bool
) -> None:
    make_release(shop, PRESENT["id"], commit="abc")
    answer = run_release(
        **PRESENT | {"uv": "/no/such/uv"}, look=look, _ansible_check_mode=check_mode
    )
    assert (answer["failed"], answer["changed"]) == (False, False)
    assert answer["path"] == f"{shop.releases}/{PRESENT['id']}"
    assert (answer["manifest"], answer["missing"]) == ({"commit": "abc"}, [])
    assert (built.recipes, built.accounts) == ([], [])


def test_look_only_asks(run_release: Run, shop: Application, built: Built) -> None:
    answer = run_release(**PRESENT, look=True)
    assert (answer["failed"], answer["changed"]) == (False, False)
    assert (answer["manifest"], answer["missing"]) == ({}, [])
    assert (built.recipes, built.accounts) == ([], [])
    assert not Path(shop.releases).exists()


@pytest.mark.parametrize("look", [False, True])
def test_release_without_uv_is_not_built_and_says_what_is_missing(
    run_release: Run, shop: Application, built: Built, look: bool
) -> None:
    answer = run_release(**PRESENT | {"uv": "/no/such/uv"}, look=look)
    assert (answer["failed"], answer["changed"]) == (False, False)
    assert (answer["manifest"], answer["missing"]) == ({}, ["uv"])
    assert (built.recipes, built.accounts) == ([], [])
    assert not Path(shop.releases).exists()


def test_release_whose_account_cannot_be_made_is_not_built(
    run_release: Run, built: Built, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ensure_account(name: str, _application: str, **_given: bool) -> bool:
        raise AccountError(f"useradd {name} failed: no more numbers")

    monkeypatch.setattr(release, "ensure_account", ensure_account)
    answer = run_release(**PRESENT)
    assert (answer["failed"], answer["msg"]) == (True, "useradd shop failed: no more numbers")
    assert built.recipes == []


def test_release_that_is_complete_is_not_built_again(
    run_release: Run, shop: Application, built: Built
) -> None:
    make_release(shop, PRESENT["id"], commit="abc")
    answer = run_release(**PRESENT)
    assert (answer["changed"], answer["manifest"]) == (False, {"commit": "abc"})
    assert (built.recipes, built.accounts) == ([], [])


def test_release_that_another_build_just_made_is_not_built_again(
    run_release: Run, built: Built, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[dict[str, str] | None] = [None, {"commit": "abc"}]
    monkeypatch.setattr(release, "read_manifest", lambda _: looks.pop(0))
    assert run_release(**PRESENT)["manifest"] == {"commit": "abc"}
    assert built.recipes == []


def test_release_waits_for_another_build_in_vain(
    run_release: Run, shop: Application, built: Built, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exclusive, "BUILD_PATIENCE", 0)
    with locked("shop.build", 0, root=shop.root):
        answer = run_release(**PRESENT)
    assert answer["msg"] == (
        "another build of shop has been running on this host for more than 0 s; "
        "wait for it to end and run again"
    )
    assert built.recipes == []


def test_release_in_check_mode_is_not_built(
    run_release: Run, shop: Application, built: Built
) -> None:
    answer = run_release(**PRESENT, _ansible_check_mode=True)
    assert (answer["changed"], answer["manifest"]) == (True, {})
    assert (built.recipes, built.accounts) == ([], [])
    assert not Path(shop.releases).exists()


def test_release_that_cannot_be_built_says_why(
    run_release: Run, built: Built, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(*_: object) -> None:
        raise BuildError("app_module is main:app; importing it failed")

    monkeypatch.setattr(release, "build", build)
    answer = run_release(**PRESENT)
    assert answer["failed"]
    assert answer["msg"] == "app_module is main:app; importing it failed"
    assert (built.recipes, built.accounts) == ([], ["shop", "shop-build"])


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
    Path(shop.live_link).parent.mkdir(parents=True, exist_ok=True)
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


@pytest.mark.usefixtures("built")
def test_release_marks_the_folders_that_its_import_has(run_release: Run, shop: Application) -> None:
    folders = [Path(shop.path("var/lib/shop")), Path(shop.path("var/cache/shop"))]
    for folder in folders:
        shutil.rmtree(folder)
    assert not run_release(**PRESENT)["failed"]
    for folder in folders:
        assert (folder / ".asgi.fleet").read_text() == "shop\n"
