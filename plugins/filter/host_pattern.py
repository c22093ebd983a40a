"""The filters that return host patterns for plays."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ansible import context
from ansible.errors import AnsibleFilterError

DOCUMENTATION = """
name: host_pattern
short_description: Return a play's host pattern for a list of hosts that may be empty
version_added: "0.1.0"
description:
  - Ansible treats an empty list of C(hosts) as a mistake and ends the run. A play that has nothing
    to do needs a pattern that matches no host.
  - Ansible's own process resolves C(hosts) before it forks one process for each task and host. The
    forks need not load again what a filter loads there, and all filters of a collection load
    together.
options:
  _input:
    description: Hosts or groups.
    type: list
    elements: str
    required: true
author:
  - The asgi.fleet developers (@asgi-fleet)
"""

EXAMPLES = """
- name: Revert the hosts that were switched
  hosts: "{{ hostvars.localhost.switched | default([]) | asgi.fleet.host_pattern }}"
"""

RETURN = """
_value:
  description: The pattern, as a list of its parts.
  type: list
  elements: str
"""


def host_pattern(hosts: Sequence[str]) -> list[str]:
    """Return a pattern that matches these hosts or groups; for none, one that matches no host.

    The syntax is that of ansible-core's guide, "Patterns: targeting hosts and groups".
    """
    return list(hosts) or ["all:!all"]


def hosts_to_check(groups: Mapping[str, Sequence[str]], done: object) -> list[str]:
    """Return the pattern of the application hosts, or one for no host when the check is done.

    Raises:
        AnsibleFilterError: There is no application host.
    """
    # `--syntax-check` needs no inventory.
    if not groups.get("app") and not context.CLIARGS.get("syntax"):
        raise AnsibleFilterError(
            "the group app is empty; expected at least one host that serves the application; "
            "add it to the inventory, as inventory/example/hosts.yml shows"
        )
    return host_pattern([] if str(done).lower() == "true" else ["app"])


def bootstrap_hosts(groups: Mapping[str, Sequence[str]], given: str = "") -> list[str]:
    """Return the pattern of the hosts that are bootstrapped.

    Args:
        groups: Ansible's own.
        given: What the command line asks for; empty for the groups of a fleet.

    Raises:
        AnsibleFilterError: There is no such host.
    """
    if given:
        return [given]
    ours = [name for name in ("app", "balancer") if groups.get(name)]
    if not ours and not context.CLIARGS.get("syntax"):
        raise AnsibleFilterError(
            "the groups app and balancer are empty; expected at least one host; add it to the "
            "inventory, as inventory/minimal/hosts.yml shows, or choose others: "
            "-e bootstrap_hosts=all"
        )
    return host_pattern(ours)


class FilterModule:
    """The collection's filters of this file."""

    def filters(self) -> dict[str, Callable[..., list[str]]]:
        """Return the filters by name."""
        return {
            "bootstrap_hosts": bootstrap_hosts,
            "host_pattern": host_pattern,
            "hosts_to_check": hosts_to_check,
        }
