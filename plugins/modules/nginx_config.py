#!/usr/bin/python
"""Module `asgi.fleet.nginx_config`; the transaction is in `module_utils/servers/nginx.py`."""

from __future__ import annotations

DOCUMENTATION = r"""
module: nginx_config
short_description: Files of the nginx configuration, tested as a whole before any is replaced
version_added: 0.1.0
author: The asgi.fleet developers (@asgi-fleet)
description:
  - Runs C(nginx -t) over the whole configuration as it would be, before anything on disk is
    replaced. The test runs in a mount namespace of its own, where a copy with the changes lies over
    the real folder, so that absolute includes lead to the new files while the serving nginx sees
    the old.
  - Then replaces the files, reloads nginx (or starts it), and waits for the new workers.
    C(nginx -s reload) succeeds even when the master refuses, for example because a port is taken;
    then the previous files come back, and the message is nginx's own.
options:
  files:
    description: Content of each file, by its absolute path below O(directory).
    type: dict
    default: {}
  absent:
    description: Absolute paths below O(directory) that must not exist, such as a default site.
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
  reload:
    description:
      - V(when_changed) reloads after a change, and after a run torn apart before its reload.
      - V(always) reloads in any case, for example because a certificate was replaced in place.
    type: str
    choices: [when_changed, always]
    default: when_changed
  timeout_seconds:
    description: How long the new workers may take to appear.
    type: int
    default: 15
  enabled:
    description: Have systemd start it with the host; V(false) leaves that as it is.
    type: bool
    default: false
  directory:
    description: The folder of the configuration.
    type: path
    default: /etc/nginx
  executable:
    description: The nginx that tests.
    type: path
    default: /usr/sbin/nginx
  service:
    description: The systemd unit that runs it.
    type: str
    default: nginx
  error_log:
    description: Where the running nginx says why it refuses a reload.
    type: path
    default: /var/log/nginx/error.log
attributes:
  check_mode:
    description: Tests the changes and reports them; untested while nginx is not installed.
    support: full
  diff_mode:
    description: Shows each file.
    support: full
  idempotent:
    description: Touches nothing when the files are as wanted and nginx has taken them.
    support: full
"""

EXAMPLES = r"""
- name: Serve the site
  asgi.fleet.nginx_config:
    files:
      /etc/nginx/conf.d/shop.conf: "{{ lookup('ansible.builtin.template', 'site.conf.j2') }}"
    absent:
      - /etc/nginx/sites-enabled/default
"""

RETURN = r"""
action:
  description: What nginx needed, V(none), V(reloaded) or V(started).
  returned: success
  type: str
tested:
  description: Whether C(nginx -t) ran over the result.
  returned: success
  type: bool
written:
  description: Paths of the files that were, or in check mode would be, replaced.
  returned: success
  type: list
  elements: str
removed:
  description: Paths that were, or in check mode would be, removed.
  returned: success
  type: list
  elements: str
"""

import shutil
import tempfile
import time
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.asgi.fleet.plugins.module_utils.servers.nginx import (
    Changes,
    NginxConfigError,
    Outcome,
    Verdict,
    apply_changes,
    check_paths,
    choose_action,
    explain_refusal,
    is_final,
    plan_changes,
    read_current,
    require_valid,
    write_changes,
)

PENDING = Path("/run/asgi_fleet_nginx_config.pending")
UNSHARE = ["unshare", "--mount", "--propagation", "private", "sh", "-ec"]
TEST_SCRIPT = 'mount --bind "$1" "$2" && exec "$3" -t'


