#!/usr/bin/env python3
"""Deploys with the oldest and the newest ansible-core, from an installed collection.

uv makes an environment for each version. The collection is built and installed into an empty
folder without an ansible.cfg, and its playbooks are run by their names against one host of a lab:
the check, the deployment, and once more, which must change nothing. Versions before the oldest
must refuse at once, with what to type.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
CACHE = ROOT / ".cache" / "ansible-versions"
#: ansible-core and its Python, with the release of `ansible` whose collections belong to it.
OLDEST = ("2.19.0", "3.11", "ansible==12.0.0")
NEWEST = ("", "3.13", "ansible")
#: Those of Ubuntu 22.04, Debian 12 and Ubuntu 24.04.
TOO_OLD = (("2.12.10", "3.10"), ("2.14.18", "3.11"), ("2.16.19", "3.11"))
REFUSAL = r"ansible-core is 2\.1\d\.\S+ \(.+\); expected 2\.19 or later; .*type: make bootstrap"


def run(*command: str | Path, cwd: Path = ROOT, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a program with the environment of this one, without settings of Ansible."""
    told = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    return subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env=told | {"ANSIBLE_NOCOLOR": "1"} | more,
        capture_output=True,
        text=True,
        check=False,
    )


def must(ended: subprocess.CompletedProcess[str], what: str) -> str:
    """Return the output of a program, or end with the last of it."""
    output = ended.stdout + ended.stderr
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
    output = " ".join((ended.stdout + ended.stderr).split())
    if ended.returncode == 0 or "PLAY [" in output or not re.search(REFUSAL, output):
        sys.exit(f"ansible-core {version}: expected a refusal, saw:\n{output[-2000:]}")
    print(f"ansible-core {version} on {playbook}: refused", flush=True)


def deploys(version: str, python: str, bundle: str, inventory: list[str]) -> None:
    """End unless a version deploys, and changes nothing when it does so again."""
    programs = environment(version, python, bundle)
    folder = installed(programs)
    steps: dict[str, list[str]] = {
        "check": ["asgi.fleet.deploy", "--check"],
        "deploy": ["asgi.fleet.deploy"],
        "deploy again": ["asgi.fleet.deploy"],
        "status": ["asgi.fleet.status"],
    }
    for what, arguments in steps.items():
        ended = run(
            programs / "ansible-playbook",
            *inventory,
            *arguments,
            cwd=folder,
            ANSIBLE_COLLECTIONS_PATH=str(folder / "found"),
        )
        output = must(ended, f"ansible-core {version or 'newest'}: {what}")
        changed = re.findall(r"changed=(\d+)", output)
        if what == "deploy again" and set(changed) != {"0"}:
            sys.exit(f"the second deployment changed something:\n{output[-4000:]}")


def main() -> None:
    """Run the parts that are asked for."""
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
            deploys(*one, inventory)


if __name__ == "__main__":
    main()
