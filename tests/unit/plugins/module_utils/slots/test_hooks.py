"""Commands of the application: what they run with, and how they end.

What their sandbox refuses, and that nothing outlives them: tested on real hosts (molecule/trust).
"""

from __future__ import annotations

import getpass
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.host import confined
from ansible_collections.asgi.fleet.plugins.module_utils.host.confined import (
    Confinement,
    ConfinementError,
    Outcome,
)
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.sandbox import Sandbox
from ansible_collections.asgi.fleet.plugins.module_utils.slots.hooks import (
    HookError,
    Surroundings,
    run_hook,
)

pytestmark = pytest.mark.usefixtures("confinements")


@pytest.fixture
def release(tmp_path: Path) -> str:
    """A release's folder."""
    path = tmp_path / "opt/shop/releases/1.0"
    (path / "src").mkdir(parents=True)
    return str(path)


@pytest.fixture
def surroundings(release: str) -> Surroundings:
    return Surroundings(
        release,
        getpass.getuser(),
        {"TOKEN": "s3cret-value"},
        secret_names=["TOKEN"],
        sandbox=Sandbox(jit=True),
        memory_max="512M",
    )


def test_hook_runs_in_the_release_with_its_environment(
    surroundings: Surroundings, release: str
) -> None:
    command = 'pwd; echo "$FLEET_APP $FLEET_RELEASE ${#TOKEN}"; echo "${PATH%%:*}"; echo no >&2'
    output = run_hook(command, 20, surroundings)["output"]
    assert output.splitlines() == [f"{release}/src", "shop 1.0 12", f"{release}/.venv/bin", "no"]


def test_hook_is_confined_as_the_service(
    confinements: list[Confinement], surroundings: Surroundings
) -> None:
    run_hook("true", 20, surroundings)
    (used,) = confinements
    assert (used.unit, used.timeout) == ("asgi-fleet-shop-hook", 20)
    assert used.sandbox == surroundings.sandbox
    assert dict(used.properties) == {
        "StateDirectory": "shop/state",
        "StateDirectoryMode": "0750",
        "CacheDirectory": "shop",
        "CacheDirectoryMode": "0750",
        "RuntimeDirectory": "shop/hook",
        "RuntimeDirectoryMode": "0750",
        "LimitNOFILE": "65536",
        "MemoryMax": "512M",
    }
    assert used.environment["HOME"] == "/var/lib/shop/state"


def test_hook_that_fails_shows_the_end_of_its_output_without_secrets(
    surroundings: Surroundings,
) -> None:
    with pytest.raises(HookError) as failed:
        run_hook("seq 100; echo $TOKEN; exit 3", 20, surroundings)
    message = str(failed.value)
    assert message.startswith("the hook 'seq 100; echo $TOKEN; exit 3' failed with exit status 3.")
    assert message.endswith("  99\n  100\n  <TOKEN>\n")
    assert "  60\n" not in message


@pytest.mark.parametrize(
    ("live", "slot", "expected"),
    [(None, "", "blue"), ("blue", "", "green"), ("green", "", "blue"), ("blue", "blue", "blue")],
)
def test_hook_knows_the_slot_that_its_release_is_going_to(
    surroundings: Surroundings, tmp_path: Path, live: str | None, slot: str, expected: str
) -> None:
    if live:
        (tmp_path / "var/lib/shop").mkdir(parents=True)
        (tmp_path / "var/lib/shop/live.sock").symlink_to(f"/run/shop/{live}.sock")
    told = run_hook("echo $FLEET_SLOT", 20, replace(surroundings, slot=slot))["output"]
    assert told == f"{expected}\n"


def test_hook_of_metrics_has_a_folder_that_ends_with_it(surroundings: Surroundings) -> None:
    environment = {"PROMETHEUS_MULTIPROC_DIR": "/var/lib/shop/state/prom/blue"}
    surroundings = replace(surroundings, environment=environment, purpose="activation")
    told = run_hook("echo $PROMETHEUS_MULTIPROC_DIR", 20, surroundings)["output"]
    assert told == "/run/shop/activation\n"


def test_hook_that_cannot_write_is_told_the_line_that_allows_it(
    surroundings: Surroundings, release: str
) -> None:
    said = f"PermissionError: [Errno 13] Permission denied: '{release}/src/static/a/b.css'"
    with pytest.raises(HookError) as failed:
        run_hook(f'echo "{said}"; false collectstatic', 20, surroundings)
    assert (
        f"ProtectSystem=strict refused a write to {release}/src/static/a/b.css; add "
        "app_writable_paths: [{path: static, keep: false}]. The end" in str(failed.value)
    )


def test_hook_that_succeeds_tells_no_secret_and_steers_no_terminal(
    surroundings: Surroundings,
) -> None:
    output = run_hook("printf '\\033[2J%s\\n' $TOKEN", 20, surroundings)["output"]
    assert output == "\\x1b[2J<TOKEN>\n"


def test_hook_that_takes_too_long_is_refused(
    surroundings: Surroundings,
) -> None:
    with pytest.raises(HookError, match=r"did not end within 0\.5 s and was killed; raise its"):
        run_hook("sleep 60", 0.5, surroundings)


def test_hook_that_systemd_does_not_start_is_refused(
    monkeypatch: pytest.MonkeyPatch, surroundings: Surroundings
) -> None:
    def refuse(*_: object) -> Outcome:
        raise ConfinementError("no such account")

    monkeypatch.setattr(confined, "run", refuse)
    with pytest.raises(HookError, match=r"^the hook 'true' did not start: no such account$"):
        run_hook("true", 20, surroundings)
