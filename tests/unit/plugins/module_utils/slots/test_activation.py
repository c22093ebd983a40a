"""Bringing a release live: what is planned, in which order, and that a refusal leaves what is live.

The host is one of `slot_host.py`.
"""

from __future__ import annotations

import errno
import os
import pwd
import stat
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.application.history import (
    ActivationEvent,
    activations,
    record,
)
from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application, Slot
from ansible_collections.asgi.fleet.plugins.module_utils.host.controller import ControllerGone
from ansible_collections.asgi.fleet.plugins.module_utils.host.systemd import Refusal
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.state import Reason
from ansible_collections.asgi.fleet.plugins.module_utils.slots import (
    activation,
    cut_over,
    slot_files,
)
from ansible_collections.asgi.fleet.plugins.module_utils.slots.activation import CutOverPlan
from ansible_collections.asgi.fleet.plugins.module_utils.slots.cut_over import Desired
from ansible_collections.asgi.fleet.plugins.module_utils.slots.health import Health

from tests.unit.plugins.module_utils.slot_host import HEADER, KINDS, Host, hooked, refused

# What is planned


def reasons(**texts: str) -> tuple[Reason, ...]:
    """Return reasons by their kinds, in the order given."""
    return tuple({"kind": kind, "text": text} for kind, text in texts.items())


def planned(host: Host, desired: Desired, active: bool = True) -> CutOverPlan:
    return activation.plan(host.application, desired, active)


def test_plan_begins_with_blue(host: Host) -> None:
    first = reasons(first="no slot is live yet")
    assert planned(host, host.desired()) == CutOverPlan("blue", True, first)


def test_plan_leaves_what_is_as_wanted(live: Host) -> None:
    assert planned(live, live.desired()) == CutOverPlan("blue", False, ())


def test_plan_names_a_changed_release_once_though_the_unit_names_it_too(live: Host) -> None:
    changed = reasons(release="release 1.0 -> 1.1")
    assert planned(live, live.desired("1.1")) == CutOverPlan("green", True, changed)


@pytest.mark.parametrize("kind", KINDS)
def test_plan_names_each_changed_file(live: Host, kind: str) -> None:
    desired = live.desired(**{kind: "other\n"})
    changed = reasons(**{kind: f"{kind} changed"})
    assert planned(live, desired) == CutOverPlan("green", True, changed)


def test_plan_names_a_number_of_workers_that_no_file_shows(live: Host) -> None:
    desired = replace(live.desired(), workers=3)
    changed = reasons(settings="workers 2 -> 3")
    assert planned(live, desired) == CutOverPlan("green", True, changed)


def test_plan_names_the_number_of_workers_once_if_the_settings_show_it(live: Host) -> None:
    desired = replace(live.desired(settings="workers = 3\n"), workers=3)
    changed = reasons(settings="settings changed")
    assert planned(live, desired) == CutOverPlan("green", True, changed)


def test_plan_replaces_a_live_slot_of_a_version_that_noted_no_number(live: Host) -> None:
    Path(live.application.slot("blue").plan).unlink()
    changed = reasons(settings="workers 0 -> 2")
    assert planned(live, live.desired()) == CutOverPlan("green", True, changed)


def test_plan_names_all_reasons(live: Host) -> None:
    desired = live.desired(socket="other\n", service="other\n", environment="")
    assert planned(live, desired, active=False).reasons == reasons(
        socket="socket changed",
        service="service changed",
        environment="environment changed",
        stopped="shop@blue.service is not running",
    )


def test_plan_restarts_in_the_idle_slot_when_asked(live: Host) -> None:
    asked = activation.plan(live.application, live.desired(), True, restart=True)
    assert asked == CutOverPlan("green", True, reasons(restart="a restart was asked for"))


def test_plan_replaces_a_live_slot_that_is_not_running(live: Host) -> None:
    live.states["shop@blue.service"] = {"ActiveState": "failed"}
    active = activation.live_is_active(live.application)
    stopped = reasons(stopped="shop@blue.service is not running")
    assert planned(live, live.desired(), active) == CutOverPlan("green", True, stopped)


def test_plan_replaces_a_live_slot_whose_release_link_is_gone(live: Host) -> None:
    Path(live.application.slot("blue").release_link).unlink()
    assert planned(live, live.desired()).reasons == reasons(release="release none -> 1.0")


def test_live_is_active_is_false_before_the_first_activation(host: Host) -> None:
    assert activation.live_is_active(host.application) is False


