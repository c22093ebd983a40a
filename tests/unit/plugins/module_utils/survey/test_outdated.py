"""Which processes run on files that an update has replaced."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.survey.outdated import (
    outdated,
    replaced_files,
)

LIBRARY = "/usr/lib/x86_64-linux-gnu/libssl.so.3"


def line(path: str) -> str:
    return f"7f0c1a200000-7f0c1a2b0000 r--p 00000000 fe:00 1234                       {path}\n"


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (LIBRARY, []),
        (f"{LIBRARY} (deleted)", ["libssl.so.3"]),
        ("/lib/x86_64-linux-gnu/libcrypto.so.3 (deleted)", ["libcrypto.so.3"]),
        ("/usr/lib/x86_64-linux-gnu/libpython3.12.so.1.0 (deleted)", ["libpython3.12.so.1.0"]),
        ("/usr/lib/nginx/modules/ngx_stream_module.so (deleted)", ["ngx_stream_module.so"]),
        ("/usr/sbin/nginx (deleted)", ["nginx"]),
        ("/usr/sbin/haproxy (deleted)", ["haproxy"]),
        ("/usr/bin/python3.13 (deleted)", ["python3.13"]),
        # Of the application, or of nobody.
        ("/opt/shop/releases/1.0/venv/lib/libssl.so.3 (deleted)", []),
        ("/tmp/usr/lib/libssl.so.3 (deleted)", []),
        ("/var/lib/shop/state/x /usr/lib/libssl.so.3 (deleted)", []),
        ("/usr/lib/libssl.so.3\x1b[2J (deleted)", []),
        ("/dev/zero (deleted)", []),
        ("/usr/lib/locale/C.utf8/LC_CTYPE (deleted)", []),
    ],
)
def test_replaced_file_is_one_of_the_host_that_carries_requests(
    path: str, found: list[str]
) -> None:
    assert replaced_files(line("[heap]") + line(path) + line(path)) == found


def test_units_without_a_process_or_without_a_replaced_file_are_left_out(tmp_path: Path) -> None:
    for pid, path in ((7, f"{LIBRARY} (deleted)"), (8, LIBRARY)):
        (tmp_path / f"proc/{pid}").mkdir(parents=True)
        (tmp_path / f"proc/{pid}/maps").write_text(line(path))
    pids = {"nginx.service": 7, "shop@blue.service": 8, "shop@green.service": 0, "gone.service": 9}
    assert outdated(pids, tmp_path) == {"nginx.service": ["libssl.so.3"]}
