#!/usr/bin/python
"""Tell whether variables have changed, without telling their values."""

# Copyright: the asgi.fleet developers
# MIT License (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
module: fingerprint
short_description: Tell whether variables have changed, without telling their values
version_added: "0.1.0"
description:
  - Returns a digest of each variable of the host that asgi.fleet knows, C(app_*), C(fleet_*) and
    those of its roles, and of each setting in C(app_env) and each secret in C(app_secrets).
  - The host makes the digests with a key that only it has, from its machine id and the private keys
    of its sshd. Whoever has a digest cannot find out by trying which value it is of.
extends_documentation_fragment: asgi.fleet.reading
options:
  values:
    description:
      - JSON of a mapping of further names to texts. The action plugin adds the host's variables.
    type: str
    default: "{}"
author:
  - The asgi.fleet developers (@asgi-fleet)
"""

EXAMPLES = r"""
- name: Tell which variables the host has
  asgi.fleet.fingerprint:
  register: shop_fingerprint
"""

RETURN = r"""
machine:
  description: The digest of the host's key; another one is another machine, or has new keys.
  returned: success
  type: str
  sample: 9f86d081884c7d65
variables:
  description: The digest of each variable; C(app_env.NAME) and C(app_secrets.NAME) for settings.
  returned: success
  type: dict
  sample: {app_workers: 2c26b46b68ffc68f, app_secrets.API_TOKEN: 9a0364b9e99bb480}
"""

import json

from ansible_collections.asgi.fleet.plugins.module_utils.entry.module import Module
from ansible_collections.asgi.fleet.plugins.module_utils.survey.fingerprint import (
    MACHINE,
    NoKeyError,
    digests,
    machine_key,
)


def main() -> None:
    """Run the module."""
    module = Module(
        # One text: what is hidden is cut out of the answer, and a short value would be everywhere.
        argument_spec={"values": {"type": "str", "default": "{}", "no_log": True}},
        supports_check_mode=True,
    )
    try:
        found = digests(json.loads(module.params["values"]), machine_key())
    except NoKeyError as error:
        module.refuse(error)
    machine = found.pop(MACHINE)
    module.exit_json(changed=False, machine=machine, variables=found)


if __name__ == "__main__":
    main()
