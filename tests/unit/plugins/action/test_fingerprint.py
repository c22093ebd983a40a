"""Which variables of a host go to the module that makes digests of them."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

from ansible.parsing.dataloader import DataLoader
from ansible.playbook.task import Task
from ansible.template import Templar, trust_as_template
from ansible_collections.asgi.fleet.plugins.action.fingerprint import ActionModule

# The parts that ActionBase reads of what it never uses here: nothing connects.
CONNECTION = SimpleNamespace(_shell=SimpleNamespace(tmpdir="unused"))
VARIABLES: dict[str, Any] = {
    "app_name": "shop",
    "app_workers": 2,
    "app_env": {"LEVEL": trust_as_template("{{ level }}")},
    "app_secrets": {"API_TOKEN": "s3cret"},
    "nginx_site_https_port": 8443,
    "level": "info",
    # None of these is an inventory's.
    "fleet_look": {"state": {}},
    "nginx_site_result": {"changed": True},
    "gunicorn_service_workers": 2,
    "fleet_wired": ["gunicorn_service_workers"],
    "inventory_hostname": "web1",
}


class Host(ActionModule):
    """An action that notes what the module is asked."""

    asked: dict[str, Any]

    def _execute_module(
        self, module_name: str, module_args: dict[str, Any], task_vars: dict[str, Any]
    ) -> dict[str, Any]:
        del task_vars
        assert module_name == "asgi.fleet.fingerprint"
        self.asked = module_args
        return {"machine": "0123456789abcdef", "variables": {}}


def asked(variables: dict[str, Any]) -> dict[str, str]:
    loader = DataLoader()
    task = Task.load({"action": "asgi.fleet.fingerprint"})
    task.args = {}
    action = Host(
        task=task,
        connection=CONNECTION,
        play_context=SimpleNamespace(check_mode=False, diff=False),
        loader=loader,
        templar=Templar(loader=loader, variables=variables),
        shared_loader_obj=None,
    )
    answer = action.run(task_vars=variables)
    assert answer["machine"] == "0123456789abcdef"
    assert "s3cret" not in str(answer)
    found: dict[str, str] = json.loads(action.asked["values"])
    return found


def test_fingerprint_is_of_what_the_inventory_sets() -> None:
    assert asked(VARIABLES) == {
        "app_name": '"shop"',
        "app_workers": "2",
        "app_env.LEVEL": '"info"',
        "app_secrets.API_TOKEN": '"s3cret"',
        "nginx_site_https_port": "8443",
    }


def test_template_that_cannot_be_resolved_yet_counts_as_it_is_written() -> None:
    written = trust_as_template("{{ only_the_role_knows }}")
    found = asked({**VARIABLES, "nginx_site_https_port": written})
    assert found["nginx_site_https_port"] == '"{{ only_the_role_knows }}"'
