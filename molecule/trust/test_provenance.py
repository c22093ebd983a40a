"""A mistaken inventory: a name that the host has already, a removal, an address with more in it.

Without the marks each of these names was deployed over what has it: a login account lost its shell,
and `remove` listed all of /var/lib/dpkg. One run asks the modules for all names; the playbooks that
begin with them are run for one name each.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from events import ROOT, Shop

#: Names, what has them on the host, and how a test makes that where nothing else does.
TAKEN = {
    "apt": ("/etc/apt exists", ""),
    "asgi-fleet": ("/var/cache/asgi-fleet exists", "mkdir -p /var/cache/asgi-fleet/uv"),
    "default": ("/etc/default exists", ""),
    "dpkg": ("/var/lib/dpkg exists", ""),
    "getty": ("getty@.service exists and was not written by asgi.fleet", ""),
    "haproxy": ("/etc/haproxy exists", "mkdir /etc/haproxy; touch /etc/haproxy/haproxy.cfg"),
    "nginx": ("/etc/nginx exists", ""),
    "postgresql": ("/etc/postgresql exists", "mkdir /etc/postgresql; touch /etc/postgresql/x"),
    "root": ("the account root is root's", ""),
    "ssl": ("/etc/ssl exists", ""),
    "staff": ("the group staff exists without an account", ""),
    "uv": ("/opt/uv exists", ""),
    "deploy": (
        "the account deploy exists",
        "useradd --create-home --shell /bin/bash --comment 'Deploys' deploy",
    ),
    "ubuntu": ("the account ubuntu exists", "useradd --create-home --shell /bin/bash ubuntu"),
    "store": ("/opt/store exists", "mkdir /opt/store; echo mine > /opt/store/thesis.tex"),
    "market": (
        "/etc/systemd/system/market@blue.service exists",
        "printf '[Service]\\nExecStart=/bin/true\\n' > /etc/systemd/system/market@blue.service",
    ),
}
UNDO = """
    userdel --remove deploy; userdel --remove ubuntu; userdel stall
    rm -rf /etc/postgresql /etc/haproxy /opt/store /etc/systemd/system/market@blue.service
    rm -rf /opt/stall /etc/stall /var/lib/stall /var/cache/stall
"""
ACCOUNT = "getent passwd deploy; getent shadow deploy; ls -ld /home/deploy"
#: All that a deployment could change, with owners and times.
STATE = """
    find /opt /etc /var/lib/dpkg /var/cache -xdev -not -path '/opt/shop/releases/*' \\
        -printf '%p %u %g %m %T@\\n' | sort | sha256sum
    sha256sum /etc/passwd /etc/shadow /etc/group
