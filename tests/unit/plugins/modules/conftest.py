"""Running a module as Ansible does, within this process."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args


@pytest.fixture
def run_module(capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, Any]]:
    """Run a module with arguments; return its answer, with `failed` set by its exit status."""

    def run(module: ModuleType, /, **arguments: object) -> dict[str, Any]:
        with patch_module_args(arguments), pytest.raises(SystemExit) as ended:
            module.main()
        answer: dict[str, Any] = json.loads(capsys.readouterr().out)
        return answer | {"failed": ended.value.code != 0}

    return run
