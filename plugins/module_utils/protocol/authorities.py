"""Where a host has the certificate authorities that its system trusts."""

from __future__ import annotations

#: Debian's and Ubuntu's bundle of the package ca-certificates (update-ca-certificates(8)).
SYSTEM_AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
