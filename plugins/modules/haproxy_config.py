#!/usr/bin/python
"""Module `asgi.fleet.haproxy_config`; the transaction is in `module_utils/servers/`."""

# Copyright: the asgi.fleet developers
# MIT License (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
module: haproxy_config
short_description: Replace files of the HAProxy configuration after testing it as a whole
version_added: "0.1.0"
author: The asgi.fleet developers (@asgi-fleet)
description:
  - Runs C(haproxy -c) on the whole new configuration before it replaces anything on disk, as
    M(asgi.fleet.nginx_config) does.
  - Then replaces the files, reloads HAProxy (or starts it), and waits until a new process answers
    on the runtime socket. If none does, the module restores the previous files and fails with
    HAProxy's own message.
  - A text that is C(/etc/ssl/certs/ca-certificates.crt) stands for the content of that file on
    the host, which are the certificate authorities that its system trusts.
extends_documentation_fragment: asgi.fleet.server_config
options:
  renewed:
    description:
      - New certificates of servers, as PEM, by the path of the server's trust file.
      - Each is added before the first certificate of its file, so that both are trusted while the
        server switches. A file that does not exist is not created.
    type: dict
    default: {}
  directory:
    description: The folder of the configuration.
    type: path
    default: /etc/haproxy
  executable:
    description: The HAProxy program for the test.
    type: path
    default: /usr/sbin/haproxy
  service:
    description: The systemd unit of HAProxy.
    type: str
    default: haproxy
  socket:
    description: The runtime socket.
    type: path
    default: /run/haproxy/admin.sock
seealso:
  - module: asgi.fleet.nginx_config
"""

EXAMPLES = r"""
- name: Serve the sites
  asgi.fleet.haproxy_config:
    files:
      /etc/haproxy/haproxy.cfg: "{{ lookup('ansible.builtin.template', 'haproxy.cfg.j2') }}"
"""

RETURN = r"""
action:
  description: What happened to HAProxy, V(none), V(reloaded) or V(started).
  returned: success
  type: str
installed:
  description: Whether the server is installed.
  returned: success
  type: bool
files:
  description: Paths that were written or removed, or in check mode would be.
  returned: success
  type: list
  elements: str
tested:
  description: Whether C(haproxy -c) tested the result.
  returned: success
  type: bool
"""

from ansible_collections.asgi.fleet.plugins.module_utils.entry.module import Module
from ansible_collections.asgi.fleet.plugins.module_utils.servers.changes import look
from ansible_collections.asgi.fleet.plugins.module_utils.servers.haproxy import (
    SystemHaproxy,
    with_authorities,
    with_renewed,
)
from ansible_collections.asgi.fleet.plugins.module_utils.servers.module import (
    arguments,
    installation,
    run,
)


def main() -> None:
    """Run the module."""
    module = Module(
        argument_spec=arguments("/etc/haproxy", "/usr/sbin/haproxy", "haproxy")
        | {
            "renewed": {"type": "dict", "default": {}},
            "socket": {"type": "path", "default": "/run/haproxy/admin.sock"},
        },
        supports_check_mode=True,
    )
    haproxy = SystemHaproxy(installation(module), module.params["socket"])
    renewed = with_authorities(module.params["renewed"])
    files = with_authorities(module.params["files"])
    run(module, haproxy, files | with_renewed(renewed, look(renewed)))


if __name__ == "__main__":
    main()
