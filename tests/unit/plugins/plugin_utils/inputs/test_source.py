"""Where a release comes from: each type's keys, and the exact line when one is wrong."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.problems import Findings
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.source import (
    check_source_files,
    source,
)

if TYPE_CHECKING:
    from pathlib import Path

SET = "set it in group_vars/app.yml"
GIT = {"type": "git", "url": "git@git.example.com:shop.git", "version": "v1"}
PACKAGE = {"type": "package", "name": "acme-shop", "version": "1.4.0"}
SUM = "sha256:" + "ab" * 32
ARCHIVE = {"type": "archive", "url": "https://example.com/shop.tar.gz", "checksum": SUM}


def lines(value: object) -> list[str]:
    findings = Findings("app_source")
    normal = source(value, findings)
    if not findings.problems:
        check_source_files(normal, findings)
    return [problem.message for problem in findings.problems]


def accepted(value: object) -> dict[str, Any]:
    findings = Findings("app_source")
    normal = source(value, findings)
    assert findings.problems == []
    return normal


@pytest.mark.parametrize(
    ("given", "filled_in"),
    [
        (GIT, {"subdirectory": "", "exclude": [], "include": []}),
        (ARCHIVE | {"checksum": SUM.upper().replace("SHA", "sha")}, {"path": "", "checksum": SUM}),
        (PACKAGE, {"index": "", "find_links": "", "extras": []}),
        (PACKAGE | {"find_links": "/srv/wheels", "extras": ["standard"]}, {"index": ""}),
    ],
)
def test_source_has_every_key_of_its_type(given: dict[str, Any], filled_in: dict[str, Any]) -> None:
    normal = accepted(given)
    assert normal.items() >= (given | filled_in).items()


def test_source_path_is_a_folder_of_the_controller(tmp_path: Path) -> None:
    normal = accepted({"type": "path", "path": str(tmp_path)})
    assert normal == {
        "type": "path",
        "path": str(tmp_path),
        "subdirectory": "",
        "exclude": [],
        "include": [],
    }
    assert lines({"type": "path", "path": "/nowhere/shop"}) == [
        "app_source.path is /nowhere/shop; expected a folder that exists on the controller; " + SET
    ]


def test_source_archive_is_a_file_of_the_controller(tmp_path: Path) -> None:
    archive = tmp_path / "shop.tar.gz"
    archive.touch()
    assert accepted({"type": "archive", "path": str(archive)})["checksum"] == ""
    assert lines({"type": "archive", "path": "/nowhere/shop.tgz"}) == [
        "app_source.path is /nowhere/shop.tgz; expected a file that exists on the controller; "
        + SET
    ]


TYPES = "git, path, archive or package"
CHECKSUM = "sha256: and 64 hexadecimal digits (required by url)"
LOCAL = "an absolute path on the controller, such as {{ inventory_dir }}/../../app"
GIT_URL = "a git URL such as https://git.example.com/shop.git"
VERSION = "a tag, a branch or a commit, quoted"
PATTERNS = "a list of patterns such as tests/, as .gitignore has them"
INSIDE = "a folder inside the source, without a leading / and without .."


@pytest.mark.parametrize(
    ("value", "rest"),
    [
        ("git", f" is git; expected a mapping with type {TYPES}; {SET}"),
        ({"url": "x"}, f".type is not set; expected {TYPES}; {SET}"),
        ({"type": "svn"}, f".type is svn; expected {TYPES}; {SET}"),
        ({"type": ["git"]}, f'.type is ["git"]; expected {TYPES}; {SET}'),
        ({"type": "git", "version": "v1"}, f".url is not set; expected {GIT_URL}; {SET}"),
        (GIT | {"url": ""}, f".url is empty; expected {GIT_URL}; {SET}"),
        (GIT | {"url": "shop"}, f".url is shop; expected {GIT_URL}; {SET}"),
        (
            {"type": "git", "url": "https://git.example.com/shop.git"},
            f".version is not set; expected {VERSION}; {SET}",
        ),
        (
            GIT | {"version": 1.1},
            f'.version is the number 1.1; expected {VERSION}; put it in "quotes"',
        ),
        (GIT | {"version": "-x"}, f".version is -x; expected {VERSION}; {SET}"),
        (GIT | {"subdirectory": "../x"}, f".subdirectory is ../x; expected {INSIDE}; {SET}"),
        (
            GIT | {"branch": "main"},
            ".branch is not a key of the type git; "
            "expected type, url, version, subdirectory, exclude, include; remove it",
        ),
        ({"type": "path"}, f".path is not set; expected {LOCAL}; {SET}"),
        ({"type": "path", "path": "app"}, f".path is app; expected {LOCAL}; {SET}"),
        (
            {"type": "path", "path": "/", "exclude": "tests"},
            f".exclude is tests; expected {PATTERNS}; {SET}",
        ),
        ({"type": "archive"}, f" is without url and path; expected one of them; {SET}"),
        (
            ARCHIVE | {"path": "/x.tgz"},
            " is set with both url and path; expected one of them; remove one",
        ),
        (
            {"type": "archive", "url": "https://example.com/x.tgz"},
            f".checksum is not set; expected {CHECKSUM}; {SET}",
        ),
        (ARCHIVE | {"checksum": "abc"}, f".checksum is abc; expected {CHECKSUM}; {SET}"),
        (
            {"type": "package", "name": "shop"},
            f'.version is not set; expected one exact version, quoted, such as "1.4.0"; {SET}',
        ),
        (
            PACKAGE | {"version": "1.*"},
            f'.version is 1.*; expected one exact version, quoted, such as "1.4.0"; {SET}',
        ),
        (PACKAGE | {"index": "pip"}, f".index is pip; expected the URL of a package index; {SET}"),
        (
            PACKAGE | {"find_links": "wheels"},
            f".find_links is wheels; expected a URL, or an absolute path on the host; {SET}",
        ),
    ],
)
def test_source_refuses(value: object, rest: str) -> None:
    assert lines(value) == [f"app_source{rest}"]


@pytest.mark.parametrize(
    "version",
    [
        *("shop@1.4.0", "release/1.4", "v1.4.0+build", "@scope/shop@1.0", "#12", "v1", "größer"),
        *("1.4.0-rc.1", "feature/a,b", "main", "a" * 40, "x@y", "v1!", "it's", "a=b", "50%"),
    ],
)
def test_source_takes_every_name_that_git_takes(version: str) -> None:
    accepted(GIT | {"version": version})
    ref = subprocess.run(["git", "check-ref-format", f"refs/tags/{version}"], check=False)
    assert ref.returncode == 0


@pytest.mark.parametrize(
    "version",
    [
        *("a..b", "a b", "a~1", "a^", "a:b", "a?", "a*", "a[b", "a\\b", "/a", "a/", "a//b", "a."),
        *(".a", "a/.b", "a.lock", "a.lock/b", "a@{1}", "a\tb", "a\x7f", "a\nb"),
    ],
)
def test_source_refuses_every_name_that_git_refuses(version: str) -> None:
    [line] = lines(GIT | {"version": version})
    assert "app_source.version is " in line
    assert f"; expected {VERSION}" in line
    ref = subprocess.run(["git", "check-ref-format", f"refs/tags/{version}"], check=False)
    assert ref.returncode != 0


@pytest.mark.parametrize("version", ["@", "-x", "a" * 201])
def test_source_refuses_names_that_git_would_take_for_something_else(version: str) -> None:
    [line] = lines(GIT | {"version": version})
    assert f"; expected {VERSION}" in line


@pytest.mark.parametrize("key", ["exclude", "include"])
@pytest.mark.parametrize("pattern", ["foo[", "a\\", "!", "[z-a]"])
def test_source_refuses_what_is_no_pattern(key: str, pattern: str) -> None:
    [line] = lines(GIT | {key: ["tests/", pattern]})
    assert line.startswith(f"app_source.{key} is ")
    assert f"{pattern} is no pattern of .gitignore" in line


def test_source_says_how_the_library_of_patterns_is_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "pathspec", None)
    accepted(GIT)
    [line] = lines(GIT | {"exclude": ["tests/"]})
    assert line.startswith('app_source.exclude is ["tests/"]; expected a list of patterns')
    assert "`pip install pathspec` or `apt install python3-pathspec`" in line


def test_source_subdirectory_is_a_folder_of_the_path(tmp_path: Path) -> None:
    (tmp_path / "backend").mkdir()
    path = {"type": "path", "path": str(tmp_path)}
    assert lines(path | {"subdirectory": "backend"}) == []
    assert lines(path | {"subdirectory": "frontend"}) == [
        f"app_source.subdirectory is frontend; expected a folder of {tmp_path}; {SET}"
    ]


def test_source_message_hides_the_credentials_of_a_url() -> None:
    [line] = lines(GIT | {"url": "https://user:s3cret@git.example.com/a b"})
    assert "s3cret" not in line
    assert "https://***@git.example.com/a b" in line


COMMIT = "0123456789abcdef0123456789abcdef01234567"
SECURE = "https, or another transport that encrypts and knows the server"


@pytest.mark.parametrize(
    ("given", "at", "shown"),
    [
        (GIT | {"url": "http://git.example.com/shop.git"}, "url", ""),
        (GIT | {"url": "git://git.example.com/shop.git"}, "url", ""),
        (GIT | {"url": "http://git.example.com/shop.git", "version": COMMIT[:-1]}, "url", ""),
        (GIT | {"url": "http://127.0.0.1.example.com/shop.git"}, "url", ""),
        (PACKAGE | {"index": "http://pypi.example.com/simple"}, "index", ""),
        (PACKAGE | {"find_links": "http://10.0.0.1/wheels"}, "find_links", ""),
        (
            PACKAGE | {"index": "http://ada:s3cret@pypi.example.com/simple"},
            "index",
            "http://***@pypi.example.com/simple",
        ),
    ],
)
def test_source_that_anybody_on_the_way_could_change_is_refused(
    given: dict[str, str], at: str, shown: str
) -> None:
    [line] = lines(given)
    assert line.startswith(f"app_source.{at} is {shown or given[at]}; expected {SECURE}")
    assert "use https" in line
    assert "s3cret" not in line


@pytest.mark.parametrize(
    "given",
    [
        GIT | {"url": "http://git.example.com/shop.git", "version": COMMIT},
        GIT | {"url": "git://git.example.com/shop.git", "version": COMMIT},
        GIT | {"url": "ssh://git@git.example.com/shop.git"},
        GIT | {"url": "http://localhost:3000/shop.git"},
        GIT | {"url": "http://[::1]/shop.git"},
        ARCHIVE | {"url": "http://example.com/shop.tar.gz"},
        PACKAGE | {"index": "http://127.0.0.1:3141/simple"},
        PACKAGE | {"find_links": "file:///srv/wheels"},
    ],
)
def test_source_that_is_pinned_or_local_may_come_unencrypted(given: dict[str, str]) -> None:
    accepted(given)
