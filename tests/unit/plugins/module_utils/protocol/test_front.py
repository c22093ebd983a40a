"""Whether nginx serves visitors, as hosts and controller judge it alike."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.front import front_fault

NGINX: Any = {"active": True, "starting": False, "enabled": True}
HTTPS: Any = {"status": 200, "error": "", "late": False, "certificate_current": True, "refused": ""}


def test_nothing_is_wrong_with_a_front_that_serves_or_was_not_asked() -> None:
    assert front_fault(NGINX, HTTPS) is None
    assert front_fault(NGINX, None) is None
    assert front_fault(None, None) is None
    # Another certificate that visitors take as well is no outage.
    assert front_fault(NGINX, HTTPS | {"certificate_current": False}) is None


@pytest.mark.parametrize(
    ("nginx", "https", "seen", "waits", "closed"),
    [
        ({"active": False}, {}, "nginx is not running", False, True),
        ({"active": False, "starting": True}, {}, "nginx is not running", True, True),
        (
            {},
            {"status": 0, "error": "refused"},
            "nginx does not answer HTTPS (refused)",
            True,
            True,
        ),
        (
            {},
            {"status": 0, "late": True, "error": "did not complete its answer within 5 s"},
            "nginx waits for the application, which did not complete its answer within 5 s",
            False,
            False,
        ),
        (
            {},
            {"refused": "it expired 3 days ago"},
            "visitors refuse the certificate that nginx serves: it expired 3 days ago",
            False,
            False,
        ),
        (
            {},
            {"status": 421},
            "nginx answers the health path with 421; expected 200",
            True,
            False,
        ),
        (
            {},
            {"status": 503},
            "nginx answers the health path with 503; expected 200",
            True,
            False,
        ),
    ],
)
def test_fault_says_what_is_in_the_way(
    nginx: dict[str, Any], https: dict[str, Any], seen: str, waits: bool, closed: bool
) -> None:
    fault = front_fault(NGINX | nginx, HTTPS | https)
    assert fault is not None
    assert (fault.seen, fault.waits, fault.closed) == (seen, waits, closed)
    assert fault.todo
    assert len(fault.short) < 20


def test_maintenance_answers_503_on_purpose_and_nothing_else() -> None:
    assert front_fault(NGINX, HTTPS | {"status": 503}, maintenance=True) is None
    assert front_fault(NGINX, HTTPS | {"status": 502}, maintenance=True) is not None
