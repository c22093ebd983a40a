"""Hosts that have root with a password, and nothing else; in the order in which it is lived."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from fresh import DROP_IN, PASSWORD, ROOT, Host, Operator, changed, kill_with_children

REFUSED = "Permission denied (publickey)."


def known(operator: Operator, *hosts: Host) -> None:
    """Do what the refusal says: ask for the keys, and add them."""
    for host in hosts:
        scan = ["ssh-keyscan", "-p", str(host.port), "127.0.0.1"]
        keys = subprocess.run(scan, capture_output=True, text=True, check=True).stdout
        # As the provider's console shows it.
        own = host.console("cat /etc/ssh/ssh_host_ed25519_key.pub").split()[1]
        assert own in keys
        with operator.known_hosts.open("a", encoding="utf-8") as file:
            file.write(keys)


@contextmanager
def setting(host: Host, path: str, text: str) -> Iterator[None]:
    """Have a text at the beginning of a file, and take it away again."""
    host.console(f"cp {path} /tmp/before 2>/dev/null || : >/tmp/before")
    host.console(f"printf '{text}' | cat - /tmp/before >{path}; systemctl reload ssh")
    try:
        yield
    finally:
        host.console(f"cat /tmp/before >{path}; systemctl reload ssh")


def test_unknown_host_key_ends_the_run_with_what_to_do(
    operator: Operator, plain: Host, minimal: Host
) -> None:
    result = operator.bootstrap(plain, minimal, password=True)
    assert result.returncode != 0
    for host in (plain, minimal):
        assert (
            f"this machine does not know the host key of {host.name} ([127.0.0.1]:{host.port})"
        ) in result.stdout
        assert f"type: ssh-keyscan -p {host.port} 127.0.0.1 >> ~/.ssh/known_hosts" in result.stdout
    known(operator, plain, minimal)
    result = operator.bootstrap(plain)
    assert "no password was given (-k asks for it)" in result.stdout


def test_check_mode_says_what_it_would_do(operator: Operator, plain: Host, minimal: Host) -> None:
    result = operator.bootstrap(plain, minimal, password=True, check=True)
    assert result.returncode == 0, result.stdout
    for text in (
        "keys for deploy: ada@laptop",
        "boot-trixie: would make the account deploy, without a password",
        "boot-trixie: would let deploy become root without a password: /etc/sudoers.d/99-asgi-",
        f"boot-trixie: would close root and passwords for SSH: {DROP_IN}",
        "boot-bookworm: would install python3, which Ansible's modules need",
    ):
        assert text in result.stdout
    for host in (plain, minimal):
        host.console(f"! id deploy 2>/dev/null && ! test -e {DROP_IN}")
        assert host.ssh("root", "id -u", PASSWORD) == "0"


def test_account_gets_in_and_the_first_way_is_closed(
    operator: Operator, plain: Host, minimal: Host
) -> None:
    result = operator.bootstrap(plain, minimal, password=True)
    assert result.returncode == 0, result.stdout
    for host in (plain, minimal):
        assert f"{host.name}: root was tried, and is refused" in result.stdout
        assert host.ssh("deploy", "sudo -n id -u") == "0"
        assert host.ssh("root", password=PASSWORD).endswith(REFUSED)
        assert host.ssh("deploy", password="anything").endswith(REFUSED)
        assert host.console("systemctl is-active asgi-fleet-login-undo.timer || :") == "inactive"
    assert "write into the inventory, for boot-trixie, boot-bookworm: ansible_user: deploy" in (
        result.stdout
    )


def test_second_run_changes_nothing(operator: Operator, plain: Host, minimal: Host) -> None:
    for given in (False, True):
        result = operator.bootstrap(plain, minimal, password=given)
        assert result.returncode == 0, result.stdout
        assert changed(result.stdout) == [0, 0]
        assert "boot-trixie: nothing to do; deploy gets in, as it should be" in result.stdout


def test_further_key_is_added_and_none_removed(operator: Operator, plain: Host) -> None:
    plain.console("echo '# mine' >>/home/deploy/.ssh/authorized_keys")
    before = plain.console("cat /home/deploy/.ssh/authorized_keys")
    other = operator.folder / "other"
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "bob@desk", "-f", str(other)]
    subprocess.run(command, check=True)
    result = operator.bootstrap(plain, bootstrap_keys=[f"{operator.key}.pub", f"{other}.pub"])
    assert "let in by /home/deploy/.ssh/authorized_keys: bob@desk" in result.stdout
    after = plain.console("cat /home/deploy/.ssh/authorized_keys")
    assert after.splitlines()[:-1] == before.splitlines()
    assert after.endswith("bob@desk")


def test_wrong_key_closes_nothing(operator: Operator, plain: Host) -> None:
    plain.reopen()
    other = f"{operator.folder / 'other'}.pub"
    result = operator.bootstrap(
        plain, password=True, bootstrap_user="carol", bootstrap_keys=[other]
    )
    assert result.returncode != 0
    assert "carol has its account on boot-trixie, but does not get in" in result.stdout
    assert "nothing was closed, and root gets in as before" in result.stdout
    assert not plain.is_closed
    assert plain.ssh("root", "id -u", PASSWORD) == "0"


def test_controller_that_is_cut_off_leaves_the_host_as_before(
    operator: Operator, plain: Host, minimal: Host
) -> None:
    """One controller is killed, and never comes back; the other one goes on without a network."""
    runs = {}
    try:
        for host in (plain, minimal):
            host.reopen()
            host.cut_when_closed()
            command = operator.command("playbooks/bootstrap.yml", host, ansible_password=PASSWORD)
            runs[host.name] = subprocess.Popen(
                command,
                cwd=ROOT,
                env=operator.environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        plain.wait(lambda: plain.is_cut, 60)
        minimal.wait(lambda: minimal.is_cut, 60)
        kill_with_children(runs[plain.name].pid)
        plain.mend()
        # Until the minute is over it is closed: what is taken back was in force.
        assert plain.ssh("root", password=PASSWORD).endswith(REFUSED)
        assert plain.ssh("deploy", "sudo -n id -u") == "0"
        took = plain.wait(lambda: not plain.is_closed, 80)
        print(f"killed controller: the host was as before after {took:.0f} s")
        assert took > 30
        minimal.wait(lambda: not minimal.is_closed, 30)
        minimal.mend()
        output, _ = runs[minimal.name].communicate(timeout=60)
    finally:
        for host in (plain, minimal):
            host.mend()
        for run in runs.values():
            run.kill()
    said = " ".join(output.split())
    assert "deploy did not come back to boot-bookworm within 60 seconds" in said, said
    assert "it was taken back by the host, which lets SSH in again" in said
    for host in (plain, minimal):
        assert host.ssh("root", "id -u", PASSWORD) == "0"


def test_account_that_would_be_locked_out_is_named(operator: Operator, plain: Host) -> None:
    plain.console(
        "useradd --create-home --groups sudo --shell /bin/bash ada; echo 'ada:of ada' | chpasswd"
    )
    result = operator.bootstrap(plain, password=True)
    assert result.returncode != 0
    assert "nobody could log in any more as ada (sudo)" in result.stdout
    assert not plain.is_closed
    kept = operator.bootstrap(plain, password=True, bootstrap_close_passwords="false")
    assert kept.returncode == 0, kept.stdout
    assert plain.ssh("ada", "id -un", "of ada") == "ada"
    assert "Permission denied" in plain.ssh("root", password=PASSWORD)
    plain.console("usermod --password '*' ada")


@pytest.mark.parametrize(
    ("path", "text", "told"),
    [
        (
            "/etc/ssh/sshd_config",
            "PasswordAuthentication yes\\n",
            "/etc/ssh/sshd_config:1 sets PasswordAuthentication yes before",
        ),
        (
            "/etc/ssh/sshd_config.d/zz.conf",
            "Match User root\\nPermitRootLogin yes\\n",
            "PermitRootLogin is yes for root; expected no other value",
        ),
    ],
)
def test_sshd_that_would_not_follow_is_refused(
    operator: Operator, plain: Host, path: str, text: str, told: str
) -> None:
    plain.reopen()
    with setting(plain, path, text):
        result = operator.bootstrap(plain, password=True)
        assert result.returncode != 0
        assert told in result.stdout
        assert not plain.is_closed
        assert plain.ssh("root", "id -u", PASSWORD) == "0"


def test_sshd_behind_a_socket_is_closed_too(operator: Operator, plain: Host, minimal: Host) -> None:
    """The socket is handed to sshd, which would lose it if it were reloaded; so it is on Ubuntu."""
    hosts = (plain, minimal)
    for host in hosts:
        host.reopen()
        host.console("systemctl unmask ssh.socket; systemctl stop ssh; systemctl start ssh.socket")
    try:
        result = operator.bootstrap(*hosts, password=True)
        assert result.returncode == 0, result.stdout
        for host in hosts:
            assert host.console("systemctl is-active ssh.socket") == "active"
            assert host.ssh("deploy", "sudo -n id -u") == "0"
            assert host.ssh("root", password=PASSWORD).endswith(REFUSED)
    finally:
        for host in hosts:
            host.console(
                "systemctl stop ssh.socket; systemctl mask ssh.socket; systemctl start ssh"
            )


def test_deploy_works_as_the_account(operator: Operator, plain: Host) -> None:
    command = operator.command(
        "deploy.yml",
        plain,
        ansible_user="deploy",
        app_name="shop",
        app_domain="shop.example.com",
        app_source={"type": "path", "path": str(ROOT / "app")},
        app_workers=1,
        app_worker_memory_mb=64,
        fleet_soak_seconds=1,
    )
    result = subprocess.run(
        command, cwd=ROOT, env=operator.environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout[-6000:]
    answer = plain.console(
        "curl --silent --fail --cacert /etc/shop/tls/fullchain.pem"
        " --resolve shop.example.com:443:127.0.0.1 https://shop.example.com/whoami"
    )
    assert '"app":"shop"' in answer
