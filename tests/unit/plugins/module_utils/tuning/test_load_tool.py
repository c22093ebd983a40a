"""The load tool: the host's own, or unpacked from packages that a played apt-get has fetched."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.host import apt, apt_sources
from ansible_collections.asgi.fleet.plugins.module_utils.host.systemd import Refusal
from ansible_collections.asgi.fleet.plugins.module_utils.tuning import load_tool

#: Fetches two packages into the folder that it is told, and notes what it was asked.
APT = """#!/bin/sh
echo "$@" >> {calls}
for option; do case $option in Dir::Cache::archives=*) folder=${{option#*=}};; esac; done
touch $folder/wrk.deb $folder/luajit.deb
"""
#: Makes of each package the one file that it would have.
DPKG = """#!/bin/sh
mkdir -p "$3/usr/bin" "$3/usr/lib/x86_64-linux-gnu"
case $2 in
*wrk.deb) touch "$3/usr/bin/wrk";;
*) touch "$3/usr/lib/x86_64-linux-gnu/libluajit.so";;
esac
"""


@pytest.fixture(autouse=True)
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host without the tool, and with the two programs."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "apt-get").write_text(APT.format(calls=tmp_path / "calls"))
    (folder / "dpkg-deb").write_text(DPKG)
    for program in folder.iterdir():
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    monkeypatch.setattr(apt, "wait_until_free", lambda _seconds: "")
    monkeypatch.setattr(apt_sources, "refresh", lambda _names: [])
    return folder


def test_tool_of_the_host_is_used_and_nothing_is_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: "/usr/bin/wrk")
    assert load_tool.find(str(tmp_path / "tune")) == load_tool.LoadTool("/usr/bin/wrk")
    assert not (tmp_path / "calls").exists()


def test_tool_is_unpacked_with_its_libraries_and_not_installed(tmp_path: Path) -> None:
    folder = tmp_path / "tune"
    # What a killed run has left.
    (folder / "root" / "usr" / "bin").mkdir(parents=True)
    found = load_tool.find(str(folder))
    assert found.program == f"{folder}/root/usr/bin/wrk"
    assert found.libraries == f"{folder}/root/usr/lib/x86_64-linux-gnu"
    assert Path(found.program).exists()
    assert "--download-only" in (tmp_path / "calls").read_text()


def test_package_that_cannot_be_had_is_refused_with_apts_reason(
    commands: Path, tmp_path: Path
) -> None:
    (commands / "apt-get").write_text(
        "#!/bin/sh\necho 'E: Unable to locate package wrk' >&2\nexit 100\n"
    )
    told = r"wrk is not installed, and apt-get cannot get it: E: Unable to locate package wrk; inst"
    with pytest.raises(Refusal, match=told):
        load_tool.find(str(tmp_path / "tune"))


def test_apt_that_is_in_use_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(_seconds: float) -> str:
        raise apt.AptError("apt on this host is in use")

    monkeypatch.setattr(apt, "wait_until_free", busy)
    with pytest.raises(Refusal, match=r"apt on this host is in use"):
        load_tool.find(str(tmp_path / "tune"))
