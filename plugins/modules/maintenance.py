#!/usr/bin/python
"""Switch a site's maintenance on or off."""

# Copyright: the asgi.fleet developers
# MIT License (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
module: maintenance
short_description: Switch a site's maintenance mode on or off
version_added: "0.1.0"
description:
  - Writes or removes the file that nginx checks at each request to a site of the role
    C(nginx_site), and the page that nginx then answers with. Nothing is reloaded, and other sites
    of the host are not affected.
  - Refuses a site whose configuration does not check the file.
options:
  path:
    description: The file that switches maintenance mode on; its pages are beside it.
    type: str
    required: true
  site:
    description: The site's file in nginx's configuration.
    type: path
    required: true
  enabled:
    description: Whether maintenance mode is on.
    type: bool
    required: true
  page:
    description: The page, as HTML.
    type: str
    default: ""
  detail:
    description: What clients that ask for JSON are told.
    type: str
    default: ""
  minutes:
    description: Expected duration from now, for the header C(Retry-After).
    type: int
    default: 30
  allow:
    description: Allow list of addresses, or networks of at most 256 addresses, to serve.
    type: list
    elements: str
    default: []
attributes:
  check_mode:
    description: Makes the same refusals, and reports what it would change.
    support: full
  diff_mode:
    description: Shows the state of the site before and after.
    support: full
  idempotent:
    description: Switching on again is a change if the end moves by more than a minute.
    support: partial
author:
  - The asgi.fleet developers (@asgi-fleet)
"""

EXAMPLES = r"""
- name: Close the shop for half an hour, except for one address
  asgi.fleet.maintenance:
    path: /var/lib/shop/maintenance
    site: /etc/nginx/conf.d/shop.conf
    enabled: true
    page: "{{ lookup('ansible.builtin.file', 'closed.html') }}"
    minutes: 30
    allow: [192.0.2.7]
"""

RETURN = r"""
state:
  description: The state of the site, in check mode the state it would have, as one line.
  returned: success
  type: str
  sample: maintenance is off
"""

import time

from ansible_collections.asgi.fleet.plugins.module_utils.entry.module import Module
from ansible_collections.asgi.fleet.plugins.module_utils.servers.maintenance import (
    MaintenanceError,
    Notice,
    Switch,
    addresses,
    describe,
    require_site,
)


def run(module: Module) -> dict[str, object]:
    """Switch, unless in check mode; return the module's result."""
    options = module.params
    switch = Switch(options["path"])
    before = describe(switch.since(), switch.until(), sorted(switch.guests()))
    now = int(time.time())
    if options["enabled"]:
        require_site(options["site"], options["path"])
        allow = addresses(options["allow"])
        until = now + 60 * options["minutes"]
        notice = Notice(options["page"], options["detail"], until, allow)
        changed = not switch.shows(notice)
        after = describe(switch.since() or now, until, allow) if changed else before
        if changed and not module.check_mode:
            switch.turn_on(notice)
    else:
        changed = switch.since() is not None
        after = describe(None, None, ())
        if changed and not module.check_mode:
            switch.turn_off()
    diff = {"before": f"{before}\n", "after": f"{after}\n"}
    return {"changed": changed, "state": after, "diff": diff}


def main() -> None:
    """Run the module."""
    module = Module(
        argument_spec={
            "path": {"type": "str", "required": True},
            "site": {"type": "path", "required": True},
            "enabled": {"type": "bool", "required": True},
            "page": {"type": "str", "default": ""},
            "detail": {"type": "str", "default": ""},
            "minutes": {"type": "int", "default": 30},
            "allow": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    try:
        result = run(module)
    except (MaintenanceError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
