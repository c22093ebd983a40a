"""Who is told: the targets of `fleet_notify`, and what must not be in what they are told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.environment import as_text
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.notify import secrets_of, targets
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.problems import Findings

Target = dict[str, Any]
"""A target in its normal form: see `inputs/notify.py`."""


@dataclass(frozen=True)
class Audience:
    """Who is told of an application.

    Attributes:
        targets: The targets, in their normal form.
        secrets: What must not be in a text: values by name, of each host and of the targets.
    """

    targets: Sequence[Target]
    secrets: Sequence[Mapping[str, str]]

    def of(self, event: str) -> list[Target]:
        """Return the targets that are told of a kind of event."""
        return [target for target in self.targets if event in target["events"]]


def audience(hostvars: Mapping[str, Mapping[str, Any]], hosts: Iterable[str]) -> Audience:
    """Return who is told of the application of some hosts.

    Args:
        hostvars: The variables of each host, templates resolved.
        hosts: Hosts of one application, which has the same targets on all of them.

    Raises:
        ValueError: The targets are not valid; the message repeats nothing of them.
    """
    names = [host for host in hosts if host in hostvars]
    given = next((hostvars[host].get("fleet_notify") for host in names), None) or []
    findings = Findings("fleet_notify")
    normal = targets(given, findings)
    if findings.problems:
        raise ValueError(findings.problems[0].message)
    if not normal:
        return Audience([], [])
    return Audience(normal, [secrets_of(normal), *(_secrets(hostvars[host]) for host in names)])


def _secrets(variables: Mapping[str, Any]) -> dict[str, str]:
    found = variables.get("app_secrets")
    if not isinstance(found, Mapping):
        return {}
    return {str(name): as_text(value) for name, value in found.items()}
