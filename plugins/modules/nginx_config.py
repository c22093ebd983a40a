#!/usr/bin/python
"""Module `asgi.fleet.nginx_config`; the transaction is in `module_utils/servers/`."""

# Copyright: the asgi.fleet developers
# MIT License (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
module: nginx_config
short_description: Replace files of the nginx configuration after testing it as a whole
version_added: "0.1.0"
author: The asgi.fleet developers (@asgi-fleet)
description:
  - Runs C(nginx -t) on the whole new configuration before it replaces anything on disk. The test
    runs in its own mount namespace, where a changed copy is mounted over the real folder, so that
    absolute includes lead to the new files while the serving nginx sees the old ones.
  - Then replaces the files, reloads nginx (or starts it), and waits for the new workers.
    C(nginx -s reload) succeeds even when the master refuses the reload, for example because a port
    is in use. In that case the module restores the previous files and fails with nginx's own
    message.
extends_documentation_fragment: asgi.fleet.server_config
options:
  directory:
    description: The folder of the configuration.
    type: path
    default: /etc/nginx
  executable:
    description: The nginx program for the test.
    type: path
    default: /usr/sbin/nginx
  service:
    description: The systemd unit of nginx.
    type: str
    default: nginx
  error_log:
    description: Log in which the running nginx says why it refuses a reload.
    type: path
    default: /var/log/nginx/error.log
"""

EXAMPLES = r"""
- name: Serve the site
  asgi.fleet.nginx_config:
    files:
      /etc/nginx/conf.d/shop.conf: "{{ lookup('ansible.builtin.template', 'site.conf.j2') }}"
    absent:
      - /etc/nginx/sites-enabled/default
    unit_files:
      /etc/systemd/system/nginx.service.d/restart.conf: |
        [Service]
        Restart=on-failure
"""

RETURN = r"""
action:
  description: What happened to nginx, V(none), V(reloaded) or V(started).
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
  description: Whether C(nginx -t) tested the result.
  returned: success
  type: bool
"""

from ansible_collections.asgi.fleet.plugins.module_utils.entry.module import Module
from ansible_collections.asgi.fleet.plugins.module_utils.servers.module import (
    arguments,
    installation,
    run,
)
from ansible_collections.asgi.fleet.plugins.module_utils.servers.nginx import SystemNginx


def main() -> None:
    """Run the module."""
    module = Module(
        argument_spec=arguments("/etc/nginx", "/usr/sbin/nginx", "nginx")
        | {"error_log": {"type": "path", "default": "/var/log/nginx/error.log"}},
        supports_check_mode=True,
    )
    nginx = SystemNginx(installation(module), module.params["error_log"])
    run(module, nginx, module.params["files"])


if __name__ == "__main__":
    main()
