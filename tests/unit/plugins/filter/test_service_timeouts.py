"""The order of a service's timeouts."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.asgi.fleet.plugins.filter.service_timeouts import checked

GOOD = {"linger": 3, "drain": 30, "request": 60, "proxy_keepalive": 2, "proxy_read": 60}


@pytest.mark.parametrize(
    ("changes", "derived"),
    [
        ({}, {"graceful": 65, "stop": 70}),
        ({"drain": 300}, {"graceful": 305, "stop": 310}),
        # As an extra variable on the command line gives them.
        ({"linger": "3", "request": "90"}, {"graceful": 95, "stop": 100}),
    ],
)
def test_timeouts_in_order_give_gunicorns_and_systemds(
    changes: dict[str, object], derived: dict[str, int]
) -> None:
    assert checked({**GOOD, **changes}) == derived


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"linger": 2},
            "gunicorn_service_linger_seconds is 2; expected more than the proxy's keepalive "
            "timeout of 2 s, or a request on an idle connection may be lost; raise it, or lower "
            "nginx_site_upstream_keepalive_timeout_seconds",
        ),
        (
            {"request": 20},
            "gunicorn_service_request_timeout_seconds is 20; expected at least the proxy's read "
            "timeout of 60 s, or a release cuts requests that the proxy still waits for; raise it, "
            "or lower nginx_site_proxy_read_timeout_seconds",
        ),
    ],
)
def test_timeouts_out_of_order_are_refused_with_both_numbers(
    changes: dict[str, int], told: str
) -> None:
    with pytest.raises(AnsibleFilterError) as refused:
        checked({**GOOD, **changes})
    assert str(refused.value.message) == told
