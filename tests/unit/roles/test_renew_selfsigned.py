"""The program that renews a self-signed certificate on its host, with a real openssl."""

from __future__ import annotations

import grp
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

FILES = Path(__file__).parents[3] / "roles" / "tls_certificate" / "files"


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(str(FILES))
    spec = importlib.util.spec_from_file_location("renew_selfsigned", FILES / "renew_selfsigned.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    # dataclasses looks its module up.
    monkeypatch.setitem(sys.modules, "renew_selfsigned", module)
    spec.loader.exec_module(module)
    yield module
    sys.modules.pop("pair", None)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The configuration of a host that has the pair `selfsigned`, valid for 90 days."""
    pairs = tmp_path / "tls"
    folder = pairs / "selfsigned"
    folder.mkdir(parents=True)
    (pairs / "current").symlink_to("selfsigned")
    write(pairs)
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 90 "
        f"-subj /CN=shop -out {folder}/fullchain.pem -keyout {folder}/privkey.pem"
    )
    subprocess.run(command.split(), check=True, capture_output=True)
    return pairs / "selfsigned.json"


def write(pairs: Path, **changed: object) -> None:
    content = {
        "name": "shop",
        "domains": ["shop.example.com", "192.0.2.1"],
        "directory": str(pairs),
        "days": 365,
        "renew_percent": 33,
        "key_group": grp.getgrgid(os.getegid()).gr_name,
        "key_mode": "0640",
        "command": "",
    }
    (pairs / "selfsigned.json").write_text(json.dumps(content | changed))


def state(config: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((config.parent / "renewal.json").read_text())
    return found


def in_use(config: Path) -> str:
    return str((config.parent / "current").readlink())


def test_certificate_that_lasts_stays(program: ModuleType, config: Path) -> None:
    assert program.main([str(config)]) == 0
    assert in_use(config) == "selfsigned"
    found = state(config)
    assert (found["mode"], found["failures"], found["renewed"]) == ("selfsigned", 0, 0)


def test_certificate_with_a_third_left_is_renewed_in_a_folder_of_its_own(
    program: ModuleType, config: Path
) -> None:
    # The pair is new: the share is moved instead of the clock.
    write(config.parent, renew_percent=101, days=100)
    assert program.main([str(config)]) == 0
    assert in_use(config).startswith("selfsigned-")
    folder = config.parent / "current"
    text = subprocess.run(
        ["openssl", "x509", "-in", f"{folder}/fullchain.pem", "-noout", "-text"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    for part in ("DNS:shop.example.com", "IP Address:192.0.2.1", "CA:FALSE", "Subject: CN = shop"):
        assert part.replace(" = ", "") in text.replace(" = ", ""), text
    assert "TLS Web Server Authentication" in text
    assert (folder / "privkey.pem").stat().st_mode & 0o777 == 0o640
    assert state(config)["renewed"] > 0
    assert not list(config.parent.glob("tmp*"))


def test_server_is_told(program: ModuleType, config: Path, tmp_path: Path) -> None:
    write(config.parent, renew_percent=101, command=f"touch {tmp_path}/told")
    assert program.main([str(config)]) == 0
    assert (tmp_path / "told").exists()


def test_failure_is_noted_and_tried_again(
    program: ModuleType, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(config.parent, renew_percent=101, command="false")
    assert program.main([str(config)]) == 1
    assert program.main([str(config)]) == 1
    found = state(config)
    assert (found["failures"], found["reason"]) == (2, "false failed: no reason")
    assert "false failed" in capsys.readouterr().err
    # Not due any more, but the server has not loaded it.
    write(config.parent)
    assert program.main([str(config)]) == 0
    assert state(config)["failures"] == 0


def test_pair_that_cannot_be_made_leaves_the_one_in_use(program: ModuleType, config: Path) -> None:
    write(config.parent, renew_percent=101, key_group="no-such-group")
    assert program.main([str(config)]) == 1
    assert in_use(config) == "selfsigned"
    assert state(config)["failures"] == 1
    write(config.parent, renew_percent=101, domains=["a name,with=more"])
    assert program.main([str(config)]) == 1
    assert in_use(config) == "selfsigned"
    assert "openssl makes no certificate" in state(config)["reason"]


@pytest.mark.parametrize("name", ["provided-0123456789abcdef", "internal_ca", "acme-0", ""])
def test_pair_of_another_kind_is_left_alone(program: ModuleType, config: Path, name: str) -> None:
    """Another mode has taken over: its own program writes the record."""
    (config.parent / "current").unlink()
    if name:
        (config.parent / "current").symlink_to(name)
    write(config.parent, renew_percent=101)
    assert program.main([str(config)]) == 0
    assert not (config.parent / "renewal.json").exists()


def test_without_a_configuration_nothing_is_done(program: ModuleType, config: Path) -> None:
    """The role takes it away where balancers pin the certificate."""
    config.unlink()
    assert program.main([str(config)]) == 0
    assert not (config.parent / "renewal.json").exists()
