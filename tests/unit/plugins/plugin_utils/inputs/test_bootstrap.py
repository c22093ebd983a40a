"""The variables of bootstrap.yml: their defaults, and every refusal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.bootstrap import (
    BOOTSTRAP,
    Checked,
    Controller,
    advice,
    checked,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.problems import Findings
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.variable import Variable

ADA = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKz5tA0iyKLJPW7wfLhp5Pmm7wCIZ0QxX3mZcAAgQkjE ada"
BOB = ADA.replace("QkjE ada", "QkjA bob")
PRIVATE = "-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0\n-----END OPENSSH PRIVATE KEY-----\n"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The home of whoever runs Ansible, with a pair of keys."""
    folder = tmp_path / "home/.ssh"
    folder.mkdir(parents=True)
    (folder / "id_ed25519.pub").write_text(f"{ADA}\n")
    (folder / "id_ed25519").write_text(PRIVATE)
    return folder.parent


def check(home: Path, /, *extra: str, remote_user: str = "", **host_vars: object) -> Checked:
    controller = Controller(home, Path.read_text, frozenset(extra), remote_user)
    return checked(host_vars, home.parent / "inventory", controller)


def test_nothing_has_to_be_set(home: Path) -> None:
    found = check(home)
    assert found == Checked(user="deploy", login="root", keys=[ADA], names=["ada"])


@pytest.mark.parametrize(
    ("host_vars", "user"),
    [
        ({"ansible_user": "root"}, "deploy"),
        ({"ansible_user": "ops"}, "ops"),
        ({"ansible_user": "ops", "bootstrap_user": "ubuntu"}, "ubuntu"),
    ],
)
def test_account_is_that_of_the_inventory(home: Path, host_vars: dict[str, str], user: str) -> None:
    found = check(home, **host_vars)
    assert (found.user, found.problems) == (user, [])


def test_first_login_is_that_of_the_command_line(home: Path) -> None:
    assert check(home, remote_user="ubuntu").login == "ubuntu"
    assert check(home, remote_user="ubuntu", bootstrap_login="debian").login == "debian"


def test_text_of_the_command_line_is_understood(home: Path) -> None:
    found = check(
        home,
        bootstrap_close_root="false",
        bootstrap_close_passwords="no",
        bootstrap_keys="~/.ssh/id_ed25519.pub",
    )
    assert (found.close_root, found.close_passwords, found.keys) == (False, False, [ADA])


def test_keys_are_texts_or_files_and_each_counts_once(home: Path) -> None:
    folder = home.parent / "inventory/keys"
    folder.mkdir(parents=True)
    (folder / "team").write_text(f"# the team\n\n{BOB}\n{ADA} elsewhere\n")
    found = check(home, bootstrap_keys=[f'from="10.0.0.0/8" {ADA}', "keys/team"])
    assert found.problems == []
    assert found.names == ["ada elsewhere", "bob"]


def test_key_of_the_connection_is_the_one(home: Path) -> None:
    (home / "fleet.pub").write_text(f"{BOB}\n")
    assert check(home, ansible_ssh_private_key_file="~/fleet").keys == [BOB]
    (problem,) = check(home, ansible_ssh_private_key_file="/nowhere/id").problems
    assert "/nowhere/id.pub is not there" in problem.message
    assert "ssh-keygen -y -f /nowhere/id > /nowhere/id.pub" in problem.message


def test_machine_without_a_key_is_told_how_to_make_one(home: Path) -> None:
    (home / ".ssh/id_ed25519.pub").unlink()
    (problem,) = check(home).problems
    assert "has no id_*.pub; expected a public key; make one (ssh-keygen -t" in problem.message


