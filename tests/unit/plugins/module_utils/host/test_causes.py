"""What is told of both causes: something that the host lacks, and something that is refused."""

from __future__ import annotations

from ansible_collections.asgi.fleet.plugins.module_utils.host.causes import probable_cause

LIBRARY = "OSError: libpq.so.5: cannot open shared object file: No such file or directory"
REFUSED = "PermissionError: [Errno 1] Operation not permitted"


def test_what_the_host_lacks_comes_first() -> None:
    told = probable_cause(f"{REFUSED}\n{LIBRARY}")
    assert told.startswith(
        "Missing on the host: libpq.so.5; add to app_system_packages: [libpq5]. Perhaps its "
        "sandbox is the cause: "
    )
    assert told.endswith(". ")


def test_one_of_them_is_told_alone() -> None:
    assert probable_cause(LIBRARY) == (
        "Missing on the host: libpq.so.5; add to app_system_packages: [libpq5]. "
    )
    assert probable_cause(REFUSED).startswith("Perhaps its sandbox is the cause: ")


def test_nothing_known_is_nothing_told() -> None:
    assert probable_cause("KeyError: 'DATABASE_URL'") == ""
