"""The locations of a site, and what of them is refused."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.site_paths import (
    site_locations,
    site_refusals,
)

SITE: dict[str, Any] = {
    "name": "shop",
    "root_path": "",
    "health_path": "/healthz",
    "static": [],
    "paths": {},
    "rate": "",
    "burst": 20,
    "allow": [],
    "login": False,
    "max_body_size": "",
    "users": {},
    "headers": {},
}
SHA512 = "$6$salt$" + "a" * 86


def matches(**changed: object) -> dict[str, dict[str, Any]]:
    return {one["match"]: one for one in site_locations(SITE | changed)["locations"]}


def test_a_plain_site_has_one_location() -> None:
    assert list(matches()) == ["/"]
    assert site_locations(SITE)["zones"] == []


def test_a_path_is_what_is_below_it_and_no_name_that_begins_with_it() -> None:
    found = matches(root_path="/api", paths={"/upload": {"max_body_size": "1g"}})
    assert list(found) == ["/api/", "= /api/upload", "/api/upload/"]
    assert {found[one]["max_body_size"] for one in ("= /api/upload", "/api/upload/")} == {"1g"}
    assert found["/api/"]["max_body_size"] == ""


def test_a_path_has_what_those_above_it_have() -> None:
    paths = {
        "/admin": {"login": True, "rate": "5r/m", "allow": ["10.0.0.0/8"]},
        "/admin/large": {"max_body_size": "1g"},
        "/admin/open": {"login": False, "rate": ""},
    }
    found = matches(paths=paths, rate="20r/s")
    large, opened = found["/admin/large/"], found["/admin/open/"]
    assert (large["login"], large["allow"], large["zone"]) == (True, ["10.0.0.0/8"], "shop_0")
    assert (opened["login"], opened["allow"], opened["zone"]) == (False, ["10.0.0.0/8"], "")
    assert found["/"]["zone"] == "shop_site"
    assert site_locations(SITE | {"paths": paths, "rate": "20r/s"})["zones"] == [
        {"name": "shop_site", "rate": "20r/s"},
        {"name": "shop_0", "rate": "5r/m"},
    ]


def test_static_files_have_what_the_paths_above_them_have() -> None:
    found = matches(static=["/admin/static"], paths={"/admin": {"login": True}})
    assert found["^~ /admin/static/"]["static"]
    assert found["^~ /admin/static/"]["login"]


def test_the_health_path_is_open_where_the_site_is_not() -> None:
    assert "= /healthz" in matches(login=True)
    assert "= /healthz" in matches(allow=["10.0.0.0/8"])
    assert "= /healthz" not in matches(rate="1r/s")
    assert not matches(login=True)["= /healthz"]["login"]


def test_what_fits_is_not_refused() -> None:
    hashes = [
        SHA512,
        "$apr1$abcdefgh$" + "a" * 22,
        "$2y$05$" + "a" * 53,
        "$5$rounds=5000$salt$" + "a" * 43,
        "{SSHA}" + "a" * 32,
    ]
    assert (
        site_refusals(
            SITE
            | {
                "users": {f"user{number}": one for number, one in enumerate(hashes)},
                "headers": {"Permissions-Policy": "camera=()", "X-Frame-Options": ""},
                "paths": {"/a": {"rate": "1r/s", "burst": 0, "allow": ["::1"], "login": True}},
            }
        )
        == []
    )


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (
            {"rate": "fast"},
            "nginx_site_rate is fast; expected requests by second or minute of one address, such "
            "as 20r/s or 5r/m; correct it where it is set",
        ),
        ({"burst": -1}, "nginx_site_burst is -1; expected a number from 0 to 100000"),
        (
            {"allow": ["office.example.com"]},
            "nginx_site_allow is office.example.com; expected an address or a network such as "
            "192.0.2.0/24; nginx looks for no names here; correct it where it is set",
        ),
        ({"paths": ["/a"]}, 'nginx_site_paths is ["/a"]; expected a mapping of paths to settings'),
        ({"paths": {"a b": {}}}, "nginx_site_paths.a b is not a path; expected a path of the"),
        (
            {"paths": {"/a": {"limit": 1}}},
            "nginx_site_paths./a is given limit; expected a mapping of some of allow, burst, "
            "login, max_body_size, rate; correct it where it is set",
        ),
        (
            {"paths": {"/a": {"max_body_size": "1 g; root /"}}},
            "nginx_site_paths./a.max_body_size is 1 g; root /; expected a size such as 100m, or 0",
        ),
        ({"paths": {"/a": {"login": "yes"}}}, "nginx_site_paths./a.login is yes; expected true or"),
        (
            {"paths": {"/healthz": {"rate": "1r/s"}}},
            "nginx_site_paths./healthz is the health path; expected another path, since the "
            "deployment must always get its answer",
        ),
        (
            {"static": ["/s"], "paths": {"/s/a": {"rate": "1r/s"}}},
            "nginx_site_paths./s/a is below /s, whose files nginx serves itself; expected /s as a",
        ),
        (
            {"login": True},
            "nginx_site_users is empty, but nginx_site_login is true; expected at least one user, "
            "since nobody could log in; set it in a file that ansible-vault encrypts",
        ),
        (
            {"paths": {"/a": {"login": True}}},
            "nginx_site_users is empty, but nginx_site_paths./a.login is true; expected at least",
        ),
        (
            {"users": {"al ice": SHA512}},
            "nginx_site_users.al ice is not a name; expected letters, digits",
        ),
        (
            {"headers": {"Set-Cookie": "a=b"}},
            "nginx_site_security_headers.Set-Cookie is a header that nginx, the application or",
        ),
        (
            {"headers": {"X-A": 'a"; return 200 "'}},
            'nginx_site_security_headers.X-A is a"; return 200 "; expected one line of ASCII',
        ),
        ({"headers": {"X-A": "$host"}}, "nginx_site_security_headers.X-A is $host; expected one"),
        ({"headers": {"A B": ""}}, "nginx_site_security_headers.A B is not the name of a header"),
    ],
)
def test_what_does_not_fit_is_refused(changed: dict[str, Any], told: str) -> None:
    (line,) = site_refusals(SITE | changed)
    assert line.startswith(told)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("secret", "no hash that nginx can check"),
        ("{PLAIN}secret", "no hash that nginx can check"),
        (7, "no hash that nginx can check"),
        ("$2y$12$" + "a" * 53, "a hash that takes nginx long for each request"),
        ("$6$rounds=656000$salt$" + "a" * 86, "a hash that takes nginx long for each request"),
        ("$y$j9T$" + "a" * 60, "a hash that takes nginx long for each request"),
    ],
)
def test_what_is_no_hash_is_refused_and_not_shown(value: object, told: str) -> None:
    (line,) = site_refusals(SITE | {"users": {"alice": value}})
    assert line.startswith(f"nginx_site_users.alice is {told}")
    assert "make one with `openssl passwd -6`" in line
    assert str(value) not in line
