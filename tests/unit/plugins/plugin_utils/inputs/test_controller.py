from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs import controller


def nothing(_name: str) -> bool:
    return False


def everything(_name: str) -> bool:
    return True


def test_missing_collections_are_named_with_what_to_type() -> None:
    assert controller.missing_collections(everything) == []
    (told,) = controller.missing_collections(lambda module: "posix" in module)
    assert "does not find community.crypto, community.general; expected" in told
    assert "ansible-galaxy collection install community.crypto community.general, or" in told


@pytest.mark.parametrize(
    ("connection", "source", "told"),
    [
        (None, "git", ["git is not", "ssh is not"]),
        ("ssh", "path", ["ssh is not"]),
        ("local", "git", ["git is not"]),
        ("containers.podman.podman", "", []),
    ],
)
def test_missing_programs_are_those_that_the_hosts_need(
    connection: str | None, source: str, told: list[str]
) -> None:
    hosts = {"web1": {"connection": connection, "source": source}}
    found = controller.missing_programs(hosts, nothing)
    assert [sentence[:10] for sentence in found] == told
    assert all("web1" in sentence and "install" in sentence for sentence in found)
    assert controller.missing_programs(hosts, everything) == []


def test_playbooks_and_plugins_of_two_copies_are_refused(tmp_path: Path) -> None:
    for copy in ("clone", "installed"):
        (tmp_path / copy / "playbooks").mkdir(parents=True)
        (tmp_path / copy / "playbooks" / "check.yml").touch()
    (tmp_path / "link").symlink_to("clone")
    playbooks = tmp_path / "clone" / "playbooks"
    assert controller.mixed_copies(playbooks, tmp_path / "link") == []
    (told,) = controller.mixed_copies(playbooks, tmp_path / "installed")
    assert f"of {tmp_path}/clone, but" in told
    assert f"in {tmp_path}/installed; expected one copy" in told
    # A playbook of the user's own, with another check.
    assert controller.mixed_copies(tmp_path, tmp_path / "installed") == []


def test_settings_of_a_clone_that_are_not_read_are_told(tmp_path: Path) -> None:
    assert controller.unread_settings(None, tmp_path) == ""
    (tmp_path / "ansible.cfg").touch()
    for config in (None, controller.SYSTEM_CONFIG):
        told = controller.unread_settings(config, tmp_path)
        assert told.endswith(f"type: export ANSIBLE_CONFIG={tmp_path}/ansible.cfg")
    assert controller.unread_settings("/home/me/fleet/ansible.cfg", tmp_path) == ""
