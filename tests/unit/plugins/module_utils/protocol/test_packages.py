"""Whether apt fails because it reaches no source, by what it says."""

from __future__ import annotations

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.packages import out_of_reach


@pytest.mark.parametrize(
    "said",
    [
        "Err:1 http://deb.example.com x\n  Temporary failure resolving 'deb.example.com'",
        "W: Failed to fetch http://deb.example.com/x  Could not connect to deb.example.com:80 "
        "(192.0.2.1), connection timed out",
        "E: Failed to fetch https://deb.example.com/x  Unable to connect to deb.example.com:https:",
    ],
)
def test_source_out_of_reach_is_told_with_the_packages(said: str) -> None:
    told = out_of_reach(["nginx", "ufw"], said)
    assert "./*.deb`: nginx ufw; then run the same command again" in told
    assert "host_baseline_apt_proxy" in told
    assert "\n" not in told


@pytest.mark.parametrize("said", ["", "404  Not Found", "No space left on device", "NO_PUBKEY 01"])
def test_another_reason_is_left_as_it_is(said: str) -> None:
    assert out_of_reach(["nginx"], said) == ""
