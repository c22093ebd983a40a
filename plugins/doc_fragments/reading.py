"""Shared documentation of the modules that only read."""

from __future__ import annotations


class ModuleDocFragment:
    """The attributes of a module that changes nothing."""

    DOCUMENTATION = r"""
attributes:
  check_mode:
    description: Changes nothing, so it also runs in check mode.
    support: full
  diff_mode:
    description: Nothing to show.
    support: none
"""
