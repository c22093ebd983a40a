"""One line in a host's file of variables, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.tuning.writing import (
    host_file,
    with_workers,
)

NOTE = "Measured."


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "---\n# Measured.\napp_workers: 3\n"),
        ("---\n", "---\n# Measured.\napp_workers: 3\n"),
        ("a: 1\n", "a: 1\n# Measured.\napp_workers: 3\n"),
        ("a: 1", "a: 1\n# Measured.\napp_workers: 3\n"),
        ("app_workers: auto\n", "app_workers: 3\n"),
        ("app_workers:\n", "app_workers: 3\n"),
        (
            "# head\napp_workers:  5   # by Ada\nb: [1, 2]  # two\n",
            "# head\napp_workers: 3   # by Ada\nb: [1, 2]  # two\n",
        ),
        ('app_workers: "{{ 2 }}"\n', "app_workers: 3\n"),
        ("a:\n  app_workers: 7\n", "a:\n  app_workers: 7\n# Measured.\napp_workers: 3\n"),
        (
            "token: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  6162\n",
            "token: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  6162\n# Measured.\napp_workers: 3\n",
        ),
        ("# app_workers: 9\na: 1\n", "# app_workers: 9\na: 1\n# Measured.\napp_workers: 3\n"),
    ],
)
def test_one_line_is_set_and_the_rest_stays(before: str, after: str) -> None:
    assert with_workers(before, 3, NOTE) == after
    # A second time it changes nothing.
    assert with_workers(after, 3, NOTE) == after


@pytest.mark.parametrize(
    ("before", "told"),
    [
        ("$ANSIBLE_VAULT;1.1;AES256\n6162\n", "it is encrypted by ansible-vault"),
        ("- a\n", "it is no mapping of variables"),
        ("a: [\n", "it is no YAML"),
        ("{app_workers: 2}\n", "does not stand in it as one plain line"),
        ("app_workers: 2\napp_workers: 4\n", "does not stand in it as one plain line"),
        ("app_workers: >-\n  auto\n", "cannot be set in it by one plain line|it is no YAML"),
        ("a: |\n  x\n\napp_workers: 1\n---\nb: 2\n", "it is no YAML"),
        ("{a: 1}\n", "it is no YAML"),
        ("a: 1\n...\n", "it is no YAML"),
    ],
)
def test_what_one_line_cannot_change_is_refused(before: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        with_workers(before, 3, NOTE)


def test_file_of_a_host_is_the_one_that_is_there(tmp_path: Path) -> None:
    assert host_file(tmp_path, "web1") == tmp_path / "web1.yml"
    (tmp_path / "web1").write_text("a: 1\n")
    assert host_file(tmp_path, "web1") == tmp_path / "web1"
    (tmp_path / "web1.yaml").write_text("app_workers: 2\n")
    assert host_file(tmp_path, "web1") == tmp_path / "web1.yaml"
    (tmp_path / "web1").write_text("app_workers: 1\n")
    with pytest.raises(ValueError, match=r"app_workers is set in .*web1\.yaml and .*web1; exp"):
        host_file(tmp_path, "web1")


def test_folder_of_a_host_gets_a_file_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "web1").mkdir()
    (tmp_path / "web1" / "vault.yml").write_text("$ANSIBLE_VAULT;1.1;AES256\n6162\n")
    assert host_file(tmp_path, "web1") == tmp_path / "web1" / "app_workers.yml"
    (tmp_path / "web1" / "sizes.yml").write_text("app_workers: 2\n")
    assert host_file(tmp_path, "web1") == tmp_path / "web1" / "sizes.yml"


def test_encrypted_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "web1.yml").write_text("$ANSIBLE_VAULT;1.1;AES256\n6162\n")
    with pytest.raises(ValueError, match=r"web1\.yml is encrypted by ansible-vault; expected a p"):
        host_file(tmp_path, "web1")
