"""The module that compares a pair with the wanted one, on certificates that openssl makes."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.modules import certificate_drift

Run = Callable[..., dict[str, Any]]
CERTIFICATE = (
    *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
    *("-days", "90", "-subj", "/CN=a, \\+ shop"),
    *("-addext", "subjectAltName=DNS:shop.example.com,IP:2001:db8::1"),
    *("-addext", "keyUsage=critical,digitalSignature", "-addext", "extendedKeyUsage=serverAuth"),
    *("-addext", "basicConstraints=critical,CA:FALSE"),
)


@pytest.fixture
def pair(tmp_path: Path) -> dict[str, Any]:
    """A self-signed pair with its links, and the arguments of the module that it fulfils."""
    config = tmp_path / "openssl.cnf"
    config.write_text("[req]\ndistinguished_name = name\n[name]\n")
    folder = tmp_path / "tls" / "pair"
    (folder / "empty").mkdir(parents=True)
    for made in (folder, folder / "empty"):
        made.chmod(0o755)
    (folder.parent / "current").symlink_to("pair")
    for name, path in (("fullchain.pem", "site.crt"), ("privkey.pem", "site.key")):
        (tmp_path / path).symlink_to(folder.parent / "current" / name)
    files = ("-keyout", f"{folder}/privkey.pem", "-out", f"{folder}/fullchain.pem")
    subprocess.run(
        ["openssl", *CERTIFICATE, *files],
        check=True,
        capture_output=True,
        env={**os.environ, "OPENSSL_CONF": str(config)},
    )
    (folder / "fullchain.pem").chmod(0o644)
    (folder / "privkey.pem").chmod(0o600)
    return {
        "directory": str(folder.parent),
        "pair": "pair",
        "certificate_path": f"{tmp_path}/site.crt",
        "key_path": f"{tmp_path}/site.key",
    }


def self_signed(**changed: object) -> dict[str, object]:
    domains = ["shop.example.com", "2001:db8::1"]
    return {"name": "a, + shop", "domains": domains, "renew_percent": 30, **changed}


def without_root(drift: dict[str, Any]) -> dict[str, Any]:
    """Leave out owners, which only root can make right."""
    return drift if os.geteuid() == 0 else {key: drift[key] for key in drift if key != "access"}


def test_a_pair_as_wanted_has_no_drift(run_module: Run, pair: dict[str, Any]) -> None:
    answer = run_module(certificate_drift, selfsigned=self_signed(), **pair)
    assert (without_root(answer["drift"]), answer["changed"]) == ({}, False)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"renew_percent": 100}, "has 100 % of its lifetime left; expected at least 100"),
        ({"domains": ["shop.example.com"]}, "expected shop.example.com"),
        ({"name": "shop"}, "expected CN=shop"),
    ],
)
def test_other_wishes_are_drift(
    run_module: Run, pair: dict[str, Any], changed: dict[str, object], reason: str
) -> None:
    answer = run_module(certificate_drift, selfsigned=self_signed(**changed), **pair)
    assert reason in answer["drift"]["certificate"][0]


def test_a_pair_in_use_that_must_change_is_made_in_another_folder(
    run_module: Run, pair: dict[str, Any]
) -> None:
    """A server may read it at any moment: key and certificate are exchanged together."""
    key = Path(pair["directory"], "pair", "privkey.pem")
    options = ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-out", str(key))
    subprocess.run(["openssl", "genpkey", *options], check=True)
    answer = run_module(certificate_drift, selfsigned=self_signed(), **pair)
    drift = answer["drift"]
    assert re.fullmatch("pair-[0-9a-f]{16}", answer["pair"])
    assert drift["certificate"] == [f"{key.with_name('fullchain.pem')} belongs to another key"]
    assert f"{pair['directory']}/{answer['pair']}/privkey.pem is missing" in drift["access"]
    assert drift["links"] == [f"{pair['directory']}/current"]


def test_a_pair_in_use_keeps_its_folder(run_module: Run, pair: dict[str, Any]) -> None:
    folder = Path(pair["directory"])
    (folder / "pair").rename(folder / "pair-0123456789abcdef")
    (folder / "current").unlink()
    (folder / "current").symlink_to("pair-0123456789abcdef")
    answer = run_module(certificate_drift, selfsigned=self_signed(), **pair)
    assert (answer["pair"], without_root(answer["drift"])) == ("pair-0123456789abcdef", {})


def test_a_pair_that_is_not_in_use_is_made_good_where_it_is(
    run_module: Run, pair: dict[str, Any]
) -> None:
    (Path(pair["directory"]) / "current").unlink()
    answer = run_module(certificate_drift, selfsigned=self_signed(domains=["other"]), **pair)
    assert answer["pair"] == "pair"
    assert list(without_root(answer["drift"])) == ["certificate", "links"]


def test_an_open_key_keeps_its_folder(run_module: Run, pair: dict[str, Any]) -> None:
    key = Path(pair["directory"], "pair", "privkey.pem")
    key.chmod(0o644)
    answer = run_module(certificate_drift, selfsigned=self_signed(), **pair)
    assert answer["pair"] == "pair"
    assert any(told.startswith(f"{key} is ") for told in answer["drift"]["access"])


def test_a_certificate_of_ones_own_authority_is_that_of_this_one(
    run_module: Run, pair: dict[str, Any]
) -> None:
    authority = Path(pair["directory"], "pair", "authority.pem")
    authority.write_text("what clients trust\n")
    authority.chmod(0o644)
    digest = hashlib.sha256(authority.read_bytes()).hexdigest()
    wanted = self_signed(authority_sha256=digest)
    answer = run_module(certificate_drift, issued=wanted, **pair)
    assert without_root(answer["drift"]) == {}
    answer = run_module(certificate_drift, issued=wanted | {"authority_sha256": "0"}, **pair)
    assert answer["drift"]["certificate"] == [
        f"{authority} is not the authority that issues certificates now"
    ]


def test_a_provided_pair_is_compared_by_its_content(run_module: Run, pair: dict[str, Any]) -> None:
    folder = Path(pair["directory"], "pair")
    digests = {
        "certificate_sha256": hashlib.sha256((folder / "fullchain.pem").read_bytes()).hexdigest(),
        "key_sha256": hashlib.sha256((folder / "privkey.pem").read_bytes()).hexdigest(),
    }
    answer = run_module(certificate_drift, provided=digests, **pair)
    assert without_root(answer["drift"]) == {}
    answer = run_module(certificate_drift, provided={**digests, "key_sha256": "0"}, **pair)
    assert without_root(answer["drift"]) == {
        "key": [f"{folder}/privkey.pem differs from the provided file"]
    }


def test_a_removed_link_is_drift(run_module: Run, pair: dict[str, Any]) -> None:
    Path(pair["key_path"]).unlink()
    drift = run_module(certificate_drift, selfsigned=self_signed(), **pair)["drift"]
    assert drift["links"] == [pair["key_path"]]
