"""The choice and order of molecule scenarios."""

import pytest

from tools.scenarios import (
    STEP,
    Result,
    Scenario,
    Settings,
    UnknownScenarioError,
    failure_reasons,
    report,
    rows,
    select,
)

FOUND = ["default", "tls", "deploy", "big", "nginx"]
SETTINGS = Settings(first=["deploy"], bare_hosts=["deploy"], slow={"big": "takes an hour"})


def test_select_puts_first_ones_first_and_others_by_name() -> None:
    assert select(FOUND, SETTINGS) == ["deploy", "nginx", "tls"]


def test_select_slow_takes_only_slow_ones() -> None:
    assert select(FOUND, SETTINGS, slow=True) == ["big"]


def test_select_wanted_keeps_the_order_and_takes_slow_ones_too() -> None:
    assert select(FOUND, SETTINGS, ["tls", "big"]) == ["tls", "big"]


def test_select_refuses_an_unknown_name_with_the_known_ones() -> None:
    expected = "the command line names tsl; expected one of big, deploy, nginx, tls"
    with pytest.raises(UnknownScenarioError, match=expected):
        select(FOUND, SETTINGS, ["tsl"])


def test_select_refuses_settings_of_a_removed_scenario() -> None:
    with pytest.raises(UnknownScenarioError, match=r"^first in molecule/scenarios\.yml names gone"):
        select(FOUND, Settings(first=["gone"]))


def test_rows_leave_what_measures_alone_and_begin_with_what_takes_longest() -> None:
    scenarios = [
        Scenario("deploy"),
        Scenario("faults", own_hosts=True),
        Scenario("load", own_hosts=True),
        Scenario("nginx"),
        Scenario("tls"),
        Scenario("trust", own_hosts=True),
    ]
    alone, beside = rows(scenarios, ["deploy", "load"], ["trust"])
    assert [one.name for one in alone] == ["deploy", "load"]
    assert [[one.name for one in row] for row in beside] == [
        ["nginx", "tls"],
        ["trust"],
        ["faults"],
    ]


def test_rows_of_scenarios_with_hosts_of_their_own_have_no_empty_one() -> None:
    assert rows([Scenario("trust", own_hosts=True)], [], ["trust"])[1] == [
        [Scenario("trust", own_hosts=True)]
    ]


def test_step_reads_molecules_own_lines() -> None:
    match = STEP.match("INFO     [deploy > converge] Executing\n")
    assert match is not None
    assert match["step"] == "converge"


TESTS_FAILED = """\
        E           fatal: [fleet-load]: FAILED! =>
[ERROR]: Task failed: Action failed: non-zero return code
        =========================== short test summary info ============================
        FAILED molecule/fleet/test_fleet.py::test_rollback - assert 11.2 < 10
        ERROR molecule/fleet/test_fleet.py::test_totals - no load
        1 failed, 20 passed, 1 error in 600.00s
"""


def test_failure_reasons_are_the_failed_tests() -> None:
    assert failure_reasons(TESTS_FAILED) == [
        "test_fleet.py::test_rollback - assert 11.2 < 10",
        "test_fleet.py::test_totals - no load",
    ]


def test_failure_reasons_without_a_test_are_the_last_errors() -> None:
    errors = [f"[ERROR]: Task failed: {number}" for number in range(6)]
    log = "\n".join([*errors, "CRITICAL Idempotence test failed", "ok: [host]"])
    assert failure_reasons(log) == [
        "Task failed: 3",
        "Task failed: 4",
        "Task failed: 5",
        "Idempotence test failed",
    ]


def test_report_ends_with_what_failed(capsys: pytest.CaptureFixture[str]) -> None:
    results = [
        Result("deploy", True, 1.0),
        Result("fleet", False, 2.0, ["test_rollback - 11.2 < 10"]),
    ]
    assert report(results) == 1
    assert capsys.readouterr().out.splitlines()[-2:] == [
        "fleet: test_rollback - 11.2 < 10",
        "1 passed, 1 failed",
    ]
