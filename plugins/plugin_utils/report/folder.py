"""Where the controller keeps what it writes of rollouts: pages, records, plans."""

from __future__ import annotations

import os
from collections.abc import Sequence

#: The folder beside the inventory.
NAME = "rollouts"


def report_folder(sources: Sequence[str], wanted: str, cwd: str) -> str:
    """Return the folder for what is written of rollouts; it need not exist.

    Beside the first inventory: `inventory/rollouts/production` for the folder
    `inventory/production`, which Ansible would read as an inventory as well if it lay within, and
    `rollouts` beside a file.

    Args:
        sources: Ansible's `ansible_inventory_sources`: folders, files, or lists of hosts (`web1,`).
        wanted: `fleet_report_directory`; empty for the default. Relative to `cwd`.
        cwd: The folder in which the operator runs Ansible.
    """
    if wanted:
        return os.path.normpath(os.path.join(cwd, os.path.expanduser(wanted)))
    first = next(iter(sources), "")
    if not first or "," in first:
        return os.path.join(cwd, NAME)
    path = os.path.normpath(os.path.join(cwd, first))
    if os.path.isdir(path):
        return os.path.join(os.path.dirname(path), NAME, os.path.basename(path))
    return os.path.join(os.path.dirname(path), NAME)
