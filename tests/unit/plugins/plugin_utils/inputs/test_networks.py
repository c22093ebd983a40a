"""What would send a host past its mirror, proxy or authority is refused, with what to type."""

from __future__ import annotations

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.networks import network_problems

from tests.unit.plugins.module_utils.host.test_network import CERTIFICATE, OTHER

UV = "python_release_uv_environment"
AUTHORITIES = "host_baseline_certificate_authorities"
MIRROR = "https://mirror.example.com/simple"


def refused(variable: str, value: object) -> str:
    [problem] = network_problems({variable: value})
    assert problem.message.startswith(f"{variable}")
    assert "s3cret" not in problem.message
    assert "; expected " in problem.message
    return problem.message


@pytest.mark.parametrize(
    "environment",
    [
        {},
        None,
        {"UV_DEFAULT_INDEX": MIRROR},
        {"UV_DEFAULT_INDEX": f"corp={MIRROR}", "UV_INDEX_CORP_PASSWORD": "p@ss/w#rd %"},
        {"UV_DEFAULT_INDEX": "https://ci:p%40ss@mirror.example.com:8443/simple/@scope"},
        {"UV_INDEX": f"a={MIRROR}  https://b.example.com /srv/simple file:///srv/simple"},
        {"HTTPS_PROXY": "http://op:s3cret@proxy.example.com:3128", "NO_PROXY": "localhost,.lan"},
        {"https_proxy": "http://[2001:db8::1]:3128", "ALL_PROXY": ""},
        {"SSL_CERT_FILE": "/etc/ssl/example.pem", "SSL_CLIENT_CERT": "/etc/ssl/client.pem"},
        {"UV_HTTP_TIMEOUT": 60, "UV_PYTHON_DOWNLOADS": "never", "UV_OFFLINE": True},
        {"UV_CONCURRENT_DOWNLOADS": "2", "UV_PUBLISH_INDEX": "x", "CARGO_NET_OFFLINE": "true"},
        {"UV_NO_BINARY": "1", "UV_NO_BUILD": "1", "UV_INDEX_STRATEGY": "unsafe-best-match"},
        {"GIT_SSL_CAINFO": "/etc/ssl/example.pem"},
    ],
)
def test_what_uv_reads_passes(environment: object) -> None:
    assert network_problems({UV: environment}) == []


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("UV_DEFAULT_INDX", "use UV_DEFAULT_INDEX"),
        ("uv_default_index", "use UV_DEFAULT_INDEX"),
        ("UV_DEFAULT_INDEX_URL", "use UV_DEFAULT_INDEX"),
        ("UV_EXTRA_INDEX", "use UV_EXTRA_INDEX_URL"),
        ("UV_FIND_LINK", "use UV_FIND_LINKS"),
        ("UV_SYSTEM_CERT", "use UV_SYSTEM_CERTS"),
        ("SSL_CERT_FILES", "use SSL_CERT_FILE"),
        ("HTTP_PROXYS", "use HTTP_PROXY"),
        ("PROXY", "use HTTPS_PROXY"),
        ("UV_HTTPS_PROXY", "use HTTPS_PROXY"),
        ("UV_INDEX_CORP_PASSWD", "use UV_INDEX_<NAME>_USERNAME or UV_INDEX_<NAME>_PASSWORD"),
        ("UV_INDEX_PASSWORD_CORP", "use UV_INDEX_<NAME>_USERNAME or UV_INDEX_<NAME>_PASSWORD"),
        ("PIP_INDEX_URL", "use UV_DEFAULT_INDEX"),
        ("PIP_TRUSTED_HOST", "use the authority in host_baseline_certificate_authorities"),
        ("PIP_NO_DEPS", "use the variable of uv that does the same, if there is one"),
        ("UV_NO_INDEX", "use UV_OFFLINE, or python_release_install_from"),
        ("UV-DEFAULT-INDEX", "correct the name"),
    ],
)
def test_name_that_nobody_reads_is_refused(name: str, instead: str) -> None:
    assert refused(UV, {name: "s3cret"}).endswith(f"; {instead}")


