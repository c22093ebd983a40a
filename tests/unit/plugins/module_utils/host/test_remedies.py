"""A message that tells a shortage ends with what to do; others stay as they are."""

from __future__ import annotations

import errno
import os

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.host.remedies import explained


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_full_file_system_is_told_with_the_file_and_what_to_do(number: int) -> None:
    error = OSError(number, os.strerror(number), "/var/lib/shop/rollout.lock")
    first, last = explained(error).splitlines()
    assert first.startswith("the host could not read or write a file: [Errno ")
    assert "'/var/lib/shop/rollout.lock'" in first
    assert "`df -h` and `df -i`" in last
    assert "run the same command again" in last


def test_words_of_a_tool_are_enough() -> None:
    told = "the build failed:\n  cp: error copying: No space left on device\n  and more\n"
    assert explained(ValueError(told)).splitlines()[:-1] == told.splitlines()


@pytest.mark.parametrize(
    "told",
    [
        "failed to lookup address information: Name or service not known",
        "[Errno -3] Temporary failure in name resolution",
    ],
)
def test_broken_name_resolution_is_told_with_what_to_do(told: str) -> None:
    assert "/etc/resolv.conf" in explained(ValueError(told)).splitlines()[-1]


def test_other_messages_stay_as_they_are() -> None:
    assert explained(ValueError("it crashed:\n  why\n")) == "it crashed:\n  why\n"
