"""What differs by path: static files, limits, logins, mounted applications; headers and pages."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.templates.test_nginx_site import (
    DEFAULT_SERVER,
    SITE,
    directives,
    location,
    nginx_v,
    render,
)

NEWEST = nginx_v("1.28.2")
STATIC: dict[str, Any] = {
    "nginx_site_static": ["/static"],
    "nginx_site_static_root": "/opt/shop/static",
}
MOUNTED: dict[str, Any] = {
    "nginx_site_mount_of": "website",
    "nginx_site_root_path": "/api",
    "nginx_site_health_path": "/api/healthz",
    "nginx_site_maintenance_path": "/var/lib/shop/maintenance",
    "nginx_site_maintenance_open_paths": ["/api/healthz"],
}
LOCATIONS = "/etc/nginx/fleet/website/shop.locations"
SWITCH = "/etc/nginx/fleet/website/shop.switch"
HASHED = re.compile(r"(?:[.]|-)(?=[0-9]*[a-f])(?=[a-f]*[0-9])[0-9a-f]{8,64}(\.[A-Za-z0-9]+)+$")


def test_static_files_come_from_the_live_release_then_the_former_then_the_application() -> None:
    site = render(NEWEST, **STATIC)[SITE]
    live = location(site, "^~ /static/")
    assert "root /opt/shop/static/live;" in live
    assert "etag off;" in live
    assert "if_modified_since off;" in live
    assert "add_header ETag '\"$fleet_shop_release\"';" in live
    assert "add_header X-Request-ID $request_id always;" in live
    assert "try_files $uri @fleet_shop_static_0_former;" in live
    former = location(site, "@fleet_shop_static_0_former")
    assert "root /opt/shop/static/$fleet_shop_former;" in former
    assert "try_files $uri @fleet_shop_static_0_rest;" in former
    assert "proxy_pass http://shop;" in location(site, "@fleet_shop_static_0_rest")


def test_static_files_are_below_the_root_path() -> None:
    changed = STATIC | {"nginx_site_static": ["/api/static"], "nginx_site_root_path": "/api"}
    site = render(NEWEST, **changed)[SITE]
    assert "root /opt/shop/static/live;" in location(site, "^~ /api/static/")
    rest = location(site, "@fleet_shop_static_0_rest")
    assert "rewrite ^/api(/.*)$ $1 break;" in rest


@pytest.mark.parametrize(
    ("name", "hashed"),
    [
        ("app.3f9ac01e.js", True),
        ("app-3f9ac01e77aa.min.css", True),
        ("app.3f9ac01.js", False),
        ("app.js", False),
        ("report-20240101.pdf", False),
        ("the-deadbeef.txt", False),
        ("3f9ac01e.js", False),
    ],
)
def test_names_with_a_digest_are_known(
    name: str, hashed: bool, render_role: Callable[..., Any]
) -> None:
    pattern = str(render_role("nginx_site", "nginx_site_static_hashed_names"))
    assert pattern == HASHED.pattern
    assert bool(HASHED.search(name)) == hashed


def test_a_path_has_limits_of_its_own() -> None:
    site = render(
        NEWEST,
        nginx_site_rate="20r/s",
        nginx_site_users={"alice": "$6$x"},
        nginx_site_paths={
            "/upload": {"max_body_size": "1g", "rate": ""},
            "/admin": {"login": True, "allow": ["10.0.0.0/8"], "rate": "5r/m", "burst": 3},
        },
    )[SITE]
    everywhere = directives(site)
    assert "limit_req_zone $fleet_shop_counted zone=shop_site:5m rate=20r/s;" in everywhere
    assert "limit_req_zone $fleet_shop_counted zone=shop_0:5m rate=5r/m;" in everywhere
    assert '"/healthz" "";' in everywhere
    assert "limit_req_status 429;" in everywhere
    assert "limit_req zone=shop_site burst=20 nodelay;" in location(site, "/")
    for match in ("= /upload", "/upload/"):
        upload = location(site, match)
        assert upload[0] == "client_max_body_size 1g;"
        assert not [line for line in upload if line.startswith(("limit_req", "auth", "allow"))]
    for match in ("= /admin", "/admin/"):
        assert location(site, match)[:5] == [
            "limit_req zone=shop_0 burst=3 nodelay;",
            'auth_basic "shop";',
            "auth_basic_user_file /etc/nginx/fleet_shop.users;",
            "allow 10.0.0.0/8;",
            "deny all;",
        ]


def test_nothing_is_limited_by_default() -> None:
    site = render(NEWEST)[SITE]
    assert not re.search(r"limit_req |limit_req_zone|auth_basic|allow |deny |location = /h", site)


def test_no_hash_of_a_password_is_in_the_configuration() -> None:
    files = render(NEWEST, nginx_site_login=True, nginx_site_users={"alice": "$6$salt$abc"})
    assert "auth_basic_user_file" in files[SITE]
    assert not [path for path, text in files.items() if "$6$" in text]
    assert "proxy_pass http://shop;" in location(files[SITE], "= /healthz")
    assert "auth_basic" not in "".join(location(files[SITE], "= /healthz"))


def test_headers_are_added_unless_the_application_sends_them() -> None:
    headers = {"Permissions-Policy": "camera=()", "X-Frame-Options": ""}
    site = render(NEWEST, nginx_site_security_headers=headers)[SITE]
    lines = directives(site)
    start = lines.index("map $upstream_http_permissions_policy $fleet_shop_permissions_policy {")
    assert lines[start + 1 : start + 4] == ['default "";', '"" "camera=()";', "}"]
    assert "add_header Permissions-Policy $fleet_shop_permissions_policy always;" in lines
    assert "add_header Referrer-Policy $fleet_shop_referrer_policy always;" in lines
    assert "X-Frame-Options" not in site
    assert "Content-Security-Policy" not in site
    assert "proxy_hide_header Strict-Transport-Security;" in lines


def test_pages_for_errors_can_be_turned_off_and_replaced(tmp_path: Path) -> None:
    off = render(NEWEST, nginx_site_error_pages_enabled=False)
    assert "/.error/" not in off[SITE]
    assert "/etc/nginx/fleet/shop/error.html" not in off
    child = tmp_path / "child.html.j2"
    child.write_text('{% extends "error.html.j2" %}{% block content %}Oh no{% endblock %}')
    files = render(NEWEST, nginx_site_error_template=str(child))
    assert "Oh no" in files["/etc/nginx/fleet/shop/error.html"]
    assert "error_page 401 403 413 429 502 504 /.error/$fleet_page_type;" in directives(files[SITE])


def test_a_mounted_application_has_no_server(version: str) -> None:
    files = render(nginx_v(version), found={"default_http": [], "default_https": []}, **MOUNTED)
    assert DEFAULT_SERVER not in files
    assert "server {" not in "".join(
        text for path, text in files.items() if "shop" in path or "/fleet/" in path
    )
    assert "upstream shop {" in directives(files[SITE])
    own = location(files[LOCATIONS], "/api/")
    assert own[:3] == [
        "access_log /var/log/nginx/shop.log fleet_json;",
        "error_page 401 403 413 429 502 504 /.error/shop/$fleet_page_type;",
        "client_max_body_size 10m;",
    ]
    assert "location / {" not in files[LOCATIONS]
    assert "set $fleet_switch /var/lib/shop/maintenance;" in directives(files[SWITCH])
    assert "if ($uri = /api/healthz) {" in directives(files[SWITCH])
    for path in (SITE, LOCATIONS, SWITCH):
        assert "Written by asgi.fleet" in files[path].splitlines()[0]


@pytest.fixture(params=["1.18.0", "1.31.3"])
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_a_site_includes_what_is_mounted_on_it() -> None:
    site = directives(render(NEWEST, nginx_site_maintenance_path="/var/lib/shop/m")[SITE])
    assert "include /etc/nginx/fleet/shop/*.locations;" in site
    assert "include /etc/nginx/fleet/shop/*.switch;" in site


def test_http3_is_offered_where_nginx_has_it() -> None:
    about = f"{NEWEST} --with-http_v3_module"
    plain = render(about)
    assert "quic" not in plain[SITE] + plain[DEFAULT_SERVER]
    offered = render(about, nginx_site_http3_enabled=True)
    assert "listen [::]:443 quic;" in directives(offered[SITE])
    assert "listen 443 quic reuseport default_server;" in directives(offered[DEFAULT_SERVER])
    assert "default 'h3=\":443\"; ma=86400';" in directives(offered[SITE])
    assert "add_header Alt-Svc $fleet_shop_alt_svc always;" in directives(offered[SITE])
    old = render(NEWEST, nginx_site_http3_enabled=True)
    assert "quic" not in old[SITE] + old[DEFAULT_SERVER]
    # A header without a value is not sent.
    assert 'map $host $fleet_shop_alt_svc {\n    default "";\n}' in old[SITE]


def test_what_is_mounted_offers_the_sites_http3() -> None:
    files = render(NEWEST, **MOUNTED)
    assert "_alt_svc {" not in files[SITE]
    page = location(files[LOCATIONS], "= /.error/shop/html")
    assert "add_header Alt-Svc $fleet_website_alt_svc always;" in page


def test_there_may_be_any_number_of_server_names() -> None:
    names = [f"customer-{number}-with-a-long-name.shop.example.com" for number in range(200)]
    files = render(NEWEST, nginx_site_domains=names)
    assert f"server_name {' '.join(names)};" in directives(files[SITE])
    assert "server_names_hash_max_size 4096;" in directives(files["/etc/nginx/nginx.conf"])


def test_only_pages_themselves_pass_maintenance_and_the_balancers_fence() -> None:
    """A client could otherwise ask for a path that begins like one, and reach the application."""
    site = render(
        NEWEST,
        nginx_site_maintenance_path="/var/lib/shop/maintenance",
        nginx_site_trusted_proxies=["192.0.2.1"],
    )[SITE]
    conditions = set(re.findall(r'if \(\$uri !?~ (".*?")\)', site))
    assert conditions == {r'"^/\.(maintenance|error)/(html|json)$"'}
    assert '"~^1(?!/[.]error/(html|json)$)" 1;' in directives(site)
    switch = directives(render(NEWEST, **MOUNTED)[SWITCH])
    assert r'if ($uri ~ "^/\.error/shop/(html|json)$") {' in switch