"""


@pytest.fixture(scope="module")
def taken(shop: Shop) -> Iterator[Shop]:
    """The host, with something of every one of the names."""
    shop.shell(UNDO, check=False)
    for _, make in TAKEN.values():
        shop.shell(make or "true")
    yield shop
    shop.shell(UNDO, check=False)


def ask(shop: Shop, *calls: dict[str, Any]) -> list[dict[str, Any]]:
    """Call modules on the first host, whatever comes of them, and return their answers."""
    answers = shop.folder / "answers.json"
    tasks = [
        {**call, "register": f"answer_{index}", "ignore_errors": True}
        for index, call in enumerate(calls)
    ]
    told = "{{ [" + ", ".join(f"answer_{index}" for index in range(len(calls))) + "] | to_json }}"
    kept = {"content": told, "dest": str(answers), "mode": "0600"}
    keep = {"ansible.builtin.copy": kept, "delegate_to": "localhost", "become": False}
    play = {"hosts": shop.hosts[0], "gather_facts": False, "become": True, "tasks": [*tasks, keep]}
    playbook = shop.folder / "ask.yml"
    playbook.write_text(json.dumps([play]), encoding="utf-8")
    command = ["ansible-playbook", str(playbook), *shop.command("deploy")[2:-1]]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout[-4000:]
    found: list[dict[str, Any]] = json.loads(answers.read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def refusals(taken: Shop) -> dict[str, str]:
    """What the claim of each name came to; that it changed nothing is seen here."""
    before = taken.shell(STATE)
    claims = {"asgi.fleet.claim": {"name": "{{ item }}"}, "loop": list(TAKEN)}
    some = ["dpkg", "ssl", "uv", "deploy", "market"]
    absents = {"asgi.fleet.application_absent": {"name": "{{ item }}"}, "loop": some}
    claimed, removed = ask(taken, claims, absents)
    assert taken.shell(STATE) == before
    for answer in removed["results"]:
        assert (answer["changed"], answer.get("removed", [])) == (False, []), answer
    return {answer["item"]: answer["msg"] for answer in claimed["results"]}


@pytest.mark.parametrize("name", TAKEN)
def test_name_of_something_else_is_refused_by_what_has_it(
    refusals: dict[str, str], name: str
) -> None:
    assert refusals[name].startswith(f"{name} is taken on this host, and nothing was changed: ")
    assert TAKEN[name][0] in refusals[name]
    assert "choose another app_name" in refusals[name]


@pytest.mark.parametrize(
    ("playbook", "name"), [("provision", "ssl"), ("release", "deploy"), ("remove", "dpkg")]
)
def test_every_playbook_refuses_it_first(taken: Shop, playbook: str, name: str) -> None:
    before = taken.shell(STATE)
    extra = {"app_name": name, "app_domain": f"{name}.example.com", "remove": name}
    output = taken.refuse(playbook, limit=taken.hosts[0], **extra)
    assert f"{name} is taken on this host, and nothing was changed: " in " ".join(output.split())
    assert "/var/lib/dpkg/status" not in output
    assert taken.shell(STATE) == before


def test_account_that_the_operator_names_is_used_and_never_changed(taken: Shop) -> None:
    before = taken.shell(ACCOUNT)
    given = {"name": "stall", "user": "deploy"}
    claimed, removed = ask(
        taken, {"asgi.fleet.claim": given}, {"asgi.fleet.application_absent": given}
    )
    assert claimed["changed"], claimed
    assert removed["kept"] == ["the account deploy: it was not made for stall"]
    assert taken.shell(ACCOUNT) == before
    assert taken.shell("ls -d /opt/stall /etc/stall /var/lib/stall /var/cache/stall; true") == ""


def test_removal_leaves_and_names_what_others_put_there(taken: Shop) -> None:
    (claimed,) = ask(taken, {"asgi.fleet.claim": {"name": "stall"}})
    assert "the account stall" in claimed["made"]
    assert taken.shell("getent passwd stall").split(":")[4] == "asgi.fleet stall"
    assert taken.shell("cat /opt/stall/.asgi.fleet /etc/stall/.asgi.fleet") == "stall\nstall"
    taken.shell("mkdir -p /opt/stall/releases/1 /etc/stall/notes; touch /opt/stall/backup.sh")
    absent = {"asgi.fleet.application_absent": {"name": "stall"}}
    again = {"asgi.fleet.claim": {"name": "stall"}}
    removed, claimed, _ = ask(taken, absent, again, absent)
    assert removed["kept"] == [
        "/opt/stall/backup.sh: it was not made by asgi.fleet",
        "/etc/stall/notes: it was not made by asgi.fleet",
    ]
    assert not claimed.get("failed"), claimed
    found = "find /opt/stall /etc/stall /var/lib/stall -mindepth 1 | sort; getent passwd stall"
    assert taken.shell(f"{found}; true").split() == [
        "/etc/stall/.asgi.fleet",
        "/etc/stall/notes",
        "/opt/stall/.asgi.fleet",
        "/opt/stall/backup.sh",
    ]


@pytest.mark.parametrize("group", ["app", "balancer"])
def test_address_of_a_dynamic_inventory_is_no_directive(shop: Shop, group: str) -> None:
    """Without the check, nginx and HAProxy got the rest of the address as directives."""
    variables: dict[str, Any] = {"app_name": "shop", "app_domain": "shop.example.com"}
    variables["app_source"] = {"type": "path", "path": str(ROOT / "app")}
    hosts = {
        "app": {"web": {"ansible_host": "192.0.2.1"}},
        "balancer": {"lb": {"ansible_host": "192.0.2.2"}},
    }
    next(iter(hosts[group].values()))["ansible_host"] = "10.0.0.9; } server { listen 81; }"
    inventory = shop.folder / "dynamic.json"
    groups = {name: {"hosts": hosts[name], "vars": variables} for name in hosts}
    inventory.write_text(json.dumps(groups), encoding="utf-8")
    command = ["ansible-playbook", f"{ROOT}/playbooks/check.yml", f"--inventory={inventory}"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode != 0, result.stdout[-4000:]
    assert "ansible_host is 10.0.0.9; } server { listen 81; }; expected an IP address" in " ".join(
        result.stdout.split()
    )


def test_deployment_is_as_it_was(shop: Shop) -> None:
    assert shop.live()
    shop.ask("/healthz")
