"""What nginx says, read and told."""

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.servers.nginx import (
    Worker,
    explain_refusal,
    is_next_generation,
    read_test,
)

EMERG = (
    'nginx: [emerg] unknown directive "servr" in /etc/nginx/conf.d/shop.conf:3\nnginx: test failed'
)


def test_a_failed_test_is_told_with_its_effect() -> None:
    assert read_test(passed=False, output=EMERG).refusal == (
        'nginx refuses the new configuration: unknown directive "servr" in '
        "/etc/nginx/conf.d/shop.conf:3; nginx serves what it served before"
    )


def test_warnings_of_a_passed_test_are_told() -> None:
    warning = 'nginx: [warn] conflicting server name "shop.example.com" on 0.0.0.0:443, ignored'
    tested = read_test(
        passed=True, output=f"{warning}\nnginx: configuration file test is successful"
    )

    assert (tested.refusal, tested.warnings) == ("", [warning])


@pytest.mark.parametrize(
    ("output", "seen"),
    [
        (EMERG, 'unknown directive "servr" in /etc/nginx/conf.d/shop.conf:3'),
        (
            "2026/11/21 06:00:00 [emerg] 12#12: bind() to 0.0.0.0:80 failed (98: in use)\n"
            "2026/11/21 06:00:01 [emerg] 12#12: bind() to 0.0.0.0:80 failed (98: in use)\n"
            "2026/11/21 06:00:01 [notice] 12#12: try again to bind() after 500ms",
            "bind() to 0.0.0.0:80 failed (98: in use)",
        ),
        (
            "unshare: unshare failed: Operation not permitted",
            "unshare: unshare failed: Operation not permitted",
        ),
        ("", "nothing was logged"),
    ],
)
def test_a_refusal_is_told_in_the_words_of_nginx(output: str, seen: str) -> None:
    assert explain_refusal("the reload", output) == (
        f"nginx refuses the reload: {seen}; nginx serves what it served before"
    )


OLD = {("10", "500"), ("11", "500")}


@pytest.mark.parametrize(
    ("now", "reloaded"),
    [
        (OLD, False),
        (set(), False),
        # One that crashed was replaced by the old configuration's master.
        ({("10", "500"), ("12", "900")}, False),
        # Both generations, and the new one alone.
        (OLD | {("12", "900")}, True),
        ({("12", "900"), ("13", "900")}, True),
        ({("12", "900")}, True),
        # The kernel used the numbers again.
        ({("10", "900"), ("11", "900")}, True),
    ],
)
def test_a_reload_is_known_by_its_workers(now: set[Worker], reloaded: bool) -> None:
    assert is_next_generation(OLD, now) == reloaded


def test_what_clients_write_is_no_reason() -> None:
    log = (
        "2026/11/21 06:00:00 [warn] 12#12: *7 a client request body is buffered to a temporary "
        'file, request: "POST /[emerg] HTTP/1.1"\n'
        "2026/11/21 06:00:00 [crit] 12#12: *8 SSL_do_handshake() failed\n"
        "2026/11/21 06:00:01 [emerg] 11#11: bind() failed \x1b[2J"
    )
    assert "the reload: bind() failed ?[2J; nginx" in explain_refusal("the reload", log)
