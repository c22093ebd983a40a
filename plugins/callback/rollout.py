"""A rollout as a picture at the end of the terminal; plain lines where there is no terminal."""

# Copyright: the asgi.fleet developers
# MIT License (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
name: rollout
type: stdout
short_description: Show a rollout as a picture, or as plain lines
version_added: "0.1.0"
description:
  - "In a terminal: the waves of a rollout, a line for each host with its phase, the time, what the
    present wave has served while it soaks, and above all of it the whole error of what failed.
    Other playbooks have a line with the present task."
  - Without a terminal, on CI (C(CI) is set), with C(TERM=dumb) or without the Python package
    C(rich), it prints a line for each phase and each task that changed something, whole errors,
    and the recap of Ansible.
  - With C(-v), C(--check) or C(--step), and with the debugger of tasks, it prints what
    P(ansible.builtin.default#callback) prints.
  - The first Ctrl-C during a rollout asks it to end in an orderly way, the second one ends it at
    once. Outside of a rollout, the first one does.
  - C(ANSIBLE_STDOUT_CALLBACK=ansible.builtin.default) switches it off for one command.
extends_documentation_fragment:
  - default_callback
  - result_format_callback
requirements:
  - rich on the controller, for the picture
author:
  - The asgi.fleet developers (@asgi-fleet)
"""

import gc
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ansible import constants, context
from ansible.plugins.callback.default import CallbackModule as Default
from ansible_collections.asgi.fleet.plugins.plugin_utils.rollout import interruption
from ansible_collections.asgi.fleet.plugins.plugin_utils.screen import memory, plain
from ansible_collections.asgi.fleet.plugins.plugin_utils.screen.choice import Look, look
from ansible_collections.asgi.fleet.plugins.plugin_utils.screen.command import (
    arguments,
    playbooks,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.screen.failures import (
    Failure,
    details,
    other_keys,
    whole_text,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.screen.phases import (
    FACTS,
    PICTURED,
    Outcome,
    Task,
    needs_result,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.screen.picture import (
    Line,
    Screen,
    ending,
    last_picture,
    live_picture,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.screen.run import Run, Told
from ansible_collections.asgi.fleet.plugins.plugin_utils.screen.signals import Signals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ansible.executor.stats import AggregateStats
    from ansible.executor.task_result import CallbackTaskResult
    from ansible.inventory.host import Host
    from ansible.playbook import Playbook
    from ansible.playbook.included_file import IncludedFile
    from ansible.playbook.play import Play
    from ansible.playbook.task import Task as PlaybookTask
    from ansible_collections.asgi.fleet.plugins.plugin_utils.screen.region import Region

#: Actions that ask the operator something.
ASKING = frozenset({"pause", "ansible.builtin.pause", "ansible.legacy.pause"})


class CallbackModule(Default):
    """Follows a run, and shows it in one of three ways."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "asgi.fleet.rollout"

    def __init__(self) -> None:
        super().__init__()
        self._run = Run("", time.time())
        self._look = Look.ANSIBLE
        self._region: Region | None = None
        self._tasks: dict[str, Task] = {}
        self._untold_play = ""
        self._file = Path()
        self._command = ""
        self._signals = Signals(self._ask_to_end, self._leave)

    # What begins

    def v2_playbook_on_start(self, playbook: Playbook) -> None:
        """Choose how this run is shown."""
        name = Path(playbook._file_name)
        self._run = Run(name.stem, time.time())
        self._look = look(
            quiet=self._display.verbosity == 0,
            asks=bool(context.CLIARGS.get("step") or constants.ENABLE_TASK_DEBUGGER),
            check=bool(context.CLIARGS.get("check")),
            terminal=sys.stdout.isatty(),
            environment=os.environ,
        )
        self._tasks = {}
        self._signals.take()
        if self._look is Look.ANSIBLE:
            super().v2_playbook_on_start(playbook)
            return
        self._file = memory.cache_file(os.environ, Path.home())
        self._command = " ".join([str(name.resolve()), *arguments("inventory", "subset", "tags")])
        self._run.expected = memory.expected_seconds(self._file, self._command)
        if self._look is Look.PICTURE:
            self._open_region()

    def v2_playbook_on_vars_prompt(self, *args: object, **kwargs: object) -> None:
        """Leave the terminal to the question; the next play takes it back."""
        super().v2_playbook_on_vars_prompt(*args, **kwargs)
        self._hide()

    def v2_playbook_on_play_start(self, play: Play) -> None:
        """Take that a play begins."""
        # For each task and host Ansible forks, and each process would look through all of these
        # objects for garbage: `gc.freeze` is for that. What is garbage now stays to the end.
        gc.freeze()
        name = play.get_name().strip()
        with self._display._lock:
            told = self._run.begin_play(name)
        self._tell(told)
        if self._look is Look.ANSIBLE:
            super().v2_playbook_on_play_start(play)
            return
        # What is printed in the way of Ansible's own output needs it.
        self._play = play
        self._untold_play = name
        self._show()

    def v2_playbook_on_no_hosts_matched(self) -> None:
        """Say nothing."""
        if self._look is Look.ANSIBLE:
            super().v2_playbook_on_no_hosts_matched()

    def v2_playbook_on_include(self, included_file: IncludedFile) -> None:
        """Say nothing."""
        if self._look is Look.ANSIBLE:
            super().v2_playbook_on_include(included_file)

    def v2_playbook_on_task_start(self, task: PlaybookTask, is_conditional: bool) -> None:
        """Take that a task begins, and tell what the one before has left."""
        self._begin_task(task)
        if self._look is Look.ANSIBLE:
            super().v2_playbook_on_task_start(task, is_conditional)

    def v2_playbook_on_handler_task_start(self, task: PlaybookTask) -> None:
        """Take that a handler begins."""
        self._begin_task(task)
        if self._look is Look.ANSIBLE:
            super().v2_playbook_on_handler_task_start(task)

    def v2_runner_on_start(self, host: Host, task: PlaybookTask) -> None:
        """Take that a host begins a task."""
        known = self._task(task)
        with self._display._lock:
            first = self._run.begin_host(host.get_name(), known, time.time())
        if first and self._look is Look.LINES:
            self._display.display(plain.begun_line(self._run, known, time.time()))
        if self._look is Look.ANSIBLE:
            super().v2_runner_on_start(host, task)

    # What ends

    def v2_runner_on_ok(self, result: CallbackTaskResult) -> None:
        """Take a success; or a refusal, which a playbook judges later."""
        task = self._task(result.task)
        answer = result.result if needs_result(task) else {}
        refused = bool(answer.get("is_refusal"))
        self._end_host(result, task, Outcome("ok", answer), "refused" if refused else "")
        if self._look is Look.ANSIBLE:
            super().v2_runner_on_ok(result)
        elif result.warnings or result.deprecations:
            self._handle_warnings(result.result)

    def v2_runner_on_failed(self, result: CallbackTaskResult, ignore_errors: bool = False) -> None:
        """Take a failure."""
        task = self._task(result.task)
        outcome = Outcome("failed", result.result, ignored=bool(ignore_errors))
        # Of a loop, each item has told its own.
        told = bool(result.task.loop and "results" in result.result)
        self._end_host(result, task, outcome, "" if told else "failed")
        if self._look is Look.ANSIBLE:
            super().v2_runner_on_failed(result, ignore_errors)
        else:
            self._handle_warnings(result.result)

    def v2_runner_on_unreachable(self, result: CallbackTaskResult) -> None:
        """Take that a host did not answer."""
        task = self._task(result.task)
        ignored = bool(result.task.ignore_unreachable)
        outcome = Outcome("unreachable", result.result, ignored=ignored)
        self._end_host(result, task, outcome, "unreachable")
        if self._look is Look.ANSIBLE:
            super().v2_runner_on_unreachable(result)
        else:
            self._handle_warnings(result.result)

    def v2_runner_on_skipped(self, result: CallbackTaskResult) -> None:
        """Take that a task does not concern a host."""
        self._end_host(result, self._task(result.task), Outcome("skipped"), "")
        if self._look is Look.ANSIBLE:
            super().v2_runner_on_skipped(result)
        elif result.warnings or result.deprecations:
            self._handle_warnings(result.result)

    def v2_runner_item_on_ok(self, result: CallbackTaskResult) -> None:
        """Take one item of a loop."""
        self._end_item(result, "ok")
        if self._look is Look.ANSIBLE:
            super().v2_runner_item_on_ok(result)
        elif result.warnings or result.deprecations:
            self._handle_warnings(result.result)

    def v2_runner_item_on_failed(self, result: CallbackTaskResult) -> None:
        """Take the failure of one item of a loop."""
        self._end_item(result, "failed")
        if self._look is Look.ANSIBLE:
            super().v2_runner_item_on_failed(result)
            return
        item = str(self._get_item_label(result.result))
        failure = self._failure(result, "failed", bool(result.task.ignore_errors), item)
        with self._display._lock:
            self._run.add_failure(failure)
        self._handle_warnings(result.result)

    def v2_runner_item_on_skipped(self, result: CallbackTaskResult) -> None:
        """Say nothing."""
        if self._look is Look.ANSIBLE:
            super().v2_runner_item_on_skipped(result)

    def v2_runner_retry(self, result: CallbackTaskResult) -> None:
        """Take what is known so far of a task that is tried again."""
        task = self._task(result.task)
        if needs_result(task):
            with self._display._lock:
                self._run.fleet.end_task(
                    result.host.get_name(), task, Outcome("ok", result.result), time.time()
                )
        if self._look is not Look.PICTURE:
            super().v2_runner_retry(result)

    def v2_on_file_diff(self, result: CallbackTaskResult) -> None:
        """Show a difference as Ansible does."""
        # Each result comes here, and few have one.
        if self._look is Look.ANSIBLE or result.task.diff:
            super().v2_on_file_diff(result)

    def v2_playbook_on_stats(self, stats: AggregateStats) -> None:
        """Leave the last picture, or the recap of Ansible."""
        now = time.time()
        run = self._run
        with self._display._lock:
            told = run.flush()
            run.fleet.finish(now)
            run.has_ended = True
        self._tell(told)
        # What a rescue has caught is no failure.
        bad = {*stats.failures, *stats.dark}
        run.failed = {host: task for host, task in run.failed.items() if host in bad}
        self._signals.give_back()
        if self._look is Look.ANSIBLE:
            super().v2_playbook_on_stats(stats)
            return
        if not run.has_failed:
            memory.remember(self._file, self._command, now - run.began_at)
        # Silence would look like success.
        steps = plain.next_steps(run, playbooks()) if stats.processed else ["no hosts matched"]
        if self._look is Look.LINES:
            for line in (plain.verdict(run, now), *steps):
                self._say(line)
            super().v2_playbook_on_stats(stats)
            return
        changed = [(host, stats.changed.get(host, 0)) for host in sorted(stats.processed)]
        recap = [f"  {line}" for line in (plain.changed_line(changed), *steps)]
        region, self._region = self._region, None
        if region is not None:
            region.close()
            region.leave(last_picture(run, region.screen(), now, recap))
        if stats.custom and self.get_option("show_custom_stats"):
            super().v2_playbook_on_stats(stats)

    def _open_region(self) -> None:
        """Show the picture, if the library for it is there."""
        # Here, since every run without a terminal would pay for the import.
        from ansible_collections.asgi.fleet.plugins.plugin_utils.screen.region import (
            HAS_RICH,
            Region,
        )

        if not HAS_RICH:
            self._look = Look.LINES
            return
        colours = not constants.ANSIBLE_NOCOLOR
        self._region = Region(self._draw, self._display._lock, colours=colours)
        self._region.open()

    # What is known of Ansible's objects

    def _task(self, task: PlaybookTask) -> Task:
        known = self._tasks.get(task._uuid)
        if known is None:
            options = task.args if isinstance(task.args, Mapping) else {}
            known = self._tasks[task._uuid] = Task(
                name=task.get_name().strip(),
                action=str(task.action),
                options=options,
                delegated=task.delegate_to is not None and task.action != FACTS,
                once=task.run_once is True,
            )
        return known

    def _begin_task(self, task: PlaybookTask) -> None:
        known = self._task(task)
        with self._display._lock:
            told = self._run.begin_task(known, time.time())
        self._tell(told)
        if self._look is Look.ANSIBLE:
            return
        # A play without hosts has no task: few rollouts have a host to revert.
        if self._look is Look.LINES and self._untold_play:
            self._say(f"play: {self._untold_play}")
        self._untold_play = ""
        # For what is printed in the way of Ansible's own output, such as a difference of files.
        self._last_task_name = None
        if known.action in ASKING or task.debugger:
            self._hide()
        else:
            self._show()

    def _end_host(
        self, result: CallbackTaskResult, task: Task, outcome: Outcome, verdict: str
    ) -> None:
        name = result.host.get_name()
        now = time.time()
        failure = None
        if verdict and self._look is not Look.ANSIBLE:
            failure = self._failure(result, verdict, outcome.ignored)
        with self._display._lock:
            if task.action == FACTS and outcome.result.get("ansible_facts"):
                self._run.take_facts(outcome.result["ansible_facts"], name, now)
            self._run.end_host(name, task, outcome, failure, now)
            if result.is_changed():
                self._run.add_change(name)

    def _end_item(self, result: CallbackTaskResult, kind: str) -> None:
        """Take the item of a loop: over hosts, such as the end of a rollout on each; or in time."""
        task = self._task(result.task)
        if task.action not in PICTURED:
            return
        name = result.host.get_name()
        if task.delegated:
            name = str(self._get_item_label(result.result))
        known = Task(task.name, task.action, task.options)
        with self._display._lock:
            self._run.fleet.end_task(name, known, Outcome(kind, result.result), time.time())

    def _failure(
        self, result: CallbackTaskResult, verdict: str, ignored: bool, item: str = ""
    ) -> Failure:
        answer = result.result
        self._clean_results(answer, result.task.action)
        # A module that refuses has said why; of a task that failed, Ansible shows everything.
        rest = {} if verdict == "refused" else other_keys(answer)
        # What is not to be logged is no longer in the answer, but still in the exception.
        known = () if "censored" in answer else details(result.exception)
        return Failure(
            host=self.host_label(result),
            task=result.task.get_name().strip(),
            verdict=verdict,
            text=whole_text(answer, known, self._dump_results(rest) if rest else ""),
            path=(result.task.get_path() or "") if verdict != "refused" else "",
            item=item,
            ignored=ignored,
        )

    # What is printed

    def _say(self, text: str) -> None:
        self._display.display(plain.stamped(self._run, time.time(), text))

    def _tell(self, told: Told) -> None:
        """Print what a task has left, once it has ended on all hosts."""
        if self._look is Look.ANSIBLE:
            return
        for group in told.failures:
            colour = constants.COLOR_SKIP if group.first.ignored else constants.COLOR_ERROR
            stderr = self.get_option("display_failed_stderr")
            heading, *lines = group.lines
            self._display.display(f"\n{heading}", color=colour, stderr=stderr)
            self._display.display("\n".join([*lines, ""]), stderr=stderr)
        if self._look is Look.PICTURE:
            told = Told(told.task, told.failures, told.changed, {})
        for line in plain.told_lines(self._run, told, time.time()):
            self._display.display(line)

    def _draw(self, screen: Screen) -> Sequence[Line]:
        return live_picture(self._run, screen, time.time())

    def _show(self) -> None:
        if self._region is not None:
            self._region.open()

    def _hide(self) -> None:
        if self._region is not None:
            self._region.close()

    # Ctrl-C

    def _ask_to_end(self) -> bool:
        """Ask a rollout to end in an orderly way; False the second time, and outside of one."""
        fleet = self._run.fleet
        if not fleet.is_active or fleet.asked or context.CLIARGS.get("check"):
            return False
        fleet.asked = True
        interruption.ask(fleet.who)
        if self._region is None or not self._region.is_open:
            # Not by the stream, which the main process may be in the middle of.
            os.write(2, f"\n{ending(self._run)}\n".encode())
        return True

    def _leave(self) -> None:
        """Say what state the fleet is in when a run ends before its playbook does."""
        self._hide()
        self._tell(self._run.flush())
        for line in plain.interrupted_lines(self._run.fleet, playbooks()):
            self._display.display(line)
        sys.stdout.flush()
