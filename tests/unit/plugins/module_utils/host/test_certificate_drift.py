"""How a pair on a host differs from the wanted one: each kind of drift."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.host.certificate_drift import (
    P256,
    Access,
    Found,
    Layout,
    Provided,
    SelfSigned,
    compare,
    look,
    resolved,
)
from ansible_collections.asgi.fleet.plugins.module_utils.host.certificates import (
    SECONDS_PER_DAY,
    Certificate,
)

T = TypeVar("T")
FORMER = "provided-0123456789abcdef"
NOW = 1_800_000_000.0
LAYOUT = Layout("/tls", "selfsigned", "/etc/site.crt", "/etc/site.key")
FOLDER, EMPTY, CERTIFICATE, KEY = (
    "/tls/selfsigned",
    "/tls/selfsigned/empty",
    "/tls/selfsigned/fullchain.pem",
    "/tls/selfsigned/privkey.pem",
)
PUBLIC_KEY = f"{P256}AAAA"
KEY_ACCESS = Access("root", "root", "0600")
SELF_SIGNED = SelfSigned("shop", ("shop.example.com", "2001:db8::1"), 33)
PROVIDED = Provided("c0ffee", "beef")
GOOD = Found(
    access={
        FOLDER: Access("0", "0", "0755"),
        EMPTY: Access("0", "0", "0755"),
        CERTIFICATE: Access("0", "0", "0644"),
        KEY: Access("0", "0", "0600"),
    },
    links={
        "/tls/current": "selfsigned",
        "/etc/site.crt": "/tls/current/fullchain.pem",
        "/etc/site.key": "/tls/current/privkey.pem",
    },
    certificate=Certificate(
        begins=NOW - 60 * SECONDS_PER_DAY,
        ends=NOW + 40 * SECONDS_PER_DAY,
        names=("shop.example.com", "2001:DB8:0:0:0:0:0:1"),
        subject="CN=shop",
        issuer="CN=shop",
        public_key=PUBLIC_KEY,
        key_usage=("Digital Signature",),
        extended_key_usage=("TLS Web Server Authentication",),
        basic_constraints=("CA:FALSE",),
    ),
    public_key=PUBLIC_KEY,
    digests={CERTIFICATE: "c0ffee", KEY: "beef"},
)


def drift(found: Found, wanted: SelfSigned | Provided = SELF_SIGNED) -> dict[str, list[str]]:
    return compare(LAYOUT, KEY_ACCESS, wanted, found, NOW)


def without(values: Mapping[str, T], path: str) -> dict[str, T]:
    return {name: value for name, value in values.items() if name != path}


@pytest.mark.parametrize("wanted", [SELF_SIGNED, PROVIDED])
def test_a_pair_that_is_as_wanted_has_no_drift(wanted: SelfSigned | Provided) -> None:
    assert drift(GOOD, wanted) == {}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            {"ends": NOW + 29 * SECONDS_PER_DAY},
            "has 33 % of its lifetime left; expected at least 33",
        ),
        ({"begins": NOW - 60, "ends": NOW + 20}, "has 25 % of its lifetime left"),
        ({"ends": NOW - 1}, "has 0 % of its lifetime left; expected at least 33"),
        ({"begins": NOW + SECONDS_PER_DAY}, "is not valid yet"),
        (
            {"names": ("shop.example.com",)},
            "is for shop.example.com; expected 2001:db8::1, shop.example.com",
        ),
        ({"names": ()}, "is for no name; expected 2001:db8::1, shop.example.com"),
        ({"subject": "CN=shop,O=Shop", "issuer": "CN=shop,O=Shop"}, "expected CN=shop"),
        ({"issuer": "CN=Some CA"}, "was issued by CN=Some CA"),
        ({"public_key": f"{P256}BBBB"}, "belongs to another key"),
        ({"key_usage": ("Digital Signature", "Certificate Sign")}, "is not limited"),
        ({"extended_key_usage": ()}, "is not limited"),
        ({"basic_constraints": ("CA:TRUE",)}, "is not limited"),
    ],
)
def test_a_self_signed_certificate_differs(change: dict[str, object], reason: str) -> None:
    assert GOOD.certificate
    changed = dataclasses.replace(GOOD.certificate, **change)  # type: ignore[arg-type]
    found = drift(dataclasses.replace(GOOD, certificate=changed))
    assert list(found) == ["certificate"]
    assert len(found["certificate"]) == 1
    assert reason in found["certificate"][0]


def test_a_file_that_is_no_certificate_differs() -> None:
    found = drift(dataclasses.replace(GOOD, certificate=None))
    assert found == {"certificate": [f"{CERTIFICATE} holds no readable certificate"]}


@pytest.mark.parametrize("public_key", ["", "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A"])
def test_a_key_that_is_missing_or_of_another_kind_is_made_anew_with_its_certificate(
    public_key: str,
) -> None:
    found = drift(dataclasses.replace(GOOD, public_key=public_key))
    assert found["key"] == [f"{KEY} holds no readable key on the curve P-256"]
    assert found["certificate"] == [f"{CERTIFICATE} belongs to another key"]


@pytest.mark.parametrize("path", [CERTIFICATE, KEY])
@pytest.mark.parametrize("digest", ["other", None])
def test_a_provided_file_differs_by_its_content(path: str, digest: str | None) -> None:
    digests = {**GOOD.digests, path: digest} if digest else without(GOOD.digests, path)
    found = drift(dataclasses.replace(GOOD, digests=digests), PROVIDED)
    subject = "key" if path == KEY else "certificate"
    assert found == {subject: [f"{path} differs from the provided file"]}


@pytest.mark.parametrize("path", [FOLDER, EMPTY, CERTIFICATE, KEY])
@pytest.mark.parametrize(
    "access", [Access("0", "0", "0666"), Access("0", "33", ""), Access("33", "0", ""), None]
)
def test_a_path_differs_by_owner_group_and_mode(path: str, access: Access | None) -> None:
    if access is None:
        found = drift(dataclasses.replace(GOOD, access=without(GOOD.access, path)))
        assert found == {"access": [f"{path} is missing"]}
        return
    access = dataclasses.replace(access, mode=access.mode or GOOD.access[path].mode)
    found = drift(dataclasses.replace(GOOD, access={**GOOD.access, path: access}))
    assert list(found) == ["access"]
    assert found["access"][0].startswith(f"{path} is {access.owner} {access.group} {access.mode};")


@pytest.mark.parametrize("path", LAYOUT.links)
@pytest.mark.parametrize("target", ["elsewhere", None])
def test_a_link_differs_by_where_it_leads(path: str, target: str | None) -> None:
    links = {**GOOD.links, path: target} if target else without(GOOD.links, path)
    assert drift(dataclasses.replace(GOOD, links=links)) == {"links": [path]}


def test_superseded_pairs_are_told() -> None:
    found = drift(dataclasses.replace(GOOD, superseded=("/tls/provided-1",)))
    assert found == {"superseded": ["/tls/provided-1"]}


def test_names_and_numbers_of_an_owner_are_the_same() -> None:
    assert resolved(Access("root", "root", "600")) == resolved(Access("0", "0", "0600"))
    assert resolved(Access("nobody-here", "0", "u=rw")) == ("nobody-here", 0, "u=rw")


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """A pair on a host, and its links."""
    pairs = tmp_path / "tls"
    layout = Layout(str(pairs), "provided-2", f"{tmp_path}/site.crt", f"{tmp_path}/site.key")
    for name in (FORMER, "provided-2", "selfsigned", "acme-0123456789abcdef", "mine"):
        (pairs / name).mkdir(parents=True)
    (pairs / "internal_ca").symlink_to(FORMER)
    for path, text in {"fullchain.pem": "certificate", "privkey.pem": "key"}.items():
        (Path(layout.folder) / path).write_text(text)
    for link, target in layout.links.items():
        Path(link).symlink_to(target)
    return layout


def test_look_finds_folders_files_and_links(layout: Layout) -> None:
    Path(layout.folder, "privkey.pem").chmod(0o640)
    found = look(layout)
    assert found.links == layout.links
    assert found.access[f"{layout.folder}/privkey.pem"] == Access(
        str(os.geteuid()), str(os.getegid()), "0640"
    )
    # What ACME brought is the business of another program, and a link that of its owner.
    assert found.superseded == tuple(
        f"{layout.directory}/{name}" for name in (FORMER, "selfsigned")
    )
    assert (found.certificate, found.public_key) == (None, "")
    assert found.digests[f"{layout.folder}/privkey.pem"].startswith("2c70e12b7a0646f9")


def test_look_takes_a_link_instead_of_a_file_for_nothing(layout: Layout) -> None:
    key = Path(layout.folder, "privkey.pem")
    key.rename(key.with_name("kept"))
    key.symlink_to("kept")
    assert str(key) not in look(layout).access


def test_look_finds_nothing_on_a_bare_host(tmp_path: Path) -> None:
    bare = Layout(f"{tmp_path}/none", "selfsigned", f"{tmp_path}/a", f"{tmp_path}/b")
    assert look(bare) == Found()
