#!/usr/bin/python
"""Tell what an application served since a moment."""

# Copyright: the asgi.fleet developers
# MIT License (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
module: traffic_info
short_description: Collect what an application has served since a given time
version_added: "0.1.0"
description:
  - "Read-only: counts requests, failed requests and times to the answer in nginx's own log, in the
    format of the role C(nginx_site). Only requests that went to the application count: a redirect
    or a maintenance page of nginx does not count, but its 502 for an application that does not
    answer does."
  - The time is the time to the beginning of the answer, so that the length of event streams,
    WebSockets and downloads does not matter. A client that gave up counts with the time it waited.
  - Finds the start by bisection, so a log of gigabytes takes no longer than a short one.
extends_documentation_fragment: asgi.fleet.reading
options:
  log:
    description:
      - The log, such as C(/var/log/nginx/shop.log). If it begins after O(since), the last rotated
        log, with C(.1) after its name, is read as well. A log that does not exist counts as empty.
    type: path
    required: true
  since:
    description: Unix time in seconds; requests that ended at this time or later count.
    type: float
    required: true
  ignore_paths:
    description: Paths whose requests do not count, such as those of a balancer's health checks.
    type: list
    elements: str
    default: []
author:
  - The asgi.fleet developers (@asgi-fleet)
"""

EXAMPLES = r"""
- name: Collect what the shop has served since it was switched
  asgi.fleet.traffic_info:
    log: /var/log/nginx/shop.log
    since: "{{ switched_at }}"
    ignore_paths: [/healthz]
  register: shop
"""

RETURN = r"""
traffic:
  description: What the application served.
  returned: success
  type: dict
  contains:
    requests:
      description: How many requests.
      type: int
      sample: 1200
    errors:
      description: How many of them were answered with a status from 500 to 599.
      type: int
      sample: 3
    latency_ms:
      description:
        - How many requests took how many milliseconds until the answer began. Times above a second
          are rounded up to 10 ms, above ten seconds to 100 ms.
      type: dict
      sample: {"4": 1100, "5": 97, "1010": 3}
"""

from pathlib import Path

from ansible_collections.asgi.fleet.plugins.module_utils.entry.module import Module
from ansible_collections.asgi.fleet.plugins.module_utils.servers.traffic import read_traffic


def main() -> None:
    """Run the module."""
    module = Module(
        argument_spec={
            "log": {"type": "path", "required": True},
            "since": {"type": "float", "required": True},
            "ignore_paths": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    log, since, ignored = (module.params[name] for name in ("log", "since", "ignore_paths"))
    try:
        traffic = read_traffic(Path(log), since, ignored)
    except OSError as error:
        module.fail_json(
            msg=f"log is {log}, which cannot be read ({error}); expected a log of nginx; "
            "read it as root, or correct the path"
        )
    module.exit_json(changed=False, traffic=traffic.as_dict())


if __name__ == "__main__":
    main()
