"""`playbooks/check.yml` as a person runs it: real runs, against hosts that nothing can reach.

Each bad inventory holds many bad hosts, so that few runs cover every refusal. The addresses are
reserved for documentation (RFC 5737): a run that connected would hang and then say unreachable.
"""

from __future__ import annotations

import json
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
    "tls-mode": (
        {"app_tls": "magic"},
        "app_tls.mode is magic; expected selfsigned, provided, internal_ca or acme",
    ),
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


# What the user sets, and what the deployment gives to the roles

SHOP: dict[str, Any] = {"app_name": "shop", "app_source": GIT, "app_domain": "a.example"}
READ_TIMEOUT = "nginx_site_proxy_read_timeout_seconds"
#: Where an inventory may set a variable.
LEVELS = ("hosts.yml all", "hosts.yml app", "hosts.yml web1", "all.yml", "app.yml", "web1.yml")


def fleet(folder: Path, levels: dict[str, dict[str, Any]], balancers: tuple[str, ...] = ()) -> Path:
    """Write an inventory of two hosts, with variables at some of its levels."""
    hosts: dict[str, Any] = {
        f"web{number}": {"ansible_host": f"203.0.113.{number}"} for number in (1, 2)
    }
    of_group: dict[str, dict[str, Any]] = {"app": dict(SHOP), "all": {}}
    for level, variables in levels.items():
        within, _, file = level.rpartition(" ")
        if within:
            (hosts if file in hosts else of_group)[file].update(variables)
        else:
            parent = folder / ("host_vars" if Path(file).stem in hosts else "group_vars")
            parent.mkdir(parents=True, exist_ok=True)
            (parent / file).write_text(yaml.safe_dump(variables))
    children = {
        "app": {"hosts": hosts, "vars": of_group["app"]},
        "balancer": {"hosts": dict.fromkeys(balancers)},
    }
    folder.mkdir(exist_ok=True)
    (folder / "hosts.yml").write_text(
        yaml.safe_dump({"all": {"vars": of_group["all"], "children": children}})
    )
    return folder


def play_after_check(folder: Path, *names: str, **before: object) -> Path:
    """Write a playbook that checks, and then prints variables as a role would get them."""
    playbook = folder / "playbook.yml"
    lines = [f"{name}={{{{ {name} | default('nothing') }}}}." for name in names]
    check = {"import_playbook": str(ROOT / "playbooks" / "check.yml"), "vars": before}
    tasks = [
        {"asgi.fleet.show": {"lines": [f"{{{{ inventory_hostname }}}} {one}" for one in lines]}}
    ]
    plays = [check, {"hosts": "app", "gather_facts": False, "tasks": tasks}]
    playbook.write_text(yaml.safe_dump(plays, sort_keys=False))
    return playbook


def balancer_plays(folder: Path) -> Path:
    """Write what balancer.yml does to get the role's variables, in plays that import the role."""
    plays = [
        play
        for play in yaml.safe_load((ROOT / "playbooks" / "balancer.yml").read_text())
        if play.get("hosts") == "balancer"
    ]
    wiring = ("asgi.fleet.check_inputs", "ansible.builtin.set_fact", "ansible.builtin.import_role")
    for play in plays:
        play |= {"gather_facts": False, "become": False}
        play["tasks"] = [task for task in play["tasks"] if set(wiring) & task.keys()]
        roles = [n for n, task in enumerate(play["tasks"]) if wiring[-1] in task]
        for place in roles[:1]:
            names = ("response_timeout_seconds", "floating_priority")
            lines = [
                f"{{{{ inventory_hostname }}}} {n}={{{{ haproxy_balancer_{n} }}}}." for n in names
            ]
            play["tasks"][place:place] = [
                {"asgi.fleet.show": {"lines": lines}},
                {"ansible.builtin.meta": "end_host"},
            ]
    playbook = folder / "balancer.yml"
    check = {"import_playbook": str(ROOT / "playbooks" / "check.yml")}
    playbook.write_text(yaml.safe_dump([check, *plays], sort_keys=False))
    return playbook


@pytest.mark.parametrize("level", ["hosts.yml all", "hosts.yml app", "all.yml", "app.yml"])
def test_role_variable_of_an_inventory_arrives_whatever_its_level(
    level: str, tmp_path: Path
) -> None:
    wired = "gunicorn_service_request_timeout_seconds"
    plain = "nginx_site_upstream_keepalive_timeout_seconds"
    folder = fleet(tmp_path / "inventory", {level: {READ_TIMEOUT: 300}})
    ended = run(play_after_check(tmp_path, READ_TIMEOUT, wired, plain), "-i", folder)
    output = ended.stdout + ended.stderr
    assert ended.returncode == 0, output
    for host in ("web1", "web2"):
        assert f"{host} {READ_TIMEOUT}=300." in output
        assert f"{host} {wired}=300." in output
        assert f"{host} {plain}=2." in output


