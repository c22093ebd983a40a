"""A plan for people."""

from __future__ import annotations

from ansible_collections.asgi.fleet.plugins.plugin_utils.plan.text import lines
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.commits import Between

from tests.unit.plugins.plugin_utils.plan.planned_fleet import (
    COMMITS,
    NEW,
    OLD,
    bare,
    host,
    plan,
    unchanged,
)

HOOKS = {
    "before_rollout": [{"command": "alembic upgrade head", "timeout": 300}],
    "before_activate": [{"command": "warm up", "timeout": 5}],
}


def told(*arguments: object, **more: object) -> str:
    return "\n".join(lines(plan(*arguments, **more), "0123456789abcdef"))  # type: ignore[arg-type]


def test_backup_before_a_migration_is_told() -> None:
    backup = {"max_age": 3600}
    wanted = {"app_hooks": HOOKS, "app_backup": backup}
    assert (
        "  before before_rollout: a backup on web1, unless one of the last 1 h is there\n"
        "  before_rollout: alembic upgrade head: once, on web1"
    ) in told({"web1": host(deployment=wanted)})
    without = {"app_hooks": {"before_activate": HOOKS["before_activate"]}, "app_backup": backup}
    assert "backup" not in told({"web1": host(deployment=without)})


def test_lines_of_a_release() -> None:
    slot = {
        "reasons": [{"kind": "environment", "text": "environment changed"}],
        "environment": {"added": [], "changed": ["API_TOKEN", "LOG_LEVEL"], "removed": ["OLD"]},
    }
    one = host(deployment={"app_hooks": HOOKS}, slot=slot)
    found = lines(plan({"web1": one, "web2": one}), "0123456789abcdef")
    assert found == [
        "plan 0123456789abcdef of release.yml",
        "",
        f"shop (shop.example.com): {NEW}, from git https://git.example.com/shop.git main at "
        "bbbbbbbbbb",
        "  wave 1: web1",
        "  wave 2: web2",
        f"  web1, web2: {OLD} -> {NEW}",
        "    1 commit in 3 files:",
        "      bbbbbbbbbb Add the cart",
        "  before_rollout: alembic upgrade head: once, on web1",
        "  before_activate: warm up: on web1, web2",
        "",
        "web1, web2:",
        f"  build the release {NEW}",
        "  app_env: LOG_LEVEL changed",
        "  app_secrets: API_TOKEN changed",
        "  environment: OLD removed",
        f"  cut over: release {OLD} -> {NEW}, environment changed",
        "",
        "compared: release, commits, settings and secrets by name, units and files of the live "
        "slot, workers, hooks, variables of the inventory",
        "not compared: what a build installs, old releases that are removed (ansible-playbook "
        "playbooks/release.yml --check --diff shows more)",
        "to do exactly this: ansible-playbook playbooks/release.yml -e plan=0123456789abcdef",
    ]


def test_lines_of_an_unchanged_fleet_say_so() -> None:
    found = told({"web1": unchanged(), "web2": unchanged()})
    assert "web1, web2:\n  nothing changes\n\nNothing would change." in found
    assert f"web1, web2: runs {OLD} already" in found


def test_lines_of_a_bare_host_name_no_setting() -> None:
    found = told({"web1": bare(provision={"packages": ["nginx"]})}, "deploy")
    assert f"web1: no release -> {NEW}" in found
    assert "install packages: nginx" in found
    assert "cut over: the first release" in found
    assert "app_env" not in found


def test_lines_group_hosts_that_change_alike() -> None:
    hosts = {f"web{n}": unchanged() for n in range(1, 9)}
    assert "web1, web2, web3, web4, web5, web6 and 2 more:\n  nothing changes" in told(hosts)


def test_lines_count_the_commits_that_are_not_named() -> None:
    many: Between = {**COMMITS, "more": 41}
    found = told({"web1": host()}, commits=many)
    assert "42 commits in 3 files:" in found
    assert "and 41 more" in found


def test_lines_say_that_commits_are_taken_back() -> None:
    assert "1 commit in 3 files, which is taken back:" in told(
        {"web1": host()}, commits={**COMMITS, "way": "back"}
    )


def test_lines_say_that_the_repository_lacks_the_live_commit() -> None:
    unknown: Between = {"way": "unknown", "commits": [], "more": 0, "files": None}
    assert "the repository does not lead from aaaaaaaaaa" in told({"web1": host()}, commits=unknown)


def test_lines_name_the_servers_of_balancers() -> None:
    fronts = {"lb1": {"added": ["shop/web1"], "removed": []}, "lb2": {"added": [], "removed": []}}
    found = told({"web1": unchanged()}, "deploy", fronts)
    assert "lb1:\n  servers added: shop/web1" in found
    assert "lb2:\n  the same servers" in found
