"""The deployment's variables: one table, for checks, documentation and the roles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypedDict

from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs import (
    packages,
    project,
    sandbox,
    values,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.environment import environment
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.module_path import module_path
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.problems import (
    SET_IN_VAULT,
    SET_PLAIN,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.source import source
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.tls import tls


class Deployment(TypedDict):
    """A host's checked inputs, with defaults and the stated types; contains no secret."""

    app_name: str
    app_source: dict[str, Any]
    app_dependencies: project.Dependencies
    app_package: str
    app_module: str
    app_domain: list[str]
    app_root_path: str
    app_health_path: str
    app_health_timeout: int
    app_hooks: dict[str, list[dict[str, Any]]]
    app_workers: str | int
    app_worker_memory_mb: int
    app_network_allow: list[str]
    app_writable_paths: list[str | dict[str, Any]]
    app_devices: list[str]
    app_sandbox: dict[str, bool]
    app_python: str
    app_system_packages: list[str]
    app_releases_kept: int
    app_tls: dict[str, str]
    fleet_waves: list[int | str]
    fleet_soak_seconds: int
    fleet_on_failure: str
    fleet_max_error_ratio: float | None
    fleet_max_p99_ms: int | None
    fleet_min_requests: int
    fleet_take_over_lock: bool
    #: Derived: the host name for health requests, and the health path as clients request it.
    health_host: str
    health_url_path: str


@dataclass(frozen=True)
class Variable:
    """One deployment variable.

    Attributes:
        name: Its name in an inventory.
        type: Its type, in YAML's terms.
        meaning: One sentence.
        allowed: What is allowed, as the documentation says.
        example: A value, as YAML.
        check: Validates and normalises a value.
        default: The value when it is not set, in its normal form or one that `check` accepts.
        required: Whether there is no default.
        in_deployment: Whether the fact `deployment` contains it.
        advice: Where to set it, as messages say.
    """

    name: str
    type: str
    meaning: str
    allowed: str
    example: str
    check: values.Check
    default: object = None
    required: bool = False
    in_deployment: bool = True
    advice: str = SET_PLAIN


SPEC: tuple[Variable, ...] = (
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
        "The server name; a list for several.",
        "a DNS name such as www.example.com, or a list of them; *. may lead one",
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
        "app_network_allow",
        "list",
        "What the application may connect to: any is everything but loopback and link-local "
        "addresses, which localhost and link-local allow by name.",
        "any, localhost, link-local, and networks in CIDR notation",
        "[any, localhost]",
        sandbox.network_allow,
        ["any"],
    ),
    Variable(
        "app_writable_paths",
        "list",
        "What the application may write, besides its own state and cache. Paths inside of its "
        "source are made, and kept over releases; {path: ..., keep: false} gives each release its "
        "own. Absolute paths must exist on the host.",
        "paths inside of the source, each a text or {path, keep}, and absolute paths; none of the "
        "system's own or of another application",
        "[uploads, sql_app.db, {path: staticfiles, keep: false}, /srv/shared]",
        sandbox.writable_paths,
        [],
    ),
    Variable(
        "app_devices",
        "list",
        "Devices that the application may use, such as a GPU.",
        "paths of devices below /dev; no disk and no memory",
        "[/dev/nvidia0, /dev/nvidiactl, /dev/nvidia-uvm]",
        sandbox.devices,
        [],
    ),
    Variable(
        "app_sandbox",
        "mapping",
        "What else the application needs: jit, to make code at run time, as PyTorch, Numba, ONNX "
        "Runtime and callbacks of cffi do; netlink, to read the host's network interfaces.",
        "a mapping of jit and netlink to true or false",
        "{jit: true}",
        sandbox.needs,
        {},
    ),
    Variable(
        "app_python",
        "text",
        "Python version of the virtual environment; empty for the host's own python3.",
        "empty or a quoted version from 3.10 on",
        '"3.13"',
        values.python_version,
        "",
    ),
    Variable(
        "app_system_packages",
        "list",
        "Debian packages that the application or its build needs from the host; installed before "
        "the build, and not removed when they leave the list.",
        "names of packages of the host's distribution, without a version",
        "[git, libpq5, ffmpeg]",
        packages.system_packages,
        [],
    ),
    Variable(
        "app_releases_kept",
        "number",
        "How many releases to keep besides the live and the previous one.",
        "a number from 0 to 100",
        "5",
        values.number(0, 100),
        3,
    ),
    Variable(
        "app_tls",
        "text or mapping",
        "Where the certificate comes from; a text is the mode alone.",
        "a mapping with mode selfsigned or provided",
        "{mode: selfsigned}",
        tls,
        {"mode": "selfsigned"},
    ),
    Variable(
        "fleet_waves",
        "list",
        "The waves of a rollout, as numbers or percentages of the hosts; the last is repeated "
        "until all hosts are done. The first is the canary.",
        'numbers of hosts from 1 on, or "1%" to "100%"',
        '[1, "25%", "100%"]',
        values.waves,
        [1, "25%", "100%"],
    ),
    Variable(
        "fleet_soak_seconds",
        "number",
        "Seconds between two waves, in which the hosts just switched are watched.",
        "a number of seconds from 0 to 86400",
        "60",
        values.number(0, 86400, unit="seconds"),
        10,
    ),
    Variable(
        "fleet_on_failure",
        "text",
        "What a failed wave reverts: every wave so far, only itself, or nothing.",
        "revert_all, revert_wave or stop",
        "revert_wave",
        values.choice("revert_all", "revert_wave", "stop"),
        "revert_all",
    ),
    Variable(
        "fleet_max_error_ratio",
        "number or text",
        "The largest share of failed answers (5xx) with which a rollout continues, of what the "
        "hosts just switched served during the soak; unset does not judge it.",
        'a share from 0 to below 1, or a percentage below "100%"',
        '"1%"',
        values.optional(values.ratio),
    ),
    Variable(
        "fleet_max_p99_ms",
        "number",
        "The time, in ms, within which 99 of 100 answers of the hosts just switched must begin; "
        "unset does not judge it.",
        "a number of milliseconds from 1 to 3600000",
        "500",
        values.optional(values.number(1, 3_600_000, unit="milliseconds")),
    ),
    Variable(
        "fleet_min_requests",
        "number",
        "With fewer requests than this, no host is judged: the rollout continues and says so.",
        "a number from 1 to 1000000",
        "500",
        values.number(1, 1_000_000),
        100,
    ),
    Variable(
        "fleet_address",
        "text",
        "The address at which the fleet's hosts reach this host; empty for ansible_host, or else "
        "the inventory name. For hosts of the groups app and balancer.",
        "an IP address or a DNS name",
        "10.0.0.11",
        values.address,
        "",
        in_deployment=False,
    ),
    Variable(
        "fleet_patch_batch",
        "number or text",
        "How many hosts patch.yml takes out of traffic at the same time.",
        'a number of hosts from 1 on, or "1%" to "100%"',
        '"25%"',
        values.batch,
        1,
        in_deployment=False,
    ),
    Variable(
        "fleet_take_over_lock",
        "boolean",
        "Take the lock over from a rollout that no longer runs; only for one command line.",
        "true or false",
        "true",
        values.boolean,
        False,
    ),
    Variable(
        "fleet_extra_variables",
        "list",
        "Names or patterns of the team's own app_ and fleet_ variables.",
        "names that begin with app_ or fleet_; * and ? stand for parts of a name",
        "[app_colour, app_shop_*]",
        values.extra_variables,
        [],
        in_deployment=False,
    ),
)

BY_NAME: dict[str, Variable] = {variable.name: variable for variable in SPEC}
