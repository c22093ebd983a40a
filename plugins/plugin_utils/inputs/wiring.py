"""Derives the roles' variables from the deployment's: the roles know nothing of each other.

`wire` and `wire_balancer` are pure. A value that the user has set, at any level of an inventory, is
left unchanged, and values derived from it use the user's. Only variables that must follow from the
deployment (`DERIVED`) are refused by name.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs import metrics
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.certificate_wiring import (
    certificate_loading,
    certificate_sources,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.problems import (
    Findings,
    Problem,
    seen,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.sizing.timeouts import service_timeouts
from ansible_collections.asgi.fleet.plugins.plugin_utils.sizing.worker_class import DRAINING, PLAIN
from ansible_collections.asgi.fleet.plugins.plugin_utils.text.numbers import integer

#: What an application needs of its sandbox, with the least of each; the same for build and service.
NEEDS: dict[str, Any] = {"network_allow": [], "writable_paths": [], "devices": [], "sandbox": {}}

#: Role variables that only follow from the deployment, and what to set instead.
DERIVED = {
    "python_release_name": "app_name",
    "python_release_source": "app_source",
    "python_release_dependencies": "app_dependencies",
    "python_release_package": "app_package",
    "python_release_commands": "app_hooks",
    "python_release_module": "app_module",
    "python_release_python": "app_python",
    "python_release_system_packages": "app_system_packages",
    "python_release_environment": "app_env",
    "python_release_secrets": "app_secrets",
    "python_release_kept": "app_releases_kept",
    "gunicorn_service_name": "app_name",
    "gunicorn_service_module": "app_module",
    "gunicorn_service_release_path": "app_source",
    "gunicorn_service_root_path": "app_root_path",
    "gunicorn_service_static": "app_static",
    "gunicorn_service_environment": "app_env",
    "gunicorn_service_secrets": "app_secrets",
    "gunicorn_service_health_path": "app_health_path",
    "gunicorn_service_health_timeout_seconds": "app_health_timeout",
    "gunicorn_service_before_activate": "app_hooks",
    "gunicorn_service_after_activate": "app_hooks",
    "gunicorn_service_timers": "app_timers",
    "gunicorn_service_processes": "app_processes",
    "gunicorn_service_workers": "app_workers",
    "gunicorn_service_worker_memory_mb": "app_worker_memory_mb",
    "gunicorn_service_connections": "app_connections",
    **metrics.DERIVED,
    "gunicorn_service_log_format": "app_log_format",
    "gunicorn_service_preload": "app_preload",
    "gunicorn_service_recycle": "app_recycle",
    **{
        f"{role}_{need}": f"app_{need}"
        for role in ("python_release", "gunicorn_service")
        for need in NEEDS
    },
    "tls_certificate_name": "app_name",
    "tls_certificate_mode": "app_tls",
    "tls_certificate_domains": "app_domain",
    "tls_certificate_provided_certificate": "app_tls",
    "tls_certificate_provided_chain": "app_tls",
    "tls_certificate_provided_key": "app_tls",
    "tls_certificate_provided_key_password": "app_tls",
    "tls_certificate_authority_folder": "app_tls",
    "tls_certificate_authority_certificate": "app_tls",
    "tls_certificate_authority_key": "app_tls",
    "tls_certificate_authority_key_password": "app_tls",
    "tls_certificate_issued_days": "app_tls",
    **{
        f"tls_certificate_acme_{key}": "app_tls"
        for key in (
            *("directory", "contact", "challenge", "hook", "hook_environment", "profile", "eab"),
            "ca_bundle",
        )
    },
    "nginx_site_acme_thumbprint": "app_tls",
    "nginx_site_name": "app_name",
    "nginx_site_domains": "app_domain",
    "nginx_site_upstream_socket": "app_name",
    "nginx_site_root_path": "app_root_path",
    "nginx_site_mount_of": "app_mount_of",
    "nginx_site_static": "app_static",
    "nginx_site_static_root": "app_name",
    "nginx_site_health_path": "app_health_path",
    "nginx_site_health_host": "app_domain",
}

#: The same for a balancer.
DERIVED_BALANCER = {
    "haproxy_balancer_sites": "the group app",
    "haproxy_balancer_acme_thumbprints": "app_tls",
}

#: Role variables that a run itself knows, and what a user may want instead. On the command line
#: each reaches its role; one of an inventory would be replaced.
OF_THE_RUN = {
    "python_release_by": "",
    "python_release_fails_when_refused": "",
    "python_release_present": "",
    "gunicorn_service_capacity": "set app_workers or app_worker_memory_mb",
    "gunicorn_service_fails_when_refused": "",
    "gunicorn_service_keep_previous": "",
    "gunicorn_service_restart": "run playbooks/restart.yml",
    "gunicorn_service_rollout": "",
    "gunicorn_service_tune": "run playbooks/tune.yml, and set tune_requests",
    "gunicorn_service_singletons": "set once_per_fleet in app_processes",
    "gunicorn_service_has_singletons": "set app_backup.schedule",
    "tls_certificate_acme_account_host": "",
    "tls_certificate_client_environment": "set python_release_uv_environment",
    "nginx_site_maintenance_enabled": "run playbooks/maintenance.yml with -e maintenance=on",
    "nginx_site_maintenance_guests": "add -e maintenance_allow to playbooks/maintenance.yml",
    "nginx_site_maintenance_minutes": "add -e maintenance_minutes to playbooks/maintenance.yml",
}

#: Seconds by which HAProxy waits longer than nginx, so that nginx, which knows more, answers first.
BALANCER_MARGIN_SECONDS = 5
DEFAULT_READ_TIMEOUT_SECONDS = 60
DEFAULT_KEEPALIVE_SECONDS = 2
DEFAULT_IMPORT_SECONDS = 120
DEFAULT_HTTP_PORT, DEFAULT_HTTPS_PORT = 80, 443


def wire(
    deployment: Mapping[str, Any], given: Mapping[str, Any], balancers: Iterable[str]
) -> dict[str, Any]:
    """Return the role variables of an application host.

    Args:
        deployment: The checked variables, see `spec.Deployment`; may lack invalid ones.
        given: The role variables that the user has set, by name.
        balancers: Addresses of the balancers.

    Returns:
        The variables to set; none that is in `given`.
    """
    name = deployment.get("app_name", "")
    # A mounted application is served by the site, and with the certificate, of the other one.
    front = deployment.get("app_mount_of", "") or name
    root_path = deployment.get("app_root_path", "")
    static = {
        f"{root_path}{path}": folder for path, folder in deployment.get("app_static", {}).items()
    }
    hooks = deployment.get("app_hooks", {})
    tls = deployment.get("app_tls", {})
    health_path = deployment.get("app_health_path", "")
    certificates = given.get("tls_certificate_directory", f"/etc/{front}/tls")
    read_timeout = given.get("nginx_site_proxy_read_timeout_seconds", DEFAULT_READ_TIMEOUT_SECONDS)
    keepalive = given.get(
        "nginx_site_upstream_keepalive_timeout_seconds", DEFAULT_KEEPALIVE_SECONDS
    )
    in_front = list(balancers)
    # Behind balancers, which obtain it, a host has the self-signed pair that they pin.
    mode = "selfsigned" if tls.get("mode") == "acme" and in_front else tls.get("mode", "")
    needs = {need: deployment.get(f"app_{need}", least) for need, least in NEEDS.items()}
    wired = {
        "python_release_name": name,
        "python_release_source": deployment.get("app_source", {}),
        "python_release_dependencies": deployment.get("app_dependencies", {}),
        "python_release_package": deployment.get("app_package", "auto"),
        "python_release_commands": [
            *(hook["command"] for phase in hooks.values() for hook in phase),
            *(" ".join(process["command"]) for process in deployment.get("app_processes", [])),
        ],
        "python_release_module": deployment.get("app_module", ""),
        "python_release_python": deployment.get("app_python", ""),
        "python_release_system_packages": deployment.get("app_system_packages", []),
        "python_release_kept": deployment.get("app_releases_kept", 0),
        # What is imported at the start of a slot, within its time, is imported by the build before.
        "python_release_import_timeout_seconds": max(
            DEFAULT_IMPORT_SECONDS, deployment.get("app_health_timeout", 0)
        ),
        "python_release_variable_prefix": "app_",
        "gunicorn_service_variable_prefix": "app_",
        "gunicorn_service_name": name,
        "gunicorn_service_root_path": root_path,
        "gunicorn_service_static": static,
        "gunicorn_service_health_path": health_path,
        "gunicorn_service_health_host": deployment.get("health_host", ""),
        "gunicorn_service_health_timeout_seconds": deployment.get("app_health_timeout", 0),
        "gunicorn_service_before_activate": hooks.get("before_activate", []),
        "gunicorn_service_after_activate": hooks.get("after_activate", []),
        "gunicorn_service_timers": deployment.get("app_timers", []),
        "gunicorn_service_processes": deployment.get("app_processes", []),
        "gunicorn_service_workers": deployment.get("app_workers", "auto"),
        "gunicorn_service_worker_memory_mb": deployment.get("app_worker_memory_mb", 0),
        "gunicorn_service_log_format": deployment.get("app_log_format", "text"),
        "gunicorn_service_preload": deployment.get("app_preload", False),
        # The place and the share of a host follow from all hosts: `recycle.turns`,
        # `connection_limit.shares`.
        "gunicorn_service_recycle": {},
        "gunicorn_service_connections": {},
        **{f"python_release_{need}": value for need, value in needs.items()},
        **{f"gunicorn_service_{need}": value for need, value in needs.items()},
        # A release must not cut a request that nginx still waits for, nor an idle connection that
        # it still keeps: the role refuses timeouts in the wrong order.
        "gunicorn_service_proxy_read_timeout_seconds": read_timeout,
        "gunicorn_service_request_timeout_seconds": read_timeout,
        "gunicorn_service_proxy_keepalive_seconds": keepalive,
        "gunicorn_service_linger_seconds": (integer(keepalive) or 0) + 1,
        "tls_certificate_name": name,
        "tls_certificate_mode": mode,
        "tls_certificate_domains": deployment.get("app_domain", []),
        "tls_certificate_directory": certificates,
        **certificate_sources(tls),
        **certificate_loading(certificates, given),
        # Where balancers pin it, only a playbook can tell them of the next one first.
        "tls_certificate_renewal_enabled": not in_front,
        "nginx_site_name": name,
        "nginx_site_domains": deployment.get("app_domain", []),
        "nginx_site_upstream_socket": f"/var/lib/{name}/live.sock",
        "nginx_site_certificate_path": f"{certificates}/fullchain.pem",
        "nginx_site_key_path": f"{certificates}/privkey.pem",
        "nginx_site_root_path": root_path,
        "nginx_site_mount_of": deployment.get("app_mount_of", ""),
        "nginx_site_static": list(static),
        "nginx_site_static_root": f"/opt/{name}/static",
        "nginx_site_health_path": deployment.get("health_url_path", ""),
        "nginx_site_health_host": deployment.get("health_host", ""),
        "nginx_site_maintenance_path": f"/var/lib/{name}/maintenance",
        "nginx_site_maintenance_open_paths": [deployment.get("health_url_path", "")],
        "nginx_site_proxy_read_timeout_seconds": read_timeout,
        "nginx_site_upstream_keepalive_timeout_seconds": keepalive,
        "nginx_site_trusted_proxies": in_front,
        **metrics.wire_metrics(deployment, given.get("nginx_site_https_port", DEFAULT_HTTPS_PORT)),
        **firewall_rules(deployment, given),
    }
    return {variable: value for variable, value in wired.items() if variable not in given}


def firewall_rules(deployment: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the firewall's rules for HTTP/3 and for the metrics, if they are wanted.

    Args:
        deployment: The checked variables, see `spec.Deployment`; may lack invalid ones.
        given: The role variables that the user has set, by name.
    """
    rules = metrics.metrics_rules(deployment)
    if given.get("nginx_site_http3_enabled"):
        port = given.get("nginx_site_https_port", DEFAULT_HTTPS_PORT)
        rules = [{"port": port, "proto": "udp", "comment": "HTTP/3"}, *rules]
    return {"host_baseline_firewall_rules": rules} if rules else {}


