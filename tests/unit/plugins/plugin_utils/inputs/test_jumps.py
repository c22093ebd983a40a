"""The jump hosts in arguments of ssh."""

from __future__ import annotations

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.jumps import jumps


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("", ""),
        (None, ""),
        ("-o StrictHostKeyChecking=no -o SetEnv=LC_ALL=de_DE.UTF-8 -4J", ""),
        ("-o ProxyJump=op@bastion:2222", "op@bastion:2222"),
        ("-oProxyJump=one,two -C", "one,two"),
        ("-o 'ProxyJump bastion'", "bastion"),
        ("-J bastion", "bastion"),
        ("-Jbastion", "bastion"),
        ('-o ProxyCommand="ssh -W %h:%p -q bastion"', "ssh -W %h:%p -q bastion"),
        ("-F /home/op/.ssh/of-the-fleet", "/home/op/.ssh/of-the-fleet"),
        ("-F of-the-fleet -o proxyjump=bastion", "of-the-fleet, bastion"),
    ],
)
def test_jumps_are_found_as_they_are_written(arguments: object, expected: str) -> None:
    assert jumps(arguments) == expected
    assert jumps(None, arguments) == expected
