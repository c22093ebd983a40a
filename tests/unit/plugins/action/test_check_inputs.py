"""What the action plugin adds to the core: templates, and nothing secret in what it returns."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.errors import AnsibleError, AnsibleUndefinedVariable
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.vault import VaultLib, VaultSecret, VaultSecretsContext
from ansible.playbook.task import Task
from ansible.template import Templar, trust_as_template
from ansible_collections.asgi.fleet.plugins.action import check_inputs
from ansible_collections.asgi.fleet.plugins.action.check_inputs import (
    COLLECTION,
    RESULTS,
    ActionModule,
    _reason,
)
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.environment import (
    parse_environment,
)

GIT = {"type": "git", "url": "https://git.example.com/shop.git", "version": "v1.4.0"}
GOOD: dict[str, Any] = {
    "inventory_hostname": "web1",
    "groups": {"app": ["web1"]},
    "hostvars": {"web1": {}},
    "playbook_dir": "/nowhere",
    "app_name": "shop",
    "app_source": GIT,
    "app_domain": "www.example.com",
}
READ_TIMEOUT = "nginx_site_proxy_read_timeout_seconds"


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


def judged(
    hosts: dict[str, dict[str, Any]],
    balancers: dict[str, dict[str, Any]] | None = None,
    left_out: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Judge hosts, each by its variables, after each was examined; not those of `left_out`."""
    variables = {
        host: {**host_vars, "__check_inputs": run(GOOD | host_vars | {"inventory_hostname": host})}
        for host, host_vars in hosts.items()
    }
    groups = {"app": [*hosts, *(left_out or {})], "balancer": list(balancers or {})}
    task_vars = {
        "groups": groups,
        "hostvars": {**(balancers or {}), **(left_out or {}), **variables},
        "playbook_dir": "/x",
    }
    return run(task_vars, state="judged", hosts=list(hosts))


def app(**changes: object) -> dict[str, Any]:
    return {key: GOOD[key] for key in GOOD if key.startswith("app_")} | changes


def test_action_fails_with_the_problems_of_all_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    printed: list[str] = []
    monkeypatch.setattr(check_inputs, "display", SimpleNamespace(display=printed.append))
    bad = run(GOOD | {"app_workers": 0})
    result = judged({"web1": app(), "web2": app(app_workers=0)})
    assert result["failed"] is True
    assert result["msg"] == "1 problem in the variables, see above"
    assert printed[0].splitlines()[2:] == [f"  - web2: {messages(bad)[0]}"]


def test_action_passes_what_fits() -> None:
    result = judged({"web1": app(), "web2": app()}, {"lb1": {}})
    assert not result.get("failed")
    assert result["changed"] is False
    assert result["msg"] == "the variables of all hosts fit"


def test_misspelt_option_of_the_command_line_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    printed: list[str] = []
    monkeypatch.setattr(check_inputs, "display", SimpleNamespace(display=printed.append))
    monkeypatch.setattr(check_inputs, "load_extra_vars", lambda _loader: {"plan_onyl": "true"})
    result = judged({"web1": app()})
    assert result["failed"] is True
    assert "plan_onyl" in printed[0]
    assert "did you mean plan_only?" in printed[0]


def test_what_a_host_opens_that_limit_leaves_out_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    printed: list[str] = []
    monkeypatch.setattr(check_inputs, "display", SimpleNamespace(display=printed.append))
    opens = app(
        app_workers=1,
        app_connections={"per_worker": 5, "limit": 40},
        app_processes=[{"name": "jobs", "command": "jobs"}],
        app_timers=[{"name": "report", "command": "report", "schedule": "daily"}],
    )
    assert not judged({"web1": opens}).get("failed")
    assert judged({"web1": opens}, left_out={"web2": opens})["failed"] is True
    assert "shop would open 50" in printed[0]


def test_turn_of_a_host_that_limit_leaves_out_counts() -> None:
    """All hosts have the turn of the slowest."""
    recycles = app(app_recycle={"after": "12h"})
    slow = recycles | {"app_health_timeout": 120}
    found = judged({"web2": recycles}, left_out={"web1": slow})["of_fleet"]["web2"]
    told = found["gunicorn_service_recycle"]
    assert (told["place"], told["hosts"], told["start_seconds"]) == (1, 2, 120)


class Failing(dict[str, Any]):
    """Variables as Ansible has them: a template is resolved when it is read."""

    def __init__(self, variables: dict[str, Any], failing: str = "app_workers") -> None:
        super().__init__(variables)
        self.failing = failing

    def __getitem__(self, name: str) -> object:
        if name == self.failing:
            raise AnsibleUndefinedVariable("'nowhere' is undefined")
        return super().__getitem__(name)