@pytest.mark.parametrize("value", [[MIRROR], {"url": MIRROR}, None])
def test_value_that_is_no_text_is_refused(value: object) -> None:
    assert "expected a text; write several URLs as one text" in refused(UV, {"UV_INDEX": value})


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("mirror.example.com/simple", "write https://mirror.example.com/simple"),
        ("ci:s3cret@mirror.example.com", "begin it with https://"),
        ("https://ci:s3cret@word@mirror.example.com/simple", "%40"),
        ("https://ci:s3cret/word@mirror.example.com/simple", "%2F"),
        ("https://ci:s3cret#word@mirror.example.com/simple", "UV_INDEX_<NAME>_PASSWORD"),
        ("https://ci:s3cret?word@mirror.example.com/simple", "UV_INDEX_<NAME>_PASSWORD"),
        ("https://ci:s3cret%word@mirror.example.com/simple", "%25"),
        ("https://ci:s3cret word@mirror.example.com/simple", "is 2 words"),
        (f"{MIRROR} https://other.example.com", "put further indexes into UV_INDEX"),
    ],
)
def test_index_that_is_not_what_was_meant_is_refused(value: str, told: str) -> None:
    assert told in refused(UV, {"UV_DEFAULT_INDEX": value})


@pytest.mark.parametrize("variable", [UV, "host_baseline_apt_proxy"])
@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("proxy.example.com:3128", ": http://proxy.example.com:3128"),
        ("op:s3cret@proxy.example.com:3128", "a URL without http://"),
        ("socks5://proxy.example.com:1080", "use the proxy's port for HTTP"),
        ("http://op:s3cret/word@proxy.example.com:3128", "%2F"),
        ("http://", "expected http://<proxy>:<port>"),
        ("http://proxy.example.com:port", "expected http://<proxy>:<port>"),
    ],
)
def test_proxy_that_a_tool_would_not_understand_is_refused(
    variable: str, value: str, told: str
) -> None:
    assert told in refused(variable, {"HTTPS_PROXY": value} if variable == UV else value)


def test_names_beside_a_proxy_have_no_scheme() -> None:
    assert "leave out https://" in refused(UV, {"NO_PROXY": "https://mirror.example.com"})


@pytest.mark.parametrize("value", ["authority.pem", CERTIFICATE])
def test_certificate_belongs_on_the_host(value: str) -> None:
    assert f"into {AUTHORITIES}" in refused(UV, {"SSL_CERT_FILE": value})


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("files/authority.pem", ".example is files/authority.pem; expected "),
        (CERTIFICATE + OTHER, "a text with 2 certificates"),
        (CERTIFICATE.replace("W8rQ", "W8r"), "a certificate that is cut or damaged"),
        ("-----BEGIN RSA PRIVATE KEY-----\ns3cret\n" + CERTIFICATE, "a private key"),
        ("{{ lookup('ansible.builtin.file', 'nowhere.pem') }}", "see whether its file is there"),
        ("", "is empty"),
        (None, "is empty"),
        (["x"], "a list"),
    ],
)
def test_authority_that_is_no_certificate_is_refused(value: object, told: str) -> None:
    message = refused(AUTHORITIES, {"example": value})
    assert told in message
    assert message.endswith(
        "write example: \"{{ lookup('ansible.builtin.file', 'authority.pem') }}\""
    )


def test_authorities_have_names() -> None:
    assert "certificates in PEM by name" in refused(AUTHORITIES, CERTIFICATE)
    assert "rename it" in refused(AUTHORITIES, {"Our CA/1": CERTIFICATE})
    assert network_problems({AUTHORITIES: {"our-ca": CERTIFICATE, "b": OTHER}}) == []


def test_apt_cannot_hold_a_blank_in_a_password() -> None:
    told = refused("host_baseline_apt_proxy", "http://op:s3cret%20word@proxy.example.com:3128")
    assert "apt_auth.conf(5)" in told
    assert refused("host_baseline_apt_proxy", 3128)
