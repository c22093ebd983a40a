"""Names that no application may have, on the controller and on a host."""

from __future__ import annotations

#: What the roles themselves use on a host, perhaps only after an application has claimed the name.
#: Whatever else a host has already is found on the host itself (`application/provenance.py`).
OWN_NAMES = (
    *("asgi-fleet", "uv", "nginx", "haproxy", "keepalived", "ufw", "unattended-upgrades"),
    # Logs of nginx itself, beside those of its sites.
    *("access", "error"),
)
