"""The choice and order of molecule scenarios."""

import pytest

from tools.scenarios import STEP, Settings, UnknownScenarioError, select

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


def test_step_reads_molecules_own_lines() -> None:
    match = STEP.match("INFO     [deploy > converge] Executing\n")
    assert match is not None
    assert match["step"] == "converge"
