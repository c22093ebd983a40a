"""Whether apt can work on a host: who else uses it, and what it left undone."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.host import apt

LISTING = (
    "installed\tnginx\tamd64\t1.26.3-3\thttpd, httpd-cgi, nginx-abi-1.26.1-1 (= 1)\n"
    "config-files\thaproxy\tamd64\t3.0.1\t\n"
    "installed\tlibpq5\tamd64\t17.6-0+deb13u1\t\n"
)


@pytest.mark.parametrize(
    ("names", "missing"),
    [
        (["nginx", "libpq5:amd64", "httpd"], []),
        # Removed, but for its configuration.
        (["haproxy", "nginx"], ["haproxy"]),
        (["libpq5=17.6-0+deb13u1", "libpq5=17.*", "libpq5=16.*"], ["libpq5=16.*"]),
        (["libpq5:i386", "nginx/trixie-backports"], ["libpq5:i386", "nginx/trixie-backports"]),
    ],
)
def test_what_is_missing_is_what_dpkg_does_not_have(names: list[str], missing: list[str]) -> None:
    assert apt.missing(names, LISTING) == missing


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[int]:
    """A process that holds dpkg's lock."""
    lock = tmp_path / "var/lib/dpkg/lock-frontend"
    lock.parent.mkdir(parents=True)
    script = "import fcntl, sys; f = open(sys.argv[1], 'w'); fcntl.lockf(f, fcntl.LOCK_EX)"
    command = [sys.executable, "-c", f"{script}; print('held', flush=True); input()", str(lock)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process.pid
        process.kill()


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds

    def now(self) -> float:
        return self.seconds


def test_holder_of_the_lock_is_waited_for_and_named(tmp_path: Path, holder: int) -> None:
    process = tmp_path / "proc" / str(holder)
    process.mkdir(parents=True)
    (process / "cmdline").write_bytes(b"/usr/bin/python3\0-u\0/usr/bin/unattended-upgrade\0-d\0")
    clock = Clock()
    with pytest.raises(apt.AptError) as refused:
        apt.wait_until_free(300, root=tmp_path, sleep=clock.sleep, now=clock.now)
    assert clock.seconds == 300
    assert str(refused.value).startswith(
        f"apt on this host is in use: unattended-upgrade (pid {holder}) holds "
        "/var/lib/dpkg/lock-frontend, for more than 300 seconds; run the same command again"
    )


def test_host_whose_first_boot_has_not_ended_is_waited_for(tmp_path: Path) -> None:
    run = tmp_path / "run/cloud-init"
    run.mkdir(parents=True)
    (run / "status.json").touch()
    clock = Clock()

    def sleep(seconds: float) -> None:
        clock.sleep(seconds)
        if clock.seconds == 7:
            (run / "result.json").touch()

    waited = apt.wait_until_free(300, root=tmp_path, sleep=sleep, now=clock.now)
    assert waited.startswith("cloud-init still prepares the host")
    assert clock.seconds == 7


def test_cloud_init_that_never_ends_does_not_stop_what_needs_only_apt(tmp_path: Path) -> None:
    run = tmp_path / "run/cloud-init"
    run.mkdir(parents=True)
    (run / "status.json").touch()
    clock = Clock()
    assert apt.wait_until_free(30, root=tmp_path, sleep=clock.sleep, now=clock.now)
    assert clock.seconds == 30


def test_free_host_is_not_waited_for(tmp_path: Path) -> None:
    assert apt.wait_until_free(0, root=tmp_path) == ""


def test_interrupted_dpkg_is_refused_with_what_to_type(tmp_path: Path) -> None:
    updates = tmp_path / apt.UPDATES
    updates.mkdir(parents=True)
    (updates / "tmp.i").touch()
    apt.refuse_interrupted(tmp_path)
    (updates / "0003").touch()
    with pytest.raises(apt.AptError, match=r"run `dpkg --configure -a` on the host as root"):
        apt.wait_until_free(0, root=tmp_path)


@pytest.mark.parametrize(
    ("command", "name"),
    [
        (b"apt-get\0install\0nginx\0", "apt-get"),
        (b"/usr/bin/perl\0-w\0/usr/bin/debconf\0", "debconf"),
        (b"/bin/sh\0/usr/lib/apt/apt.systemd.daily\0install\0", "apt.systemd.daily"),
        (b"sh\0", "sh"),
        (b"", "a process"),
    ],
)
def test_program_is_the_script_and_not_its_interpreter(
    tmp_path: Path, command: bytes, name: str
) -> None:
    (tmp_path / "812").mkdir()
    (tmp_path / "812" / "cmdline").write_bytes(command)
    assert apt.program(812, tmp_path) == name


def test_known_is_what_has_a_candidate() -> None:
    policy = (
        "nginx:\n  Installed: (none)\n  Candidate: 1.26.3-3\n"
        "gone:\n  Installed: 1\n  Candidate: (none)\n"
        "libc6:i386:\n  Installed: (none)\n  Candidate: 2.41\n"
    )
    names = ["nginx=1.*", "gone", "libc6:i386", "unheard-of"]
    assert apt.is_known(names, policy) == ["nginx=1.*", "libc6:i386"]
