"""Where the collection, the settings and ansible-playbook are, and how it is run."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from asgi_fleet.line import Line, setting

PACKAGE = Path(__file__).resolve().parent
#: What Ansible searches when nobody says where (its DEFAULT_COLLECTIONS_PATH).
USUAL_COLLECTIONS = "~/.ansible/collections:/usr/share/ansible/collections"
#: Where `init` writes an inventory, and where one is looked for.
INVENTORY = "inventory/production"


@dataclass(frozen=True)
class Copy:
    """The copy of the collection that is used: the wheel's, or the clone that this file is in.

    Attributes:
        collections: A folder of collections, as Ansible searches it.
        playbooks: Its playbooks.
        settings: Its ansible.cfg.
    """

    collections: Path
    playbooks: Path
    settings: Path

    @classmethod
    def found(cls, package: Path = PACKAGE) -> Copy:
        """Return the copy that goes with a folder of this package."""
        bundled = package / "collections"
        if bundled.is_dir():
            playbooks = bundled / "ansible_collections" / "asgi" / "fleet" / "playbooks"
            return cls(bundled, playbooks, package / "ansible.cfg")
        clone = package.parent.parent
        return cls(clone / ".ansible" / "collections", clone / "playbooks", clone / "ansible.cfg")

    def environment(self, told: Mapping[str, str], here: Path) -> dict[str, str]:
        """Return the environment in which ansible-playbook finds all of it.

        Args:
            told: The caller's environment.
            here: The folder it runs in.
        """
        collections = told.get("ANSIBLE_COLLECTIONS_PATH") or USUAL_COLLECTIONS
        changed = {"ANSIBLE_COLLECTIONS_PATH": f"{self.collections}:{collections}"}
        if not own_settings(told, here):
            changed["ANSIBLE_CONFIG"] = str(self.settings)
        return {**told, **changed}


def own_settings(told: Mapping[str, str], here: Path) -> bool:
    """Return whether Ansible finds settings that the user has chosen.

    Source: Ansible's order of its files of settings; it does not read one in a folder that
    everybody may write.
    """
    if told.get("ANSIBLE_CONFIG"):
        return True
    chosen = (here / "ansible.cfg").is_file() and not here.stat().st_mode & 0o002
    return chosen or Path(told.get("HOME", "/nowhere"), ".ansible.cfg").is_file()


def is_clone(folder: Path) -> bool:
    """Return whether a folder is a clone of asgi.fleet, where the lines can be typed."""
    return (folder / "galaxy.yml").is_file() and (folder / "playbooks" / "check.yml").is_file()


def path_in_clone(path: str, here: Path) -> str:
    """Return a path as somebody in a clone has to write it: whole, unless this is one."""
    return path if is_clone(here) else os.path.normpath(here / Path(path).expanduser())


def make_importable(copy: Copy) -> None:
    """Make the code of the collection importable, by Ansible's own finder.

    Not by `sys.path`, where the package `ansible` has a folder of the same name.
    """
    if "ansible_collections" in sys.modules:
        return
    from ansible.plugins.loader import init_plugin_loader

    init_plugin_loader([str(copy.collections)])


def program() -> str:
    """Return the ansible-playbook that was installed with this package."""
    beside = (Path(sys.executable).parent, Path(sys.argv[0]).absolute().parent)
    path = os.pathsep.join([*map(str, beside), os.environ.get("PATH", os.defpath)])
    return shutil.which("ansible-playbook", path=path) or str(beside[0] / "ansible-playbook")


def arguments(line: Line, copy: Copy) -> list[str]:
    """Return what is run for a line: the same, with the playbook of the copy."""
    playbook = copy.playbooks / Path(line.playbook).name
    return [program(), *line.before, str(playbook), *line.after]


def replace_by(line: Line, copy: Copy) -> None:
    """Become ansible-playbook: signals, the terminal and the exit status are its own."""
    command = arguments(line, copy)
    environment = copy.environment(os.environ, Path.cwd()) | dict(line.environment)
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(command[0], command, environment)  # noqa: S606 (a shell would change it)


def run(line: Line, copy: Copy) -> int:
    """Run a line, and return its exit status; a Ctrl-C is for ansible-playbook to answer."""
    process: subprocess.Popen[bytes] | None = None

    def pass_on(number: int, _frame: FrameType | None) -> None:
        # A terminal has sent SIGINT to the whole group already.
        if process is not None and number != signal.SIGINT:
            process.send_signal(number)

    before = {one: signal.signal(one, pass_on) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        process = subprocess.Popen(
            arguments(line, copy),
            env=copy.environment(os.environ, Path.cwd()) | dict(line.environment),
        )
        status = process.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return status if status >= 0 else 128 - status


def run_for_status(line: Line, copy: Copy, variable: str) -> int:
    """Run a line, and return the exit status that its playbook writes into a file, if it does.

    Args:
        line: Without that file.
        copy: Of the collection.
        variable: The playbook's variable that names the file.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "status"
        told = ("-e", setting(variable, str(file)))
        added = Line(line.playbook, line.before, (*line.after, *told), line.environment)
        status = run(added, copy)
        return written_status(file, status)


def written_status(file: Path, otherwise: int) -> int:
    """Return the exit status in a file, or another one if there is none."""
    try:
        return int(file.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return otherwise


def chosen_inventory(given: Sequence[str], told: Mapping[str, str], here: Path) -> tuple[str, ...]:
    """Return the inventories that a line names; none where Ansible knows of one itself.

    Raises:
        LookupError: There is none; with what to do.
    """
    if given:
        return tuple(given)
    if told.get("ANSIBLE_INVENTORY"):
        return ()
    if (here / INVENTORY).exists():
        return (INVENTORY,)
    if own_settings(told, here):
        return ()
    raise LookupError(
        f"the inventory is not given, and {INVENTORY} is not there; expected an inventory; type: "
        "asgi-fleet init, or add -i <inventory>"
    )
