#!/usr/bin/python
"""Module `asgi.fleet.haproxy_config`; the transaction is in `module_utils/servers/haproxy.py`."""

# Copyright: the asgi.fleet developers
# MIT License (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
module: haproxy_config
short_description: Files of the haproxy configuration, tested as a whole before any is replaced
version_added: "0.1.0"
description:
  - Runs C(haproxy -c) over the whole configuration as it would be, before anything on disk is
    replaced. The test runs in a mount namespace of its own, where a copy with the changes lies over
    the real folder, so that absolute paths lead to the new files while the serving haproxy sees the
    old.
  - Then replaces the files, reloads haproxy (or starts it), and waits until a new process answers
    on the runtime socket. When none does, the previous files come back, and the message is
    haproxy's own.
options:
  files:
    description: Content of each file, by its absolute path below O(directory).
    type: dict
    default: {}
  renewed:
    description:
      - New certificates of servers, as PEM by the path of the file that they are known by.
      - Each is put before the one that the file begins with, so that both are accepted while the
        server changes over. Where there is no such file, nothing is done.
    type: dict
    default: {}
  absent:
    description: Absolute paths below O(directory) that must not exist.
    type: list
    elements: path
    default: []
  requires:
    description:
      - Files made by other tasks that the configuration refers to, such as certificates.
      - While one of them does not exist, check mode reports the changes without testing them.
    type: list
    elements: path
    default: []
  timeout_seconds:
    description: How long the new process may take to answer.
    type: int
    default: 15
  directory:
    description: The folder of the configuration.
    type: path
    default: /etc/haproxy
  executable:
    description: The haproxy that tests.
    type: path
    default: /usr/sbin/haproxy
  service:
    description: The systemd unit that runs it.
    type: str
    default: haproxy
  socket:
    description: The runtime socket.
    type: path
    default: /run/haproxy/admin.sock
attributes:
  check_mode:
    description: Tests the changes and reports them; untested while haproxy is not installed.
    support: full
  diff_mode:
    description: Shows each file.
    support: full
  idempotent:
    description: Touches nothing when the files are as wanted and haproxy has taken them.
    support: full
author:
  - The asgi.fleet developers (@asgi-fleet)
"""

EXAMPLES = r"""
- name: Serve the sites
  asgi.fleet.haproxy_config:
    files:
      /etc/haproxy/haproxy.cfg: "{{ lookup('ansible.builtin.template', 'haproxy.cfg.j2') }}"
"""

RETURN = r"""
action:
  description: What haproxy needed, V(none), V(reloaded) or V(started).
  returned: success
  type: str
