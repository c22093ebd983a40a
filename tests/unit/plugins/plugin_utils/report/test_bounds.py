"""The limits of a verification."""

from __future__ import annotations

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.bounds import Bounds, limits


def test_limits_have_defaults() -> None:
    assert limits({}) == Bounds()


@pytest.mark.parametrize("value", ["soon", "-1", -1, 101, True, None, 1.5, "", "٣"])
def test_limits_refuse_what_is_no_percentage(value: object) -> None:
    with pytest.raises(
        ValueError, match=r"verify_certificate_percent is .*; expected a number of pe"
    ):
        limits({"certificate_percent": value})


def test_limits_refuse_all_at_once() -> None:
    with pytest.raises(ValueError, match=r"verify_disk_percent is 0.* / verify_stale_hours is x"):
        limits({"disk_percent": 0, "stale_hours": "x"})


def test_limits_refuse_another_severity() -> None:
    with pytest.raises(ValueError, match="verify_fail_on is note; expected fault or warning"):
        limits({"fail_on": "note"})
