"""The variables of what the application needs from its hosts, and may do there."""

from __future__ import annotations

from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs import (
    metrics,
    packages,
    sandbox,
    values,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.tls import tls
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.variable import Variable

HOST: tuple[Variable, ...] = (
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
        "a mapping with mode selfsigned, provided, internal_ca or acme",
        "{mode: selfsigned}",
        tls,
        {"mode": "selfsigned"},
    ),
    Variable(
        "app_metrics",
        "mapping",
        "Metrics for Prometheus without a change to the application: at /metrics of listen, for "
        "the host itself and the networks in allow, for which the firewall is opened. With "
        "exporters, the distribution's for the host and for nginx are installed, and passed on "
        "there (docs/metrics.md).",
        "a mapping of enabled (true or false), listen (an address and a port), allow (networks "
        "in CIDR notation; needed unless listen is a loopback address) and exporters (true, false, "
        "or a list of host and nginx)",
        "{enabled: true, listen: 10.0.0.7:9464, allow: [10.0.0.0/8], exporters: true}",
        metrics.metrics,
        {},
    ),
)
