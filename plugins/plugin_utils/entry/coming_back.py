"""An action that comes back to its host over a new connection, to prove that it still opens."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

display = Display()

PAUSE_SECONDS = 2
#: The host's timer may be a little late, and putting things back takes a moment.
MARGIN_SECONDS = 15
#: Before all that users have set: the first mention of an option counts for ssh.
NEW_CONNECTION = "-o ControlMaster=no -o ControlPath=none -o ConnectTimeout=10"


class ComingBack(ActionBase):
    """What such an action needs besides its work."""

    @contextmanager
    def new_connection(self) -> Iterator[None]:
        """Have calls use a connection of their own, and not the one that is kept open."""
        connection = self._connection
        if connection.transport != "ssh":
            connection.reset()
            yield
            return
        before = connection.get_option("ssh_args")
        connection.set_option("ssh_args", f"{NEW_CONNECTION} {before or ''}")
        connection.close()
        try:
            yield
        finally:
            connection.set_option("ssh_args", before)
            connection.close()

    def prove(self, seconds: int, keep: Callable[[], dict[str, Any]]) -> str:
        """Come back over a new connection, and have the host keep its change.

        Args:
            seconds: How long the host waits for that.
            keep: Asks the host for it.

        Returns:
            Empty if the change stays; else why not, and how it ended.
        """
        end = time.monotonic() + seconds + MARGIN_SECONDS
        why = ""
        while time.monotonic() < end:
            try:
                with self.new_connection():
                    kept = keep()
            except AnsibleConnectionFailure as error:
                why = " ".join(str(error).split())
                display.vvv(f"no new connection yet: {why}")
                time.sleep(PAUSE_SECONDS)
                continue
            if not kept.get("failed"):
                return ""
            why = why or str(kept.get("msg"))
            if kept.get("undone"):
                return f"{why}; it was taken back by the host, which lets SSH in again"
            break
        return f"{why}; the host takes it back by itself"
