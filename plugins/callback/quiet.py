"""An output with only what a playbook shows and what failed, for cron and for pipes."""

# Copyright: the asgi.fleet developers
# MIT License (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
name: quiet
type: stdout
short_description: Print only what a playbook shows, and what failed
version_added: "0.1.0"
description:
  - Prints the lines of M(asgi.fleet.show), failed tasks and unreachable hosts; no banners, no tasks
    that succeeded, no recap. A run without a problem prints only what its playbook shows.
  - Select it for one command with C(ANSIBLE_STDOUT_CALLBACK=asgi.fleet.quiet).
author:
  - The asgi.fleet developers (@asgi-fleet)
"""

from typing import TYPE_CHECKING, Any

from ansible.plugins.callback import CallbackBase
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.text import printable

if TYPE_CHECKING:
    from ansible.executor.stats import AggregateStats
    from ansible.executor.task_result import CallbackTaskResult


class CallbackModule(CallbackBase):
    """Prints only what the module's description says."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "asgi.fleet.quiet"

    def v2_runner_on_failed(self, result: CallbackTaskResult, ignore_errors: bool = False) -> None:
        """Print the task, the host and the reason, unless the playbook continues anyway."""
        # Of a loop, Ansible then only says that an item failed, which has been told.
        told = result.result.get("msg") == "One or more items failed"
        if not ignore_errors and not told:
            self._tell(result, "failed")

    def v2_runner_item_on_failed(self, result: CallbackTaskResult) -> None:
        """Print the item's host and reason, unless the playbook continues anyway."""
        if not result.task.ignore_errors:
            self._tell(result, "failed")

    def v2_runner_on_unreachable(self, result: CallbackTaskResult) -> None:
        """Print the host and the reason, unless the playbook reports it itself."""
        if not result.task.ignore_unreachable:
            self._tell(result, "unreachable")

    def v2_playbook_on_stats(self, stats: AggregateStats) -> None:
        """Print no recap, but that nothing was done: silence would look like success.

        A single play without hosts is common: few rollouts have a host to revert.
        """
        if not stats.processed:
            self._display.display("no hosts matched", stderr=True)

    def _tell(self, result: CallbackTaskResult, verb: str) -> None:
        answer: dict[str, Any] = dict(result.result)
        message = answer.get("msg") or answer.get("stderr") or "no reason given"
        told = f"{result.host.get_name()}: {verb}: {message}"
        self._display.display(printable(told), stderr=True)