class SystemNginx:
    """The nginx of this host, run by systemd."""

    def __init__(self, module: AnsibleModule) -> None:
        self.module = module
        self.directory = Path(module.params["directory"])
        self.executable: str = module.params["executable"]
        self.service: str = module.params["service"]
        self.error_log = Path(module.params["error_log"])
        self.timeout: int = module.params["timeout_seconds"]

    def test(self, changes: Changes) -> Verdict:
        """Run `nginx -t` where, for it alone, a changed copy lies over the configuration."""
        with tempfile.TemporaryDirectory(dir=self.module.tmpdir) as temporary:
            stage = Path(temporary, "stage")
            shutil.copytree(self.directory, stage, symlinks=True)
            write_changes(
                Changes(
                    {self._staged(path, stage): text for path, text in changes.write.items()},
                    tuple(self._staged(path, stage) for path in changes.remove),
                )
            )
            code, _stdout, output = self.module.run_command(
                [*UNSHARE, TEST_SCRIPT, "sh", str(stage), str(self.directory), self.executable]
            )
        return Verdict(ok=code == 0, output=output)

    def running(self) -> bool:
        """Say whether the service is active."""
        return self._systemctl("is-active", "--quiet") == 0

    def start(self) -> None:
        """Start the service."""
        seen = self._log_size()
        if self._systemctl("start") != 0:
            raise NginxConfigError(
                explain_refusal("to start", self._log_since(seen), "nothing is served")
            )

    def enabled(self) -> bool:
        """Say whether the service starts with the host."""
        return self._systemctl("is-enabled", "--quiet") == 0

    def enable(self) -> None:
        """Start the service with the host from now on."""
        if self._systemctl("enable") != 0:
            raise NginxConfigError(
                f"systemd does not enable {self.service}; expected a unit that can be enabled; "
                f"run systemctl enable {self.service} on the host to see why"
            )

    def reload(self) -> None:
        """Reload, and wait for workers that were not there before."""
        seen, before = self._log_size(), self._workers()
        code = self._systemctl("reload")
        end = time.monotonic() + self.timeout
        while code == 0 and time.monotonic() < end:
            if self._workers() - before:
                return
            if any(is_final(line) for line in self._log_since(seen).splitlines()):
                break
            time.sleep(0.05)
        raise NginxConfigError(explain_refusal("the reload", self._log_since(seen)))

    def _staged(self, path: str, stage: Path) -> str:
        return str(stage / Path(path).relative_to(self.directory))

    def _systemctl(self, *arguments: str) -> int:
        code: int = self.module.run_command(["systemctl", *arguments, self.service])[0]
        return code

    def _workers(self) -> set[str]:
        """Return the process ids of the workers that still accept connections."""
        show = ["systemctl", "show", "--value", "--property=MainPID", self.service]
        master = self.module.run_command(show)[1].strip()
        children = Path("/proc", master, "task", master, "children").read_text().split()
        return {pid for pid in children if self._title(pid) == "nginx: worker process"}

    def _title(self, pid: str) -> str:
        try:
            return Path("/proc", pid, "cmdline").read_text().rstrip("\0 ")
        except OSError:  # it has ended meanwhile
            return ""

    def _log_size(self) -> int:
        return self.error_log.stat().st_size if self.error_log.exists() else 0

    def _log_since(self, position: int) -> str:
        if not self.error_log.exists():
            return ""
        with self.error_log.open("rb") as stream:
            stream.seek(position)
            return stream.read().decode(errors="replace")


def run(module: AnsibleModule) -> dict[str, object]:
    """Plan, then apply unless in check mode; return the module's result."""
    files, absent = module.params["files"], module.params["absent"]
    refusals = check_paths(files, absent, module.params["directory"])
    if refusals:
        raise NginxConfigError(" ".join(refusals))
    changes = plan_changes(files, absent, read_current([*files, *absent]))
    nginx = SystemNginx(module)
    always = module.params["reload"] == "always"
    installed = Path(nginx.executable).exists()
    enable = module.params["enabled"] and not (installed and nginx.enabled())
    if module.check_mode:
        testable = installed and all(Path(path).exists() for path in module.params["requires"])
        outcome = check(changes, nginx, testable=testable, always=always)
    elif not installed:
        raise NginxConfigError(
            f"nginx is not at {nginx.executable}; expected an installed nginx; install the package "
            "nginx first, or set executable"
        )
    else:
        outcome = apply_changes(changes, nginx, PENDING, always=always)
        if enable:
            nginx.enable()
    for warning in outcome.warnings:
        module.warn(warning)
    return {
        "changed": outcome.action != "none" or enable,
        "diff": changes.diff(),
        "action": outcome.action,
        "tested": outcome.tested,
        "written": sorted(changes.write),
        "removed": list(changes.remove),
    }


def check(changes: Changes, nginx: SystemNginx, *, testable: bool, always: bool) -> Outcome:
    """Say what would be done, tested where it can be."""
    wanted = bool(changes) or always or PENDING.exists()
    action = choose_action(running=nginx.running(), wanted=wanted)
    if not (changes and testable):
        return Outcome(action, tested=False)
    return Outcome(action, tested=True, warnings=require_valid(changes, nginx))


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        argument_spec={
            "files": {"type": "dict", "default": {}},
            "absent": {"type": "list", "elements": "path", "default": []},
            "requires": {"type": "list", "elements": "path", "default": []},
            "reload": {
                "type": "str",
                "choices": ["when_changed", "always"],
                "default": "when_changed",
            },
            "enabled": {"type": "bool", "default": False},
            "timeout_seconds": {"type": "int", "default": 15},
            "directory": {"type": "path", "default": "/etc/nginx"},
            "executable": {"type": "path", "default": "/usr/sbin/nginx"},
            "service": {"type": "str", "default": "nginx"},
            "error_log": {"type": "path", "default": "/var/log/nginx/error.log"},
        },
        supports_check_mode=True,
    )
    try:
        result = run(module)
    except NginxConfigError as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
