#!/usr/bin/python
"""Module `asgi.fleet.acme_client`; the work is in `module_utils/certificates/`."""

# Copyright: the asgi.fleet developers
# MIT License (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
module: acme_client
short_description: Install certbot from its lock, with an account and a key of its own
version_added: "0.3.0"
author: The asgi.fleet developers (@asgi-fleet)
description:
  - Makes the system account that the client runs as, its folder, and the key by which an ACME
    directory knows it. Nothing is asked of a directory.
  - Makes a virtual environment with what O(requirements) names, each file by its hash. A run that
    is interrupted leaves the host as it was.
options:
  name:
    description: Name of the certificate; the account is this with C(-acme).
    type: str
    required: true
  directory:
    description: Folder of the certificate's pairs, for the key.
    type: path
    required: true
  state:
    description: Folder of the client.
    type: path
    required: true
  account_key:
    description:
      - The account's key as PEM text, on the curve P-256. Empty to keep the one that is there, or
        to make one.
    type: str
    default: ""
  key_only:
    description: Install no client, and return the key, to be given to other machines.
    type: bool
    default: false
  requirements:
    description: Text of a C(requirements.txt) with hashes, without O(key_only).
    type: str
    default: ""
  environment:
    description:
      - Variables of uv about indexes, their credentials, proxies and authorities, by the filter
        P(asgi.fleet.environment_file#filter).
    type: str
    default: ""
requirements:
  - The packages python3-venv and openssl
attributes:
  check_mode:
    description: Reports what would be made.
    support: full
  diff_mode:
    description: Nothing to show.
    support: none
  idempotent:
    description: A host that has all of it is not changed.
    support: full
"""

EXAMPLES = r"""
- name: Install the client for the certificate of the shop
  asgi.fleet.acme_client:
    name: shop
    directory: /etc/shop/tls
    state: /var/lib/shop/acme
    requirements: "{{ lookup('ansible.builtin.file', 'certbot-requirements.txt') }}"
"""

RETURN = r"""
thumbprint:
  description: Thumbprint of the account's key; empty in check mode where there is none yet.
  returned: success
  type: str
  sample: NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs
user:
  description: The account on the host.
  returned: success
  type: str
  sample: shop-acme
is_obtained:
  description: Whether a pair that came by ACME is in use.
  returned: success
  type: bool
python:
  description: Interpreter of the virtual environment.
  returned: success
  type: str
  sample: /opt/acme_client/0123456789ab/bin/python
account_key:
  description: The account's key; a task that has it must set C(no_log).
  returned: with O(key_only)
  type: str
made:
  description: What was made, or would be.
  returned: success
  type: list
  elements: str
"""

from ansible_collections.asgi.fleet.plugins.module_utils.certificates.acme_account import (
    Account,
    AccountKeyError,
    ensure,
    thumbprint,
)
from ansible_collections.asgi.fleet.plugins.module_utils.certificates.acme_client import (
    Client,
    ClientError,
    install,
)
from ansible_collections.asgi.fleet.plugins.module_utils.entry.module import Module
from ansible_collections.asgi.fleet.plugins.module_utils.host.accounts import AccountError
from ansible_collections.asgi.fleet.plugins.module_utils.host.controller import ControllerGone
from ansible_collections.asgi.fleet.plugins.module_utils.host.locking import UnsafeFolderError
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.environment import (
    parse_environment,
)


def main() -> None:
    """Run the module."""
    module = Module(
        argument_spec={
            "name": {"type": "str", "required": True},
            "directory": {"type": "path", "required": True},
            "state": {"type": "path", "required": True},
            "account_key": {"type": "str", "default": "", "no_log": True},
            "key_only": {"type": "bool", "default": False, "no_log": False},
            "requirements": {"type": "str", "default": ""},
            "environment": {"type": "str", "default": "", "no_log": True},
        },
        required_if=[("key_only", False, ("requirements",))],
        supports_check_mode=True,
    )
    asked = module.params
    account = Account(asked["name"], asked["directory"], asked["state"])
    client = Client(asked["requirements"], parse_environment(asked["environment"]))
    answer: dict[str, object] = {}
    try:
        made, key = ensure(account, asked["account_key"], check_mode=module.check_mode)
        print_of_key = thumbprint(key) if key else ""
        if not asked["key_only"] and not client.is_there:
            made.append(client.folder)
            if not module.check_mode:
                install(client)
    except (
        *(AccountError, AccountKeyError, ClientError, ControllerGone, UnsafeFolderError),
        OSError,
    ) as error:
        module.refuse(error)
    if asked["key_only"]:
        answer["account_key"] = key
    module.exit_json(
        changed=bool(made),
        made=made,
        thumbprint=print_of_key,
        user=account.user,
        is_obtained=account.is_obtained,
        python=client.python,
        **answer,
    )


if __name__ == "__main__":
    main()