def test_role_variable_of_one_host_arrives_there_alone(tmp_path: Path) -> None:
    plain = "nginx_site_upstream_keepalive_timeout_seconds"
    levels = {"hosts.yml web1": {READ_TIMEOUT: 300}, "web1.yml": {plain: 1}}
    folder = fleet(tmp_path / "inventory", levels)
    ended = run(play_after_check(tmp_path, READ_TIMEOUT, plain), "-i", folder)
    output = ended.stdout + ended.stderr
    assert ended.returncode == 0, output
    for line in (
        f"web1 {READ_TIMEOUT}=300.",
        f"web1 {plain}=1.",
        f"web2 {READ_TIMEOUT}=60.",
        f"web2 {plain}=2.",
    ):
        assert line in output


def test_role_variable_of_an_inventory_arrives_after_a_second_check_as_well(
    tmp_path: Path,
) -> None:
    """What the first check wired is not taken for the user's, and follows the host's variables."""
    folder = fleet(tmp_path / "inventory", {"app.yml": {READ_TIMEOUT: 300}})
    names = (READ_TIMEOUT, "nginx_site_domains", "python_release_kept")
    playbook = play_after_check(tmp_path, *names)
    playbook.write_text(playbook.read_text() * 2)
    ended = run(playbook, "-i", folder)
    output = ended.stdout + ended.stderr
    assert ended.returncode == 0, output
    assert output.count(f"web1 {READ_TIMEOUT}=300.") == 2
    assert output.count("web1 nginx_site_domains=['a.example'].") == 2
    assert output.count("web1 python_release_kept=3.") == 2


def test_role_variable_of_the_command_line_arrives(tmp_path: Path) -> None:
    wired = "gunicorn_service_request_timeout_seconds"
    playbook = play_after_check(tmp_path, READ_TIMEOUT, wired)
    ended = run(playbook, "-i", fleet(tmp_path / "inventory", {}), "-e", f"{READ_TIMEOUT}=300")
    output = ended.stdout + ended.stderr
    assert ended.returncode == 0, output
    assert f"web1 {READ_TIMEOUT}=300." in output
    assert f"web1 {wired}=300." in output


#: A role's variable for each level, with the one that it follows from.
DERIVED_AT = {
    "hosts.yml all": ("nginx_site_domains", "app_domain"),
    "hosts.yml app": ("gunicorn_service_workers", "app_workers"),
    "hosts.yml web1": ("tls_certificate_mode", "app_tls"),
    "all.yml": ("python_release_source", "app_source"),
    "app.yml": ("nginx_site_name", "app_name"),
    "web1.yml": ("gunicorn_service_health_path", "app_health_path"),
}
#: And one that picks the target of some playbook.
TARGET_AT = {level: f"target{number}" for number, level in enumerate(LEVELS)}


@pytest.fixture(scope="module")
def set_by_the_user(
    tmp_path_factory: pytest.TempPathFactory,
) -> subprocess.CompletedProcess[str]:
    """Check an inventory that sets, at every level, what it must not."""
    folder = tmp_path_factory.mktemp("levels")
    levels = {level: {DERIVED_AT[level][0]: "x", TARGET_AT[level]: "x"} for level in LEVELS}
    playbook = play_after_check(folder, check_command_line=list(TARGET_AT.values()))
    return run(playbook, "-i", fleet(folder / "inventory", levels))


@pytest.mark.parametrize("level", LEVELS)
def test_role_variable_that_follows_from_the_deployment_is_refused(
    set_by_the_user: subprocess.CompletedProcess[str], level: str
) -> None:
    output = set_by_the_user.stdout + set_by_the_user.stderr
    name, instead = DERIVED_AT[level]
    hosts = "web1" if "web1" in level else "web1, web2"
    assert set_by_the_user.returncode != 0
    assert host_line(
        output,
        hosts,
        f"{name} is set in the inventory; expected nothing, since it follows from {instead}; "
        f"set {instead} instead, or remove it",
    ), output


@pytest.mark.parametrize("level", LEVELS)
def test_target_of_an_inventory_is_refused(
    set_by_the_user: subprocess.CompletedProcess[str], level: str
) -> None:
    output = set_by_the_user.stdout + set_by_the_user.stderr
    name = TARGET_AT[level]
    assert host_line(
        output,
        "web1" if "web1" in level else "web1, web2",
        f"{name} is set in the inventory; expected it on the command line only; rename the "
        f"variable of the inventory, and add -e {name}=... to the command",
    ), output


