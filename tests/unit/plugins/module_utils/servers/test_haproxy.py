"""What haproxy says, read and told, and certificates that it knows beside others."""

from ansible_collections.asgi.fleet.plugins.module_utils.servers.changes import Found
from ansible_collections.asgi.fleet.plugins.module_utils.servers.haproxy import (
    explain_refusal,
    read_test,
    with_renewed,
)

# Of HAProxy 2.6.12.
REFUSED = """[NOTICE]   (9) : haproxy version is 2.6.12-1+deb12u4
[ALERT]    (9) : config : parsing [/etc/haproxy/haproxy.cfg:12] : unknown keyword 'bnd'
[ALERT]    (9) : config : Error(s) found in configuration file : /etc/haproxy/haproxy.cfg
[ALERT]    (9) : config : Fatal errors found in configuration.
"""


def test_a_failed_test_is_told_with_its_effect() -> None:
    assert read_test(passed=False, output=REFUSED).refusal == (
        "haproxy refuses the new configuration: parsing [/etc/haproxy/haproxy.cfg:12] : unknown "
        "keyword 'bnd'; haproxy serves what it served before"
    )


def test_warnings_are_told_but_not_that_a_server_is_drained() -> None:
    output = (
        "[WARNING]  (9) : config : Server shop/a remains in forced drain mode.\n"
        "[WARNING]  (9) : config : log format ignored\n"
    )
    tested = read_test(passed=True, output=output)
    assert (tested.refusal, tested.warnings) == ("", ["log format ignored"])


def test_refusal_without_an_alert_shows_the_end_of_the_output() -> None:
    assert (
        explain_refusal("it", "killed")
        == "haproxy refuses it: killed; haproxy serves what it served before"
    )
    assert "nothing was logged" in explain_refusal("it", "")


def pem(text: str) -> str:
    return f"-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n"


def test_renewed_certificate_is_known_beside_the_one_of_before() -> None:
    assert with_renewed({"/a": pem("new")}, {"/a": Found(pem("old"))}) == {
        "/a": pem("new") + pem("old")
    }
    assert with_renewed({"/a": pem("3")}, {"/a": Found(pem("2") + pem("1"))}) == {
        "/a": pem("3") + pem("2") + pem("1")
    }
    # A rotation that is taken back has it once.
    assert with_renewed({"/a": pem("1")}, {"/a": Found(pem("2") + pem("1"))}) == {
        "/a": pem("1") + pem("2")
    }


def test_certificate_that_is_known_or_of_no_server_is_left_alone() -> None:
    assert with_renewed({"/a": pem("1")}, {"/a": Found(pem("1"))}) == {}
    assert with_renewed({"/a": pem("2")}, {"/a": Found(pem("2") + pem("1"))}) == {}
    assert with_renewed({"/a": pem("1")}, {"/a": None}) == {}
