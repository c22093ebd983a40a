"""Runs the molecule scenarios, three at a time where they have different hosts, a line for each.

What is run, and in which order, is in molecule/scenarios.yml and in the folders beside it. The
output of a scenario goes to .cache/logs/<scenario>.log; its end is shown when the scenario fails.
The last lines name what failed, then say `N passed, N failed`: the end of a long output is what a
CI shows first.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
LOGS = ROOT / ".cache" / "logs"
TAIL_LINES = 60
#: How many scenarios run at a time.
AT_ONCE = 3
# Molecule's own line at the start of each step: `INFO     [deploy > converge] Executing`
STEP = re.compile(r"^INFO +\[(?P<scenario>[^ ]+) > (?P<step>[a-z_]+)\] Executing")
# A line of pytest's short summary, as verify.yml shows it.
FAILED_TEST = re.compile(r"^\s*(?:FAILED|ERROR) \S*?(?P<reason>\w+\.py::.+)$")
# What Ansible says of a task, and molecule of a step.
FAILED_TASK = re.compile(r"^(?:\[ERROR\]: |CRITICAL +)(?P<reason>.+)$")
REASONS = 4
REASON_WIDTH = 160
NAME_WIDTH = 30


class UnknownScenarioError(Exception):
    """A name on the command line, or in molecule/scenarios.yml, has no folder."""


@dataclass(frozen=True)
class Scenario:
    """One scenario and how to run it."""

    name: str
    bare_hosts: bool = False
    own_hosts: bool = False


@dataclass(frozen=True)
class Settings:
    """The content of molecule/scenarios.yml."""

    first: Sequence[str] = ()
    longest: Sequence[str] = ()
    bare_hosts: Sequence[str] = ()
    slow: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Result:
    """The result of one scenario."""

    name: str
    passed: bool
    seconds: float
    reasons: Sequence[str] = ()


def select(
    found: Iterable[str], settings: Settings, wanted: Sequence[str] = (), *, slow: bool = False
) -> list[str]:
    """Chooses and orders the scenarios to run.

    Args:
        found: Names of all folders with a molecule.yml.
        settings: The content of molecule/scenarios.yml.
        wanted: Names from the command line, run in that order; empty for all.
        slow: Take the slow scenarios instead of the others; `wanted` ones are taken in any case.

    Returns:
        The names, in the order in which they run.

    Raises:
        UnknownScenarioError: A wanted scenario, or one of the settings, does not exist.
    """
    names = set(found) - {"default"}
    for origin, listed in (
        ("the command line", wanted),
        ("first in molecule/scenarios.yml", settings.first),
        ("longest in molecule/scenarios.yml", settings.longest),
        ("bare_hosts in molecule/scenarios.yml", settings.bare_hosts),
        ("slow in molecule/scenarios.yml", settings.slow),
    ):
        for name in listed:
            if name not in names:
                message = f"{origin} names {name}; expected one of {', '.join(sorted(names))}"
                raise UnknownScenarioError(message)
    if wanted:
        return list(wanted)
    chosen = {name for name in names if (name in settings.slow) == slow}
    first = [name for name in settings.first if name in chosen]
    return first + sorted(chosen - set(first))


def load_yaml(path: Path) -> dict[str, Any]:
    """Reads a mapping; an empty file is an empty mapping."""
    return yaml.safe_load(path.read_text(encoding="utf-8")) or {}


def load_scenario(name: str, settings: Settings) -> Scenario:
    """Reads what the runner needs to know of a scenario."""
    config = load_yaml(ROOT / "molecule" / name / "molecule.yml")
    return Scenario(
        name=name,
        bare_hosts=name in settings.bare_hosts,
        own_hosts=config.get("shared_state") is False,
    )


def environment(state: str) -> dict[str, str]:
    """The environment of a molecule process.

    Args:
        state: What the hosts belong to: `shared`, or a scenario with hosts of its own. Molecule
            remembers for each whether they are there; a second set of hosts (`FLEET_LAB`) needs
            folders of its own for that.

    Returns:
        The variables.
    """
    variables = {**os.environ, "NO_COLOR": "1"}
    if lab := os.environ.get("FLEET_LAB"):
        folder = ROOT / ".cache" / "molecule" / lab / state
        folder.mkdir(parents=True, exist_ok=True)
        variables["MOLECULE_EPHEMERAL_DIRECTORY"] = str(folder)
    return variables


def molecule(arguments: Sequence[str], log: Path, state: str, *, append: bool = False) -> bool:
    """Runs molecule, its output to a log, the current step to the terminal.

    Returns:
        Whether molecule succeeded.
    """
    with log.open("a" if append else "w", encoding="utf-8") as output:
        process = subprocess.Popen(
            ["molecule", *arguments],
            cwd=ROOT,
            env=environment(state),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert process.stdout is not None  # noqa: S101 - a pipe was asked for
        for line in process.stdout:
            output.write(line)
            output.flush()
            if step := STEP.match(line):
                show_step(step["scenario"], step["step"])
        return process.wait() == 0


def show_step(scenario: str, step: str) -> None:
    """Prints what runs, on a terminal."""
    if sys.stdout.isatty():
        print(f"  {scenario} > {step}", flush=True)


def boot_hosts() -> bool:
    """Removes the shared hosts that are there, and boots new ones.

    Returns:
        Whether they run.
    """
    log = LOGS / "hosts.log"
    start = time.monotonic()
    removed = molecule(["destroy", "-s", "default", "--no-report"], log, "shared")
    booted = removed and molecule(
        ["create", "-s", "default", "--no-report"], log, "shared", append=True
    )
    verdict = "up" if booted else "FAILED"
    print(f"{'hosts':<{NAME_WIDTH}} {verdict} {time.monotonic() - start:.0f} s", flush=True)
    if not booted:
        print_tail(log)
    return booted


def remove_hosts() -> None:
    """Removes the shared hosts."""
    molecule(["destroy", "-s", "default", "--no-report"], LOGS / "hosts.log", "shared", append=True)


def run(scenario: Scenario) -> Result:
    """Runs one scenario and prints its line when it has ended: another may run beside it."""
    log = LOGS / f"{scenario.name}.log"
    start = time.monotonic()
    arguments = ["test", "-s", scenario.name]
    if not scenario.own_hosts:
        arguments.append("--destroy=never")
    passed = molecule(arguments, log, scenario.name if scenario.own_hosts else "shared")
    seconds = time.monotonic() - start
    verdict = "passed" if passed else "FAILED"
    print(f"{scenario.name:<{NAME_WIDTH}} {verdict} {seconds:.0f} s", flush=True)
    if not passed:
        print_tail(log)
    reasons = [] if passed else failure_reasons(log.read_text(encoding="utf-8", errors="replace"))
    return Result(scenario.name, passed, seconds, reasons)


def failure_reasons(log: str) -> list[str]:
    """Finds the reason of a failure in molecule's output.

    Args:
        log: The whole output.

    Returns:
        The failed tests with their assertions; without any, Ansible's and molecule's last errors.
        At most `REASONS`, each cut to `REASON_WIDTH` characters.
    """
    lines = log.splitlines()
    tests = [found["reason"] for line in lines if (found := FAILED_TEST.match(line))]
    tasks = [found["reason"] for line in lines if (found := FAILED_TASK.match(line))]
    return [reason[:REASON_WIDTH] for reason in tests[:REASONS] or tasks[-REASONS:]]


def print_tail(log: Path) -> None:
    """Shows the end of a log, indented."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    print(f"--- the last lines of {log.relative_to(ROOT)}")
    for line in lines[-TAIL_LINES:]:
        print(f"    {line}")


