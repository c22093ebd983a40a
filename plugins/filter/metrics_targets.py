"""The filter `asgi.fleet.metrics_targets`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ansible_collections.asgi.fleet.plugins.plugin_utils.balancer.sites import address_of
from ansible_collections.asgi.fleet.plugins.plugin_utils.entry.filters import refusing
from ansible_collections.asgi.fleet.plugins.plugin_utils.report import targets

DOCUMENTATION = r"""
name: metrics_targets
short_description: What Prometheus is to scrape, for its discovery from files
version_added: "0.1.0"
description:
  - One entry for each host and each path that the endpoint of its metrics answers. The labels have
    the application, the host, the job and the path.
  - The exporters of a machine that has several applications are scraped once.
  - Hosts without metrics are left out. So are endpoints on a loopback address, each with a line.
options:
  _input:
    description: The variables of all hosts, among them C(deployment).
    type: dict
    required: true
  hosts:
    description: Inventory names.
    type: list
    elements: str
    required: true
positional: hosts
author:
  - The asgi.fleet developers (@asgi-fleet)
"""

EXAMPLES = r"""
- name: Show what Prometheus is to scrape
  ansible.builtin.debug:
    msg: "{{ (hostvars | asgi.fleet.metrics_targets(ansible_play_hosts_all)).groups }}"
"""

RETURN = r"""
_value:
  description: C(groups), the content of the file, and C(lines), what was left out and why.
  type: dict
  contains:
    groups:
      description: Each with C(targets) and C(labels).
      type: list
      elements: dict
    lines:
      description: Sentences.
      type: list
      elements: str
"""


def metrics_targets(
    hostvars: Mapping[str, Mapping[str, Any]], hosts: Iterable[str]
) -> targets.Targets:
    """Return what Prometheus is to scrape; see DOCUMENTATION."""
    return targets.targets(hostvars, hosts, address_of)


class FilterModule:
    """The collection's filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"metrics_targets": refusing(metrics_targets)}
