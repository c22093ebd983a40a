"""When to ask an ACME directory again: by shares of the lifetime, never by a number of days."""

from __future__ import annotations

import os
import random
import subprocess

import acme_reasons as reasons
import pair

HOUR = 3600.0
#: Below this lifetime certbot renews at the half of it, else at two thirds (certbot 5.8).
SHORT = 10 * 24 * HOUR
#: What is expected before the first certificate has told.
USUAL = 90 * 24 * HOUR


def next_time(certificate: str, count: int, reason: str, now: float) -> float:
    """Return when to try next.

    After a failure, min(1 h, lifetime/100), doubled with each further one, at most lifetime/24; or
    when the directory says so. Else when certbot will renew, which may be earlier by ARI: the
    hourly timer lets it ask.

    Args:
        certificate: The certificate in use; empty for none.
        count: How many attempts have failed since the last that did not.
        reason: Why the last one failed.
        now: Unix time.
    """
    try:
        span = pair.validity(certificate)
    except pair.PairError:
        span = pair.Validity(now, now + USUAL)
    if count:
        delay = min(min(HOUR, span.lifetime / 100) * 2.0 ** min(count - 1, 30), span.lifetime / 24)
        # Many hosts that failed together do not come back together.
        return max(now + delay * random.uniform(0.9, 1.1), reasons.retry_after(reason))  # noqa: S311
    share = 1 / 2 if span.lifetime < SHORT else 2 / 3
    return max(now, span.begins + span.lifetime * (share + random.uniform(0.001, 0.01)))  # noqa: S311


def plan(unit: str, following: float, now: float) -> None:
    """Have systemd run a unit again, if that is due before the hourly timer comes.

    Args:
        unit: Its name without its type.
        following: When, in Unix time.
        now: Unix time.
    """
    if not os.path.isdir("/run/systemd/system") or following - now > HOUR:
        return
    again = f"{unit}-next"
    subprocess.run(["systemctl", "stop", f"{again}.timer"], capture_output=True, check=False)
    command = [
        *("systemd-run", "--quiet", "--collect", f"--unit={again}"),
        *(f"--on-active={max(1.0, following - now):.0f}", "--timer-property=AccuracySec=1s"),
        *("systemctl", "start", "--no-block", f"{unit}.service"),
    ]
    subprocess.run(command, check=False)