@pytest.mark.parametrize(
    ("variable", "entry"),
    [
        ("app_processes", {"name": "bot", "command": "bot"}),
        ("app_timers", {"name": "report", "command": "report", "schedule": "daily"}),
    ],
)
def test_what_runs_once_in_the_fleet_may_be_released_with_limit(
    monkeypatch: pytest.MonkeyPatch, variable: str, entry: dict[str, Any]
) -> None:
    printed: list[str] = []
    monkeypatch.setattr(check_inputs, "display", SimpleNamespace(display=printed.append))
    once = app(**{variable: [{**entry, "once_per_fleet": True}]})
    assert not judged({"web1": once}, left_out={"web2": once}).get("failed")
    assert not judged({"web1": once}, left_out={"web2": Failing(once, variable)}).get("failed")
    assert judged({"web1": once}, left_out={"web2": app()})["failed"] is True
    assert f"{variable}.{entry['name']} is once_per_fleet on web1, and not on web2" in printed[0]


def test_template_that_fails_of_a_host_that_limit_leaves_out_is_no_matter() -> None:
    """It broke the run with a message that named neither host nor variable."""
    limits = app(app_workers=1, app_connections={"per_worker": 5, "limit": 30})
    left_out = {"web2": Failing(limits)}
    result = judged({"web1": limits}, left_out=left_out)
    assert not result.get("failed")
    assert result["of_fleet"]["web1"]["gunicorn_service_connections"]["share"] == 10


def test_action_refuses_a_host_that_is_a_balancer_as_well() -> None:
    result = judged({"web1": app(), "web2": app()}, {"web2": {}, "lb1": {}})
    assert result["failed"] is True
    assert result["msg"].startswith("web2 is in the groups app and balancer; expected a host to be")
    assert "nginx and HAProxy listen on the same ports" in result["msg"]


BLOG = {"app_name": "blog", "app_source": GIT, "app_domain": "www.example.com"}


def test_action_refuses_what_the_balancers_could_not_serve() -> None:
    result = judged({"web1": app(), "blog1": BLOG}, {"lb1": {}})
    assert result["failed"] is True
    assert "www.example.com belongs to both shop and blog" in result["msg"]
    # On machines of their own, and without a balancer, they do not meet.
    assert not judged({"web1": app(), "blog1": BLOG}).get("failed")


def test_action_refuses_addresses_that_lead_a_balancer_nowhere() -> None:
    one = {"ansible_host": "192.0.2.1"}
    forwarded = {"web1": app() | one, "web2": app() | one | {"ansible_port": 2202}}
    told = judged(forwarded, {"lb1": {}})["msg"]
    assert told.startswith("web1 and web2 have one address, 192.0.2.1, with the SSH ports 22 and")
    assert "set fleet_address" in told
    assert not judged(forwarded).get("failed")
    told = judged({"web1": app()}, {"lb1": {"ansible_host": "localhost"}})["msg"]
    assert told.startswith("lb1: the balancer and the hosts behind it would reach it at localhost")


# What the deployment gives to the roles


def test_facts_are_the_deployment_and_what_the_roles_get() -> None:
    result = run(GOOD)
    facts = result["facts"]
    assert facts["deployment"] == result["deployment"]
    assert facts["nginx_site_domains"] == ["www.example.com"]
    assert facts[READ_TIMEOUT] == 60
    assert set(facts["fleet_wired"]) == facts.keys() - {"deployment", "fleet_wired"}


def test_facts_leave_what_the_user_has_set_at_any_level() -> None:
    result = run(GOOD | {"seconds": 300, READ_TIMEOUT: trust_as_template("{{ seconds }}")})
    assert result["problems"] == []
    assert READ_TIMEOUT not in result["facts"]
    assert READ_TIMEOUT not in result["facts"]["fleet_wired"]
    assert result["facts"]["gunicorn_service_request_timeout_seconds"] == 300


def test_facts_of_the_check_before_are_not_the_users() -> None:
    """One run may check twice, such as provision.yml and balancer.yml within deploy.yml."""
    first = run(GOOD | {READ_TIMEOUT: 300})["facts"]
    again = run(GOOD | first | {READ_TIMEOUT: 300})
    assert again["problems"] == []
    assert again["facts"] == first
    # What the first check derived follows the second one's variables.
    changed = run(GOOD | first | {"app_workers": 2})
    assert changed["problems"] == []
    assert changed["facts"]["gunicorn_service_workers"] == 2
    assert changed["facts"][READ_TIMEOUT] == 60


