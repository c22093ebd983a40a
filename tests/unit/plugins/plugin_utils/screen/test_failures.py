"""Errors: whole, once, and with the hosts that have them."""

from __future__ import annotations

from types import SimpleNamespace

from ansible_collections.asgi.fleet.plugins.plugin_utils.screen.failures import (
    Failure,
    details,
    grouped,
    other_keys,
    whole_text,
)

TASK = "asgi.fleet.gunicorn_service : activate | Start the release"


def failure(host: str, text: str = "no room", **more: object) -> Failure:
    return Failure(host, TASK, "failed", text, **more)  # type: ignore[arg-type]


def test_error_of_many_hosts_is_told_once() -> None:
    failures = [failure(f"web{number}") for number in range(30, 0, -1)]
    [group] = grouped(failures)
    assert len(group.hosts) == 30
    assert group.lines[0].startswith("web1, web10, web11, ")
    assert group.lines[0].endswith("web9: failed: gunicorn_service : activate | Start the release")
    assert group.lines[1:] == ["  no room"]


def test_error_that_differs_in_times_processes_and_its_host_is_the_same() -> None:
    text = "web{0}: Nov 28 07:0{0}:11 python[41{0}]: release 2c26b46{0}: no room"
    assert len(grouped(failure(f"web{n}", text.format(n)) for n in (1, 2, 3))) == 1


def test_other_error_task_or_item_is_told_apart() -> None:
    failures = [
        failure("web1"),
        failure("web2", "no memory"),
        failure("web3", ignored=True),
        failure("web4", item="/etc/a"),
        Failure("web5", "another task", "failed", "no room"),
        Failure("web6", TASK, "unreachable", "no room"),
    ]
    assert [group.hosts for group in grouped(failures)] == [
        ("web1",),
        ("web2",),
        ("web3",),
        ("web4",),
        ("web5",),
        ("web6",),
    ]


def test_heading_has_item_and_whether_it_is_ignored() -> None:
    [group] = grouped([failure("web1 -> lb1", item="blue", ignored=True)])
    assert group.heading == (
        "web1 -> lb1: failed, ignored: gunicorn_service : activate | Start the release (blue)"
    )


def test_line_that_a_journal_repeats_is_told_once() -> None:
    text = "first\n" + "  not healthy\n" * 40 + "last\nlast\n\n\n\nend"
    [group] = grouped([failure("web1", text)])
    assert group.lines[1:] == [
        "  first",
        "    not healthy",
        "    (40 times)",
        "  last",
        "  last",
        "",
        "",
        "",
        "  end",
    ]


def test_place_is_told_unless_ansible_has_told_it() -> None:
    [group] = grouped([failure("web1", path="/srv/tasks.yml:3")])
    assert group.lines[-1] == "  at /srv/tasks.yml:3"
    [group] = grouped([failure("web1", "Origin: /srv/tasks.yml:3:7", path="/srv/tasks.yml:3")])
    assert group.lines[-1] == "  Origin: /srv/tasks.yml:3:7"


def test_whole_text_has_everything_once() -> None:
    result = {
        "msg": "it failed\nthe journal",
        "stderr": "the journal",
        "stdout": "said before",
        "module_stderr": "Traceback",
    }
    text = whole_text(result, ["it failed", "Origin: /srv/a.yml:3"], "    rc: 3\n")
    assert text.splitlines() == [
        "it failed",
        "the journal",
        "Origin: /srv/a.yml:3",
        "Traceback",
        "said before",
        "    rc: 3",
    ]


def test_whole_text_does_not_steer_the_terminal() -> None:
    assert whole_text({"msg": "\x1b[2Jgone"}, [], "") == "\\x1b[2Jgone"


def test_message_that_is_no_text_is_among_the_other_keys() -> None:
    result = {"msg": ["a", "b"], "failed": True, "changed": False, "rc": 3, "_ansible_x": 1}
    assert other_keys(result) == {"msg": ["a", "b"], "rc": 3}
    assert whole_text(result, [], "msg: [a, b]") == "msg: [a, b]"


def test_details_have_the_whole_chain() -> None:
    cause = SimpleNamespace(msg="no such file", formatted_traceback="Traceback of it")
    child = SimpleNamespace(msg="one of several")
    event = SimpleNamespace(
        msg="Task failed.",
        formatted_source_context="Origin: /srv/a.yml:3",
        help_text="Try this.",
        events=(child,),
        chain=SimpleNamespace(event=cause),
    )
    assert list(details(SimpleNamespace(event=event))) == [
        "Origin: /srv/a.yml:3",
        "Try this.",
        "one of several",
        "no such file",
        "Traceback of it",
    ]
    assert list(details(None)) == []
