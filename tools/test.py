"""Runs all parts of `make test`: linters and unit tests, then the molecule scenarios.

A line is printed as each part ends, and a part that fails does not keep the others from running.
The output of a part goes to .cache/logs/<part>.log; its end is shown when the part fails. The last
lines are those of tools/scenarios.py: a table of all parts, what failed, then `N passed, N failed`.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tools import scenarios  # noqa: E402
from tools.scenarios import LOGS, NAME_WIDTH, REASON_WIDTH, REASONS, Result  # noqa: E402

#: What `make test FAST=1` runs of the scenarios: one deployment end to end.
FAST_SCENARIOS = ("deploy",)
#: The linters keep one core busy each.
AT_ONCE = 2


@dataclass(frozen=True)
class Part:
    """A target of the Makefile."""

    name: str
    target: str


#: The slowest first, so that two at once end at about the same time.
LINT = (
    Part("ansible-lint", "ansible-lint"),
    Part("sanity", "sanity"),
    Part("mypy", "mypy"),
    Part("yamllint", "yamllint"),
    Part("site", "site"),
    Part("docs", "docs-lint"),
    Part("changelog", "changelog-lint"),
    Part("ruff", "ruff"),
)
#: One after the other, since they use all cores and some measure time.
UNIT = (
    Part("unit", "unit-controller"),
    Part("unit on 3.10", "unit-host"),
    Part("ways", "ways"),
)


def run_part(part: Part) -> Result:
    """Runs one part, its output to a log."""
    log = log_of(part)
    start = time.monotonic()
    with log.open("w", encoding="utf-8") as output:
        passed = (
            subprocess.run(
                ["make", "--no-print-directory", part.target],
                cwd=ROOT,
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
            ).returncode
            == 0
        )
    reasons = [] if passed else last_words(log.read_text(encoding="utf-8", errors="replace"))
    return Result(part.name, passed, time.monotonic() - start, reasons)


def log_of(part: Part) -> Path:
    """The file that a part's output goes to."""
    return LOGS / f"{part.target}.log"


def last_words(log: str) -> list[str]:
    """Finds what made a part fail in its output.

    Args:
        log: The whole output.

    Returns:
        The failed tests; without any, the last lines that are not make's own.
    """
    if tests := [line for line in scenarios.failure_reasons(log) if ".py::" in line]:
        return tests
    lines = [line for line in log.splitlines() if line.strip() and not line.startswith("make: ")]
    return [line.strip()[:REASON_WIDTH] for line in lines[-REASONS:]]


def run_parts(parts: Sequence[Part], at_once: int = 1) -> list[Result]:
    """Runs parts and prints a line as each ends.

    Args:
        parts: What to run.
        at_once: How many of them may run at a time.

    Returns:
        The results, in the order of `parts`.
    """
    LOGS.mkdir(parents=True, exist_ok=True)
    results: dict[Part, Result] = {}
    with ThreadPoolExecutor(at_once) as pool:
        running = {pool.submit(run_part, part): part for part in parts}
        for ended in as_completed(running):
            part, result = running[ended], ended.result()
            results[part] = result
            verdict = "passed" if result.passed else "FAILED"
            print(f"{part.name:<{NAME_WIDTH}} {verdict} {result.seconds:.0f} s", flush=True)
            if not result.passed:
                scenarios.print_tail(log_of(part))
    return [results[part] for part in parts]


def main(arguments: Sequence[str] | None = None) -> int:
    """Parses the command line and runs.

    Returns:
        The exit status: 0 if all parts have passed.
    """
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--fast", action="store_true", help="of the scenarios, only deploy")
    options = parser.parse_args(arguments)

    results = run_parts(LINT, AT_ONCE) + run_parts(UNIT)
    settings = scenarios.read_settings()
    names = scenarios.select(scenarios.find(), settings, FAST_SCENARIOS if options.fast else ())
    return scenarios.report(results + scenarios.run_named(names, settings))


if __name__ == "__main__":
    sys.exit(main())
