"""Package sources that fail: named with their file, and passed over where they are not needed."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.host import apt_sources
from ansible_collections.asgi.fleet.plugins.module_utils.host.apt import AptError

DEAD = (
    "Err:1 https://packages.example.com/tool stable InRelease\n  Unable to connect\n"
    "W: Failed to fetch https://packages.example.com/tool/dists/stable/InRelease  Unable to connect"
    " to packages.example.com:https:\n"
    "W: Some index files failed to download. They have been ignored, or old ones used instead.\n"
)
UNSIGNED = (
    "W: An error occurred during the signature verification. The repository is not updated and the "
    "previous index files will be used. GPG error: http://deb.example.com/x trixie InRelease: The "
    "following signatures couldn't be verified because the public key is not available: "
    "NO_PUBKEY 0123456789ABCDEF\n"
    "W: Failed to fetch http://deb.example.com/x/dists/trixie/InRelease  NO_PUBKEY\n"
)
RENAMED = (
    "E: Repository 'http://deb.example.com/x trixie InRelease' changed its 'Suite' value from "
    "'testing' to 'stable'\n"
)
MALFORMED = (
    "E: Malformed entry 1 in list file /etc/apt/sources.list.d/x.list (Suite)\n"
    "E: The list of sources could not be read.\n"
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A host with a list of its distribution, and two sources of others."""
    sources = tmp_path / "etc/apt/sources.list.d"
    sources.mkdir(parents=True)
    (sources / "tool.list").write_text(
        "# deb http://deb.example.com/x/y old main\n"
        "deb [signed-by=/x.asc] https://packages.example.com/tool stable main\n"
    )
    (sources / "x.sources").write_text(
        "Types: deb\nURIs: http://deb.example.com/x/\nSuites: trixie\nComponents: main\n"
    )
    lists = tmp_path / "var/lib/apt/lists/partial"
    lists.mkdir(parents=True)
    (lists.parent / "deb.example.com_x_dists_trixie_main_binary-amd64_Packages").touch()
    return tmp_path


@pytest.mark.parametrize(
    ("output", "begins", "says"),
    [
        (
            DEAD,
            "Failed to fetch https://packages",
            ["(named in /etc/apt/sources.list.d/tool.list)"],
        ),
        (
            UNSIGNED,
            "An error occurred during the signature",
            ["(named in /etc/apt/sources.list.d/x.sources)", "its key is missing or has expired"],
        ),
        (RENAMED, "Repository 'http", ["`apt-get update --allow-releaseinfo-change` on the host"]),
    ],
)
def test_failure_is_told_once_with_the_file_of_its_source(
    root: Path, output: str, begins: str, says: list[str]
) -> None:
    (told,) = apt_sources.failures(output, root)
    assert told.startswith(begins)
    for text in says:
        assert text in told


def test_file_that_apt_cannot_read_is_told(root: Path) -> None:
    assert apt_sources.failures(MALFORMED, root)[0].startswith(
        "Malformed entry 1 in list file /etc/apt/sources.list.d/x.list"
    )


@pytest.fixture
def tools(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """apt's programs: what update prints, how it exits, and which packages are known then."""

    def made(printed: str = "", status: int = 0, known: str = "") -> list[str]:
        calls: list[str] = []

        def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:  # noqa: ANN401
            calls.append(f"{command[0]} {command[-1]}")
            if command[0] == "apt-cache":
                policy = f"{known}:\n  Candidate: 1\n" if known else ""
                return subprocess.CompletedProcess(command, 0, policy, "")
            return subprocess.CompletedProcess(command, status, "", printed)

        monkeypatch.setattr(subprocess, "run", run)
        return calls

    return made


def test_fresh_lists_that_know_the_package_are_not_fetched(
    root: Path, tools: Callable[..., list[str]]
) -> None:
    calls = tools(known="nginx")
    assert apt_sources.refresh(["nginx"], root=root) == []
    assert calls == ["apt-cache nginx"]


def test_old_lists_are_fetched(root: Path, tools: Callable[..., list[str]]) -> None:
    calls = tools(known="nginx")
    for folder in apt_sources.LISTS:
        os.utime(root / folder, (1, 1))
    assert apt_sources.refresh(["nginx"], root=root) == []
    assert "apt-get update" in calls


def test_image_without_lists_fetches_them(tmp_path: Path, tools: Callable[..., list[str]]) -> None:
    calls = tools(known="nginx")
    (tmp_path / "var/lib/apt/lists").mkdir(parents=True)
    apt_sources.refresh(["nginx"], root=tmp_path)
    assert calls[0] == "apt-get update"


@pytest.mark.parametrize(("printed", "status"), [(DEAD, 0), (UNSIGNED, 0), (RENAMED, 100)])
def test_dead_source_is_passed_over_where_the_others_have_the_package(
    root: Path, tools: Callable[..., list[str]], printed: str, status: int
) -> None:
    tools(f"Hit:2 http://deb.example.com/y trixie InRelease\n{printed}", status, known="nginx")
    (warning,) = apt_sources.refresh(["nginx"], valid=0, root=root)
    assert warning.startswith("a package source of this host was passed over: ")


def test_upgrade_from_nowhere_is_refused(root: Path, tools: Callable[..., list[str]]) -> None:
    tools(DEAD, known="nginx")
    with pytest.raises(AptError, match="can fetch none of its package lists") as refused:
        apt_sources.refresh([], valid=0, root=root)
    assert "/etc/apt/sources.list.d/tool.list" in str(refused.value)
    # What is to be installed is known all the same.
    for folder in apt_sources.LISTS:
        os.utime(root / folder, (1, 1))
    assert len(apt_sources.refresh(["nginx"], root=root)) == 1


def test_dead_source_is_refused_where_it_may_have_the_package(
    root: Path, tools: Callable[..., list[str]]
) -> None:
    tools(DEAD, known="nginx")
    with pytest.raises(AptError) as refused:
        apt_sources.refresh(["nginx", "tool"], root=root)
    assert str(refused.value).startswith(
        "apt on this host does not know tool, and not all package lists can be fetched: Failed to "
    )
    assert "/etc/apt/sources.list.d/tool.list" in str(refused.value)


def test_package_that_no_source_has_is_left_to_apt(
    root: Path, tools: Callable[..., list[str]]
) -> None:
    tools(known="nginx")
    assert apt_sources.refresh(["unheard-of"], root=root) == []


def test_host_that_has_no_lists_and_gets_none_is_told_the_packages(
    tmp_path: Path, tools: Callable[..., list[str]]
) -> None:
    said = (
        "Err:1 http://deb.example.com/debian trixie InRelease\n"
        "  Temporary failure resolving 'deb.example.com'\n"
        "E: The repository 'http://deb.example.com/debian trixie Release' does not have a Release "
        "file.\n"
    )
    tools(said, 100)
    with pytest.raises(AptError) as refused:
        apt_sources.refresh(["nginx", "ufw"], root=tmp_path)
    told = str(refused.value)
    assert "does not reach where they are (Temporary failure resolving 'deb.example.com')" in told
    assert "`apt-get install ./*.deb`: nginx ufw; then run" in told
    assert "\n" not in told
