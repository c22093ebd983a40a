"""What nginx says, read and told."""

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.servers.nginx import (
    explain_refusal,
    is_final,
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


@pytest.mark.parametrize(
    ("line", "final"),
    [
        ("[emerg] 7#7: bind() to 0.0.0.0:80 failed (98: Address already in use)", False),
        ("[notice] 7#7: try again to bind() after 500ms", False),
        ("[emerg] 7#7: still could not bind()", True),
        ("[emerg] 7#7: bind() to 0.0.0.0:80 failed (13: Permission denied)", True),
        ("[crit] 7#7: pread() failed", True),
        ("[warn] 7#7: conflicting server name", False),
    ],
)
def test_a_taken_port_is_waited_for_as_long_as_nginx_does(line: str, final: bool) -> None:
    assert is_final(line) == final