# What a diff shows


def test_diff_is_empty_when_nothing_differs(live: Host) -> None:
    assert activation.diff(live.application, live.desired(), "blue") == []


def test_diff_shows_a_changed_file_under_both_paths(live: Host) -> None:
    desired = live.desired(settings="workers = 3\n")
    assert activation.diff(live.application, desired, "green") == [
        {
            "before_header": live.application.slot("blue").files["settings"],
            "after_header": live.application.slot("green").files["settings"],
            "before": f"{HEADER}settings of blue\n",
            "after": "workers = 3\n",
        }
    ]


def test_diff_names_changed_variables_and_never_shows_their_values(live: Host) -> None:
    desired = live.desired(environment='COLOR="red"\nNEW="n3w-value"\nTOKEN="0ther-value"\n')
    (shown,) = activation.diff(live.application, desired, "green")
    assert shown["before"] == "COLOR=<hidden>\nTOKEN=<hidden>\n"
    assert shown["after"] == "COLOR=<hidden>\nNEW=<hidden>\nTOKEN=<hidden>\nTOKEN=<changed>\n"


def test_environment_changes_are_names_without_values(live: Host) -> None:
    desired = live.desired(environment='NEW="n3w-value"\nTOKEN="0ther-value"\n')
    assert activation.environment_changes(live.application, desired) == {
        "added": ["NEW"],
        "changed": ["TOKEN"],
        "removed": ["COLOR"],
    }
    same = activation.environment_changes(live.application, live.desired())
    assert same == {"added": [], "changed": [], "removed": []}


def test_environment_of_the_first_activation_is_added(host: Host) -> None:
    found = activation.environment_changes(host.application, host.desired())
    assert found == {"added": ["COLOR", "TOKEN"], "changed": [], "removed": []}


def test_diff_of_the_first_activation_shows_every_file_as_new(host: Host) -> None:
    shown = activation.diff(host.application, host.desired(), "blue")
    assert [Path(part["after_header"]).name for part in shown] == [
        "shop@blue.socket",
        "shop@blue.service",
        "gunicorn.conf.py",
        "draining_worker.py",
        "slot_master.py",
        "request_counts.py",
        "json_logs.py",
        "environment",
        "timers",
    ]
    assert {part["before"] for part in shown} == {""}
    assert "s3cret-value" not in str(shown)


# The order of a cut-over


def test_first_activation_enables_before_it_cuts_over(host: Host) -> None:
    outcome = host.activate(host.desired())

    assert (outcome.changed, outcome.slot, outcome.previous_slot) == (True, "blue", None)
    assert [step["step"] for step in outcome.steps] == [
        "free the idle slot",
        "check the units",
        "configure",
        "start until healthy",
        "cut over",
    ]
    assert host.calls == [
        ("enable shop@blue.socket shop@blue.service", None),
        ("daemon-reload", None),
        ("reset-failed shop@blue.socket shop@blue.service", None),
        ("start shop@blue.socket", None),
        ("start --no-block shop@blue.service", None),
    ]
    assert not host.changed_on_disk()
    assert Path(host.application.live_link).readlink() == Path(host.application.slot("blue").socket)
    assert host.history() == [("activating", "1.0", "blue"), ("live", "1.0", "blue")]
    assert activations(host.application)[0].previous is None


def test_replacement_touches_the_old_slot_only_after_the_cut_over(live: Host) -> None:
    outcome = live.activate(live.desired("1.1"))

    assert (outcome.changed, outcome.slot, outcome.previous_slot) == (True, "green", "blue")
    assert live.calls == [
        ("enable shop@green.socket shop@green.service", "blue"),
        ("daemon-reload", "blue"),
        ("reset-failed shop@green.socket shop@green.service", "blue"),
        ("start shop@green.socket", "blue"),
        ("start --no-block shop@green.service", "blue"),
        ("disable shop@blue.socket shop@blue.service", "green"),
        ("daemon-reload", "green"),
        ("stop --no-block shop@blue.socket shop@blue.service", "green"),
    ]
    assert not live.changed_on_disk()
    assert live.enabled == {"shop@green.socket", "shop@green.service"}
    assert live.history()[2:] == [("activating", "1.1", "green"), ("live", "1.1", "green")]


