"""A dependency with hostile code is built and imported, and its hooks run: none of it as root.

Before builds had an account and a sandbox, the build system and the `.pth` file of this test ran
with uid 0 and read every application's environment; hooks ran without a sandbox.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from events import ROOT, Shop

RIVAL = {
    "app_name": "rival",
    "app_domain": "rival.example.com",
    "app_module": "rival:app",
    "app_health_path": "/",
    "app_workers": 1,
    # It has no site.
    "fleet_allow_unserved": True,
    "app_secrets": {"RIVAL_TOKEN": "the-rivals-own"},
}
HOOK = (
    "id -u > $STATE_DIRECTORY/hook; echo $HOME >> $STATE_DIRECTORY/hook;"
    " grep NoNewPrivs /proc/self/status >> $STATE_DIRECTORY/hook;"
    " touch /opt/rival/x /etc/x 2>> $STATE_DIRECTORY/hook; unshare -U true || echo confined"
    " >> $STATE_DIRECTORY/hook; setsid --fork sleep 4444"
)


@pytest.fixture(scope="module", name="reports")
def build_reports(shop: Shop) -> dict[str, dict[str, Any]]:
    """Release the rival on both hosts; return what its build could do."""
    source = {"type": "path", "path": str(ROOT / "molecule/shared/apps/hostile/builds")}
    shop.succeed("release", **RIVAL, app_source=source, app_hooks={"before_activate": [HOOK]})
    return {
        host: json.loads(shop.shell("cat /opt/rival/releases/*/src/report.json", host))
        for host in shop.hosts
    }


def test_build_is_not_root_and_has_no_secret(
    shop: Shop, host: str, reports: dict[str, dict[str, Any]]
) -> None:
    report = reports[host]
    assert report["uid"] == int(shop.shell("id -u rival-build", host))
    assert report["uid"] not in (0, int(shop.shell("id -u rival", host)))
    assert not [name for name in report["variables"] if "TOKEN" in name]
    assert report["no_new_privileges"] == "1"


@pytest.mark.parametrize(
    "what",
    [
        "setuid",
        "secrets",
        "other_release",
        "other_cache",
        "shared_cache",
        "interpreters",
        "system",
        "own_application",
        "metadata",
        "loopback",
        "namespaces",
    ],
)
def test_build_is_refused(host: str, reports: dict[str, dict[str, Any]], what: str) -> None:
    assert reports[host][what], f"the build could: {what}"


@pytest.mark.usefixtures("reports")
def test_root_runs_nothing_of_a_release(shop: Shop, host: str) -> None:
    for playbook in ("status", "releases"):
        shop.succeed(
            playbook, **RIVAL, app_source={"type": "path", "path": "/nonexistent"}, limit=host
        )
    assert shop.shell("ls /var/tmp | grep rival-ran || true", host) == ""


@pytest.mark.usefixtures("reports")
def test_release_belongs_to_root_and_others_cannot_read_it(shop: Shop, host: str) -> None:
    assert shop.shell("find /opt/rival -not -user root", host) == ""
    assert shop.shell("find /opt/rival -perm /6022 -not -type l", host) == ""
    for one in ("rival", "shop"):
        assert (
            shop.shell(
                f"cd /; runuser -u nobody -- cat /opt/{one}/releases/*/manifest.json 2>&1 || true",
                host,
            )
        ).endswith(("Permission denied", "No such file or directory"))


@pytest.mark.usefixtures("reports")
def test_nothing_that_a_build_or_a_hook_started_lives_on(shop: Shop, host: str) -> None:
    assert shop.shell("pgrep --full '^sleep (3333|4444)' || true", host) == ""


@pytest.mark.usefixtures("reports")
def test_hook_runs_in_the_sandbox_of_the_service(shop: Shop, host: str) -> None:
    told = shop.shell("cat /var/lib/rival/state/hook", host).splitlines()
    assert told[:3] == [shop.shell("id -u rival", host), "/var/lib/rival/state", "NoNewPrivs:\t1"]
    assert told[-1] == "confined"
    assert sum("Read-only file system" in line for line in told) == 2
    assert shop.shell("stat -c '%U %a' /var/lib/rival/state/hook", host) == "rival 640"


@pytest.mark.parametrize(
    ("left", "told"),
    [
        ("os.symlink('/etc/shadow', 'page')", "leads out of the release: src/page -> /etc/shadow"),
        (
            "os.mkfifo('odd')",
            "the build left src/odd, which is neither a file",
        ),
    ],
)
def test_trap_that_a_build_leaves_is_refused(
    shop: Shop, tmp_path: Path, left: str, told: str
) -> None:
    source = tmp_path / "source"
    shutil.copytree(ROOT / "molecule/shared/apps/hostile/builds", source)
    backend = source / "backend.py"
    code = backend.read_text(encoding="utf-8")
    backend.write_text(code.replace("    info = ", f"    {left}\n    info = ", 1), encoding="utf-8")
    result = shop.play(
        "release", **RIVAL, app_source={"type": "path", "path": str(source)}, limit=shop.hosts[1]
    )
    assert result.returncode != 0
    assert told in result.stdout
    assert len(shop.shell("ls /opt/rival/releases", shop.hosts[1]).split()) == 1
