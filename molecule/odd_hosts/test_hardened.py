"""A hardened host: the log-in is restricted, file systems are, and apt is not at hand."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from odd import Jump, Odd

PASSWORD = "the password of op"
#: A log-in by sudo with a password and a log, every umask 077, and no program in /tmp or a home.
HARDEN = f"""
set -eu
! id op >/dev/null 2>&1 || exit 0
useradd --create-home --shell /bin/bash op
echo 'op:{PASSWORD}' | chpasswd
install --directory --mode=0700 --owner=op /home/op/.ssh
install --mode=0600 --owner=op /root/.ssh/authorized_keys /home/op/.ssh/authorized_keys
umask 022
cat >/etc/sudoers.d/hardened <<'SUDOERS'
Defaults umask=0077, umask_override, use_pty, lecture=always, log_output
op ALL=(ALL:ALL) ALL
SUDOERS
sed --in-place 's/^UMASK.*/UMASK 077/' /etc/login.defs
echo 'session optional pam_umask.so umask=077' >>/etc/pam.d/common-session
for file in /etc/profile /root/.bashrc /home/op/.bashrc; do
  sed --in-place '1i umask 077' $file
done
sed --in-place '1i echo A welcome to every log-in' /home/op/.bashrc
for folder in /tmp /var/tmp /dev/shm; do
  mount --types tmpfs --options noexec,nosuid,nodev,mode=1777 tmpfs $folder
