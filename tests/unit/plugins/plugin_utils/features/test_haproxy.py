"""What a haproxy can do, from what it says of itself."""

from __future__ import annotations

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.features.haproxy import parse_features


def output(version: str, library: str) -> str:
    return (
        f"HAProxy version {version} 2026/10/17 - https://haproxy.org/\n"
        f"Built with OpenSSL version : OpenSSL 3.0.2\nRunning on OpenSSL version : {library}\n"
    )


@pytest.mark.parametrize(
    ("version", "library", "openssl", "mlkem"),
    [
        ("2.6.12-1+deb12u4", "OpenSSL 3.0.22 25 Aug 2026", "3.0", False),
        ("3.0.11-1+deb13u5", "OpenSSL 3.5.7 9 Jun 2026", "3.5", True),
        ("3.2.1", "AWS-LC 1.30", "", False),
    ],
)
def test_features_follow_the_running_library(
    version: str, library: str, openssl: str, mlkem: bool
) -> None:
    features = parse_features(output(version, library))
    assert features == {
        "installed": True,
        "version": version.split("-")[0],
        "openssl": openssl,
        "mlkem": mlkem,
    }


def test_features_of_none_are_those_of_the_oldest() -> None:
    features = parse_features("")
    assert (features["installed"], features["version"], features["mlkem"]) == (
        False,
        "2.4.0",
        False,
    )


def test_features_refuse_another_program() -> None:
    with pytest.raises(ValueError, match="expected the output of haproxy -vv"):
        parse_features("nginx version: nginx/1.22.1")