def run_all(scenarios: Sequence[Scenario]) -> list[Result]:
    """Runs scenarios in order; boots the shared hosts when the first one needs them.

    Hosts that cannot be booted fail every scenario that needs them.
    """
    results: list[Result] = []
    running = used = False
    for scenario in scenarios:
        if not scenario.own_hosts:
            if not running or (scenario.bare_hosts and used):
                running, used = boot_hosts(), False
            if not running:
                reasons = ["its hosts could not be booted"]
                results.append(Result(scenario.name, False, 0.0, reasons))
                continue
            used = True
        results.append(run(scenario))
    return results


def rows(
    scenarios: Sequence[Scenario], first: Sequence[str], longest: Sequence[str]
) -> tuple[list[Scenario], list[list[Scenario]]]:
    """Divides scenarios into those that run alone, and rows that may run beside each other.

    Args:
        scenarios: In the order in which they run.
        first: Names of those that measure, and so have the machine to themselves.
        longest: Names of those with hosts of their own that begin before the others of their kind.

    Returns:
        Those that run alone. Of the others, those that share hosts, as one row; then each one with
        hosts of its own, as a row of its own.
    """
    alone = [scenario for scenario in scenarios if scenario.name in first]
    others = [scenario for scenario in scenarios if scenario.name not in first]
    owning = [scenario for scenario in others if scenario.own_hosts]
    owning.sort(key=lambda one: longest.index(one.name) if one.name in longest else len(longest))
    sharing = [scenario for scenario in others if not scenario.own_hosts]
    return alone, [row for row in (sharing, *([one] for one in owning)) if row]