@pytest.mark.parametrize("keep_previous", [False, True])
def test_release_reloads_systemd_twice_and_leaves_no_unit_changed_on_disk(
    live: Host, keep_previous: bool
) -> None:
    for version, before, after in (("1.1", "blue", "green"), ("1.2", "green", "blue")):
        live.calls.clear()
        live.activate(live.desired(version), keep_previous=keep_previous)
        assert live.reloads() == [before, after]
        assert not live.changed_on_disk()


def test_slot_is_enabled_and_read_by_systemd_before_it_starts(
    live: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(slot: Slot, _: Desired) -> None:
        assert live.enabled.issuperset(slot.units)
        assert not live.changed_on_disk()
        raise Refusal("looked")

    monkeypatch.setattr(activation, "start", start)
    with pytest.raises(Refusal, match="looked"):
        live.activate(live.desired("1.1"))


def test_live_link_is_renamed_once_the_slot_is_healthy(
    live: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, str | None]] = []
    start, swap = cut_over.start, cut_over.swap

    def started(slot: Slot, desired: Desired) -> None:
        start(slot, desired)
        seen.append(("healthy", live.application.live_slot()))

    def swapped(application: Application, target: Slot) -> None:
        seen.append(("rename", application.live_slot()))
        swap(application, target)

    monkeypatch.setattr(activation, "start", started)
    monkeypatch.setattr(activation, "swap", swapped)
    live.activate(live.desired("1.1"))
    assert seen == [("healthy", "blue"), ("rename", "blue")]
    assert live.requests != []


