"""The shared arguments and run of the modules `nginx_config` and `haproxy_config`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.asgi.fleet.plugins.module_utils.entry.module import Module
from ansible_collections.asgi.fleet.plugins.module_utils.servers.changes import (
    look,
    plan,
    refuse_outside,
    with_copies,
)
from ansible_collections.asgi.fleet.plugins.module_utils.servers.service import (
    Installation,
    SystemServer,
)
from ansible_collections.asgi.fleet.plugins.module_utils.servers.transaction import (
    Applied,
    ConfigError,
    Steps,
    Wanted,
    apply,
    check,
)

UNIT_FOLDER = "/etc/systemd/system"
RUN_FOLDER = "/run"


def arguments(directory: str, executable: str, service: str) -> dict[str, Any]:
    """Return the argument spec, with a server's own defaults."""
    return {
        "files": {"type": "dict", "default": {}},
        "unit_files": {"type": "dict", "default": {}},
        "absent": {"type": "list", "elements": "path", "default": []},
        "backup": {"type": "list", "elements": "path", "default": []},
        "requires": {"type": "list", "elements": "path", "default": []},
        "enabled": {"type": "bool", "default": False},
        "timeout_seconds": {"type": "int", "default": 15},
        "directory": {"type": "path", "default": directory},
        "executable": {"type": "path", "default": executable},
        "service": {"type": "str", "default": service},
    }


def installation(module: Module) -> Installation:
    """Return the paths of the module's server."""
    options = module.params
    return Installation(
        directory=options["directory"],
        executable=options["executable"],
        unit=options["service"],
        timeout=options["timeout_seconds"],
        scratch=module.tmpdir,
    )


def run(module: Module, server: SystemServer, files: Mapping[str, str]) -> None:
    """Configure the server, and exit the module with its result or a refusal.

    Args:
        module: The module, with `arguments`.
        server: The server.
        files: Content of each file of the configuration, by its absolute path.
    """
    try:
        wanted = _wanted(module.params, server, files)
        enable = module.params["enabled"] and not (server.installed and server.enabled())
        asked = [files, *(module.params[name] for name in ("unit_files", "absent", "enabled"))]
        # Asked for nothing, it does not even start a server that is down.
        applied = _carry_out(module, server, wanted) if any(asked) else Applied(Steps())
        if enable and not module.check_mode:
            server.enable()
    except (ConfigError, OSError) as error:
        module.fail_json(msg=str(error))
    for warning in applied.warnings:
        module.warn(warning)
    if wanted.units and not module.check_mode and server.awaits_restart():
        module.warn(
            f"the sandbox of {server.place.unit} holds from its next restart on; a restart now "
            "would lose requests"
        )
    shown = (wanted.units | wanted.config).diff()
    module.exit_json(
        changed=bool(applied.steps) or enable,
        action=applied.steps.action,
        installed=server.installed,
        tested=applied.tested,
        files=[one["before_header"] for one in shown],
        diff=shown,
    )


def _wanted(options: Mapping[str, Any], server: SystemServer, files: Mapping[str, str]) -> Wanted:
    """Compare the wanted with the existing files; refuse paths outside the allowed folders."""
    absent, units = options["absent"], options["unit_files"]
    refusals = refuse_outside(files, absent, server.place.directory) + refuse_outside(
        units, [], UNIT_FOLDER, place="systemd's configuration", options="unit_files"
    )
    if refusals:
        raise ConfigError(" ".join(refusals))
    return Wanted(
        with_copies(plan(files, absent, look([*files, *absent])), options["backup"]),
        plan(units, [], look(units)),
        stale_units=bool(units) and server.units_are_stale(),
    )


def _carry_out(module: Module, server: SystemServer, wanted: Wanted) -> Applied:
    """Apply the changes, or check them in check mode."""
    pending = Path(RUN_FOLDER, f"asgi_fleet_{server.program}_config.pending")
    if module.check_mode:
        required = module.params["requires"]
        testable = server.installed and all(Path(path).exists() for path in required)
        return check(wanted, server, pending, testable=testable)
    if not server.installed:
        raise ConfigError(
            f"{server.program} is not at {server.place.executable}; expected an installed "
            f"{server.program}; install the package {server.program} first, or set executable"
        )
    return apply(wanted, server, pending)
