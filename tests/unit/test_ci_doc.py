"""The workflow of docs/ci.md: what it must never do, and where its secrets are.

molecule/quick_start runs its shell steps. `make site` holds it to the schemas of GitHub and GitLab.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from tests.pages import DOCS

CI = DOCS / "ci"
FILES = ("deploy.yml", "rollout.yml", "gitlab.yml")
#: What ci.md has the reader set, for each environment.
SECRETS, VARIABLES = {"SSH_KEY", "VAULT_PASSWORD"}, {"KNOWN_HOSTS"}


def load(name: str) -> dict[Any, Any]:
    loaded: dict[Any, Any] = yaml.safe_load((CI / name).read_text(encoding="utf-8"))
    return loaded


DEPLOY, ROLLOUT = load("deploy.yml"), load("rollout.yml")
JOB = ROLLOUT["jobs"]["rollout"]
#: YAML 1.1 reads the key `on` as true.
INPUTS = ROLLOUT[True]["workflow_call"]["inputs"]


@pytest.mark.parametrize("name", FILES)
def test_unknown_hosts_are_refused(name: str) -> None:
    text = (CI / name).read_text(encoding="utf-8")
    assert not re.search(r"StrictHostKeyChecking[ =]*(no|off|accept)|HOST_KEY_CHECKING", text)
    assert "StrictHostKeyChecking yes" in text or name == "deploy.yml"


def test_one_rollout_of_an_inventory_runs_and_none_is_cancelled() -> None:
    assert JOB["concurrency"]["cancel-in-progress"] is False
    assert JOB["concurrency"]["group"].endswith("'rollout' }}-${{ inputs.inventory }}")
    assert "concurrency" not in DEPLOY
    assert load("gitlab.yml")["production"]["resource_group"] == "production"


def test_no_expression_is_part_of_a_script() -> None:
    """What somebody writes into a branch's name would be run."""
    assert not [step["name"] for step in JOB["steps"] if "${{" in step.get("run", "")]


def test_secrets_are_in_the_steps_that_need_them_and_documented() -> None:
    page = (DOCS / "ci.md").read_text(encoding="utf-8")
    text = (CI / "rollout.yml").read_text(encoding="utf-8")
    for kind, names in (("secrets", SECRETS), ("vars", VARIABLES)):
        assert set(re.findall(rf"\b{kind}\.(\w+)", text)) == names
        for name in names:
            assert text.count(f"{kind}.{name}") == 1
            assert f"| `{name}` |" in page
    assert "env" not in ROLLOUT
    assert "env" not in JOB


def test_production_follows_staging_a_plan_and_an_approval() -> None:
    jobs = DEPLOY["jobs"]
    assert jobs["production"]["needs"] == "production-plan"
    assert jobs["production-plan"]["needs"] == "staging"
    assert "push" in jobs["staging"]["if"]
    assert jobs["production"]["with"]["environment"] == "production"
    assert jobs["production"]["with"]["plan"] == "${{ needs.production-plan.outputs.plan }}"
    assert jobs["production-plan"]["with"]["plan_only"] is True


def test_pull_requests_of_forks_get_no_secret() -> None:
    (job,) = (job for job in DEPLOY["jobs"].values() if "pull_request" in job.get("if", ""))
    assert "head.repo.full_name == github.repository" in job["if"]
    assert job["with"]["plan_only"] is True
    assert "pull_request_target" not in (CI / "deploy.yml").read_text(encoding="utf-8")


def test_jobs_give_inputs_that_exist_and_environments_that_the_page_names() -> None:
    page = (DOCS / "ci.md").read_text(encoding="utf-8")
    for job in DEPLOY["jobs"].values():
        assert job["uses"] == "./.github/workflows/rollout.yml"
        assert set(job["with"]) <= set(INPUTS)
        for inventory in job.get("strategy", {"matrix": {"inventory": [""]}})["matrix"][
            "inventory"
        ]:
            name = job["with"]["environment"].replace("${{ matrix.inventory }}", inventory)
            assert f"`{name}`" in page


def test_what_was_seen_is_kept_after_a_failure() -> None:
    kept = [step for step in JOB["steps"] if step.get("if") == "always()"]
    assert [step.get("uses", "").partition("@")[0] for step in kept] == [
        "",
        "actions/upload-artifact",
        "",
    ]
