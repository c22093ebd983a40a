"""The two slots: what their files are called, what is live, and what a slot was started with."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import (
    Application,
    build_account,
    changed_kinds,
    other,
)
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.state import SLOT_FILES


@pytest.fixture
def shop(tmp_path: Path) -> Application:
    return Application("shop", str(tmp_path))


def test_application_lives_in_the_places_of_the_design() -> None:
    shop = Application("shop")
    blue = shop.slot("blue")

    assert shop.live_link == "/var/lib/shop/live.sock"
    assert shop.activations == "/var/lib/shop/activations.jsonl"
    assert shop.rollouts == "/var/lib/shop/rollouts.jsonl"
    assert shop.releases == "/opt/shop/releases"
    assert blue.units == ("shop@blue.socket", "shop@blue.service")
    assert blue.socket == "/run/shop/blue.sock"
    assert blue.runtime_directory == "/run/shop/blue"
    assert blue.release_link == "/opt/shop/slots/blue"
    assert blue.files == {
        "socket": "/etc/systemd/system/shop@blue.socket",
        "service": "/etc/systemd/system/shop@blue.service",
        "settings": "/etc/shop/blue/gunicorn.conf.py",
        "worker": "/etc/shop/blue/draining_worker.py",
        "master": "/etc/shop/blue/slot_master.py",
        "counts": "/etc/shop/blue/request_counts.py",
        "logs": "/etc/shop/blue/json_logs.py",
        "environment": "/etc/shop/blue/environment",
        "timers": "/etc/shop/blue/timers",
    }
    assert blue.plan == "/etc/shop/blue/plan.json"


def test_slot_has_the_files_that_a_reason_can_name() -> None:
    assert tuple(Application("shop").slot("green").files) == SLOT_FILES


@pytest.mark.parametrize(
    ("target", "live"),
    [
        ("/run/shop/blue.sock", "blue"),
        ("/run/shop/green.sock", "green"),
        ("/run/shop/red.sock", None),
        ("/run/shop/blue", None),
        (None, None),
    ],
)
def test_live_slot_is_where_the_link_points(
    shop: Application, target: str | None, live: str | None
) -> None:
    link = Path(shop.live_link)
    link.parent.mkdir(parents=True)
    if target:
        link.symlink_to(target)
    assert shop.live_slot() == live


def test_live_slot_is_none_while_a_plain_file_stands_there(shop: Application) -> None:
    link = Path(shop.live_link)
    link.parent.mkdir(parents=True)
    link.write_text("")
    assert shop.live_slot() is None


@pytest.mark.parametrize(("live", "idle"), [(None, "blue"), ("blue", "green"), ("green", "blue")])
def test_other_is_blue_first_and_then_the_idle_one(live: str | None, idle: str) -> None:
    assert other(live) == idle


def test_slot_release_is_the_folder_that_its_link_names(shop: Application) -> None:
    slot = shop.slot("green")
    assert slot.release() is None
    link = Path(slot.release_link)
    link.parent.mkdir(parents=True)
    link.symlink_to("../releases/1.0-abcdef01")
    assert slot.release() == f"{shop.releases}/1.0-abcdef01"


def test_slot_contents_of_missing_files_are_empty(shop: Application) -> None:
    slot = shop.slot("blue")
    environment = Path(slot.files["environment"])
    environment.parent.mkdir(parents=True)
    environment.write_text('A="1"\n')
    assert slot.contents() == {
        "socket": "",
        "service": "",
        "settings": "",
        "worker": "",
        "master": "",
        "counts": "",
        "logs": "",
        "environment": 'A="1"\n',
        "timers": "",
    }


def test_changed_kinds_come_in_the_order_of_the_desired_ones() -> None:
    current = {"service": "same", "socket": "old"}
    desired = {"socket": "new", "service": "same", "environment": "", "settings": "new"}
    assert changed_kinds(current, desired) == ["socket", "settings"]


@pytest.mark.parametrize("settings", ["workers = 3\n", "workers = int(getenv('N'))\n", ""])
def test_planned_workers_are_those_of_the_plan_whatever_the_settings_say(
    shop: Application, settings: str
) -> None:
    slot = shop.slot("blue")
    Path(slot.plan).parent.mkdir(parents=True)
    Path(slot.files["settings"]).write_text(settings)
    assert slot.planned_workers() == 0
    Path(slot.plan).write_text('{"workers": 12}\n')
    assert slot.planned_workers() == 12
    assert shop.slot("green").planned_workers() == 0


def test_build_account_fits_into_an_account_name() -> None:
    assert build_account("shop") == "shop-build"
    longest, next_to_it = build_account("a" * 31), build_account("a" * 30)
    assert len(longest) == len(next_to_it) == 32
    assert longest != next_to_it
    assert build_account("a" * 26) == "a" * 26 + "-build"
