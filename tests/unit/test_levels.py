"""Every public variable of the roles, at every level of variables: it arrives, or is refused.

Each host of one inventory has its variables at another level. A run checks them all, and writes
what a role would get.
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
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.wiring import (
    DERIVED,
    DERIVED_BALANCER,
    OF_THE_RUN,
)

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
CHECK = ROOT / "playbooks" / "check.yml"
SHOP = {
    "app_name": "shop",
    "app_domain": "a.example",
    "app_source": {"type": "git", "url": "https://git.example.com/shop.git", "version": "v1.4.0"},
}
#: Where a variable does not stand as the generated value would have it.
VALUES: dict[str, Any] = {
    # These have an order among each other.
    "gunicorn_service_linger_seconds": 5,
    "gunicorn_service_proxy_keepalive_seconds": 4,
    "gunicorn_service_proxy_read_timeout_seconds": 71,
    "gunicorn_service_request_timeout_seconds": 72,
    "gunicorn_service_worker_class": "uvicorn_worker.UvicornWorker",
    "host_baseline_apt_proxy": "http://proxy.example.com:3128",
    "host_baseline_certificate_authorities": {},
    "nginx_site_main_config_enabled": "false",
    "python_release_python_mirror": "https://mirror.example.com/python",
    "python_release_uv_environment": {"UV_HTTP_TIMEOUT": "31"},
    # Would ask for the hosts that build.
    "python_release_install_from": "index",
}


def options() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(ROOT.glob("roles/*/meta/argument_specs.yml")):
        for entry in yaml.safe_load(path.read_text())["argument_specs"].values():
            found |= entry.get("options", {})
    return found


def another(name: str, option: dict[str, Any]) -> object:
    """Return a value that is not the default."""
    default = option.get("default")
    if name in VALUES:
        return VALUES[name]
    if name.endswith(("_template", "_lock")):
        # One that is not there would be refused.
        return str(next(path for path in ROOT.glob(f"roles/*/*/{default}") if path.is_file()))
    if option["type"] == "bool":
        return not default
    if option["type"] == "int":
        return (default or 8000) + 1
    if option["type"] == "list":
        return [*(default or []), *([8443] if option.get("elements") == "int" else [])]
    if option["type"] == "dict":
        return dict(default or {}, Nice="5") if name.endswith("_options") else default or {}
    if "choices" in option:
        return next(one for one in option["choices"] if one != default)
    return f"{name}-of-the-user"


REFUSED = DERIVED.keys() | DERIVED_BALANCER.keys() | OF_THE_RUN.keys()
GIVEN = {name: another(name, one) for name, one in options().items() if name not in REFUSED}
#: Each is a group with one host; the last word says where its variables are.
LEVELS = (
    "Group-Inline",
    "host.inline",
    "group_file",
    "Host-File",
    "constructed",
)
BESIDE = ("group_beside_playbook", "host-beside-playbook")


def host_of(level: str) -> str:
    return f"Web-{level}.example.com"


def write(path: Path, content: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path


def inventory(folder: Path, given: dict[str, Any], beside: tuple[str, ...] = ()) -> Path:
    """Write an inventory with a host for each level, and the variables that belong to it."""
    groups: dict[str, Any] = {}
    for number, level in enumerate((*LEVELS, *beside), 1):
        host = {"ansible_host": f"203.0.113.{number}"}
        groups[level] = {"hosts": {host_of(level): host}, "vars": {}}
        if level == "Group-Inline":
            groups[level]["vars"] = given
        elif level == "host.inline":
            host |= given
        elif level == "constructed":
            host["role"] = "made"
        else:
            parent = folder / ("play" if level in beside else "inventory")
            kind, name = ("host", host_of(level)) if level[0] in "hH" else ("group", level)
            write(parent / f"{kind}_vars" / f"{name}.yml", given)
    # The group app has groups only.
    app = {"children": {level: {} for level in groups}, "vars": SHOP}
    tree = {"all": {"children": {**groups, "app": app}}}
    write(folder / "inventory" / "1_hosts.yml", tree)
    made = {"plugin": "ansible.builtin.constructed", "groups": {"made": "role is defined"}}
    write(folder / "inventory" / "2_made.constructed.yml", made)
    write(folder / "inventory" / "group_vars" / "made.yml", given)
    return folder / "inventory"


def playbook(folder: Path, given: dict[str, Any]) -> Path:
    """Write a playbook that checks, and then keeps for each host what a role would get."""
    arrived = "{{ dict(names | zip(query('vars', *names, default='?'))) | to_json }}"
    keep = {"content": arrived, "dest": f"{folder}/{{{{ inventory_hostname }}}}.json"}
    task = {"ansible.builtin.copy": keep, "delegate_to": "localhost"}
    play = {"hosts": "app", "gather_facts": False, "vars": {"names": list(GIVEN)}, "tasks": [task]}
    checked = {"import_playbook": str(CHECK)}
    inner = write(folder / "play" / "inner.yml", [checked, play])
    return write(folder / "play" / "site.yml", [{"import_playbook": inner.name, "vars": given}])


def run(folder: Path, *arguments: str | Path) -> str:
    ended = subprocess.run(
        [BIN / "ansible-playbook", *arguments],
        cwd=folder,
        env=os.environ | {"ANSIBLE_NOCOLOR": "1", "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return f"{ended.stdout}{ended.stderr}\nrc={ended.returncode}"


def differences(folder: Path, level: str) -> dict[str, Any]:
    got = json.loads((folder / f"{host_of(level)}.json").read_text())
    return {name: got.get(name) for name, value in GIVEN.items() if got.get(name) != value}


@pytest.fixture(scope="module")
def levels(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("levels")
    return folder, run(folder, playbook(folder, {}), "-i", inventory(folder, GIVEN))


@pytest.mark.parametrize("level", LEVELS)
def test_variable_of_an_inventory_arrives(levels: tuple[Path, str], level: str) -> None:
    folder, told = levels
    assert told.endswith("rc=0"), told
    assert differences(folder, level) == {}


def test_variable_of_an_import_arrives(tmp_path: Path) -> None:
    told = run(tmp_path, playbook(tmp_path, GIVEN), "-i", inventory(tmp_path, {}))
    assert told.endswith("rc=0"), told
    assert differences(tmp_path, "group_file") == {}


def test_variable_of_the_command_line_arrives(tmp_path: Path) -> None:
    extra = write(tmp_path / "extra.yml", GIVEN)
    told = run(tmp_path, playbook(tmp_path, {}), "-i", inventory(tmp_path, {}), "-e", f"@{extra}")
    assert told.endswith("rc=0"), told
    assert differences(tmp_path, "group_file") == {}


def test_variable_beside_a_playbook_that_imports_is_refused(tmp_path: Path) -> None:
    """Ansible reads, for imported playbooks, what is beside these."""
    playbooks = playbook(tmp_path, {})
    told = run(tmp_path, playbooks, "-i", inventory(tmp_path, {"app_workers": 3}, BESIDE))
    assert (
        f"  - {', '.join(map(host_of, BESIDE))}: app_workers is set in group_vars or host_vars "
        f"beside {playbooks}, which Ansible does not read for the playbooks that it imports; "
        "expected these folders beside the inventory; move or link them to "
        f"{tmp_path / 'inventory'}"
    ) in told
    assert "1 problem in the variables" in told


def test_variable_beside_both_playbook_and_inventory_arrives(tmp_path: Path) -> None:
    inventory(tmp_path / "play", {})
    write(tmp_path / "play" / "inventory" / "group_vars" / "app.yml", {"app_workers": 3})
    (tmp_path / "play" / "group_vars").symlink_to("inventory/group_vars")
    told = run(tmp_path, playbook(tmp_path, {}), "-i", tmp_path / "play" / "inventory")
    assert told.endswith("rc=0"), told


def test_variable_that_follows_from_another_is_refused_at_each_level(tmp_path: Path) -> None:
    names = sorted(REFUSED - DERIVED_BALANCER.keys())
    told = run(tmp_path, CHECK, "-i", inventory(tmp_path, dict.fromkeys(names, "x")))
    hosts = ", ".join(map(host_of, LEVELS))
    for name in names:
        sentence = f"  - {hosts}: {name} is set in the inventory; expected nothing, since "
        assert sentence in told, (name, told)
