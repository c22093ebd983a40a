"""The files that switch a site's maintenance, and the addresses that are let in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.servers.maintenance import (
    MaintenanceError,
    Notice,
    Switch,
    addresses,
    describe,
    problem_json,
    require_site,
)

END = 1_790_001_800
NOTICE = Notice("<h1>Closed</h1>", "Closed", END, ("192.0.2.7",))


def test_addresses_are_single_ones_as_nginx_writes_them() -> None:
    assert addresses(["2001:DB8:0::7", "192.0.2.7", "192.0.2.7/32"]) == (
        "192.0.2.7",
        "2001:db8::7",
    )
    assert addresses([]) == ()


def test_a_small_network_is_all_of_its_addresses() -> None:
    assert addresses(["192.0.2.5/30"]) == ("192.0.2.4", "192.0.2.5", "192.0.2.6", "192.0.2.7")
    assert len(addresses(["192.0.2.0/24"])) == 256


@pytest.mark.parametrize(
    ("network", "size"), [("10.0.0.0/23", 512), ("2001:db8::/64", 18446744073709551616)]
)
def test_a_large_network_is_refused_with_what_to_do(network: str, size: int) -> None:
    with pytest.raises(MaintenanceError) as refusal:
        addresses([network])
    assert str(refusal.value) == (
        f"allow has {network}, a network of {size} addresses; expected at most 256; list it in "
        "nginx_site_maintenance_allow in group_vars/app.yml and run playbooks/provision.yml first"
    )


@pytest.mark.parametrize("entry", ["office", "../x", "", "192.0.2"])
def test_what_is_no_address_is_refused(entry: str) -> None:
    with pytest.raises(MaintenanceError, match=r"expected addresses such as 192\.0\.2\.7"):
        addresses([entry])


def test_on_shows_the_notice_dated_at_its_end(tmp_path: Path) -> None:
    switch = Switch(str(tmp_path / "maintenance"))
    assert switch.since() is None
    switch.turn_on(NOTICE)
    assert switch.since() == pytest.approx((tmp_path / "maintenance").stat().st_mtime, abs=1)
    for name, text in (("page.html", NOTICE.page), ("page.json", problem_json("Closed"))):
        page = tmp_path / "maintenance_page" / name
        assert page.read_text() == text
        assert page.stat().st_mtime == END
        assert page.stat().st_mode & 0o777 == 0o644
    assert (tmp_path / "maintenance_page" / "allow" / "192.0.2.7").is_file()
    assert switch.shows(NOTICE)


def test_on_again_moves_the_end_and_the_guests_but_not_the_beginning(tmp_path: Path) -> None:
    switch = Switch(str(tmp_path / "maintenance"))
    switch.turn_on(NOTICE)
    began = (tmp_path / "maintenance").stat().st_mtime_ns
    later = Notice("<h1>Still</h1>", "Still", END + 600, ("192.0.2.8",))
    assert not switch.shows(later)
    switch.turn_on(later)
    assert switch.shows(later)
    assert (switch.until(), switch.guests()) == (END + 600, {"192.0.2.8"})
    assert (tmp_path / "maintenance").stat().st_mtime_ns == began


def test_off_leaves_nothing(tmp_path: Path) -> None:
    switch = Switch(str(tmp_path / "maintenance"))
    switch.turn_on(NOTICE)
    switch.turn_off()
    assert list(tmp_path.iterdir()) == []
    switch.turn_off()


def test_a_file_made_by_hand_is_on_without_a_notice(tmp_path: Path) -> None:
    (tmp_path / "maintenance").touch()
    switch = Switch(str(tmp_path / "maintenance"))
    assert switch.since() is not None
    assert switch.until() is None
    assert not switch.shows(NOTICE)


@pytest.mark.parametrize("text", [None, "", "if (-f /var/lib/other/maintenance) {"])
def test_a_site_that_does_not_look_for_the_file_is_refused(
    tmp_path: Path, text: str | None
) -> None:
    site = tmp_path / "shop.conf"
    if text is not None:
        site.write_text(text)
    with pytest.raises(MaintenanceError, match=r"run playbooks/provision\.yml first"):
        require_site(str(site), "/var/lib/shop/maintenance")


@pytest.mark.parametrize(
    "written", ["if (-f {}/maintenance) {{", "set $fleet_switch {}/maintenance;"]
)
def test_a_site_that_looks_for_the_file_is_taken(tmp_path: Path, written: str) -> None:
    site = tmp_path / "shop.conf"
    site.write_text(written.format(tmp_path))
    require_site(str(site), f"{tmp_path}/maintenance")


def test_problem_is_json_as_rfc_9457_has_it() -> None:
    assert json.loads(problem_json("Zurück um 7"))["detail"] == "Zurück um 7"
    assert json.loads(problem_json(""))["status"] == 503


def test_describe_says_since_when_and_for_whom() -> None:
    assert describe(None, None, ()) == "maintenance is off"
    assert describe(1_790_000_000, END, ["192.0.2.7"]) == (
        "maintenance is on since 2026-09-21 14:13 UTC, clients are told to come back at "
        "2026-09-21 14:43 UTC; served: 192.0.2.7"
    )
    assert describe(1_790_000_000, None, ()) == "maintenance is on since 2026-09-21 14:13 UTC"
