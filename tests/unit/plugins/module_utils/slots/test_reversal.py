"""Putting back what a rollout has made live."""

from __future__ import annotations

import os

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.application import history
from ansible_collections.asgi.fleet.plugins.module_utils.host.systemd import Refusal
from ansible_collections.asgi.fleet.plugins.module_utils.slots import activation
from ansible_collections.asgi.fleet.plugins.module_utils.slots.cut_over import CutOver

from tests.unit.plugins.module_utils.slot_host import Host, hooked, refused


@pytest.fixture
def switched(host: Host) -> Host:
    """A host where a rollout has put 1.1 in green in the place of 1.0 in blue, and goes on."""
    host.activate(host.desired())
    # Those of blue live on; a start replaces what stands in the list.
    blue, host.workers = host.workers, []
    host.activate(host.desired("1.1"), keep_previous=True)
    host.workers += blue
    host.calls.clear()
    return host


def steps(outcome: CutOver) -> list[object]:
    return [step["step"] for step in outcome.steps]


def untouched(host: Host, outcome: CutOver, live: str | None) -> bool:
    """Tell whether a revert has found nothing to do."""
    return (
        (outcome.changed, outcome.slot, outcome.steps) == (False, live or "", [])
        and host.calls == []
        and host.application.live_slot() == live
    )


def test_revert_is_a_rename_while_the_old_slot_still_runs(switched: Host) -> None:
    before = switched.application.slot("blue").contents()
    outcome = switched.revert("1.1")

    assert (outcome.changed, outcome.slot, outcome.previous_slot) == (True, "blue", "green")
    assert steps(outcome) == ["enable", "cut over"]
    assert switched.calls == [
        ("enable shop@blue.socket shop@blue.service", "green"),
        ("disable shop@green.socket shop@green.service", "blue"),
        ("daemon-reload", "blue"),
        ("stop --no-block shop@green.socket shop@green.service", "blue"),
    ]
    assert not switched.changed_on_disk()
    assert switched.enabled == {"shop@blue.socket", "shop@blue.service"}
    assert switched.application.slot("blue").contents() == before
    assert switched.history()[-2:] == [("reverted", "1.1", "green"), ("live", "1.0", "blue")]


def test_revert_twice_reverts_once(switched: Host) -> None:
    switched.revert("1.1")
    switched.calls.clear()
    before = switched.history()
    assert untouched(switched, switched.revert("1.1"), "blue")
    assert switched.history() == before


@pytest.mark.parametrize(
    "state", [{"ActiveState": "inactive"}, {"ActiveState": "failed", "Result": "oom-kill"}]
)
def test_revert_starts_an_old_slot_that_no_longer_runs(
    switched: Host, state: dict[str, str]
) -> None:
    switched.states["shop@blue.service"] = state
    outcome = switched.revert("1.1")

    assert steps(outcome) == ["start until healthy", "enable", "cut over"]
    assert switched.calls[:5] == [
        ("stop shop@blue.socket shop@blue.service", "green"),
        ("reset-failed shop@blue.socket shop@blue.service", "green"),
        ("start shop@blue.socket", "green"),
        ("start --no-block shop@blue.service", "green"),
        ("enable shop@blue.socket shop@blue.service", "green"),
    ]
    assert switched.application.live_slot() == "blue"


def test_revert_leaves_no_unit_changed_on_disk_though_it_disables_none(switched: Host) -> None:
    # As somebody did by hand.
    switched.systemctl("disable", "shop@green.socket", "shop@green.service")
    switched.calls.clear()
    switched.revert("1.1")
    assert switched.enabled == {"shop@blue.socket", "shop@blue.service"}
    assert switched.reloads() == ["blue"]
    assert not switched.changed_on_disk()


def test_revert_starts_an_old_slot_that_lacks_one_of_its_workers(switched: Host) -> None:
    worker = switched.workers.pop()
    worker.kill()
    worker.wait()
    assert "start until healthy" in steps(switched.revert("1.1"))
    assert switched.application.live_slot() == "blue"