@pytest.mark.parametrize(
    ("host_vars", "told"),
    [
        ({"bootstrap_user": "root"}, "bootstrap_user is root; expected an account of its own"),
        ({"bootstrap_user": "www-data"}, "bootstrap_user is www-data; expected no name of an acc"),
        ({"bootstrap_user": "nginx"}, "bootstrap_user is nginx; expected no name of asgi.fleet"),
        ({"bootstrap_user": "Ada"}, "bootstrap_user is Ada; expected a name of a-z"),
        ({"bootstrap_user": "ada.l"}, "bootstrap_user is ada.l; expected a name of a-z"),
        ({"bootstrap_user": 7}, "bootstrap_user is 7; expected a name of a-z"),
        ({"ansible_user": "postgres"}, "ansible_user is postgres; expected no name of a service"),
        (
            {"bootstrap_user": "shop", "app_name": "shop"},
            "bootstrap_user is shop; expected no account of the application",
        ),
        (
            {"bootstrap_user": "shop-build", "app_name": "shop"},
            "bootstrap_user is shop-build; expected no account of the application",
        ),
        ({"bootstrap_login": "-oProxyCommand=x"}, "bootstrap_login is -oProxyCommand=x; expected"),
        ({"bootstrap_close_root": "maybe"}, "bootstrap_close_root is maybe; expected true or fal"),
        (
            {"bootstrap_key": [ADA]},
            "bootstrap_key is not a variable of bootstrap.yml; did you mean",
        ),
        ({"bootstrap_hosts": "all"}, "bootstrap_hosts is set in the inventory; expected it on the"),
        ({"ansible_connection": "local"}, "ansible_connection is local; expected ssh"),
        ({"ansible_become_method": "su"}, "ansible_become_method is su; expected sudo"),
        ({"ansible_become": "false"}, "ansible_become is false; expected true"),
        ({"bootstrap_keys": []}, "bootstrap_keys is empty; expected at least one public key"),
        ({"bootstrap_keys": {"a": 1}}, 'bootstrap_keys is {"a": 1}; expected a list'),
        (
            {"bootstrap_keys": [ADA, "~/.ssh/id_ed25519"]},
            "bootstrap_keys[1] is ~/.ssh/id_ed25519, a private key; expected the public one; the "
            "private one stays on this machine; write ~/.ssh/id_ed25519.pub",
        ),
        ({"bootstrap_keys": [PRIVATE]}, "bootstrap_keys[0] is the text of a private key"),
        ({"bootstrap_keys": ["nowhere.pub"]}, "bootstrap_keys[0] is nowhere.pub, which cannot be"),
        ({"bootstrap_keys": ["ssh-rsa AAAA x"]}, "bootstrap_keys[0] is ssh-rsa AAAA x; expected a"),
        (
            {"bootstrap_keys": [f'command="rsync" {ADA}']},
            "bootstrap_keys[0] is the key ada with the option command, which runs that command",
        ),
        (
            {"bootstrap_keys": [f'expiry-time="20270101" {ADA}']},
            "bootstrap_keys[0] is the key ada with the option expiry-time, which lets nobody in",
        ),
    ],
)
def test_mistake_is_refused_by_name(home: Path, host_vars: dict[str, Any], told: str) -> None:
    (problem,) = check(home, **host_vars).problems
    assert problem.message.startswith(told)
    assert "c2VjcmV0" not in problem.message


def test_account_of_the_command_line_is_refused(home: Path) -> None:
    (problem,) = check(home, "ansible_user", ansible_user="ubuntu").problems
    assert "use -e bootstrap_login=... for the first log-in" in problem.message


def test_file_with_a_line_that_is_no_key_is_refused(home: Path) -> None:
    (home / "keys").write_text(f"{ADA}\nssh-rsa\n")
    (problem,) = check(home, bootstrap_keys=["~/keys"]).problems
    assert "~/keys, whose line 2 is no public key" in problem.message
    (home / "keys").write_text("# none\n")
    (problem,) = check(home, bootstrap_keys=["~/keys"]).problems
    assert "~/keys, which has no key" in problem.message


@pytest.mark.parametrize("variable", BOOTSTRAP, ids=lambda variable: variable.name)
def test_default_is_valid(variable: Variable) -> None:
    findings = Findings(variable.name)
    assert variable.check(variable.default, findings) == variable.default
    assert findings.problems == []


def test_advice_names_what_the_inventory_lacks() -> None:
    found = {"web1": Checked(user="deploy"), "web2": Checked(user="ops")}
    users = {"web1": "root", "web2": "ops"}
    assert advice(found, users, "inventory/production") == [
        "write into the inventory, for web1: ansible_user: deploy",
        "then type: ansible-playbook -i inventory/production deploy.yml",
    ]
    assert advice({"web2": found["web2"]}, users, "") == ["then type: ansible-playbook deploy.yml"]
