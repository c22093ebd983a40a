"""What happens to a fleet behind its balancer, under load: what it costs the visitors is counted.

The tests run in their order. Each looks at what failed while its event happened; the last one looks
at the totals.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Sequence

import pytest
from events import ROOT, Load, Shop

HOSTS = ("fleet-app1", "fleet-app2", "fleet-app3", "fleet-app4")
CANARY, THIRD = HOSTS[0], HOSTS[2]
LAB = os.environ.get("FLEET_LAB", "")

#: Healthy by its health path, and a failure for one visitor in twenty.
FAILS_SOMETIMES = """
import random

healthy_app = app


async def app(scope, receive, send):
    spared = scope["type"] != "http" or scope["path"] == "/healthz" or random.random() > 0.05
    if spared:
        await healthy_app(scope, receive, send)
        return
    await send({"type": "http.response.start", "status": 500, "headers": []})
    await send({"type": "http.response.body", "body": b"no such table"})
"""

#: Unhealthy where an operator has left a file, or where its name says so.
UNHEALTHY_ON = """
import os
import socket
from starlette.responses import PlainTextResponse
from starlette.routing import Route

if {condition}:
    app.router.routes.insert(
        0, Route("/healthz", lambda request: PlainTextResponse("no index", 503))
    )
"""

MIGRATION_RUNS = """
import pathlib, sqlite3
path = pathlib.Path("/var/lib/shop/state/fleet-sample.sqlite3")
count = "select count(*) from migrations_log"
print(sqlite3.connect(path).execute(count).fetchone()[0] if path.exists() else 0)
"""


def slots(shop: Shop, hosts: Sequence[str] = HOSTS) -> list[str]:
    """Slot and release that are live on each host."""
    return [shop.live(host) for host in hosts]


def releases(shop: Shop, hosts: Sequence[str] = HOSTS) -> list[str]:
    """The release that is live on each host."""
    return [live.split()[1] for live in slots(shop, hosts)]


def table(output: str) -> dict[str, tuple[str, str]]:
    """Release and state of each host, from the table at the end of a rollout."""
    lines = output.rpartition("\nHOST ")[2].splitlines()
    rows = re.findall(
        r"^(fleet-app\d) +(\S+) +(\S.*)$", "\n".join(lines[: len(HOSTS) + 1]), re.MULTILINE
    )
    return {host: (release, state) for host, release, state in rows}


def podman(*arguments: str) -> None:
    """Run podman as the test hosts were made with it."""
    script = f'. {ROOT}/molecule/shared/env.sh && exec podman "$@"'
    subprocess.run(["bash", "-c", script, "podman", *arguments], check=True, capture_output=True)


def container(host: str) -> str:
    """The container that a host is."""
    return "-".join(filter(None, (LAB, host)))


def test_balancer_has_the_baseline_of_a_host(shop: Shop) -> None:
    told = shop.shell(
        "ufw status; systemctl is-enabled ufw unattended-upgrades;"
        " apt-config dump Unattended-Upgrade::Package-Blacklist",
        "fleet-balancer",
    )
    rules = dict(re.findall(r"^(\d+)/tcp +(\w+) +Anywhere(?: .*)?$", told, re.MULTILINE))
    assert "Status: active" in told
    assert rules == {"22": "ALLOW", "80": "ALLOW", "443": "ALLOW"}
    assert told.count("\nenabled") == 2
    assert '"haproxy";' in told


def test_release_over_waves_loses_nothing(shop: Shop, load: Load) -> None:
    began = time.time()
    before = slots(shop)
    shop.variables["app_source"] = shop.new_version()
    output = shop.succeed("release")
    after = slots(shop)
    assert all(old.split()[0] != new.split()[0] for old, new in zip(before, after, strict=True))
    assert len(set(releases(shop))) == 1
    assert {state for _, state in table(output).values()} == {"live"}
    assert output.count("PLAY [Go over the fleet, wave by wave]") == 3
    assert load.failures(since=began) == []


def test_release_that_fails_its_visitors_is_caught_at_the_canary(shop: Shop, load: Load) -> None:
    began = time.time()
    before = slots(shop)
    result = shop.play("release", app_source=shop.new_version(FAILS_SOMETIMES))
    assert result.returncode != 0
    assert slots(shop) == before
    states = {host: state for host, (_, state) in table(result.stdout).items()}
    assert states == {CANARY: "reverted", **dict.fromkeys(HOSTS[1:], "not begun")}
    assert (
        "allowed is at most 1 % (fleet_max_error_ratio); of the hosts not yet switched"
        in result.stdout
    )
    failures = load.failures(since=began)
    print(f"the canary failed {len(failures)} requests")
    assert {failure["detail"][:3] for failure in failures} == {"500"}
    # A twentieth of what the canary got, one host of four, while it was watched and reverted.
    assert 0 < len(failures) < 0.10 * load.rate / len(HOSTS) * 30
    ended = time.time()
    time.sleep(3)
    assert load.failures(since=ended) == []


def test_release_that_fails_on_the_third_host_is_reverted_everywhere(
    shop: Shop, load: Load
) -> None:
    began = time.time()
    before = slots(shop)
    tail = UNHEALTHY_ON.format(condition=f"socket.gethostname() == {THIRD!r}")
    result = shop.play("release", app_source=shop.new_version(tail), app_health_timeout=6)
    assert result.returncode != 0
    # Once: not where it failed, and at the end again.
    assert result.stdout.count(f"{THIRD}: shop@") == 1
    assert result.stdout.count("503 no index") == 1
    assert slots(shop) == before
    states = {host: state for host, (_, state) in table(result.stdout).items()}
    assert (states[CANARY], states[HOSTS[1]], states[THIRD]) == ("reverted", "reverted", "refused")
    assert load.failures(since=began) == []


def test_stop_leaves_what_has_switched_and_the_next_run_goes_on(shop: Shop, load: Load) -> None:
    began = time.time()
    old = releases(shop)[0]
    hook = {"before_rollout": ["python -m fleet_sample.migrate"]}
    tail = UNHEALTHY_ON.format(condition='os.path.exists("/etc/shop/no-index")')
    shop.variables.update(app_source=shop.new_version(tail), app_hooks=hook)
    shop.shell("touch /etc/shop/no-index", THIRD)
    shop.shell("rm -f /var/lib/shop/state/fleet-sample.sqlite3", CANARY)
    result = shop.play("release", app_health_timeout=6, fleet_on_failure="stop")
    assert result.returncode != 0
    live = releases(shop)
    assert live[:2] == [live[0]] * 2
    assert live[0] != old
    assert live[2] == old
    shop.shell("rm /etc/shop/no-index", THIRD)
    # The resumption, another run, and one without the host where the migration ran.
    shop.succeed("release")
    shop.succeed("release")
    shop.succeed("release", limit=",".join(HOSTS[1:]))
    assert releases(shop) == [live[0]] * 4
    runs = [shop.shell(f"python3 -c '{MIGRATION_RUNS}'", host) for host in HOSTS]
    assert runs == ["1", "0", "0", "0"]
    shop.variables["app_hooks"] = {}
    assert load.failures(since=began) == []


def test_killed_rollout_is_resumed(shop: Shop, load: Load) -> None:
    began = time.time()
    shop.variables["app_source"] = shop.new_version()
    process = subprocess.Popen(
        shop.command("release"), stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout is not None
    waves = 0
    for line in process.stdout:
        waves += "PLAY [Go over the fleet" in line
        if waves == 2 and "wave | Judge it" in line:
            break
    process.send_signal(signal.SIGKILL)
    process.wait()
    shop.succeed("release", fleet_take_over_lock=True)
    assert len(set(releases(shop))) == 1
    assert load.failures(since=began) == []


def test_rolling_restart_loses_nothing(shop: Shop, load: Load) -> None:
    began = time.time()
    before = slots(shop)
    shop.succeed("restart")
    after = slots(shop)
    assert all(old.split()[0] != new.split()[0] for old, new in zip(before, after, strict=True))
    assert all(old.split()[1] == new.split()[1] for old, new in zip(before, after, strict=True))
    assert load.failures(since=began) == []


def test_rollback_of_the_fleet_loses_nothing(shop: Shop, load: Load) -> None:
    began = time.time()
    before = releases(shop)
    shop.succeed("rollback")
    after = releases(shop)
    assert len(set(after)) == 1
    assert after != before
    assert load.failures(since=began) == []


def test_balancer_refuses_a_bad_configuration_and_reloads_a_good_one(
    shop: Shop, load: Load
) -> None:
    began = time.time()
    template = shop.folder / "haproxy_bad.cfg.j2"
    template.write_text(
        "{% extends 'haproxy.cfg.j2' %}{% block observe %}\nnonsense 1\n{% endblock %}\n"
    )
    before = shop.shell("cat /etc/haproxy/haproxy.cfg", "fleet-balancer")
    result = shop.play("balancer", haproxy_balancer_template=str(template))
    assert result.returncode != 0
    assert "nonsense" in result.stdout
    assert shop.shell("cat /etc/haproxy/haproxy.cfg", "fleet-balancer") == before
    assert load.failures(since=began) == []
    for connections in (4000, 8000):
        shop.succeed("balancer", haproxy_balancer_max_connections=connections)
    assert load.failures(since=began) == []


def test_drained_host_gets_nothing_and_comes_back(shop: Shop, load: Load) -> None:
    began = time.time()
    count = "wc -l < /var/log/nginx/shop.log; grep -c healthz /var/log/nginx/shop.log"
    told = shop.succeed("drain", limit=CANARY, drain_seconds=5)
    assert f"\n{CANARY}: drained at fleet-balancer; " in told
    time.sleep(1)
    lines, checks = map(int, shop.shell(count, CANARY).split())
    time.sleep(5)
    later, later_checks = map(int, shop.shell(count, CANARY).split())
    assert later - lines == later_checks - checks
    told = shop.succeed("status", status_drift=False)
    assert re.search(rf"^{CANARY} .* 200 OK, drained at fleet-balancer ", told, re.MULTILINE)
    told = shop.succeed("undrain", limit=CANARY)
    assert f"\n{CANARY}: returned to traffic at fleet-balancer; it gets requests again" in told
    time.sleep(3)
    assert int(shop.shell(count, CANARY).split()[0]) > later + 50
    assert load.failures(since=began) == []


def test_patch_with_a_reboot_of_every_host_loses_nothing(shop: Shop, load: Load) -> None:
    began = time.time()
    boot = "systemctl --no-pager show --property=UserspaceTimestampMonotonic --value"
    before = [shop.shell(boot, host) for host in HOSTS]
    live = slots(shop)
    # The balancer as well, whose reboot would lose requests: it is only upgraded.
    shop.succeed("patch", patch_reboot="always", drain_seconds=5)
    after = [shop.shell(boot, host) for host in HOSTS]
    assert all(old != new for old, new in zip(before, after, strict=True))
    assert slots(shop) == live
    assert load.failures(since=began) == []


def test_patch_stops_at_a_host_that_does_not_come_back(shop: Shop, load: Load) -> None:
    began = time.time()
    live = slots(shop)
    # Not read before the reboot, after which nginx does not start.
    shop.shell("echo 'broken;' > /etc/nginx/conf.d/broken.conf", THIRD)
    result = shop.play(
        "patch",
        limit=f"{THIRD},{HOSTS[3]}",
        patch_reboot="always",
        drain_seconds=5,
        app_health_timeout=5,
    )
    told = " ".join(result.stdout.split())
    assert result.returncode != 0, told[-6000:]
    assert "not healthy: nginx is not running; " in told
    assert f"{HOSTS[3]} : ok=4 " in told.replace("  ", " "), "the next host was touched"
    # Whoever goes on before it is mended is told so.
    told = " ".join(shop.play("patch", limit=HOSTS[3], app_health_timeout=5).stdout.split())
    assert f"shop/{THIRD} gets no traffic" in told
    # systemd tries nginx every second: a `start` may join a try that has read the broken file.
    shop.shell("rm /etc/nginx/conf.d/broken.conf; systemctl restart nginx", THIRD)
    shop.succeed("undrain", limit=THIRD)
    assert slots(shop) == live
    assert load.failures(since=began) == []


@pytest.mark.parametrize("on_failure", ["revert_all"])
def test_host_without_power_ends_the_rollout(shop: Shop, load: Load, on_failure: str) -> None:
    began = time.time()
    before = releases(shop)
    process = subprocess.Popen(
        shop.command("release", app_source=shop.new_version(), fleet_on_failure=on_failure),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if "wave | Soak, then collect" in line:
            break
    # While the canary soaks; it is to be switched in the last wave.
    podman("kill", container(THIRD))
    podman("stop", "--time=1", container(THIRD))
    killed = time.time()
    lines += process.stdout.readlines()
    assert process.wait() != 0
    states = table("".join(lines))
    assert states[CANARY][1] == "reverted"
    assert states[THIRD][1] == "unreachable"
    alive = [host for host in HOSTS if host != THIRD]
    assert releases(shop, alive) == before[:3]
    failures = load.failures(since=began)
    print(f"{len(failures)} requests were lost with the host's power: {failures}")
    # No more than it was serving: at most one on each of the generator's connections.
    assert len(failures) <= 16
    assert all(failure["time"] - killed < 20 for failure in failures)
    # It comes back, and the next run brings it up to date.
    podman("start", container(THIRD))
    _wait_for(shop, THIRD)
    back = time.time()
    shop.variables["app_source"] = shop.new_version()
    shop.succeed("release")
    assert len(set(releases(shop))) == 1
    assert load.failures(since=back) == []


def _wait_for(shop: Shop, host: str) -> None:
    """Wait until a host has booted."""
    deadline = time.time() + 60
    while time.time() < deadline:
        state = shop.shell("systemctl is-system-running", host, check=False)
        if state in ("running", "degraded"):
            return
        time.sleep(1)
    raise AssertionError(f"{host} does not come back")


def test_totals(shop: Shop, load: Load) -> None:
    load.end()
    print(f"playbooks: {len(shop.runs)}; {load.laps}")
    assert load.total("requests") >= 50_000
