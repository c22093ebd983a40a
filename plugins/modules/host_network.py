#!/usr/bin/python
"""Module `asgi.fleet.host_network`; the work is in `module_utils/host/network.py`."""

# Copyright: the asgi.fleet developers
# MIT License (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
module: host_network
short_description: Have a host trust certificate authorities, and send apt by a proxy
version_added: "0.1.0"
author: The asgi.fleet developers (@asgi-fleet)
description:
  - Writes the certificates of authorities to C(/usr/local/share/ca-certificates), removes those
    that it wrote before and that are no longer named, and runs C(update-ca-certificates). Where the
    package C(ca-certificates) is missing, its installation takes them in.
  - Writes the proxy of apt to C(/etc/apt/apt.conf.d), and its credentials to
    C(/etc/apt/auth.conf.d), which only root can read.
options:
  authorities:
    description: The certificate of each authority in PEM, by a name of your own.
    type: dict
    default: {}
  apt_proxy:
    description: URL of the proxy, with its credentials; empty for none.
    type: str
    default: ""
attributes:
  check_mode:
    description: Reports the changes.
    support: full
  diff_mode:
    description: Names the files.
    support: full
  idempotent:
    description: Changes nothing on a host that is as wanted.
    support: full
"""

EXAMPLES = r"""
- name: Trust the authority of the company
  asgi.fleet.host_network:
    authorities:
      example: "{{ lookup('ansible.builtin.file', 'example.pem') }}"
    apt_proxy: http://proxy.example.com:3128
"""

RETURN = r"""
paths:
  description: What was, or in check mode would be, written, removed or made anew.
  returned: success
  type: list
  elements: str
  sample: [/usr/local/share/ca-certificates/asgi-fleet-example.crt]
"""

from ansible_collections.asgi.fleet.plugins.module_utils.entry.module import Module
from ansible_collections.asgi.fleet.plugins.module_utils.host.network import (
    Network,
    NetworkError,
    bring,
    differences,
)


def main() -> None:
    """Run the module."""
    module = Module(
        argument_spec={
            "authorities": {"type": "dict", "default": {}},
            # With credentials.
            "apt_proxy": {"type": "str", "default": "", "no_log": True},
        },
        supports_check_mode=True,
    )
    network = Network(**module.params)
    try:
        changed = differences(network)
        if changed and not module.check_mode:
            bring(network, changed)
    except (NetworkError, OSError) as error:
        module.refuse(error)
    listed = "".join(f"{path}\n" for path in changed)
    module.exit_json(changed=bool(changed), paths=changed, diff={"before": "", "after": listed})


if __name__ == "__main__":
    main()