def run_rows(scenarios: Sequence[Scenario], settings: Settings) -> list[Result]:
    """Runs scenarios, several at a time where they do not share hosts: much of one is waiting.

    Args:
        scenarios: In the order in which they run.
        settings: Says which of them have the machine to themselves, before the others.
    """
    alone, beside = rows(scenarios, settings.first, settings.longest)
    results = run_all(alone)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for ended in [pool.submit(run_all, row) for row in beside]:
            results += ended.result()
    return results


def report(results: Sequence[Result]) -> int:
    """Prints the table of durations, what failed, and the last line.

    Returns:
        The exit status: 0 if all have passed.
    """
    print(f"\n{'part':<{NAME_WIDTH}} {'result'} {'seconds':>8}")
    for result in results:
        verdict = "passed" if result.passed else "FAILED"
        print(f"{result.name:<{NAME_WIDTH}} {verdict} {result.seconds:>8.0f}")
    for result in results:
        for reason in result.reasons:
            print(f"{result.name}: {reason}")
    failed = sum(not result.passed for result in results)
    print(f"{len(results) - failed} passed, {failed} failed")
    return 1 if failed else 0


def read_settings() -> Settings:
    """Reads molecule/scenarios.yml."""
    return Settings(**load_yaml(ROOT / "molecule" / "scenarios.yml"))


def find() -> list[str]:
    """Names of all folders with a molecule.yml."""
    return [path.parent.name for path in ROOT.glob("molecule/*/molecule.yml")]


def run_named(names: Sequence[str], settings: Settings, *, keep: bool = False) -> list[Result]:
    """Runs scenarios by name, and removes the shared hosts at the end unless they are kept."""
    LOGS.mkdir(parents=True, exist_ok=True)
    scenarios = [load_scenario(name, settings) for name in names]
    try:
        return run_rows(scenarios, settings)
    finally:
        if not keep and not all(scenario.own_hosts for scenario in scenarios):
            remove_hosts()


def main() -> int:
    """Parses the command line and runs.

    Returns:
        The exit status.
    """
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("scenario", nargs="*", help="names of scenarios; default: all that CI runs")
    parser.add_argument("--slow", action="store_true", help="those that CI leaves out, instead")
    parser.add_argument("--keep", action="store_true", help="leave the shared hosts up at the end")
    arguments = parser.parse_args()

    settings = read_settings()
    try:
        names = select(find(), settings, arguments.scenario, slow=arguments.slow)
    except UnknownScenarioError as error:
        print(error, file=sys.stderr)
        return 2
    return report(run_named(names, settings, keep=arguments.keep))


if __name__ == "__main__":
    sys.exit(main())
