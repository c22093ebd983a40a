"""What the hosts of a small fleet have told, for the tests of a plan."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from ansible_collections.asgi.fleet.plugins.plugin_utils.plan.document import (
    BalancerPlan,
    Document,
    HostFacts,
    Kind,
    document,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.commits import Between

OLD, NEW = "1.4.0-9f86d081", "1.4.1-2c26b46b"
OLD_COMMIT, NEW_COMMIT = "a" * 40, "b" * 40
DEPLOYMENT: dict[str, Any] = {
    "app_name": "shop",
    "app_domain": ["shop.example.com"],
    "app_source": {"type": "git", "url": "https://git.example.com/shop.git", "version": "main"},
    "app_hooks": {},
    "app_tls": {"mode": "selfsigned"},
    "fleet_waves": [1, "100%"],
    "fleet_canary_percent": None,
}
BEGUN: dict[str, Any] = {
    "acquired": True,
    "holder": None,
    "hooks_done": [],
    "ended": [],
    "live": OLD,
    "releases": [{"id": OLD, "state": "live", "commit": OLD_COMMIT, "source": {}, "built_at": 1}],
}
PACKED: dict[str, Any] = {
    "release_id": NEW,
    "commit": NEW_COMMIT,
    "shown": DEPLOYMENT["app_source"],
    "module": "main:app",
    "cache": "/cache",
}
FINGERPRINT: dict[str, Any] = {
    "machine": "0123456789abcdef",
    "variables": {"app_env.LOG_LEVEL": "1" * 16, "app_secrets.API_TOKEN": "2" * 16},
}
SLOT: dict[str, Any] = {"reasons": [], "environment": {"added": [], "changed": [], "removed": []}}
COMMITS: Between = {
    "way": "forward",
    "commits": [{"sha": NEW_COMMIT, "subject": "Add the cart"}],
    "more": 0,
    "files": 3,
}


def host(**changed: Any) -> HostFacts:  # noqa: ANN401
    """Return a host that runs the old release and is to get the new one.

    Args:
        changed: Parts of its facts that are others: the keys of each are combined.
    """
    facts = {
        "deployment": DEPLOYMENT,
        "begun": BEGUN,
        "packed": PACKED,
        "fingerprint": FINGERPRINT,
        "slot": SLOT,
        "provision": {},
    }
    for name, part in changed.items():
        facts[name] = {**facts[name], **part}
    return HostFacts(**copy.deepcopy(facts))


def unchanged(**changed: Any) -> HostFacts:  # noqa: ANN401
    """Return a host that runs what it is to get."""
    packed = {"release_id": OLD, "commit": OLD_COMMIT, **changed.pop("packed", {})}
    return host(packed=packed, **changed)


def bare(**changed: Any) -> HostFacts:  # noqa: ANN401
    """Return a host that has nothing yet."""
    return host(begun={"live": "", "releases": []}, slot={"reasons": []}, **changed)


def plan(
    hosts: Mapping[str, HostFacts],
    kind: Kind = "release",
    balancers: Mapping[str, BalancerPlan] | None = None,
    commits: Between = COMMITS,
) -> Document:
    """Return the plan of a fleet."""
    return document(kind, "0.1.0", hosts, lambda _app, _live, _wanted: commits, balancers)
