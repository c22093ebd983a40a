"""Whether a certificate lasts, and whether its renewals work: findings, with what to do. Pure.

What counts is the share of its lifetime that is left, never a number of days: renewals begin at a
third, so less than a quarter says that they do not work, whether it lives a year or a week.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from typing import Any

from ansible_collections.asgi.fleet.plugins.plugin_utils.report.upkeep import FAULT, WARNING, Need

RENEW = "ansible-playbook playbooks/certificates.yml"
#: Where nothing else is asked for.
LEAST_PERCENT = 25

UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


def certificate_needs(
    certificate: Mapping[str, Any] | None,
    at: float,
    *,
    name: str,
    mode: str = "",
    least: int = LEAST_PERCENT,
    which: str = "the certificate",
) -> Iterator[Need]:
    """Yield what is wrong with a certificate, the most urgent alone, and with its renewals.

    Args:
        certificate: `certificate` of the state of a host; None if it cannot be read.
        at: When the state was collected, in Unix time.
        name: Of the application, which the unit of the renewal is named after.
        mode: Where the certificate comes from, unless its renewal says so.
        least: The percent of its lifetime that must be left.
        which: What it is called.
    """
    if certificate is None:
        yield Need(FAULT, "there is no certificate that can be read", RENEW)
        return
    renewal = certificate["renewal"] or {}
    todo = remedy(str(renewal.get("mode") or mode), name, renews=bool(renewal))
    left = certificate["ends"] - at
    percent = share_left(certificate, at)
    failures = int(renewal.get("failures") or 0)
    why = (
        f"; {failures} {'renewal' if failures == 1 else 'renewals'} in a row failed: "
        f"{renewal.get('reason') or 'no reason is known'}"
        if failures
        else ""
    )
    if left < 0:
        yield Need(FAULT, f"{which} expired {span(-left)} ago{why}", todo)
    elif percent < least:
        yield Need(
            FAULT,
            f"{which} has {percent:.0f} % of its lifetime left, and ends on {_moment(certificate)} "
            f"UTC, in {span(left)}; expected at least {least} %{why}",
            todo,
        )
    elif failures:
        yield Need(WARNING, f"{which} ends in {span(left)}{why}", todo)


def share_left(certificate: Mapping[str, Any], at: float) -> float:
    """Return the percent of its lifetime that a certificate has left."""
    lifetime = certificate["ends"] - certificate["begins"]
    return float(100 * (certificate["ends"] - at) / lifetime) if lifetime > 0 else 0.0


def remedy(mode: str, name: str, *, renews: bool) -> str:
    """Return what to do about a certificate that has not been renewed.

    Args:
        mode: Where it comes from.
        name: Of the application.
        renews: Whether the machine renews it itself.
    """
    if renews:
        unit = f"{name}-certificate.service"
        return f"there: journalctl -u {unit} -n 50; then systemctl start {unit}"
    if mode == "provided":
        return f"have a new one issued, give it in app_tls, and run {RENEW}"
    return f"run {RENEW}"


def span(seconds: float) -> str:
    """Return a time in the largest unit of which there are two or more: `64 days`, `5 hours`."""
    for length, unit in UNITS:
        if seconds >= 2 * length or length == 1:
            count = int(seconds // length)
            return f"{count} {unit}{'' if count == 1 else 's'}"
    return ""


def left_text(certificate: Mapping[str, Any] | None, at: float) -> str:
    """Return a cell of a table: how long a certificate lasts."""
    if certificate is None:
        return "none"
    left = certificate["ends"] - at
    return span(left) if left >= 0 else f"EXPIRED {span(-left)} ago"


def _moment(certificate: Mapping[str, Any]) -> str:
    return datetime.fromtimestamp(certificate["ends"], timezone.utc).strftime("%Y-%m-%d %H:%M")
