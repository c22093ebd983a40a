"""What docs/operations.md says, typed as it stands there, in the order of a fleet's life.

The tests run in their order, on hosts that nothing was deployed to. Visitors are there throughout.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from email.utils import parsedate_to_datetime

from events import DOMAIN, ROOT, Load
from fleet_operator import Operator

UNHEALTHY_ON_WEB2 = """
import socket
from starlette.responses import PlainTextResponse
from starlette.routing import Route

if socket.gethostname() == "web2":
    app.router.routes.insert(
        0, Route("/healthz", lambda request: PlainTextResponse("no index", 503))
    )
"""


def table(output: str) -> dict[str, list[str]]:
    """The last table of an output: the columns of each host."""
    rows = output.rpartition("\nHOST ")[2].partition("\n\n")[0].splitlines()[1:]
    found = [re.split(r" {2,}", row) for row in rows if row.startswith("web")]
    return {row[0]: row[1:] for row in found}


def states(output: str) -> dict[str, str]:
    """The state of each host in the table of a rollout."""
    return {host: columns[1] for host, columns in table(output).items()}


def release(operator: Operator, host: str = "web1") -> str:
    """The release that is live on a host."""
    return operator.shop.live(host).split()[1]


def slot(operator: Operator, host: str) -> str:
    """The slot that is live on a host."""
    return operator.shop.live(host).split()[0]


def status_of_a_visit(operator: Operator) -> str:
    """Status and Retry-After of a visitor's request through the balancer."""
    command = [
        *("curl", "--silent", "--max-time", "10", "--output", "/dev/null"),
        *("--write-out", "%{http_code} %header{retry-after}"),
        *("--cacert", str(operator.shop.folder / "ca.pem")),
        *("--connect-to", f"{DOMAIN}:443:127.0.0.1:{operator.shop.port}", f"https://{DOMAIN}/"),
    ]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def podman(*arguments: str) -> None:
    """Run podman on the container that web3 is."""
    container = "-".join(filter(None, (os.environ.get("FLEET_LAB"), "operations-web3")))
    script = f'. {ROOT}/molecule/shared/env.sh && exec podman "$@" {container}'
    subprocess.run(["bash", "-c", script, "podman", *arguments], check=True, capture_output=True)


def test_a_first_deploy_shows_before_what_it_does(operator: Operator) -> None:
    output = operator.run(
        "ANSIBLE_DISPLAY_OK_HOSTS=false ANSIBLE_DISPLAY_SKIPPED_HOSTS=false"
        " ansible-playbook deploy.yml --check --diff"
    )
    print(f"a first deploy of two hosts and a balancer: {len(output.splitlines())} lines")
    assert len(output.splitlines()) < 800
    assert "more lines; -v shows all of it" in output
    assert re.search(r"^/etc/nginx/nginx\.conf: as on web[12]$", output, re.MULTILINE)


def test_a_fleet_is_deployed(operator: Operator) -> None:
    output = operator.run("ansible-playbook deploy.yml")
    assert "shop: 2 hosts in 2 waves\n  wave 1: web1\n  wave 2: web2\n" in output
    assert {host: row[6] for host, row in table(output).items()} == {
        "web1": "200 OK",
        "web2": "200 OK",
    }
    assert operator.shop.ask("/healthz")


def test_a_changed_setting_is_shown_before_on_a_screen_or_two(operator: Operator) -> None:
    operator.set(nginx_site_client_max_body_size="20m")
    output = operator.run(
        "ANSIBLE_DISPLAY_OK_HOSTS=false ANSIBLE_DISPLAY_SKIPPED_HOSTS=false"
        " ansible-playbook deploy.yml --check --diff"
    )
    assert "+    client_max_body_size 20m;" in output
    assert output.count("/etc/nginx/conf.d/shop.conf: as on web") == 1
    assert len(output.splitlines()) < 120
    # Its reload would end streams a minute later (the page says so), in the middle of another test.
    operator.set(nginx_site_client_max_body_size="10m")


def test_a_release(operator: Operator, load: Load) -> None:
    began = time.time()
    before = release(operator)
    operator.set(app_source=operator.shop.new_version())
    output = operator.run("ansible-playbook playbooks/release.yml")
    assert states(output) == {"web1": "live", "web2": "live"}
    assert {row[0] for row in table(output).values()} == {release(operator)} != {before}
    assert load.failures(since=began) == []


def test_a_bad_release(operator: Operator, load: Load) -> None:
    began = time.time()
    before = release(operator)
    operator.set(app_source=operator.shop.new_version(UNHEALTHY_ON_WEB2), app_health_timeout=25)
    output = operator.fail("ansible-playbook playbooks/release.yml")
    assert states(output) == {"web1": "reverted", "web2": "refused"}
    # Each reason once, and the last thing to be read.
    assert output.count("was not healthy within 25 s") == 1
    assert "no index" in output.rpartition("\nHOST ")[2]
    assert release(operator) == before
    assert release(operator, "web2") == before
    # "Fix the application and run the same command again."
    operator.set(app_source=operator.shop.new_version(), app_health_timeout=40)
    output = operator.run("ansible-playbook playbooks/release.yml")
    assert states(output) == {"web1": "live", "web2": "live"}
    assert load.failures(since=began) == []


