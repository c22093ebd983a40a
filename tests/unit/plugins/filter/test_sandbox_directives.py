"""The filter that writes the sandbox of a unit."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.asgi.fleet.plugins.filter.sandbox_directives import (
    FilterModule,
    sandbox_directives,
)
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.sandbox import (
    Sandbox,
    directives,
)


def test_filter_writes_the_one_sandbox() -> None:
    assert FilterModule().filters() == {"sandbox_directives": sandbox_directives}
    assert sandbox_directives({}) == [list(pair) for pair in directives(Sandbox())]


def test_filter_takes_booleans_as_ansible_does() -> None:
    assert sandbox_directives({"jit": "no"}) == sandbox_directives({})
    names = {name for name, _ in sandbox_directives({"jit": "yes", "netlink": True})}
    assert "MemoryDenyWriteExecute" not in names


def test_filter_refuses_what_it_does_not_know() -> None:
    with pytest.raises(AnsibleFilterError, match="the sandbox has gpu; expected only jit and"):
        sandbox_directives({"gpu": True})
    with pytest.raises(AnsibleFilterError, match="nowhere"):
        sandbox_directives({}, ["any", "nowhere"])