def timeout_problems(settings: Mapping[str, Any]) -> list[Problem]:
    """Return a problem if a release would cut requests because of the order of the timeouts.

    Args:
        settings: The role variables of a host, the user's and the derived ones.
    """
    try:
        service_timeouts(
            linger=settings["gunicorn_service_linger_seconds"],
            drain=settings.get("gunicorn_service_drain_seconds", 0),
            request=settings["gunicorn_service_request_timeout_seconds"],
            proxy_keepalive=settings["gunicorn_service_proxy_keepalive_seconds"],
            proxy_read=settings["gunicorn_service_proxy_read_timeout_seconds"],
        )
    except ValueError as error:
        return [Problem("gunicorn_service_linger_seconds", str(error))]
    return []


def worker_class_problems(settings: Mapping[str, Any]) -> list[Problem]:
    """Return a problem if the service's worker class is none that it can have.

    Args:
        settings: The role variables of a host that the user has set.
    """
    findings = Findings("gunicorn_service_worker_class")
    chosen = settings.get("gunicorn_service_worker_class", DRAINING)
    if chosen not in (DRAINING, *PLAIN):
        findings.refuse(
            seen(chosen),
            f"{DRAINING}, {PLAIN[0]} or {PLAIN[1]}",
            "a class of your own is set by extending the block `worker` of gunicorn.conf.py.j2",
        )
    return findings.problems


