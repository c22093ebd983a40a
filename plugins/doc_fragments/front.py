"""Shared documentation of the modules that ask nginx as a visitor does."""

from __future__ import annotations


class ModuleDocFragment:
    """How a visitor's request is made."""

    DOCUMENTATION = r"""
options:
  https_port:
    description: Port of nginx on this host, to ask it as a visitor does; 0 skips that.
    type: int
    default: 0
  https_path:
    description: The health path as clients of nginx request it, for O(https_port).
    type: str
    default: /healthz
  certificate:
    description: Path of the certificate that nginx should serve; empty for none.
    type: str
    default: ""
"""
