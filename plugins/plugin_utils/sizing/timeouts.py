"""The order that a service's timeouts must have, so that no request is cut early."""

from __future__ import annotations

from dataclasses import asdict, dataclass

#: Seconds that the application's lifespan may take to end after its last request.
LIFESPAN_SECONDS = 5
#: Seconds that systemd waits for Gunicorn beyond the time that Gunicorn waits for its workers.
MASTER_SECONDS = 5


class OrderError(ValueError):
    """Two timeouts are in the wrong order; the message names both."""


@dataclass(frozen=True)
class Timeouts:
    """Seconds: Gunicorn's `graceful_timeout`, and the unit's `TimeoutStopSec=`."""

    graceful: int
    stop: int


def service_timeouts(
    linger: int, drain: int, request: int, proxy_keepalive: int, proxy_read: int
) -> dict[str, int]:
    """Check the order of the timeouts and derive those that follow; all in seconds.

    Args:
        linger: How long a stopping slot still answers on idle connections.
        drain: How long WebSocket and event stream clients may keep a slot that is no longer live.
        request: The longest request that is waited for.
        proxy_keepalive: nginx's `keepalive_timeout` to the upstream.
        proxy_read: nginx's `proxy_read_timeout`, after which it gives up on a request.

    Returns:
        `graceful` and `stop`. Gunicorn kills its workers after `graceful`, systemd everything
        after `stop` (systemd.service(5), TimeoutStopSec=).

    Raises:
        OrderError: with both numbers.
    """
    linger, drain, request = int(linger), int(drain), int(request)
    proxy_keepalive, proxy_read = int(proxy_keepalive), int(proxy_read)
    if linger <= proxy_keepalive:
        raise OrderError(
            f"gunicorn_service_linger_seconds is {linger}; expected more than the proxy's "
            f"keepalive timeout of {proxy_keepalive} s, or a request on an idle connection may be "
            "lost; raise it, or lower nginx_site_upstream_keepalive_timeout_seconds"
        )
    if request < proxy_read:
        raise OrderError(
            f"gunicorn_service_request_timeout_seconds is {request}; expected at least the proxy's "
            f"read timeout of {proxy_read} s, or a release cuts requests that the proxy still "
            "waits for; raise it, or lower nginx_site_proxy_read_timeout_seconds"
        )
    graceful = max(drain, request) + LIFESPAN_SECONDS
    return asdict(Timeouts(graceful, graceful + MASTER_SECONDS))
