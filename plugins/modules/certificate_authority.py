#!/usr/bin/python
"""The documentation of the action plugin `certificate_authority`, which works on the controller."""

# Copyright: the asgi.fleet developers
# MIT License (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
module: certificate_authority
short_description: Keep a certificate authority of one's own on the controller
version_added: "0.1.0"
author: The asgi.fleet developers (@asgi-fleet)
description:
  - Makes an authority in a folder of the controller, if there is none, and prints then, once, what
    clients have to trust. Its private key has the mode 0600, and never leaves the controller.
  - An authority that exists may be given instead. One that has expired, is no authority, or whose
    key does not belong to it is refused.
  - Warns of a private key that git would take along, and of an authority with less than a quarter
    of its lifetime left.
  - Needs the Python library C(cryptography) on the controller.
options:
  folder:
    description:
      - Folder with C(ca.pem) and C(ca.key); a relative path begins at the inventory's folder.
      - Vault may encrypt C(ca.key).
    type: str
    default: ""
  certificate:
    description:
      - The certificate of an authority that exists, as PEM text or as a path on the controller. If
        that is no root, with the certificates that lead to its root.
    type: str
    default: ""
  key:
    description: Its private key, as PEM text or as a path on the controller.
    type: str
    default: ""
  key_password:
    description: What the private key is encrypted with, also one that is made.
    type: str
    default: ""
  state:
    description:
      - V(replaced) makes a new authority in the folder, removes the former private key, and keeps
        the former certificate under another name.
    type: str
    choices: [present, replaced]
    default: present
attributes:
  check_mode:
    description: Reports whether an authority would be made.
    support: full
  diff_mode:
    description: Nothing to show.
    support: none
seealso:
  - module: asgi.fleet.certificate_issue
"""

EXAMPLES = r"""
- name: Keep an authority beside the inventory
  asgi.fleet.certificate_authority:
    folder: authority
  register: authority
"""

RETURN = r"""
certificate:
  description: What clients have to trust, PEM; empty in check mode if there is none yet.
  returned: success
  type: str
fingerprint:
  description: Its SHA-256, as browsers show it.
  returned: success
  type: str
path:
  description: Its file on the controller; empty if it was given.
  returned: success
  type: str
lines:
  description: The same, for people.
  returned: if there is one
  type: list
  elements: str
"""
