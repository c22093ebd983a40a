"""How a host differs from its baseline: each kind of drift, on a tree of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.host import drift
from ansible_collections.asgi.fleet.plugins.module_utils.host.drift import (
    Baseline,
    current_timezone,
    find_drift,
    parameter_path,
    wrong_files,
    wrong_parameters,
    wrong_units,
)

# Package, architecture, status, version, what it provides
ENABLED = "UnitFileState=enabled\nActiveState=active\n"
DISABLED = "UnitFileState=disabled\nActiveState=active\n"
STOPPED = "UnitFileState=enabled\nActiveState=inactive\n"


@pytest.mark.parametrize(("state", "wrong"), [(ENABLED, False), (DISABLED, True), (STOPPED, True)])
def test_a_unit_has_to_run_and_to_start_at_boot(state: str, *, wrong: bool) -> None:
    assert bool(wrong_units(["a.service"], ["a.service"], state)) is wrong


def test_a_unit_that_only_starts_at_boot_need_not_run() -> None:
    states = f"{STOPPED}\n{DISABLED}"
    assert wrong_units(["a.service", "b.service"], [], states) == ["b.service"]


@pytest.fixture
def parameters(tmp_path: Path) -> Path:
    """A host with a parameter that is 4096 now and at boot."""
    (tmp_path / "proc/sys/net/core").mkdir(parents=True)
    (tmp_path / "proc/sys/net/core/somaxconn").write_text("4096\n")
    (tmp_path / "sysctl.conf").write_text("# was net.core.somaxconn=1\nnet.core.somaxconn=4096\n")
    return tmp_path


def test_a_parameter_that_is_set_is_left_alone(parameters: Path) -> None:
    assert wrong_parameters({"net.core.somaxconn": " 4096"}, "/sysctl.conf", parameters) == []


@pytest.mark.parametrize("file", ["proc/sys/net/core/somaxconn", "sysctl.conf"])
@pytest.mark.parametrize("text", ["128\n", "net.core.somaxconn=128\n", None])
def test_a_parameter_is_set_when_it_differs_now_or_at_boot(
    parameters: Path, file: str, text: str | None
) -> None:
    path = parameters / file
    path.unlink()
    if text:
        path.write_text(text)
    wanted = {"net.core.somaxconn": "4096"}
    assert wrong_parameters(wanted, "/sysctl.conf", parameters) == ["net.core.somaxconn"]


def test_a_parameter_of_several_numbers_and_a_switch_are_compared_as_the_kernel_reads_them(
    tmp_path: Path,
) -> None:
    (tmp_path / "proc/sys/net").mkdir(parents=True)
    (tmp_path / "proc/sys/net/rmem").write_text("4096\t131072\t6291456\n")
    (tmp_path / "proc/sys/net/forward").write_text("1\n")
    (tmp_path / "file").write_text("net.rmem=4096 131072 6291456\nnet.forward=1\n")
    wanted = {"net.rmem": "4096 131072 6291456", "net.forward": "True"}
    assert wrong_parameters(wanted, "/file", tmp_path) == []


def test_a_parameter_may_have_a_dot_in_an_interface() -> None:
    assert parameter_path(Path("/"), "net.ipv4.conf.eth0/1.rp_filter") == Path(
        "/proc/sys/net/ipv4/conf/eth0.1/rp_filter"
    )
    assert parameter_path(Path("/"), "net/ipv4/conf/eth0.1/rp_filter") == Path(
        "/proc/sys/net/ipv4/conf/eth0.1/rp_filter"
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file that is as wanted."""
    path = tmp_path / "etc" / "file"
    path.parent.mkdir()
    path.write_text("text\n")
    path.chmod(0o644)
    return path


@pytest.mark.usefixtures("file")
def test_a_file_that_is_as_wanted_is_left_alone(tmp_path: Path) -> None:
    assert wrong_files({"/etc/file": "text\n"}, tmp_path) == []


@pytest.mark.parametrize("change", ["edit", "chmod", "remove", "link", "folder"])
def test_a_file_differs_by_content_mode_and_kind(file: Path, tmp_path: Path, change: str) -> None:
    if change == "edit":
        file.write_text("text\r\n")
    elif change == "chmod":
        file.chmod(0o664)
    else:
        kept = file.rename(tmp_path / "kept")
        if change == "link":
            file.symlink_to(kept)
        elif change == "folder":
            file.mkdir(mode=0o644)
    assert wrong_files({"/etc/file": "text\n"}, tmp_path) == ["/etc/file"]


def test_a_file_that_has_to_be_absent_differs_even_as_a_dangling_link(tmp_path: Path) -> None:
    assert find_drift(Baseline(absent_files=["/link"]), tmp_path) == {}
    (tmp_path / "link").symlink_to("nowhere")
    assert find_drift(Baseline(absent_files=["/link"]), tmp_path) == {"files": ["/link"]}


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("/usr/share/zoneinfo/Africa/Abidjan", "Africa/Abidjan"),
        ("../usr/share/zoneinfo/Etc/UTC", "Etc/UTC"),
        (None, "UTC"),
    ],
)
def test_the_time_zone_is_where_localtime_leads(
    tmp_path: Path, target: str | None, name: str
) -> None:
    (tmp_path / "etc").mkdir()
    if target:
        (tmp_path / "etc/localtime").symlink_to(target)
    assert current_timezone(tmp_path) == name
    assert find_drift(Baseline(timezone="Etc/GMT"), tmp_path) == {"timezone": ["Etc/GMT"]}
    assert find_drift(Baseline(timezone=name), tmp_path) == {}


def test_a_copied_time_zone_has_no_name(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/localtime").write_text("TZif2")
    assert current_timezone(tmp_path) == ""


@pytest.fixture
def clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host without any time daemon, on which every asked unit is stopped."""
    monkeypatch.setattr(drift, "installed_packages", lambda: "tzdata\tall\tinstalled\t2026a\t")
    monkeypatch.setattr(drift, "unit_states", lambda units: "\n".join([STOPPED] * len(units)))
    return tmp_path


def touch(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.touch()


def test_a_clock_without_a_daemon_gets_systemd_timesyncd(clock: Path) -> None:
    assert find_drift(Baseline(time_sync=True), clock) == {
        "packages": ["systemd-timesyncd"],
        "units": ["systemd-timesyncd.service"],
    }


@pytest.mark.parametrize("program", ["chronyd", "ntpd"])
def test_another_time_daemon_is_left_in_charge(clock: Path, program: str) -> None:
    touch(clock / "usr/sbin" / program)
    assert find_drift(Baseline(time_sync=True), clock) == {}


def test_in_a_container_no_time_daemon_has_to_run(clock: Path) -> None:
    touch(clock / "run/systemd/container")
    assert find_drift(Baseline(time_sync=True), clock) == {"packages": ["systemd-timesyncd"]}


def test_the_firewall_has_to_come_up_at_boot(clock: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_drift(Baseline(firewall=True), clock) == {}
    monkeypatch.setattr(drift, "unit_states", lambda _: DISABLED)
    assert find_drift(Baseline(firewall=True), clock) == {"units": ["ufw.service"]}


def test_a_host_of_which_nothing_is_wanted_is_not_asked(tmp_path: Path) -> None:
    assert find_drift(Baseline(), tmp_path) == {}
