"""The files of a site's maintenance mode, which nginx checks at each request.

`path` itself is the switch; its modification time says since when it is on. Beside it, in
`path`_page, are the page in HTML and in JSON. Their modification time is the expected end of the
maintenance, from which nginx makes the header `Retry-After`. The allow list is in `allow`, an empty
file for each address.
"""

from __future__ import annotations

import ipaddress
import json
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from ansible_collections.asgi.fleet.plugins.module_utils.host.files import write_file

MOST_ADDRESSES = 256
"""Largest network that becomes a file for each of its addresses."""

TOLERANCE = 60
"""Seconds by which the end may differ from the wanted end and still count as the same."""


class MaintenanceError(Exception):
    """A refusal, worded for the operator."""


@dataclass(frozen=True)
class Notice:
    """What clients get, and which clients are served instead.

    Attributes:
        page: HTML.
        message: The text for JSON.
        until: Unix time of the expected end.
        allow: Addresses on the allow list.
    """

    page: str
    message: str
    until: int
    allow: tuple[str, ...] = ()

    def files(self) -> dict[str, str]:
        """Return the pages by their names."""
        return {"page.html": self.page, "page.json": problem_json(self.message)}


def problem_json(message: str) -> str:
    """Return a problem as JSON. Source: RFC 9457, section 3."""
    problem = {"type": "about:blank", "title": "Service Unavailable", "status": 503}
    return json.dumps(problem | {"detail": message}, ensure_ascii=False) + "\n"


def addresses(allowed: Iterable[str]) -> tuple[str, ...]:
    """Return single addresses as nginx writes them, including those of small networks.

    Raises:
        MaintenanceError: One is no address, or a network is too large.
    """
    found: list[str] = []
    for entry in allowed:
        try:
            network = ipaddress.ip_network(entry, strict=False)
        except ValueError:
            raise MaintenanceError(
                f"allow has {entry}; expected addresses such as 192.0.2.7 or 2001:db8::7, or small "
                "networks such as 192.0.2.0/28; correct it"
            ) from None
        if network.num_addresses > MOST_ADDRESSES:
            raise MaintenanceError(
                f"allow has {entry}, a network of {network.num_addresses} addresses; expected at "
                f"most {MOST_ADDRESSES}; list it in nginx_site_maintenance_allow in "
                "group_vars/app.yml and run playbooks/provision.yml first"
            )
        found += map(str, network)
    return tuple(sorted(set(found)))


class Switch:
    """The files of one site.

    Args:
        path: The switch.
    """

    def __init__(self, path: str) -> None:
        self.path = Path(path)
        self.pages = Path(f"{path}_page")
        self.allow = self.pages / "allow"

    def since(self) -> int | None:
        """Return the Unix time since which it is on; None while it is off."""
        try:
            return int(self.path.stat().st_mtime)
        except FileNotFoundError:
            return None

    def until(self) -> int | None:
        """Return the Unix time of the expected end that clients get; None if they get none."""
        try:
            return int((self.pages / "page.html").stat().st_mtime)
        except FileNotFoundError:
            return None

    def guests(self) -> set[str]:
        """Return the addresses on the allow list."""
        return {entry.name for entry in self.allow.iterdir()} if self.allow.is_dir() else set()

    def shows(self, notice: Notice) -> bool:
        """Return whether it is on, with this notice."""
        until = self.until()
        return (
            self.since() is not None
            and until is not None
            and abs(until - notice.until) <= TOLERANCE
            and self.guests() == set(notice.allow)
            and all(_read(self.pages / name) == text for name, text in notice.files().items())
        )

    def turn_on(self, notice: Notice) -> None:
        """Show a notice; its page exists before the first client gets it."""
        for folder in (self.pages, self.allow):
            folder.mkdir(exist_ok=True)
            folder.chmod(0o755)
        for address in notice.allow:
            (self.allow / address).touch(mode=0o644)
        for address in self.guests() - set(notice.allow):
            (self.allow / address).unlink()
        for name, text in notice.files().items():
            write_file(str(self.pages / name), text, 0o644)
            os.utime(self.pages / name, (notice.until, notice.until))
        if self.since() is None:
            write_file(
                str(self.path), "Made by playbooks/maintenance.yml; removing it ends it.\n", 0o644
            )

    def turn_off(self) -> None:
        """Serve every client again."""
        self.path.unlink(missing_ok=True)
        shutil.rmtree(self.pages, ignore_errors=True)


def require_site(site: str, path: str) -> None:
    """Refuse a site whose configuration does not check the switch.

    Raises:
        MaintenanceError: nginx would keep serving every client.
    """
    text = _read(Path(site)) or ""
    # The first is how earlier versions wrote it.
    if not path or not any(one in text for one in (f"(-f {path})", f"set $fleet_switch {path};")):
        raise MaintenanceError(
            f"{site} does not look for {path or 'a file'}, so nginx would go on serving everybody; "
            "expected a site with nginx_site_maintenance_path; run playbooks/provision.yml first"
        )
    if not Path(path).parent.is_dir():
        raise MaintenanceError(
            f"the folder of {path} does not exist; expected a deployed application; "
            "run deploy.yml first"
        )


def describe(since: int | None, until: int | None, guests: Iterable[str]) -> str:
    """Return the state of a site, as one line."""
    if since is None:
        return "maintenance is off"
    allowed = ", ".join(guests)
    told = "" if until is None else f", clients are told to come back at {_clock(until)}"
    return f"maintenance is on since {_clock(since)}{told}{allowed and f'; served: {allowed}'}"


def _clock(when: int) -> str:
    return datetime.fromtimestamp(when, timezone.utc).strftime("%Y-%m-%d %H:%M UTC")


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
