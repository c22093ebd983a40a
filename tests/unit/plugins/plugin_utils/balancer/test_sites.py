"""The balancer's sites, from the inventory and for the configuration."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.authorities import (
    SYSTEM_AUTHORITIES,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.balancer.printed import (
    haproxy_sites,
    pins,
    stale_pins,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.balancer.sites import (
    ACME,
    Site,
    balancer_certificates,
    balancer_lines,
    balancer_sites,
    fleet_addresses,
    servers_of_machines,
    site_questions,
    trust_anchor,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs import certificate_pair
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

ROLES = Path(__file__).parents[5] / "roles"
PATH = "/etc/{}/tls/fullchain.pem"
SHOP: dict[str, Any] = {"app_name": "shop", "app_domain": ["www.example.com", "example.com"]}
BLOG: dict[str, Any] = {"app_name": "blog", "app_domain": "blog.example.com"}


def name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def certificate(subject: str, issuer: str) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(timezone.utc)
    made = (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(name(issuer))
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(Encoding.PEM).decode()


def site(**changed: object) -> Site:
    made: dict[str, Any] = {
        "name": "shop",
        "domains": ["www.example.com"],
        "health_path": "/healthz",
        "certificate_path": "/etc/shop/tls/fullchain.pem",
        "servers": [{"name": "web1", "address": "10.0.0.1"}],
    } | changed
    return cast("Site", made)


def test_sites_have_all_hosts_of_an_application_in_their_order() -> None:
    hosts = {
        "web1": SHOP | {"fleet_address": "10.0.0.1", "ansible_host": "192.0.2.1"},
        "blog1": BLOG | {"ansible_host": "192.0.2.1"},
        "web2": SHOP | {"nginx_site_https_port": 8443},
    }
    shop, blog = balancer_sites(hosts, PATH)
    assert shop == {
        "name": "shop",
        "domains": ["www.example.com", "example.com"],
        "health_path": "/healthz",
        "certificate_path": "/etc/shop/tls/fullchain.pem",
        "servers": [
            {"name": "web1", "address": "10.0.0.1", "port": 443},
            {"name": "web2", "address": "web2", "port": 8443},
        ],
        "sticky_sessions_enabled": False,
    }
    assert blog["servers"] == [{"name": "blog1", "address": "192.0.2.1", "port": 443}]


def test_sites_are_checked_under_the_prefix_that_nginx_strips() -> None:
    hosts = {"web1": SHOP | {"app_root_path": "/api", "app_health_path": "/ready"}}
    assert balancer_sites(hosts, PATH)[0]["health_path"] == "/api/ready"


def test_sites_refuse_hosts_of_one_application_that_differ() -> None:
    hosts = {"web1": SHOP, "web2": SHOP | {"app_health_path": "/up"}}
    with pytest.raises(ValueError, match="app_health_path is different on web1 and web2, which b"):
        balancer_sites(hosts, PATH)


def test_sites_refuse_a_host_that_does_not_fit_also_without_a_play_on_it() -> None:
    with pytest.raises(ValueError, match=r"^web1: app_health_path is up; expected a path"):
        balancer_sites({"web1": SHOP | {"app_health_path": "up"}}, PATH)


def test_sites_know_a_self_signed_host_by_its_certificate_and_others_by_the_system() -> None:
    own, issued = certificate("shop", "shop"), certificate("shop", "An authority")
    hosts = {
        "own": SHOP | {"host_certificate": own},
        "issued": SHOP | {"host_certificate": issued},
        "none": SHOP | {"host_certificate": ""},
    }
    servers = balancer_sites(hosts, PATH)[0]["servers"]
    assert [server.get("certificate") for server in servers] == [
        own,
        SYSTEM_AUTHORITIES,
        None,
    ]


def test_trust_anchor_is_the_authority_of_a_whole_chain() -> None:
    root = certificate("An authority", "An authority")
    assert trust_anchor(certificate("shop", "An authority") + root) == root
    assert trust_anchor("") == ""


def test_trust_anchor_cannot_be_told_without_cryptography(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificate_pair, "MISSING", ImportError("No module named 'x509'"))
    with pytest.raises(ValueError, match=r"^cryptography cannot be imported on the controller"):
        trust_anchor("-----BEGIN CERTIFICATE-----")


def test_certificates_carry_no_key() -> None:
    tls = {
        "mode": "provided",
        "certificate": "/tls/chain.pem",
        "key": "-----BEGIN PRIVATE KEY-----\nsecret",
    }
    assert balancer_certificates({"web1": SHOP | {"app_tls": tls}}) == [
        {
            "name": "shop",
            "domains": ["www.example.com", "example.com"],
            "tls": {"mode": "provided", "certificate": "/tls/chain.pem"},
            "acme": ACME,
            "host": "web1",
        }
    ]


def test_certificates_by_acme_say_what_is_not_the_default() -> None:
    tls = {"mode": "acme", "directory": "https://ca.example.com/dir", "profile": "shortlived"}
    [found] = balancer_certificates({"web1": SHOP | {"app_tls": tls}})
    assert found["acme"] == ACME | {
        "directory": "https://ca.example.com/dir",
        "profile": "shortlived",
    }
    defaults = yaml.safe_load((ROLES / "tls_certificate/defaults/main.yml").read_text())
    assert {key: defaults[f"tls_certificate_acme_{key}"] for key in ACME} == ACME


def test_addresses_are_each_there_once() -> None:
    hosts = {"a": {"ansible_host": "10.0.0.1"}, "b": {"fleet_address": "10.0.0.1"}, "c": {}}
    assert fleet_addresses(hosts) == ["10.0.0.1", "c"]


def test_address_that_is_none_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"^lb1: fleet_address is 10\.0\.0\.0/24; expected an IP a"
    ):
        fleet_addresses({"lb1": {"fleet_address": "10.0.0.0/24"}})


def test_machines_take_all_their_applications_along() -> None:
    one = {"ansible_host": "10.0.0.1"}
    hosts = {"shop1": SHOP | one, "blog1": BLOG | one, "shop2": SHOP}
    sites = balancer_sites(hosts, PATH)
    assert servers_of_machines(sites, ["blog1"]) == ["shop/shop1", "blog/blog1"]
    assert servers_of_machines(sites, ["shop2"]) == ["shop/shop2"]
    assert servers_of_machines(sites, []) == []


def test_lines_say_what_is_served() -> None:
    assert balancer_lines([site()]) == ["  shop (www.example.com) from web1 at 10.0.0.1"]


def test_question_of_a_site_is_what_a_visitor_requests() -> None:
    sites = [
        site(name="shop", domains=["*.example.com", "example.com"], health_path="/api/healthz")
    ]
    assert site_questions(sites) == [
        {
            "name": "shop",
            "domain": "example.com",
            "path": "/api/healthz",
            "certificate": "/etc/shop/tls/fullchain.pem",
        }
    ]


def test_printed_server_is_verified_by_what_is_known_of_it() -> None:
    servers = [
        {"name": "now", "address": "10.0.0.1", "certificate": "PEM"},
        {"name": "before", "address": "2001:db8::1", "port": 8443},
        {"name": "vouched", "address": "web.internal", "ca_path": "/etc/ca.pem"},
        {"name": "new", "address": "10.0.0.4"},
    ]
    sites = [site(servers=servers)]
    printed = haproxy_sites(sites, "/trust", ["/trust/shop/before.pem"])[0]["servers"]
    assert [(server["address"], server["ca_path"]) for server in printed] == [
        ("10.0.0.1:443", "/trust/shop/now.pem"),
        ("[2001:db8::1]:8443", "/trust/shop/before.pem"),
        ("web.internal:443", "/etc/ca.pem"),
        ("10.0.0.4:443", SYSTEM_AUTHORITIES),
    ]
    assert pins(sites, "/trust") == {"/trust/shop/now.pem": "PEM"}


def test_a_server_that_the_system_trusts_has_a_file_of_its_own_too() -> None:
    servers = [{"name": "web1", "address": "10.0.0.1", "certificate": SYSTEM_AUTHORITIES}]
    named = [site(servers=servers)]
    assert pins(named, "/trust") == {"/trust/shop/web1.pem": SYSTEM_AUTHORITIES}
    [printed] = haproxy_sites(named, "/trust", [])[0]["servers"]
    assert printed["ca_path"] == "/trust/shop/web1.pem"


def test_a_site_without_a_name_never_trusts_all_that_the_system_does() -> None:
    servers = [{"name": "web1", "address": "10.0.0.1", "certificate": SYSTEM_AUTHORITIES}]
    unnamed = [site(servers=servers, domains=["192.0.2.7"])]
    assert pins(unnamed, "/trust") == {}
    [printed] = haproxy_sites(unnamed, "/trust", [])[0]["servers"]
    assert printed["verified_name"] == "192.0.2.7"


def test_certificates_of_servers_that_are_gone_are_stale() -> None:
    present = ["/trust/shop/web1.pem", "/trust/shop/web9.pem", "/trust/blog/web1.pem"]
    assert stale_pins([site()], "/trust", present) == [
        "/trust/blog/web1.pem",
        "/trust/shop/web9.pem",
    ]


@pytest.mark.parametrize(
    ("domains", "expected"),
    [
        (["www.example.com", "example.com"], "www.example.com"),
        (["*.example.com", "example.com"], "example.com"),
        (["*.example.com"], "www.example.com"),
    ],
)
def test_server_name_is_one_that_a_certificate_covers(domains: list[str], expected: str) -> None:
    assert haproxy_sites([site(domains=domains)], "/trust", [])[0]["server_name"] == expected


def test_server_name_of_a_site_counts() -> None:
    printed = haproxy_sites([site(server_name="health.example.com")], "/trust", [])
    assert printed[0]["server_name"] == "health.example.com"


def test_printed_domains_match_a_name_or_an_ending() -> None:
    printed = haproxy_sites([site(domains=["*.example.com", "example.org"])], "/trust", [])
    assert printed[0]["matches"] == ["end .example.com", "str example.org"]


@pytest.mark.parametrize(
    ("sites", "message"),
    [
        ([site(), site()], "the site shop is there twice"),
        ([site(), site(name="blog")], "www.example.com belongs to both shop and blog"),
        ([site(servers=[{"name": "a", "address": "b"}] * 2)], "shop has a twice"),
        ([site(name="a b")], "the name a b is not one for HAProxy"),
        (
            [
                site(domains=["a.example.com", "203.0.113.1"]),
                site(name="blog", domains=["2001:db8::1"]),
            ],
            "shop has the address 203.0.113.1 and blog the address 2001:db8::1 among their "
            "domains; expected one site with addresses behind a balancer, since a client that asks "
            "for an address does not tell for which one; give the other one a name",
        ),
    ],
)
def test_printed_sites_refuse_what_is_there_twice_or_impossible(
    sites: list[Site], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        haproxy_sites(sites, "/trust", [])


@pytest.mark.parametrize(
    "bad", ["10.0.0.1\n  server evil 192.0.2.1", "a b", "a;b", "a{b", "fe80::1%a b"]
)
@pytest.mark.parametrize("how", ["ansible_host", "fleet_address", "inventory name"])
def test_address_that_would_be_more_than_a_word_is_refused(bad: str, how: str) -> None:
    host = bad if how == "inventory name" else "web1"
    variables = SHOP if how == "inventory name" else SHOP | {how: bad}
    with pytest.raises(ValueError, match="expected an IP address such as") as refusal:
        balancer_sites({host: variables}, PATH)
    assert how in str(refusal.value)
    with pytest.raises(ValueError, match="expected an IP address such as"):
        fleet_addresses({host: variables})


def test_address_may_be_any_name_that_resolves() -> None:
    for given in ("10.0.0.1", "2001:db8::1", "web_1", "web-1.example.com", "localhost"):
        assert fleet_addresses({"web1": {"ansible_host": given}}) == [given]


@pytest.mark.parametrize(
    "changed",
    [
        {"health_path": "/x\nserver evil"},
        {"health_path": "/x y"},
        {"domains": ["www.example.com\n"]},
        {"server_name": "a b"},
        {"certificate_path": "/etc/x y"},
        {"servers": [{"name": "web1", "address": "10.0.0.1 check"}]},
        {"servers": [{"name": "web1", "address": "10.0.0.1", "port": "443 backup"}]},
        {"servers": [{"name": "web1", "address": "10.0.0.1", "ca_path": "/etc/ca\n"}]},
        {"servers": [{"name": "web1\n", "address": "10.0.0.1"}]},
        {"name": "shop\n"},
    ],
)
def test_site_with_a_value_of_more_than_a_word_is_refused(changed: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="expected "):
        haproxy_sites([site(**changed)], "/etc/haproxy/trust", [])


@pytest.mark.parametrize("zone", ["fe80::1%eth0", "fe80::1%a b\n"])
def test_address_with_a_zone_is_no_domain(zone: str) -> None:
    with pytest.raises(ValueError, match=r"expected (a DNS name|an IP address)"):
        haproxy_sites([site(domains=[zone])], "/trust", [])


@pytest.mark.parametrize(
    ("thumbprints", "message"),
    [
        (
            {"blog": "x" * 43},
            "haproxy_balancer_acme_thumbprints has blog, which is no site; expected one of shop; "
            "correct it",
        ),
        (
            {"shop": "x y"},
            "haproxy_balancer_acme_thumbprints.shop is x y; expected the thumbprint of an "
            r"account's key, 43 characters of base64url \(RFC 7638\); correct it",
        ),
        ({"shop": "%[env(HOME)]"}, "expected the thumbprint of an account's key"),
    ],
)
def test_thumbprint_that_is_none_is_refused(thumbprints: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        haproxy_sites([site()], "/trust", [], thumbprints)


def test_cookie_is_the_same_at_every_address() -> None:
    printed = [
        haproxy_sites([site(servers=[{"name": "web1", "address": address}])], "/trust", [])
        for address in ("10.0.0.1", "10.0.0.2")
    ]
    first, second = (one[0]["servers"][0]["cookie"] for one in printed)
    assert first == second


def test_sites_refuse_hosts_that_differ_in_stickiness() -> None:
    hosts = {"web1": SHOP, "web2": SHOP | {"fleet_sticky_sessions": True}}
    with pytest.raises(ValueError, match="fleet_sticky_sessions is different on web1 and web2"):
        balancer_sites(hosts, PATH)
