"""The end of bootstrap.yml, as it is read."""

from __future__ import annotations

from ansible_collections.asgi.fleet.plugins.plugin_utils.report.bootstrap import bootstrap_lines

CHECKED = {
    "of": {"web1": {"user": "deploy"}, "web2": {"user": "deploy"}},
    "lines": ["keys for deploy: ada"],
    "advice": ["then type: ansible-playbook deploy.yml"],
}
DONE = {
    "inventory_hostname": "web1",
    "bootstrap_way": {"lines": ["install python3"]},
    "bootstrap_result": {"lines": ["make the account deploy"]},
}
LEFT = {"inventory_hostname": "web2", "bootstrap_way": {}, "bootstrap_result": {"lines": []}}


def test_steps_are_told_by_host() -> None:
    assert bootstrap_lines([DONE, LEFT], CHECKED) == [
        "keys for deploy: ada",
        "web1: install python3",
        "web1: make the account deploy",
        "web2: nothing to do; deploy gets in, as it should be",
        "then type: ansible-playbook deploy.yml",
    ]


def test_check_mode_says_would() -> None:
    assert "web1: would install python3" in bootstrap_lines([DONE], CHECKED, check_mode=True)


def test_failed_host_keeps_the_next_command_back() -> None:
    assert bootstrap_lines([LEFT], CHECKED, ["web1"])[-1] == (
        "web1: NOT done; see its error above, and run the same command again"
    )