def test_a_rollback(operator: Operator, load: Load) -> None:
    began = time.time()
    newest = release(operator)
    output = operator.run("ansible-playbook playbooks/rollback.yml")
    assert states(output) == {"web1": "live", "web2": "live"}
    assert release(operator) != newest
    output = operator.run(
        "ansible-playbook playbooks/rollback.yml -e release=<id>", **{"<id>": newest}
    )
    assert {row[0] for row in table(output).values()} == {newest}
    assert load.failures(since=began) == []


def test_a_host_is_added(operator: Operator, load: Load) -> None:
    began = time.time()
    before = [operator.shop.live(host) for host in ("web1", "web2")]
    text = operator.hosts_file.read_text("utf-8")
    added = "    web3: {lab_index: 3, lab_suite: trixie}\nbalancer:\n"
    operator.hosts_file.write_text(text.replace("balancer:\n", added, 1), encoding="utf-8")
    output = operator.run("ansible-playbook deploy.yml")
    assert [operator.shop.live(host) for host in ("web1", "web2")] == before
    assert release(operator, "web3") == release(operator)
    assert "from web1 at " in output
    assert set(table(output)) == {"web1", "web2", "web3"}
    count = "wc -l < /var/log/nginx/shop.log"
    first = int(operator.shop.shell(count, "web3"))
    time.sleep(3)
    assert int(operator.shop.shell(count, "web3")) > first + 10, "it gets no requests"
    assert load.failures(since=began) == []


def test_a_host_is_drained(operator: Operator, load: Load) -> None:
    began = time.time()
    output = operator.run("ansible-playbook playbooks/drain.yml --limit web2")
    assert "web2" in output
    count = "grep -vc healthz /var/log/nginx/shop.log"
    # nginx writes its log once a second.
    time.sleep(2)
    first = int(operator.shop.shell(count, "web2"))
    time.sleep(3)
    assert int(operator.shop.shell(count, "web2")) == first
    operator.run("ansible-playbook playbooks/undrain.yml --limit web2")
    time.sleep(3)
    assert int(operator.shop.shell(count, "web2")) > first
    assert load.failures(since=began) == []


def test_a_secret_is_rotated(operator: Operator, load: Load) -> None:
    began = time.time()
    before = [operator.shop.live(host) for host in ("web1", "web2", "web3")]
    operator.run(
        "ansible-vault edit inventory/<yours>/group_vars/all/vault",
        edit="s/the-first-token/the-second-token/",
    )
    output = operator.run("ansible-playbook playbooks/restart.yml")
    assert "the-second-token" not in output
    for host, was in zip(("web1", "web2", "web3"), before, strict=True):
        now = operator.shop.live(host)
        assert now.split()[1] == was.split()[1]
        assert now.split()[0] != was.split()[0]
        environment = f"/etc/shop/{now.split()[0]}/environment"
        assert "the-second-token" in operator.shop.shell(f"cat {environment}", host)
    assert load.failures(since=began) == []


def test_certificates_that_are_not_due_stay(operator: Operator, load: Load) -> None:
    began = time.time()
    output = operator.run("ansible-playbook playbooks/certificates.yml")
    assert set(re.findall(r"changed=(\d+)", output)) == {"0"}
    operator.run(
        "17 4 * * *  cd <clone> && ANSIBLE_STDOUT_CALLBACK=asgi.fleet.quiet"
        " ansible-playbook playbooks/certificates.yml"
    )
    assert load.failures(since=began) == []


def test_the_application_is_restarted_and_resized(operator: Operator, load: Load) -> None:
    began = time.time()
    hosts = ("web1", "web2", "web3")
    before = [slot(operator, host) for host in hosts]
    output = operator.run("ansible-playbook playbooks/restart.yml")
    assert set(states(output).values()) == {"live"}
    after = [slot(operator, host) for host in hosts]
    assert all(old != new for old, new in zip(before, after, strict=True))
    own = operator.inventory / "host_vars" / "web2.yml"
    own.parent.mkdir()
    own.write_text("app_workers: 1\n", encoding="utf-8")
    operator.run("ansible-playbook playbooks/scale.yml")
    changed = [slot(operator, host) != was for host, was in zip(hosts, after, strict=True)]
    assert changed == [False, True, False]
    own.unlink()
    operator.run("ansible-playbook playbooks/scale.yml")
    assert load.failures(since=began) == []


def test_a_run_was_killed(operator: Operator, load: Load) -> None:
    began = time.time()
    operator.set(app_source=operator.shop.new_version())
    process = operator.start("ansible-playbook deploy.yml")
    assert process.stdout is not None
    for line in process.stdout:
        if "wave | Soak, then collect" in line:
            break
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    output = operator.fail("ansible-playbook deploy.yml")
    assert "locked by" in output
    operator.run("ansible-playbook deploy.yml -e fleet_take_over_lock=true")
    assert len({release(operator, host) for host in ("web1", "web2", "web3")}) == 1
    assert load.failures(since=began) == []