def test_revert_waits_for_as_many_workers_as_the_old_slot_was_started_with(switched: Host) -> None:
    switched.states["shop@blue.service"] = {"ActiveState": "inactive"}
    switched.worker_answers = [(200, "ok")]
    with pytest.raises(Refusal, match="1 of 2 workers answered /healthz with 200"):
        switched.revert("1.1")
    assert switched.application.live_slot() == "green"


def test_revert_that_is_refused_keeps_what_is_live_and_blanks_secrets(switched: Host) -> None:
    switched.states["shop@blue.service"] = {"ActiveState": "inactive"}
    switched.worker_answers = [(500, "the token s3cret-value is refused")]
    before = switched.history()
    with pytest.raises(Refusal) as refusal:
        switched.revert("1.1")

    assert "shop@blue.service was not healthy within 0.3 s" in str(refusal.value)
    assert "<TOKEN>" in str(refusal.value)
    assert "s3cret-value" not in str(refusal.value)
    assert switched.application.live_slot() == "green"
    assert switched.enabled == {"shop@green.socket", "shop@green.service"}
    assert switched.states["shop@blue.service"]["ActiveState"] == "inactive"
    assert switched.states["shop@blue.socket"]["ActiveState"] == "inactive"
    assert not any("green" in call for call, _ in switched.calls)
    assert not switched.changed_on_disk()
    assert switched.history() == before


def test_revert_of_a_refused_revert_can_be_tried_again(switched: Host) -> None:
    switched.states["shop@blue.service"] = {"ActiveState": "inactive"}
    switched.worker_answers = []
    with pytest.raises(Refusal):
        switched.revert("1.1")
    switched.worker_answers = [(200, ""), (200, "")]
    assert switched.revert("1.1").slot == "blue"


def test_revert_of_the_first_deployment_leaves_nothing_live(live: Host) -> None:
    outcome = live.revert("1.0")

    assert (outcome.changed, outcome.slot, outcome.previous_slot) == (True, "", "blue")
    assert steps(outcome) == ["nothing was live before: stop"]
    assert not os.path.lexists(live.application.live_link)
    # Without the link first: nginx must not be sent to a slot that ends.
    assert live.calls == [
        ("disable shop@blue.socket shop@blue.service", None),
        ("daemon-reload", None),
        ("stop shop@blue.socket shop@blue.service", None),
    ]
    assert live.enabled == set()
    assert not live.changed_on_disk()
    assert live.history()[-1] == ("reverted", "1.0", "blue")


def test_revert_after_the_end_of_the_rollout_does_nothing(switched: Host) -> None:
    history.finish(switched.application, "1.1")
    assert untouched(switched, switched.revert("1.1"), "green")


def test_revert_goes_back_from_a_restart_after_the_end_of_the_rollout(live: Host) -> None:
    history.finish(live.application, "1.0")
    live.age(60)
    live.activate(live.desired(settings="workers = 3\n"), keep_previous=True)
    assert live.revert("1.0").slot == "blue"


def test_revert_of_a_release_that_is_not_live_does_nothing(switched: Host) -> None:
    assert untouched(switched, switched.revert("1.2"), "green")


def test_revert_of_a_release_that_was_refused_does_nothing(
    live: Host, hook_calls: list[str]
) -> None:
    # Refused after its cut-over, so it was noted as one.
    refused(live, hooked(live.desired("1.1"), after="fail: smoke"))
    assert hook_calls
    live.calls.clear()
    assert untouched(live, live.revert("1.1"), "blue")


def test_revert_of_a_bare_host_does_nothing(host: Host) -> None:
    assert untouched(host, host.revert("1.0"), None)


def test_revert_puts_back_what_a_killed_run_has_switched(
    live: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(activation, "_run_hooks", killed)
        patched.setattr(activation, "_go_back", lambda *_: None)
        with pytest.raises(KeyboardInterrupt):
            live.activate(hooked(live.desired("1.1"), after="smoke test"), keep_previous=True)
    assert live.application.live_slot() == "green"
    assert live.history()[-1] == ("activating", "1.1", "green")
    assert live.revert("1.1").slot == "blue"
