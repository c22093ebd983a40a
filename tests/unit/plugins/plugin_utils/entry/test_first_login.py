"""What ssh says, as it was seen, and the sentence for it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.entry.first_login import (
    Way,
    explained,
    is_about_the_account,
    is_denied,
)

WAY = Way("web1", "192.0.2.11", 22, "deploy", "root", has_password=False)
PORT = replace(WAY, port=2222)
UNKNOWN = "Failed to connect to the host via ssh: Host key verification failed."
OF_A_PASSWORD = (
    "Using a SSH password instead of a key is not possible because Host Key checking is enabled. "
    "Please add this host's fingerprint to your known_hosts file to manage this host."
)
CHANGED = "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed."
DENIED = "root@192.0.2.11: Permission denied (publickey,password)."
EXPIRED = (
    "You are required to change your password immediately (administrator enforced)."
    "\nPassword change required but no TTY available."
)
CLOUD = 'Please login as the user "ubuntu" rather than the user "root".'
SILENT = "Failed to connect to the host via ssh: connect to host: Connection timed out"


@pytest.mark.parametrize(
    ("said", "way", "told"),
    [
        (UNKNOWN, WAY, "does not know the host key of web1 (192.0.2.11); expected it in"),
        (UNKNOWN, PORT, "ssh-keyscan -p 2222 192.0.2.11 >> ~/.ssh/known_hosts"),
        (OF_A_PASSWORD, WAY, "(ssh-keyscan 192.0.2.11 | ssh-keygen -lf -)"),
        (CHANGED, PORT, "ssh-keygen -R '[192.0.2.11]:2222'"),
        (DENIED, WAY, "no password was given (-k asks for it)"),
        (DENIED, replace(WAY, has_password=True), "the password is wrong, or the host takes none"),
        (DENIED, PORT, "try it: ssh -p 2222 root@192.0.2.11; if another"),
        (EXPIRED, WAY, "the password of root on web1 has expired"),
        (CLOUD, WAY, "run again with -e bootstrap_login=ubuntu"),
        (SILENT, WAY, "web1 (192.0.2.11) was not reached as root: Failed to connect"),
    ],
)
def test_reason_comes_with_what_to_do(said: str, way: Way, told: str) -> None:
    assert told in explained(said, way)


@pytest.mark.parametrize(
    ("said", "another"),
    [(UNKNOWN, False), (CHANGED, False), (SILENT, False), (DENIED, True), (CLOUD, True)],
)
def test_another_account_is_tried_only_where_that_may_help(said: str, another: bool) -> None:
    assert is_about_the_account(said) is another


def test_no_checking_is_ever_switched_off() -> None:
    assert "StrictHostKeyChecking" not in "".join(explained(s, WAY) for s in (UNKNOWN, CHANGED))


@pytest.mark.parametrize(("said", "denied"), [(DENIED, True), (UNKNOWN, True), (SILENT, False)])
def test_lost_connection_is_no_denial(said: str, denied: bool) -> None:
    assert is_denied(said) is denied
