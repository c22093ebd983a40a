"""What the machine that runs Ansible lacks, before any host is contacted.

Pure: what is there is handed in. What keeps Ansible from reading the playbooks at all is refused
by playbooks/check.yml itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.examination import PREFIXES
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.problems import Problem

#: How the variables of a role begin.
ROLES = (
    "gunicorn_service_",
    "haproxy_balancer_",
    "host_baseline_",
    "nginx_site_",
    "python_release_",
    "tls_certificate_",
)
#: How a variable begins that a deployment reads.
OURS = (*PREFIXES, *ROLES, "ansible_")
#: A module of each collection that the roles use.
COLLECTIONS = {
    "ansible.posix": "ansible.posix.sysctl",
    "community.crypto": "community.crypto.x509_certificate",
    "community.general": "community.general.timezone",
}
#: What a connection by SSH is called; nothing is Ansible's default.
BY_SSH = (None, "", "ssh", "smart", "ansible.builtin.ssh")
#: What only a copy of asgi.fleet has beside its playbooks: a check.yml may be anybody's.
CHECKS = "plugins/action/check_inputs.py"
#: Where a distribution puts a file of settings that nobody has chosen.
SYSTEM_CONFIG = "/etc/ansible/ansible.cfg"


def missing_collections(is_there: Callable[[str], bool]) -> list[str]:
    """Return a sentence if collections are missing.

    Args:
        is_there: Whether Ansible finds a module.
    """
    missing = [name for name, module in COLLECTIONS.items() if not is_there(module)]
    if not missing:
        return []
    return [
        f"Ansible does not find {', '.join(missing)}; expected these collections beside "
        f"ansible-core; type: ansible-galaxy collection install {' '.join(missing)}, or install "
        "the package ansible, which has them"
    ]


def missing_programs(
    hosts: Mapping[str, Mapping[str, Any]], has: Callable[[str], bool]
) -> list[str]:
    """Return a sentence for each program that the deployment of these hosts needs.

    Args:
        hosts: By name: the `connection` and the type of the `source`, empty if none is packed.
        has: Whether a program is found.
    """
    found = []
    of_git = [name for name, host in hosts.items() if host["source"] == "git"]
    if of_git and not has("git"):
        found.append(
            f"git is not installed on this machine, and the app_source of {_named(of_git)} has "
            "type git; install it (Debian, Ubuntu: apt install git; macOS: xcode-select --install)"
        )
    by_ssh = [name for name, host in hosts.items() if host["connection"] in BY_SSH]
    if by_ssh and not has("ssh"):
        found.append(
            f"ssh is not installed on this machine, and {_named(by_ssh)} is reached by it; install "
            "it (Debian, Ubuntu: apt install openssh-client)"
        )
    return found


def mixed_copies(playbooks: Path, collection: Path) -> list[str]:
    """Return a sentence if the playbooks are of another copy of asgi.fleet than the plugins.

    Args:
        playbooks: The folder of the playbook that runs.
        collection: The root of the copy that Ansible has found.
    """
    copy, found = playbooks.resolve().parent, collection.resolve()
    if copy == found or not (copy / CHECKS).is_file():
        return []
    return [
        f"the playbooks are those of {copy}, but Ansible finds the plugins and roles of asgi.fleet "
        f"in {found}; expected one copy for both; run the playbooks by their names, such as "
        f"asgi.fleet.deploy, or type: export ANSIBLE_COLLECTIONS_PATH={copy}/collections"
    ]


def unread_settings(config: str | None, collection: Path) -> str:
    """Return a sentence if the clone's ansible.cfg is not in use, nor one that somebody chose.

    Args:
        config: The file of settings that Ansible has read.
        collection: The root of the copy of asgi.fleet; only a clone has an ansible.cfg.
    """
    own = collection.resolve() / "ansible.cfg"
    if not own.is_file() or config not in (None, "", SYSTEM_CONFIG):
        return ""
    return (
        f"Ansible has not read {own}, so that tasks take about three times as long and few hosts "
        "run at once: it reads the file only in that folder, and only if not everybody may write "
        f"there; type: export ANSIBLE_CONFIG={own}"
    )


def unread_variables(
    beside: Mapping[Path, Mapping[str, Any]], read: Mapping[str, Any], expected: object
) -> list[Problem]:
    """Return a problem for each folder whose variables Ansible does not read for this playbook.

    Of playbooks that another one imports, Ansible reads the variables beside the imported one, and
    none beside the other, in silence.

    Args:
        beside: What `group_vars` and `host_vars` beside a playbook of the command line have for a
            host, by the path of the playbook.
        read: The variables that Ansible has found for the host.
        expected: The folder of the inventory that has the host.
    """
    problems = []
    for playbook, variables in beside.items():
        names = sorted(
            name
            for name, value in variables.items()
            if name.startswith(OURS) and (name not in read or read[name] != value)
        )
        if names:
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            problems.append(
                Problem(
                    names[0],
                    f"{names[0]}{more} is set in group_vars or host_vars beside {playbook}, which "
                    "Ansible does not read for the playbooks that it imports; expected these "
                    f"folders beside the inventory; move or link them to {expected}",
                )
            )
    return problems


def report(sentences: Iterable[str]) -> str:
    """Return the text of a refusal, a line for each sentence."""
    lines = [f"  - {sentence}" for sentence in sentences]
    return "\n".join(["this machine cannot deploy; no host was touched:", *lines])


def _named(hosts: list[str]) -> str:
    return hosts[0] if len(hosts) == 1 else f"{hosts[0]} (of {len(hosts)} hosts)"
