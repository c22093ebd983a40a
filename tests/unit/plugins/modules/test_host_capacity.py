"""The module around the capacity, run on the machine the tests run on."""

from __future__ import annotations

import json

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.asgi.fleet.plugins.modules import host_capacity


@pytest.mark.parametrize("arguments", [{}, {"slice": ""}, {"_ansible_check_mode": True}])
def test_host_capacity_tells_what_this_machine_may_use(
    arguments: dict[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    with patch_module_args(arguments), pytest.raises(SystemExit) as ended:
        host_capacity.main()
    result = json.loads(capsys.readouterr().out)
    assert ended.value.code == 0
    assert result["changed"] is False
    assert "ansible_facts" not in result
    assert result["capacity"]["cores"] >= 1
    assert result["capacity"]["memory_bytes"] > 0


def test_host_capacity_refuses_what_is_no_slice(capsys: pytest.CaptureFixture[str]) -> None:
    with patch_module_args({"slice": "nginx.service"}), pytest.raises(SystemExit) as ended:
        host_capacity.main()
    assert ended.value.code == 1
    assert json.loads(capsys.readouterr().out)["msg"].startswith("slice is 'nginx.service'")
