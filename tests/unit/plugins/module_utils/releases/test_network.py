"""What uv, pip and git are told of the network."""

from __future__ import annotations

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.releases.network import (
    credential_names,
    pip_environment,
    tool_environment,
)

STORE = "/etc/ssl/certs/ca-certificates.crt"
FILES = ("PIP_CERT", "REQUESTS_CA_BUNDLE", "GIT_SSL_CAINFO", "CARGO_HTTP_CAINFO")
MIRROR = "https://mirror.example.com/simple"


def test_host_says_what_the_operator_does_not() -> None:
    host = {"UV_DEFAULT_INDEX": MIRROR, "PATH": "/bin", "HOME": "/root", "UV_OFFLINE": "1"}
    told = tool_environment({"UV_OFFLINE": "0"}, host)
    assert told == {"UV_DEFAULT_INDEX": MIRROR, "UV_OFFLINE": "0"}


@pytest.mark.parametrize("given", ["HTTPS_PROXY", "https_proxy"])
@pytest.mark.parametrize("of_the_host", ["HTTPS_PROXY", "https_proxy"])
def test_proxy_of_the_operator_wins_in_both_cases(given: str, of_the_host: str) -> None:
    """pip and git prefer the one case, others the other."""
    told = tool_environment({given: "http://new:3128"}, {of_the_host: "http://old:3128"})
    assert told == {"HTTPS_PROXY": "http://new:3128", "https_proxy": "http://new:3128"}


@pytest.mark.parametrize("name", ["http_proxy", "https_proxy", "all_proxy", "no_proxy"])
def test_proxy_is_told_in_both_cases(name: str) -> None:
    assert tool_environment({}, {name.upper(): "x"}) == {name: "x", name.upper(): "x"}


def test_empty_proxy_switches_that_of_the_host_off() -> None:
    told = tool_environment({"HTTPS_PROXY": ""}, {"https_proxy": "http://old:3128"})
    assert told == {"HTTPS_PROXY": "", "https_proxy": ""}


@pytest.mark.parametrize(
    ("given", "host", "store", "expected"),
    [
        ({}, {}, STORE, STORE),
        ({"SSL_CERT_FILE": "/a"}, {}, STORE, "/a"),
        ({}, {"SSL_CERT_FILE": "/b"}, STORE, "/b"),
        ({"SSL_CERT_FILE": "/a"}, {"PIP_CERT": "/b", "SSL_CERT_FILE": "/c"}, STORE, "/a"),
        ({}, {}, "", None),
    ],
)
def test_every_tool_has_the_authorities_of_uv(
    given: dict[str, str], host: dict[str, str], store: str, expected: str | None
) -> None:
    told = tool_environment(given, host, store=store)
    found = {told.get(name) for name in FILES if name not in host}
    assert found == {expected}
    assert ("UV_SYSTEM_CERTS" in told) == bool(store)


def test_file_for_one_tool_is_kept() -> None:
    told = tool_environment({"GIT_SSL_CAINFO": "/git"}, {}, store=STORE)
    assert (told["GIT_SSL_CAINFO"], told["PIP_CERT"]) == ("/git", STORE)


@pytest.mark.parametrize(
    ("told", "pip"),
    [
        ({}, {}),
        ({"UV_DEFAULT_INDEX": MIRROR}, {"PIP_INDEX_URL": MIRROR}),
        ({"UV_INDEX_URL": MIRROR}, {"PIP_INDEX_URL": MIRROR}),
        (
            {
                "UV_DEFAULT_INDEX": f"corp={MIRROR}",
                "UV_INDEX_CORP_USERNAME": "ci",
                "UV_INDEX_CORP_PASSWORD": "p@ss/#%",
            },
            {"PIP_INDEX_URL": "https://ci:p%40ss%2F%23%25@mirror.example.com/simple"},
        ),
        (
            {"UV_DEFAULT_INDEX": f"corp={MIRROR}", "UV_INDEX_CORP_USERNAME": "t0ken"},
            {"PIP_INDEX_URL": "https://t0ken@mirror.example.com/simple"},
        ),
        (
            {
                "UV_DEFAULT_INDEX": "corp=https://a:b@mirror.example.com/simple",
                "UV_INDEX_CORP_PASSWORD": "unused",
            },
            {"PIP_INDEX_URL": "https://a:b@mirror.example.com/simple"},
        ),
        (
            {
                "UV_INDEX": f"my-team.1={MIRROR}  https://b.example.com/?a=b",
                "UV_INDEX_MY_TEAM_1_PASSWORD": "s3cret",
                "UV_EXTRA_INDEX_URL": "file:///srv/simple",
            },
            {
                "PIP_EXTRA_INDEX_URL": "https://:s3cret@mirror.example.com/simple "
                "https://b.example.com/?a=b file:///srv/simple"
            },
        ),
        (
            {"UV_FIND_LINKS": "/srv/a,https://b.example.com"},
            {"PIP_FIND_LINKS": "/srv/a https://b.example.com"},
        ),
        ({"UV_OFFLINE": "1"}, {"PIP_NO_INDEX": "1"}),
        ({"UV_OFFLINE": "false"}, {}),
        (
            {"UV_HTTP_TIMEOUT": "90", "UV_HTTP_RETRIES": "0", "UV_INSECURE_HOST": "localhost"},
            {"PIP_DEFAULT_TIMEOUT": "90", "PIP_RETRIES": "0", "PIP_TRUSTED_HOST": "localhost"},
        ),
        (
            {"PIP_INDEX_URL": "https://old.example.com", "UV_DEFAULT_INDEX": MIRROR},
            {"PIP_INDEX_URL": MIRROR},
        ),
    ],
)
def test_pip_goes_where_uv_goes(told: dict[str, str], pip: dict[str, str]) -> None:
    assert pip_environment(told) == {**told, **pip}


def test_credentials_of_a_named_index_are_where_uv_looks() -> None:
    assert credential_names("corp-a.b")[1] == "UV_INDEX_CORP_A_B_PASSWORD"
