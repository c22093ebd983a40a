"""Which variable a refusal names, by what uv said."""

from __future__ import annotations

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.releases.advice import advised


@pytest.mark.parametrize(
    ("output", "variable"),
    [
        (
            "error: The requested interpreter resolved to Python 3.13.5, which is incompatible "
            "with the project's Python requirement: `>=3.14`",
            "app_python chooses",
        ),
        (
            "  x No solution found\n  Because the current Python version (3.13.5) does not\n"
            "      satisfy Python>=3.14",
            "app_python chooses",
        ),
        (
            "error: Extra `servr` is not defined in the `optional-dependencies` table for `shop`",
            "app_dependencies names the extras and groups",
        ),
        (
            "error: Group `prd` is not defined in the project's `dependency-groups` table",
            "app_dependencies names the extras and groups",
        ),
        ("error: Requested extra not found: server", "app_dependencies names"),
        (
            "Building a package is not possible in non-package mode.",
            "app_package: false serves the source as it is",
        ),
        ("Multiple top-level packages discovered in a flat-layout: ['app', 'x']", "app_package: "),
        ("setuptools-scm was unable to detect version for /srv", "app_package: false"),
        ("fatal error: libpq-fe.h: No such file or directory", "app_system_packages"),
    ],
)
def test_variable_that_helps_is_named(output: str, variable: str) -> None:
    (told,) = advised(output, "app_")
    assert variable in told


CREDENTIALS = "UV_INDEX_<NAME>_USERNAME and UV_INDEX_<NAME>_PASSWORD"
AUTHORITY = "host_baseline_certificate_authorities"
PROXY_LOGIN = "the proxy does not accept the credentials: HTTPS_PROXY in python_release_uv_env"
PROXY_RULE = "does not lead there"
NO_PROXY = "the host does not reach the proxy"
NO_INDEX = "the host does not reach that address"


@pytest.mark.parametrize(
    ("output", "advice"),
    [
        # uv
        ("lack of valid authentication credentials (401 Unauthorized)", CREDENTIALS),
        ("HTTP status client error (403 Forbidden) for url (https://m.example.com)", CREDENTIALS),
        ("cause: invalid peer certificate: UnknownIssuer", AUTHORITY),
        ("cause: tunnel error: proxy authorization required", PROXY_LOGIN),
        ("cause: tunnel error: unsuccessful", PROXY_RULE),
        (
            "cause: tunnel error: failed to create underlying connection\n"
            "  cause: tcp connect error\n  cause: Connection refused (os error 111)",
            NO_PROXY,
        ),
        ("cause: tcp connect error\n  cause: Connection refused (os error 111)", NO_INDEX),
        ("cause: dns error\n  cause: failed to lookup address information", NO_INDEX),
        # pip
        ("Could not fetch URL https://m/simple/uv/: 401 Client Error: Unauthorized", CREDENTIALS),
        ("SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED]", AUTHORITY),
        (
            "ProxyError('Cannot connect to proxy.', OSError('Tunnel connection failed: 407 Proxy "
            "Authentication Required'))",
            PROXY_LOGIN,
        ),
        ("'Cannot connect to proxy.', OSError('Tunnel connection failed: 403 No'))", PROXY_RULE),
        ("ProxyError('Cannot connect to proxy.', NewConnectionError('refused'))", NO_PROXY),
        ("NewConnectionError('<pip>: Failed to establish a new connection", NO_INDEX),
        # git
        ("fatal: Authentication failed for 'https://git.example.com/'", CREDENTIALS),
        ("fatal: could not read Username for 'https://g.example.com': terminal", CREDENTIALS),
        ("server certificate verification failed. CAfile: /etc/ssl/x", AUTHORITY),
        ("CONNECT tunnel failed, response 407", PROXY_LOGIN),
        ("CONNECT tunnel failed, response 403", PROXY_RULE),
        ("Failed to connect to 10.0.0.1 port 1: Couldn't connect to server", NO_INDEX),
    ],
)
def test_variable_that_opens_the_network_is_named(output: str, advice: str) -> None:
    (told,) = advised(output, "app_")
    assert advice in told


def test_nothing_is_said_where_nothing_is_known() -> None:
    assert advised("error: something else", "app_") == []
