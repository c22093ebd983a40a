"""Shared documentation of the modules that start a slot."""

from __future__ import annotations


class ModuleDocFragment:
    """Its files, and when it is healthy."""

    DOCUMENTATION = r"""
options:
  health_body:
    description: Text that the answer must contain; empty accepts any answer.
    type: str
    default: ""
  health_timeout:
    description: Seconds that the slot may take to become healthy.
    type: float
    default: 60
  prefix:
    description: How the variables of path and host begin, for messages.
    type: str
    default: gunicorn_service_
"""

    # The two that take turns. What both have is written twice: ansible-test reads constants alone.
    PAIR = r"""
options:
  blue: &slot
    description: Contents of the slot's files.
    type: dict
    required: true
    suboptions:
      socket:
        description: The socket unit.
        type: str
        required: true
      service:
        description: The service unit.
        type: str
        required: true
      settings:
        description: The gunicorn.conf.py.
        type: str
        required: true
      worker:
        description: The module with the worker class.
        type: str
        required: true
      master:
        description: The module with what the master does.
        type: str
        required: true
      environment:
        description: The EnvironmentFile=, made by the filter P(asgi.fleet.environment_file#filter).
        type: str
        required: true
      counts:
        description: The module that counts what the workers serve.
        type: str
        required: true
      logs:
        description: The module that writes log lines as JSON; empty if that is not wanted.
        type: str
        default: ""
      timers:
        description: >-
          The units of the application's timers, each below a line with C(#), a colon and its name.
          They are the application's while the slot is live.
        type: str
        default: ""
      processes:
        description: The unit of each of O(processes), by its name.
        type: dict
        default: {}
  green: *slot
"""

    # One beside them.
    OTHER = r"""
options:
  files:
    description: Contents of the slot's files, as those of M(asgi.fleet.slot).
    type: dict
    required: true
    suboptions:
      socket:
        description: The socket unit.
        type: str
        required: true
      service:
        description: The service unit.
        type: str
        required: true
      settings:
        description: The gunicorn.conf.py.
        type: str
        required: true
      worker:
        description: The module with the worker class.
        type: str
        required: true
      master:
        description: The module with what the master does.
        type: str
        required: true
      environment:
        description: The EnvironmentFile=, made by the filter P(asgi.fleet.environment_file#filter).
        type: str
        required: true
"""
