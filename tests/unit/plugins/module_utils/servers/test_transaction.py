"""The transaction: its order, and its way back from every place where a server can refuse."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.servers.changes import (
    Changes,
    look,
    plan,
)
from ansible_collections.asgi.fleet.plugins.module_utils.servers.transaction import (
    ConfigError,
    Steps,
    Trial,
    Wanted,
    apply,
    check,
    explain,
)


@dataclass
class FakeServer:
    """A server that refuses where a test wants it to, and notes what it was asked."""

    refusal: str = ""
    confines: str = ""
    warnings: list[str] = field(default_factory=list)
    takes: bool = True
    active: bool = True
    rereads: bool = True
    asked: list[str] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    watched: Path | None = None
    tested: Changes | None = None

    def test(self, changes: Changes, units: Changes | None = None) -> Trial:
        self.tested = changes
        self._ask("confine" if units else "test")
        return Trial(self.confines if units else self.refusal, self.warnings)

    def running(self) -> bool:
        return self.active

    def start(self) -> None:
        self._ask("start", refused=not self.takes)

    def reload(self) -> None:
        self._ask("reload", refused=not self.takes)

    def recover(self) -> None:
        self._ask("recover", refused=True)

    def reread_units(self) -> None:
        self._ask("reread", refused=not self.rereads)

    def _ask(self, what: str, *, refused: bool = False) -> None:
        self.asked.append(what)
        if self.watched is not None:
            self.seen.append(self.watched.read_text() if self.watched.exists() else "nothing")
        if refused:
            raise ConfigError(f"it refuses the {what}: bind() failed")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "etc").mkdir()
    return tmp_path / "etc"


@pytest.fixture
def pending(tmp_path: Path) -> Path:
    return tmp_path / "pending"


def changes(files: dict[Path, str], absent: list[Path] | None = None) -> Changes:
    wanted = {str(path): text for path, text in files.items()}
    unwanted = [str(path) for path in absent or []]
    return plan(wanted, unwanted, look([*wanted, *unwanted]))


def test_files_are_tested_before_they_are_replaced_and_reloaded_after(
    folder: Path, pending: Path
) -> None:
    site, default = folder / "conf.d" / "shop.conf", folder / "default"
    default.write_text("page")
    server = FakeServer(watched=site)

    applied = apply(Wanted(changes({site: "server"}, [default])), server, pending)

    assert list(zip(server.asked, server.seen, strict=True)) == [
        ("test", "nothing"),
        ("reload", "server"),
    ]
    assert (applied.steps.action, applied.tested) == ("reloaded", True)
    assert site.stat().st_mode & 0o777 == 0o644
    assert not default.exists()
    assert not pending.exists()
    assert [path.name for path in site.parent.iterdir()] == ["shop.conf"]


def test_a_refused_test_touches_nothing(folder: Path, pending: Path) -> None:
    site, unit = folder / "shop.conf", folder / "unit.conf"
    site.write_text("old")
    server = FakeServer(refusal="it refuses the new configuration: no")

    with pytest.raises(ConfigError, match=r"^it refuses the new configuration: no$"):
        apply(Wanted(changes({site: "servr"}), changes({unit: "unit"})), server, pending)

    assert (site.read_text(), unit.exists(), server.asked) == ("old", False, ["test"])
    assert not pending.exists()


@pytest.mark.parametrize("active", [True, False])
def test_files_come_back_when_the_server_does_not_take_them(
    folder: Path, pending: Path, active: bool
) -> None:
    changed, added, removed, link = (
        folder / name for name in ("changed", "added", "removed", "link")
    )
    changed.write_text("old")
    changed.chmod(0o640)
    removed.write_bytes(b"caf\xe9")
    link.symlink_to("removed")
    wanted = Wanted(changes({changed: "new", added: "new"}, [removed, link]))
    server = FakeServer(takes=False, active=active)

    with pytest.raises(ConfigError, match=r"bind\(\) failed; the previous files are back"):
        apply(wanted, server, pending)

    assert (changed.read_text(), changed.stat().st_mode & 0o777) == ("old", 0o640)
    assert not added.exists()
    assert removed.read_bytes() == b"caf\xe9"
    assert link.is_symlink()
    assert not pending.exists()
    assert server.asked == (["test", "reload", "recover"] if active else ["test", "start"])


def test_files_come_back_when_one_cannot_be_written(folder: Path, pending: Path) -> None:
    first = folder / "first"
    wanted = Wanted(changes({first: "new", first / "below": "new"}))
    server = FakeServer()

    with pytest.raises(ConfigError, match=r"File exists.*; the previous files are back"):
        apply(wanted, server, pending)

    assert not first.exists()
    assert server.asked == ["test"]


def test_nothing_to_do_asks_nothing_of_the_server(folder: Path, pending: Path) -> None:
    site = folder / "shop.conf"
    site.write_text("same")
    server = FakeServer()

    applied = apply(Wanted(changes({site: "same"})), server, pending)

    assert (applied.steps, applied.tested, server.asked) == (Steps(), False, [])


def test_a_run_torn_apart_before_its_reload_is_finished_by_the_next(pending: Path) -> None:
    pending.touch()
    server = FakeServer()

    assert apply(Wanted(), server, pending).steps.action == "reloaded"
    assert server.asked == ["test", "reload"]
    assert not pending.exists()


def test_a_run_torn_apart_stays_marked_until_its_files_are_taken(
    folder: Path, pending: Path
) -> None:
    pending.touch()

    with pytest.raises(ConfigError):
        apply(Wanted(changes({folder / "a": "a"})), FakeServer(takes=False), pending)

    assert pending.exists()


def test_a_server_that_does_not_run_is_started(pending: Path) -> None:
    server = FakeServer(active=False)

    assert apply(Wanted(), server, pending).steps.action == "started"
    assert server.asked == ["test", "start"]


def test_warnings_are_handed_on(folder: Path, pending: Path) -> None:
    wanted = Wanted(changes({folder / "a": "a"}))

    assert apply(wanted, FakeServer(warnings=["conflict"]), pending).warnings == ["conflict"]


@pytest.mark.parametrize(("active", "last"), [(True, "reload"), (False, "start")])
def test_units_are_read_before_the_server_is_reloaded_or_started(
    folder: Path, pending: Path, active: bool, last: str
) -> None:
    site, unit = folder / "shop.conf", folder / "system" / "nginx.service.d" / "fleet.conf"
    server = FakeServer(watched=unit, active=active)
    wanted = Wanted(changes({site: "server"}), changes({unit: "unit"}))

    applied = apply(wanted, server, pending)

    assert list(zip(server.asked, server.seen, strict=True)) == [
        ("test", "nothing"),
        ("confine", "nothing"),
        ("reread", "unit"),
        (last, "unit"),
    ]
    assert applied.steps.reread_units
    assert server.tested == wanted.config


def test_a_unit_alone_needs_no_reload(folder: Path, pending: Path) -> None:
    unit = folder / "fleet.conf"
    server = FakeServer()

    applied = apply(Wanted(units=changes({unit: "unit"})), server, pending)

    assert (applied.steps, applied.tested) == (Steps("none", reread_units=True), False)
    assert (server.asked, unit.read_text()) == (["confine", "reread"], "unit")
    assert not pending.exists()


def test_a_sandbox_under_which_the_server_would_not_start_is_refused(
    folder: Path, pending: Path
) -> None:
    unit = folder / "fleet.conf"
    server = FakeServer(confines="nginx refuses the new configuration: open() failed")

    with pytest.raises(ConfigError, match=r"^under the sandbox .* open.* failed; allow it by"):
        apply(Wanted(units=changes({unit: "unit"})), server, pending)

    assert (server.asked, unit.exists()) == (["confine"], False)


def test_a_unit_that_systemd_has_not_read_is_read(pending: Path) -> None:
    server = FakeServer()

    assert apply(Wanted(stale_units=True), server, pending).steps
    assert server.asked == ["reread"]


def test_units_come_back_when_the_server_does_not_take_the_files(
    folder: Path, pending: Path
) -> None:
    site, unit = folder / "shop.conf", folder / "fleet.conf"
    unit.write_text("old")
    server = FakeServer(takes=False, watched=unit)
    wanted = Wanted(changes({site: "server"}), changes({unit: "new"}))

    with pytest.raises(ConfigError, match=r"refuses the reload.*; the previous files are back"):
        apply(wanted, server, pending)

    assert list(zip(server.asked, server.seen, strict=True)) == [
        ("test", "old"),
        ("confine", "old"),
        ("reread", "new"),
        ("reload", "new"),
        ("reread", "old"),
        ("recover", "old"),
    ]
    assert not site.exists()


def test_units_come_back_when_systemd_does_not_read_them(folder: Path, pending: Path) -> None:
    unit = folder / "fleet.conf"

    with pytest.raises(ConfigError, match=r"refuses the reread.*; the previous files are back"):
        apply(Wanted(units=changes({unit: "new"})), FakeServer(rereads=False), pending)

    assert not unit.exists()


def test_check_tests_what_it_can_and_changes_nothing(folder: Path, pending: Path) -> None:
    site, unit = folder / "shop.conf", folder / "fleet.conf"
    wanted = Wanted(changes({site: "server"}), changes({unit: "unit"}))
    server = FakeServer(warnings=["conflict"])

    checked = check(wanted, server, pending, testable=True)

    assert (checked.tested, checked.warnings, server.asked) == (True, ["conflict"], ["test"])
    assert checked.steps == Steps("reloaded", reread_units=True)
    assert list(folder.iterdir()) == []
    assert not check(wanted, server, pending, testable=False).tested
    assert not check(Wanted(units=wanted.units), server, pending, testable=True).tested
    assert server.asked == ["test"]


def test_check_refuses_what_the_server_would(folder: Path, pending: Path) -> None:
    wanted = Wanted(changes({folder / "shop.conf": "servr"}))

    with pytest.raises(ConfigError, match=r"^no$"):
        check(wanted, FakeServer(refusal="no"), pending, testable=True)


def test_a_reason_is_told_once_and_with_its_effect() -> None:
    assert explain("nginx", "to start", ["taken", "taken"], "", "nothing is served") == (
        "nginx refuses to start: taken; nothing is served"
    )


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("haproxy", "'server shop/web1' : could not resolve address 'web1'."),
        ("nginx", 'host not found in set_real_ip_from "web1"'),
    ],
)
def test_a_name_that_only_ssh_knows_is_told_with_what_to_set(program: str, reason: str) -> None:
    told = explain(program, "it", [reason], "")
    assert told.startswith(
        f"{program} refuses it: {reason}; {program} serves what it served before"
    )
    assert "; this host cannot resolve the name web1: " in told
    assert told.endswith("set that host's fleet_address")
