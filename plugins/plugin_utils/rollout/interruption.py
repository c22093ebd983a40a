"""Whether the operator has asked a running rollout to end: Ctrl-C, once.

The main process is asked, and may then fork workers that must know. So there is a flag for this
process, and a file for those that were forked before: in Ansible's own temporary folder, which all
processes of a run share, no other run has, and Ansible removes at the end.
"""

from __future__ import annotations

import os
from pathlib import Path

from ansible import constants

MARK = "asgi-fleet-rollout-is-to-end"

_asked = False


def ask(who: str = "") -> None:
    """Ask the rollout of this run to end in an orderly way; a second time changes nothing.

    May be called within a signal handler.

    Args:
        who: Who asks, for those who read the mark.
    """
    global _asked
    _asked = True
    try:
        descriptor = os.open(_mark(), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError:
        # It is there already; or the folder is not, and then there are no workers either.
        return
    with os.fdopen(descriptor, "w", encoding="utf-8") as mark:
        mark.write(who)


def asked() -> bool:
    """Return whether the rollout has been asked to end."""
    return _asked or _mark().exists()


def _mark() -> Path:
    return Path(constants.DEFAULT_LOCAL_TMP) / MARK
