"""Why a host let nothing be run on it, in one sentence with what to type."""

from __future__ import annotations

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.entry.contact import Login, explained

LECTURE = "We trust you have received the usual lecture from the local System Administrator.\n"


@pytest.mark.parametrize(
    ("said", "method", "begins", "says"),
    [
        (
            "/bin/sh: 1: sudo: not found",
            "sudo",
            "sudo is not installed on web1, so op cannot become root",
            "apt-get install sudo",
        ),
        (
            "bash: line 1: doas: command not found",
            "doas",
            "doas is not installed on web1",
            "apt-get install opendoas",
        ),
        ("Missing sudo password", "sudo", "sudo on web1 asks op for a password", "-K"),
        ("sudo: a password is required", "sudo", "sudo on web1 asks op", "ansible_become_password"),
        ("Incorrect sudo password", "sudo", "sudo on web1 refuses the password of op", "-K"),
        ("su: Authentication failure", "su", "su on web1 refuses the password", "of root, for su"),
        (
            LECTURE + "op is not in the sudoers file.",
            "sudo",
            "sudo on web1 does not allow op to become root",
            "/etc/sudoers.d",
        ),
        ("doas: Operation not permitted", "doas", "doas on web1 does not allow op", "doas.conf"),
        (
            "sudo: sorry, you must have a tty to run sudo",
            "sudo",
            "sudo on web1 allows op to become root only on a terminal",
            "ansible_pipelining: false",
        ),
        # sudo-rs, with a password.
        (
            "Timeout (22s) waiting for privilege escalation prompt:",
            "sudo",
            "sudo on web1 did not ask op for his password",
            "ansible_become_exe: sudo.ws",
        ),
        (
            "/bin/sh: 1: /usr/bin/python3: not found",
            "sudo",
            "/usr/bin/python3 cannot be run on web1",
            "apt-get install python3 python3-apt",
        ),
        (
            "fish: Unknown command: /usr/bin/python3\n/usr/bin/python3: No such file or directory",
            "sudo",
            "/usr/bin/python3 cannot be run on web1",
            "ansible_python_interpreter",
        ),
        # `Defaults noexec`: the shell that sudo runs may run nothing.
        (
            "/bin/sh: 1: /usr/bin/python3: Permission denied",
            "sudo",
            "/usr/bin/python3 may not be run by op on web1, as root; where `Defaults noexec`",
            "`Defaults:op !noexec`",
        ),
        (
            "OSError: [Errno 28] No space left on device: '/tmp/ansible_ping_payload'",
            "sudo",
            "a file system of web1 is full, so Ansible cannot put its modules there",
            "`df -i`",
        ),
        (
            "ansible-core requires a minimum of Python version 3.9. Current version: 3.8.10",
            "sudo",
            "/usr/bin/python3 on web1 is too old; expected Python 3.10 or later",
            "ansible_python_interpreter",
        ),
        (
            "This account is currently not available.",
            "sudo",
            "op may not log in on web1",
            "nologin",
        ),
    ],
)
def test_reason_is_told_with_what_to_do(said: str, method: str, begins: str, says: str) -> None:
    told = explained(said, Login("web1", "op", method, "/usr/bin/python3"))
    assert told.startswith(begins)
    assert says in told
    assert "{" not in told


@pytest.mark.parametrize("said", ["", "Connection refused", "No module named 'fastapi'"])
def test_other_reasons_are_left_as_they_are(said: str) -> None:
    assert explained(said, Login("web1", "op", "sudo", "/usr/bin/python3")) == ""
