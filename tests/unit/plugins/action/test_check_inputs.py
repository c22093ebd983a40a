"""What the action plugin adds to the core: templates, and nothing secret in what it returns."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ansible.errors import AnsibleError, AnsibleUndefinedVariable
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.vault import VaultLib, VaultSecret
from ansible.playbook.task import Task
from ansible.template import Templar, trust_as_template
from ansible_collections.asgi.fleet.plugins.action.check_inputs import ActionModule, _reason

GIT = {"type": "git", "url": "https://git.example.com/shop.git", "version": "v1.4.0"}
GOOD: dict[str, Any] = {
    "inventory_hostname": "web1",
    "app_name": "shop",
    "app_source": GIT,
    "app_domain": "www.example.com",
}


# The parts that ActionBase reads of what it never uses here: nothing connects.
PLAY_CONTEXT = SimpleNamespace(check_mode=True, diff=False)
CONNECTION = SimpleNamespace(_shell=SimpleNamespace(tmpdir="unused"))


def run(
    task_vars: dict[str, Any], loader: DataLoader | None = None, **args: object
) -> dict[str, Any]:
    loader = loader or DataLoader()
    task = Task.load({"action": "asgi.fleet.check_inputs"})
    task.args = args
    action = ActionModule(
        task=task,
        connection=CONNECTION,
        play_context=PLAY_CONTEXT,
        loader=loader,
        templar=Templar(loader=loader, variables=task_vars),
        shared_loader_obj=None,
    )
    return dict(action.run(task_vars=task_vars))


def messages(result: dict[str, Any]) -> list[str]:
    return [problem["message"] for problem in result["problems"]]


def test_action_resolves_templates() -> None:
    result = run(GOOD | {"name": "blog", "app_name": trust_as_template("{{ name }}")})
    assert result["changed"] is False
    assert result["problems"] == []
    assert result["deployment"]["app_name"] == "blog"


def test_action_names_the_variable_whose_template_fails() -> None:
    result = run(GOOD | {"app_env": {"A": trust_as_template("{{ nowhere }}")}})
    assert messages(result) == [
        "app_env is a template that fails ('nowhere' is undefined); "
        "expected a value, or a template that gives one; set it in group_vars/app.yml"
    ]


def test_action_leaves_a_listed_variable_of_the_team_alone() -> None:
    own = {"app_own": trust_as_template("{{ later }}"), "fleet_extra_variables": ["app_own"]}
    assert run(GOOD | own)["problems"] == []


def test_action_returns_no_secret() -> None:
    result = run(GOOD | {"app_secrets": {"TOKEN": "s3cret"}, "app_env": {"A": "s3cret"}})
    assert result["problems"] == []
    assert "s3cret" not in repr(result)


def test_action_fails_with_the_problems_of_all_hosts() -> None:
    bad = run(GOOD | {"app_workers": 0})
    result = run(GOOD, examined={"web1": run(GOOD), "web2": bad | {"machine": "192.0.2.2:22"}})
    assert result["failed"] is True
    assert result["msg"].splitlines()[1:] == [f"  - web2: {messages(bad)[0]}"]


def test_action_passes_what_fits() -> None:
    result = run(GOOD, examined={"web1": run(GOOD)})
    assert not result.get("failed")
    assert result["msg"] == "the variables of all hosts fit"


def test_reason_repeats_no_secret_of_a_filter() -> None:
    error = AnsibleError("cannot convert s3cret")
    assert "s3cret" not in _reason("app_secrets", error)
    undefined = AnsibleUndefinedVariable("'x' is undefined")
    assert "'x' is undefined" in _reason("app_secrets", undefined)


def test_action_reads_a_key_that_vault_encrypted(tmp_path: Path) -> None:
    secret = VaultSecret(b"made-up")
    key = tmp_path / "privkey.pem"
    key.write_bytes(VaultLib().encrypt("not a key", secret))
    certificate = tmp_path / "fullchain.pem"
    certificate.write_text("not a certificate")
    tls = {"mode": "provided", "certificate": str(certificate), "key": str(key)}
    loader = DataLoader()
    loader.set_vault_secrets([("default", secret)])
    assert [line.split(";")[0] for line in messages(run(GOOD | {"app_tls": tls}, loader))] == [
        "app_tls: the provided certificate is not readable",
        "app_tls: the provided key is not readable",
    ]
    loader.cleanup_all_tmp_files()
    [line] = messages(run(GOOD | {"app_tls": tls}))
    assert line.startswith("app_tls.key is ")
    assert "vault password" in line
