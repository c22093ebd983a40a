"""How a site of nginx gets at its certificate, and how it answers a challenge of ACME."""

from __future__ import annotations

import pytest

from tests.templates.test_nginx_site import (
    DEFAULT_SERVER,
    SITE,
    VERSIONS,
    directives,
    nginx_v,
    number,
    render,
    servers,
)

BY_VARIABLE = {"nginx_site_certificate_directory": "/etc/shop/tls"}
THUMBPRINT = {"nginx_site_acme_thumbprint": "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"}
LOADED = (
    "root /etc/shop/tls/current/empty;",
    "ssl_certificate $fleet_pair_shop/../fullchain.pem;",
    "ssl_certificate_key $fleet_pair_shop/../privkey.pem;",
)

each_version = pytest.mark.parametrize("version", VERSIONS)


@each_version
def test_pair_is_found_at_each_handshake(version: str) -> None:
    files = render(nginx_v(version), **BY_VARIABLE)
    lines = directives(files[SITE])
    start = lines.index("map $realpath_root $fleet_pair_shop {")
    assert lines[start + 1 : start + 3] == ["default $realpath_root;", "}"]
    _, https = servers(files[SITE])
    assert set(LOADED) <= set(https)
    assert "ssl_certificate /etc/shop/tls/fullchain.pem;" not in https
    cache = "ssl_certificate_cache max=16 inactive=1m valid=1m;"
    assert (cache in https) == (number(version) >= (1, 27, 4))


def test_pair_is_loaded_at_a_reload_without_a_folder() -> None:
    lines = directives(render(nginx_v("1.28.2"))[SITE])
    assert "ssl_certificate /etc/shop/tls/fullchain.pem;" in lines
    assert not [line for line in lines if "realpath" in line or line.startswith("root ")]


@each_version
def test_address_as_domain_is_served_without_a_name(version: str) -> None:
    domains = {"nginx_site_domains": ["192.0.2.1", "2001:db8::1", "shop.example.com"]}
    files = render(nginx_v(version), **BY_VARIABLE, **domains)
    assert "server_name 192.0.2.1 [2001:db8::1] shop.example.com;" in directives(files[SITE])
    default = directives(files[DEFAULT_SERVER])
    assert set(LOADED) <= set(default)
    assert "ssl_reject_handshake on;" not in default
    # Whom the handshake names, it names: an address is no name there.
    lines = directives(files[SITE])
    start = lines.index("map $ssl_server_name $fleet_misdirected_shop {")
    assert lines[start + 1 : start + 6] == [
        *("hostnames;", "default 1;", '"" 0;', "shop.example.com 0;", "}")
    ]


def test_challenge_is_answered_over_http_alone() -> None:
    plain, https = servers(render(nginx_v("1.28.2"), **THUMBPRINT)[SITE])
    start = plain.index('location ~ "^/\\.well-known/acme-challenge/([A-Za-z0-9_-]{1,256})$" {')
    assert plain[start + 1 : start + 3] == [
        "default_type text/plain;",
        f"return 200 $1.{THUMBPRINT['nginx_site_acme_thumbprint']};",
    ]
    assert not [line for line in https if "acme" in line]


def test_nothing_is_answered_without_an_account() -> None:
    assert "acme" not in render(nginx_v("1.28.2"))[SITE]
