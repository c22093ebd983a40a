#!/usr/bin/python
"""Take an application off a host."""

# Copyright: the asgi.fleet developers
# MIT License (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
module: application_absent
short_description: Remove an application from a host
version_added: "0.1.0"
description:
  - Stops and removes the units of both slots, then releases, settings, secrets, certificates,
    records, caches, nginx logs, and the accounts. Other applications, nginx and uv stay.
  - Remove the nginx site first, so that nginx proxies nothing to a removed application. This module
    does not remove it.
  - The application's own data in C(/var/lib/<name>/state) stays unless O(remove_data=true), and
    with it the account that owns it.
  - Removes only what asgi.fleet makes, in folders that carry its mark, see M(asgi.fleet.claim). A
    folder, a unit or an account of that name without the mark stays, and so does what others have
    put into a folder of the application; each is reported.
options:
  name:
    description: The application.
    type: str
    required: true
  user:
    description:
      - The account that runs the application; empty for the application's name. Another one stays.
    type: str
    default: ""
  remove_data:
    description: Also remove the application's own data.
    type: bool
    default: false
  certificate_only:
    description:
      - Remove only what a balancer has of a site, its certificate, its ACME account and what renews
        it. Not for a host of the application, which would lose the certificate that it serves.
    type: bool
    default: false
attributes:
  check_mode:
    description: Tells what would be removed.
    support: full
  diff_mode:
    description: Nothing to show.
    support: none
  idempotent:
    description: Nothing changes on a host without the application.
    support: full
author:
  - The asgi.fleet developers (@asgi-fleet)
"""

EXAMPLES = r"""
- name: Remove the shop, with its data
  asgi.fleet.application_absent:
    name: shop
    remove_data: true
"""

RETURN = r"""
removed:
  description: Units, paths and the accounts that were, or in check mode would be, removed.
  returned: success
  type: list
  elements: str
  sample: [shop@blue.socket, /opt/shop/releases, /etc/shop/tls, /opt/shop, the account shop]
kept:
  description: What stays, and why.
  returned: success
  type: list
  elements: str
"""

from ansible_collections.asgi.fleet.plugins.module_utils.application import removal
from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.entry.module import Module
from ansible_collections.asgi.fleet.plugins.module_utils.host.systemd import Refusal


def main() -> None:
    """Run the module."""
    module = Module(
        argument_spec={
            "name": {"type": "str", "required": True},
            "user": {"type": "str", "default": ""},
            "remove_data": {"type": "bool", "default": False},
            "certificate_only": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    options = module.params
    application = Application(options["name"])
    try:
        if options["certificate_only"]:
            todo = removal.plan_certificate(application)
        else:
            todo = removal.plan(application, options["user"], options["remove_data"])
        if not module.check_mode:
            removal.remove(application, todo)
    except (removal.RemovalError, Refusal) as error:
        module.fail_json(msg=str(error))
    accounts = [f"the account {account}" for account in todo.accounts]
    removed = [*todo.units, *todo.paths, *todo.folders, *accounts]
    module.exit_json(changed=bool(todo), removed=removed, kept=todo.kept)


if __name__ == "__main__":
    main()
