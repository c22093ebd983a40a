"""The table of nginx versions: which directive may be written for which."""

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.features.nginx import (
    parse_features,
    parse_version,
)

NAMES = [
    "ssl_reject_handshake",
    "ticket_key_rotation",
    "http2_directive",
    "keepalive_min_timeout",
]


def output(nginx: str, tls: str = "built with OpenSSL 3.0.2 15 Mar 2022") -> str:
    return (
        f"nginx version: nginx/{nginx}\n{tls}\nTLS SNI support enabled\n"
        "configure arguments: --with-http_v2_module --with-http_realip_module\n"
    )


@pytest.mark.parametrize(
    ("nginx", "own"), [("1.18.0", True), ("1.19.6", True), ("1.19.7", False), ("1.22.1", False)]
)
def test_http2_has_header_limits_of_its_own_before_1_19_7(nginx: str, own: bool) -> None:
    assert parse_features(output(nginx))["http2_header_limits"] == own


@pytest.mark.parametrize(
    ("nginx", "expected"),
    [
        ("1.18.0 (Ubuntu)", []),
        ("1.19.3", []),
        ("1.19.4", NAMES[:1]),
        ("1.22.1", NAMES[:1]),
        ("1.23.2", NAMES[:2]),
        ("1.24.0 (Ubuntu)", NAMES[:2]),
        ("1.25.0", NAMES[:2]),
        ("1.25.1", NAMES[:3]),
        ("1.26.3", NAMES[:3]),
        ("1.27.3", NAMES[:3]),
        ("1.27.4", NAMES),
        ("1.28.2", NAMES),
        ("1.31.3", NAMES),
    ],
)
def test_features_follow_the_version(nginx: str, expected: list[str]) -> None:
    features = dict(parse_features(output(nginx)))

    assert [name for name in NAMES if features[name]] == expected
    assert features["version"] == nginx.split()[0]


@pytest.mark.parametrize(
    ("tls", "openssl", "mlkem"),
    [
        ("built with OpenSSL 3.0.2 15 Mar 2022", "3.0.2", False),
        ("built with OpenSSL 3.5.4 30 Sep 2025", "3.5.4", True),
        ("built with OpenSSL 4.0.0 14 Apr 2026", "4.0.0", True),
        (
            "built with OpenSSL 3.0.2 1 Jan 2022 (running with OpenSSL 3.5.1 1 Jul 2025)",
            "3.5.1",
            True,
        ),
        (
            "built with OpenSSL 3.5.1 1 Jul 2025 (running with OpenSSL 3.0.2 1 Jan 2022)",
            "3.0.2",
            False,
        ),
        ("built with LibreSSL 4.1.0", "", False),
        ("built with BoringSSL", "", False),
    ],
)
def test_mlkem_needs_the_openssl_in_use_to_know_it(tls: str, openssl: str, mlkem: bool) -> None:
    features = parse_features(output("1.28.0", tls))

    assert (features["openssl"], features["mlkem"]) == (openssl, mlkem)


def test_http2_needs_its_module() -> None:
    text = output("1.28.0")

    assert parse_features(text)["http2"]
    assert not parse_features(text.replace("--with-http_v2_module", ""))["http2"]


@pytest.mark.parametrize("text", ["", " \n"])
def test_features_of_no_nginx_are_the_oldest_ones(text: str) -> None:
    features = parse_features(text)

    assert not features["installed"]
    assert features["version"] == "1.18.0"
    assert features["http2"]
    assert not any(dict(features)[name] for name in [*NAMES, "mlkem"])


def test_a_text_without_a_version_is_refused() -> None:
    with pytest.raises(ValueError, match="expected the output of nginx -V"):
        parse_features("nginx: command not found")


def test_a_forked_nginx_counts_by_its_number() -> None:
    assert parse_features("nginx version: freenginx/1.29.1\n")["keepalive_min_timeout"]


@pytest.mark.parametrize(
    ("text", "version"), [("1.22.1", (1, 22, 1)), ("3.0.2-dev", (3, 0, 2)), ("1.1.1w", (1, 1, 1))]
)
def test_versions_are_compared_by_their_numbers(text: str, version: tuple[int, ...]) -> None:
    assert parse_version(text) == version
