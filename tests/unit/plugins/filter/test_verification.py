"""The filter around the findings, which are tested with the module_utils."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.asgi.fleet.plugins.filter.verification import FilterModule

verification = FilterModule().filters()["verification"]


def test_verification_returns_the_verdict() -> None:
    verdict = verification({"web1": None}, {"web1": {"app_name": "shop"}})
    assert (verdict["ok"], len(verdict["findings"])) == (False, 1)


def test_verification_refuses_a_limit_as_a_filters_error() -> None:
    with pytest.raises(AnsibleFilterError, match="verify_stale_hours is 0; expected a number"):
        verification({}, {}, {"stale_hours": 0})
