"""Tells the targets of `fleet_notify` how a run ended, whatever ended it."""

# Copyright: the asgi.fleet developers
# MIT License (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
name: told
type: notification
short_description: Tell the targets of fleet_notify how a run ended
version_added: "0.1.0"
description:
  - Tells that work on a fleet began, ended or failed, as C(fleet_notify) says, where the playbook
    has not told it itself. It learns of every end, also where no task can run any more, since all
    hosts have failed or none answers, and of an end by Ctrl-C or SIGTERM.
  - Prints nothing but the targets that could not be told. A run without C(fleet_notify) costs
    nothing.
requirements:
  - Enable it with C(callbacks_enabled=asgi.fleet.told), as the bundle's C(ansible.cfg) does.
author:
  - The asgi.fleet developers (@asgi-fleet)
"""

import atexit
import json
import os
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible import context
from ansible.errors import AnsibleError
from ansible.plugins.callback import CallbackBase
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.text import printable
from ansible_collections.asgi.fleet.plugins.plugin_utils.notify.delivery import deliver
from ansible_collections.asgi.fleet.plugins.plugin_utils.notify.events import Event, whoever
from ansible_collections.asgi.fleet.plugins.plugin_utils.notify.runs import (
    ROLLOUTS,
    Run,
    begin,
    ends,
    interrupted,
    kind_of,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.notify.targets import Audience, audience
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.failures import failure_reason

if TYPE_CHECKING:
    from types import FrameType

    from ansible.executor.stats import AggregateStats
    from ansible.executor.task_result import CallbackTaskResult
    from ansible.playbook import Playbook
    from ansible.playbook.play import Play

EventsOf = Callable[[dict[str, list[str]]], list[Event]]
"""Makes the events of applications, whose hosts it is given by name."""

CHECK = "asgi.fleet.check_inputs"
NOTIFY = "asgi.fleet.notify"
SHOW = "asgi.fleet.show"
#: Whose refusals a playbook lets pass, and judges later.
JUDGED = frozenset(f"asgi.fleet.{name}" for name in ("hook", "release", "rollout", "slot"))
PLAYBOOKS = Path(__file__).resolve().parents[2] / "playbooks"


class CallbackModule(CallbackBase):
    """Collects what happens, and tells it at the end."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "asgi.fleet.told"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._run = Run(who=whoever())
        self._play: Play | None = None
        #: The last play that a failure has ended for all of its hosts.
        self._fatal: Play | None = None
        self._playbook = ""
        #: The hosts of each application that has targets; None before the inputs were checked.
        self._notified: dict[str, list[str]] | None = None
        self._process = os.getpid()
        #: What SIGTERM did before; Ansible's own handler, or that of another callback.
        self._before: Any = signal.SIG_DFL
        atexit.register(self._interrupted)

    def v2_playbook_on_start(self, playbook: Playbook) -> None:
        """Find out what the run is going to do."""
        before = signal.getsignal(signal.SIGTERM)
        if before != self._terminated:
            self._before = before
            signal.signal(signal.SIGTERM, self._terminated)
        self._playbook = Path(playbook._file_name).stem
        kinds = [kind for play in playbook.get_plays() if (kind := self._kind(play))]
        self._run.ahead = list(dict.fromkeys(kinds))

    def v2_playbook_on_play_start(self, play: Play) -> None:
        """Note what a play is for, and tell that it begins."""
        self._play = play
        if self._run.enter(self._kind(play)) and not _dry() and self._notified != {}:
            self._label(play)
            hosts = self._variables().get("ansible_play_hosts_all", [])
            self._deliver(
                lambda apps: [
                    begin(self._run, app, shown, at=time.time())
                    for app, own in apps.items()
                    if (shown := [host for host in hosts if host in own] or hosts)
                ],
                hosts,
                "begin",
            )

    def v2_runner_on_ok(self, result: CallbackTaskResult) -> None:
        """Note whom the checked inputs name, and what playbooks tell themselves."""
        # A result is copied when it is looked at, so only those of these are.
        action = result.task.action
        if action == CHECK and result.task.args.get("state") == "judged":
            told = result.result.get("notified", {})
            self._notified = {app: list(known["hosts"]) for app, known in told.items()}
            # From here on, Ansible calls nothing here.
            self.disabled = not told
        elif action == NOTIFY:
            for app, events in result.result.get("told", {}).items():
                self._run.told.setdefault(app, []).extend(events)
            self._run.judged |= bool(result.result.get("judged"))
        elif action in JUDGED and result.result.get("is_refusal"):
            self._run.refuse(result.host.get_name(), failure_reason(result.result, "refused"))

    def v2_runner_on_failed(self, result: CallbackTaskResult, ignore_errors: bool = False) -> None:
        """Note why a host failed."""
        if not ignore_errors:
            # What is shown for all hosts is not the reason of the first.
            host = "" if result.task.action == SHOW else result.host.get_name()
            self._fail(host, failure_reason(result.result, "no reason given"))

    def v2_runner_on_unreachable(self, result: CallbackTaskResult) -> None:
        """Note that a host did not answer."""
        if not result.task.ignore_unreachable:
            reason = failure_reason(result.result, "no reason given")
            self._fail(result.host.get_name(), f"did not answer: {reason}")

    def v2_playbook_on_stats(self, stats: AggregateStats) -> None:
        """Tell how it ended."""
        failed = [host for host in stats.processed if host in {**stats.failures, **stats.dark}]
        changed = [host for host in stats.processed if stats.changed.get(host)]
        if self._run.begun and not _dry() and self._notified != {}:
            self._deliver(
                lambda apps: ends(self._run, apps, failed=failed, changed=changed, at=time.time()),
                list(stats.processed),
                "end",
            )
        # Another playbook of the same command line begins anew.
        self._run = Run(who=self._run.who)

    def _fail(self, host: str, reason: str) -> None:
        stopped: list[str] = []
        if self._play and self._play.any_errors_fatal and self._play is not self._fatal:
            # Of those that end with it, Ansible counts none as failed.
            self._fatal = self._play
            if self._notified:
                stopped = self._variables()["ansible_play_hosts_all"]
        self._run.fail(host, reason, stopped)

    def _interrupted(self) -> None:
        """Tell of a run whose end nobody has reported."""
        if self._run.begun and not _dry() and self._notified:
            apps = [host for hosts in self._notified.values() for host in hosts]
            self._deliver(
                lambda known: interrupted(self._run, known, at=time.time()), apps, "interruption"
            )

    def _terminated(self, number: int, frame: FrameType | None) -> None:
        """Tell of a run that SIGTERM ends, as a cancelled job does: it runs no atexit."""
        # Ansible's workers, which are forked, have it too.
        if os.getpid() == self._process:
            self._interrupted()
        if callable(self._before):
            self._before(number, frame)
        else:
            signal.signal(number, self._before)
            os.kill(os.getpid(), number)

    def _label(self, play: Play) -> None:
        """Say of maintenance whether it is switched on or off."""
        if self._run.kind == "maintenance":
            chosen = play.get_variable_manager().extra_vars.get("maintenance")
            self._run.label = f"maintenance {chosen}" if chosen in ("on", "off") else ""

    def _deliver(self, events_of: EventsOf, hosts: list[str], what: str) -> None:
        """Tell the events that a function makes of the applications and their hosts.

        Args:
            events_of: Makes the events.
            hosts: The hosts that the run is about.
            what: What is told, for a message.
        """
        try:
            audiences, apps = self._audiences(hosts)
            events: list[Event] = events_of(apps)
            lines, _reached = deliver(events, audiences)
        except (AnsibleError, ValueError, KeyError, OSError) as error:
            # Not its message: it may repeat what a template has made of a secret.
            lines = [f"not told: the {what} of this run ({type(error).__name__})"]
        if lines:
            self._display.display(printable("\n".join(lines)))

    def _audiences(self, hosts: list[str]) -> tuple[dict[str, Audience], dict[str, list[str]]]:
        """Return who is told of each application that has one of the hosts, and its hosts.

        Upkeep is told of once to who is told of several applications; each has its own rollout.
        """
        variables = self._variables()
        hostvars = variables["hostvars"]
        apps = self._notified
        if apps is None:
            apps = _of_inventory(variables)
        known = {host for own in apps.values() for host in own}
        # Those of a balancer, or of the controller, are everybody's.
        everybody = any(host not in known for host in hosts) and not known & set(hosts)
        audiences: dict[str, Audience] = {}
        found: dict[str, list[str]] = {}
        names: dict[str, str] = {}
        for app, own in apps.items():
            if not everybody and not set(own) & set(hosts):
                continue
            told = audience(hostvars, own)
            rollout = bool(set(ROLLOUTS) & set(self._run.ahead))
            key = app if rollout else json.dumps(told.targets, sort_keys=True)
            name = f"{names[key]}, {app}" if key in names else app
            before = names.get(key)
            names[key] = name
            same = audiences.pop(before) if before else Audience([], [])
            audiences[name] = Audience(told.targets, [*same.secrets, *told.secrets])
            found[name] = [*(found.pop(before) if before else []), *own]
        return audiences, found

    def _kind(self, play: Play) -> str:
        """Return what a play of this collection is for."""
        path = Path(play.get_path().rpartition(":")[0])
        if path.resolve().parent != PLAYBOOKS:
            return ""
        return kind_of(path.name, str(play.vars.get("rollout_kind", self._playbook)))

    def _variables(self) -> dict[str, Any]:
        if self._play is None:
            return {}
        manager = self._play.get_variable_manager()
        found: dict[str, Any] = manager.get_vars(play=self._play)
        return found


def _dry() -> bool:
    """Return whether nothing is done."""
    return bool(context.CLIARGS.get("check"))


def _of_inventory(variables: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the hosts of each application with targets, where nobody has checked the inputs.

    `--limit` has left out all hosts of applications: only balancers are worked on.
    """
    found: dict[str, list[str]] = {}
    for host in variables["groups"].get("app", []):
        own = variables["hostvars"][host]
        if own.get("fleet_notify"):
            found.setdefault(str(own.get("app_name", "")), []).append(host)
    return found