def test_cut_over_is_noted_with_what_it_replaces_before_it_is_done(
    live: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        assert live.history()[-1] == ("activating", "1.1", "green")
        assert activations(live.application)[-1].previous == "blue"
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(activation, "swap", killed)
        # Going back swaps as well.
        patched.setattr(activation, "_go_back", lambda *_: None)
        with pytest.raises(KeyboardInterrupt):
            live.activate(live.desired("1.1"))
    assert live.application.live_slot() == "blue"


def test_previous_slot_that_is_kept_runs_on_but_not_after_a_reboot(live: Host) -> None:
    live.activate(live.desired("1.1"), keep_previous=True)

    assert live.application.live_slot() == "green"
    assert live.states["shop@blue.service"]["ActiveState"] == "active"
    assert live.states["shop@blue.socket"]["ActiveState"] == "active"
    assert live.enabled == {"shop@green.socket", "shop@green.service"}
    assert not any(call.startswith("stop") for call, _ in live.calls)


def test_previous_slot_that_is_kept_outlives_a_run_without_changes_and_ends_with_settle(
    live: Host,
) -> None:
    live.activate(live.desired("1.1"), keep_previous=True)
    assert live.activate(live.desired("1.1"), keep_previous=True).changed is False
    assert live.states["shop@blue.service"]["ActiveState"] == "active"

    live.calls.clear()
    assert cut_over.settle(live.application, live.application.slot("green")) is True
    stop = ("stop --no-block shop@blue.socket shop@blue.service", "green")
    assert live.calls == [stop]


def test_idle_slot_that_still_drains_is_waited_for_before_it_is_written(live: Host) -> None:
    live.activate(live.desired("1.1"))
    live.calls.clear()
    live.activate(live.desired("1.2"))
    assert live.calls[:3] == [
        ("stop shop@blue.socket shop@blue.service", "green"),
        ("enable shop@blue.socket shop@blue.service", "green"),
        ("daemon-reload", "green"),
    ]


def test_idle_slot_that_a_torn_run_left_enabled_is_disabled_before_it_is_written(
    live: Host,
) -> None:
    live.activate(live.desired("1.1"))
    live.enabled.add("shop@blue.service")
    live.calls.clear()
    live.activate(live.desired("1.2"))
    assert live.calls[:5] == [
        ("disable shop@blue.service", "green"),
        ("daemon-reload", "green"),
        ("stop shop@blue.socket shop@blue.service", "green"),
        ("enable shop@blue.socket shop@blue.service", "green"),
        ("daemon-reload", "green"),
    ]
    assert not live.changed_on_disk()


def test_slot_is_written_with_its_modes_and_a_relative_release_link(host: Host) -> None:
    desired = host.desired()
    host.activate(desired)

    slot = host.application.slot("blue")
    assert slot.contents() == desired.files["blue"]
    modes = {kind: stat.S_IMODE(Path(path).stat().st_mode) for kind, path in slot.files.items()}
    assert modes == dict.fromkeys(KINDS, 0o644) | {"environment": 0o600}
    assert Path(slot.release_link).readlink() == Path("../releases/1.0")
    assert slot.release() == desired.release


def test_slot_is_written_with_the_workers_that_are_planned_for_it(live: Host) -> None:
    desired = replace(live.desired("1.1", settings="import counted\n"), workers=1)
    live.activate(desired)

    green = live.application.slot("green")
    assert green.planned_workers() == 1
    assert stat.S_IMODE(Path(green.plan).stat().st_mode) == 0o644
    assert live.application.slot("blue").planned_workers() == 2


def test_health_is_asked_for_as_nginx_would(live: Host) -> None:
    live.activate(live.desired("1.1"))
    (request,) = live.requests
    assert request.startswith(b"GET /healthz HTTP/1.1\r\n")
    assert b"Host: shop.example.com\r\n" in request
    assert b"X-Forwarded-Proto: https\r\n" in request


def test_second_activation_changes_nothing(live: Host) -> None:
    outcome = live.activate(live.desired())
    assert (outcome.changed, outcome.slot, outcome.steps) == (False, "blue", [])
    assert live.calls == []


# Refusals


@pytest.mark.parametrize(
    ("state", "problem"),
    [
        (
            {"ActiveState": "failed", "Result": "exit-code", "ExecMainStatus": "3"},
            "shop@green.service failed at start (exit-code, exit status 3)\n",
        ),
        (
            {"ActiveState": "activating", "SubState": "auto-restart", "ExecMainStatus": "1"},
            "shop@green.service crashed at start (exit status 1)\n",
        ),
        (
            {"NRestarts": "1", "ExecMainStatus": "9"},
            "shop@green.service crashed at start (exit status 9)\n",
        ),
        (
            {"ActiveState": "activating"},
            "was not healthy within 0.3 s: the service is activating\n",
        ),
    ],
    ids=["failed", "waiting to restart", "restarted", "never ready"],
)
def test_release_that_does_not_come_up_is_refused(
    live: Host, state: dict[str, str], problem: str
) -> None:
    live.started_state |= state
    message = refused(live, live.desired("1.1"))
    assert problem in message
    assert "Release 1.1 was stopped and takes no traffic." in message


@pytest.mark.parametrize(
    ("answers", "problem"),
    [
        ([(200, "")], "1 of 2 workers answered /healthz with 200\n"),
        (
            [(200, ""), (503, "no database")],
            "1 of 2 workers answered /healthz with 200; last answer: 503 no database\n",
        ),
        ([], "0 of 2 workers answered /healthz with 200\n"),
    ],
    ids=["one missing", "one unhealthy", "none"],
)
def test_release_whose_workers_are_not_all_healthy_is_refused(
    live: Host, answers: list[tuple[int, str]], problem: str
) -> None:
    live.worker_answers = answers
    assert problem in refused(live, live.desired("1.1"))


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (b"HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nwait", "/healthz answered 503: wait\n"),
        (b"", "green.sock does not answer: Remote end closed connection without response\n"),
        (b"SSH-2.0\r\n\r\n", "green.sock does not answer in HTTP: SSH-2.0\n"),
    ],
    ids=["unhealthy", "closed", "another protocol"],
)
def test_release_whose_socket_does_not_answer_200_is_refused(
    live: Host, answer: bytes, problem: str
) -> None:
    live.answer = answer
    assert problem in refused(live, live.desired("1.1"))


def test_release_whose_answer_lacks_the_body_is_refused(live: Host) -> None:
    desired = live.desired("1.1")
    wanted = Health("/healthz", "shop.example.com", timeout=0.3, body="shop 1.1")
    lacking = Desired(desired.release, desired.files, wanted, workers=2)
    assert "/healthz answered without 'shop 1.1': ok\n" in refused(live, lacking)


def test_release_that_cannot_be_enabled_is_refused(live: Host) -> None:
    live.failing = "enable shop@green"
    assert refused(live, live.desired("1.1")) == "systemctl enable failed: no such luck"


def test_refused_release_is_enabled_and_disabled_with_a_reload_each(live: Host) -> None:
    live.worker_answers = []
    refused(live, live.desired("1.1"))
    assert [call for call, _ in live.calls if "able" in call or "reload" in call] == [
        "enable shop@green.socket shop@green.service",
        "daemon-reload",
        "disable shop@green.socket shop@green.service",
        "daemon-reload",
    ]


