"""Filter `asgi.fleet.certificate_refusals`; see `plugin_utils/inputs/certificate_pair.py`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

DOCUMENTATION = r"""
name: certificate_refusals
short_description: Why a certificate and its key cannot serve some domains
version_added: 0.1.0
author: The asgi.fleet developers (@asgi-fleet)
description:
  - Checks a pair on the controller, before it is written to any host.
  - Needs the Python library C(cryptography) on the controller.
options:
  _input:
    description: The certificate and its chain, PEM.
    type: str
    required: true
  key:
    description: The private key without a passphrase, PEM.
    type: str
    required: true
  domains:
    description: Names that the certificate must cover.
    type: list
    elements: str
    required: true
positional: key, domains
"""

EXAMPLES = r"""
- name: Refuse a pair that cannot serve the site
  ansible.builtin.assert:
    that: refusals | length == 0
    fail_msg: "{{ refusals | join(' ') }}"
  vars:
    refusals: "{{ certificate | asgi.fleet.certificate_refusals(key, ['shop.example.com']) }}"
"""

RETURN = r"""
_value:
  description: Sentences that never quote the key; empty when the pair is fine.
  type: list
  elements: str
"""


def certificate_refusals(certificate: str, key: str, domains: list[str]) -> list[str]:
    """Return the refusals of `check_pair` at the current time."""
    # Here, so that ansible-doc lists the filter on a controller without cryptography.
    from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.certificate_pair import (
        check_pair,
    )

    names = [str(domain) for domain in domains]
    now = datetime.now(timezone.utc)
    return check_pair(str(certificate).encode(), str(key).encode(), names, now)


class FilterModule:
    """Names the filter to Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters of this file by name."""
        return {"certificate_refusals": certificate_refusals}