def test_derived_variable_of_the_user_is_refused() -> None:
    told = "nginx_site_domains is set in the inventory; expected nothing, since it follows from "
    own = {"nginx_site_domains": ["other.example.com"]}
    [message] = messages(run(GOOD | own))
    assert message.startswith(f"{told}app_domain; set app_domain instead")


def test_timeouts_of_the_user_that_would_cut_requests_are_refused() -> None:
    own = {READ_TIMEOUT: 120, "gunicorn_service_request_timeout_seconds": 60}
    [message] = messages(run(GOOD | own))
    assert message.startswith("gunicorn_service_request_timeout_seconds is 60; expected at least")


def test_facts_name_the_balancers_by_the_addresses_that_the_hosts_see() -> None:
    balancers = {"lb1": {"fleet_address": "10.0.0.8", "ansible_host": "192.0.2.8"}, "lb2": {}}
    groups = {"app": ["web1"], "balancer": list(balancers)}
    result = run(GOOD | {"groups": groups, "hostvars": {"web1": {}, **balancers}})
    assert result["facts"]["nginx_site_trusted_proxies"] == ["10.0.0.8", "lb2"]


def balancer(task_vars: dict[str, Any], **hosts: dict[str, Any]) -> dict[str, Any]:
    """Wire the balancer lb1 in front of some application hosts."""
    balancers = {"lb1": {"ansible_host": "192.0.2.8"}, "lb2": {"ansible_host": "192.0.2.9"}}
    groups = {"app": list(hosts), "balancer": list(balancers)}
    shared = {"inventory_hostname": "lb1", "groups": groups, "hostvars": balancers | hosts}
    return run(shared | task_vars, state="balancer")


def test_balancer_waits_longer_than_the_slowest_of_its_hosts() -> None:
    result = balancer({}, web1={READ_TIMEOUT: 60}, web2={READ_TIMEOUT: "120"}, web3={})
    assert result["facts"]["haproxy_balancer_response_timeout_seconds"] == 125
    assert result["facts"]["haproxy_balancer_floating_peers"] == ["192.0.2.9"]
    own = {"haproxy_balancer_response_timeout_seconds": 10}
    facts = balancer(own, web1={READ_TIMEOUT: 60})["facts"]
    assert facts.keys() & own.keys() == set()
    assert set(facts["fleet_wired"]) == facts.keys() - {"fleet_wired"}


def test_balancer_takes_the_facts_of_the_play_before_for_its_own() -> None:
    first = balancer({}, web1={READ_TIMEOUT: 60})["facts"]
    again = balancer(first, web1={READ_TIMEOUT: 120})
    assert again["facts"] == first | {"haproxy_balancer_response_timeout_seconds": 125}


def test_balancer_refuses_sites_of_the_user() -> None:
    result = balancer({"haproxy_balancer_sites": []}, web1={})
    assert result["failed"] is True
    assert "haproxy_balancer_sites is set in the inventory; expected nothing" in result["msg"]


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("python_release_uv_environment", {"UV_DEFAULT_INDX": "s3cret"}, "use UV_DEFAULT_INDEX"),
        ("host_baseline_apt_proxy", "proxy:3128", "write host_baseline_apt_proxy: http://proxy"),
        ("host_baseline_certificate_authorities", {"own": "ca.pem"}, ".own is ca.pem; expected"),
    ],
)
def test_network_that_a_host_would_not_reach_is_refused(
    name: str, value: object, told: str
) -> None:
    [message] = messages(run(GOOD | {name: value}))
    assert message.startswith(name)
    assert told in message
    assert message in balancer({name: value}, web1={})["msg"]


# What picks a playbook's target


def test_target_of_the_inventory_is_refused_for_a_playbook_that_takes_it() -> None:
    inventory = GOOD | {"release": "1.0", "hostvars": {"web1": {"release": "1.0"}}}
    [message] = messages(run(inventory, command_line=["release"]))
    assert message == (
        "release is set in the inventory; expected it on the command line only; "
        "rename the variable of the inventory, and add -e release=... to the command"
    )
    assert messages(run(inventory)) == []
    assert messages(run(inventory, command_line=["remove"])) == []
    # An import hands the target on with its `vars`: of the play, and of no host.
    handed_on = GOOD | {"release": "1.0"}
    assert messages(run(handed_on, command_line=["release"])) == []


def test_plan_is_checked_for_a_playbook_that_takes_it() -> None:
    asked = GOOD | {"plan": "latest"}
    [message] = messages(run(asked, command_line=["plan", "plan_only", "plan_file"]))
    assert message.startswith("plan is latest; expected the 16 digits")
    assert messages(run(asked)) == []


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


