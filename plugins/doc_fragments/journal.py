"""Shared documentation of the modules that show a service's journal."""

from __future__ import annotations


class ModuleDocFragment:
    """What is hidden."""

    DOCUMENTATION = r"""
options:
  secret_names:
    description:
      - Names of variables whose values are hidden when the journal is shown, in the forms too that
        an application gives them. Values of fewer than 4 characters are not.
    type: list
    elements: str
    default: []
"""