def test_a_host_was_not_reverted(operator: Operator, load: Load) -> None:
    began = time.time()
    wanted = release(operator)
    listed = operator.shop.shell("ls -t /opt/shop/releases", "web3").split()
    other = next(one for one in listed if one != wanted)
    operator.run(
        "ansible-playbook playbooks/rollback.yml --limit web3 -e release=<id>", **{"<id>": other}
    )
    assert release(operator, "web3") == other
    operator.run("ansible-playbook playbooks/drain.yml --limit web3")
    operator.run(
        "ansible-playbook playbooks/rollback.yml --limit web3 -e release=<id>", **{"<id>": wanted}
    )
    operator.run("ansible-playbook playbooks/undrain.yml --limit web3")
    assert release(operator, "web3") == wanted
    assert load.failures(since=began) == []


def test_a_host_was_unreachable(operator: Operator, load: Load) -> None:
    before = release(operator)
    operator.set(app_source=operator.shop.new_version())
    podman("stop", "--time=10")
    output = operator.fail("ansible-playbook playbooks/release.yml")
    assert "web3" in output.rpartition("PLAY [Prepare the rollout]")[2]
    assert release(operator) == before
    operator.run("ansible-playbook playbooks/release.yml --limit '!web3'")
    assert release(operator) == release(operator, "web2") != before
    podman("start")
    deadline = time.time() + 60
    while operator.shop.shell("systemctl is-system-running", "web3", check=False) == "":
        assert time.time() < deadline, "web3 does not come back"
        time.sleep(1)
    began = time.time()
    operator.run("ansible-playbook deploy.yml")
    assert release(operator, "web3") == release(operator)
    assert load.failures(since=began) == []


def test_the_operating_system_is_patched(operator: Operator, load: Load) -> None:
    began = time.time()
    operator.run("ansible-playbook playbooks/patch.yml")
    operator.run("ansible-playbook playbooks/patch.yml --limit lb1 -e patch_reboot_balancers=true")
    assert load.failures(since=began) == []


def test_maintenance(operator: Operator, load: Load) -> None:
    # What the visitors get is what is looked at.
    load.end()
    operator.run("ansible-playbook playbooks/maintenance.yml -e maintenance=on")
    assert status_of_a_visit(operator).startswith("503 ")
    operator.run(
        "ansible-playbook playbooks/maintenance.yml -e maintenance=on -e maintenance_minutes=30"
    )
    status, until = status_of_a_visit(operator).split(" ", 1)
    assert status == "503"
    assert 25 * 60 < parsedate_to_datetime(until).timestamp() - time.time() <= 30 * 60
    client = operator.shop.shell("ip route | awk '/^default/ {print $3}'", "lb1")
    operator.run(
        "ansible-playbook playbooks/maintenance.yml -e maintenance=on"
        """ -e '{"maintenance_allow": ["203.0.113.7"]}'""",
        **{"203.0.113.7": client},
    )
    assert status_of_a_visit(operator) == "200"
    operator.run("ansible-playbook playbooks/maintenance.yml -e maintenance=off")
    assert status_of_a_visit(operator) == "200"


def test_the_fleet_is_watched(operator: Operator) -> None:
    shown = table(operator.run("ansible-playbook playbooks/status.yml"))
    assert {host: row[6] for host, row in shown.items()} == dict.fromkeys(shown, "200 OK")
    document = operator.run("ansible-playbook playbooks/status.yml -e status_format=json")
    line = next(line for line in document.splitlines() if line.startswith("{"))
    assert "web3" in json.dumps(json.loads(line))
    operator.run("ansible-playbook playbooks/verify.yml")
    told = operator.run(
        "0 * * * *  cd <clone> && ANSIBLE_STDOUT_CALLBACK=asgi.fleet.quiet"
        " ansible-playbook playbooks/verify.yml"
    )
    assert "TASK" not in told


def test_a_host_is_removed(operator: Operator, load: Load) -> None:
    load.start()
    began = time.time()
    operator.run("ansible-playbook playbooks/drain.yml --limit web4")
    operator.shop.shell("runuser -u shop -- touch /var/lib/shop/state/its-own", "web3")
    output = operator.run("ansible-playbook playbooks/remove.yml --limit web4 -e remove=shop")
    assert "/var/lib/shop/state" in output
    operator.run("$EDITOR inventory/<yours>/hosts.yml", edit="/web3:/d")
    operator.run("ansible-playbook playbooks/balancer.yml")
    assert "web3" not in operator.shop.shell("cat /etc/haproxy/haproxy.cfg", "lb1")
    assert operator.shop.shell("ls -d /opt/shop /var/lib/shop/state", "web3", check=False) == (
        "/var/lib/shop/state"
    )
    assert load.failures(since=began) == []
    load.end()
