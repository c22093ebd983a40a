"""`playbooks/check.yml` as a person runs it: real runs, against hosts that nothing can reach.

Each bad inventory holds many bad hosts, so that few runs cover every refusal. The addresses are
reserved for documentation (RFC 5737): a run that connected would hang and then say unreachable.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.problems import HOSTS_SHOWN

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
EXAMPLE_PASSWORD = "example"
SECONDS = 60
"""A run takes about two; a connection that is tried would wait for the timeout of ansible.cfg."""

GIT = {"type": "git", "url": "https://git.example.com/shop.git", "version": "v1.4.0"}
SECRET = "made-up-secret-value"

MISTAKES: dict[str, tuple[dict[str, Any], str]] = {
    "no-source": ({"app_source": None}, "app_source is not set; expected a mapping with type git"),
    "no-type": ({"app_source": {"type": "svn"}}, "app_source.type is svn; expected git, path"),
    "workers-0": ({"app_workers": 0}, "app_workers is 0; expected auto or a number from 1 to 512"),
    "workers-many": ({"app_workers": "many"}, "app_workers is many; expected auto or a number"),
    "bad-domain": ({"app_domain": "a_b.example"}, "app_domain is a_b.example; expected a DNS name"),
    "no-colon": ({"app_module": "main"}, "app_module is main; expected package.module:attribute"),
    "memory": ({"app_worker_memory_mb": -5}, "app_worker_memory_mb is -5; expected a number of MB"),
    "health": ({"app_health_path": "up"}, "app_health_path is up; expected a path that begins"),
    "tls-mode": ({"app_tls": "magic"}, "app_tls.mode is magic; expected selfsigned or provided"),
    "near-miss": ({"app_worker": 4}, "app_worker is not a variable of asgi.fleet; did you mean"),
    "undefined": ({"app_root_path": "{{ nowhere }}"}, "app_root_path is a template that fails ("),
    "secret": (
        {"app_secrets": {"KEY": f"{SECRET}\0{SECRET}"}},
        "app_secrets.KEY is text with a NUL; expected text without one",
    ),
}


def run(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [BIN / "ansible-playbook", *arguments],
        cwd=ROOT,
        env=os.environ | {"ANSIBLE_NOCOLOR": "1"} | environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def host_line(output: str, host: str, message: str) -> bool:
    return any(line.startswith(f"  - {host}: {message}") for line in output.splitlines())


def inventory(folder: Path, hosts: dict[str, dict[str, Any]]) -> Path:
    file = folder / "hosts.yml"
    file.write_text(yaml.safe_dump({"app": {"hosts": hosts}}))
    return file


def make_pair(folder: Path) -> dict[str, str]:
    certificate, key = folder / "fullchain.pem", folder / "privkey.pem"
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 "
        "-subj /CN=a.example -addext subjectAltName=DNS:a.example "
        f"-out {certificate} -keyout {key}"
    )
    folder.mkdir()
    subprocess.run(command.split(), check=True, capture_output=True)
    return {"mode": "provided", "certificate": str(certificate), "key": str(key)}


@pytest.fixture(scope="module")
def refusal(tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    """Run a playbook that imports the check and then touches every host."""
    folder = tmp_path_factory.mktemp("bad")
    good: dict[str, Any] = {"app_source": GIT, "app_domain": "a.example"}
    hosts = {
        host: good | {"app_name": host, "ansible_host": f"203.0.113.{number}"} | changes
        for number, (host, (changes, _)) in enumerate(MISTAKES.items(), start=1)
    }
    pair = make_pair(folder / "one") | {"key": make_pair(folder / "two")["key"]}
    hosts["wrong-key"] = good | {"app_name": "keys", "app_tls": pair}
    for host, version in (("twin1", "v1"), ("twin2", "v2")):
        hosts[host] = good | {"app_name": "twin", "app_source": GIT | {"version": version}}
    for host in ("here1", "here2"):
        hosts[host] = good | {"app_name": "here", "ansible_host": "203.0.113.99"}
    playbook = folder / "playbook.yml"
    playbook.write_text(
        yaml.safe_dump(
            [
                {"import_playbook": str(ROOT / "playbooks" / "check.yml")},
                {"hosts": "app", "tasks": [{"ansible.builtin.command": "touched"}]},
            ]
        )
    )
    return run(playbook, "-i", inventory(folder, hosts), ANSIBLE_CALLBACK_RESULT_FORMAT="json")


@pytest.mark.parametrize("host", MISTAKES)
def test_check_playbook_refuses(refusal: subprocess.CompletedProcess[str], host: str) -> None:
    output = refusal.stdout + refusal.stderr
    assert host_line(output, host, MISTAKES[host][1]), output


def test_check_playbook_refuses_a_certificate_with_another_key(
    refusal: subprocess.CompletedProcess[str],
) -> None:
    output = refusal.stdout + refusal.stderr
    assert host_line(
        output, "wrong-key", "app_tls: the provided key belongs to another certificate"
    ), output


def test_check_playbook_refuses_two_applications_with_one_name(
    refusal: subprocess.CompletedProcess[str],
) -> None:
    output = refusal.stdout + refusal.stderr
    different = "app_source is different on twin1 and twin2, which both deploy twin"
    shared = "app_name is here on both here1 and here2, which are one machine (203.0.113.99:22)"
    assert host_line(output, "twin1, twin2", different), output
    assert host_line(output, "here1, here2", shared), output


def test_check_playbook_touches_no_host_and_shows_no_secret(
    refusal: subprocess.CompletedProcess[str],
) -> None:
    output = refusal.stdout + refusal.stderr
    assert refusal.returncode != 0
    assert f"{len(MISTAKES) + 3} problems in the variables; no host was touched:" in output
    assert "touched]" not in output
    assert "UNREACHABLE" not in output
    assert SECRET not in output


def test_check_playbook_names_all_hosts_of_a_common_problem(tmp_path: Path) -> None:
    common = {"app_name": "shop", "app_source": GIT, "app_domain": "a.example", "app_workers": 0}
    hosts = {f"web{number}": common for number in range(HOSTS_SHOWN + 1)}
    refused = run("playbooks/check.yml", "-i", inventory(tmp_path, hosts))
    output = refused.stdout + refused.stderr
    assert "1 problem in the variables" in output
    assert host_line(output, f"all {len(hosts)} hosts", "app_workers is 0; "), output


def test_check_playbook_refuses_an_empty_group(tmp_path: Path) -> None:
    refused = run("playbooks/check.yml", "-i", inventory(tmp_path, {}))
    assert refused.returncode != 0
    assert (
        "the group app is empty; expected at least one host that serves the application; "
        "add it to the inventory, as inventory/example/hosts.yml shows"
    ) in refused.stdout + refused.stderr


def test_check_playbook_shows_no_token_of_a_url(tmp_path: Path) -> None:
    url = f"https://token:{SECRET}@git.example.com/shop.git"
    good = {"app_name": "shop", "app_source": GIT | {"url": url}, "app_domain": "a.example"}
    arguments = ("-i", inventory(tmp_path, {"web1": good, "web2": good}), "-vvv")
    accepted = run("playbooks/check.yml", *arguments)
    assert accepted.returncode == 0, accepted.stdout + accepted.stderr
    assert SECRET not in accepted.stdout + accepted.stderr


@pytest.mark.parametrize("name", ["minimal", "example"])
def test_check_playbook_accepts_inventory(name: str, tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text(EXAMPLE_PASSWORD)
    arguments = ("-i", ROOT / "inventory" / name, "--vault-password-file", password)
    accepted = run("playbooks/check.yml", *arguments, "--check")
    assert accepted.returncode == 0, accepted.stdout + accepted.stderr
    assert "WARNING" not in accepted.stderr


def test_example_vault_opens_with_the_password_of_its_readme(tmp_path: Path) -> None:
    example = ROOT / "inventory" / "example"
    password = tmp_path / "password"
    password.write_text(EXAMPLE_PASSWORD)
    assert f"password `{EXAMPLE_PASSWORD}`" in (example / "README.md").read_text()
    opened = subprocess.run(
        [
            BIN / "ansible-vault",
            "view",
            example / "group_vars" / "all" / "vault",
            "--vault-password-file",
            password,
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    secrets = yaml.safe_load((example / "group_vars" / "app.yml").read_text())["app_secrets"]
    named = {value.strip("{} ") for value in secrets.values()}
    assert named == set(yaml.safe_load(opened.stdout))
