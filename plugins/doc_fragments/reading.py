"""What the modules that only look have in common."""

from __future__ import annotations


class ModuleDocFragment:
    """The attributes of a module that changes nothing."""

    DOCUMENTATION = r"""
attributes:
  check_mode:
    description: Changes nothing, so it runs in check mode as well.
    support: full
  diff_mode:
    description: Nothing to show.
    support: none
"""
