"""Filter `asgi.fleet.certificate_pair`; see `plugin_utils/inputs/certificate_pair.py`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timezone
from typing import Any

DOCUMENTATION = r"""
name: certificate_pair
short_description: A certificate and its key as a server wants them, or why they cannot serve
version_added: 0.1.0
author: The asgi.fleet developers (@asgi-fleet)
description:
  - Checks a pair on the controller, before it is written to any host.
  - Reads whatever a reader of PEM accepts, puts the chain in order and decrypts the key.
  - Needs the Python library C(cryptography) on the controller.
options:
  _input:
    description: The certificate, with its chain in any order, PEM.
    type: str
    required: true
  key:
    description: The private key, PEM.
    type: str
    required: true
  domains:
    description: Names that the certificate must cover.
    type: list
    elements: str
    required: true
  chain:
    description: Intermediate certificates that the input lacks, PEM.
    type: str
    default: ""
  password:
    description: What the key is encrypted with; empty if it is not.
    type: str
    default: ""
positional: key, domains, chain, password
"""

EXAMPLES = r"""
- name: Refuse a pair that cannot serve the site
  ansible.builtin.assert:
    that: pair.refusals | length == 0
    fail_msg: "{{ pair.refusals | join(' ') }}"
  vars:
    pair: "{{ certificate | asgi.fleet.certificate_pair(key, ['shop.example.com']) }}"
"""

RETURN = r"""
_value:
  description:
    - A mapping with C(certificate) and C(key), PEM, and C(refusals), sentences that never quote
      the key. With a refusal, the other two are empty.
  type: dict
"""


def certificate_pair(
    certificate: str, key: str, domains: list[str], chain: str = "", password: str = ""
) -> dict[str, Any]:
    """Return the pair that `prepare` makes at the current time."""
    # Here, so that ansible-doc lists the filter on a controller without cryptography.
    from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.certificate_pair import prepare

    pair = prepare(
        _bytes(certificate),
        _bytes(key),
        [str(domain) for domain in domains],
        datetime.now(timezone.utc),
        chain_pem=_bytes(chain),
        password=str(password),
    )
    return asdict(pair)


def _bytes(text: str) -> bytes:
    """Return a text as it is in its file: what is written around PEM may be in any encoding."""
    return str(text).encode(errors="surrogateescape")


class FilterModule:
    """Names the filter to Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters of this file by name."""
        return {"certificate_pair": certificate_pair}
