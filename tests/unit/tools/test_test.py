"""The parts of `make test`: each runs, whatever became of the others, and the table names all."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from tools import scenarios, test
from tools.scenarios import Result
from tools.test import LINT, UNIT, Part, last_words, main, run_parts

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def targets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, int]:
    """Exit statuses of targets that make would run; all others end well."""
    statuses: dict[str, int] = {}

    def run(command: Sequence[str], **_options: object) -> SimpleNamespace:
        target = command[-1]
        (tmp_path / f"{target}.log").write_text(f"the output of {target}\nmake: *** Error\n")
        return SimpleNamespace(returncode=statuses.get(target, 0))

    monkeypatch.setattr(test, "LOGS", tmp_path)
    monkeypatch.setattr(scenarios, "ROOT", tmp_path)
    monkeypatch.setattr(subprocess, "run", run)
    return statuses


@pytest.mark.parametrize("part", [*LINT, *UNIT], ids=lambda part: part.name)
def test_part_is_a_target_of_the_makefile(part: Part) -> None:
    assert f"\n{part.target}: " in (ROOT / "Makefile").read_text()


def test_parts_are_all_linters_that_make_lint_runs() -> None:
    (line,) = (
        line for line in (ROOT / "Makefile").read_text().splitlines() if line.startswith("lint: ")
    )
    assert set(line.partition("##")[0].split()[1:]) == {part.target for part in LINT}


def test_run_parts_continues_after_a_failure(
    targets: dict[str, int], capsys: pytest.CaptureFixture[str]
) -> None:
    targets["mypy"] = 1
    results = run_parts([Part("ruff", "ruff"), Part("mypy", "mypy"), Part("unit", "unit")])
    assert [(result.name, result.passed) for result in results] == [
        ("ruff", True),
        ("mypy", False),
        ("unit", True),
    ]
    assert results[1].reasons == ["the output of mypy"]
    shown = [line.split()[:2] for line in capsys.readouterr().out.splitlines()]
    assert [words for words in shown if words[-1] in {"passed", "FAILED"}] == [
        ["ruff", "passed"],
        ["mypy", "FAILED"],
        ["unit", "passed"],
    ]


def test_last_words_are_the_failed_tests() -> None:
    log = "FAILED tests/unit/test_roles.py::test_role - assert 1 == 2\n1 failed\nmake: *** Error 1"
    assert last_words(log) == ["test_roles.py::test_role - assert 1 == 2"]


@pytest.mark.parametrize(("fast", "names"), [([], ["deploy", "fleet"]), (["--fast"], ["deploy"])])
def test_main_ends_with_one_table_of_all_parts(
    fast: list[str],
    names: list[str],
    targets: dict[str, int],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    targets["unit-host"] = 2
    monkeypatch.setattr(scenarios, "read_settings", lambda: scenarios.Settings(first=["deploy"]))
    monkeypatch.setattr(scenarios, "find", lambda: ["default", "deploy", "fleet"])
    monkeypatch.setattr(
        scenarios, "run_named", lambda chosen, _: [Result(name, True, 61.4) for name in chosen]
    )

    assert main(fast) == 1

    *_, table = capsys.readouterr().out.split("\n\n")
    head, *rows, failed, last = table.splitlines()
    assert head.split() == ["part", "result", "seconds"]
    assert [row[: scenarios.NAME_WIDTH].strip() for row in rows] == [
        *(part.name for part in (*LINT, *UNIT)),
        *names,
    ]
    assert rows[-1].split() == [names[-1], "passed", "61"]
    assert failed == "unit on 3.10: the output of unit-host"
    assert last == f"{len(rows) - 1} passed, 1 failed"
