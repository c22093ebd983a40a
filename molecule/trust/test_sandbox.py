"""The application as the attacker: what its unit lets it reach, read, take and leave behind.

Each test fails without its part: with the units of db2b25c both addresses answer, the folders and
the log are open, MemoryMax is the host's, and every release leaves its child behind.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator

import pytest
from events import Shop

#: Seconds from a cut-over until the slot that it replaced must be empty: linger, drain, and a few.
EMPTY_WITHIN = 15
#: Its command line finds it; each worker of the hostile release starts one, in its own session.
CHILD = "sleep 86397"
HOSTILE = f"""
import os, pathlib, socket, subprocess

# Not where the build imports it.
if "FLEET_SLOT" in os.environ:
    subprocess.Popen({CHILD.split()!r}, start_new_session=True)
    pathlib.Path(os.environ["HOME"], "diary").write_text("of the shop")


@app.get("/reach/{{host}}/{{port}}")
def reach(host: str, port: int) -> str:
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError as error:
        return repr(error)
    return "reached"
"""


class Attack:
    """The hostile application on both hosts, and what it says."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop

    def release(self, **variables: object) -> None:
        """Release the next version of it."""
        source = self.shop.new_version(HOSTILE)
        self.shop.succeed("release", app_source=source, fleet_soak_seconds=0, **variables)

    def reaches(self, host: str, target: str, port: int) -> str:
        """Have it connect; return what came of it."""
        url = f"http://shop.example.com/reach/{target}/{port}"
        socket = "curl --silent --show-error --unix-socket /var/lib/shop/live.sock"
        return str(json.loads(self.shop.shell(f"{socket} {url}", host)))

    def generations(self, host: str) -> set[str]:
        """Return the releases of which a child lives."""
        environments = self.shop.shell(
            f"for pid in $(pgrep -f '^{CHILD}$'); do tr '\\0' '\\n' < /proc/$pid/environ; done",
            host,
        )
        return set(re.findall(r"^FLEET_RELEASE=(.*)$", environments, re.M))

    def await_generations(self, host: str, wanted: set[str]) -> None:
        """Wait until only children of these releases live."""
        until = time.monotonic() + EMPTY_WITHIN
        while (seen := self.generations(host)) != wanted and time.monotonic() < until:
            time.sleep(1)
        assert seen == wanted


@pytest.fixture(scope="module")
def attack(shop: Shop) -> Iterator[Attack]:
    """Release the hostile application, beside services on loopback and a link-local address."""
    for host in shop.hosts:
        shop.shell(
            "ip address add 169.254.169.254/32 dev lo;"
            " systemd-run --quiet --unit=victim --collect python3 -m http.server 8909",
            host,
        )
    found = Attack(shop)
    found.release()
    yield found
    shop.succeed("release", fleet_soak_seconds=0)
    for host in shop.hosts:
        shop.shell("ip address delete 169.254.169.254/32 dev lo; systemctl stop victim", host)
        # Three releases were replaced, and nothing of them lives.
        found.await_generations(host, set())


def test_service_is_exposed_by_at_most_one(shop: Shop, host: str) -> None:
    slot = shop.live(host).split()[0]
    command = f"systemd-analyze security --no-pager --threshold=10 shop@{slot}"
    assert "exposure level" in shop.shell(f"{command} | tail -1; {command} > /dev/null", host)


def test_memory_is_fenced_by_the_plan(shop: Shop, host: str) -> None:
    """Two workers of 64 MB, each counted twice, and 512 MB; the host has many times that."""
    slot = shop.live(host).split()[0]
    limit = shop.shell(f"systemctl show --property=MemoryMax --value shop@{slot}", host)
    assert int(limit) == (2 * 2 * 64 + 512) * 2**20


@pytest.mark.parametrize(
    "path", ["/var/lib/shop/state/diary", "/var/cache/shop", "/var/log/nginx/shop.log"]
)
def test_other_users_read_neither_state_nor_cache_nor_log(
    attack: Attack, host: str, path: str
) -> None:
    look = f"if runuser -u nobody -- test -r {path}; then echo open; else echo closed; fi"
    assert attack.shop.shell(f"test -e {path} && {look}", host) == "closed"


def test_default_reaches_the_network_but_no_service_of_the_host_or_the_cloud(
    attack: Attack, host: str
) -> None:
    address = attack.shop.shell("hostname -I", host).split()[0]
    assert attack.reaches(host, address, 8909) == "reached"
    assert "timed out" in attack.reaches(host, "127.0.0.1", 8909)
    assert "timed out" in attack.reaches(host, "169.254.169.254", 8909)


def test_what_is_named_is_reached_and_one_generation_of_children_is_left(attack: Attack) -> None:
    for host in attack.shop.hosts:
        attack.await_generations(host, {attack.shop.live(host).split()[1]})
    attack.release(app_network_allow=["any", "localhost", "link-local"])
    for host in attack.shop.hosts:
        assert attack.reaches(host, "127.0.0.1", 8909) == "reached"
        assert attack.reaches(host, "169.254.169.254", 8909) == "reached"
        attack.await_generations(host, {attack.shop.live(host).split()[1]})


def test_connection_that_would_time_out_is_refused_before_a_host_is_touched(shop: Shop) -> None:
    told = shop.refuse(
        "release",
        "app_env.REDIS_URL is the address of a service that the application may not reach",
        "add localhost to app_network_allow",
        app_env={"REDIS_URL": "redis://:s3cret@localhost:6379/0"},
    )
    assert "s3cret" not in told
