"""Shared documentation of the modules whose refusals a playbook may show itself."""

from __future__ import annotations


class ModuleDocFragment:
    """What becomes of a refusal."""

    DOCUMENTATION = r"""
options:
  fail_when_refused:
    description:
      - Whether the task fails if the module refuses, which it does with a message for an operator.
        If V(false), the task is ok, its result has C(is_refusal), and the playbook shows C(msg)
        once for all hosts.
      - What nobody expected, such as a traceback, fails the task in either case.
    type: bool
    default: true
"""
