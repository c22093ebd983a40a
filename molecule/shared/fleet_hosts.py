"""What is asked of the hosts of a fleet, behind its balancer."""

from __future__ import annotations

import re
from collections.abc import Sequence

from events import Shop


def slots(shop: Shop, hosts: Sequence[str]) -> list[str]:
    """Slot and release that are live on each host."""
    return [shop.live(host) for host in hosts]


def releases(shop: Shop, hosts: Sequence[str]) -> list[str]:
    """The release that is live on each host."""
    return [live.split()[1] for live in slots(shop, hosts)]


def table(output: str, hosts: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Release and state of each host, from the table at the end of a rollout."""
    lines = output.rpartition("\nHOST ")[2].splitlines()
    rows = re.findall(
        rf"^({'|'.join(hosts)}) +(\S+) +(\S.*)$", "\n".join(lines[: len(hosts) + 1]), re.MULTILINE
    )
    return {host: (release, state) for host, release, state in rows}
