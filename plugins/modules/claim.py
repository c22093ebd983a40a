#!/usr/bin/python
"""Claim a name on a host for an application."""

# Copyright: the asgi.fleet developers
# MIT License (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
module: claim
short_description: Claim a name on a host for an application
version_added: "0.1.0"
description:
  - Refuses a name that something else on the host has already, an account, a folder, a unit or a
    site of nginx, and names it. Nothing is changed then.
  - Otherwise makes the account that runs the application, and the folders C(/opt/<name>),
    C(/etc/<name>), C(/var/lib/<name>) and C(/var/cache/<name>), with a mark. The account's mark is
    its comment, a folder's the file C(.asgi.fleet).
  - An account or a folder that exists is not changed.
options:
  name:
    description: The application.
    type: str
    required: true
  user:
    description:
      - The account that runs the application; by default the application's name. Another account
        may be anybody's but root's. It is used, and never changed or removed.
    type: str
  metrics:
    description: Whether an account that serves the application's metrics is made as well.
    type: bool
    default: false
attributes:
  check_mode:
    description: Makes the same refusals, and tells what would be made.
    support: full
  diff_mode:
    description: Nothing to show.
    support: none
  idempotent:
    description: Nothing changes where all of it is the application's.
    support: full
author:
  - The asgi.fleet developers (@asgi-fleet)
"""

EXAMPLES = r"""
- name: Claim the name of the shop
  asgi.fleet.claim:
    name: shop
"""

RETURN = r"""
made:
  description: The folders and the account that were, or in check mode would be, made.
  returned: success
  type: list
  elements: str
  sample: [/opt/shop, /etc/shop, /var/lib/shop, /var/cache/shop, the account shop]
metrics_account:
  description: The account that serves the application's metrics.
  returned: success
  type: str
  sample: shop-metrics
metrics_served:
  description: Whether the application's metrics have units on the host.
  returned: success
  type: bool
"""

import os

from ansible_collections.asgi.fleet.plugins.module_utils.application import provenance
from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import (
    Application,
    metrics_account,
)
from ansible_collections.asgi.fleet.plugins.module_utils.entry.module import Module
from ansible_collections.asgi.fleet.plugins.module_utils.host.accounts import (
    AccountError,
    ensure_account,
    find_account,
)
from ansible_collections.asgi.fleet.plugins.module_utils.host.fitness import (
    UnfitError,
    require_fit_host,
)


def main() -> None:
    """Run the module."""
    module = Module(
        argument_spec={
            "name": {"type": "str", "required": True},
            "user": {"type": "str"},
            "metrics": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    application = Application(module.params["name"])
    user = module.params["user"] or application.name
    try:
        require_fit_host()
        made = provenance.claim(
            application, user, check_mode=module.check_mode, parents=provenance.PARENTS
        )
        server = metrics_account(application.name)
        for account, borrowed in ((user, user != application.name), (server, False)):
            if (account == user or module.params["metrics"]) and find_account(account) is None:
                made.append(f"the account {account}")
                if not module.check_mode:
                    ensure_account(account, application.name, borrowed=borrowed)
    except (AccountError, UnfitError, provenance.ForeignError, OSError) as error:
        module.refuse(error)
    unit = application.path("etc/systemd/system", f"{application.name}-metrics.socket")
    module.exit_json(
        changed=bool(made),
        made=made,
        metrics_account=server,
        metrics_served=os.path.lexists(unit),
    )


if __name__ == "__main__":
    main()
