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
LIBRARIES = {"2.4.30": "3.0.2", "2.6.12": "3.0.22", "3.0.11": "3.5.7", "3.2.1": "3.5.4"}

Render = Callable[..., Any]
both_settings = pytest.mark.parametrize("given", [REQUIRED, OTHERWISE], ids=["default", "other"])


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
    assert made[CONFIGURATION].count("verify required sni str(") == len(SITES)


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


@pytest.mark.parametrize("haproxy", LIBRARIES)
def test_post_quantum_key_exchange_needs_openssl_3_5(render_role: Render, haproxy: str) -> None:
    text = files(render_role, REQUIRED, haproxy)[CONFIGURATION]
    assert ("X25519MLKEM768" in text) == LIBRARIES[haproxy].startswith("3.5")


@both_settings
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


@both_settings
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
