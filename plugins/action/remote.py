"""Runs a module as usual, and says in one sentence why a host let nothing be run on it.

meta/runtime.yml names it for the modules that a playbook calls first.
"""

from __future__ import annotations

from ansible_collections.asgi.fleet.plugins.plugin_utils.entry.remote import RemoteAction


class ActionModule(RemoteAction):
    """Ansible's own action for modules, with an explanation."""
