"""What the modules that ask an application for its health have in common."""

from __future__ import annotations


class ModuleDocFragment:
    """How an application is asked."""

    DOCUMENTATION = r"""
options:
  health_path:
    description: Path that answers 200 when the application can serve.
    type: str
    default: /healthz
  health_host:
    description: The Host header to ask with.
    type: str
    default: localhost
"""
