"""What a machine tells of its certificate, and of its renewals."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.survey.certificate import (
    certificate_state,
    read_renewal,
)

RENEWAL = {
    "mode": "acme",
    "checked": 1790100000,
    "renewed": 0,
    "failures": 2,
    "reason": "the directory does not answer",
    "next": 1790103600,
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 "
        "-subj /CN=shop -addext subjectAltName=DNS:shop.example.com "
        f"-out {tmp_path}/fullchain.pem -keyout {tmp_path}/privkey.pem"
    )
    subprocess.run(command.split(), check=True, capture_output=True)
    return tmp_path / "fullchain.pem"


def test_certificate_tells_its_names_and_its_lifetime(path: Path) -> None:
    found = certificate_state(str(path))
    assert found
    assert (found["names"], found["renewal"]) == (["shop.example.com"], None)
    assert found["ends"] - found["begins"] == 30 * 86400


def test_certificate_tells_of_its_renewal(path: Path) -> None:
    path.with_name("renewal.json").write_text(json.dumps(RENEWAL))
    found = certificate_state(str(path))
    assert found
    assert found["renewal"] == RENEWAL


def test_reason_of_a_renewal_is_not_a_page(tmp_path: Path) -> None:
    (tmp_path / "renewal.json").write_text(json.dumps(RENEWAL | {"reason": "x" * 9000}))
    found = read_renewal(str(tmp_path))
    assert found
    assert len(found["reason"]) == 500


@pytest.mark.parametrize("text", [None, "", "{", "[]", "{}", '{"mode": "acme", "failures": "x"}'])
def test_what_is_no_record_of_a_renewal_is_none(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "renewal.json").write_text(text)
    assert read_renewal(str(tmp_path)) is None


def test_missing_certificate_is_none(tmp_path: Path) -> None:
    assert certificate_state(f"{tmp_path}/fullchain.pem") is None
    assert certificate_state("") is None
