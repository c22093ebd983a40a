"""What a command line sets for one run with `-e`: a misspelt option of a playbook is named.

Ansible takes any name there. `-e plan_onyl=true` would deploy instead of showing the plan.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.problems import Problem
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.values import PREFIXES

#: The options of all playbooks but bootstrap.yml, which refuses unknown names by itself.
OPTIONS = frozenset(
    {
        "backup_list",
        "certificates_rotate",
        "command",
        "drain_last",
        "drain_seconds",
        "drill",
        "drill_disk_mb",
        "drill_only",
        "drill_path",
        "drill_rate",
        "drill_seconds",
        "history_count",
        "history_file",
        "history_format",
        "logs_follow",
        "logs_grep",
        "logs_lines",
        "logs_process",
        "logs_release",
        "logs_seconds",
        "logs_since",
        "logs_source",
        "logs_timer",
        "maintenance",
        "maintenance_allow",
        "maintenance_minutes",
        "metrics_targets_file",
        "patch_reboot",
        "patch_reboot_balancers",
        "pin",
        "plan",
        "plan_file",
        "plan_only",
        "release",
        "remove",
        "remove_data",
        "run_on",
        "run_seconds",
        "run_status_file",
        "singletons_wait_seconds",
        "skip_backup",
        "status_drift",
        "status_file",
        "status_format",
        "tune",
        "tune_connections",
        "tune_requests",
        "tune_rounds",
        "tune_seconds",
        "tune_while_serving",
        "tune_workers",
        "tune_write",
        "undrain_seconds",
        "unpin",
        "verify_certificate_percent",
        "verify_disk_percent",
        "verify_fail_on",
        "verify_file",
        "verify_format",
        "verify_stale_hours",
    }
)
#: How alike two names are of which one is the other, misspelt: `relase`, `plan-only`, `logs_line`.
_ALIKE = 0.85


def misspelt(given: Iterable[str], playbooks: Iterable[str]) -> list[Problem]:
    """Refuse names of the command line that are no option, but were meant as one.

    Args:
        given: What `-e` sets.
        playbooks: The names of the playbooks that run, without `.yml`. What begins with one, as
            `logs_tail` does, is meant for it.

    Returns:
        A problem for each name.
    """
    meant = tuple(f"{name}_" for name in playbooks)
    problems = []
    for name in sorted(set(given) - OPTIONS):
        # Variables of the deployment and of the roles are compared with theirs.
        if name.startswith(PREFIXES):
            continue
        near = difflib.get_close_matches(name, sorted(OPTIONS), n=1, cutoff=_ALIKE)
        own = sorted(one for one in OPTIONS if one.startswith(meant))
        if near:
            advice = f"did you mean {near[0]}?"
        elif own and name.startswith(meant):
            advice = f"expected one of {', '.join(own)};"
        else:
            continue
        problems.append(
            Problem(
                name,
                f"{name} (of the command line) is not an option of a playbook; {advice} rename it; "
                "a variable of your own needs a name that is less like one",
            )
        )
    return problems