# Values as they were meant


def encrypted(tmp_path: Path, text: str, values: str) -> tuple[DataLoader, dict[str, Any]]:
    """Load a file of variables with one that Vault encrypted, as `!vault`, or all of it."""
    secrets = [("default", VaultSecret(b"a password"))]
    vault = VaultLib(secrets)
    loader = DataLoader()
    loader.set_vault_secrets(secrets)
    path = tmp_path / "app.yml"
    inline = vault.encrypt(text).decode().replace("\n", "\n      ")
    written = values.replace("ENCRYPTED", f"!vault |\n      {inline}")
    path.write_bytes(vault.encrypt(written) if "ENCRYPTED" not in values else written.encode())
    return loader, loader.load_from_file(str(path), trusted_as_template=True)


def test_action_takes_what_vault_encrypted_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As ansible-playbook does at its start; not set before in this process.
    context = VaultSecretsContext([("default", VaultSecret(b"a password"))])
    monkeypatch.setattr(VaultSecretsContext, "_current", context)
    text = ' "a" $b\nc\\ '
    loader, found = encrypted(tmp_path, text, "app_secrets:\n  TOKEN: ENCRYPTED\n")
    task_vars = GOOD | found
    assert run(task_vars, loader)["problems"] == []
    written = Templar(loader=loader, variables=task_vars).template(
        trust_as_template("{{ app_secrets | asgi.fleet.environment_file }}")
    )
    assert parse_environment(written) == {"TOKEN": text}


def test_action_finds_what_stands_in_a_file_that_vault_encrypted(tmp_path: Path) -> None:
    loader, found = encrypted(tmp_path, "", "app_secrets:\n  PORT: 8000\n  PIN: 01234\n")
    [message] = messages(run(GOOD | found, loader))
    assert message.startswith("app_secrets.PIN is a whole number, of which YAML does not keep")
    assert f"({tmp_path}/app.yml:3)" in message
    assert "1234" not in message
    assert "668" not in message


def test_action_follows_a_template_to_where_its_value_stands(tmp_path: Path) -> None:
    path = tmp_path / "app.yml"
    path.write_text(
        "opening: 12:30\napp_env:\n  OPENS: '{{ opening }}'\n  DOUBLE: '{{ 4 * 2 }}'\n"
        "  DEBUG: '{{ true }}'\n"
    )
    found = DataLoader().load_from_file(str(path), trusted_as_template=True)
    assert [message.split(";")[0] for message in messages(run(GOOD | found))] == [
        f"app_env.OPENS is 12:30 ({path}:1), of which YAML made a whole number (750)",
        f"app_env.DEBUG is a boolean that a template makes ({path}:5)",
    ]


def test_what_roles_leave_behind_is_no_unknown_variable() -> None:
    # One run may check the inputs several times: a playbook that imports maintenance, then release.
    tasks = (COLLECTION / "roles").glob("*/tasks/*.yml")
    found = re.findall(r"register: ([a-z]\w+)", "".join(path.read_text() for path in tasks))
    assert sorted(found) == sorted(RESULTS)


def test_action_refuses_a_file_that_is_not_there() -> None:
    missing = GOOD | {"nginx_site_template": "/srv/nowhere.j2"}
    (message,) = messages(run(missing))
    assert message.startswith("nginx_site_template is /srv/nowhere.j2, which does not exist; ")
    # A rollback needs none of them, and a balancer's is none of this host.
    assert messages(run(missing, files=False)) == []
    assert messages(run(GOOD | {"haproxy_balancer_template": "/srv/nowhere.j2"})) == []


def test_action_takes_what_a_template_may_use() -> None:
    base = Path(__file__).resolve().parents[4]
    site = str(base / "templates" / "shop_site.conf.j2")
    assert messages(run(GOOD | {"nginx_site_template": site})) == []


def test_action_refuses_a_balancers_file_that_is_not_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    printed: list[str] = []
    monkeypatch.setattr(check_inputs, "display", SimpleNamespace(display=printed.append))
    lb1 = {"haproxy_balancer_template": "/srv/nowhere.j2"}
    assert judged({"web1": app()}, {"lb1": lb1, "lb2": {}})["failed"] is True
    assert "  - lb1: haproxy_balancer_template is /srv/nowhere.j2, which does" in printed[0]
    result = run(
        {"groups": {"app": [], "balancer": ["lb1"]}, "hostvars": {"lb1": {}}} | lb1,
        state="balancer",
    )
    assert result["msg"].startswith("1 problem in the variables")
