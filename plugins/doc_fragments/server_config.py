"""Shared documentation of `nginx_config` and `haproxy_config`."""

from __future__ import annotations


class ModuleDocFragment:
    """The options and attributes of a transaction on a server's configuration."""

    DOCUMENTATION = r"""
options:
  files:
    description: Content of each file, by its absolute path below O(directory).
    type: dict
    default: {}
  unit_files:
    description:
      - Drop-ins of the service that belong to the same change, by absolute path below
        C(/etc/systemd/system/).
      - They are written with the other files, and systemd reads them before the reload or the
        start. A drop-in alone needs no reload of the server.
    type: dict
    default: {}
  absent:
    description: Absolute paths below O(directory) that must not exist, such as a default site.
    type: list
    elements: path
    default: []
  backup:
    description:
      - Paths of O(files) or O(absent) of which to keep what is there, if it changes, beside them as
        C(<path>.before_asgi_fleet). A copy that is there already is not replaced.
    type: list
    elements: path
    default: []
  requires:
    description:
      - Files of other tasks that the configuration refers to, such as certificates.
      - While one of them does not exist, check mode reports the changes without testing them.
    type: list
    elements: path
    default: []
  enabled:
    description: Have systemd start the service at boot; V(false) leaves that unchanged.
    type: bool
    default: false
  timeout_seconds:
    description: How long the new processes may take until they serve.
    type: int
    default: 15
attributes:
  check_mode:
    description: Tests the changes and reports them; without a test if the server is not installed.
    support: full
  diff_mode:
    description: Shows each file.
    support: full
  idempotent:
    description: Changes nothing when the files are as wanted and the server has loaded them.
    support: full
"""
