"""Whom a host trusts, and apt's proxy: ours alone is written and removed."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.host.network import (
    AUTHORITIES,
    LOGIN,
    PROXY,
    UPDATE,
    Network,
    NetworkError,
    bring,
    differences,
    normal_certificate,
)
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.authorities import (
    SYSTEM_AUTHORITIES,
)

CERTIFICATE = """\
-----BEGIN CERTIFICATE-----
MIIBdDCCARmgAwIBAgIUW8rQ
-----END CERTIFICATE-----
"""
OTHER = CERTIFICATE.replace("W8rQ", "W8rR")
OURS = f"{AUTHORITIES}/asgi-fleet-example.crt"
#: Does what update-ca-certificates(8) does, as far as it matters here.
PROGRAM = """#!/bin/sh
cat {folder}/*.crt >{store} 2>/dev/null || : >{store}
"""

Wanted = Callable[..., Network]


@pytest.fixture
def wanted(tmp_path: Path) -> Wanted:
    """Return what is wanted of a host below a folder, which has ca-certificates."""
    store, program = (tmp_path / path.lstrip("/") for path in (SYSTEM_AUTHORITIES, UPDATE))
    for path in (store, program, tmp_path / PROXY.lstrip("/")):
        path.parent.mkdir(parents=True)
    folder = tmp_path / AUTHORITIES.lstrip("/")
    program.write_text(PROGRAM.format(folder=folder, store=store))
    program.chmod(0o755)

    def made(authorities: Mapping[str, str] | None = None, apt_proxy: str = "") -> Network:
        return Network(authorities or {}, apt_proxy, str(tmp_path))

    return made


def carried_out(network: Network) -> list[str]:
    changed = differences(network)
    bring(network, changed)
    assert differences(network) == []
    return changed


def text(network: Network, path: str) -> str:
    return Path(network.place(path)).read_text()


def test_nothing_is_wanted_of_a_host_by_default(wanted: Wanted) -> None:
    assert differences(wanted()) == []


def test_authority_is_trusted(wanted: Wanted) -> None:
    network = wanted({"example": CERTIFICATE})
    before = os.umask(0o077)
    try:
        assert carried_out(network) == [OURS, SYSTEM_AUTHORITIES]
    finally:
        os.umask(before)
    assert text(network, SYSTEM_AUTHORITIES) == text(network, OURS) == CERTIFICATE
    for path in (AUTHORITIES, OURS, SYSTEM_AUTHORITIES):
        mode = stat.S_IMODE(Path(network.place(path)).stat().st_mode)
        assert mode & 0o444 == 0o444, path


def test_authority_that_is_no_longer_named_goes_and_others_stay(wanted: Wanted) -> None:
    network = wanted({"example": CERTIFICATE})
    carried_out(network)
    foreign = Path(network.place(AUTHORITIES), "company.crt")
    foreign.write_text(OTHER)
    links = Path(network.place(SYSTEM_AUTHORITIES)).parent
    (links / "asgi-fleet-example.pem").symlink_to(OURS)
    (links / "774b5dcc.0").symlink_to("asgi-fleet-example.pem")
    (links / "company.pem").symlink_to(foreign)
    assert carried_out(wanted()) == [OURS]
    assert text(network, SYSTEM_AUTHORITIES) == OTHER
    assert foreign.exists()
    assert [path.name for path in links.iterdir() if path.is_symlink()] == ["company.pem"]


def test_authority_goes_from_the_store_even_if_a_run_was_cut_before(wanted: Wanted) -> None:
    network = wanted({"example": CERTIFICATE})
    carried_out(network)
    works = text(network, UPDATE)
    Path(network.place(UPDATE)).write_text("#!/bin/sh\nexit 1\n")
    with pytest.raises(NetworkError):
        bring(wanted(), differences(wanted()))
    assert text(network, SYSTEM_AUTHORITIES) == CERTIFICATE
    Path(network.place(UPDATE)).write_text(works)
    assert carried_out(wanted()) == [SYSTEM_AUTHORITIES]
    assert text(network, SYSTEM_AUTHORITIES) == ""
    assert list(Path(network.place(AUTHORITIES)).iterdir()) == []


def test_authority_goes_from_a_host_without_a_store(wanted: Wanted) -> None:
    network = wanted({"example": CERTIFICATE})
    carried_out(network)
    for path in (SYSTEM_AUTHORITIES, UPDATE):
        Path(network.place(path)).unlink()
    Path(network.place(SYSTEM_AUTHORITIES)).parent.rmdir()
    assert carried_out(wanted()) == [OURS]
    assert list(Path(network.place(AUTHORITIES)).iterdir()) == []


def test_store_that_lost_an_authority_is_made_anew(wanted: Wanted) -> None:
    network = wanted({"example": CERTIFICATE})
    carried_out(network)
    Path(network.place(SYSTEM_AUTHORITIES)).write_text("")
    assert carried_out(network) == [SYSTEM_AUTHORITIES]


def test_host_without_ca_certificates_has_the_files_for_its_installation(wanted: Wanted) -> None:
    network = wanted({"example": CERTIFICATE})
    Path(network.place(UPDATE)).unlink()
    assert carried_out(network) == [OURS]


def test_store_that_cannot_be_made_is_refused(wanted: Wanted) -> None:
    network = wanted({"example": CERTIFICATE})
    Path(network.place(UPDATE)).write_text("#!/bin/sh\necho no room >&2\nexit 1\n")
    with pytest.raises(NetworkError, match=r"did not take the authorities into .* \(no room\)"):
        bring(network, differences(network))


def test_what_stands_around_a_certificate_is_left_out() -> None:
    given = f"subject=CN = example\r\n{CERTIFICATE}\n# end\n".replace("\n", "\r\n")
    assert normal_certificate(given) == CERTIFICATE


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("authority.pem", "has 0 certificates"),
        (CERTIFICATE + OTHER, "has 2 certificates"),
        (CERTIFICATE.replace("W8rQ", "W8r"), "is cut or damaged"),
    ],
)
def test_anything_but_a_certificate_is_refused(wanted: Wanted, given: str, told: str) -> None:
    with pytest.raises(NetworkError) as error:
        differences(wanted({"example": given}))
    assert str(error.value).startswith("host_baseline_certificate_authorities.example has ")
    assert told in str(error.value)


def test_proxy_has_its_credentials_where_only_root_reads(wanted: Wanted) -> None:
    network = wanted(apt_proxy="http://op:s%23cret@proxy.example.com:3128")
    assert carried_out(network) == [PROXY, LOGIN]
    assert 'Acquire::http::Proxy "http://proxy.example.com:3128/";' in text(network, PROXY)
    assert "s%23cret" not in text(network, PROXY)
    line = text(network, LOGIN).splitlines()[1]
    assert line == "machine http://proxy.example.com:3128 login op password s#cret"
    assert stat.S_IMODE(Path(network.place(LOGIN)).stat().st_mode) == 0o600
    assert carried_out(wanted(apt_proxy="http://proxy.example.com:3128")) == [LOGIN]
    assert carried_out(wanted()) == [PROXY]
