"""Why what an application runs has failed: its host lacks something, or its sandbox refuses it."""

from __future__ import annotations

from collections.abc import Mapping

from ansible_collections.asgi.fleet.plugins.module_utils.host.hints import hint
from ansible_collections.asgi.fleet.plugins.module_utils.host.refusals import probable_directive


def probable_cause(
    text: str, release: str = "", environment: Mapping[str, str] | None = None
) -> str:
    """Return sentences for a refusal, each with a blank behind it, or an empty text.

    Args:
        text: What the application said.
        release: Folder of the release.
        environment: The application's variables.
    """
    missing = hint(text)
    refused = probable_directive(text, release, environment or {})
    return (f"{missing[0].upper()}{missing[1:]}. " if missing else "") + (
        f"Perhaps its sandbox is the cause: {refused}. " if refused else ""
    )
