"""Shared documentation of the modules that check an application's health."""

from __future__ import annotations


class ModuleDocFragment:
    """How health is checked."""

    DOCUMENTATION = r"""
options:
  health_path:
    description: Path that answers 200 when the application can serve.
    type: str
    default: /healthz
  health_host:
    description: The Host header of health requests.
    type: str
    default: localhost
"""
