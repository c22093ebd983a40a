"""What happens to a fleet behind its balancer, under load: what it costs the visitors is counted.

The tests run in their order. Each looks at what failed while its event happened; the last one looks
at the totals.
"""

from __future__ import annotations

import signal
import subprocess
import time

from events import Load, Shop
from fleet_hosts import releases, slots, table

HOSTS = ("fleet-app1", "fleet-app2", "fleet-app3", "fleet-app4")
CANARY, THIRD = HOSTS[0], HOSTS[2]

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


def test_release_over_waves_loses_nothing(shop: Shop, load: Load) -> None:
    began = time.time()
    before = slots(shop, HOSTS)
    shop.variables["app_source"] = shop.new_version()
    output = shop.succeed("release")
    after = slots(shop, HOSTS)
    assert all(old.split()[0] != new.split()[0] for old, new in zip(before, after, strict=True))
    assert len(set(releases(shop, HOSTS))) == 1
    assert {state for _, state in table(output, HOSTS).values()} == {"live"}
    assert output.count("PLAY [Go over the fleet, wave by wave]") == 3
    assert load.failures(since=began) == []


def test_release_that_fails_its_visitors_is_caught_at_the_canary(shop: Shop, load: Load) -> None:
    began = time.time()
    before = slots(shop, HOSTS)
    result = shop.play("release", app_source=shop.new_version(FAILS_SOMETIMES))
    assert result.returncode != 0
    assert slots(shop, HOSTS) == before
    states = {host: state for host, (_, state) in table(result.stdout, HOSTS).items()}
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
    before = slots(shop, HOSTS)
    tail = UNHEALTHY_ON.format(condition=f"socket.gethostname() == {THIRD!r}")
    result = shop.play("release", app_source=shop.new_version(tail), app_health_timeout=25)
    assert result.returncode != 0
    # Once: not where it failed, and at the end again.
    assert result.stdout.count(f"{THIRD}: shop@") == 1
    assert result.stdout.count("503 no index") == 1
    assert slots(shop, HOSTS) == before
    states = {host: state for host, (_, state) in table(result.stdout, HOSTS).items()}
    assert (states[CANARY], states[HOSTS[1]], states[THIRD]) == ("reverted", "reverted", "refused")
    assert load.failures(since=began) == []


def test_stop_leaves_what_has_switched_and_the_next_run_goes_on(shop: Shop, load: Load) -> None:
    began = time.time()
    old = releases(shop, HOSTS)[0]
    hook = {"before_rollout": ["python -m fleet_sample.migrate"]}
    tail = UNHEALTHY_ON.format(condition='os.path.exists("/etc/shop/no-index")')
    shop.variables.update(app_source=shop.new_version(tail), app_hooks=hook)
    shop.shell("touch /etc/shop/no-index", THIRD)
    shop.shell("rm -f /var/lib/shop/state/fleet-sample.sqlite3", CANARY)
    result = shop.play("release", app_health_timeout=25, fleet_on_failure="stop")
    assert result.returncode != 0
    live = releases(shop, HOSTS)
    assert live[:2] == [live[0]] * 2
    assert live[0] != old
    assert live[2] == old
    shop.shell("rm /etc/shop/no-index", THIRD)
    # The resumption, another run, and one without the host where the migration ran.
    shop.succeed("release")
    shop.succeed("release")
    shop.succeed("release", limit=",".join(HOSTS[1:]))
    assert releases(shop, HOSTS) == [live[0]] * 4
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
    assert len(set(releases(shop, HOSTS))) == 1
    assert load.failures(since=began) == []


def test_rolling_restart_loses_nothing(shop: Shop, load: Load) -> None:
    began = time.time()
    before = slots(shop, HOSTS)
    shop.succeed("restart")
    after = slots(shop, HOSTS)
    assert all(old.split()[0] != new.split()[0] for old, new in zip(before, after, strict=True))
    assert all(old.split()[1] == new.split()[1] for old, new in zip(before, after, strict=True))
    assert load.failures(since=began) == []


def test_rollback_of_the_fleet_loses_nothing(shop: Shop, load: Load) -> None:
    began = time.time()
    before = releases(shop, HOSTS)
    shop.succeed("rollback")
    after = releases(shop, HOSTS)
    assert len(set(after)) == 1
    assert after != before
    assert load.failures(since=began) == []


def test_totals(shop: Shop, load: Load) -> None:
    load.end()
    print(f"playbooks: {len(shop.runs)}; {load.laps}")
    assert load.total("requests") >= 50_000
