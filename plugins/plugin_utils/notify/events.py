"""What people are told of: events, each a plain dictionary, which the format `json` sends as it is.

The keys: `event` (begin, end, failed or reverted), `kind` (release, rollback, patch, verify, ...),
`id` (of the rollout, or empty), `app`, `release` and `before` (or empty), `who`, `hosts`, `at`
(Unix seconds), `text` (one line), `detail` (lines), `receipt` (what the minutes of a rollout
served, or null) and `page` (a path on the controller, or empty).
"""

from __future__ import annotations

import os
import platform
import pwd
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.asgi.fleet.plugins.module_utils.protocol.redaction import redacted
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.text import printable
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.notify import EVENTS

Event = dict[str, Any]

#: How many hosts a text names; the rest are counted.
HOSTS_SHOWN = 8
#: What a kind is called in a text, where that is not the kind itself.
CALLED = {
    "certificates": "renewal of certificates",
    "balancer": "configuration of the balancers",
    "provision": "provisioning",
    "remove": "removal",
    "undrain": "return to traffic",
}
_HAPPENED = {"begin": "begins on", "end": "ended on", "failed": "failed on"}
_EMPTY: Event = {
    "event": "end",
    "kind": "",
    "id": "",
    "app": "",
    "release": "",
    "before": "",
    "who": "",
    "hosts": [],
    "at": 0.0,
    "text": "",
    "detail": [],
    "receipt": None,
    "page": "",
}


def completed(given: Mapping[str, Any], *, at: float) -> Event:
    """Return an event with every key.

    Args:
        given: What is known of it.
        at: The time, in Unix seconds, unless the event has one.

    Raises:
        ValueError: It is not an event, or has a key that no event has.
    """
    if unknown := sorted(given.keys() - _EMPTY.keys()):
        raise ValueError(
            f"the event has {', '.join(unknown)}; expected {', '.join(_EMPTY)}; remove the others"
        )
    if given.get("event") not in EVENTS:
        raise ValueError(f"event is {given.get('event')}; expected {', '.join(EVENTS)}")
    event = {**_EMPTY, **given}
    before, detail = event["before"], event["detail"]
    event["before"] = before if isinstance(before, str) else ", ".join(map(str, before or []))
    event["detail"] = detail.splitlines() if isinstance(detail, str) else list(detail or [])
    event["hosts"] = list(event["hosts"])
    event["at"] = float(event["at"] or at)
    if not event["text"]:
        event["text"] = told(event)
    return event


def told(event: Mapping[str, Any], label: str = "") -> str:
    """Return an event in one line.

    Args:
        event: The event.
        label: What the work is called, by default by its kind.
    """
    work = label or CALLED.get(event["kind"], event["kind"]) or "work"
    release = f" of {event['release']}" if event["release"] else ""
    if event["event"] == "reverted":
        happened = f"was reverted to {event['before']} on" if event["before"] else "was reverted on"
    else:
        happened = _HAPPENED[event["event"]]
    by = f" ({event['who']})" if event["who"] else ""
    return f"{event['app']}: {work}{release} {happened} {named(event['hosts'])}{by}"


def named(hosts: Sequence[str]) -> str:
    """Return the hosts as a text has them."""
    if not hosts:
        return "no host"
    more = len(hosts) - HOSTS_SHOWN
    return ", ".join(hosts[:HOSTS_SHOWN]) + (f" and {more} more" if more > 0 else "")


def whoever() -> str:
    """Return who runs this, as locks and manifests name them: `ada@laptop`."""
    return f"{pwd.getpwuid(os.getuid()).pw_name}@{platform.node()}"


def without_secrets(event: Event, secrets: Sequence[Mapping[str, str]]) -> Event:
    """Return an event whose texts have no secret, and nothing that steers a terminal.

    Args:
        event: The event; the texts of hosts are redacted there already, as far as hosts know the
            secrets.
        secrets: Values by name, such as `app_secrets` of each host.
    """
    # Hosts of one application have the same ones.
    different = {tuple(sorted(one.items())): one for one in secrets if one}
    cleaned = {key: _cleaned(value, list(different.values())) for key, value in event.items()}
    cleaned["text"] = " ".join(cleaned["text"].split())
    return cleaned


def _cleaned(value: object, secrets: Sequence[Mapping[str, str]]) -> Any:  # noqa: ANN401 (JSON)
    if isinstance(value, str):
        text = str(value)
        for values in secrets:
            text = redacted(text, values, values)
        return printable(text)
    if isinstance(value, Mapping):
        return {_cleaned(key, secrets): _cleaned(part, secrets) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_cleaned(part, secrets) for part in value]
    return value
