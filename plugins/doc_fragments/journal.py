"""What the modules that show a service's journal have in common."""

from __future__ import annotations


class ModuleDocFragment:
    """What is kept out of it."""

    DOCUMENTATION = r"""
options:
  secret_names:
    description: Names of variables whose values are blanked where the journal is shown.
    type: list
    elements: str
    default: []
"""
