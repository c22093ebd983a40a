"""The transaction: tested first, put back when haproxy does not take it."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.servers.haproxy import (
    HaproxyConfigError,
    apply_changes,
    explain_refusal,
    require_valid,
    with_renewed,
)
from ansible_collections.asgi.fleet.plugins.module_utils.servers.nginx import (
    Changes,
    Verdict,
    plan_changes,
    read_current,
)

# Of HAProxy 2.6.12.
REFUSED = """[NOTICE]   (9) : haproxy version is 2.6.12-1+deb12u4
[ALERT]    (9) : config : parsing [/etc/haproxy/haproxy.cfg:12] : unknown keyword 'bnd'
[ALERT]    (9) : config : Error(s) found in configuration file : /etc/haproxy/haproxy.cfg
[ALERT]    (9) : config : Fatal errors found in configuration.
"""


class FakeHaproxy:
    """A haproxy that takes what it is told to."""

    def __init__(self, *, valid: bool = True, running: bool = True, takes: bool = True) -> None:
        self.valid, self.is_running, self.takes = valid, running, takes
        self.calls: list[str] = []

    def test(self, changes: Changes) -> Verdict:
        assert isinstance(changes, Changes)
        self.calls.append("test")
        return Verdict(self.valid, "" if self.valid else REFUSED)

    def running(self) -> bool:
        return self.is_running

    def start(self) -> None:
        self._take("start")

    def reload(self) -> None:
        self._take("reload")

    def _take(self, call: str) -> None:
        self.calls.append(call)
        if not self.takes:
            raise HaproxyConfigError(f"haproxy refuses the {call}")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "haproxy.cfg"
    path.write_text("old\n")
    return path


def change(file: Path, text: str = "new\n") -> Changes:
    return plan_changes({str(file): text}, [], read_current([str(file)]))


def test_change_is_tested_written_and_reloaded(file: Path, tmp_path: Path) -> None:
    haproxy = FakeHaproxy()
    outcome = apply_changes(change(file), haproxy, tmp_path / "pending", wanted=False)
    assert (outcome.action, haproxy.calls) == ("reloaded", ["test", "reload"])
    assert file.read_text() == "new\n"
    assert not (tmp_path / "pending").exists()


def test_refused_change_touches_nothing(file: Path, tmp_path: Path) -> None:
    haproxy = FakeHaproxy(valid=False)
    with pytest.raises(HaproxyConfigError) as refusal:
        apply_changes(change(file), haproxy, tmp_path / "pending", wanted=False)
    assert str(refusal.value) == (
        "haproxy refuses the new configuration: parsing [/etc/haproxy/haproxy.cfg:12] : unknown "
        "keyword 'bnd'; haproxy serves what it served before"
    )
    assert (file.read_text(), haproxy.calls) == ("old\n", ["test"])


def test_failed_reload_puts_the_files_back_and_frees_the_master(file: Path, tmp_path: Path) -> None:
    haproxy = FakeHaproxy(takes=False)
    with pytest.raises(HaproxyConfigError, match="the reload; the previous files are back"):
        apply_changes(change(file), haproxy, tmp_path / "pending", wanted=False)
    assert (file.read_text(), haproxy.calls) == ("old\n", ["test", "reload", "reload"])


def test_failed_start_puts_the_files_back(file: Path, tmp_path: Path) -> None:
    haproxy = FakeHaproxy(running=False, takes=False)
    with pytest.raises(HaproxyConfigError, match="the start; the previous files are back"):
        apply_changes(change(file), haproxy, tmp_path / "pending", wanted=False)
    assert (file.read_text(), haproxy.calls) == ("old\n", ["test", "start"])


def test_nothing_is_done_for_files_that_are_there(file: Path, tmp_path: Path) -> None:
    haproxy = FakeHaproxy()
    outcome = apply_changes(change(file, "old\n"), haproxy, tmp_path / "pending", wanted=False)
    assert (outcome.action, haproxy.calls) == ("none", [])


def test_run_torn_apart_before_its_reload_is_made_up_for(file: Path, tmp_path: Path) -> None:
    haproxy = FakeHaproxy()
    outcome = apply_changes(change(file, "old\n"), haproxy, tmp_path / "pending", wanted=True)
    assert outcome.action == "reloaded"


def test_warnings_are_told_but_not_that_a_server_is_drained() -> None:
    class Chatty(FakeHaproxy):
        def test(self, changes: Changes) -> Verdict:
            super().test(changes)
            return Verdict(
                ok=True,
                output="[WARNING]  (9) : config : Server shop/a remains in forced drain mode.\n"
                "[WARNING]  (9) : config : log format ignored\n",
            )

    assert require_valid(Changes(), Chatty()) == ["log format ignored"]


def test_refusal_without_an_alert_shows_the_end_of_the_output() -> None:
    assert (
        explain_refusal("it", "killed")
        == "haproxy refuses it: killed; haproxy serves what it served before"
    )
    assert "nothing was logged" in explain_refusal("it", "")


def pem(text: str) -> str:
    return f"-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n"


def test_renewed_certificate_is_known_beside_the_one_of_before() -> None:
    assert with_renewed({"/a": pem("new")}, {"/a": pem("old")}) == {"/a": pem("new") + pem("old")}
    assert with_renewed({"/a": pem("3")}, {"/a": pem("2") + pem("1")}) == {
        "/a": pem("3") + pem("2")
    }


def test_certificate_that_is_known_or_of_no_server_is_left_alone() -> None:
    assert with_renewed({"/a": pem("1")}, {"/a": pem("1")}) == {}
    assert with_renewed({"/a": pem("2")}, {"/a": pem("2") + pem("1")}) == {}
    assert with_renewed({"/a": pem("1")}, {"/a": None}) == {}
