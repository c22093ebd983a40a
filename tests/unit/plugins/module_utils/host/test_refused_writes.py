"""Which path could not be written, and the line that allows it."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.host.refusals import (
    JOURNAL,
    probable_directive,
    refusals,
)
from ansible_collections.asgi.fleet.plugins.module_utils.host.refused_writes import (
    advice,
    refused_write,
)

KEPT = "add app_writable_paths: [{0}], which is then kept over releases in $STATE_DIRECTORY/{0}, "


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """A release with a package, and a database that its settings name."""
    path = tmp_path / "opt/shop/releases/1.0"
    package = path / "src/shop"
    (package / "web").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "settings.py").write_text('URL = "sqlite:///./shop.db"\nOTHER = "cache.sqlite3"\n')
    return path


@pytest.mark.parametrize(
    ("line", "path"),
    [
        ("OSError: [Errno 30] Read-only file system: 'uploads/a.txt'", "uploads/a.txt"),
        ("OSError: [Errno 30] Read-only file system: 'a.tmp' -> 'a'", "a.tmp"),
        (
            "PermissionError: [Errno 13] Permission denied: '/opt/shop/releases/1/src/x/a.css'",
            "/opt/shop/releases/1/src/x/a.css",
        ),
        ("PermissionError: [Errno 13] Permission denied: 'a.db'", "a.db"),
        ("PermissionError: [Errno 13] Permission denied: '/etc/shadow'", ""),
        ("sh: 1: cannot create uploads/a: Read-only file system", "uploads/a"),
        ("mkdir: cannot create directory \u2018media\u2019: Read-only file system", "media"),
        ("touch: cannot touch '/srv/x': Read-only file system", "/srv/x"),
        ("bash: line 1: uploads/a: Read-only file system", "uploads/a"),
        ("Error: EROFS: read-only file system, mkdir '/opt/a/b'", "/opt/a/b"),
        ("OSError: [Errno 30] Read-only file system: '$(reboot)'", ""),
        ("sqlite3.OperationalError: unable to open database file", ""),
        ("conn = connect('x.db'): unable to open database file", "x.db"),
        ("all is well: 'uploads/a.txt'", ""),
    ],
)
def test_path_is_read_from_what_the_application_says(line: str, path: str) -> None:
    assert refused_write(line, "", {}) == path


@pytest.mark.parametrize(
    ("environment", "path"),
    [
        ({"DATABASE_URL": "sqlite+aiosqlite:///./sql_app.db?timeout=3"}, "./sql_app.db"),
        ({"DB": "sqlite:////etc/shop.db"}, "/etc/shop.db"),
        # Where it may be: something else is wrong with it.
        ({"DB": "sqlite:////var/lib/shop/state/shop.db"}, "./shop.db"),
        ({}, "./shop.db"),
    ],
)
def test_database_is_known_by_the_environment_or_the_source(
    release: Path, environment: dict[str, str], path: str
) -> None:
    line = (
        "sqlalchemy.exc.OperationalError: (sqlite3.OperationalError) unable to open database file"
    )
    assert refused_write(line, str(release), environment) == path


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("uploads/2026/a.txt", KEPT.format("uploads")),
        ("./sql_app.db", KEPT.format("sql_app.db")),
        ("shop/db.sqlite3", KEPT.format("shop/db.sqlite3")),
        ("shop/web/out/a.html", KEPT.format("shop/web")),
        ("{release}/src/uploads", KEPT.format("uploads")),
        ("/opt/other/releases/1/src/media/x", KEPT.format("media")),
        ("/srv/uploads-of-nobody", "add app_writable_paths: [/srv/uploads-of-nobody], or write to"),
        ("/usr/share/x", "write to $STATE_DIRECTORY instead"),
        ("../x", "write to $STATE_DIRECTORY instead"),
        ("/opt/shop/releases/1/.venv/lib/x", "write to XDG_CACHE_HOME instead"),
    ],
)
def test_advice_is_the_line_to_add(release: Path, path: str, told: str) -> None:
    assert advice(path.format(release=release), str(release)).startswith(told)


def test_advice_for_collected_files_is_a_folder_of_each_release(release: Path) -> None:
    told = advice(f"{release}/src/static/css/a.css", str(release), collected=True)
    assert told == "add app_writable_paths: [{path: static, keep: false}]"


def test_source_behind_a_link_is_known_by_both_names(release: Path) -> None:
    (release / "src").rename(release / "repository")
    (release / "src").symlink_to("repository")
    for path in (f"{release}/src/uploads/x", f"{release}/repository/uploads/x"):
        assert advice(path, str(release)).startswith(KEPT.format("uploads"))


def test_what_is_the_applications_own_is_not_read(release: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.py"
    secret.write_text('"sqlite:///stolen.db"')
    (release / "src/shop/settings.py").unlink()
    (release / "src/shop/link.py").symlink_to(secret)
    assert refused_write("unable to open database file", str(release), {}) == ""


def test_write_is_told_before_what_else_it_may_be() -> None:
    text = "PermissionError: [Errno 13] Permission denied: 'sql_app.db'\n"
    assert probable_directive(text).startswith("ProtectSystem=strict refused a write to sql_app.db")


def test_journal_of_a_service_tells_only_what_is_certain() -> None:
    lines = [
        "OSError: [Errno 30] Read-only file system: 'uploads/a.txt'",
        "OSError: [Errno 30] Read-only file system: 'uploads/b.txt'",
        "  mmap.mmap(-1, 4096, prot=mmap.PROT_EXEC)",
        "TimeoutError: [Errno 110] localhost",
        "PermissionError: [Errno 13] Permission denied: '/srv/private'",
        "using /dev/nvidia0 and netlink",
        "PermissionError: [Errno 1] Operation not permitted",
    ]
    assert [one["todo"].split(",")[0] for one in refusals(lines, "", {})] == [
        "add app_writable_paths: [uploads]",
        "set app_sandbox: {jit: true}",
    ]


def test_journal_is_asked_for_lines_that_may_tell() -> None:
    assert "Errno 13" in JOURNAL
    assert "PROT_EXEC" in JOURNAL
    assert "unable to open database file" in JOURNAL
