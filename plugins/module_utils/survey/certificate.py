"""A certificate on this machine, and what its last renewal came to. Only reads."""

from __future__ import annotations

import json
import os

from ansible_collections.asgi.fleet.plugins.module_utils.host.certificates import read_certificate
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.state import (
    CertificateState,
    Renewal,
)

#: Beside the certificate, where this machine renews it itself.
RENEWAL = "renewal.json"
#: Pairs that the controller brings, whatever was before.
FROM_THE_CONTROLLER = ("provided", "internal_ca")
#: A reason is the text of somebody's server; nobody reads a page of it.
LONGEST_REASON = 500


def certificate_state(path: str) -> CertificateState | None:
    """Return what a certificate says, and how its renewals go; None if it cannot be read.

    Args:
        path: Where a server looks for it; empty for none.
    """
    found = read_certificate(path)
    if found is None:
        return None
    return {
        "names": list(found.names),
        "begins": int(found.begins),
        "ends": int(found.ends),
        "renewal": read_renewal(os.path.dirname(path)),
    }


def read_renewal(directory: str) -> Renewal | None:
    """Return what the last renewal left; None if this machine does not renew what is in use."""
    pair = os.path.basename(os.path.realpath(os.path.join(directory, "current")))
    if pair.startswith(FROM_THE_CONTROLLER):
        # What is left of another mode.
        return None
    try:
        with open(os.path.join(directory, RENEWAL), encoding="utf-8") as file:
            told = json.load(file)
        return {
            "mode": str(told["mode"]),
            "checked": int(told.get("checked") or 0),
            "renewed": int(told.get("renewed") or 0),
            "failures": int(told.get("failures") or 0),
            "reason": str(told.get("reason") or "")[:LONGEST_REASON],
            "next": int(told.get("next") or 0),
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
