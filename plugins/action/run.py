"""Shows what a command prints while it runs on the host; see the module of the same name."""

from __future__ import annotations

import os
import signal
import time
from types import FrameType
from typing import Any, NoReturn

from ansible.errors import AnsibleConnectionFailure
from ansible.utils.display import Display
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.text import printable
from ansible_collections.asgi.fleet.plugins.plugin_utils.entry.remote import RemoteAction

display = Display()

MODULE = "asgi.fleet.run"
#: Seconds for which a lost connection is tried again: as long as the host keeps the command.
PATIENCE_SECONDS = 20
RETRY_SECONDS = 2


class Interrupted(BaseException):
    """The operator, or whoever ends this run, wants it to end."""


class ActionModule(RemoteAction):
    """Starts the command by one call of the module, and follows it by further ones."""

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return the module's result, with how the command ended."""
        started = super().run(tmp, task_vars)
        follows = self._task.args.get("state", "started") == "started"
        bad = started.get("failed") or started.get("unreachable") or started.get("skipped")
        if bad or not follows or self._task.check_mode:
            return started
        identifier = str(self._task.args["id"])
        # Ansible's own way is to end this process on the spot.
        before = {number: signal.signal(number, _interrupt) for number in _ENDING}
        try:
            end = self._follow(identifier, task_vars)
        except Interrupted:
            self._call(task_vars, id=identifier, state="stopped")
            # As a worker of Ansible ends that is told to; its parent expects no result any more.
            os._exit(1)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        return started | end

    def _follow(self, identifier: str, task_vars: dict[str, Any] | None) -> dict[str, Any]:
        """Show the output of a command to its end, and return how it ended."""
        parent = os.getppid()
        prefix = str(self._task.args.get("prefix", ""))
        position = 0
        heard = time.monotonic()
        while True:
            if os.getppid() != parent:
                # Ansible itself was killed.
                raise Interrupted
            answer = self._call(task_vars, id=identifier, state="followed", position=position)
            if answer.get("unreachable") and time.monotonic() - heard < PATIENCE_SECONDS:
                time.sleep(RETRY_SECONDS)
                continue
            if answer.get("failed") or answer.get("unreachable"):
                return answer
            heard = time.monotonic()
            position = answer["position"]
            _show(answer["text"], prefix)
            if answer["end"] is not None:
                # It removes what is left of it.
                self._call(task_vars, id=identifier, state="stopped")
                return {"end": answer["end"]}

    def _call(self, task_vars: dict[str, Any] | None, **options: object) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = self._execute_module(
                module_name=MODULE,
                module_args={"name": self._task.args["name"], **options},
                task_vars=task_vars,
            )
        except AnsibleConnectionFailure as error:
            return {"unreachable": True, "msg": str(error)}
        return answer


_ENDING = (signal.SIGINT, signal.SIGTERM)


def _interrupt(number: int, _frame: FrameType | None) -> NoReturn:
    # Once: a second signal must not stop what stops the command.
    for one in _ENDING:
        signal.signal(one, signal.SIG_IGN)
    raise Interrupted(number)


def _show(text: str, prefix: str) -> None:
    if text:
        lines = printable(text).removesuffix("\n").split("\n")
        display.display("\n".join(prefix + line for line in lines))