def test_slot_that_cannot_be_written_is_put_away(
    live: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(slot_files, "replace_link", full)
    with pytest.raises(OSError, match="No space left"):
        live.activate(live.desired("1.1"))
    assert live.application.live_slot() == "blue"
    assert not live.changed_on_disk()
    assert live.history() == [("activating", "1.0", "blue"), ("live", "1.0", "blue")]


@pytest.mark.parametrize("event", ["activating", "live"])
def test_cut_over_that_cannot_be_noted_is_undone(
    live: Host, monkeypatch: pytest.MonkeyPatch, event: str
) -> None:

    def full(application: Application, noted: ActivationEvent, *more: str, **kept: object) -> None:
        if noted == event:
            raise OSError(errno.ENOSPC, "No space left on device")
        record(application, noted, *more, **kept)  # type: ignore[arg-type]

    monkeypatch.setattr(activation, "record", full)
    with pytest.raises(OSError, match="No space left"):
        live.activate(live.desired("1.1"))
    assert live.application.live_slot() == "blue"
    assert live.states["shop@green.service"]["ActiveState"] == "inactive"


def test_cut_over_without_an_inode_for_its_link_puts_the_new_slot_away(
    live: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(cut_over, "replace_link", full)
    with pytest.raises(OSError, match="No space left"):
        live.activate(live.desired("1.1"))
    assert live.application.live_slot() == "blue"
    assert live.states["shop@green.service"]["ActiveState"] == "inactive"
    assert "shop@green.service" not in live.enabled


def test_refusal_that_cannot_be_noted_keeps_its_reason(
    live: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(activation, "record", full)
    live.worker_answers = []
    with pytest.raises(Refusal, match="was not healthy"):
        live.activate(live.desired("1.1"))
    assert live.application.live_slot() == "blue"


def test_refused_first_release_leaves_nothing_live(host: Host) -> None:
    host.worker_answers = []
    refused(host, host.desired("1.1"))
    assert not os.path.lexists(host.application.live_link)


def test_refusal_shows_the_journal_without_secrets(live: Host, tmp_path: Path) -> None:
    live.worker_answers = [(500, "the token s3cret-value is refused")]
    message = refused(live, live.desired("1.1"))

    assert "500 the token <TOKEN> is refused" in message
    assert message.endswith("Last lines of its journal:\n  starting\n  login with <TOKEN>: no\n")
    assert "s3cret-value" not in message
    asked = (tmp_path / "journalctl").read_text()
    assert "--unit=shop@green.service --since=@" in asked


def test_refusal_names_the_directive_that_probably_refused(live: Host) -> None:
    live.worker_answers = [(200, "ok"), (500, "OSError: [Errno 30] Read-only file system: 'a/x'")]
    message = refused(live, live.desired("1.1"))
    assert (
        "Perhaps its sandbox is the cause: ProtectSystem=strict refused a write to a/x; add "
        "app_writable_paths: [a]" in message
    )
    assert "$STATE_DIRECTORY. Last lines of its journal:\n" in message


@pytest.mark.usefixtures("hook_calls")
def test_hook_before_that_fails_starts_nothing(live: Host) -> None:
    message = refused(live, hooked(live.desired("1.1"), before="fail: no disk"))
    assert message == "before_activate: no disk"
    assert live.application.live_slot() == "blue"
    assert not any("start" in call and "green" in call for call, _ in live.calls)


def test_hook_after_that_fails_gives_the_link_back(live: Host, hook_calls: list[str]) -> None:
    message = refused(live, hooked(live.desired("1.1"), after="fail: smoke"))
    assert message == "after_activate: smoke"
    assert hook_calls == ["fail: smoke"]
    assert live.application.live_slot() == "blue"
    assert live.history()[-1] == ("refused", "1.1", "green")


@pytest.mark.usefixtures("hook_calls")
def test_hook_after_that_fails_at_the_first_release_leaves_nothing_live(host: Host) -> None:
    refused(host, hooked(host.desired("1.1"), after="fail: smoke"))
    assert not os.path.lexists(host.application.live_link)


def test_hooks_run_around_the_cut_over(live: Host, hook_calls: list[str]) -> None:
    live.activate(hooked(live.desired("1.1"), before="warm up", after="smoke test"))
    assert hook_calls == ["warm up", "smoke test"]
    assert live.application.live_slot() == "green"


def test_release_after_a_refusal_takes_the_same_slot(live: Host) -> None:
    live.worker_answers = []
    refused(live, live.desired("1.1"))
    live.worker_answers = [(200, ""), (200, "")]
    assert live.activate(live.desired("1.2")).slot == "green"
    assert live.history()[-1] == ("live", "1.2", "green")


def test_interrupted_start_is_put_away_and_is_no_refusal(
    live: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(activation, "start", interrupted)
    with pytest.raises(KeyboardInterrupt):
        live.activate(live.desired("1.1"))
    assert live.application.live_slot() == "blue"
    assert live.calls[-3:] == [
        ("disable shop@green.socket shop@green.service", "blue"),
        ("daemon-reload", "blue"),
        ("stop shop@green.socket shop@green.service", "blue"),
    ]
    assert not live.changed_on_disk()
    assert live.history() == [("activating", "1.0", "blue"), ("live", "1.0", "blue")]


def test_units_that_systemd_refuses_stop_before_anything_is_written(
    live: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    def verify(*_: object) -> None:
        raise Refusal("systemd refuses the unit files")

    monkeypatch.setattr(activation, "verify_units", verify)
    with pytest.raises(Refusal, match="systemd refuses"):
        live.activate(live.desired("1.1"))
    assert live.application.live_slot() == "blue"
    assert live.calls == []
    assert set(live.application.slot("green").contents().values()) == {""}


@pytest.mark.parametrize(
    ("line", "complaint"),
    [("ExecStart=/bin/true", None), ("ExecStart=/no/such/program", "is not executable")],
    ids=["accepted", "refused"],
)
def test_verify_units_says_what_systemd_says(
    tmp_path: Path, line: str, complaint: str | None
) -> None:
    slot = Application("shop", str(tmp_path)).slot("blue")
    files = {
        "socket": "[Socket]\nListenStream=/run/shop/blue.sock\n",
        "service": f"[Service]\n{line}\n",
    }
    if complaint is None:
        activation.verify_units(slot, files)
        return
    with pytest.raises(Refusal) as refusal:
        activation.verify_units(slot, files)
    assert str(refusal.value).startswith("systemd refuses the unit files:\n  shop@blue.service: ")
    assert complaint in str(refusal.value)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("NoSuchSetting=1", "Unknown key"),
        ("RestartSec=soon", "Failed to parse"),
    ],
)
def test_setting_of_the_user_that_systemd_would_ignore_is_refused(
    tmp_path: Path, line: str, reason: str
) -> None:
    slot = Application("shop", str(tmp_path)).slot("blue")
    files = {
        "socket": "[Socket]\nListenStream=/run/shop/blue.sock\n",
        "service": f"[Service]\nExecStart=/bin/true\n{line}\nNice=5\n",
    }
    # One of the role's own that an old host does not know is no mistake.
    activation.verify_units(slot, files, {}, {"Nice": "5"})
    with pytest.raises(Refusal) as refusal:
        activation.verify_units(slot, files, {}, {"Nice": "5", line.partition("=")[0]: ""})
    told = str(refusal.value)
    assert told.startswith(
        f"gunicorn_service_service_options has what systemd would ignore: {line} ({reason}"
    )
    assert told.endswith(
        "expected settings of [Service] that this host knows; correct it, or remove it"
    )


@pytest.mark.parametrize("looking", [cut_over, activation], ids=["starting", "before the swap"])
def test_activation_without_its_controller_is_undone_and_no_refusal(
    live: Host, monkeypatch: pytest.MonkeyPatch, looking: ModuleType
) -> None:
    def gone() -> None:
        raise ControllerGone

    monkeypatch.setattr(looking, "require_controller", gone)
    before = live.history()
    with pytest.raises(ControllerGone):
        live.activate(live.desired("1.1"))
    assert live.application.live_slot() == "blue"
    assert live.states["shop@green.service"]["ActiveState"] == "inactive"
    assert not live.enabled & {"shop@green.socket", "shop@green.service"}
    assert live.history() == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_release_of_another_account_can_be_read_by_the_service(tmp_path: Path) -> None:
    release = tmp_path / "1.0"
    release.mkdir()
    nobody = pwd.getpwnam("nobody")
    activation.let_read(str(release), "nobody")
    assert (release.stat().st_uid, release.stat().st_gid) == (os.geteuid(), nobody.pw_gid)
    activation.let_read(str(release), "")
    assert release.stat().st_gid == nobody.pw_gid
