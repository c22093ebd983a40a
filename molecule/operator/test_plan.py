"""Plan, then apply: what a plan says, that it changes nothing, and what refuses it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from events import ROOT
from fleet import Fleet

ONLY = ("-e", "plan_only=true")
SECRET = "the-token-of-the-operator"
#: All that a deployment writes to, but for what systemd and Ansible themselves write.
LISTING = (
    "find /etc /opt /usr/local /var/lib/shop /var/www /root -xdev -path /root/.ansible -prune -o "
    "-printf '%p %m %u %g %T@ %l\\n' -type f -exec sha256sum {} + | sort"
)


def digest(shown: str) -> str:
    """Return the hash of a plan that was shown."""
    found = re.search(r"^plan ([0-9a-f]{16}) of ", shown, re.MULTILINE)
    assert found, shown[-4000:]
    return found[1]


def kept(fleet: Fleet, name: str) -> Path:
    """Return the file of a plan, beside the inventory."""
    return fleet.folder / "inventory" / "rollouts" / "shop" / f"plan-{name}.json"


def plan(fleet: Fleet, playbook: str = "release", *arguments: str) -> tuple[str, str]:
    """Make a plan, and return its hash and what was shown."""
    shown = fleet.succeed(playbook, *ONLY, *arguments)
    return digest(shown), shown


def refused(fleet: Fleet, name: str, *arguments: str, playbook: str = "release") -> str:
    """Try to do a plan that no longer holds, and return what was shown; nothing was switched."""
    before = [fleet.shop.live(host) for host in fleet.hosts]
    shown = fleet.fail(playbook, "-e", f"plan={name}", *arguments)
    assert [fleet.shop.live(host) for host in fleet.hosts] == before
    assert "TASK [begin" not in shown
    return shown


class Repository:
    """A repository of git with the sample application."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(ROOT / "app", folder, ignore=shutil.ignore_patterns("tests", ".*"))
        self.git("init", "--quiet", "--initial-branch=main")
        self.commit("The first one")

    @property
    def source(self) -> dict[str, Any]:
        return {"type": "git", "url": str(self.folder), "version": "main"}

    def git(self, *arguments: str) -> str:
        identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
        command = ["git", "-C", str(self.folder), *identity, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def commit(self, subject: str) -> str:
        """Change the application, and return the commit."""
        with (self.folder / "main.py").open("a", encoding="utf-8") as main:
            main.write(f"\n# {subject}\n")
        self.git("add", "--all")
        self.git("commit", "--quiet", f"--message={subject}")
        return self.git("rev-parse", "HEAD")


@pytest.fixture(scope="module")
def repository(fleet: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Repository]:
    """The fleet runs the first commit of this repository; then the sample application again."""
    found = Repository(tmp_path_factory.mktemp("plan") / "shop")
    with fleet.having(app_source=found.source):
        fleet.succeed("release")
        yield found
    fleet.succeed("release", "-e", "fleet_allow_older=true")


def test_plan_of_bare_hosts_says_that_everything_is_new(fleet: Fleet) -> None:
    shown = fleet.first_plan
    if "no release ->" not in shown:
        pytest.skip("the hosts were deployed to before this session")
    assert "op1, op2: no release -> 1.0.0-" in shown
    for text in ("install packages: ", "nginx", "/etc/nginx/conf.d/shop.conf", "a new certificate"):
        assert text in shown
    assert "cut over: the first release" in shown
    assert SECRET not in shown


def test_plan_of_an_unchanged_fleet_changes_nothing_and_always_has_the_same_hash(
    fleet: Fleet,
) -> None:
    before = {host: fleet.shop.shell(LISTING, host) for host in fleet.hosts}
    name, shown = plan(fleet, "deploy")
    assert "Nothing would change." in shown
    assert shown.count("changed=0") == len(fleet.hosts)
    assert plan(fleet, "deploy", "-e", "plan_file=" + str(fleet.folder / "again.json"))[0] == name
    assert {host: fleet.shop.shell(LISTING, host) for host in fleet.hosts} == before
    assert kept(fleet, name).stat().st_mode & 0o777 == 0o600
    text = kept(fleet, name).read_text()
    assert SECRET not in text
    assert json.loads(text)["plan"] == json.loads((fleet.folder / "again.json").read_text())["plan"]


def test_plan_names_the_commits_between_and_does_exactly_them(
    fleet: Fleet, repository: Repository
) -> None:
    commits = [repository.commit("Add the cart"), repository.commit("Add the till")]
    early, shown = plan(fleet)
    assert "2 commits in 1 file:" in shown
    for sha, subject in zip(commits, ("Add the cart", "Add the till"), strict=True):
        assert f"{sha[:10]} {subject}" in shown
    live = [fleet.live(host) for host in fleet.hosts]
    planned = json.loads(kept(fleet, early).read_text())["plan"]["apps"]["shop"]["release"]
    assert f"build the release {planned}" in shown

    moved = repository.commit("Nobody has planned this")
    told = refused(fleet, early)
    assert f"source: main is at {moved[:10]} now; the plan was for {commits[1][:10]}" in told
    assert [fleet.live(host) for host in fleet.hosts] == live

    repository.git("reset", "--quiet", "--hard", commits[1])
    # As on another machine: it has the file, and no folder of plans.
    file = fleet.folder / "shared.json"
    kept(fleet, early).rename(file)
    fleet.succeed("release", "-e", f"plan={early}", "-e", f"plan_file={file}")
    assert [fleet.live(host) for host in fleet.hosts] == [planned, planned]
    # The plan has been carried out, so it holds no more.
    told = refused(fleet, early, "-e", f"plan_file={file}")
    assert f"op1: live release is {planned}; the plan saw {live[0]}" in told
    assert f"op2: live release is {planned}; the plan saw {live[1]}" in told


def test_plan_names_settings_and_secrets_and_sees_each_change_of_them(fleet: Fleet) -> None:
    other = {"API_TOKEN": "another-token-of-1234"}
    with fleet.having(app_env={"GREETING": "second", "MORE": "1"}, app_secrets=other):
        name, shown = plan(fleet)
        assert "app_env: MORE added, GREETING changed" in shown
        assert "app_secrets: API_TOKEN changed" in shown
        assert "cut over: environment changed" in shown
    for value in (SECRET, other["API_TOKEN"]):
        assert value not in shown
        assert value not in kept(fleet, name).read_text()

    with fleet.having(
        app_env={"GREETING": "second", "MORE": "1"}, app_secrets={"API_TOKEN": "a-third-token"}
    ):
        told = refused(fleet, name)
    assert "  app_secrets: API_TOKEN changed" in told
    assert "a-third-token" not in told
    assert "GREETING" not in told

    told = refused(fleet, name)
    assert "  app_env: GREETING changed" in told
    assert "  app_env: MORE is gone" in told


def test_plan_is_overtaken_by_the_release_of_somebody_else(fleet: Fleet) -> None:
    with fleet.having():
        fleet.change_app()
        name, _shown = plan(fleet)
        before = fleet.live()
        with fleet.having():
            fleet.change_app("# by somebody else")
            fleet.succeed("release")
        told = refused(fleet, name)
        for host in fleet.hosts:
            assert f"{host}: live release is {fleet.live(host)}; the plan saw {before}" in told
    fleet.succeed("release", "-e", "fleet_allow_older=true")


def test_plan_of_some_hosts_is_not_for_others(fleet: Fleet) -> None:
    name, shown = plan(fleet, "release", "--limit", "op1")
    assert "op2" not in shown.partition("plan ")[2]
    assert "hosts: op2 is new" in refused(fleet, name)
    whole, _shown = plan(fleet)
    told = refused(fleet, whole, "--limit", "op1")
    assert "hosts: op2 is missing (no longer in the inventory, or left out by --limit)" in told


def test_there_is_no_plan_while_a_rollout_runs(fleet: Fleet) -> None:
    holder = {"rollout": "20261121T061000-5f3a", "who": "grace@ci", "since": 1795241400}
    lock = "/var/lib/shop/rollout.lock"
    fleet.shop.shell(f"echo '{json.dumps(holder)}' > {lock}", "op2")
    try:
        told = fleet.fail("release", *ONLY)
    finally:
        fleet.shop.shell(f"rm {lock}", "op2")
    assert "there is no plan, because of op2: shop is locked by grace@ci" in told


def test_there_is_no_plan_of_a_host_that_does_not_answer(fleet: Fleet) -> None:
    before = set((fleet.folder / "inventory" / "rollouts" / "shop").iterdir())
    # The discard port: nobody answers there.
    path = fleet.inventory / "host_vars" / "op2.yml"
    path.parent.mkdir(exist_ok=True)
    path.write_text("ansible_port: 9\n")
    try:
        told = fleet.fail("release", *ONLY)
    finally:
        path.unlink()
    assert "there is no plan, because op2 did not answer or was refused" in told
    assert set((fleet.folder / "inventory" / "rollouts" / "shop").iterdir()) == before


def test_plan_that_nobody_has_kept_is_refused_with_the_way_out(fleet: Fleet) -> None:
    told = refused(fleet, "f" * 16, playbook="deploy")
    assert f"plan-{'f' * 16}.json: No such file or directory" in told
    assert "-e plan_file=" in told


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("-e", "plan_only=maybe"), "plan_only is maybe; expected true or false"),
        (("-e", "plan=latest"), "plan is latest; expected the 16 digits from 0 to f"),
        ((*ONLY, "-e", f"plan={'f' * 16}"), f"plan_only is true, and plan is {'f' * 16}"),
    ],
    ids=["no boolean", "no hash", "both"],
)
@pytest.mark.parametrize("playbook", ["deploy", "release"])
def test_command_line_that_makes_no_sense_is_refused_before_a_host_is_asked(
    fleet: Fleet, playbook: str, arguments: tuple[str, ...], told: str
) -> None:
    shown = fleet.fail(playbook, *arguments)
    assert told in shown
    assert "TASK [Look at what" not in shown
