"""Where the controller keeps the pages and plans of rollouts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

#: The folder beside the inventory.
FOLDER = "rollouts"


def report_folder(sources: Sequence[str], wanted: str, cwd: str) -> str:
    """Return the folder for what a rollout writes on the controller.

    Ansible reads every file of an inventory that is a folder, so it cannot be in there: of the
    inventory `inventory/production` it is `inventory/rollouts/production`.

    Args:
        sources: The sources of the inventory, as `ansible_inventory_sources` has them.
        wanted: `fleet_report_directory`; a relative path is one from `cwd`; empty for the default.
        cwd: Where `ansible-playbook` was called.
    """
    base = Path(cwd)
    if wanted:
        return str(base / Path(wanted).expanduser())
    # The last of several is the most particular one. A list of hosts (`web1,`) is nowhere.
    source = next((base / one for one in reversed(sources) if (base / one).exists()), None)
    if source is None:
        return str(base / FOLDER)
    # A file is often given by its folder the next time.
    folder = source if source.is_dir() else source.parent
    if folder.resolve() == base.resolve():
        return str(folder / FOLDER)
    return str(folder.parent / FOLDER / folder.name)
