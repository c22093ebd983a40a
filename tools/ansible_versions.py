#!/usr/bin/env python3
"""Deploys with the oldest and the newest ansible-core, from an installed collection.

uv makes an environment for each version. The collection is built and installed into an empty
folder without an ansible.cfg, and its playbooks are run by their names against one host of a lab:
the check, the deployment, and once more, which must change nothing. The newest also applies each
role by its name, as its README shows. Versions before the oldest must refuse at once, with what to
type.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
CACHE = ROOT / ".cache" / "ansible-versions"
#: ansible-core and its Python, with the release of `ansible` whose collections belong to it.
OLDEST = ("2.19.4", "3.11", "ansible==12.2.0")
NEWEST = ("", "3.13", "ansible")
#: Those of Ubuntu 22.04, Debian 12 and Ubuntu 24.04, and the last that may wait forever.
TOO_OLD = (("2.12.10", "3.10"), ("2.14.18", "3.11"), ("2.16.19", "3.11"), ("2.19.3", "3.11"))
#: In an order in which each finds what it needs.
ROLES = (
    "host_baseline",
    "python_release",
    "gunicorn_service",
    "tls_certificate",
    "nginx_site",
    "haproxy_balancer",
)
#: What the READMEs name and this machine does not have; the balancer is on the host of its server.
APPLICATION = {"type": "path", "path": str(ROOT / "app")}
SERVERS = [{"name": "web1", "address": "127.0.0.1", "ca_path": "/etc/ssl/notes/fullchain.pem"}]
PORTS = {"haproxy_balancer_http_port": 8180, "haproxy_balancer_https_port": 8543}
#: As the lab's own inventories have it for the machine of a test.
FEW = {"gunicorn_service_workers": 1, "gunicorn_service_health_timeout_seconds": 180}
ASK = "curl -fsSk --retry 20 --retry-delay 1 --retry-all-errors --resolve {0} https://{1}/healthz"
#: Seconds for one program.
PATIENCE = 900
#: A run that was killed has left its lock on the host.
TAKE_OVER = ["-e", "fleet_take_over_lock=true"]
REFUSAL = r"ansible-core is 2\.1\d\.\S+ \(.+\); expected 2\.19\.4 or later; .*type: make bootstrap"


def run(*command: str | Path, cwd: Path = ROOT, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a program with the environment of this one, without settings of Ansible."""
    told = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    try:
        return subprocess.run(
            list(map(str, command)),
            cwd=cwd,
            env=told | {"ANSIBLE_NOCOLOR": "1"} | more,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired as ended:
        output = (ended.stdout or b"").decode(errors="replace")
        sys.exit(
            f"{command[0]}: did not end within {PATIENCE} s, its last lines:\n{output[-4000:]}"
        )


def must(ended: subprocess.CompletedProcess[str], what: str) -> str:
    """Return the output of a program, or end with the last of it."""
    output = ended.stdout
    if ended.returncode != 0:
        sys.exit(f"{what}: failed, its last lines:\n{output[-4000:]}")
    print(f"{what}: passed", flush=True)
    return output


def environment(version: str, python: str, bundle: str = "") -> Path:
    """Return the programs of an environment with one ansible-core."""
    folder = CACHE / (version or "newest")
    if not (folder / "bin" / "ansible-playbook").exists():
        must(run("uv", "venv", "--clear", "--no-project", "--python", python, folder), str(folder))
    core = f"ansible-core=={version}" if version else "ansible-core"
    # Ansible 2.12 needs an older Jinja2 than it says.
    needed = [core, *(["jinja2<3.1"] if version.startswith("2.12") else [])]
    into = ("uv", "pip", "install", "--python", folder / "bin" / "python")
    must(run(*into, *needed), f"install {core}")
    if bundle:
        # Its collections alone: it names a newer ansible-core.
        must(run(*into, "--no-deps", bundle), f"install the collections of {bundle}")
    return folder / "bin"


def installed(programs: Path) -> Path:
    """Build the collection, and install it into an empty folder; return the folder."""
    folder = CACHE / "empty"
    must(run("rm", "-rf", folder), "empty the folder")
    folder.mkdir(parents=True)
    galaxy = (programs / "ansible-galaxy", "collection")
    must(run(*galaxy, "build", "--output-path", folder), "build the collection")
    (artifact,) = folder.glob("asgi-fleet-*.tar.gz")
    # Not in the clone, whose ansible.cfg leads to another copy.
    install = (*galaxy, "install", artifact, "-p", folder / "found", "--offline", "--no-deps")
    must(run(*install, cwd=folder), "install it")
    return folder


def refuses(version: str, python: str, playbook: Path | str, inventory: list[str]) -> None:
    """End unless a version that is too old is refused before anything else is printed."""
    programs = environment(version, python)
    ended = run(programs / "ansible-playbook", *inventory, playbook)
    output = " ".join(ended.stdout.split())
    if ended.returncode == 0 or "PLAY [" in output or not re.search(REFUSAL, output):
        sys.exit(f"ansible-core {version}: expected a refusal, saw:\n{output[-2000:]}")
    print(f"ansible-core {version} on {playbook}: refused", flush=True)


def plays(
    programs: Path, folder: Path, inventory: list[str], steps: dict[str, list[str]]
) -> dict[str, str]:
    """Run the playbooks of an installed collection; return what each printed.

    Args:
        programs: Of an environment.
        folder: Of `installed`.
        inventory: Options that name the host.
        steps: What each does, with its arguments; whose name ends with "again" changes nothing.
    """
    told = {}
    for what, arguments in steps.items():
        begun = time.monotonic()
        ended = run(
            programs / "ansible-playbook",
            *inventory,
            *arguments,
            cwd=folder,
            ANSIBLE_COLLECTIONS_PATH=str(folder / "found"),
            ANSIBLE_PIPELINING="1",
        )
        seconds = time.monotonic() - begun
        told[what] = must(ended, f"{programs.parent.name}: {what}, {seconds:.0f} s")
        changed = set(re.findall(r"changed=(\d+)", told[what]))
        if what.endswith("again") and changed != {"0"}:
            sys.exit(f"{what}: something changed:\n{told[what][-4000:]}")
    return told


def deploys(version: str, python: str, bundle: str, inventory: list[str]) -> Path:
    """End unless a version deploys, and changes nothing when it does so again.

    Returns:
        The programs of the version.
    """
    programs = environment(version, python, bundle)
    steps = {
        "check": ["asgi.fleet.deploy", "--check", *TAKE_OVER],
        "deploy": ["asgi.fleet.deploy", *TAKE_OVER],
        "deploy again": ["asgi.fleet.deploy"],
        "status": ["asgi.fleet.status"],
    }
    plays(programs, installed(programs), inventory, steps)
    return programs


def examples() -> list[dict[str, Any]]:
    """Return the plays of the roles' READMEs, and one that asks what they have set up."""
    found = []
    for role in ROLES:
        for play in yaml.safe_load((ROOT / "roles" / role / "meta" / "example.yml").read_text()):
            for one in play["roles"]:
                for name, value in one.items():
                    if name == "python_release_source":
                        one[name] = APPLICATION
                    if name == "haproxy_balancer_sites":
                        one[name] = [site | {"servers": SERVERS} for site in value]
            found.append(play | {"hosts": "app"})
    served = f"notes.example.com:{PORTS['haproxy_balancer_https_port']}"
    ask = {"ansible.builtin.command": ASK.format(f"{served}:127.0.0.1", served)}
    tasks = [ask | {"changed_when": False, "check_mode": False}]
    return [*found, {"name": "Ask", "hosts": "app", "gather_facts": False, "tasks": tasks}]


def applies(programs: Path, inventory: list[str]) -> None:
    """End unless each role can be applied by its name, without the playbooks."""
    folder = installed(programs)
    (folder / "roles.yml").write_text(yaml.safe_dump(examples(), sort_keys=False))
    arguments = ["roles.yml", "-e", json.dumps(PORTS | FEW)]
    plays(programs, folder, inventory, {"roles": arguments, "roles again": arguments})


def main() -> None:
    """Run the parts that are asked for."""
    # Ends what runs as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inventory", default="", help="options of ansible-playbook for a host")
    parser.add_argument("--only", choices=["old", "oldest", "newest"])
    asked = parser.parse_args()
    # The playbooks run in another folder.
    inventory = [
        str(ROOT / one) if (ROOT / one).exists() else one for one in shlex.split(asked.inventory)
    ]
    oldest = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text())["requires_ansible"]
    if oldest != f">={OLDEST[0]}":
        sys.exit(f"meta/runtime.yml names {oldest}; expected >={OLDEST[0]}; correct OLDEST")
    if asked.only in (None, "old"):
        for version, python in TOO_OLD:
            for playbook in (ROOT / "deploy.yml", ROOT / "playbooks" / "status.yml"):
                refuses(version, python, playbook, ["-i", str(ROOT / "inventory" / "minimal")])
    for name, one in (("oldest", OLDEST), ("newest", NEWEST)):
        if asked.only in (None, name):
            programs = deploys(*one, inventory)
            if name == "newest":
                applies(programs, inventory)


if __name__ == "__main__":
    main()
