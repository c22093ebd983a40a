#!/usr/bin/python
"""Module `asgi.fleet.certificate_drift`; the comparison is in the module utility of that name."""

# Copyright: the asgi.fleet developers
# MIT License (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
module: certificate_drift
short_description: Tell how a certificate and its key differ from what is wanted
version_added: "0.1.0"
author: The asgi.fleet developers (@asgi-fleet)
description:
  - "Read-only: compares the folder of a pair, its certificate, its private key and the links that
    lead to them with what is wanted of them, all in one round trip."
  - A pair is a folder with C(fullchain.pem) and C(privkey.pem); the link C(current) beside it leads
    to the pair in use.
extends_documentation_fragment: asgi.fleet.reading
options:
  directory:
    description: Folder of the pairs.
    type: path
    required: true
  pair:
    description:
      - Name of the wanted pair's folder in O(directory).
      - Unless it is provided, the pair in use may be in a folder of that name and 16 more digits.
    type: str
    required: true
  certificate_path:
    description: Link through which a server reads the certificate.
    type: path
    required: true
  key_path:
    description: Link through which a server reads the private key.
    type: path
    required: true
  key_owner:
    description: Owner of the private key.
    type: str
    default: root
  key_group:
    description: Group of the private key.
    type: str
    default: root
  key_mode:
    description: Mode of the private key in octal digits; another notation always differs.
    type: str
    default: "0600"
  selfsigned:
    description: The self-signed certificate that is wanted, with a key on the curve P-256.
    type: dict
    suboptions:
      name:
        description: Its common name.
        type: str
        required: true
      domains:
        description: Names and addresses it has to be for, and no others.
        type: list
        elements: str
        required: true
      renew_percent:
        description: This share of its lifetime has to be left, in percent.
        type: int
        required: true
  issued:
    description: The certificate of one's own authority that is wanted, with such a key.
    type: dict
    suboptions:
      name:
        description: Its common name.
        type: str
        required: true
      domains:
        description: Names and addresses it has to be for, and no others.
        type: list
        elements: str
        required: true
      renew_percent:
        description: This share of its lifetime has to be left, in percent.
        type: int
        required: true
      authority_sha256:
        description: SHA-256 of the authority's certificate, PEM, in hexadecimal digits.
        type: str
        required: true
  renewal:
    description: What has to renew the pair on the host itself.
    type: dict
    suboptions:
      files:
        description: SHA-256 of each of its files by path, in hexadecimal digits.
        type: dict
        required: true
      timer:
        description: The timer that has to start at boot; empty for none.
        type: str
        default: ""
      absent:
        description: Files that must not be there, such as the configuration of what renewed before.
        type: list
        elements: path
        default: []
  provided:
    description: The provided pair that is wanted.
    type: dict
    suboptions:
      certificate_sha256:
        description: SHA-256 of the certificate's file, in hexadecimal digits.
        type: str
        required: true
      key_sha256:
        description: SHA-256 of the private key's file, in hexadecimal digits.
        type: str
        required: true
requirements:
  - openssl on the host; without it every certificate that is not provided differs
"""

EXAMPLES = r"""
- name: Compare the certificate of the shop with what is wanted
  asgi.fleet.certificate_drift:
    directory: /etc/shop/tls
    pair: selfsigned
    certificate_path: /etc/shop/tls/fullchain.pem
    key_path: /etc/shop/tls/privkey.pem
    selfsigned:
      name: shop
      domains: [shop.example.com]
      renew_percent: 33
  register: shop
"""

RETURN = r"""
pair:
  description:
    - Name of the folder in which the wanted pair is, or has to be made. What has to be renewed gets
      another one than the pair in use.
  returned: success
  type: str
  sample: selfsigned-5f3a8d0c11e2b947
drift:
  description: What differs, by subject. A subject without a difference is not there, so an empty
    dictionary means that everything is as wanted.
  returned: success
  type: dict
  contains:
    access:
      description: What differs about owner, group or mode of the pair's folder and of its files.
      type: list
      elements: str
    key:
      description: What differs about the content of the private key.
      type: list
      elements: str
    certificate:
      description: What differs about the content of the certificate.
      type: list
      elements: str
    renewal:
      description: Paths of what renews the pair that are not as wanted.
      type: list
      elements: str
    links:
      description: Paths of the links that lead elsewhere.
      type: list
      elements: str
    superseded:
      description: Folders of pairs that nothing uses any more.
      type: list
      elements: str
  sample: {access: [/etc/shop/tls/selfsigned/privkey.pem is 0 0 0644; expected root root 0600]}
"""

import time

from ansible_collections.asgi.fleet.plugins.module_utils.entry.module import Module
from ansible_collections.asgi.fleet.plugins.module_utils.host.certificate_drift import (
    Access,
    Issued,
    Layout,
    Provided,
    SelfSigned,
    examine,
)
from ansible_collections.asgi.fleet.plugins.module_utils.host.renewal_drift import (
    Renewing,
    renewal_drift,
)


def main() -> None:
    """Run the module."""
    text = {"type": "str", "required": True}
    path = {"type": "path", "required": True}
    made = {
        "name": text,
        "domains": {"type": "list", "elements": "str", "required": True},
        "renew_percent": {"type": "int", "required": True},
    }
    module = Module(
        argument_spec={
            "directory": path,
            "pair": text,
            "certificate_path": path,
            "key_path": path,
            "key_owner": {"type": "str", "default": "root", "no_log": False},
            "key_group": {"type": "str", "default": "root", "no_log": False},
            "key_mode": {"type": "str", "default": "0600", "no_log": False},
            "selfsigned": {"type": "dict", "options": made},
            "issued": {"type": "dict", "options": made | {"authority_sha256": text}},
            "renewal": {
                "type": "dict",
                "options": {
                    "files": {"type": "dict", "required": True},
                    "timer": {"type": "str", "default": ""},
                    "absent": {"type": "list", "elements": "path", "default": []},
                },
            },
            "provided": {
                "type": "dict",
                "options": {"certificate_sha256": text, "key_sha256": text | {"no_log": False}},
            },
        },
        mutually_exclusive=[("selfsigned", "issued", "provided")],
        required_one_of=[("selfsigned", "issued", "provided")],
        supports_check_mode=True,
    )
    asked = module.params
    layout = Layout(*(asked[n] for n in ("directory", "pair", "certificate_path", "key_path")))
    key = Access(*(asked[n] for n in ("key_owner", "key_group", "key_mode")))
    wanted: SelfSigned | Provided
    if asked["provided"]:
        wanted = Provided(asked["provided"]["certificate_sha256"], asked["provided"]["key_sha256"])
    else:
        given = asked["selfsigned"] or asked["issued"]
        common = (given["name"], tuple(given["domains"]), given["renew_percent"])
        authority = given.get("authority_sha256")
        wanted = Issued(*common, authority) if authority else SelfSigned(*common)
    pair, drift = examine(layout, key, wanted, time.time())
    if asked["renewal"]:
        told = asked["renewal"]
        paths = renewal_drift(Renewing(told["files"], told["timer"], tuple(told["absent"])))
        drift |= {"renewal": paths} if paths else {}
    module.exit_json(changed=False, pair=pair, drift=drift)


if __name__ == "__main__":
    main()
