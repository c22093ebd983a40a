"""The plan of processes, as the role gets it."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.asgi.fleet.plugins.filter.process_plan import (
    process_options,
    process_plan,
)

CAPACITY = {"cores": 2, "memory_bytes": 1024**3}


def test_without_processes_the_host_need_not_be_known() -> None:
    assert process_plan([], {}) == []


def test_module_gets_what_it_must_know() -> None:
    plan = process_plan([{"name": "worker", "command": "arq x", "count": "cores"}], CAPACITY)
    assert plan[0]["exec"] == '/usr/bin/env "arq" "x"'
    assert process_options(plan) == [
        {
            "name": "worker",
            "count": 2,
            "overlap": True,
            "once_per_fleet": False,
            "stop_timeout": 30,
        }
    ]


def test_role_refuses_by_its_own_name() -> None:
    with pytest.raises(AnsibleFilterError) as refused:
        process_plan([{"name": "worker", "command": "arq", "count": 0}], CAPACITY)
    assert str(refused.value).startswith("gunicorn_service_processes.worker.count is 0; expected")
