"""The frame of a module."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.asgi.fleet.plugins.module_utils.host.remedies import explained
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.controller import too_old
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.redaction import credentials

#: What a module and its tools write is read by other accounts: the build's, the service's, nginx's.
#: A mode that says so is not enough: os.makedirs() gives it to the last folder alone, and tools
#: know no other way. What is secret has its own mode from the first moment (`write_file`).
UMASK = 0o022
#: Decides over LANG and every LC_*, and is part of libc on each supported release.
LOCALE = "C.UTF-8"
#: Where a host has its tools, those for root included.
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#: What AnsibleModule has instead of the controller's version if none was sent, as in a test.
UNTOLD = "0.0"

#: The option of modules whose refusals a playbook shows itself, once for all hosts. `failed_when`
#: would do that too, but Ansible then hides why a module crashed.
REFUSAL: dict[str, Any] = {"fail_when_refused": {"type": "bool", "default": True}}


class Module(AnsibleModule):
    """A module whose options do not reach the host's journal, nor credentials in them the answer.

    Ansible writes the options of each call to the journal, for good and for all who may read it.
    Options contain environments, files and commands of an application. `no_log` of an option is no
    remedy: that of a suboption misses if a newline of the value was escaped in the text, and the
    text of every value is cut out of the answer, so that a file would have no diff.

    Nor does anything of the log-in reach the work: its umask, which a hardened host sets to 077;
    its language, which ssh brings from the operator's machine, and in which tools would answer; its
    PATH, which lacks /usr/sbin for many users.

    AnsibleModule's own parameter `no_log` says the same, but is lost: Ansible sends the task's own
    `no_log`, false as a rule, with every call.
    """

    def __init__(self, argument_spec: dict[str, Any], **more: Any) -> None:  # noqa: ANN401
        """Take the call's options.

        Args:
            argument_spec: The options; `no_log` keeps a text out of the answer.
            more: As AnsibleModule has it.
        """
        _forget_the_login()
        super().__init__(argument_spec=argument_spec, **more)
        # With -vvv the answer repeats the options, and a failing tool its arguments.
        for text in _texts(self.params):
            self.no_log_values.update(credentials(text))
        # A role may be used alone, without playbooks/check.yml. Its first module comes before any
        # change.
        version = str(self.ansible_version)
        if version != UNTOLD and (reason := too_old(version)):
            self.fail_json(msg=reason)

    def refuse(self, error: Exception, **more: object) -> None:
        """End as failed, with what an operator can do about it; or as the caller wants it.

        `is_refusal` tells a caller that the message is meant for an operator: a playbook that shows
        it later, once for all hosts, need not let Ansible print it for each of them, and sets the
        option of `REFUSAL` to false.
        """
        end = self.fail_json if self.params.get("fail_when_refused", True) else self.exit_json
        end(msg=explained(error), is_refusal=True, **more)
        # For the type: this process has ended.
        raise SystemExit(1)

    @property
    def no_log(self) -> bool:
        """Whether to keep silent: always."""
        return True

    @no_log.setter
    def no_log(self, of_the_task: bool) -> None:
        """Ignore what a task says: its `no_log` hides the answer too, and does so by itself."""


def _forget_the_login() -> None:
    os.umask(UMASK)
    for name in list(os.environ):
        if name in ("LANG", "LANGUAGE") or name.startswith("LC_"):
            del os.environ[name]
    os.environ.update(LANG=LOCALE, LC_ALL=LOCALE)
    given = os.environ.get("PATH", "").split(":")
    os.environ["PATH"] = ":".join(dict.fromkeys(filter(None, [*given, *PATH.split(":")])))


def _texts(value: object) -> Iterator[str]:
    """Yield the texts in an option, at any depth."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
