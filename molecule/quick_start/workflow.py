"""A runner of GitHub Actions, as far as it takes: the shell steps of docs/ci/rollout.yml.

Actions (`uses`) are not run. The test checks the repository out itself, and Python is there.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import yaml
from reader import Reader

from tests.pages import DOCS

_EXPRESSION = re.compile(r"\$\{\{ (inputs|vars|secrets)\.(\w+) \}\}")
#: Where the runner keeps its files, and what was checked out.
FILES = "~/runner"
CHECKED_OUT = "~/checkout"


def steps() -> list[dict[str, Any]]:
    """The steps of the job."""
    workflow = yaml.safe_load((DOCS / "ci" / "rollout.yml").read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = workflow["jobs"]["rollout"]["steps"]
    return found


@dataclass
class Run:
    """One run of the job.

    Attributes:
        reader: Whose machine is the runner.
        values: What `inputs`, `vars` and `secrets` have.
        printed: What each step printed, by its name.
        failed: The name of the step that failed; empty for none.
    """

    reader: Reader
    values: Mapping[str, Mapping[str, str]]
    printed: dict[str, str] = field(default_factory=dict)
    failed: str = ""

    def run(self) -> None:
        """Run the steps; after one that fails, only those that always run."""
        shell = replace(self.reader, stays="cd ~")
        files = ("GITHUB_ENV", "GITHUB_PATH", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")
        made = " ".join(f"{FILES}/{name}" for name in files)
        shell.type(f"rm -rf {FILES} {CHECKED_OUT}/rollouts; mkdir -p {FILES}; touch {made}")
        for step in steps():
            if "run" not in step or (self.failed and step.get("if") != "always()"):
                continue
            environment = {name: self._value(text) for name, text in step.get("env", {}).items()}
            given = [f"export {name}={shlex.quote(value)}" for name, value in environment.items()]
            result = shell.tries(
                "\n".join(
                    [
                        *(f"export {name}={FILES}/{name}" for name in files),
                        'while IFS= read -r line; do export "$line"; done <$GITHUB_ENV',
                        "while IFS= read -r line; do PATH=$line:$PATH; done <$GITHUB_PATH",
                        *given,
                        f"cat >{FILES}/step <<'END OF THE STEP'\n{step['run']}END OF THE STEP",
                        f"cd {CHECKED_OUT}",
                        # As GitHub does for `shell: bash`.
                        f"bash --noprofile --norc -eo pipefail {FILES}/step",
                    ]
                )
            )
            self.printed[step["name"]] = result.stdout
            if result.returncode and not self.failed:
                self.failed = step["name"]

    def file(self, name: str) -> str:
        """What the steps have written to a file of the runner, such as GITHUB_STEP_SUMMARY."""
        return self.reader.type(f"cat {FILES}/{name}")

    def _value(self, text: str) -> str:
        return _EXPRESSION.sub(lambda found: self.values[found[1]].get(found[2], ""), str(text))
