"""What became of releases, and which go: never one that serves, served, is pinned or in a slot."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.application.history import activations
from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.releases.retention import (
    incomplete,
    live_release,
    manifests,
    previous_release,
    protected_releases,
    releases,
    superfluous,
)

from tests.unit.plugins.module_utils.slot_host import make_release


@pytest.fixture
def shop(tmp_path: Path) -> Application:
    return Application("shop", str(tmp_path))


def set_slot(shop: Application, slot: str, name: str) -> None:
    link = Path(shop.slot(slot).release_link)
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(f"../releases/{name}")


def set_live(shop: Application, slot: str, *history: str) -> None:
    """Make a slot live; `history` has lines such as `live 1.0`, oldest first."""
    link = Path(shop.live_link)
    link.parent.mkdir(parents=True)
    link.symlink_to(shop.slot(slot).socket)
    events = (line.split() for line in history)
    lines = [json.dumps({"event": event, "release": name}) for event, name in events]
    Path(shop.activations).write_text("".join(f"{line}\n" for line in lines))


def test_bare_host_has_nothing(shop: Application) -> None:
    assert live_release(shop) == ""
    assert manifests(shop) == {}
    assert incomplete(shop, set()) == []
    assert protected_releases(shop) == set()


@pytest.mark.parametrize(
    ("history", "live", "previous"),
    [
        (["live 1"], "1", ""),
        (["live 1", "live 2"], "2", "1"),
        (["live 1", "live 2", "live 1"], "1", "2"),
        (["live 1", "live 2", "live 2"], "2", "1"),
        (["live 1", "refused 3", "live 2", "refused 3"], "2", "1"),
        (["live 1", "live gone", "live 2"], "2", "1"),
        ([], "2", ""),
        (["live 1", "live 2", "activating 3", "live 3", "reverted 3", "live 2"], "2", "1"),
        (["live 1", "live 2", "reverted 2", "live 1"], "1", ""),
        (["live 1", "live 2", "reverted 2", "live 1", "live 3"], "3", "1"),
        (["live 1", "live 2", "reverted 2", "live 1", "live 2", "live 3"], "3", "2"),
        (["live 2", "live 1", "live 2", "reverted 2", "live 1"], "1", "2"),
        (["live 1", "activating 3", "reverted 3", "live 1"], "1", ""),
    ],
    ids=[
        "first",
        "second",
        "rolled back",
        "restarted",
        "refused",
        "removed",
        "no record",
        "put back",
        "put back, with none before",
        "after one that was put back",
        "put back and live again since",
        "put back, but live before that",
        "put back from a killed run",
    ],
)
def test_previous_release_is_the_last_other_one_that_is_still_there(
    shop: Application, history: list[str], live: str, previous: str
) -> None:
    set_live(shop, "blue", *history)
    assert previous_release(activations(shop), live, {"1", "2", "3"}) == previous


def test_manifests_are_those_of_complete_releases(shop: Application) -> None:
    make_release(shop, "1", built_at=1)
    (make_release(shop, "2") / ".venv" / "bin" / "python").unlink()
    (make_release(shop, "3") / "manifest.json").unlink()
    Path(shop.releases, "current").symlink_to("1")
    Path(shop.releases, "README").touch()
    assert manifests(shop) == {"1": {"built_at": 1}}


def test_incomplete_are_folders_without_a_manifest(shop: Application) -> None:
    make_release(shop, "1")
    for name in ("2", "3", "4"):
        (make_release(shop, name) / "manifest.json").unlink()
    Path(shop.releases, "current").symlink_to("2")
    Path(shop.releases, "README").touch()
    assert incomplete(shop, {"3"}) == ["2", "4"]


BUILT = {"e": 1, "d": 2, "c": 3, "b": 4, "a": 5}


@pytest.mark.parametrize(
    ("protected", "pinned", "kept", "removed"),
    [
        ([], [], 3, ["e", "d"]),
        ([], [], 0, ["e", "d", "c", "b", "a"]),
        ([], [], 5, []),
        ([], [], 9, []),
        (["e"], [], 3, ["d"]),
        (["a", "e"], [], 1, ["d", "c"]),
        ([], ["e"], 3, ["d"]),
        (["a"], ["e"], 0, ["d", "c", "b"]),
    ],
)
def test_superfluous_are_the_oldest_by_their_time_of_building(
    protected: list[str], pinned: list[str], kept: int, removed: list[str]
) -> None:
    built = {name: {"built_at": at, "pinned": name in pinned} for name, at in BUILT.items()}
    assert superfluous(built, set(protected), kept) == removed


def test_superfluous_orders_equal_times_by_name() -> None:
    assert superfluous({"b": {}, "a": {}, "c": {"built_at": 1}}, set(), 0) == ["a", "b", "c"]


def test_protected_are_live_previous_and_what_the_slots_are_set_to(shop: Application) -> None:
    for name in ("1", "2", "3", "4", "5"):
        make_release(shop, name)
    set_slot(shop, "blue", "5")
    set_slot(shop, "green", "4")
    # 4 was refused in the idle slot: its files are kept for a look.
    set_live(shop, "blue", "live 1", "live 3", "live 5", "refused 4")
    assert live_release(shop) == "5"
    assert protected_releases(shop) == {"5", "4", "3"}


def test_releases_come_newest_first_with_what_became_of_them(shop: Application) -> None:
    for number, name in enumerate(["1.0", "1.1", "1.2", "1.3", "1.4"], start=1):
        make_release(
            shop, name, built_at=number, built_by="ada", module="main:app", commit=f"c{number}"
        )
    make_release(shop, "0.9", pinned=True, source={"type": "path"})
    set_slot(shop, "blue", "1.2")
    set_live(shop, "blue", "live 1.1", "refused 1.4", "live 1.2", "refused 1.3")
    found = releases(shop)
    assert [(one["id"], one["state"]) for one in found] == [
        ("1.4", "refused"),
        ("1.3", "refused"),
        ("1.2", "live"),
        ("1.1", "previous"),
        ("1.0", "kept"),
        ("0.9", "kept"),
    ]
    assert found[0] == {
        "id": "1.4",
        "state": "refused",
        "built_at": 5,
        "built_by": "ada",
        "module": "main:app",
        "commit": "c5",
        "subject": "",
        "source": {},
        "pinned": False,
        "hashes": "none",
    }
    assert found[-1]["pinned"] is True
