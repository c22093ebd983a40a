"""Whether a visitor of a host is served, and what is in the way: one judge for both sides. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.asgi.fleet.plugins.module_utils.protocol.state import (
    HttpsAnswer,
    ServerUnit,
)

SITE = "ansible-playbook playbooks/provision.yml --tags nginx_site"
CERTIFICATE = "ansible-playbook playbooks/certificates.yml"


@dataclass(frozen=True)
class Fault:
    """Why visitors are not served.

    Attributes:
        seen: What was seen.
        todo: What to do about it.
        short: The same in a cell of a table.
        waits: Whether it may pass by itself.
        closed: Whether nobody answers at all, whatever the application does.
    """

    seen: str
    todo: str
    short: str
    waits: bool = False
    closed: bool = False


def front_fault(
    nginx: ServerUnit | None, https: HttpsAnswer | None, *, maintenance: bool = False
) -> Fault | None:
    """Return why nginx does not serve visitors of a healthy application, or None.

    Args:
        nginx: Whether it runs; None if that is not known.
        https: Its answer for the health path; None if it was not asked.
        maintenance: Whether maintenance mode is on, which answers 503 on purpose.
    """
    if nginx and not nginx["active"]:
        return Fault(
            "nginx is not running",
            "systemctl status nginx; nginx -t; then systemctl start nginx",
            "nginx is down",
            waits=nginx["starting"],
            closed=True,
        )
    if https is None:
        return None
    if https["status"] == 0:
        return Fault(
            f"nginx does not answer HTTPS ({https['error'] or 'no answer'})",
            f"tail /var/log/nginx/error.log; nginx -t; {SITE}",
            "no answer (nginx)",
            waits=True,
            closed=True,
        )
    if https["refused"]:
        return Fault(
            f"visitors refuse the certificate that nginx serves: {https['refused']}",
            f"nginx -T | grep ssl_certificate; systemctl reload nginx; {CERTIFICATE}",
            "certificate refused",
        )
    if https["status"] == 200 or (maintenance and https["status"] == 503):
        return None
    return Fault(
        f"nginx answers the health path with {https['status']}; expected 200",
        f"tail /var/log/nginx/error.log; nginx -t; {SITE}",
        f"{https['status']} (nginx)",
        waits=True,
    )