def test_balancer_waits_longer_than_the_slowest_application_host(tmp_path: Path) -> None:
    levels = {"hosts.yml web2": {READ_TIMEOUT: 120}}
    folder = fleet(tmp_path / "inventory", levels, balancers=("lb1", "lb2"))
    ended = run(balancer_plays(tmp_path), "-i", folder)
    output = ended.stdout + ended.stderr
    assert ended.returncode == 0, output
    for host, priority in (("lb1", 200), ("lb2", 199)):
        assert f"{host} response_timeout_seconds=125." in output
        assert f"{host} floating_priority={priority}." in output


def test_check_playbook_refuses_hosts_that_are_balancers_as_well(tmp_path: Path) -> None:
    folder = fleet(tmp_path / "inventory", {}, balancers=("web1", "web2", "lb1"))
    refused = run("playbooks/check.yml", "-i", folder)
    output = refused.stdout + refused.stderr
    assert refused.returncode != 0
    assert "web1, web2 is in the groups app and balancer; expected a host to be in one" in output
    assert "Keep the checked variables" not in output


# What picks a playbook's target


@pytest.mark.parametrize(
    ("in_inventory", "arguments"),
    [
        ({}, ["-e", "release=x"]),
        # What counts is then that of the command line.
        ({"release": "y"}, ["-e", "release=x"]),
        ({}, ["-e", '{"release": "x"}']),
    ],
    ids=["command line", "both", "as JSON"],
)
def test_target_of_the_command_line_is_accepted(
    in_inventory: dict[str, str], arguments: list[str], tmp_path: Path
) -> None:
    folder = fleet(tmp_path / "inventory", {"all.yml": in_inventory})
    playbook = play_after_check(tmp_path, "release", check_command_line=["release"])
    ended = run(playbook, "-i", folder, *arguments)
    output = ended.stdout + ended.stderr
    assert ended.returncode == 0, output
    assert "web1 release=x." in output


def test_variable_that_picks_no_target_is_left_alone(tmp_path: Path) -> None:
    ended = run(
        play_after_check(tmp_path, "release"),
        "-i",
        fleet(tmp_path / "inventory", {"all.yml": {"release": "x"}}),
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.mark.parametrize(
    ("playbook", "name"),
    [
        ("rollback", "release"),
        ("verify", "release"),
        ("remove", "remove"),
        ("maintenance", "maintenance"),
    ],
)
def test_playbook_takes_its_target_from_the_command_line_only(
    playbook: str, name: str, tmp_path: Path
) -> None:
    folder = fleet(tmp_path / "inventory", {"all.yml": {name: "on"}})
    refused = run(f"playbooks/{playbook}.yml", "-i", folder)
    output = refused.stdout + refused.stderr
    assert refused.returncode != 0
    assert host_line(output, "web1, web2", f"{name} is set in the inventory; expected "), output
    assert "UNREACHABLE" not in output


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


@pytest.mark.parametrize("playbook", ["drain", "patch", "remove"])
@pytest.mark.parametrize("given", ["soon", "-1", "nan", "1 h"])
def test_wait_that_is_none_is_refused_before_a_host_is_drained(
    playbook: str, given: str, tmp_path: Path
) -> None:
    shop = {"app_name": "shop", "app_source": GIT, "app_domain": "www.example.com"}
    file = inventory(tmp_path, {"web1": shop | {"ansible_host": "192.0.2.1"}})
    found = yaml.safe_load(file.read_text())
    found["balancer"] = {"hosts": {"lb1": {"ansible_host": "192.0.2.9"}}}
    file.write_text(yaml.safe_dump(found))
    wait = json.dumps({"singletons_wait_seconds": given, "drain_last": True, "remove": "shop"})
    result = run("-i", file, f"playbooks/{playbook}.yml", "-e", wait)
    told = " ".join(result.stdout.split())
    assert (
        f"singletons_wait_seconds is {given}; expected a number of seconds from 0 to 99999" in told
    ), result.stdout
    assert "unreachable=0" in result.stdout


@pytest.mark.parametrize("given", [{}, {"singletons_wait_seconds": 0}])
def test_wait_is_a_number_of_seconds_or_the_default(given: dict[str, Any], tmp_path: Path) -> None:
    tasks = ROOT / "playbooks/tasks/need_wait.yml"
    file = tmp_path / "wait.yml"
    play = {"hosts": "localhost", "gather_facts": False, "tasks": [{"import_tasks": str(tasks)}]}
    file.write_text(yaml.safe_dump([play]))
    result = run("-i", "localhost,", file, "-e", json.dumps(given))
    assert result.returncode == 0, result.stdout
