from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.controller import (
    INSTALL,
    OLDEST_ANSIBLE,
    too_old,
)

ROOT = Path(__file__).resolve().parents[5]


@pytest.mark.parametrize("version", ["2.19.4", "2.19.14", "2.20.0b1", "2.21.5", "2.100.1", "3.0.0"])
def test_version_that_is_new_enough(version: str) -> None:
    assert too_old(version) == ""


@pytest.mark.parametrize("version", ["2.9.27", "2.16.3", "2.18.19", "2.19.3", "1.9"])
def test_version_that_is_too_old(version: str) -> None:
    assert too_old(version) == f"ansible-core is {version}; expected 2.19.4 or later; {INSTALL}"


def test_oldest_version_is_the_same_wherever_it_is_named() -> None:
    runtime = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text())
    assert runtime["requires_ansible"] == f">={OLDEST_ANSIBLE}"
    for meta in sorted(ROOT.glob("roles/*/meta/main.yml")):
        assert (
            yaml.safe_load(meta.read_text())["galaxy_info"]["min_ansible_version"] == OLDEST_ANSIBLE
        )
    check = " ".join((ROOT / "playbooks" / "check.yml").read_text().split())
    assert f"version('{OLDEST_ANSIBLE}', '<')" in check
    assert f"; expected {OLDEST_ANSIBLE} or later; {INSTALL}" in check
