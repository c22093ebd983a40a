#!/usr/bin/python
"""The documentation of the action plugin `soak`; it waits on the controller."""

# Copyright: the asgi.fleet developers
# MIT License (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
module: soak
short_description: Wait within a soak, and look at what a host serves
version_added: "0.1.0"
description:
  - Waits on the controller until a moment, and then collects what the application has served, as
    M(asgi.fleet.traffic_info) does. It ends at once when the operator asks the rollout to end
    (Ctrl-C).
  - In a loop over what P(asgi.fleet.soak_moments#filter) returns, it lets an operator see how a
    canary does.
extends_documentation_fragment: asgi.fleet.reading
options:
  until:
    description: Unix time by the clock of the controller; one that has passed is not waited for.
    type: float
    required: true
  end:
    description: When the soak ends. Nothing is collected then, since what follows collects more.
    type: float
    required: true
  log:
    description: nginx's log of the application; empty only waits.
    type: path
    default: ""
  since:
    description: Unix time by the clock of the host; requests that ended then or later count.
    type: float
    default: 0
  ignore_paths:
    description: Paths whose requests do not count.
    type: list
    elements: str
    default: []
author:
  - The asgi.fleet developers (@asgi-fleet)
"""

EXAMPLES = r"""
- name: Watch what the host serves
  asgi.fleet.soak:
    until: "{{ item }}"
    end: "{{ moments | last }}"
    log: /var/log/nginx/shop.log
    since: "{{ switched_at }}"
  loop: "{{ moments }}"
"""

RETURN = r"""
remaining:
  description: Seconds until the end of the soak.
  returned: always
  type: float
traffic:
  description: What the application served, as M(asgi.fleet.traffic_info) returns it.
  returned: with O(log), before the end
  type: dict
"""
