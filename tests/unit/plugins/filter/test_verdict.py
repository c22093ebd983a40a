"""The filter around a judgement."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.asgi.fleet.plugins.filter.verdict import FilterModule

verdict = FilterModule().filters()["verdict"]
BAD = {"requests": 200, "errors": 20, "latency_ms": {"20": 200}}


def test_verdict_is_plain_data() -> None:
    found = verdict({"web1": BAD}, waiting={"web2": BAD}, limits={"max_error_ratio": 0.01})
    assert found["ok"] is False
    assert len(found["reasons"]) == 1
    assert isinstance(found["lines"], list)


def test_a_limit_that_is_null_is_no_limit() -> None:
    limits = {"max_error_ratio": None, "max_p99_ms": None, "min_requests": None}
    assert verdict({"web1": BAD}, limits=limits)["ok"] is True


def test_an_unknown_limit_is_refused() -> None:
    with pytest.raises(AnsibleFilterError, match="limits has max_errors; expected max_error_ratio"):
        verdict({"web1": BAD}, limits={"max_errors": 1})
