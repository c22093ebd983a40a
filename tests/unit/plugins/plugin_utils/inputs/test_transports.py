"""Settings of uv: what lets somebody on the way change its packages, and what does not."""

from __future__ import annotations

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.transports import (
    SECURE,
    is_clear,
    uv_problems,
)


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("UV_INDEX_URL", "http://pypi.example.com/simple", "http://pypi.example.com/simple"),
        ("UV_DEFAULT_INDEX", "http://ada:s3cret@a.example.com", "http://***@a.example.com"),
        ("UV_DEFAULT_INDEX", "http://ada:s3/cret@a.example.com", "http://***@a.example.com"),
        ("UV_INDEX", "https://a.example.com team=http://b.example.com/x", "http://b.example.com/x"),
        ("UV_EXTRA_INDEX_URL", "HTTP://b.example.com", "HTTP://b.example.com"),
        ("UV_FIND_LINKS", "/srv/wheels,http://b.example.com", "http://b.example.com"),
        ("UV_PYTHON_INSTALL_MIRROR", "http://b.example.com", "http://b.example.com"),
    ],
)
def test_clear_text_is_refused(name: str, value: str, shown: str) -> None:
    [problem] = uv_problems({name: value}, "")
    assert problem.message == (
        f"python_release_uv_environment.{name} is {shown}; expected {SECURE}; use https"
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("UV_INSECURE_HOST", "pypi.example.com"),
        ("UV_INSECURE_HOST", "localhost pypi.example.com:8080"),
        ("UV_INSECURE_NO_ZIP_VALIDATION", "1"),
        ("UV_NO_VERIFY_HASHES", "true"),
        ("GIT_SSL_NO_VERIFY", "yes"),
    ],
)
def test_check_that_is_switched_off_is_refused(name: str, value: str) -> None:
    [problem] = uv_problems({name: value}, "")
    assert problem.message.startswith(f"python_release_uv_environment.{name} is {value}, which ")


@pytest.mark.parametrize(
    "environment",
    [
        {"UV_INDEX": "https://a.example.com/simple http://127.0.0.1:3141/x http://[::1]/y"},
        {"UV_FIND_LINKS": "/srv/wheels,file:///srv/more"},
        {"UV_INSECURE_HOST": "localhost 127.0.0.1:3141", "UV_NO_VERIFY_HASHES": "0"},
        {"HTTPS_PROXY": "http://proxy.example.com:3128"},
        {"UV_INDEX_TEAM_PASSWORD": "s3cret"},
        None,
        "not a mapping",
    ],
)
def test_what_is_encrypted_or_local_passes(environment: object) -> None:
    assert uv_problems(environment, None) == []


def test_mirror_of_pythons_is_checked_too() -> None:
    [problem] = uv_problems({}, "http://mirror.example.com/python")
    assert problem.variable == "python_release_python_mirror"
    assert uv_problems({}, "https://mirror.example.com/python") == []


def test_url_that_cannot_be_read_counts_as_clear() -> None:
    assert is_clear("http://[")
    assert not is_clear("https://[")
