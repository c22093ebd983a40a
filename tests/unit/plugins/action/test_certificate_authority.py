"""The actions that keep an authority on the controller, and issue certificates by it."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.task import Task
from ansible.template import Templar
from ansible_collections.asgi.fleet.plugins.action import certificate_authority, certificate_issue
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.certificate_pem import (
    read_certificates,
)

from tests.unit.plugins.plugin_utils.inputs.certificates import NOW, authority, request

# The parts that ActionBase reads of what it never uses here: nothing connects.
CONNECTION = SimpleNamespace(_shell=SimpleNamespace(tmpdir="unused"))
SINCE = (datetime.now(timezone.utc) - NOW).days


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    texts: list[str] = []
    monkeypatch.setattr(certificate_authority, "display", SimpleNamespace(display=texts.append))
    return texts


def run(
    module: ModuleType, base: Path | None, *, check: bool = False, **args: object
) -> dict[str, Any]:
    loader = DataLoader()
    task = Task.load({"action": f"asgi.fleet.{module.__name__.rpartition('.')[2]}"})
    task.args = args
    task.check_mode = check
    action = module.ActionModule(
        task=task,
        connection=CONNECTION,
        play_context=SimpleNamespace(check_mode=check, diff=False),
        loader=loader,
        templar=Templar(loader=loader, variables={}),
        shared_loader_obj=None,
    )
    return dict(action.run(task_vars={"inventory_dir": str(base) if base else None}))


def test_authority_is_made_beside_the_inventory_and_told_once(
    tmp_path: Path, printed: list[str]
) -> None:
    made = run(certificate_authority, tmp_path, folder="authority")
    assert made["changed"]
    assert made["path"] == f"{tmp_path}/authority/ca.pem"
    assert Path(made["path"]).read_text() == made["certificate"]
    [told] = printed
    assert made["fingerprint"] in told
    assert f"install {tmp_path}/authority/ca.pem where browsers run" in told
    again = run(certificate_authority, tmp_path, folder="authority")
    assert (again["changed"], again["certificate"]) == (False, made["certificate"])
    assert len(printed) == 1


def test_check_mode_makes_no_authority(tmp_path: Path, printed: list[str]) -> None:
    found = run(certificate_authority, tmp_path, check=True, folder="authority")
    assert (found["changed"], found["certificate"]) == (True, "")
    assert list(tmp_path.iterdir()) == []
    run(certificate_authority, tmp_path, folder="authority")
    assert not run(certificate_authority, tmp_path, check=True, folder="authority")["changed"]
    rotated = run(certificate_authority, tmp_path, check=True, folder="authority", state="replaced")
    assert rotated["changed"]
    assert len(printed) == 1


def test_replaced_authority_is_another_one(tmp_path: Path, printed: list[str]) -> None:
    made = run(certificate_authority, tmp_path, folder="authority")
    replaced = run(certificate_authority, tmp_path, folder="authority", state="replaced")
    assert replaced["changed"]
    assert replaced["fingerprint"] != made["fingerprint"]
    assert len(printed) == 2


def given() -> dict[str, Any]:
    made = authority("Company CA", days=(SINCE - 9, SINCE + 90))
    return {"certificate": made.pem.decode(), "key": made.key_pem().decode()}


@pytest.mark.usefixtures("printed")
def test_authority_that_is_given_is_not_replaced() -> None:
    assert not run(certificate_authority, None, **given())["changed"]
    refused = run(certificate_authority, None, state="replaced", **given())
    assert refused["msg"] == (
        "state is replaced, and the authority is given by certificate and key; expected a folder; "
        "replace both halves where they are set, and run again"
    )


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (
            {"folder": "authority"},
            "the folder of the authority is authority; expected an absolute path, or one beside an "
            "inventory that is a file; set it",
        ),
        (
            {},
            "the folder of the authority is empty; expected an absolute path, or one beside an "
            "inventory that is a file; set it",
        ),
        (
            {"certificate": "/nowhere/ca.pem"},
            "key of the authority is empty; expected both halves; set it",
        ),
        (
            {"certificate": "/nowhere/ca.pem", "key": "/nowhere/ca.key"},
            "certificate is /nowhere/ca.pem (",
        ),
    ],
)
def test_authority_that_cannot_be_found_is_refused(args: dict[str, Any], expected: str) -> None:
    for module in (certificate_authority, certificate_issue):
        more: dict[str, Any] = {"request": "-", "name": "shop", "domains": ["a"]}
        refused = run(module, None, **args, **(more if module is certificate_issue else {}))
        assert refused["failed"]
        assert refused["msg"].startswith(expected)


def test_authority_that_ends_is_told() -> None:
    made = authority("Company CA", days=(SINCE - 90, SINCE + 9))
    found = run(
        certificate_authority, None, certificate=made.pem.decode(), key=made.key_pem().decode()
    )
    assert found["warnings"] == [
        "the authority that is given has less than a quarter of its lifetime left; expected one "
        "that outlives what it issues; replace it, see docs/operations.md, Rotate the authority"
    ]


@pytest.mark.usefixtures("printed")
def test_certificate_is_issued(tmp_path: Path) -> None:
    args: dict[str, Any] = {
        "request": request(),
        "name": "shop",
        "domains": ["shop.example.com"],
        "days": "7",
    }
    refused = run(certificate_issue, tmp_path, folder="authority", **args)
    assert refused["msg"].startswith(f"{tmp_path}/authority has no authority; expected one; call")
    made = run(certificate_authority, tmp_path, folder="authority")
    issued = run(certificate_issue, tmp_path, folder="authority", **args)
    assert (issued["changed"], issued["authority"]) == (False, made["certificate"])
    [leaf] = read_certificates(issued["certificate"].encode())
    [root] = read_certificates(made["certificate"].encode())
    leaf.verify_directly_issued_by(root)
    refused = run(certificate_issue, tmp_path, folder="authority", **(args | {"request": "none"}))
    assert refused["msg"].startswith("the host's request cannot be signed: ")
