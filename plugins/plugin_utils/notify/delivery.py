"""Events on their way: to whom each goes, with every secret taken out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ansible_collections.asgi.fleet.plugins.plugin_utils.notify.events import Event, without_secrets
from ansible_collections.asgi.fleet.plugins.plugin_utils.notify.sending import Send, tell
from ansible_collections.asgi.fleet.plugins.plugin_utils.notify.targets import Audience, Target
from ansible_collections.asgi.fleet.plugins.plugin_utils.notify.transports import send


def deliver(
    events: Sequence[Event], audiences: Mapping[str, Audience], by: Send = send
) -> tuple[list[str], bool]:
    """Tell the audience of each event's application, all at once.

    Args:
        events: The events, complete.
        audiences: Who is told of each application.
        by: Tells one target of one event.

    Returns:
        A line for each target that was not told, and whether any target was told or none wanted
        to be.
    """
    # An application's text may have what another one's hosts keep secret: they share machines.
    secrets = [one for audience in audiences.values() for one in audience.secrets]
    wanted: list[tuple[Target, Event]] = []
    for event in events:
        targets = audiences[event["app"]].of(event["event"])
        if targets:
            cleaned = without_secrets(event, secrets)
            wanted += [(target, cleaned) for target in targets]
    lines = tell(wanted, by)
    return lines, len(lines) < len(wanted) or not wanted