"""

import shutil
import tempfile
import time
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.asgi.fleet.plugins.module_utils.servers.haproxy import (
    HaproxyConfigError,
    Outcome,
    apply_changes,
    choose_action,
    explain_refusal,
    require_valid,
    with_renewed,
)
from ansible_collections.asgi.fleet.plugins.module_utils.servers.nginx import (
    Changes,
    Verdict,
    check_paths,
    plan_changes,
    read_current,
    write_changes,
)
from ansible_collections.asgi.fleet.plugins.module_utils.servers.runtime_socket import (
    HaproxyError,
    Runtime,
)

PENDING = Path("/run/asgi_fleet_haproxy_config.pending")
UNSHARE = ["unshare", "--mount", "--propagation", "private", "sh", "-ec"]
TEST_SCRIPT = 'mount --bind "$1" "$2" && exec "$3" -c -f "$2/haproxy.cfg"'


class SystemHaproxy:
    """The haproxy of this host, run by systemd."""

    def __init__(self, module: AnsibleModule) -> None:
        self.module = module
        self.directory = Path(module.params["directory"])
        self.executable: str = module.params["executable"]
        self.service: str = module.params["service"]
        self.timeout: int = module.params["timeout_seconds"]
        self.runtime = Runtime(module.params["socket"], timeout=2)

    def test(self, changes: Changes) -> Verdict:
        """Run `haproxy -c` where, for it alone, a changed copy lies over the configuration."""
        with tempfile.TemporaryDirectory(dir=self.module.tmpdir) as temporary:
            stage = Path(temporary, "stage")
            shutil.copytree(self.directory, stage, symlinks=True)
            write_changes(
                Changes(
                    {self._staged(path, stage): text for path, text in changes.write.items()},
                    tuple(self._staged(path, stage) for path in changes.remove),
                )
            )
            code, output, errors = self.module.run_command(
                [*UNSHARE, TEST_SCRIPT, "sh", str(stage), str(self.directory), self.executable]
            )
        return Verdict(ok=code == 0, output=errors + output)

    def running(self) -> bool:
        """Say whether the service is active."""
        return self._systemctl("is-active", "--quiet") == 0

    def start(self) -> None:
        """Start the service."""
        since = time.time()
        if self._systemctl("start") != 0:
            raise HaproxyConfigError(
                explain_refusal("to start", self._journal(since), "nothing is served")
            )

    def reload(self) -> None:
        """Reload, and wait for another process on the runtime socket."""
        since, before = time.time(), self._process()
        code = self._systemctl("reload")
        end = time.monotonic() + self.timeout
        while code == 0 and time.monotonic() < end:
            if self._process() not in ("", before):
                return
            time.sleep(0.1)
        raise HaproxyConfigError(explain_refusal("the reload", self._journal(since)))

    def _staged(self, path: str, stage: Path) -> str:
        return str(stage / Path(path).relative_to(self.directory))

    def _systemctl(self, *arguments: str) -> int:
        code: int = self.module.run_command(["systemctl", *arguments, self.service])[0]
        return code

    def _process(self) -> str:
        """Return the process id of the worker that has the runtime socket."""
        try:
            lines = self.runtime.ask("show info").splitlines()
        except HaproxyError:
            return ""
        return next((line.split()[1] for line in lines if line.startswith("Pid:")), "")

    def _journal(self, since: float) -> str:
        command = ["journalctl", "--unit", self.service, "--output", "cat", "--no-pager"]
        text: str = self.module.run_command([*command, f"--since=@{int(since)}"])[1]
        return text


def run(module: AnsibleModule) -> dict[str, object]:
    """Plan, then apply unless in check mode; return the module's result."""
    renewed = read_current(module.params["renewed"])
    files = module.params["files"] | with_renewed(module.params["renewed"], renewed)
    absent = module.params["absent"]
    refusals = check_paths(files, absent, module.params["directory"])
    if refusals:
        raise HaproxyConfigError(" ".join(refusals))
    changes = plan_changes(files, absent, read_current([*files, *absent]))
    if not changes and not module.params["files"]:
        return {"changed": False, "diff": [], "action": "none"}
    haproxy = SystemHaproxy(module)
    installed = Path(haproxy.executable).exists()
    if module.check_mode:
        testable = installed and all(Path(path).exists() for path in module.params["requires"])
        outcome = check(changes, haproxy, testable=testable)
    elif not installed:
        raise HaproxyConfigError(
            f"haproxy is not at {haproxy.executable}; expected an installed haproxy; install the "
            "package haproxy first, or set executable"
        )
    else:
        outcome = apply_changes(changes, haproxy, PENDING, wanted=PENDING.exists())
    for warning in outcome.warnings:
        module.warn(warning)
    return {
        "changed": outcome.action != "none",
        "diff": changes.diff(),
        "action": outcome.action,
    }


def check(changes: Changes, haproxy: SystemHaproxy, *, testable: bool) -> Outcome:
    """Say what would be done, tested where it can be."""
    wanted = bool(changes) or PENDING.exists()
    action = choose_action(running=haproxy.running(), wanted=wanted)
    warnings = require_valid(changes, haproxy) if changes and testable else []
    return Outcome(action, warnings)


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        argument_spec={
            "files": {"type": "dict", "default": {}},
            "renewed": {"type": "dict", "default": {}},
            "absent": {"type": "list", "elements": "path", "default": []},
            "requires": {"type": "list", "elements": "path", "default": []},
            "timeout_seconds": {"type": "int", "default": 15},
            "directory": {"type": "path", "default": "/etc/haproxy"},
            "executable": {"type": "path", "default": "/usr/sbin/haproxy"},
            "service": {"type": "str", "default": "haproxy"},
            "socket": {"type": "path", "default": "/run/haproxy/admin.sock"},
        },
        supports_check_mode=True,
    )
    try:
        result = run(module)
    except HaproxyConfigError as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
