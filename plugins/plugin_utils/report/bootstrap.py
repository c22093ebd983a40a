"""What bootstrap.yml did on each host, and what comes next, for an operator to read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any


def bootstrap_lines(
    hosts: Iterable[Mapping[str, Any]],
    checked: Mapping[str, Any],
    failed: Iterable[str] = (),
    *,
    check_mode: bool = False,
) -> list[str]:
    """Return the lines of the end of a run.

    Args:
        hosts: The variables of each host, with the registered `bootstrap_way` and
            `bootstrap_result`.
        checked: The result of `bootstrap_inputs`: `lines` and `advice`.
        failed: Names of hosts on which it failed.
        check_mode: Whether nothing was done.
    """
    lines = list(checked["lines"])
    for host in hosts:
        name, would = host["inventory_hostname"], "would " if check_mode else ""
        steps = list(_steps(host))
        lines += [f"{name}: {would}{step}" for step in steps]
        if not steps:
            user = checked["of"][name]["user"]
            lines.append(f"{name}: nothing to do; {user} gets in, as it should be")
    left = [
        f"{name}: NOT done; see its error above, and run the same command again" for name in failed
    ]
    return [*lines, *(left or checked["advice"])]


def _steps(host: Mapping[str, Any]) -> Iterator[str]:
    for name in ("bootstrap_way", "bootstrap_result"):
        yield from (host.get(name) or {}).get("lines") or []
