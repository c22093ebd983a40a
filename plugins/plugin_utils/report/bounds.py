"""The limits beyond which `verify.yml` finds something. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.asgi.fleet.plugins.plugin_utils.report.certificates import LEAST_PERCENT
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.upkeep import FAULT, WARNING
from ansible_collections.asgi.fleet.plugins.plugin_utils.text.numbers import integer


@dataclass(frozen=True)
class Bounds:
    """The limits beyond which something is a finding.

    Attributes:
        certificate_percent: The percent of its lifetime that a certificate must have left.
        disk_percent: How full a file system may be.
        stale_hours: Hours after which a lock or a maintenance page counts as forgotten.
        release: The release that every host must run; empty for the one of the last rollout.
        fail_on: The least severity that fails the verification.
        whole: Whether all hosts of the inventory were asked.
    """

    certificate_percent: int = LEAST_PERCENT
    disk_percent: int = 90
    stale_hours: int = 4
    release: str = ""
    fail_on: str = FAULT
    whole: bool = True


RANGES = {
    "certificate_percent": (0, 100, "percent"),
    "disk_percent": (1, 100, "percent"),
    "stale_hours": (1, 8760, "hours"),
}


def limits(given: Mapping[str, object]) -> Bounds:
    """Return the limits; values may come as text, as `-e` gives them.

    Args:
        given: The limits by the names of `Bounds`; missing ones have their default.

    Raises:
        ValueError: A value is not allowed; the message names all such values.
    """
    defaults = Bounds()
    values: dict[str, Any] = {"release": str(given.get("release") or "")}
    refusals = []
    for name, (least, most, unit) in RANGES.items():
        value = given.get(name, getattr(defaults, name))
        number = integer(value)
        if number is None or not least <= number <= most:
            refusals.append(
                f"verify_{name} is {value}; expected a number of {unit} from {least} to {most}; "
                f"correct -e verify_{name}=..."
            )
        values[name] = number
    values["whole"] = bool(given.get("whole", defaults.whole))
    values["fail_on"] = str(given.get("fail_on") or defaults.fail_on)
    if values["fail_on"] not in (FAULT, WARNING):
        refusals.append(
            f"verify_fail_on is {values['fail_on']}; expected {FAULT} or {WARNING}; "
            "correct -e verify_fail_on=..."
        )
    if refusals:
        raise ValueError(" / ".join(refusals))
    return Bounds(**values)
