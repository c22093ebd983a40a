"""Shared documentation of the modules that show a service's journal."""

from __future__ import annotations


class ModuleDocFragment:
    """What is hidden."""

    DOCUMENTATION = r"""
options:
  secret_names:
    description: Names of variables whose values are hidden when the journal is shown.
    type: list
    elements: str
    default: []
"""
