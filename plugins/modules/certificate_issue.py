#!/usr/bin/python
"""The documentation of the action plugin `certificate_issue`, which works on the controller."""

# Copyright: the asgi.fleet developers
# MIT License (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
module: certificate_issue
short_description: Issue a server's certificate by an authority on the controller
version_added: "0.1.0"
author: The asgi.fleet developers (@asgi-fleet)
description:
  - Signs a certificate for a host's own private key, which does not travel.
  - Of the host's request, only the public key counts. A host cannot ask for other names.
  - Needs the Python library C(cryptography) on the controller.
options:
  request:
    description: The host's request, PEM.
    type: str
    required: true
  name:
    description: Common name of the certificate.
    type: str
    required: true
  domains:
    description: Names and addresses that it is for.
    type: list
    elements: str
    required: true
  days:
    description: How many days it is valid. It never outlives the authority.
    type: int
    default: 30
  folder:
    description: As for M(asgi.fleet.certificate_authority).
    type: str
    default: ""
  certificate:
    description: As for M(asgi.fleet.certificate_authority).
    type: str
    default: ""
  key:
    description: As for M(asgi.fleet.certificate_authority).
    type: str
    default: ""
  key_password:
    description: As for M(asgi.fleet.certificate_authority).
    type: str
    default: ""
attributes:
  check_mode:
    description: Writes nothing, so it also runs in check mode.
    support: full
  diff_mode:
    description: Nothing to show.
    support: none
seealso:
  - module: asgi.fleet.certificate_authority
"""

EXAMPLES = r"""
- name: Issue a certificate for the shop
  asgi.fleet.certificate_issue:
    folder: authority
    request: "{{ request.csr }}"
    name: shop
    domains: [shop.example.com]
  register: issued
"""

RETURN = r"""
certificate:
  description: The certificate, and what leads to the authority's root, without the root, PEM.
  returned: success
  type: str
authority:
  description: The root, PEM.
  returned: success
  type: str
"""
