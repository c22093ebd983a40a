"""A problem as a line for people."""

from __future__ import annotations

from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.problems import Problem


def test_line_names_a_few_of_many_hosts() -> None:
    hosts = tuple(f"web{number}" for number in range(1, 9))
    problem = Problem("app_workers", "app_workers is 0", hosts)
    assert problem.line(9) == "web1, web2, web3, web4, web5 and 3 more: app_workers is 0"
    assert problem.line(8) == "all 8 hosts: app_workers is 0"
