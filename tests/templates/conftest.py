"""Rendering a role's templates with Ansible's own engine, without a play."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

ROOT = Path(__file__).resolve().parents[2]
Render = Callable[..., Any]


@pytest.fixture(scope="session")
def render_role() -> Render:
    """Return what an expression gives with a role's defaults and vars, and variables on top."""

    def render(name: str, expression: str, **variables: object) -> object:
        role = ROOT / "roles" / name
        loader = DataLoader()
        loader.set_basedir(str(role))
        given: dict[str, Any] = {}
        for file in ("defaults/main.yml", "vars/main.yml"):
            given |= loader.load_from_file(str(role / file), trusted_as_template=True)
        given |= {"ansible_search_path": [str(role)], **variables}
        templar = Templar(loader=loader, variables=given)
        return templar.template(trust_as_template(f"{{{{ {expression} }}}}"))

    return render