def http3_problems(settings: Mapping[str, Any]) -> list[Problem]:
    """Return a problem if HTTP/3 is offered, and the user's own rules for the firewall forget it.

    Whatever they say of its port counts, and any range, since a rule may also close it on purpose.

    Args:
        settings: The role variables of a host, the user's and the derived ones.
    """
    rules = settings.get("host_baseline_firewall_rules") or []
    port = settings.get("nginx_site_https_port", DEFAULT_HTTPS_PORT)
    named = [
        str(rule.get("port"))
        for rule in rules
        if isinstance(rule, Mapping) and rule.get("proto") == "udp"
    ]
    findings = Findings("host_baseline_firewall_rules")
    if (
        settings.get("nginx_site_http3_enabled") is True
        and settings.get("host_baseline_firewall_enabled", True) is not False
        and not any(one == str(port) or ":" in one for one in named)
    ):
        findings.refuse(
            f"without UDP {port}, and nginx_site_http3_enabled is true",
            f"a rule for it, such as {{port: {port}, proto: udp}}",
            "add it, or set nginx_site_http3_enabled: false",
        )
    return findings.problems


def balancer_problems(deployment: Mapping[str, Any], balancers: Collection[str]) -> list[Problem]:
    """Return a problem for each variable that asks for what only a balancer can do.

    Args:
        deployment: The checked variables, see `spec.Deployment`; may lack invalid ones.
        balancers: The balancers.
    """
    problems = []
    percent = deployment.get("fleet_canary_percent")
    for variable, asked, does in (
        ("fleet_canary_percent", percent, "shares out the requests"),
        ("fleet_sticky_sessions", deployment.get("fleet_sticky_sessions"), "gives the cookie"),
    ):
        if asked and not balancers:
            findings = Findings(variable)
            findings.refuse(
                f"{seen(asked)} and no host is in the group balancer",
                f"a balancer, which {does}",
                "add one to the inventory, or remove the variable",
            )
            problems += findings.problems
    if percent and deployment.get("fleet_soak_seconds") == 0:
        findings = Findings("fleet_canary_percent")
        findings.refuse(
            f"{percent} and fleet_soak_seconds is 0",
            "a time in which the canary is watched",
            "set fleet_soak_seconds, or remove fleet_canary_percent",
        )
        problems += findings.problems
    return problems


