"""Which security updates wait, as apt's own words say it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.survey import updates as module
from ansible_collections.asgi.fleet.plugins.module_utils.survey.updates import (
    installed,
    lists_at,
    security_archives,
    updates,
    waiting,
)

SECURITY = "http://mirror.example.com/debian-security bookworm-security/main amd64 Packages"
MAIN = "http://mirror.example.com/debian bookworm/main amd64 Packages"
NOBLE = "http://archive.ubuntu.com/ubuntu noble-security/main amd64 Packages"
MIRROR = "https://mirror.example.com/debian stable/main amd64 Packages"
ARCHIVES = f"""Package files:
 100 /var/lib/dpkg/status
     release a=now
 500 {SECURITY}
     release v=12,o=Debian,a=oldstable-security,n=bookworm-security,l=Debian-Security,c=main,b=amd64
     origin mirror.example.com
 500 {MAIN}
     release v=12.15,o=Debian,a=oldstable,n=bookworm,l=Debian,c=main,b=amd64
     origin mirror.example.com
 500 {NOBLE}
     release v=24.04,o=Ubuntu,a=noble-security,n=noble,l=Ubuntu,c=main,b=amd64
     origin archive.ubuntu.com
 500 {MIRROR}
     release o=Us,l=Debian-Security
 500 file:/srv/archive ./ Packages
     release o=not-security-at-all,a=local
Pinned packages:
     nginx -> 1.22.1-9 with priority 990
"""


def policy(package: str, *versions: tuple[str, str, list[str]]) -> str:
    """Return a block of `apt-cache policy`: marks, versions and their sources."""
    lines = [f"{package}:", "  Installed: x", "  Candidate: y", "  Version table:"]
    for mark, version, sources in versions:
        lines.append(f" {mark or '   '} {version} 500")
        lines += [f"        500 {source}" for source in sources]
    return "\n".join([*lines, ""])


def test_archive_of_security_updates_is_known_by_suite_codename_or_label() -> None:
    assert security_archives(ARCHIVES) == {SECURITY, NOBLE, MIRROR}


INSTALLED = ("***", "1.22.1-9", [MAIN])
FIXED = ("", "1.22.1-9+deb12u6", [SECURITY])


@pytest.mark.parametrize(
    ("versions", "found"),
    [
        ([FIXED, INSTALLED], "1.22.1-9+deb12u6"),
        ([INSTALLED], ""),
        ([("***", "1.22.1-9+deb12u6", [SECURITY, MAIN]), ("", "1.22.1-9", [MAIN])], ""),
        # Newer than the fix, from an archive of other updates: it includes the fix.
        ([("", "1.23", [MAIN]), FIXED, INSTALLED], "1.22.1-9+deb12u6"),
        # Newer, but no security update.
        ([("", "1.23", [MAIN]), INSTALLED], ""),
        # Older than what is installed by hand.
        ([("***", "1.31", ["/var/lib/dpkg/status"]), FIXED], ""),
        ([("", "1.22.1-9+deb12u7", [SECURITY]), FIXED, INSTALLED], "1.22.1-9+deb12u7"),
    ],
    ids=["waits", "no", "installed", "superseded", "other", "newer", "two"],
)
def test_security_update_waits_if_it_is_newer_than_what_is_installed(
    versions: list[Any], found: str
) -> None:
    told = waiting(policy("nginx", *versions), [SECURITY], {"nginx": False})
    assert [one["version"] for one in told] == ([found] if found else [])
    assert all(one["installed"] == "1.22.1-9" for one in told)


def test_version_that_a_pin_forbids_does_not_wait() -> None:
    text = policy("nginx", FIXED, INSTALLED).replace("deb12u6 500", "deb12u6 -1")
    assert waiting(text, [SECURITY], {}) == []


def test_each_package_is_told_with_whether_it_is_held() -> None:
    text = policy("haproxy", FIXED, INSTALLED) + policy("nginx", FIXED, INSTALLED)
    told = waiting(text, [SECURITY], {"nginx": True, "haproxy": False})
    assert [(one["package"], one["held"]) for one in told] == [("haproxy", False), ("nginx", True)]


def test_installed_leaves_out_what_dpkg_only_knows_of() -> None:
    listing = (
        "installed\tinstall\tnginx\nnot-installed\tunknown\tnginx-full\n"
        "config-files\tdeinstall\thaproxy\ninstalled\thold\tlibssl3\ninstalled\thold\tlibssl3\n"
    )
    assert installed(listing) == {"libssl3": True, "nginx": False}


def test_age_of_the_lists_is_that_of_the_newest_sign(tmp_path: Path) -> None:
    for name, at in (("lists", 1000), ("stamp", 2000)):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (at, at))
    assert lists_at([f"{tmp_path}/{name}" for name in ("lists", "stamp", "gone")]) == 2000
    assert lists_at([]) == 0


def test_updates_ask_apt_of_the_packages_that_are_installed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked = []

    def ask(*command: str) -> str:
        asked.append(command)
        if command[0] == "dpkg-query":
            return "installed\tinstall\tnginx\n"
        return policy("nginx", FIXED, INSTALLED) if command[2:] else ARCHIVES

    (tmp_path / "reboot").touch()
    (tmp_path / "reboot.pkgs").write_text("linux-base\nlinux-image-amd64\nlinux-base\n")
    monkeypatch.setattr(module, "REBOOT", f"{tmp_path}/reboot")
    monkeypatch.setattr(module, "_ask", ask)
    found = updates()
    assert [one["package"] for one in found["waiting"]] == ["nginx"]
    assert (found["reboot_required"], found["error"]) == (True, "")
    assert found["reboot_packages"] == ["linux-base", "linux-image-amd64"]
    assert asked[-1] == ("apt-cache", "policy", "nginx")


@pytest.mark.parametrize("error", [FileNotFoundError("apt"), subprocess.TimeoutExpired("apt", 20)])
def test_updates_tell_why_apt_could_not_be_asked(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def ask(*_: str) -> str:
        raise error

    monkeypatch.setattr(module, "_ask", ask)
    found = updates()
    assert (found["waiting"], found["error"]) == ([], str(error))
