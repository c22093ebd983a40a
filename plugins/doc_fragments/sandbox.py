"""Shared documentation of the modules that run something of an application."""

from __future__ import annotations


class ModuleDocFragment:
    """What the application may do."""

    DOCUMENTATION = r"""
options:
  sandbox:
    description:
      - What the service may do beyond the least. Whatever else runs of the application may do the
        same.
    type: dict
    default: {}
    suboptions:
      network_allow:
        description:
          - V(any), V(localhost), V(link-local) and networks in CIDR notation. V(any) is everything
            but the two others, which must be named.
        type: list
        elements: str
        default: [any]
      writable_paths:
        description:
          - What it may write, besides its own state and cache. Absolute paths must exist.
          - >-
            A path inside of the source is made. It is kept over releases, in the application's
            state, and the release has a link to it; C({path: ..., keep: false}) gives each release
            its own.
        type: list
        elements: raw
        default: []
      devices:
        description: Absolute paths of devices.
        type: list
        elements: str
        default: []
      jit:
        description: Whether it makes code at run time.
        type: bool
        default: false
      netlink:
        description: Whether it reads the host's network interfaces.
        type: bool
        default: false
      options:
        description: Further directives of the unit; those that confine hold here too.
        type: dict
        default: {}
"""
