"""Who is told of what happens to the fleet, and that nobody who is told can harm it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fleet import Fleet

from tests.listeners import Heard, broken, listening, refusing, silent

TOKEN = "the-token-of-the-hook"
#: Of the inventory's app_secrets.
SECRET = "the-token-of-the-operator"
SECONDS = 3
SAYS_ITS_SECRET = """
import os
raise RuntimeError("cannot log in with " + os.environ["API_TOKEN"])
"""


def hook(port: int, **changes: object) -> dict[str, Any]:
    url = f"http://127.0.0.1:{port}/{TOKEN}"
    target = {"type": "webhook", "format": "json", "url": url, "timeout_seconds": SECONDS}
    return {**target, **changes}


@contextmanager
def told(fleet: Fleet, **changes: object) -> Iterator[Heard]:
    """Have one target, which answers at once, and look at all that it is told."""
    with listening() as heard, fleet.having(fleet_notify=[hook(heard.port, **changes)]):
        yield heard
        assert SECRET not in "".join(heard.bodies)
        assert TOKEN not in "".join(heard.bodies)


def kinds(heard: Heard) -> list[tuple[str, str]]:
    return [(event["event"], event["kind"]) for event in heard.documents]


def timed(fleet: Fleet, playbook: str, *arguments: str) -> list[tuple[float, str]]:
    """Run a playbook that must succeed, and return its lines with the time of each."""
    process = fleet.start(playbook, *arguments)
    assert process.stdout is not None
    lines = [(time.time(), line) for line in process.stdout]
    assert process.wait() == 0, "".join(line for _time, line in lines)[-6000:]
    return lines


@pytest.fixture(autouse=True)
def state(fleet: Fleet, tmp_path: Path) -> Iterator[None]:
    """Have `verify` keep what it told in a folder of the test."""
    fleet.env["XDG_STATE_HOME"] = str(tmp_path)
    yield
    del fleet.env["XDG_STATE_HOME"]


def test_release_is_told_and_targets_that_fail_cost_their_time_out(fleet: Fleet) -> None:
    fleet.change_app()
    with told(fleet) as heard:
        alone = timed(fleet, "release")
        assert kinds(heard)[-1] == ("end", "release")
        event = heard.documents[-1]
        assert (event["app"], event["hosts"]) == ("shop", ["op1", "op2"])
        # A begin, if rollouts tell one, and the end.
        events = len(heard.bodies)
    fleet.change_app()
    with (
        listening() as heard,
        listening(silent) as slow,
        listening(broken) as bad,
        refusing() as down,
        fleet.having(
            fleet_notify=[
                hook(slow.port, name="ops-slow"),
                hook(bad.port, name="ops-bad"),
                hook(down, name="ops-down"),
                hook(heard.port, name="ops-good"),
            ]
        ),
    ):
        together = timed(fleet, "release", "-vvv")
        assert kinds(heard)[-1] == ("end", "release")
    for what, lines in (("a release of two hosts", alone), ("with slow targets", together)):
        print(f"{what}: {lines[-1][0] - lines[0][0]:.1f} s")
    # Not the two runs, whose lengths differ by more: from the request to the line that gives it up.
    given_up = [at for at, line in together if line.startswith("not told: ops-slow")]
    waited = [at - asked for asked, at in zip(slow.times, given_up, strict=True)]
    print(f"waited for the slow target: {', '.join(f'{one:.2f} s' for one in waited)}")
    assert all(SECONDS - 1 < one < SECONDS + 1 for one in waited)
    output = "".join(line for _at, line in together)
    assert output.count(f"not told: ops-slow: no answer in {SECONDS} s\n") == events
    assert output.count("not told: ops-bad: status 500\n") == events
    assert output.count("not told: ops-down: connection refused\n") == events
    assert "not told: ops-good" not in output
    assert fleet.live("op1") == fleet.live("op2")
    for secret in ("the-token-", SECRET):
        assert secret not in output


def test_bad_release_is_told_without_the_secret_that_it_prints(fleet: Fleet) -> None:
    before = fleet.live()
    source = fleet.shop.new_version(SAYS_ITS_SECRET)
    with told(fleet) as heard, fleet.having(app_source=source, fleet_notify=[hook(heard.port)]):
        output = fleet.fail("release")
    print(json.dumps(heard.documents[-1], indent=1))
    assert len(heard.bodies) == 1
    (event,) = heard.documents
    assert event["event"] in ("failed", "reverted")
    assert event["kind"] == "release"
    assert any("RuntimeError: cannot log in with <API_TOKEN>" in line for line in event["detail"])
    assert SECRET not in output
    assert fleet.live() == before


def test_run_that_changes_nothing_tells_nobody(fleet: Fleet) -> None:
    with told(fleet) as heard:
        fleet.succeed("certificates")
        fleet.succeed("provision")
    assert heard.bodies == []


def test_maintenance_is_told(fleet: Fleet) -> None:
    with told(fleet, events=["begin", "end"]) as heard:
        fleet.succeed("maintenance", "-e", "maintenance=on")
        fleet.succeed("maintenance", "-e", "maintenance=off")
    texts = [event["text"].partition(" (")[0] for event in heard.documents]
    assert texts == [
        "shop: maintenance on begins on op1, op2",
        "shop: maintenance on ended on op1, op2",
        "shop: maintenance off begins on op1, op2",
        "shop: maintenance off ended on op1, op2",
    ]


def test_verify_is_told_once_and_that_it_is_over(fleet: Fleet) -> None:
    fleet.deploy()
    with told(fleet) as heard:
        fleet.succeed("verify")
        assert heard.bodies == []
        fleet.shop.shell("systemctl stop nginx", "op2")
        try:
            fleet.fail("verify")
            fleet.fail("verify")
            assert kinds(heard) == [("failed", "verify")]
            event = heard.documents[0]
            assert event["hosts"] == ["op2"]
            assert any("nginx" in line and "to do:" in line for line in event["detail"])
        finally:
            fleet.shop.shell("systemctl start nginx", "op2")
        fleet.succeed("verify")
        fleet.succeed("verify")
        assert kinds(heard) == [("failed", "verify"), ("end", "verify")]


def test_host_that_does_not_answer_is_told(fleet: Fleet) -> None:
    with told(fleet) as heard:
        # Nobody listens there.
        fleet.fail("restart", "--limit", "op2", "-e", "ansible_port=9")
    (event,) = heard.documents
    assert (event["event"], event["kind"], event["hosts"]) == ("failed", "restart", ["op2"])
    assert "did not answer" in event["detail"][0]


def test_removal_is_told(fleet: Fleet) -> None:
    with told(fleet) as heard:
        fleet.succeed("remove", "--limit", "op2", "-e", "remove=shop")
        assert kinds(heard) == [("end", "remove")]
        assert heard.documents[0]["hosts"] == ["op2"]
        fleet.deploy()
        # Not that it was provisioned: its release is what counts.
        assert [kind for _event, kind in kinds(heard)[1:]] in (["release"], ["release", "release"])
