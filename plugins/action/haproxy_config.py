"""Shortens the diff of a fleet's hosts; the work is done by the module of the same name."""

from __future__ import annotations

from ansible_collections.asgi.fleet.plugins.plugin_utils.entry.condensing import CondensingAction


class ActionModule(CondensingAction):
    """See `CondensingAction`."""
