"""The parts of the demo that need no hosts."""

import argparse
from pathlib import Path
from typing import Any

import pytest
import yaml

from tools import demo
from tools.demo import Host, count_changes, host_count, hosts_file

RECAP = """
PLAY RECAP *********************************************************************
fleet-demo1                : ok=30   changed=12   unreachable=0    failed=0    skipped=1
fleet-demo2                : ok=30   changed=3    unreachable=0    failed=0    skipped=1
"""


def inventory(hosts: list[Host]) -> dict[str, Any]:
    app: dict[str, Any] = yaml.safe_load(hosts_file(hosts, "trixie"))["app"]
    return app


def test_count_changes_adds_up_all_hosts() -> None:
    assert count_changes(RECAP) == 15


def test_count_changes_of_no_recap_is_zero() -> None:
    assert count_changes("TASK [changed=7] ***\n") == 0


def test_hosts_file_gives_each_host_its_own_ports() -> None:
    hosts = inventory([Host(1), Host(2)])["hosts"]
    assert hosts["fleet-demo1"]["lab_publish"] == ["127.0.0.1:8443:443", "127.0.0.1:8080:80"]
    assert hosts["fleet-demo2"]["lab_publish"] == ["127.0.0.1:8444:443", "127.0.0.1:8081:80"]
    assert hosts["fleet-demo2"]["nginx_site_public_https_port"] == 8444


def test_hosts_file_names_the_image_and_the_key_by_the_inventorys_folder() -> None:
    variables = inventory([Host(1)])["vars"]
    assert variables["lab_source"] == "trixie"
    assert variables["ansible_ssh_private_key_file"].startswith("{{ inventory_dir }}/")


@pytest.mark.parametrize("text", ["0", "10", "-1", "two", ""])
def test_host_count_refuses_other_than_1_to_9(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="expected a number from 1 to 9"):
        host_count(text)


def test_down_leaves_nothing_of_the_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inventory, cache = tmp_path / "inventory", tmp_path / ".cache"
    made = (inventory / "demo" / "hosts.yml", inventory / "rollouts/demo/1.json", cache / "ssh/key")
    for path in (*made, inventory / "production" / "hosts.yml"):
        path.parent.mkdir(parents=True)
        path.touch()
    monkeypatch.setattr(demo, "INVENTORY", inventory / "demo")
    monkeypatch.setattr(demo, "RECORDS", inventory / "rollouts" / "demo")
    monkeypatch.setattr(demo, "CACHE", cache)
    monkeypatch.setattr(demo, "podman", lambda *_: "")
    monkeypatch.setattr(demo, "containers", dict)

    demo.down(images=False)

    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [
        inventory / "production" / "hosts.yml"
    ]
    assert not (inventory / "rollouts").exists()
