"""The options of a module that starts a slot, as argument_spec, and what they say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import SLOTS
from ansible_collections.asgi.fleet.plugins.module_utils.application.processes import Process
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.sandbox import OPTION, of_option
from ansible_collections.asgi.fleet.plugins.module_utils.slots.cut_over import Desired, Hooks
from ansible_collections.asgi.fleet.plugins.module_utils.slots.health import Health

#: Documented in the fragments `health`, `slot` and `journal`.
START: dict[str, Any] = {
    "health_path": {"type": "str", "default": "/healthz"},
    "health_host": {"type": "str", "default": "localhost"},
    "health_body": {"type": "str", "default": ""},
    "health_timeout": {"type": "float", "default": 60},
    "prefix": {"type": "str", "default": "gunicorn_service_"},
    "secret_names": {"type": "list", "elements": "str", "default": [], "no_log": False},
}

#: What every slot has.
FILES: dict[str, Any] = {
    "type": "dict",
    "required": True,
    "options": {
        "socket": {"type": "str", "required": True},
        "service": {"type": "str", "required": True},
        "settings": {"type": "str", "required": True},
        "worker": {"type": "str", "required": True},
        "master": {"type": "str", "required": True},
        "environment": {"type": "str", "required": True, "no_log": True},
    },
}

#: What the two have that take turns.
_FILES_OF_PAIR: dict[str, Any] = {
    **FILES,
    "options": {
        **FILES["options"],
        "counts": {"type": "str", "required": True},
        "logs": {"type": "str", "default": ""},
        "timers": {"type": "str", "default": ""},
        "processes": {"type": "dict", "default": {}},
    },
}

_PROCESSES: dict[str, Any] = {
    "type": "list",
    "elements": "dict",
    "default": [],
    "options": {
        "name": {"type": "str", "required": True},
        "count": {"type": "int", "default": 1},
        "overlap": {"type": "bool", "default": True},
        "once_per_fleet": {"type": "bool", "default": False},
        "stop_timeout": {"type": "int", "default": 30},
    },
}

_HOOKS: dict[str, Any] = {
    "type": "list",
    "elements": "dict",
    "default": [],
    "options": {
        "command": {"type": "str", "required": True},
        "timeout": {"type": "float", "default": 300},
    },
}

#: What makes a `Desired`.
DESIRED: dict[str, Any] = {
    **START,
    "release": {"type": "path", "required": True},
    "blue": _FILES_OF_PAIR,
    "green": _FILES_OF_PAIR,
    "workers": {"type": "int", "required": True},
    "user": {"type": "str", "default": ""},
    "before_activate": _HOOKS,
    "after_activate": _HOOKS,
    "sandbox": OPTION,
    "memory_max": {"type": "str", "default": ""},
    "static": {"type": "dict", "default": {}},
    "processes": _PROCESSES,
    "singletons": {"type": "bool"},
}


def health_of(options: Mapping[str, Any]) -> Health:
    """Return what the options of `START` call healthy."""
    return Health(
        path=options["health_path"],
        host=options["health_host"],
        timeout=options["health_timeout"],
        body=options["health_body"],
        prefix=options["prefix"],
    )


def desired_of(options: Mapping[str, Any]) -> Desired:
    """Return what the options of `DESIRED` want."""
    return Desired(
        release=options["release"],
        files={slot: _own_files(options[slot]) for slot in SLOTS},
        health=health_of(options),
        workers=options["workers"],
        secret_names=tuple(options["secret_names"]),
        hooks=Hooks(
            user=options["user"],
            before=options["before_activate"],
            after=options["after_activate"],
            sandbox=of_option(options["sandbox"]),
            memory_max=options["memory_max"],
        ),
        static=options["static"],
        processes=tuple(Process(**process) for process in options["processes"]),
        process_files={slot: options[slot]["processes"] for slot in SLOTS},
        singletons=options["singletons"],
    )


def _own_files(files: Mapping[str, Any]) -> dict[str, str]:
    """Return the slot's own files, without the units of its processes."""
    return {kind: text for kind, text in files.items() if kind != "processes"}
