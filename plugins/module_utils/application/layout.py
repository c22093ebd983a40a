"""The two slots of an application on one host: names, files, and which slot is live.

Reads, and changes nothing: the package `slots` changes slots.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import dataclass

from ansible_collections.asgi.fleet.plugins.module_utils.host.files import read_text

SLOTS = ("blue", "green")
#: Characters of an account's name, see useradd(8).
ACCOUNT_LENGTH = 32


@dataclass(frozen=True)
class Application:
    """The paths of one application; `root` is "/" on a host and a folder in tests."""

    name: str
    root: str = "/"

    def path(self, *parts: str) -> str:
        """Join `parts` below the root."""
        return os.path.join(self.root, *parts)

    @property
    def live_link(self) -> str:
        """The link that nginx connects to; it alone decides which slot is live."""
        return self.path("var/lib", self.name, "live.sock")

    @property
    def activations(self) -> str:
        """One JSON line for each activation or refusal, oldest first."""
        return self.path("var/lib", self.name, "activations.jsonl")

    @property
    def rollouts(self) -> str:
        """One JSON line for each thing that a rollout did once."""
        return self.path("var/lib", self.name, "rollouts.jsonl")

    @property
    def commands(self) -> str:
        """Two JSON lines for each command that an operator ran: when it began, and how it ended."""
        return self.path("var/lib", self.name, "commands.jsonl")

    @property
    def recycling(self) -> dict[str, str]:
        """What recycles the live slot on this host: files by what they are."""
        units = self.path("etc/systemd/system")
        return {
            "service": f"{units}/{self.name}-recycle.service",
            "timer": f"{units}/{self.name}-recycle.timer",
            "settings": self.path("etc", self.name, "recycle.json"),
            "program": self.path("opt", self.name, "recycle.pyz"),
        }

    @property
    def recycled(self) -> str:
        """JSON: what the last recycles came to."""
        return self.path("var/lib", self.name, "recycle.json")

    @property
    def records(self) -> str:
        """Folder of what each rollout left here."""
        return self.path("var/lib", self.name, "rollouts")

    @property
    def singletons(self) -> str:
        """A file that is there if what runs once in a fleet runs on this host."""
        return self.path("var/lib", self.name, "singletons")

    @property
    def away(self) -> str:
        """A file that is there while this host is drained, and runs nothing of that."""
        return self.path("var/lib", self.name, "left")

    @property
    def releases(self) -> str:
        """The folder of releases."""
        return self.path("opt", self.name, "releases")

    def slot(self, slot: str) -> Slot:
        """Return the named slot; `slot` is blue or green."""
        return Slot(self, slot)

    def live_slot(self) -> str | None:
        """Return the slot that nginx connects to, or None before the first activation."""
        try:
            target = os.path.basename(os.readlink(self.live_link))
        except OSError:
            return None
        slot = target.rpartition(".")[0]
        return slot if slot in SLOTS else None


@dataclass(frozen=True)
class Slot:
    """The files and units of one slot."""

    application: Application
    slot: str

    @property
    def unit(self) -> str:
        """The name of the units without their type, such as `shop@blue`."""
        return f"{self.application.name}@{self.slot}"

    @property
    def units(self) -> tuple[str, str]:
        """The socket unit and the service unit."""
        return f"{self.unit}.socket", f"{self.unit}.service"

    @property
    def socket(self) -> str:
        """The unix socket that systemd holds for the slot."""
        return self.application.path("run", self.application.name, f"{self.slot}.sock")

    @property
    def runtime_directory(self) -> str:
        """The folder of the workers' reports."""
        return self.application.path("run", self.application.name, self.slot)

    @property
    def release_link(self) -> str:
        """The link to the slot's release."""
        return self.application.path("opt", self.application.name, "slots", self.slot)

    @property
    def files(self) -> dict[str, str]:
        """The slot's files by the parameter names of `asgi.fleet.slot`."""
        units = self.application.path("etc/systemd/system")
        settings = self.application.path("etc", self.application.name, self.slot)
        return {
            "socket": f"{units}/{self.unit}.socket",
            "service": f"{units}/{self.unit}.service",
            "settings": f"{settings}/gunicorn.conf.py",
            "worker": f"{settings}/draining_worker.py",
            "master": f"{settings}/slot_master.py",
            "counts": f"{settings}/request_counts.py",
            "logs": f"{settings}/json_logs.py",
            "environment": f"{settings}/environment",
            "timers": f"{settings}/timers",
        }

    def release(self) -> str | None:
        """Return the folder of the slot's release, or None."""
        try:
            target = os.readlink(self.release_link)
        except OSError:
            return None
        return os.path.normpath(os.path.join(os.path.dirname(self.release_link), target))

    @property
    def plan(self) -> str:
        """Settings that the slot was started with and that are not in its files: JSON."""
        return self.application.path("etc", self.application.name, self.slot, "plan.json")

    @property
    def counterpart(self) -> str:
        """Folder of what the other slot's files would be for the same release."""
        return self.application.path("etc", self.application.name, self.slot, "counterpart")

    def planned_workers(self) -> int:
        """Return how many workers the slot was started to run; 0 before its first start."""
        text = read_text(self.plan)
        return int(json.loads(text)["workers"]) if text else 0

    def proves_workers(self) -> bool:
        """Return whether each worker of the slot reports its own health, as a plain one does not.

        By its settings: a site's template may choose a class of its own.
        """
        return not _PLAIN_WORKER.search(read_text(self.files["settings"]))

    def preloads(self) -> bool:
        """Return whether the slot's master imports the application, before it is ready."""
        return bool(_PRELOADS.search(read_text(self.files["settings"])))

    def contents(self) -> dict[str, str]:
        """Return the current content of the slot's files; a missing file is an empty string."""
        return {kind: read_text(path) for kind, path in self.files.items()}


#: How gunicorn.conf.py says that the master imports the application.
_PRELOADS = re.compile(r"^preload_app = True$", re.MULTILINE)
#: How gunicorn.conf.py names Uvicorn's own worker class, or another one by its path.
_PLAIN_WORKER = re.compile(
    r"^worker_class = (?:UvicornWorker\b|['\"](?!draining_worker\.))", re.MULTILINE
)

#: Modes of the slot's files; the environment contains secrets, and systemd reads it as root.
FILE_MODES = {
    "socket": 0o644,
    "service": 0o644,
    "settings": 0o644,
    "worker": 0o644,
    "master": 0o644,
    "counts": 0o644,
    "logs": 0o644,
    "environment": 0o600,
    "timers": 0o644,
}


def build_account(name: str) -> str:
    """Return the account that the releases of the application `name` are built as."""
    return _account(name, "-build")


def acme_account(name: str) -> str:
    """Return the account that orders the certificates of the application `name`."""
    return _account(name, "-acme")


def metrics_account(name: str) -> str:
    """Return the account that serves the metrics of the application `name`."""
    return _account(name, "-metrics")


def _account(name: str, suffix: str) -> str:
    if len(name) + len(suffix) <= ACCOUNT_LENGTH:
        return f"{name}{suffix}"
    digest = hashlib.sha256(name.encode()).hexdigest()[:6]
    return f"{name[: ACCOUNT_LENGTH - len(suffix) - len(digest) - 1]}-{digest}{suffix}"


def other(slot: str | None) -> str:
    """Return the slot to use next: blue first, then the one that is not live."""
    return "green" if slot == "blue" else "blue"


def changed_kinds(current: dict[str, str], desired: dict[str, str]) -> list[str]:
    """Return the kinds of files that differ, in the order of `desired`."""
    return [kind for kind, text in desired.items() if current.get(kind, "") != text]
