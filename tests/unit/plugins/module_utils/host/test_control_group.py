"""Ending what a stopped unit has left behind."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.host import control_group, systemd
from ansible_collections.asgi.fleet.plugins.module_utils.host.systemd import Refusal

GROUP = "/system.slice/system-shop.slice/shop@blue.service"
V1 = "9:name=systemd:{0}\n3:memory:/\n0::{0}\n"
V2 = "0::{0}\n"


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """A /proc with processes of this unit, of another one, and one that has just ended."""
    for pid, text in {
        "11": V1.format(GROUP),
        "2": V2.format(GROUP),
        "13": V2.format(f"{GROUP}/below"),
        "14": V2.format(GROUP.replace("blue", "green")),
        "15": V2.format(f"{GROUP}s"),
        "16": "",
    }.items():
        (tmp_path / pid).mkdir()
        (tmp_path / pid / "cgroup").write_text(text)
    (tmp_path / "17").mkdir()
    (tmp_path / "self").mkdir()
    return tmp_path


def test_members_are_those_of_the_group_and_below(proc: Path) -> None:
    assert control_group.members(GROUP, str(proc)) == [2, 11, 13]


def test_group_that_systemd_has_forgotten_has_none(proc: Path) -> None:
    assert control_group.members("", str(proc)) == []


def played(
    monkeypatch: pytest.MonkeyPatch, looks: list[list[int]], group: str = GROUP
) -> list[tuple[str, ...]]:
    """Have systemd and /proc be played; return the calls of systemctl."""
    calls: list[tuple[str, ...]] = []

    def systemctl(*arguments: str, **_: bool) -> str:
        if arguments[0] == "show":
            return f"ControlGroup={group}\n"
        calls.append(arguments)
        return ""

    monkeypatch.setattr(systemd, "systemctl", systemctl)
    monkeypatch.setattr(
        control_group, "members", lambda _group: looks.pop(0) if len(looks) > 1 else looks[0]
    )
    return calls


def test_end_kills_until_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = played(monkeypatch, [[7, 8], [9], []])
    assert control_group.end("shop@blue.service") == [7, 8]
    assert calls == [("kill", "--signal=KILL", "shop@blue.service")] * 2


def test_end_of_a_unit_that_left_nothing_kills_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert played(monkeypatch, [[]]) == []
    assert control_group.end("shop@blue.service") == []


def test_end_refuses_when_the_kernel_holds_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    played(monkeypatch, [[7, 8]])
    with pytest.raises(Refusal, match=r"its processes 7, 8 are still there 0\.1 s after"):
        control_group.end("shop@blue.service", patience=0.1)
