"""Derives the variables of the role tls_certificate from `app_tls`. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.internal_ca import (
    DEFAULT_DAYS,
    DEFAULT_FOLDER,
)

DEFAULT_NGINX_USER = "www-data"
#: What `app_tls` says of ACME, and may be shown.
OF_ACME = ("directory", "contact", "challenge", "hook", "profile", "ca_bundle")


def certificate_sources(tls: Mapping[str, Any]) -> dict[str, Any]:
    """Return where the certificate comes from; the playbooks add what is secret.

    Args:
        tls: The checked `app_tls`.
    """
    given = tls.get("certificate", "")
    internal = tls.get("mode") == "internal_ca"
    return {
        "tls_certificate_provided_certificate": "" if internal else given,
        "tls_certificate_provided_chain": tls.get("chain", ""),
        "tls_certificate_authority_certificate": given if internal else "",
        "tls_certificate_authority_folder": tls.get("folder", DEFAULT_FOLDER),
        "tls_certificate_issued_days": tls.get("days", DEFAULT_DAYS),
        **{f"tls_certificate_acme_{key}": tls[key] for key in OF_ACME if key in tls},
    }


def certificate_loading(certificates: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return how nginx gets at the pair: at each handshake, or at a reload, which ends WebSockets.

    Also behind balancers: what they pin they know before it is in use (playbooks/tasks/trust.yml).

    Args:
        certificates: The folder of the pairs.
        given: The role variables that the user has set, by name.
    """
    if {"nginx_site_certificate_path", "nginx_site_key_path"} & given.keys():
        return {"tls_certificate_deploy_command": "systemctl try-reload-or-restart nginx"}
    return {
        "tls_certificate_deploy_command": "",
        "nginx_site_certificate_directory": certificates,
        # The workers read it.
        "tls_certificate_key_group": given.get("nginx_site_user", DEFAULT_NGINX_USER),
        "tls_certificate_key_mode": "0640",
    }
