"""Commands of the application: what they run with, and how they end."""

from __future__ import annotations

import getpass
import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.slots import hooks
from ansible_collections.asgi.fleet.plugins.module_utils.slots.hooks import HookError

#: Leaves a child in a session of its own, which holds the output open; prints its PID.
LEAVE_CHILD = "setsid sleep 60 & echo child $!"


@pytest.fixture
def release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A release's folder; the application's state goes to the test's folder as well."""
    shop = Application("shop", str(tmp_path))
    path = shop.path("opt/shop/releases/1.0")
    Path(path, "src").mkdir(parents=True)
    monkeypatch.setattr(hooks, "STATE_PARENT", shop.path("var/lib"))
    return path


def hook(command: str, release: str, timeout: float = 20) -> str:
    ran = hooks.run_hook(command, release, getpass.getuser(), {"TOKEN": "t"}, timeout)
    return str(ran["output"])


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Expect the body to end in time."""
    began = time.monotonic()
    yield
    assert time.monotonic() - began < seconds


def end_child(output: str) -> None:
    """End the child that a hook has left, which must have outlived it."""
    pid = re.search(r"child (\d+)", output)
    assert pid
    os.kill(int(pid[1]), signal.SIGKILL)


def test_hook_runs_in_the_release_with_its_environment(release: str) -> None:
    output = hook(
        'pwd; echo "$TOKEN $FLEET_APP $FLEET_RELEASE"; echo "${PATH%%:*}"; echo no >&2', release
    )
    assert output.splitlines() == [
        f"{release}/src",
        "t shop 1.0",
        f"{release}/.venv/bin",
        "no",
    ]


def test_hook_that_fails_shows_the_end_of_its_output(release: str) -> None:
    with pytest.raises(HookError) as failed:
        hook("seq 100; exit 3", release)
    message = str(failed.value)
    assert message.startswith("the hook 'seq 100; exit 3' failed with exit status 3.")
    assert message.endswith("  99\n  100\n")
    assert "  60\n" not in message


def test_hook_that_takes_too_long_is_killed_with_what_it_started(release: str) -> None:
    with within(10), pytest.raises(HookError, match=r"did not end within 0\.5 s and was killed"):
        hook("echo begun; sleep 60 & sleep 60", release, timeout=0.5)


def test_hook_that_takes_too_long_ends_though_a_child_left_its_session(release: str) -> None:
    with within(5), pytest.raises(HookError, match=r"did not end within 0\.5 s") as failed:
        hook(f"{LEAVE_CHILD}; sleep 60", release, timeout=0.5)
    end_child(str(failed.value))


def test_hook_that_succeeds_is_done_though_a_child_left_its_session(release: str) -> None:
    with within(5):
        output = hook(LEAVE_CHILD, release)
    end_child(output)


def test_hook_output_is_kept_up_to_its_limit(release: str) -> None:
    output = hook("head -c 200000 /dev/zero | tr '\\0' x; echo; echo end", release)
    assert len(output) == hooks.KEPT_BYTES
    assert output.endswith("x\nend\n")
