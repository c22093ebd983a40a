"""The deployment's variables: one table, for checks, documentation and the roles.

The lines of the table are in `spec_application`, `spec_host` and `spec_fleet`.
"""

from __future__ import annotations

from typing import Any, TypedDict

from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs import project, timers
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.spec_application import APPLICATION
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.spec_fleet import FLEET
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.spec_host import HOST
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.variable import Variable


class Deployment(TypedDict):
    """A host's checked inputs, with defaults and the stated types; contains no secret."""

    app_name: str
    app_source: dict[str, Any]
    app_dependencies: project.Dependencies
    app_package: str
    app_module: str
    app_domain: list[str]
    app_root_path: str
    app_mount_of: str
    app_static: dict[str, str]
    app_health_path: str
    app_health_timeout: int
    app_hooks: dict[str, list[dict[str, Any]]]
    app_processes: list[dict[str, Any]]
    app_backup: dict[str, Any]
    app_timers: list[timers.Timer]
    app_workers: str | int
    app_worker_memory_mb: int
    app_log_format: str
    app_preload: bool
    app_recycle: dict[str, int]
    app_connections: dict[str, int]
    app_network_allow: list[str]
    app_writable_paths: list[str | dict[str, Any]]
    app_devices: list[str]
    app_sandbox: dict[str, bool]
    app_python: str
    app_system_packages: list[str]
    app_releases_kept: int
    app_tls: dict[str, str]
    app_metrics: dict[str, Any]
    fleet_waves: list[int | str]
    fleet_soak_seconds: int
    fleet_on_failure: str
    fleet_max_error_ratio: float | None
    fleet_max_p99_ms: int | None
    fleet_min_requests: int
    fleet_canary_percent: int | None
    fleet_sticky_sessions: bool
    fleet_notify: list[dict[str, Any]]
    fleet_take_over_lock: bool
    fleet_allow_older: bool
    fleet_allow_unserved: bool
    fleet_drill_allowed: bool
    fleet_report_directory: str
    #: Derived: the host name for health requests, and the health path as clients request it.
    health_host: str
    health_url_path: str


SPEC: tuple[Variable, ...] = (*APPLICATION, *HOST, *FLEET)

BY_NAME: dict[str, Variable] = {variable.name: variable for variable in SPEC}