def wire_balancer(
    given: Mapping[str, Any],
    read_timeouts: Iterable[object],
    host: str,
    addresses: Mapping[str, str],
) -> dict[str, Any]:
    """Return the role variables of a balancer.

    Args:
        given: The role variables that the user has set, by name.
        read_timeouts: nginx's read timeout on each application host, in seconds.
        host: Inventory name of the balancer.
        addresses: The address of each balancer, by inventory name, in their order.

    Returns:
        The variables to set; none that is in `given`.
    """
    longest = max((integer(one) or 0 for one in read_timeouts), default=0)
    own = given.get("haproxy_balancer_floating_source", addresses[host])
    peers = given.get(
        "haproxy_balancer_floating_peers",
        [address for address in dict.fromkeys(addresses.values()) if address != own],
    )
    wired = {
        "host_baseline_firewall_tcp_ports": [
            given.get("haproxy_balancer_http_port", DEFAULT_HTTP_PORT),
            given.get("haproxy_balancer_https_port", DEFAULT_HTTPS_PORT),
        ],
        # Two balancers that do not hear each other both take the address.
        "host_baseline_firewall_vrrp_peers": (
            peers if given.get("haproxy_balancer_floating_address") else []
        ),
        "haproxy_balancer_response_timeout_seconds": (longest or DEFAULT_READ_TIMEOUT_SECONDS)
        + BALANCER_MARGIN_SECONDS,
        "haproxy_balancer_floating_source": own,
        "haproxy_balancer_floating_peers": peers,
        "haproxy_balancer_floating_priority": 200 - list(addresses).index(host),
    }
    return {variable: value for variable, value in wired.items() if variable not in given}


def refuse_derived(names: Iterable[str], derived: Mapping[str, str]) -> list[Problem]:
    """Return a problem for each variable that the user has set but that is derived."""
    return [
        Problem(
            name,
            f"{name} is set in the inventory; expected nothing, since it follows from "
            f"{derived[name]}; set {derived[name]} instead, or remove it",
        )
        for name in sorted(derived.keys() & set(names))
    ]


def refuse_of_the_run(names: Iterable[str]) -> list[Problem]:
    """Return a problem for each variable of an inventory that every run sets itself."""
    return [
        Problem(
            name,
            f"{name} is set in the inventory; expected nothing, since each run sets it itself; "
            + " and ".join(filter(None, (OF_THE_RUN[name], "remove it"))),
        )
        for name in sorted(OF_THE_RUN.keys() & set(names))
    ]
