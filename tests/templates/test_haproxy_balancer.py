"""The configuration as Ansible renders it, for each haproxy that it has to suit."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

CONFIGURATION = "/etc/haproxy/haproxy.cfg"
CERTIFICATES = "/etc/haproxy/certificates.list"
PEM = "-----BEGIN CERTIFICATE-----\nof web1\n-----END CERTIFICATE-----\n"
SITES: list[dict[str, Any]] = [
    {
        "name": "shop",
        "domains": ["www.example.com", "*.example.org"],
        "certificate_path": "/etc/shop/tls/fullchain.pem",
        "health_path": "/api/healthz",
        "servers": [
            {"name": "web1", "address": "10.0.0.1", "certificate": PEM},
            {"name": "web2", "address": "2001:db8::2", "port": 8443},
        ],
    },
    {
        "name": "blog",
        "domains": ["blog.example.com"],
        "certificate_path": "/etc/blog/tls/fullchain.pem",
        "health_path": "/healthz",
        "servers": [{"name": "web1", "address": "10.0.0.1", "ca_path": "/etc/ca.pem"}],
    },
]
REQUIRED: dict[str, Any] = {"haproxy_balancer_sites": SITES}
OTHERWISE: dict[str, Any] = REQUIRED | {
    "haproxy_balancer_http_port": 8080,
    "haproxy_balancer_https_port": 8443,
    "haproxy_balancer_public_https_port": 9443,
    "haproxy_balancer_ipv6_enabled": False,
    "haproxy_balancer_observe_port": 9000,
    "haproxy_balancer_max_connections": 100,
    "haproxy_balancer_buffer_size": 32768,
    "haproxy_balancer_client_connections": 0,
    "haproxy_balancer_hsts_max_age_seconds": 0,
    "haproxy_balancer_response_timeout_seconds": 5,
    "haproxy_balancer_upstream_reuse_enabled": True,
}
THUMBPRINT = "9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI"
#: One site stays with its visitors, the other one is reached by addresses alone.
FURTHER: dict[str, Any] = {
    "haproxy_balancer_sites": [
        SITES[0] | {"sticky_sessions_enabled": True},
        SITES[1]
        | {
            "domains": ["203.0.113.7", "2001:DB8:0::7"],
            "servers": [{"name": "web1", "address": "10.0.0.1", "certificate": PEM}],
        },
    ],
    "haproxy_balancer_acme_thumbprints": {"shop": THUMBPRINT},
    "haproxy_balancer_sticky_same_site": "None",
}
LIBRARIES = {"2.4.30": "3.0.2", "2.6.12": "3.0.22", "3.0.11": "3.5.7", "3.2.1": "3.5.4"}

Render = Callable[..., Any]
all_settings = pytest.mark.parametrize(
    "given", [REQUIRED, OTHERWISE, FURTHER], ids=["default", "other", "further"]
)


def version(haproxy: str) -> dict[str, str]:
    library = LIBRARIES[haproxy]
    text = f"HAProxy version {haproxy} x\nRunning on OpenSSL version : OpenSSL {library} x\n"
    return {"stdout": text}


def files(render: Render, given: dict[str, Any], haproxy: str = "2.6.12") -> dict[str, str]:
    return dict(
        render(
            "haproxy_balancer",
            "__haproxy_balancer_files",
            __haproxy_balancer_version=version(haproxy),
            __haproxy_balancer_found={"ipv6": True},
            __haproxy_balancer_trust_files={"files": []},
            **given,
        )
    )


def section(text: str, name: str) -> list[str]:
    """Return the lines of a section, without comments."""
    found = re.search(rf"^{re.escape(name)}\n(.*?)(?=^\S|\Z)", text, re.DOTALL | re.MULTILINE)
    assert found, name
    lines = [line.strip() for line in found.group(1).splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def test_unknown_names_are_refused_in_the_handshake_and_in_the_request(render_role: Render) -> None:
    made = files(render_role, REQUIRED)
    assert made[CERTIFICATES].splitlines()[2:] == [
        "/etc/shop/tls/fullchain.pem www.example.com *.example.org",
        "/etc/blog/tls/fullchain.pem blog.example.com",
    ]
    https = section(made[CONFIGURATION], "frontend https")
    assert all("strict-sni alpn h2,http/1.1" in line for line in https if line.startswith("bind"))
    assert "default_backend nowhere" in https
    assert "http-request reject unless known" in section(made[CONFIGURATION], "frontend http")


def test_requests_go_to_the_site_of_their_host(render_role: Render) -> None:
    https = section(files(render_role, REQUIRED)[CONFIGURATION], "frontend https")
    assert "acl shop var(txn.host) -m str www.example.com" in https
    assert "acl shop var(txn.host) -m end .example.org" in https
    assert "acl shop_tls var(txn.tls) -m end .example.org" in https
    assert "use_backend shop if shop shop_tls" in https
    assert "use_backend blog if blog blog_tls" in https


def test_address_of_the_client_is_overwritten(render_role: Render) -> None:
    text = files(render_role, REQUIRED)[CONFIGURATION]
    assert "http-request set-header X-Forwarded-For %[src]" in section(text, "frontend https")
    assert "forwardfor" not in text


def test_connections_of_one_address_are_limited(render_role: Render) -> None:
    limit = "tcp-request connection reject if { sc0_conn_cur gt 500 }"
    for frontend in ("frontend http", "frontend https"):
        assert limit in section(files(render_role, REQUIRED)[CONFIGURATION], frontend)
    assert "tcp-request" not in files(render_role, OTHERWISE)[CONFIGURATION]


def test_servers_are_verified_each_by_its_own_certificate(render_role: Render) -> None:
    made = files(render_role, REQUIRED)
    shop = section(made[CONFIGURATION], "backend shop")
    assert "server web1 10.0.0.1:443 ca-file /etc/haproxy/trust/shop/web1.pem" in shop
    system = "/etc/ssl/certs/ca-certificates.crt"
    assert f"server web2 [2001:db8::2]:8443 ca-file {system}" in shop
    assert made["/etc/haproxy/trust/shop/web1.pem"] == PEM
    blog = section(made[CONFIGURATION], "backend blog")
    assert "server web1 10.0.0.1:443 ca-file /etc/ca.pem" in blog
    assert "verify none" not in made[CONFIGURATION]
    assert made[CONFIGURATION].count("default-server ssl verify required ") == len(SITES)


def test_only_what_was_never_sent_is_sent_again(render_role: Render) -> None:
    shop = section(files(render_role, REQUIRED)[CONFIGURATION], "backend shop")
    assert "retry-on conn-failure" in shop
    assert "option redispatch 1" in shop
    assert {"option http-server-close", "http-reuse never"} <= set(shop)
    reused = section(files(render_role, OTHERWISE)[CONFIGURATION], "backend shop")
    assert "http-reuse safe" in reused
    assert "option http-server-close" not in reused


def test_figures_are_on_loopback_only(render_role: Render) -> None:
    observe = section(files(render_role, OTHERWISE)[CONFIGURATION], "frontend observe")
    assert [line for line in observe if line.startswith("bind")] == ["bind 127.0.0.1:9000"]


def test_redirect_leads_to_the_port_that_clients_use(render_role: Render) -> None:
    for given, target in ((REQUIRED, "%[var(txn.host)]%[pathq]"), (OTHERWISE, ":9443%[pathq]")):
        http = section(files(render_role, given)[CONFIGURATION], "frontend http")
        assert f"{target} code 308" in http[-1]


def test_challenges_are_answered_for_the_site_that_has_an_account(render_role: Render) -> None:
    http = section(files(render_role, FURTHER)[CONFIGURATION], "frontend http")
    answers = [line for line in http if line.startswith("http-request return")]
    answer = (
        "http-request return status 200 content-type text/plain "
        f"lf-string %[path,field(4,/)].{THUMBPRINT} if challenge"
    )
    assert answers == [
        f"{answer} {{ var(txn.host) -m str www.example.com }}",
        f"{answer} {{ var(txn.host) -m end .example.org }}",
    ]
    assert http.index("http-request reject unless known") < http.index(answers[0])
    assert http.index(answers[0]) < len(http) - 1
    assert http[-1].startswith("http-request redirect")
    assert "challenge" not in files(render_role, REQUIRED)[CONFIGURATION]


def test_site_of_an_address_is_for_clients_that_name_nobody(render_role: Render) -> None:
    made = files(render_role, FURTHER)
    # The first certificate is the one without a name.
    assert made[CERTIFICATES].splitlines()[2:] == [
        "/etc/blog/tls/fullchain.pem 203.0.113.7 2001:db8::7",
        "/etc/shop/tls/fullchain.pem www.example.com *.example.org",
    ]
    https = section(made[CONFIGURATION], "frontend https")
    assert not any("strict-sni" in line for line in https)
    assert "tcp-request session reject if named !known" in https
    assert "acl known ssl_fc_sni,lower -m end .example.org" in https
    assert "acl blog var(txn.host) -m str [2001:db8::7]" in https
    assert "acl blog_tls ssl_fc_has_sni,not" in https
    assert "acl shop_tls ssl_fc_has_sni,not" not in https
    # Nothing names the servers, which are trusted by their own certificates.
    blog = section(made[CONFIGURATION], "backend blog")
    assert not any(word in line for line in blog for word in ("sni", "verifyhost"))
    assert any("hdr Host 203.0.113.7 " in line for line in blog)


def test_server_of_an_address_is_not_trusted_for_any_public_certificate(
    render_role: Render,
) -> None:
    sites = [SITES[1] | {"domains": ["203.0.113.7"]}]
    for server, line in (
        ({}, "ca-file /etc/ssl/certs/ca-certificates.crt verifyhost 203.0.113.7"),
        ({"ca_path": "/etc/ca.pem"}, "ca-file /etc/ca.pem"),
    ):
        sites[0]["servers"] = [{"name": "web1", "address": "10.0.0.1", **server}]
        text = files(render_role, {"haproxy_balancer_sites": sites})[CONFIGURATION]
        assert f"server web1 10.0.0.1:443 {line}" in section(text, "backend blog")


def test_visitor_stays_with_a_server_that_has_a_weight(render_role: Render) -> None:
    text = files(render_role, FURTHER)[CONFIGURATION]
    shop = section(text, "backend shop")
    cookie = "cookie fleet_server insert indirect nocache httponly secure attr SameSite=None"
    assert cookie in shop
    values = [re.search(r" cookie (\S+)", line) for line in shop if line.startswith("server ")]
    first, second = (found.group(1) for found in values if found)
    assert first != second
    assert re.fullmatch(r"[0-9a-f]{16}", first)
    assert (
        rf"http-request replace-header Cookie ^(.*)fleet_server={first}(.*)$ "
        rf"\1fleet_server=drained\2 if {{ req.cook(fleet_server) -m str {first} }} "
        "{ srv_weight(shop/web1) eq 0 }"
    ) in shop
    assert "cookie" not in "".join(section(text, "backend blog"))


@pytest.mark.parametrize("haproxy", LIBRARIES)
def test_post_quantum_key_exchange_needs_openssl_3_5(render_role: Render, haproxy: str) -> None:
    text = files(render_role, REQUIRED, haproxy)[CONFIGURATION]
    assert ("X25519MLKEM768" in text) == LIBRARIES[haproxy].startswith("3.5")


@all_settings
def test_nothing_is_left_to_render(render_role: Render, given: dict[str, Any]) -> None:
    for text in files(render_role, given).values():
        assert "{{" not in text
        assert "{%" not in text


def make_pair(folder: Path) -> Path:
    """Make a certificate, with its key where haproxy looks for it."""
    path = folder / "fullchain.pem"
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=x "
        f"-out {path} -keyout {path}.key"
    )
    subprocess.run(command.split(), check=True, capture_output=True)
    return path


@all_settings
def test_haproxy_accepts_it(render_role: Render, given: dict[str, Any], tmp_path: Path) -> None:
    program = shutil.which("haproxy", path="/usr/sbin:/usr/bin:/sbin:/bin")
    if program is None:
        pytest.skip("haproxy is not installed; tools/bootstrap --hosts installs it")
    pair = make_pair(tmp_path)
    said = subprocess.run([program, "-vv"], capture_output=True, text=True, check=True).stdout
    made = dict(
        render_role(
            "haproxy_balancer",
            "__haproxy_balancer_files",
            __haproxy_balancer_version={"stdout": said},
            __haproxy_balancer_found={"ipv6": True},
            __haproxy_balancer_trust_files={"files": []},
            __haproxy_balancer_directory=str(tmp_path),
            **given,
        )
    )
    settings = tmp_path / "haproxy.cfg"
    listed = tmp_path / "certificates.list"
    listed.write_text(re.sub(r"^/etc/\S+", str(pair), made[CERTIFICATES], flags=re.MULTILINE))
    text = re.sub(r"ca-file \S+", f"ca-file {pair}", made[CONFIGURATION])
    # What only a balancer has: an account, its home and the saved state.
    text = re.sub(r"^    (user|group|chroot|server-state-file) .*\n", "", text, flags=re.MULTILINE)
    settings.write_text(text)
    result = subprocess.run(
        [program, "-c", "-f", str(settings)], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    warnings = [line for line in result.stderr.splitlines() if "WARNING" in line]
    assert [line for line in warnings if "server state" not in line] == []


@pytest.mark.parametrize(
    ("facts", "interface"),
    [
        ({"default_ipv4": {"interface": "ens3"}, "default_ipv6": {"interface": "ens4"}}, "ens3"),
        ({"default_ipv4": {}, "default_ipv6": {"interface": "ens4"}}, "ens4"),
        ({}, "eth0"),
    ],
)
def test_floating_address_is_on_the_interface_of_the_default_route(
    render_role: Render, facts: dict[str, Any], interface: str
) -> None:
    found = render_role(
        "haproxy_balancer", "haproxy_balancer_floating_interface", ansible_facts=facts
    )
    assert found == interface