done
mount --bind /home /home
mount --options remount,bind,noexec,nosuid,nodev /home
"""
#: A source of somebody else whose server is gone.
DEAD = "/etc/apt/sources.list.d/dead.list"
#: What everybody must be able to read.
PUBLIC = (
    "/opt/uv /opt/hard /etc/hard /etc/nginx /etc/systemd/system/nginx.service.d"
    " /etc/sysctl.d/60-asgi-fleet.conf /etc/needrestart /etc/systemd/journald.conf.d"
)
#: Whom the operator logs in as, and the language of his own machine.
LOGIN = {
    "ansible_user": "op",
    "ansible_become_password": PASSWORD,
    "ansible_ssh_extra_args": "-o SetEnv=LC_ALL=de_DE.UTF-8 -o SetEnv=LANGUAGE=de",
}
APPLICATION = {"app_name": "hard", "app_domain": "hard.example.com"}


@pytest.fixture(scope="module")
def host(hard: Odd) -> Odd:
    """The host, hardened, with a dead package source."""
    hard.shell(HARDEN)
    hard.shell(f"umask 022; echo 'deb http://127.0.0.1:9/debian stable main' > {DEAD}")
    # The lab has just fetched the lists.
    hard.shell("touch --date='2 hours ago' /var/lib/apt/lists /var/lib/apt/lists/partial")
    assert hard.shell("umask") == "0077"
    return hard


@pytest.fixture(scope="module")
def deployed(host: Odd) -> str:
    """What a first deploy at this host printed."""
    result = host.play("../deploy", **LOGIN, **APPLICATION)
    assert result.returncode == 0, result.stdout[-6000:]
    # Ansible prints its warnings to standard error.
    return result.stdout + result.stderr


@contextmanager
def held(host: Odd, lock: str) -> Iterator[None]:
    """Hold a lock of apt, by a program with the name of the one that does so on real hosts."""
    program = "/usr/local/sbin/unattended-upgrade"
    lines = ["import fcntl, time", f"f = open('{lock}', 'w')", "fcntl.lockf(f, fcntl.LOCK_EX)"]
    script = "; ".join([*lines, "time.sleep(300)"])
    host.shell(f'umask 022; echo "{script}" > {program}')
    host.shell(f"systemd-run --quiet --unit=holder --collect python3 {program}")
    time.sleep(1)
    try:
        yield
    finally:
        host.shell("systemctl stop holder.service")


@contextmanager
def without_sudo(host: Odd) -> Iterator[None]:
    """Take sudo away."""
    host.shell("mv /usr/bin/sudo /usr/bin/sudo.away")
    try:
        yield
    finally:
        host.shell("mv /usr/bin/sudo.away /usr/bin/sudo")


def releases(host: Odd) -> int:
    """Count the releases of the application."""
    return int(host.shell("ls /opt/hard/releases | wc --lines"))


def ask_packages(host: Odd, arguments: str) -> str:
    """Run the module for packages by itself."""
    playbook = host.command("release")
    inventories = [word for word in playbook if word.startswith(("--inventory", "--limit"))]
    command = ["ansible", *inventories, host.name, "--module-name=asgi.fleet.packages"]
    result = subprocess.run(
        [*command, f"--args={arguments}"], capture_output=True, text=True, check=False
    )
    return " ".join(result.stdout.split())


def visited(host: Odd, name: str) -> str:
    """Return what the live slot answers."""
    return host.shell(
        f"curl --silent --fail --unix-socket /var/lib/{name}/live.sock http://{name}.example.com/"
    )


@pytest.mark.usefixtures("deployed")
def test_first_deploy_by_a_restricted_login_serves(host: Odd) -> None:
    assert "message" in visited(host, "hard")
    closed = host.shell(
        # Releases, environments and keys are for the accounts that need them.
        f"find {PUBLIC} -not -type l -not -path '/opt/hard/releases/?*'"
        " -not -name environment -not -name privkey.pem"
        " \\( -not -perm -o=r -o -type d -not -perm -o=x \\) -print"
    )
    assert closed == ""


def test_dead_source_is_passed_over_and_named(deployed: str) -> None:
    said = " ".join(deployed.split())
    assert "a package source of this host was passed over: " in said
    assert f"(named in {DEAD})" in said


@pytest.mark.usefixtures("deployed")
def test_release_over_a_bastion_asks_neither_apt_nor_as_root_sudo(
    host: Odd, full: Odd, tmp_path: Path
) -> None:
    jump, since = Jump.over(full, host, tmp_path), f"@{host.shell('date +%s')}"
    before = releases(host)
    with held(host, "/var/lib/dpkg/lock-frontend"), without_sudo(host):
        host.succeed(
            "release",
            **APPLICATION,
            **jump.proxied,
            app_source=host.new_version(),
            app_system_packages=["curl"],
            fleet_soak_seconds=0,
        )
    assert jump.log_ins(host, since)
    assert "message" in visited(host, "hard")
    assert releases(host) > before


def test_who_holds_the_lock_of_apt_is_named(host: Odd) -> None:
    with held(host, "/var/lib/apt/lists/lock"):
        said = ask_packages(host, "name=hello wait_seconds=2")
    assert "apt on this host is in use: unattended-upgrade (pid " in said
    assert "holds /var/lib/apt/lists/lock, for more than 2 seconds" in said


@pytest.mark.usefixtures("deployed")
def test_needrestart_leaves_alone_what_carries_requests(host: Odd) -> None:
    # What needrestart does at its start, with the names that it would restart.
    script = (
        'our %nrconf; do "/etc/needrestart/conf.d/60-asgi-fleet.conf"; for my $unit (@ARGV) {'
        " print $unit, qq( ) if grep { $unit =~ /$_/ } keys %{$nrconf{override_rc}} }"
    )
    units = "nginx.service haproxy.service hard@blue.service ssh.service nginx-exporter.service"
    assert host.shell(f"perl -e '{script}' {units}").split() == units.split()[:3]


def test_missing_sudo_is_told_with_what_to_do(host: Odd) -> None:
    with without_sudo(host):
        host.refused(
            "release",
            "sudo is not installed on odd-hard, so op cannot become root; log in as root",
            **LOGIN,
            **APPLICATION,
        )


def test_missing_password_is_told_with_what_to_type(host: Odd) -> None:
    host.refused(
        "release",
        "sudo on odd-hard asks op for a password, and none is given; run again with -K",
        **{**LOGIN, "ansible_become_password": ""},
        **APPLICATION,
    )


def test_folder_that_forbids_programs_is_refused_before_anything_changes(host: Odd) -> None:
    host.shell("mount --bind /opt /opt && mount --options remount,bind,noexec /opt")
    try:
        host.refused(
            "provision",
            "the file system of /opt is mounted noexec, and releases are programs that run from",
            "nothing was changed",
            **LOGIN,
            app_name="forbidden",
            app_domain="forbidden.example.com",
        )
    finally:
        host.shell("umount /opt")
    host.shell("! test -e /opt/forbidden && ! id forbidden 2>/dev/null")
