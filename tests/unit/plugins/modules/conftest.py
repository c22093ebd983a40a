"""Running a module as Ansible does, within this process."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from ansible.module_utils.common.parameters import PASS_VARS
from ansible.module_utils.testing import patch_module_args
from ansible_collections.asgi.fleet.plugins.module_utils.entry import module as frame
from ansible_collections.asgi.fleet.plugins.modules import claim, host_drift

#: Has a module return the arguments that it got.
INVOCATION = "inject_invocation"


@pytest.fixture(autouse=True)
def machine_of_the_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that need not be a host, whose tools are those of the test."""
    monkeypatch.setattr(frame, "PATH", "")
    for module in (claim, host_drift):
        monkeypatch.setattr(module, "require_fit_host", lambda: None)


@pytest.fixture
def run_module(capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, Any]]:
    """Run a module with arguments; return its answer, with `failed` set by its exit status."""

    def run(module: ModuleType, /, **arguments: object) -> dict[str, Any]:
        if INVOCATION not in PASS_VARS:
            # Older versions of Ansible return the invocation always, and do not know the option.
            arguments.pop(f"_ansible_{INVOCATION}", None)
        with patch_module_args(arguments), pytest.raises(SystemExit) as ended:
            module.main()
        answer: dict[str, Any] = json.loads(capsys.readouterr().out)
        return answer | {"failed": ended.value.code != 0}

    return run
