"""The variables of the application itself: its source, how it is served, its environment."""

from __future__ import annotations

from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs import (
    processes,
    project,
    served_paths,
    timers,
    values,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.backup import backup
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.connection_limit import connections
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.environment import environment
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.module_path import module_path
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.problems import SET_IN_VAULT
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.recycle import recycle
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.source import source
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.variable import Variable

APPLICATION: tuple[Variable, ...] = (
    Variable(
        "app_name",
        "text",
        "Name of the units, the folders and the service account.",
        "a lower-case letter and then at most 30 of a-z, 0-9 and -; no name that a host has",
        "shop",
        values.app_name,
        required=True,
    ),
    Variable(
        "app_source",
        "mapping",
        "Where a release comes from.",
        "a mapping with type git, path, archive or package",
        "{type: git, url: https://git.example.com/shop.git, version: v1.4.0}",
        source,
        required=True,
    ),
    Variable(
        "app_dependencies",
        "mapping",
        "The file that names the dependencies, and the extras and dependency groups to install; "
        "docs/projects.md says what is found without it.",
        "a mapping of file (auto, none or a path), extras and groups (lists of names)",
        "{file: requirements/production.txt}",
        project.dependencies,
        {},
    ),
    Variable(
        "app_package",
        "text or boolean",
        "Whether the project itself is built and installed, or its source served as it is; auto: "
        "built if its build system finds a package there (docs/projects.md).",
        "auto, true or false",
        "false",
        project.package,
        "auto",
    ),
    Variable(
        "app_module",
        "text",
        "The ASGI callable, or the factory that makes it; empty for what [tool.fastapi] entrypoint "
        "in pyproject.toml says, or else the first application in main.py, app.py, api.py, "
        "app/main.py, app/app.py or app/api.py.",
        "empty, package.module:attribute or package.module:factory(), with literal arguments",
        "shop.main:app",
        module_path,
        "",
    ),
    Variable(
        "app_domain",
        "text or list",
        "The server name, or the address of the host; a list for several.",
        "a DNS name such as www.example.com, an IP address, or a list of them; *. may lead a name",
        "www.example.com",
        values.domains,
        required=True,
    ),
    Variable(
        "app_root_path",
        "text",
        "Path prefix that nginx strips and the application gets as its root path; empty for none.",
        "empty or a path that begins with / and does not end with it",
        "/api",
        values.root_path,
        "",
    ),
    Variable(
        "app_mount_of",
        "text",
        "The application of the same hosts under whose domain this one is served, at its "
        "app_root_path; empty for a site of its own.",
        "empty or the app_name of another application there, with the same app_domain",
        "website",
        served_paths.mount_of,
        "",
    ),
    Variable(
        "app_static",
        "mapping",
        "Folders of the source whose files nginx serves itself, by their path in the application; "
        "what nginx does not find there it asks the application for.",
        "a mapping of paths to folders inside of the source that the application does not write",
        "{/static: static}",
        served_paths.static,
        {},
    ),
    Variable(
        "app_health_path",
        "text",
        "Path that answers 200 when the application is ready to serve.",
        "a path that begins with /, without a query",
        "/healthz",
        values.url_path,
        "/healthz",
    ),
    Variable(
        "app_health_timeout",
        "number",
        "Seconds that a new slot may take to become healthy.",
        "a number of seconds from 1 to 3600",
        "120",
        values.number(1, 3600, unit="seconds"),
        60,
    ),
    Variable(
        "app_env",
        "mapping",
        "Plain environment variables.",
        "a mapping of names to texts in quotes, or whole numbers; lists and mappings become JSON; "
        "no name that steers the server itself, such as FLEET_*, GUNICORN_* or WEB_CONCURRENCY",
        "{SHOP_LOCALE: en_GB}",
        environment,
        {},
        in_deployment=False,
    ),
    Variable(
        "app_secrets",
        "mapping",
        "Secret environment variables, from Vault.",
        "as app_env; a name may be in only one of the two",
        '{DATABASE_URL: "{{ vault_database_url }}"}',
        environment,
        {},
        in_deployment=False,
        advice=SET_IN_VAULT,
    ),
    Variable(
        "app_hooks",
        "mapping",
        "Commands of the release, by phase: before_rollout and after_rollout run once, "
        "before_activate and after_activate on each host.",
        "lists of commands, each a text or {command, timeout in seconds (300)}",
        "{before_rollout: [alembic upgrade head]}",
        values.hooks,
        {},
    ),
    Variable(
        "app_processes",
        "list",
        "What runs of the release besides the web workers, such as workers of a queue and bots: "
        "docs/processes.md.",
        "a list of processes, each with name and command, and perhaps count (1; cores for one on "
        "each core), stop_signal (SIGTERM), stop_timeout (30 seconds), memory_mb (128), "
        "once_per_fleet, overlap (true) and notify",
        "[{name: worker, command: arq worker.WorkerSettings, count: cores}]",
        processes.processes,
        [],
    ),
    Variable(
        "app_backup",
        "mapping",
        "How a backup of the application's data is made and checked: before the before_rollout "
        "hooks of a release unless there is one of the last max_age (1h), and by schedule (daily) "
        "between releases; docs/backups.md has the details.",
        "a mapping of command and check, and max_age, alert_age, schedule, timeout and keep",
        """{command: 'pg_dump -Fc -f "$BACKUP_DIRECTORY/db" "$DATABASE_URL"', """
        """check: 'pg_restore -l "$BACKUP_DIRECTORY/db"'}""",
        backup,
        {},
    ),
    Variable(
        "app_timers",
        "list",
        "Commands of the release that systemd runs by the calendar, in the service's sandbox and "
        "with its environment: docs/processes.md.",
        "a list of {name, command, schedule (OnCalendar), persistent (false), once_per_fleet "
        "(false), jitter in seconds (0), timeout in seconds (3600), memory_mb (256), stop_signal "
        "(SIGTERM)}",
        '[{name: report, command: python -m shop.report, schedule: "*-*-* 02:30 UTC"}]',
        timers.timers,
        [],
    ),
    Variable(
        "app_workers",
        "text or number",
        "How many worker processes a slot runs; auto counts them from the host's cores and memory.",
        "auto or a number from 1 to 512",
        "4",
        values.number(1, 512, word="auto"),
        "auto",
    ),
    Variable(
        "app_worker_memory_mb",
        "number",
        "Memory that one worker may need, in MB, to limit the number of workers and the memory of "
        "a slot (MemoryMax=).",
        "a number of MB from 16 to 1048576",
        "256",
        values.number(16, 1048576, unit="MB"),
        128,
    ),
    Variable(
        "app_log_format",
        "text",
        "How the service logs: text, or json, one object a line with the release, the slot and the "
        "request's id, without a change to the application (docs/commands.md).",
        "text or json",
        "json",
        values.choice("text", "json"),
        "text",
    ),
    Variable(
        "app_preload",
        "boolean",
        "Whether the application is imported once, before the workers are forked, so that they "
        "share its memory; threads and connections must then be made in its lifespan "
        "(docs/memory.md).",
        "true or false",
        "true",
        values.boolean,
        False,
    ),
    Variable(
        "app_recycle",
        "mapping",
        "When a host starts its live release anew in the other slot, without losing a request: "
        "after how long, and from which share of its memory (MemoryMax=) on. The hosts take turns "
        "(docs/memory.md).",
        "a mapping of after (10m to 30d) and memory (20% to 95%); without one of them, it is only "
        "for the other",
        '{after: 12h, memory: "80%"}',
        recycle,
        {},
    ),
    Variable(
        "app_connections",
        "mapping",
        "What the application's database allows: the connections that one worker opens, the limit, "
        "and how many of it are for others. Processes and timers count as well. More than the "
        "limit is refused, also of a rollout, in which two slots run; auto stays below it "
        "(docs/memory.md).",
        "a mapping of per_worker, limit, other (0), per_process and per_timer (as per_worker), "
        "each a number of connections",
        "{per_worker: 5, limit: 100}",
        connections,
        {},
    ),
)
